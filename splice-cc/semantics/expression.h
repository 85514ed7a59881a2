// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the readers of facts ask of an expression.
//
//     bare((int)(x))                        x
//     callee_name(kfree(p))                 "kfree"
//     constant_value(1 << 3)                8
//     function_named_by(&foo_destruct)      foo_destruct
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace clang {
class ASTContext;
class CallExpr;
class Expr;
class FunctionDecl;
}  // namespace clang

namespace splicer {

// Without parentheses and casts around it.
const clang::Expr* bare(const clang::Expr* expression);
// Empty if it is called through a pointer.
std::string callee_name(const clang::CallExpr& call);
// Does it only print, trace or check? What it is given is looked up by nobody.
bool is_for_people(std::string_view callee);
// An integer constant, as 64 bits with a sign; nothing if it is none. Costs a walk over the expression.
std::optional<std::int64_t> constant_value(const clang::Expr& expression,
                                           const clang::ASTContext& context);
// With or without & before it; null if it is no function's name.
const clang::FunctionDecl* function_named_by(const clang::Expr& expression);

}  // namespace splicer
