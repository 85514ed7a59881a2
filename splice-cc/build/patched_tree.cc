// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/build/patched_tree.h"

#include <fmt/core.h>

#include <algorithm>
#include <regex>

#include "matcher/base/file.h"
#include "matcher/base/parallel.h"
#include "splice-cc/build/pinned_lines.h"

namespace splicer {

namespace fs = std::filesystem;

namespace {

bool is_c(const std::string& file) { return file.ends_with(".c") || file.ends_with(".h"); }

// "<linux/splice.h>" is the kernel's own, and another file. The others are for patches that were written for
// kpatch and klp-build.
bool includes_hooks(const std::string& text) {
  static const std::regex include(
      R"re(^[ \t]*#[ \t]*include[ \t]*[<"](splice|kpatch-(macros|syscall|shadow)|linux/livepatch_helpers)\.h[>"])re",
      std::regex::multiline);
  return std::regex_search(text, include);
}

// Calls the step for all, `jobs` at a time.
Result<void> run_all(const std::vector<Unit>& units, unsigned jobs,
                     const std::function<Result<void>(const Unit&)>& step) {
  std::vector<Result<void>> results(units.size());
  for_each_in_threads(units.size(), jobs, [&](std::size_t i) { results[i] = step(units[i]); });
  for (Result<void>& result : results)
    if (!result) return std::move(result);
  return {};
}

}  // namespace

Result<PatchedTree> PatchedTree::make(const Kbuild& kbuild,
                                      const std::vector<const PatchSet*>& patches,
                                      const fs::path& folder, std::vector<Finding>* findings) {
  std::set<std::string> files;
  for (const PatchSet* set : patches) files.merge(set->files());
  auto overlay = Overlay::make(kbuild.tree(), folder, files);
  if (!overlay) return propagate(overlay);
  for (const PatchSet* set : patches)
    if (auto applied = set->apply(folder, folder.parent_path(), findings); !applied)
      return propagate(applied);
  PatchedTree tree(kbuild, std::move(*overlay), std::move(files));
  for (const std::string& file : tree.files_) {
    auto text = read_text(folder / file);
    if (!text) continue;  // a file that a patch removes
    if (is_c(file) && includes_hooks(*text)) tree.find_hooks_ = true;
    tree.texts_[file] = std::move(*text);
  }
  if (auto pinned = tree.pin_lines(); !pinned) return propagate(pinned);
  return tree;
}

Result<void> PatchedTree::pin_lines() const {
  const fs::path& source = kbuild_->tree().source;
  for (const auto& [file, text] : texts_) {
    if (!is_c(file) || !fs::exists(source / file)) continue;
    auto changes = changed_lines(source / file, folder() / file);
    if (!changes) return propagate(changes);
    if (auto written = write_file(folder() / file, with_pinned_lines(text, *changes)); !written)
      return written;
  }
  return {};
}

Result<void> PatchedTree::release_lines() const {
  for (const auto& [file, text] : texts_)
    if (auto written = write_file(folder() / file, text); !written) return written;
  return {};
}

// Calls `step` for each unit: it makes folder()/NAME with that extension, and leaves a dependency
// file. Called again for a unit that did not see the patched files.
Result<void> PatchedTree::run(std::vector<Unit> units, const char* extension, unsigned jobs,
                              const Step& step) {
  for (const Unit& unit : units)
    if (auto opened = overlay_.open_folder(fs::path(unit.goal).parent_path().string()); !opened)
      return opened;
  // Each round that is not right makes directories real, of which there are finitely many.
  while (!units.empty()) {
    if (auto done = run_all(units, jobs, step); !done) return done;
    std::vector<Unit> again;
    for (const Unit& unit : units) {
      const fs::path product = object(unit).replace_extension(extension);
      auto right = overlay_.check(Kbuild::dependencies_in(product));
      if (!right) return propagate(right);
      if (!*right) again.push_back(unit);
    }
    units = std::move(again);
  }
  return {};
}

Result<void> PatchedTree::compile(const std::vector<Unit>& units, unsigned jobs,
                                  std::vector<std::string>* warnings) {
  const auto step = [this](const Unit& unit) {
    return kbuild_->compile(unit, folder(), find_hooks_);
  };
  if (run(units, ".o", jobs, step)) return {};
  if (auto released = release_lines(); !released) return released;
  if (auto compiled = run(units, ".o", jobs, step); !compiled) return compiled;
  warnings->push_back("line numbers could not be pinned: more functions may be replaced");
  return {};
}

Result<void> PatchedTree::preprocess(const std::vector<Unit>& units, const fs::path& commands,
                                     unsigned jobs) {
  return run(units, ".i", jobs,
             [&](const Unit& unit) { return kbuild_->preprocess(unit, commands, folder()); });
}

std::optional<std::string> PatchedTree::text(const std::string& file) const {
  if (files_.contains(file)) {
    const auto known = texts_.find(file);
    return known == texts_.end() ? std::nullopt : std::optional(known->second);
  }
  auto text = read_text(kbuild_->tree().source / file);
  return text ? std::optional(std::move(*text)) : std::nullopt;
}

}  // namespace splicer
