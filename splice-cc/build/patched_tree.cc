// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/build/patched_tree.h"

#include <fmt/core.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <regex>
#include <set>

#include "matcher/base/file.h"
#include "matcher/base/parallel.h"
#include "splice-cc/build/overlay.h"
#include "splice-cc/build/pinned_lines.h"

namespace splicer {

namespace fs = std::filesystem;

namespace {

bool is_c(const std::string& file) { return file.ends_with(".c") || file.ends_with(".h"); }

Result<void> hold_steady(const fs::path& source, const fs::path& view,
                         const std::set<std::string>& files) {
  for (const std::string& file : files) {
    if (!is_c(file) || !fs::exists(source / file) || !fs::exists(view / file)) continue;
    auto changes = changed_lines(source / file, view / file);
    if (!changes) return propagate(changes);
    auto text = read_text(view / file);
    if (!text) return propagate(text);
    if (auto written = write_file(view / file, hold_lines_steady(*text, *changes)); !written)
      return written;
  }
  return {};
}

// Does a patched file want splice.h? "<linux/splice.h>" is the kernel's own and no matter of ours.
bool wants_hooks(const fs::path& view, const std::set<std::string>& files) {
  static const std::regex include(R"(^[ \t]*#[ \t]*include[ \t]*<splice\.h>)",
                                  std::regex::multiline);
  return std::any_of(files.begin(), files.end(), [&](const std::string& file) {
    const auto text = read_text(view / file);
    return is_c(file) && text && std::regex_search(*text, include);
  });
}

// Calls the step for all, as many at a time as there are jobs.
Result<void> run_all(const std::vector<Unit>& units, const fs::path& folder, unsigned jobs,
                     const PatchedView::Step& step) {
  std::vector<Result<void>> results(units.size());
  for_each_in_threads(units.size(), jobs,
                      [&](std::size_t i) { results[i] = step(units[i], folder); });
  for (Result<void>& result : results)
    if (!result) return std::move(result);
  return {};
}

}  // namespace

Result<PatchedView> PatchedView::make(const Kbuild& kbuild, const std::vector<PatchSet>& patches,
                                      const fs::path& folder, std::vector<std::string>* warnings) {
  std::set<std::string> files;
  for (const PatchSet& set : patches) files.merge(set.files());
  auto view = View::make(kbuild.tree(), folder, files);
  if (!view) return propagate(view);
  for (const PatchSet& set : patches)
    if (auto applied = set.apply(folder, folder.parent_path(), warnings); !applied)
      return propagate(applied);
  std::map<std::string, std::string> patched;
  for (const std::string& file : files)
    if (auto text = read_text(folder / file)) patched[file] = std::move(*text);
  const bool with_hooks = wants_hooks(folder, files);
  if (auto steady = hold_steady(kbuild.tree().source, folder, files); !steady)
    return propagate(steady);
  return PatchedView(std::move(*view), std::move(patched), with_hooks);
}

Result<void> PatchedView::run(std::vector<Unit> units, const char* extension, unsigned jobs,
                              const Step& step) {
  for (const Unit& unit : units)
    if (auto opened = view_.open_folder(fs::path(unit.goal).parent_path().string()); !opened)
      return opened;
  // Each round that is not right makes folders real, of which there are finitely many.
  while (!units.empty()) {
    if (auto done = run_all(units, folder(), jobs, step); !done) return done;
    std::vector<Unit> again;
    for (const Unit& unit : units) {
      const fs::path product = fs::path(folder() / unit.name).replace_extension(extension);
      auto right = view_.check(Kbuild::dependencies_in(product));
      if (!right) return propagate(right);
      if (!*right) again.push_back(unit);
    }
    units = std::move(again);
  }
  return {};
}

Result<void> PatchedView::release_lines() const {
  for (const auto& [file, text] : patched_)
    if (auto written = write_file(folder() / file, text); !written) return written;
  return {};
}

Result<std::map<std::string, fs::path>> build_patched(const Kbuild& kbuild,
                                                      const std::vector<Unit>& units,
                                                      const std::vector<PatchSet>& patches,
                                                      const fs::path& folder, unsigned jobs,
                                                      std::vector<std::string>* warnings) {
  auto view = PatchedView::make(kbuild, patches, folder, warnings);
  if (!view) return propagate(view);
  const auto compile = [&](const Unit& unit, const fs::path& place) {
    return kbuild.compile(unit, place, view->with_hooks());
  };
  auto compiled = view->run(units, ".o", jobs, compile);
  if (!compiled) {
    // Again without the #line directives: if it is the patch that does not compile, the messages
    // now have its own line numbers; and if it was a directive, all is well.
    if (auto released = view->release_lines(); !released) return propagate(released);
    compiled = view->run(units, ".o", jobs, compile);
    if (!compiled) return propagate(compiled);
    warnings->push_back("line numbers could not be held steady: more functions may be replaced");
  }
  std::map<std::string, fs::path> objects;
  for (const Unit& unit : units) objects[unit.name] = folder / unit.name;
  return objects;
}

}  // namespace splicer
