// SPDX-License-Identifier: GPL-2.0-or-later
//
// Accounts: what is in one version of the objects only, explained or a finding.
//
// The differ looks at pairs, and a variable that is renamed is no pair: pre has one that post lacks,
// post one that is new, and new code would start with a fresh copy of something that lives.
//
//     static LIST_HEAD(formats);   ->   static LIST_HEAD(binary_formats);
//     state-gone:formats           search_binary_handler used it, and now uses binary_formats
//
// A variable that goes and has no successor is harmless, and so is one that comes in addition. So
// the two are held together by the functions that use them: what a replaced function used before,
// with the functions that are gone with it, against what it uses now, with those that are new. The
// same name in another unit, or as another kind of variable, is a successor too.
//
// Invariant: a writable variable of the pre objects that replaced code used is in the new code the
// kernel's own, or unused, or a finding.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "splice-cc/diff/changed_unit.h"
#include "splice-cc/findings/findings.h"

namespace splicer {

// Findings: "state-gone", "state-moved". Reads the references of all code that is replaced; diffs must
// be made.
std::vector<Finding> account_for_variables(std::span<const ChangedUnit> units);

// Global functions that are new and that nothing in the update calls: they are left out.
std::vector<std::string> left_out_functions(const ChangedUnit& unit);

// Variables, by their names in the source, that the new code of a unit refers to.
std::set<std::string> variables_of_new_code(const ChangedUnit& unit);

}  // namespace splicer
