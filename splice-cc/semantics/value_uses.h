// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a function puts into memory that outlives it, and what it makes of what is there: the two halves of
// what a member means.
//
//     po->head = (po->head + 1) % po->max      stored["struct ring.head"]: "((1 + struct ring.head) % struct ring.max)"
//     return po->frames[po->head]              used["struct ring.head"]: "return struct ring.frames[struct ring.head]"
//     if (time_after(jiffies, x->expires))     used["struct x.expires"]: "if (jiffies - struct x.expires)"
//     cb->args[1] = n                          a place of its own: "struct netlink_callback.args[1]"
//     list_add(&x->node, &foo->idle)           stored["struct x.node"]: "list_add &struct foo.idle"
//                                              used["struct foo.idle"]: "list_add#1 &struct foo.idle"
//
//     request_irq(n, f, 0, name, vq)           made_by["interrupt"]: "struct virtqueue *: ?"; free_irq: found_by
//
// A value is written as value_text.h says; each side of < and > is asked for itself, as a bound is no meaning.
//
// Invariant: the same text in two versions of a file gives the same uses, wherever it stands.
// Cost: a walk over the body, and over what a local variable is set to for each time that it is used.
#pragma once

#include "splice-cc/semantics/text_sets.h"

namespace clang {
class ASTContext;
class FunctionDecl;
}  // namespace clang

namespace splicer {

struct ValueUses {
  TextsByPlace stored;
  TextsByPlace used;
  TextsByPlace made_by, found_by;  // "interrupt": keys
  bool operator==(const ValueUses&) const = default;
};

// Reads one function that has a body.
ValueUses read_value_uses(clang::ASTContext& context, const clang::FunctionDecl& function);

}  // namespace splicer
