// SPDX-License-Identifier: GPL-2.0-or-later
//
// One version of the kernel's source, ready to compile: an overlay of the tree with patches applied
// and line numbers pinned.
//
//     auto after = PatchedTree::make(kbuild, {&base, &patches}, scratch / "after", &findings);
//     auto compiled = after->compile(units, jobs, &warnings);  // the objects: after->object(unit)
//     auto text = after->text("kernel/fork.c");  // as a person reads it, without #line directives
//
// It is made once for a version, for patch(1) and thousands of links take time: all that want this
// version compile, preprocess or read in it. Units are compiled by the commands that built the pre
// objects (build/kbuild.h), so only what the patches change can differ.
//
// Invariant: the prepared tree is not changed, and each object was compiled from the patched files
// alone.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "matcher/base/result.h"
#include "splice-cc/build/kbuild.h"
#include "splice-cc/build/overlay.h"
#include "splice-cc/build/unit.h"
#include "splice-cc/source/patch_set.h"

namespace splicer {

class PatchedTree {
 public:
  // `folder`: a directory to make. `kbuild` must outlive the tree. What patch(1) warns of is added
  // to `findings`. Errors: "patch-does-not-apply", "scratch-unwritable".
  static Result<PatchedTree> make(const Kbuild& kbuild, const std::vector<const PatchSet*>& patches,
                                  const std::filesystem::path& folder,
                                  std::vector<Finding>* findings);

  // Compiles the units, whose pre objects must be built, `jobs` at a time. If that fails, once more
  // with the lines as they are written, here and from then on: if it is the patch that does not
  // compile, the messages then have its own line numbers; and if it was a #line directive, all is
  // well but for a warning. The first error in the order of units counts. Errors: "compile-failed".
  Result<void> compile(const std::vector<Unit>& units, unsigned jobs,
                       std::vector<std::string>* warnings);
  std::filesystem::path object(const Unit& unit) const { return folder() / unit.name; }

  // Preprocesses the units by the commands that Kbuild::preprocess_pre() left in `commands`.
  // Errors: "compile-failed".
  Result<void> preprocess(const std::vector<Unit>& units, const std::filesystem::path& commands,
                          unsigned jobs);

  // A file of this version, without directives; nothing if it is not there. Any thread may ask.
  std::optional<std::string> text(const std::string& file) const;
  // Files of which this version may not be the tree's.
  const std::set<std::string>& files() const { return files_; }
  // The root: where compilers run.
  const std::filesystem::path& folder() const { return overlay_.folder(); }

 private:
  PatchedTree(const Kbuild& kbuild, Overlay overlay, std::set<std::string> files)
      : kbuild_(&kbuild), overlay_(std::move(overlay)), files_(std::move(files)) {}

  using Step = std::function<Result<void>(const Unit& unit)>;
  Result<void> pin_lines() const;
  Result<void> release_lines() const;
  Result<void> run(std::vector<Unit> units, const char* extension, unsigned jobs, const Step& step);

  const Kbuild* kbuild_;
  Overlay overlay_;
  std::set<std::string> files_;               // that patches touch
  std::map<std::string, std::string> texts_;  // of those that are there, without directives
  bool find_hooks_ = false;                   // does a patched file include splice.h?
};

}  // namespace splicer
