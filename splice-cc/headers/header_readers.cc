// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/headers/header_readers.h"

#include <algorithm>

#include "splice-cc/headers/name_index.h"
#include "splice-cc/headers/name_search.h"

namespace splicer {

namespace {

constexpr const char* kTopic = "readers";

// For so many, what is kept of the whole tree is used if it is there, and not made.
constexpr std::size_t kFewReaders = 50;

std::vector<HeaderChange> changes_of(const HeaderVersions& versions) {
  std::vector<HeaderChange> changes;
  for (const std::string& header : versions.headers) {
    HeaderChange change{header, versions.old_text(header).value_or(""),
                        versions.after.text(header).value_or("")};
    if (changes_code(change)) changes.push_back(std::move(change));
  }
  return changes;
}

// Of all that is compiled, or of a few readers: that takes less than to make the other.
Result<NameIndex> index_for(const HeaderVersions& versions, const IncludeGraph& graph,
                            const std::set<std::string>& readers, UnitList& list) {
  const Tree& tree = versions.kbuild.tree();
  if (auto kept = NameIndex::kept(tree)) return std::move(*kept);
  if (readers.size() <= kFewReaders) return NameIndex::make(tree, graph, readers, versions.jobs);
  auto sources = list.sources(versions.jobs);
  if (!sources) return propagate(sources);
  auto index = NameIndex::make(tree, graph, *sources, versions.jobs);
  if (!index) return propagate(index);
  if (auto kept = index->keep(tree); !kept) return propagate(kept);
  return index;
}

// Those of the readers that mention what changes.
Result<std::set<std::string>> mentioning(const HeaderVersions& versions, const IncludeGraph& graph,
                                         const std::set<std::string>& readers, UnitList& list) {
  const std::vector<HeaderChange> changes = changes_of(versions);
  if (changes.empty()) return std::set<std::string>();
  auto index = index_for(versions, graph, readers, list);
  if (!index) return propagate(index);
  return search_by_name(
      {*index, graph, [&](const std::string& path) { return versions.old_text(path); },
       versions.before != nullptr ? versions.before->files() : std::set<std::string>(),
       versions.jobs},
      changes, readers);
}

}  // namespace

Result<std::set<std::string>> possible_readers(const HeaderVersions& versions, IncludeGraph& graph,
                                               UnitList& list) {
  for (const PatchedTree* tree : {static_cast<const PatchedTree*>(versions.before),
                                  static_cast<const PatchedTree*>(&versions.after)}) {
    if (tree == nullptr) continue;
    for (const std::string& file : tree->files())
      if (const auto text = tree->text(file)) graph.add_version(file, *text);
  }
  std::set<std::string> possible;
  std::vector<std::string> reached = graph.reached_from(versions.headers);
  if (reached.size() <= kFewReaders && !list.has_sources()) {
    for (std::string& path : reached) {
      auto unit = list.find(path);
      if (!unit) return propagate(unit);
      if (*unit) possible.insert(std::move(path));
    }
    return possible;
  }
  auto sources = list.sources(versions.jobs);
  if (!sources) return propagate(sources);
  for (std::string& path : reached)
    if (sources->contains(path)) possible.insert(std::move(path));
  return possible;
}

namespace {

// Whether a header is really read does not matter where nothing that may read it mentions a change.
void add_headers_without_use(const IncludeGraph& graph, const std::set<std::string>& headers,
                             const std::set<std::string>& possible,
                             const std::set<std::string>& named, std::set<std::string>& read) {
  for (const std::string& header : headers) {
    if (read.contains(header)) continue;
    const std::vector<std::string> readers = graph.reached_from({header});
    const auto any_of = [&](const std::set<std::string>& sources) {
      return std::ranges::any_of(
          readers, [&](const std::string& reader) { return sources.contains(reader); });
    };
    if (any_of(possible) && !any_of(named)) read.insert(header);
  }
}

}  // namespace

Result<Affected> find_readers(const HeaderVersions& versions, const IncludeGraph& graph,
                              const std::set<std::string>& possible, UnitList& list,
                              std::set<std::string> known, const Console& console) {
  auto mentioned = mentioning(versions, graph, possible, list);
  if (!mentioned) return propagate(mentioned);
  const std::set<std::string>& named = *mentioned;
  console.detail("{} files may include what is patched, {} mention what changes", possible.size(),
                 named.size());
  for (const std::string& source : possible)
    console.debug(kTopic, "{} {}", source,
                  named.contains(source) ? "mentions what changes"
                                         : "may include it, but mentions nothing that changes");
  std::vector<Unit> candidates;
  for (const std::string& source : named) {
    auto unit = list.find(source);
    if (!unit) return propagate(unit);
    if (*unit && known.insert((*unit)->name).second) candidates.push_back(**unit);
    if (!*unit) console.debug(kTopic, "{} is not built in this configuration", source);
  }
  auto affected = affected_units(versions, candidates);
  if (!affected) return propagate(affected);
  add_headers_without_use(graph, versions.headers, possible, named, affected->read);
  for (const Unit& unit : affected->readers) console.debug(kTopic, "{} includes it", unit.source);
  for (const Unit& unit : affected->units) {
    console.debug(kTopic, "{} uses what changes", unit.source);
    console.detail("{} uses what changed in them", unit.source);
  }
  return affected;
}

}  // namespace splicer
