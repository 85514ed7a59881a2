// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/readable_files.h"

#include <llvm/Support/VirtualFileSystem.h>

#include <algorithm>
#include <string>

namespace splicer {

namespace fs = std::filesystem;

namespace {

class ReadableFiles : public llvm::vfs::ProxyFileSystem {
 public:
  explicit ReadableFiles(const std::vector<fs::path>& folders)
      : ProxyFileSystem(llvm::vfs::createPhysicalFileSystem()) {
    for (const fs::path& folder : folders) {
      std::error_code code;
      const fs::path real = fs::canonical(folder, code);
      if (!code) folders_.push_back(real.string() + "/");
    }
  }

  llvm::ErrorOr<llvm::vfs::Status> status(const llvm::Twine& path) override {
    if (const std::error_code refused = check(path)) return refused;
    return ProxyFileSystem::status(path);
  }

  llvm::ErrorOr<std::unique_ptr<llvm::vfs::File>> openFileForRead(
      const llvm::Twine& path) override {
    if (const std::error_code refused = check(path)) return refused;
    return ProxyFileSystem::openFileForRead(path);
  }

 private:
  // Directories are looked up on the way to a file, and tell nothing.
  std::error_code check(const llvm::Twine& path) {
    llvm::SmallString<256> real;
    if (const std::error_code missing = getRealPath(path, real)) return missing;
    auto about = ProxyFileSystem::status(path);
    if (!about) return about.getError();
    if (about->isDirectory()) return {};
    const std::string place = real.str().str();
    const bool inside = std::ranges::any_of(
        folders_, [&](const std::string& folder) { return place.starts_with(folder); });
    return inside && about->isRegularFile() ? std::error_code()
                                            : std::make_error_code(std::errc::permission_denied);
  }

  std::vector<std::string> folders_;  // resolved, with a slash at the end
};

}  // namespace

llvm::IntrusiveRefCntPtr<llvm::vfs::FileSystem> readable_files(
    const std::vector<fs::path>& folders) {
  return {new ReadableFiles(folders)};
}

}  // namespace splicer
