// SPDX-License-Identifier: GPL-2.0-or-later
//
// Members that a patch only calls otherwise: their memory is the same, so that what old and new code do
// with it must be compared under one name.
//
//     struct alarm { ...; int state; };   becomes   struct alarm { ...; int phase; };
//         "struct alarm.phase" of the new facts is "struct alarm.state" then
//
// Invariant: a member has another name afterwards only if its old name is gone from the structure, its new
// one was not there, and it is where the old one was, of the same type.
// Cost: a walk over the records; and over all facts if there is such a member.
#pragma once

#include "splice-cc/semantics/facts.h"

namespace splicer {

void follow_renamed_members(const UnitFacts& pre, UnitFacts& post);

}  // namespace splicer
