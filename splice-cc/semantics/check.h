// SPDX-License-Identifier: GPL-2.0-or-later
//
// The semantic check: what a patch changes that no object file shows.
//
// Only units whose code changes are looked at. Both versions are parsed by Clang at the same paths,
// in threads, and become plain facts (read_facts.h), which are compared (compare_types.h,
// compare_effects.h, compare_uses.h, compare_start_up.h). A file that Clang cannot parse is a
// finding too, never a silence.
//
//     auto check = check_units(units, {kbuild, {tree, after.folder()}, jobs, patched});
//     check.findings
//
// Cost: Clang takes about a second for each version of a unit, and its facts some megabytes, which
// are kept for a few units at a time; a unit that was read before (check_layouts) is not read
// again.
#pragma once

#include <array>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "runtime/package/package.h"
#include "splice-cc/build/kbuild.h"
#include "splice-cc/diff/changed_unit.h"
#include "splice-cc/findings/findings.h"
#include "splice-cc/semantics/facts.h"

namespace splicer {

// Where Clang finds both versions of a unit, and how many it parses at a time.
struct SourceVersions {
  const Kbuild& kbuild;                          // knows the commands
  std::array<std::filesystem::path, 2> folders;  // before and after, each of the tree's shape
  unsigned jobs;
  const std::set<std::string>& patched;  // files that differ
};

// Both versions of one unit, as Clang reads them.
struct UnitReading {
  UnitFacts before;
  UnitFacts after;
  std::optional<std::string> error;  // the first that Clang found in either
};

// By name: what new code uses of types and the patch leaves as it is, and what it takes functions and
// variables for that are defined elsewhere.
struct UsedNames {
  std::map<std::string, TypeLayout> layouts;
  std::map<std::string, std::int64_t> enumerators;
  std::map<std::string, std::string> declarations;  // to UsedDeclaration::type

  void merge(UsedNames other) {
    layouts.merge(other.layouts);
    enumerators.merge(other.enumerators);
    declarations.merge(other.declarations);
  }
};

struct SemanticCheck {
  std::vector<Finding> findings;
  std::map<std::string, UsedNames> used;  // by target
};

// Checks the units in C that the patch changes; their diffs must be made, and their readings are
// used up. Findings: those of compare_types(), compare_effects(), compare_uses() and
// compare_start_up(), "meaning-not-checked".
SemanticCheck check_units(std::span<ChangedUnit> units, const SourceVersions& versions);

// Before all units are known: what the patch changes in the types that these files declare, as the
// units see it. pre must be built. Findings: "layout-changed", "enum-changed". A file that Clang
// cannot parse is not a finding yet.
std::vector<Finding> check_layouts(std::span<ChangedUnit> units, const std::set<std::string>& files,
                                   const SourceVersions& versions);

// The differ's findings of a unit, but for those whose values may be written in place; Clang reads the
// unit for that, if it has any and has not been read yet.
std::vector<Finding> findings_that_stay(ChangedUnit& unit, const SourceVersions& versions);

// Gives the differ's findings of variables and constants their old and new declaration in the
// source; Clang reads the unit for that, if it has not yet.
void explain_variables(ChangedUnit& unit, std::vector<Finding>& findings,
                       const SourceVersions& versions);

}  // namespace splicer
