// SPDX-License-Identifier: GPL-2.0-or-later
//
// How a function computes with what outlives it: by which amounts it counts up and down, what it adds to a
// number before it stores it and takes off when it reads it, in which order it walks a tree, and by which
// names it makes and finds things.
//
//     msq->q_cbytes += msgsz + sizeof(*msg)     up["struct msg_queue.q_cbytes"]: "(? + 48)"
//     dec_rlimit_ucounts(u, type, bytes)        down["dec_rlimit_ucounts"], with what bytes was set to
//     ctx->id = ida_get() + 1;  put(ctx->id - 1)  stored "+1", read "-1"
//     test_bit(group - 1, nlk->groups)          tested "-1"
//     if (a->key < b->key) p = &n->rb_left      orders "struct x.key < struct y.key"
//     sysfs_remove_link(kobj, "driver")         names "driver"
//
// A value whose origin is not known is "?", so that the texts say how something is computed and not what it
// is called; a local variable that is set once stands for what it is set to.
//
// Invariant: the same text in two versions of a file gives the same uses, wherever it stands.
// Cost: a walk over the body, and one for each local variable that an amount is made of.
#pragma once

#include <set>
#include <string>

#include "splice-cc/semantics/text_sets.h"

namespace clang {
class ASTContext;
class FunctionDecl;
}  // namespace clang

namespace splicer {

struct ArithmeticUses {
  using Texts = TextsByPlace;
  Texts up, down;      // amounts
  Texts begins;        // what a count is set to
  Texts stored, read;  // constants that are added: "+1", "-1"
  Texts set, tested;   // the same of a bit's number, "+0" where none is added
  std::set<std::string> orders;
  std::set<std::string> names;
};
// All that it has by place.
inline constexpr ArithmeticUses::Texts ArithmeticUses::*kArithmeticTexts[] = {
    &ArithmeticUses::up,   &ArithmeticUses::down, &ArithmeticUses::begins, &ArithmeticUses::stored,
    &ArithmeticUses::read, &ArithmeticUses::set,  &ArithmeticUses::tested};

// Reads one function that has a body.
ArithmeticUses read_arithmetic_uses(clang::ASTContext& context,
                                    const clang::FunctionDecl& function);

}  // namespace splicer
