// SPDX-License-Identifier: GPL-2.0-or-later
//
// An overlay of the tree: a directory that looks like the prepared tree, but in which patches can be
// applied. The tree itself never changes, so runs do not disturb each other and a run that dies
// leaves nothing.
//
//     auto overlay = Overlay::make(tree, folder, files);  // symbolic links into the tree
//     auto applied = patches.apply(overlay->folder(), scratch, &findings);  // to copies
//     auto compiled = kbuild.compile(unit, overlay->folder());
//
// Directories that hold a patched file or an object to be built are real, everything else is a
// symbolic link. A link has a catch: `../x.h` from inside a linked directory leads back into the
// tree, to the file as it was. So after a compile the files that were read are checked, and
// directories are made real until no compile sees both kinds.
//
// Invariant: a compile that check() passed has read the patched files as patched.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "matcher/base/result.h"
#include "splice-cc/build/unit.h"
#include "splice-cc/source/tree.h"

namespace splicer {

class Overlay {
 public:
  // `files`: those that will be patched. Costs one link for each entry of the directories on the way
  // to them. Errors: "scratch-unwritable".
  static Result<Overlay> make(const Tree& tree, const std::filesystem::path& folder,
                              const std::set<std::string>& files);
  const std::filesystem::path& folder() const { return folder_; }

  // Makes a directory real, so that files can be written into it. Errors: "scratch-unwritable".
  Result<void> open_folder(const std::string& path);
  // True when the files that were read are right; otherwise directories were made real, and the compile
  // must be run again. Errors: "patched-file-linked".
  Result<bool> check(const std::vector<std::string>& read);

 private:
  Overlay(std::filesystem::path source, std::filesystem::path folder, std::set<std::string> files)
      : source_(std::move(source)), folder_(std::move(folder)), files_(std::move(files)) {}
  std::filesystem::path source_;
  std::filesystem::path folder_;
  std::set<std::string> files_;
};

}  // namespace splicer
