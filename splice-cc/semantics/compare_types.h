// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a patch changes in the types of things that are alive in the running kernel, by the facts of
// both versions of a file.
//
// What the old code has laid out in memory, the new code reads. A record or enumerator of the file
// (its headers included) that some function or variable of it uses must be as it was; and a
// function that is called from elsewhere, through a pointer or by a module, must have its type:
//
//     struct sock { ...; u32 sk_new; }      layout-changed: the kernel has sockets without it
//     enum { IFLA_A, IFLA_NEW, IFLA_B }     enum-changed: IFLA_B is stored with its old value
//     static int veth_xmit(skb, long dev)   signature-changed: called by net_device_ops
//
// A record that only grows because one inside it does is not reported by itself: the inner one is.
//
// Invariant: equal facts have no finding.
// Cost: linear in the facts, but for records inside of records: as deep as they are nested.
#pragma once

#include <string>
#include <vector>

#include "splice-cc/findings/findings.h"
#include "splice-cc/semantics/changed_code.h"
#include "splice-cc/semantics/facts.h"

namespace splicer {

// Findings: "layout-changed", "enum-changed", "signature-changed", "variable-type-changed".
std::vector<Finding> compare_types(const UnitFacts& pre, const UnitFacts& post,
                                   const ChangedCode& code);

// Gives a finding about a variable its place and its declarations, if they differ. Its name is as in
// the object: "table", "state.12".
void describe_variable_change(const UnitFacts& pre, const UnitFacts& post, Finding& finding);

}  // namespace splicer
