// SPDX-License-Identifier: GPL-2.0-or-later
//
// The semantic check: what a patch changes that no object file shows.
//
// Only units whose code changes are looked at. Both versions are parsed by Clang at the same paths,
// in threads, and become plain facts (read_facts.h), which are compared (compare_types.h,
// compare_effects.h). What is found is refused, accepted by name, or a warning that goes into the
// package. A file that Clang cannot parse is a warning too, never a silence.
//
//     auto checked = check_units(units, {kbuild, {tree, after.folder()}, jobs}, {"CODE:NAME"});
//     checked->warnings
//
// Cost: Clang takes about a second and 10 MB for each version of a unit; a unit that was read
// before (check_layouts) is not read again.
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
#include "splice-cc/semantics/facts.h"
#include "splice-cc/semantics/findings.h"

namespace splicer {

// Where Clang finds both versions of a unit, and how many it parses at a time.
struct SourceVersions {
  const Kbuild& kbuild;                          // knows the commands
  std::array<std::filesystem::path, 2> folders;  // before and after, each of the tree's shape
  unsigned jobs;
};

// Both versions of one unit, as Clang reads them.
struct UnitReading {
  UnitFacts before;
  UnitFacts after;
  std::optional<std::string> error;  // the first that Clang found in either
};

// By name: structures that new code uses and the patch leaves as they are.
using UsedLayouts = std::map<std::string, TypeLayout>;

struct SemanticCheck {
  std::vector<Finding> accepted;
  std::vector<std::string> warnings;
  std::map<std::string, UsedLayouts> layouts;  // by target
};

// Checks the units in C with replaced functions; their diffs must be made, and their readings are
// used up. `accepted`: findings to pass over, as CODE:NAME. Errors (ExitCode::unsafe):
// "layout-changed", "enum-changed", "signature-changed", "lock-discipline", "reference-discipline";
// (ExitCode::usage) "accept-matches-nothing". Warnings: those, and "meaning-not-checked".
Result<SemanticCheck> check_units(std::span<ChangedUnit> units, const SourceVersions& versions,
                                  const std::vector<std::string>& accepted);

// Before all units are known: what the patch changes in the types that these files declare, as the
// units see it. pre must be built. Errors: "layout-changed", "enum-changed". A file that Clang
// cannot parse is not an error yet.
Result<void> check_layouts(std::span<ChangedUnit> units, const std::set<std::string>& files,
                           const SourceVersions& versions,
                           const std::vector<std::string>& accepted);

// The differ's refusal of a variable or constant, with its old and new declaration in the source;
// any other error as it is.
Failure with_declarations(ChangedUnit& unit, Error error, const SourceVersions& versions);

}  // namespace splicer
