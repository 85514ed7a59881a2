// SPDX-License-Identifier: GPL-2.0-or-later
//
// May a value be written into a variable that lives?
//
//     .fsync = noop_fsync in a file_operations     yes: it is looked up at each call
//     .open, .release                              no: files are open that only one of them has seen
//     .owner                                       no: a module would be let go that was not held
//     a netlink policy                             yes: read at each message
//     .data in a ctl_table, to a new variable      no: what was set is in the old one
//     pipe_max_size, which a sysctl sets           yes, where it still is what the kernel came up with
//     static int state = IDLE, which code writes   no: that it holds the old first value says nothing
//
// A table in place is in force at once for all that is there, and undo takes it back. So it must be
// read through a pointer at each use, and no member may be half of a pair. One that comes or goes must
// be looked for at each call. For which types and members of the kernel that holds stands in
// values_in_place.inc; that nobody in the file copies the table is seen in the objects.
//
// Invariant: without the finding gone, nothing is written that nobody has accepted.
#pragma once

#include "splice-cc/diff/unit_diff.h"
#include "splice-cc/diff/unit_pair.h"
#include "splice-cc/semantics/facts.h"

namespace splicer {

// Takes those findings out of the diff whose values may be written in place, and those defaults that
// may not be. Reads the references of the unit's code.
void permit_values(const UnitFacts& before, const UnitFacts& after, const UnitPair& pair,
                   UnitDiff& diff);

// Of a unit whose meaning is unknown: no default is written.
void forbid_defaults(UnitDiff& diff);

}  // namespace splicer
