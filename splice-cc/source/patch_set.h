// SPDX-License-Identifier: GPL-2.0-or-later
//
// Patches in the order in which they are applied.
//
//     auto patches = PatchSet::load({"0001-fix.patch", "0002-more.patch"}, tree.source);
//     auto files = patches->files();  // what they change, relative to the tree
//     auto applied = patches->apply(directory, scratch, &findings);  // fuzz is a finding
//
// Applying is left to patch(1), which has seen every kind of diff; here a patch is only taken apart
// into its files (patch_parser.h), to know what it touches and to leave out what no kernel is built
// from (tree_layout.h). patch(1) chooses by rules of its own between the two names in a header; so
// it gets headers that we write.
//
// Invariant: nothing outside the directory is ever touched, and patch(1) changes the files that
// files() names and no others.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "matcher/base/result.h"
#include "splice-cc/findings/findings.h"
#include "splice-cc/source/patch_parser.h"

namespace splicer {

class PatchSet {
 public:
  PatchSet() = default;
  explicit PatchSet(std::vector<Patch> patches) : patches_(std::move(patches)) {}
  // `source`: the tree that the paths are looked up in, to tell -p0 from -p1.
  // Errors: "patch-unreadable", "patch-malformed", "patch-path", "patch-binary",
  // "patch-rename".
  static Result<PatchSet> load(const std::vector<std::string>& paths,
                               const std::filesystem::path& source);

  const std::vector<Patch>& patches() const { return patches_; }
  // What no running kernel can follow. Errors: "build-rules-changed", the first of build_rules().
  Result<void> check_files() const;
  // Files that say how a kernel is built or linked.
  std::set<std::string> build_rules() const;
  // Kernel source files that they change.
  std::set<std::string> files() const;
  // What they say of how a kernel is configured, which the running one has behind it: left out.
  std::set<std::string> configuration() const;
  // Applies all of them in `folder`, with a file of its own in `scratch`. A hunk that patch(1) places
  // by a part of its context, or far away from where it says, is a finding: "patch-misplaced".
  // Errors: "patch-does-not-apply".
  Result<void> apply(const std::filesystem::path& folder, const std::filesystem::path& scratch,
                     std::vector<Finding>* findings) const;

 private:
  std::vector<Patch> patches_;
};

}  // namespace splicer
