// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/expression.h"

#include <clang/AST/ASTContext.h>
#include <clang/AST/Decl.h>
#include <clang/AST/Expr.h>

#include <algorithm>
#include <array>

namespace splicer {

const clang::Expr* bare(const clang::Expr* expression) { return expression->IgnoreParenCasts(); }

std::string callee_name(const clang::CallExpr& call) {
  const clang::FunctionDecl* callee = call.getDirectCallee();
  return callee == nullptr || callee->getIdentifier() == nullptr ? "" : callee->getName().str();
}

bool is_for_people(std::string_view callee) {
  static constexpr std::array<std::string_view, 14> kWords = {
      "printk", "seq_", "trace",   "warn",  "WARN",  "dev_err", "dev_info",
      "dump",   "emit", "lockdep", "panic", "debug", "kasan",   "kcsan"};
  return std::ranges::any_of(
      kWords, [&](std::string_view word) { return callee.find(word) != std::string_view::npos; });
}

std::optional<std::int64_t> constant_value(const clang::Expr& expression,
                                           const clang::ASTContext& context) {
  clang::Expr::EvalResult result;
  constexpr unsigned kBits = 64;
  if (expression.isValueDependent() || !expression.EvaluateAsInt(result, context))
    return std::nullopt;
  return result.Val.getInt().extOrTrunc(kBits).getSExtValue();
}

const clang::FunctionDecl* function_named_by(const clang::Expr& expression) {
  const clang::Expr* plain = bare(&expression);
  if (const auto* address = llvm::dyn_cast<clang::UnaryOperator>(plain);
      address != nullptr && address->getOpcode() == clang::UO_AddrOf)
    plain = bare(address->getSubExpr());
  const auto* name = llvm::dyn_cast<clang::DeclRefExpr>(plain);
  return name == nullptr ? nullptr : llvm::dyn_cast<clang::FunctionDecl>(name->getDecl());
}

}  // namespace splicer
