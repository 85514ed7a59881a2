// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a condition says about the value that it asks for, so that "if (!mutex_trylock(&l))" is the
// branch on which the lock was not taken.
//
//     !x, x == 0, x >= 0                 taken when x is zero
//     x != 0, x < 0, likely(x), IS_ERR(x)   taken when it is not
//     (x = call())                       a branch on call()
//
// Invariant: `value` is never null for a condition that is there.
#pragma once

namespace clang {
class ASTContext;
class Expr;
}  // namespace clang

namespace splicer {

// A branch that is taken when a value is nonzero, or when it is zero.
struct Branch {
  const clang::Expr* value = nullptr;
  bool when_nonzero = true;
};

Branch branch_on(const clang::Expr* condition, clang::ASTContext& context);

}  // namespace splicer
