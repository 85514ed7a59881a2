// SPDX-License-Identifier: GPL-2.0-or-later
//
// The package with the kernel's source of one version, which need not be the running kernel's: its tarball and its
// changelog.
//
//     find_source_package("6.1.187-1", {cache, "/", fetch})
//         cache/packages/linux-source-6.1_6.1.187-1/usr/src/linux-source-6.1.tar.xz
//
// It is looked for in the cache, and then where packages are installed; with `fetch`, apt brings it into the
// cache, where it is unpacked and not installed. apt checks the archive's signature.
//
// Invariant: what is returned is of that version, by the first line of its changelog; a folder in the cache has its
// name only when it is whole. Cost: to fetch one, 140 MB.
#pragma once

#include <filesystem>
#include <string>

#include "matcher/base/console.h"
#include "matcher/base/result.h"

namespace splicer {

struct SourcePackage {
  std::string version;
  std::filesystem::path tarball;
  std::string changelog;  // its text
};

struct SourcePackageOptions {
  std::filesystem::path cache;  // of splice-create
  std::filesystem::path root;   // where packages are installed, or unpacked
  bool fetch = false;
};

// Errors: "usage", if it is no version; "release-source-missing", with the command that brings it;
// "release-fetch"; "compressed-malformed", "file-unreadable".
Result<SourcePackage> find_source_package(const std::string& version,
                                          const SourcePackageOptions& options,
                                          const Console& console);

}  // namespace splicer
