// SPDX-License-Identifier: GPL-2.0-or-later
//
// The files that Clang may read when it parses a patched source in this process.
//
//     #ifdef __clang__
//     #include "/root/.ssh/id_rsa"      gcc never sees it, and this file system has no such file
//     #include "/dev/zero"              nor that
//     #endif
//
// Invariant: what can be opened is a regular file in one of the folders, wherever links lead.
#pragma once

#include <filesystem>
#include <vector>

namespace llvm {
template <typename T>
class IntrusiveRefCntPtr;
namespace vfs {
class FileSystem;
}
}  // namespace llvm

namespace splicer {

// The real file system, but for what is in none of the folders. Costs a resolution of links for each
// file that is opened.
llvm::IntrusiveRefCntPtr<llvm::vfs::FileSystem> readable_files(
    const std::vector<std::filesystem::path>& folders);

}  // namespace splicer
