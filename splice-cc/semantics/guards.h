// SPDX-License-Identifier: GPL-2.0-or-later
//
// Under which conditions a function makes its calls: by the conditions around each call, and by those that
// send the function away before it.
//
//     if (ctx->flags & OWNS_BUFFER)          kfree: {"struct ctx.flags", 4, holds}
//             kfree(ctx->buffer);
//     if (!obj->ready)                       start: {"struct obj.ready", any, holds}
//             return -EAGAIN;
//     start(obj);
//     switch (event) {                       dev_hold: {"$1", 5, holds}
//     case NETDEV_UP: dev_hold(dev);
//
// A condition is a guard if it asks for a number in memory (memory_name.h), or for a parameter or local
// variable that is set once ("$1", "%name"). Of "a && b" both are; of "a || b" none is.
//
// Invariant: on each path to the call each of its guards held when it was asked for. Behind a label that
// a goto may come to, only the conditions around the label count.
// Cost: one walk over the body.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace clang {
class ASTContext;
class CallExpr;
class Expr;
class FunctionDecl;
}  // namespace clang

namespace splicer {

// Guard::value of "is not zero", where no number is asked for.
inline constexpr std::int64_t kNotZero = 0;

struct Guard {
  std::string what;  // memory, or "$1", "%name"
  std::int64_t value = kNotZero;
  bool holds = true;   // false: the call is made where the condition is false
  bool equal = false;  // asked for by ==, or by a case of a switch
  auto operator<=>(const Guard&) const = default;
};
using Guards = std::set<Guard>;

// Of a function that has a body.
std::map<const clang::CallExpr*, Guards> guards_of_calls(const clang::FunctionDecl& function,
                                                         clang::ASTContext& context);

// Can no one call of the function pass both? Only what no path changes is believed: parameters and
// local variables that are set once.
bool are_exclusive(const Guards& one, const Guards& other);

}  // namespace splicer
