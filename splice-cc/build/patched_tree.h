// SPDX-License-Identifier: GPL-2.0-or-later
//
// Compiles units as they are with patches applied: in a view of the tree, with line numbers held
// steady, by the very commands that built the pre objects.
//
//     auto objects = build_patched(kbuild, units, {patches}, scratch / "post", jobs, &warnings);
//     objects->at("kernel/fork.o")
//
// Invariant: the tree is not changed, and each object was compiled from the patched files alone.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "matcher/base/result.h"
#include "splice-cc/build/kbuild.h"
#include "splice-cc/build/overlay.h"
#include "splice-cc/build/unit.h"
#include "splice-cc/source/patch_set.h"

namespace splicer {

// A view of the tree with patches applied and line numbers held steady.
class PatchedView {
 public:
  // Errors: "patch-does-not-apply".
  static Result<PatchedView> make(const Kbuild& kbuild, const std::vector<PatchSet>& patches,
                                  const std::filesystem::path& folder,
                                  std::vector<std::string>* warnings);

  // Calls `step` for each unit, `jobs` at a time: it makes folder()/NAME with that extension, and
  // leaves a dependency file. Called again for a unit that did not see the patched files. The first
  // error in the order of units counts.
  using Step = std::function<Result<void>(const Unit& unit, const std::filesystem::path& folder)>;
  Result<void> run(std::vector<Unit> units, const char* extension, unsigned jobs, const Step& step);

  // Takes the #line directives out of the patched files.
  Result<void> release_lines() const;
  bool with_hooks() const { return with_hooks_; }  // does a patched file include splice.h?
  const std::filesystem::path& folder() const { return view_.folder(); }

 private:
  PatchedView(View view, std::map<std::string, std::string> patched, bool with_hooks)
      : view_(std::move(view)), patched_(std::move(patched)), with_hooks_(with_hooks) {}
  View view_;
  std::map<std::string, std::string> patched_;  // file -> its text without directives
  bool with_hooks_;
};

// Errors: "patch-does-not-apply", "compile-failed" with the compiler's messages and the patched
// file's own line numbers.
Result<std::map<std::string, std::filesystem::path>> build_patched(
    const Kbuild& kbuild, const std::vector<Unit>& units, const std::vector<PatchSet>& patches,
    const std::filesystem::path& folder, unsigned jobs, std::vector<std::string>* warnings);

}  // namespace splicer
