// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a function's value is computed from: those parts of its body that reach what it returns.
//
//     u32 hash(int a) {
//       u32 h = a * 31;            a part: h is returned
//       WARN_ON(a < 0);            none
//       if (a > 5) h ^= mask();    both, the condition and the assignment
//       return h % 64;             a part
//     }
//
// Two versions of a hash whose parts are the same put things in the same places, whatever else they do.
//
// Invariant: a change of the returned value by way of returned expressions, of variables of the
// function, and of the conditions under which these are set, changes a part. What goes by way of
// memory elsewhere is not followed.
#pragma once

#include <vector>

namespace clang {
class FunctionDecl;
class Stmt;
}  // namespace clang

namespace splicer {

// In the order of the source; the function must have its body. Quadratic in the depth of what depends
// on what, which is small.
std::vector<const clang::Stmt*> value_slice(const clang::FunctionDecl& function);

}  // namespace splicer
