// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/headers/header_readers.h"

#include <fmt/core.h>

#include <optional>

#include "splice-cc/build/patched_tree.h"
#include "splice-cc/diff/unit_diff.h"
#include "splice-cc/headers/include_graph.h"
#include "splice-cc/headers/name_search.h"
#include "splice-cc/semantics/check.h"

namespace splicer {

namespace fs = std::filesystem;

namespace {

// To parse a patched file in both versions takes as long as to read about so many others.
constexpr std::size_t kFilesInAParse = 100;

std::optional<std::string> text_in(const fs::path& folder, const std::string& file) {
  auto text = read_text(folder / file);
  if (!text) return std::nullopt;
  return std::move(*text);
}

// The tree as it is and as patched, with the lines as people count them.
struct Versions {
  fs::path before;
  fs::path after;
};

Result<Versions> make_versions(const Creation& creation) {
  Versions versions;
  std::vector<std::string> unheard;  // whoever compiles says it again
  const auto make = [&](const std::vector<PatchSet>& patches,
                        const char* name) -> Result<fs::path> {
    auto view = PatchedView::make(*creation.kbuild, patches,
                                  creation.scratch->path() / "versions" / name, &unheard);
    if (!view) return propagate(view);
    if (auto plain = view->release_lines(); !plain) return propagate(plain);
    return view->folder();
  };
  auto after = make({creation.base, creation.patches}, "after");
  if (!after) return propagate(after);
  versions.after = *after;
  versions.before = creation.tree.source;
  if (creation.base.patches().empty()) return versions;
  auto before = make({creation.base}, "before");
  if (!before) return propagate(before);
  versions.before = *before;
  return versions;
}

// The sources among them whose code the patch changes. Not for an update on others: pre is then not
// what the running kernel's objects are, and the later passes say all of this again.
Result<std::set<std::string>> sources_with_new_code(const Creation& creation,
                                                    const std::vector<Unit>& direct,
                                                    const Versions& versions) {
  std::set<std::string> sources;
  if (!creation.base.patches().empty()) return sources;
  for (const Unit& unit : direct) {
    auto pair =
        UnitPair::open({unit, creation.kbuild->pre_object(unit), creation.post.at(unit.name)});
    if (!pair) return propagate(pair);
    auto diff = diff_unit(**pair, {});
    if (!diff)
      return with_declarations(creation, **pair, std::move(diff.error()),
                               {versions.before, versions.after});
    if (!diff->replaced.empty()) sources.insert(unit.source);
  }
  return sources;
}

// Those of the readers that mention what changes.
std::set<std::string> mentioning(const Creation& creation, const Versions& versions,
                                 const std::set<std::string>& headers, const IncludeGraph& graph,
                                 const std::set<std::string>& readers) {
  std::vector<HeaderChange> changes;
  changes.reserve(headers.size());
  for (const std::string& header : headers)
    changes.push_back({header, text_in(versions.before, header).value_or(""),
                       text_in(versions.after, header).value_or("")});
  auto named = search_by_name(
      changes, readers, graph,
      [&](const std::string& path) { return text_in(versions.before, path); },
      creation.options.jobs);
  creation.console.detail("{} files may include what is patched, {} mention what changes",
                          readers.size(), named.size());
  return named;
}

}  // namespace

Result<Affected> units_of_headers(Creation& creation, UnitList& list,
                                  const std::vector<Unit>& direct,
                                  const std::set<std::string>& headers) {
  creation.console.stage(
      "looking for files that include {}",
      headers.size() == 1 ? *headers.begin() : fmt::format("{} patched headers", headers.size()));
  auto versions = make_versions(creation);
  if (!versions) return propagate(versions);
  if (!direct.empty()) {
    if (auto built = creation.kbuild->build_pre(direct, creation.options.jobs); !built)
      return propagate(built);
    // To look at thousands of readers is for a patch that compiles.
    auto post = build_patched(*creation.kbuild, direct, {creation.base, creation.patches},
                              creation.scratch->path() / "first", creation.options.jobs,
                              &creation.warnings);
    if (!post) return propagate(post);
    creation.post = std::move(*post);
  }
  auto graph = IncludeGraph::of(creation.tree);
  if (!graph) return propagate(graph);
  const std::vector<std::string> list_of_readers = graph->reached_from(headers);
  const std::set<std::string> readers(list_of_readers.begin(), list_of_readers.end());
  if (readers.size() > kFilesInAParse * direct.size() && !direct.empty()) {
    auto files = sources_with_new_code(creation, direct, *versions);
    if (!files) return propagate(files);
    files->insert(headers.begin(), headers.end());
    if (auto same = check_layouts(creation, direct, *files, {versions->before, versions->after});
        !same)
      return propagate(same);
  }
  std::set<std::string> known;
  for (const Unit& unit : direct) known.insert(unit.name);
  std::vector<Unit> candidates;
  for (const std::string& source : mentioning(creation, *versions, headers, *graph, readers)) {
    auto unit = list.find(source);
    if (!unit) return propagate(unit);
    if (*unit && known.insert((*unit)->name).second) candidates.push_back(**unit);
  }
  auto affected =
      affected_units(*creation.kbuild, candidates, headers, creation.base, creation.patches,
                     creation.scratch->path() / "prune", creation.options.jobs);
  if (!affected) return propagate(affected);
  for (const Unit& unit : affected->units)
    creation.console.detail("{} uses what changed in them", unit.source);
  creation.console.stage("{} files include them, {} use what changed", affected->readers,
                         affected->units.size());
  return affected;
}

}  // namespace splicer
