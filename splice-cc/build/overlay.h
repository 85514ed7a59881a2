// SPDX-License-Identifier: GPL-2.0-or-later
//
// A view of the tree: a folder that looks like the prepared tree but has patches applied. The tree
// itself never changes, so runs do not disturb each other and a run that dies leaves nothing.
//
//     auto view = View::make(tree, folder, units);     // symbolic links into the tree
//     patches.apply(view->folder(), ...);               // patched files are copies
//     kbuild.compile(unit, view->folder());
//
// Folders that hold a patched file or an object to be built are real, everything else is a symbolic
// link. A link has a catch: `../x.h` from inside a linked folder leads back into the tree, to the
// file as it was. So after a compile the files that were read are checked, and folders are made
// real until no compile sees both kinds.
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

class View {
 public:
  // `files`: those that will be patched.
  static Result<View> make(const Tree& tree, const std::filesystem::path& folder,
                           const std::set<std::string>& files);
  const std::filesystem::path& folder() const { return folder_; }

  // Makes a folder real, so that files can be written into it.
  Result<void> open_folder(const std::string& path);
  // True when the files that were read are right; otherwise folders were made real, and the compile
  // must be run again. Errors: "patched-file-linked".
  Result<bool> check(const std::vector<std::string>& read);

 private:
  View(std::filesystem::path source, std::filesystem::path folder, std::set<std::string> files)
      : source_(std::move(source)), folder_(std::move(folder)), files_(std::move(files)) {}
  std::filesystem::path source_;
  std::filesystem::path folder_;
  std::set<std::string> files_;
};

}  // namespace splicer
