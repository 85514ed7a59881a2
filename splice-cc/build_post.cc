// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/build_post.h"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <regex>
#include <set>
#include <thread>

#include "splice-cc/files.h"
#include "splice-cc/steady_lines.h"
#include "splice-cc/view.h"

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

// Compiles all, as many at a time as there are jobs; the first error in the order of units counts.
Result<void> compile_all(const Kbuild& kbuild, const std::vector<Unit>& units, const fs::path& view,
                         bool with_hooks, unsigned jobs) {
  std::vector<Result<void>> results(units.size());
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < units.size(); i = next++)
      results[i] = kbuild.compile(units[i], view, with_hooks);
  };
  std::vector<std::jthread> threads;
  for (unsigned i = 1; i < jobs; ++i) threads.emplace_back(work);
  work();
  threads.clear();
  for (Result<void>& result : results)
    if (!result) return std::move(result);
  return {};
}

Result<void> compile_in_view(const Kbuild& kbuild, std::vector<Unit> units, View& view,
                             bool with_hooks, unsigned jobs) {
  // Each round that is not right makes folders real, of which there are finitely many.
  while (!units.empty()) {
    if (auto compiled = compile_all(kbuild, units, view.folder(), with_hooks, jobs); !compiled)
      return compiled;
    std::vector<Unit> again;
    for (const Unit& unit : units) {
      auto right = view.check(Kbuild::dependencies_in(unit, view.folder()));
      if (!right) return propagate(right);
      if (!*right) again.push_back(unit);
    }
    units = std::move(again);
  }
  return {};
}

}  // namespace

Result<std::map<std::string, fs::path>> build_patched(const Kbuild& kbuild,
                                                      const std::vector<Unit>& units,
                                                      const std::vector<PatchSet>& patches,
                                                      const fs::path& folder, unsigned jobs,
                                                      std::vector<std::string>* warnings) {
  std::set<std::string> files;
  for (const PatchSet& set : patches) files.merge(set.files());
  auto view = View::make(kbuild.tree(), folder, files);
  if (!view) return propagate(view);
  for (const Unit& unit : units)
    if (auto opened = view->open_folder(fs::path(unit.goal).parent_path().string()); !opened)
      return propagate(opened);
  for (const PatchSet& set : patches)
    if (auto applied = set.apply(folder, folder.parent_path(), warnings); !applied)
      return propagate(applied);

  std::map<std::string, std::string> patched;
  for (const std::string& file : files)
    if (auto text = read_text(folder / file)) patched[file] = std::move(*text);
  const bool with_hooks = wants_hooks(folder, files);
  if (auto steady = hold_steady(kbuild.tree().source, folder, files); !steady)
    return propagate(steady);
  auto compiled = compile_in_view(kbuild, units, *view, with_hooks, jobs);
  if (!compiled) {
    // Again without the #line directives: if it is the patch that does not compile, the messages
    // now have its own line numbers; and if it was a directive, all is well.
    for (const auto& [file, text] : patched)
      if (auto written = write_file(folder / file, text); !written) return propagate(written);
    compiled = compile_in_view(kbuild, units, *view, with_hooks, jobs);
    if (!compiled) return propagate(compiled);
    warnings->push_back("line numbers could not be held steady: more functions may be replaced");
  }
  std::map<std::string, fs::path> objects;
  for (const Unit& unit : units) objects[unit.name] = folder / unit.name;
  return objects;
}

}  // namespace splicer
