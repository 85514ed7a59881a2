// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/headers/affected_readers.h"

#include <algorithm>
#include <optional>

#include "matcher/base/file.h"
#include "matcher/base/parallel.h"
#include "splice-cc/build/patched_tree.h"
#include "splice-cc/headers/reachable_declarations.h"

namespace splicer {

namespace fs = std::filesystem;

namespace {

// What of the preprocessed unit reaches its code; nothing if it is not there.
std::optional<std::vector<std::string>> reached(const Unit& unit, const fs::path& folder) {
  const auto text = read_text(folder / Kbuild::preprocessed(unit));
  if (!text) return std::nullopt;
  // The line markers call the source as the command does.
  const std::string source = fs::path(unit.goal).replace_extension(".c").string();
  return reachable(read_declarations(*text, source));
}

bool is_c(const Unit& unit) { return unit.source.ends_with(".c"); }

void remove_text(const Unit& unit, const fs::path& folder) {
  std::error_code code;
  fs::remove(folder / Kbuild::preprocessed(unit), code);
}

// So many at a time: each unit is some megabytes on the disk until it is compared.
constexpr std::size_t kGroup = 64;

}  // namespace

Result<Affected> affected_units(const Kbuild& kbuild, const std::vector<Unit>& candidates,
                                const std::set<std::string>& headers, const PatchSet& base,
                                const PatchSet& patches, const fs::path& folder, unsigned jobs) {
  std::vector<std::string> unheard;  // whoever compiles says it again
  const fs::path plain = folder / "plain";
  // What the running kernel is made of: the plain source, or that with the patches it has already.
  std::optional<PatchedView> before;
  if (!base.patches().empty()) {
    auto made = PatchedView::make(kbuild, {base}, folder / "before", &unheard);
    if (!made) return propagate(made);
    before.emplace(std::move(*made));
  }
  const fs::path old_place = before ? before->folder() : plain;
  auto after = PatchedView::make(kbuild, {base, patches}, folder / "after", &unheard);
  if (!after) return propagate(after);

  Affected affected;
  for (std::size_t first = 0; first < candidates.size(); first += kGroup) {
    std::vector<Unit> sources;  // of this group, those in C
    for (std::size_t i = first; i < std::min(first + kGroup, candidates.size()); ++i)
      (is_c(candidates[i]) ? sources : affected.units).push_back(candidates[i]);
    auto done = kbuild.preprocess_pre(sources, plain, jobs);
    if (!done) return propagate(done);
    std::set<std::string> names;
    for (const Unit& unit : *done) names.insert(unit.name);
    std::vector<Unit> readers;
    for (const Unit& unit : sources) {
      if (!names.contains(unit.name)) {
        affected.units.push_back(unit);
        continue;
      }
      auto files = Kbuild::preprocessed_dependencies(unit, plain);
      if (!files) return propagate(files);
      bool reads = false;
      for (const std::string& file : *files) {
        if (!headers.contains(file)) continue;
        reads = true;
        affected.read.insert(file);
      }
      if (reads) readers.push_back(unit);
    }
    affected.readers += readers.size();

    const auto preprocess = [&](const Unit& unit, const fs::path& place) {
      return kbuild.preprocess(unit, plain, place);
    };
    const bool all = (!before || before->run(readers, ".i", jobs, preprocess)) &&
                     after->run(readers, ".i", jobs, preprocess);
    std::vector<char> same(readers.size(), 0);
    for_each_in_threads(all ? readers.size() : 0, jobs, [&](std::size_t i) {
      const auto old_text = reached(readers[i], old_place);
      same[i] = old_text && old_text == reached(readers[i], after->folder()) ? 1 : 0;
    });
    for (std::size_t i = 0; i < readers.size(); ++i)
      if (same[i] == 0) affected.units.push_back(readers[i]);
    for (const Unit& unit : sources)
      for (const fs::path& place : {plain, old_place, after->folder()}) remove_text(unit, place);
  }
  return affected;
}

}  // namespace splicer
