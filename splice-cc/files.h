// SPDX-License-Identifier: GPL-2.0-or-later
//
// Files as the create side uses them: read whole, written whole, under a lock.
//
// Invariant: write_file() leaves either the old content or the new one, never a part: it writes
// beside and renames, so a run that is killed leaves nothing that the next one could mistake.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/result.h"

namespace splicer {

// Errors: "file-unreadable".
Result<std::string> read_text(const std::filesystem::path& path);
// Errors: "file-unwritable". Makes the folders above it.
Result<void> write_file(const std::filesystem::path& path, std::string_view content);

std::vector<std::string> split_lines(std::string_view text);
std::string sha256_hex(std::string_view content);

// Holds an exclusive flock(2) on a file for as long as it lives; waits for it.
class FileLock {
 public:
  static Result<FileLock> take(const std::filesystem::path& path);
  FileLock(FileLock&& other) noexcept : descriptor_(other.descriptor_) { other.descriptor_ = -1; }
  FileLock& operator=(FileLock&&) = delete;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

// A folder of its own under $TMPDIR that is gone with this object, unless keep() was called.
class ScratchFolder {
 public:
  static Result<ScratchFolder> make();
  ScratchFolder(ScratchFolder&& other) noexcept
      : path_(std::move(other.path_)), keep_(other.keep_) {
    other.path_.clear();
  }
  ScratchFolder& operator=(ScratchFolder&&) = delete;
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder();
  const std::filesystem::path& path() const { return path_; }
  void keep() { keep_ = true; }

 private:
  explicit ScratchFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
  bool keep_ = false;
};

}  // namespace splicer
