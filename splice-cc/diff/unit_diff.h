// SPDX-License-Identifier: GPL-2.0-or-later
//
// Pre-post differencing: which functions a patch really changes, and what the new code is made of.
//
// Two atoms are compared in two halves, as lld's identical code folding does: the constant part
// (the bytes outside relocations, the entries of special sections), and what the relocations mean.
// A reference to a twin with a name is equal whatever the twin holds, for it is the same thing in
// memory; a reference to a string, a constant, an out-of-line part or the middle of a function is
// equal only if its content is, for the new code brings its own.
//
//     const auto pair = UnitPair::open(built);
//     UnitDiff diff = diff_unit(**pair, {});
//     diff.replaced      // functions that must be replaced, and why
//     diff.included      // post atoms that the new code is made of
//
// Invariant: a function that is not replaced behaves in the kernel as the post object's would; data
// that lives in the kernel is never copied. What cannot be so is a finding, by name.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "splice-cc/diff/unit_pair.h"
#include "splice-cc/diff/values.h"
#include "splice-cc/findings/findings.h"

namespace splicer {

struct ReplacedFunction {
  std::string name;
  std::uint32_t pre_symbol = 0;
  std::uint32_t post_symbol = 0;
  std::string why;
};

// Code of the patch's own for the moment when it is applied or undone (include/splice.h).
struct UnitHook {
  std::string kind;               // one of kHookKinds
  std::uint32_t post_symbol = 0;  // the function
};

// Code that ran when the kernel or the module came up, and is gone.
struct InitChange {
  std::string name;
  std::set<std::string> gained;  // what it refers to with the patch, and did not before
};

struct UnitDiff {
  std::vector<ReplacedFunction> replaced;
  // Out-of-line parts of replaced functions (foo.cold) in the pre object: code that a thread may be
  // in, though nothing jumps to it any more.
  std::vector<std::uint32_t> checked;
  std::vector<UnitHook> hooks;       // in the order of the file
  std::set<std::uint32_t> included;  // post atoms
  std::vector<std::string> added;    // new functions and variables among them
  std::vector<InitChange> init_changes;
  std::vector<UnitValue> values;         // to be written in place, if that may be
  std::vector<std::string> described;    // variables that only the tracer of system calls prints
  std::vector<std::string> exported;     // symbols that the patch exports and that were not
  std::vector<InitChange> exit_changes;  // code that undoes what init code did
  std::vector<Finding> findings;
};

// Findings: "data-size-changed", "initial-value-changed", "readonly-data-changed",
// "function-table-changed", "special-section-changed", "static-local-ambiguous"; and, which nobody
// can accept, "unknown-special-section", "code-outside-functions", "hook-unusable".
// `wanted`: new global names that other units need from this one. Costs a comparison of all that the
// two objects hold.
UnitDiff diff_unit(const UnitPair& unit, const std::set<std::string>& wanted);

}  // namespace splicer
