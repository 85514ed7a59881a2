// SPDX-License-Identifier: GPL-2.0-or-later
//
// Files, read whole, written whole, under a lock; directories, listed whole.
//
//     auto text = read_text(path);                            // or "file-unreadable"
//     const Contents config = read_contents(path, 1 << 20);   // or config.error, an errno
//     const Listing modules = list_directory("/sys/module");  // or modules.error, an errno
//
// Invariants: write_file() leaves either the old content or the new one, never a part: it writes
// beside and renames, so a run that is killed leaves nothing that the next one could mistake.
// Nothing here throws because of a file: not a directory that is read as a file, as streams do, and
// not a directory that cannot be read to its end, as range-for over a directory iterator does.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "matcher/base/result.h"

namespace splicer {

// A file descriptor that is closed with its owner.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int descriptor) : descriptor_(descriptor) {}
  UniqueFd(UniqueFd&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd();
  int get() const { return descriptor_; }
  explicit operator bool() const { return descriptor_ >= 0; }

 private:
  int descriptor_ = -1;
};

// What a file holds, or why it could not be read.
struct Contents {
  std::vector<std::uint8_t> bytes;
  int error = 0;  // an errno; bytes is empty then
  std::string text() const { return {bytes.begin(), bytes.end()}; }
  std::string_view view() const {  // the same, where it is
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
};

// Reads a whole file, of whatever kind: sysfs and procfs give no size beforehand. Stops with EFBIG
// once there are more than `limit` bytes. Never waits for a writer: a FIFO is opened without.
Contents read_contents(const std::filesystem::path& path, std::size_t limit = SIZE_MAX);
// The same for an open descriptor, from its present position to its end.
Contents read_contents(int descriptor, std::size_t limit = SIZE_MAX);
// One value that the kernel prints, in sysfs or procfs, without the end of its line; empty if it cannot be
// read, or has more than a page.
std::string read_attribute(const std::filesystem::path& path);

// What a directory holds, or why that could not be read to the end.
struct Listing {
  std::vector<std::filesystem::directory_entry> entries;  // sorted by path
  int error = 0;                                          // an errno; entries is empty then
};

// The entries of a directory.
Listing list_directory(const std::filesystem::path& directory);
// All entries below a directory; an entry for which `skip` is true is left out, with all below it.
// Links are listed and not followed.
Listing list_tree(const std::filesystem::path& directory,
                  const std::function<bool(const std::filesystem::directory_entry&)>& skip = {});

// A file in memory, to be given where a descriptor is wanted (memfd_create(2)); holds no descriptor
// where the kernel refuses one.
UniqueFd memory_file();

// "file-unreadable", for that errno.
Failure unreadable_file(const std::filesystem::path& path, int error);
// Errors: "file-unreadable".
Result<std::string> read_text(const std::filesystem::path& path);
// Errors: "file-unwritable". Makes the directories above it.
Result<void> write_file(const std::filesystem::path& path, std::string_view content);

std::vector<std::string> split_lines(std::string_view text);

// Holds an exclusive flock(2) on a file for as long as it lives; waits for it.
class FileLock {
 public:
  static Result<FileLock> take(const std::filesystem::path& path);

 private:
  explicit FileLock(UniqueFd descriptor) : descriptor_(std::move(descriptor)) {}
  UniqueFd descriptor_;
};

// A directory of its own under $TMPDIR that is gone with this object, unless keep() was called.
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
