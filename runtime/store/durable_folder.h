// SPDX-License-Identifier: GPL-2.0-or-later
//
// A folder whose files are whole after a power cut, and in which nobody else's files count.
//
//     auto folder = DurableFolder::open(parent, "splice");
//     auto written = folder->write("state.json", text);      // on return it is on the disk
//     auto again = folder->read("state.json", 1 << 20);      // or nothing, if there is no such file
//
// A file is written beside its place, flushed, renamed, and then the folder is flushed: whenever the
// power goes, the name leads to the whole old content or to the whole new one. What such a cut leaves is
// a file named ".NAME.part", which means nothing and goes with remove_leftovers().
//
// Everything is reached from the open folder (openat(2)) and no link is followed, so nothing that is put
// in a path's place meanwhile leads elsewhere.
//
// Invariant: a file that read() returns is a regular one, owned by who runs this (root), and writable by
// nobody else; so is the folder.
// Cost: a write waits for the disk, milliseconds to a second. No lock: callers take one (FolderLock).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "matcher/base/file.h"
#include "matcher/base/result.h"

namespace splicer {

// Who may read a file.
enum class Readers { everybody, owner };

class DurableFolder {
 public:
  // The folder `name` of `parent`, which is made if it is not there; the parent must be. Errors:
  // "store-unwritable", "store-untrusted".
  static Result<DurableFolder> open(const std::string& parent, const std::string& name);
  // Makes nothing; holds nothing if it is not there. Errors: "store-unreadable", "store-untrusted".
  static Result<std::optional<DurableFolder>> find(const std::string& parent,
                                                   const std::string& name);

  // Errors: "store-unwritable"; the old content is then still there, or both are whole.
  Result<void> write(const std::string& name, std::span<const std::uint8_t> content,
                     Readers readers = Readers::everybody) const;
  // Nothing if there is no such file. Errors: "store-unreadable", "store-untrusted".
  Result<std::optional<std::vector<std::uint8_t>>> read(const std::string& name,
                                                        std::size_t limit) const;
  // A file that is not there is removed. Errors: "store-unwritable".
  Result<void> remove(const std::string& name) const;
  // The names in it, sorted. Errors: "store-unreadable".
  Result<std::vector<std::string>> names() const;
  // What a write() that was cut short left. Errors: "store-unwritable", "store-unreadable".
  Result<void> remove_leftovers() const;

  const std::string& path() const { return path_; }
  int descriptor() const { return descriptor_.get(); }

 private:
  DurableFolder(UniqueFd descriptor, std::string path)
      : descriptor_(std::move(descriptor)), path_(std::move(path)) {}
  UniqueFd descriptor_;
  std::string path_;
};

// One command at a time: an exclusive flock(2) on the file "lock" of the folder, which only the owner may
// open, so that nobody else can keep it from him. Held for as long as this lives.
class FolderLock {
 public:
  // Does not wait. Errors: "store-busy" (ExitCode::busy), "store-unwritable".
  static Result<FolderLock> take(const DurableFolder& folder);

 private:
  explicit FolderLock(UniqueFd descriptor) : descriptor_(std::move(descriptor)) {}
  UniqueFd descriptor_;
};

}  // namespace splicer
