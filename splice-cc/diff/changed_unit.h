// SPDX-License-Identifier: GPL-2.0-or-later
//
// A unit that the patch reaches, and all that is found out about it, pass by pass.
//
//     unit           build/unit_list.h    what it is
//     pre, post      build/patched_tree.h its two objects
//     pair, diff     compare_unit()       what differs between them
//     reading        semantics/check.h    what Clang says of both sources
//
// Invariant: `diff` was made from `pair` for `wanted`, and `pair` from the two objects.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "splice-cc/diff/unit_diff.h"

namespace splicer {

struct UnitReading;  // semantics/check.h

struct ChangedUnit {
  Unit unit;
  std::filesystem::path pre;
  std::filesystem::path post;
  std::unique_ptr<UnitPair> pair;
  std::set<std::string> wanted;  // new global names of it that other units need
  std::optional<UnitDiff> diff;
  std::shared_ptr<UnitReading> reading;
};

// Takes both objects apart, if that is not done yet. Errors: those of UnitPair::open().
Result<void> open_pair(ChangedUnit& unit);

// Makes the diff if there is none for what is wanted now. `wanted`: new global names that any unit
// needs. Costs a comparison of all that the objects hold. Errors: those of open_pair().
Result<void> compare_unit(ChangedUnit& unit, const std::set<std::string>& wanted);

// Global names that included atoms of the unit need, and that the pre object does not know.
std::set<std::string> new_names_needed(const UnitPair& pair, const UnitDiff& diff);
// New global names that the post object defines.
std::set<std::string> new_names_defined(const UnitPair& pair);

}  // namespace splicer
