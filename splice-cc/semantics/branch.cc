// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/branch.h"

#include <clang/AST/ASTContext.h>
#include <clang/AST/Decl.h>
#include <clang/AST/Expr.h>

#include "splice-cc/semantics/expression.h"

namespace splicer {

namespace {

bool is_zero(const clang::Expr* expression, clang::ASTContext& context) {
  clang::Expr::EvalResult result;
  return expression->EvaluateAsInt(result, context) && result.Val.getInt().isZero();
}

}  // namespace

Branch branch_on(const clang::Expr* condition, clang::ASTContext& context) {
  Branch branch{bare(condition)};
  for (;;) {
    if (const auto* unary = llvm::dyn_cast<clang::UnaryOperator>(branch.value);
        unary != nullptr && unary->getOpcode() == clang::UO_LNot) {
      branch = {bare(unary->getSubExpr()), !branch.when_nonzero};
      continue;
    }
    if (const auto* call = llvm::dyn_cast<clang::CallExpr>(branch.value);
        call != nullptr && call->getNumArgs() > 0 && call->getDirectCallee() != nullptr) {
      const auto name = call->getDirectCallee()->getName();
      if (name == "__builtin_expect" || name == "IS_ERR" || name == "IS_ERR_OR_NULL") {
        // An error is a result that is not zero, and for what returns a pointer no success.
        branch.value = bare(call->getArg(0));
        if (name == "IS_ERR_OR_NULL") branch.when_nonzero = !branch.when_nonzero;
        continue;
      }
    }
    if (const auto* binary = llvm::dyn_cast<clang::BinaryOperator>(branch.value)) {
      if (binary->getOpcode() == clang::BO_Assign) {
        branch.value = bare(binary->getRHS());
        continue;
      }
      const bool zero = is_zero(binary->getRHS(), context);
      if (zero && (binary->getOpcode() == clang::BO_NE || binary->getOpcode() == clang::BO_LT)) {
        branch.value = bare(binary->getLHS());
        continue;
      }
      if (zero && (binary->getOpcode() == clang::BO_EQ || binary->getOpcode() == clang::BO_GE)) {
        branch = {bare(binary->getLHS()), !branch.when_nonzero};
        continue;
      }
    }
    return branch;
  }
}

}  // namespace splicer
