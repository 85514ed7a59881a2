// SPDX-License-Identifier: GPL-2.0-or-later
//
// Names for the objects that locks and references belong to, so that "&dev->lock" here is
// "&priv->dev->lock" there.
//
//     &dev->lock               where dev is the first parameter: "$0.lock"
//     &table[i].lock           a global: "table[%i].lock"
//     struct foo *f = d->foo;  f->lock is then "$0.foo.lock"
//     f = to_foo(dev);         ..."to_foo($0).lock", if set where it is declared
//     f = file_of(d);          "$0.private.lock", if that function is "return d->private;"
//
// Two expressions with one name need not be one object; only counts of one function are compared.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "splice-cc/semantics/facts.h"

namespace clang {
class ASTContext;
class CallExpr;
class Expr;
class FunctionDecl;
class VarDecl;
}  // namespace clang

namespace splicer {

class ObjectPaths {
 public:
  explicit ObjectPaths(clang::ASTContext& context) : context_(context) {}
  std::string of(const clang::Expr& expression) const { return of(expression, 0); }
  // "%name"; or what the variable was set to where it is declared, if that says which object it is.
  std::string of_variable(const clang::VarDecl& variable) const { return of_variable(variable, 0); }
  // An effect of a callee, in terms of its caller; nothing if it is about the callee's own locals.
  std::optional<HeldObject> as_caller_sees(const HeldObject& held,
                                           const clang::CallExpr& call) const;
  // The object that a call returns, where the callee's body says so: the same on each path, save
  // those that return an error.
  std::optional<std::string> returned_by(const clang::CallExpr& call) const {
    return returned_by(call, 0);
  }

 private:
  std::string of(const clang::Expr& expression, int depth) const;
  std::string of_variable(const clang::VarDecl& variable, int depth) const;
  std::optional<std::string> returned_by(const clang::CallExpr& call, int depth) const;
  std::optional<std::string> as_caller_sees(const std::string& path, const clang::CallExpr& call,
                                            int depth) const;
  clang::ASTContext& context_;
  // What local variables were set to where they are declared.
  mutable std::map<const clang::VarDecl*, std::string> locals_;
  // What functions return, in their own terms. One that calls itself returns nothing known.
  mutable std::map<const clang::FunctionDecl*, std::optional<std::string>> returned_;
};

}  // namespace splicer
