// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a patch changes in the meaning of things that are alive in the running kernel, by the facts
// of both versions of a file.
//
// Types: what the old code has laid out in memory, the new code reads. A record or enumerator of
// the file (its headers included) that some function or variable of it uses must be as it was. A
// record that only grows because one inside it does is not told by itself: the inner one is.
//
// Locks and references: a thread that is inside a replaced function keeps the update from going in
// (kmod/stack_check.c). So it does no harm that a lock moves from one replaced function to another
// while both are called by a third that is replaced as well. What does harm is a count that is left
// behind in the world outside: a function that returns with a lock which it did not hold before, or
// lets go of one that others took.
//
//     static void *m_start()   now also locks       +1 at return: new, and seq_read() calls it
//     static void m_stop()     now also unlocks     -1 at return
//
// Invariant: equal facts give no finding.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "splice-cc/semantics/facts.h"
#include "splice-cc/semantics/findings.h"

namespace splicer {

// Function names without the endings that the compiler adds (.constprop.0, .cold).
struct ChangedCode {
  std::set<std::string> replaced;
  std::set<std::string> compiled;  // those that have code of their own; others are inlined
};

// Codes: "layout-changed", "enum-changed", "signature-changed", "lock-discipline",
// "reference-discipline" (a warning until judge_references() has seen all units).
std::vector<Finding> compare_meaning(const UnitFacts& pre, const UnitFacts& post,
                                     const ChangedCode& code);

// Declarations of a variable that differs, as lines "FILE:LINE: was ... is ..."; empty if it is not
// found or is the same text. `symbol` is as in the object: "table", "state.12".
std::string variable_change(const UnitFacts& pre, const UnitFacts& post, const std::string& symbol);

}  // namespace splicer
