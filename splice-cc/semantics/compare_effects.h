// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a patch changes in the locks and references that functions hold when they return, by the
// facts of both versions of a file (lock_effects.h).
//
// A thread that is inside a replaced function keeps the update from going in (kmod/stack_check.c).
// So it does no harm that a lock moves from one replaced function to another while both are called
// by a third that is replaced as well. What does harm is a count that is left behind in the world
// outside: a function that returns with a lock which it did not hold before, or lets go of one that
// others took.
//
//     net/wireless/wext-sme.c, a fix of 6.1.192: cfg80211_wext_siwgenie() returns -EINVAL between
//     wdev_lock() and wdev_unlock()             +1 on one path, where it was 0: lock imbalance
//     static void *m_start()   now also locks   +1: new, and seq_read() calls it
//     static void m_stop()     now also unlocks -1: new
//
// Invariant: equal facts have no finding.
#pragma once

#include <vector>

#include "splice-cc/findings/findings.h"
#include "splice-cc/semantics/changed_code.h"
#include "splice-cc/semantics/facts.h"

namespace splicer {

// Codes: "lock-discipline", "reference-discipline" (a warning until judge_references() has seen all
// units).
std::vector<Finding> compare_effects(const UnitFacts& pre, const UnitFacts& post,
                                     const ChangedCode& code);

}  // namespace splicer
