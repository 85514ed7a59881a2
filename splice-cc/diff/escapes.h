// SPDX-License-Identifier: GPL-2.0-or-later
//
// Escapes: what of an update's own memory may still be reached when it is undone.
//
//     xprt->servername = "udp";          a string of the new code's own is stored in a live object
//     timer_setup(&x->timer, new_tick, 0);   so is the address of a new function
//
// Undo gives the old code back and frees the new. An address of the update's memory that new code has
// stored in memory of the kernel's leads nowhere then. So such an update is one that keeps its memory
// (manifest: keeps): it is undone like any other, and its memory stays.
//
// An address of a new function or variable counts also if it is handed to a function, but for those
// that are known to forget it (escapes.inc). Constants and strings are handed out everywhere, to
// printk() mostly: only those that are stored or returned count. What an undo hook of the file itself
// mentions (splice.h(3)) is taken back by it.
//
// Invariant: an address of new memory that is stored by the new code, in the way that a compiler
// stores it, is found. Not seen: an address that a function of the kernel's keeps for itself, if it is
// a constant's, or in an array that the new code filled on its stack.
#pragma once

#include <string>
#include <vector>

#include "splice-cc/diff/unit_diff.h"
#include "splice-cc/diff/unit_pair.h"

namespace splicer {

// Where the unit's new code lets one out, for people. Costs decoding the new code once for each
// address that it takes.
std::vector<std::string> find_escapes(const UnitPair& unit, const UnitDiff& diff);

}  // namespace splicer
