// SPDX-License-Identifier: GPL-2.0-or-later
//
// From patched headers to the units that must be compiled, in steps that each leave fewer:
//
//     include/net/ip6_route.h
//       may be included by 1078 files      their #include lines (include_graph.h), of those that
//                                          this configuration builds (unit_list.h)
//       mention what changes: 30           names in their text (name_search.h)
//       really include it: 27              the preprocessor
//       their code uses what changes: 22   its output (affected_readers.h)
//
// Nothing is compiled here, and nothing refused.
//
// Invariant: a unit that is left out has the same code with and without the patch.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "matcher/base/console.h"
#include "splice-cc/build/unit_list.h"
#include "splice-cc/headers/affected_readers.h"
#include "splice-cc/headers/include_graph.h"

namespace splicer {

// The sources of this configuration that may include one of the headers, by #include lines alone:
// the tree's, and those of both versions. Where they may be many, the first search in a tree asks
// kbuild for all units. Errors: those of UnitList::find() and UnitList::sources().
Result<std::set<std::string>> possible_readers(const HeaderVersions& versions, IncludeGraph& graph,
                                               UnitList& list);

// Those of the possible readers that are affected; never one whose name is in `known`. With -v it
// says how many each step leaves, with --debug=readers which. Errors: those of affected_units(),
// NameIndex::make(), UnitList::find() and UnitList::sources().
Result<Affected> find_readers(const HeaderVersions& versions, const IncludeGraph& graph,
                              const std::set<std::string>& possible, UnitList& list,
                              std::set<std::string> known, const Console& console);

}  // namespace splicer
