// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/headers/header_readers.h"

#include "splice-cc/headers/name_search.h"

namespace splicer {

namespace {

constexpr const char* kTopic = "readers";

// Those of the readers that mention what changes.
std::set<std::string> mentioning(const HeaderVersions& versions, const IncludeGraph& graph,
                                 const std::set<std::string>& readers) {
  std::vector<HeaderChange> changes;
  changes.reserve(versions.headers.size());
  for (const std::string& header : versions.headers)
    changes.push_back(
        {header, versions.old_text(header).value_or(""), versions.after.text(header).value_or("")});
  return search_by_name(
      changes, readers, graph, [&](const std::string& path) { return versions.old_text(path); },
      versions.jobs);
}

}  // namespace

std::set<std::string> possible_readers(const IncludeGraph& graph,
                                       const std::set<std::string>& headers) {
  const std::vector<std::string> sources = graph.reached_from(headers);
  return {sources.begin(), sources.end()};
}

Result<Affected> find_readers(const HeaderVersions& versions, const IncludeGraph& graph,
                              const std::set<std::string>& possible, UnitList& list,
                              std::set<std::string> known, const Console& console) {
  const std::set<std::string> named = mentioning(versions, graph, possible);
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
  for (const Unit& unit : affected->readers) console.debug(kTopic, "{} includes it", unit.source);
  for (const Unit& unit : affected->units) {
    console.debug(kTopic, "{} uses what changes", unit.source);
    console.detail("{} uses what changed in them", unit.source);
  }
  return affected;
}

}  // namespace splicer
