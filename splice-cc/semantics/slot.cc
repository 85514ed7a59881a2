// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/slot.h"

#include <clang/AST/Decl.h>
#include <clang/AST/Expr.h>

#include "splice-cc/semantics/type_text.h"

namespace splicer {

namespace {

constexpr int kDeepest = 12;

std::optional<std::string> slot_at(const clang::Expr& expression, int depth) {
  const clang::Expr* bare = expression.IgnoreParenCasts();
  if (depth > kDeepest) return std::nullopt;
  if (const auto* unary = llvm::dyn_cast<clang::UnaryOperator>(bare);
      unary != nullptr &&
      (unary->getOpcode() == clang::UO_AddrOf || unary->getOpcode() == clang::UO_Extension))
    return slot_at(*unary->getSubExpr(), depth + 1);
  if (const auto* element = llvm::dyn_cast<clang::ArraySubscriptExpr>(bare))
    return slot_at(*element->getBase(), depth + 1);
  if (const auto* member = llvm::dyn_cast<clang::MemberExpr>(bare)) {
    const auto* field = llvm::dyn_cast<clang::FieldDecl>(member->getMemberDecl());
    if (field == nullptr || is_on_stack(*member)) return std::nullopt;
    const std::string owner = owner_name(*field->getParent());
    // What is one thing to the kernel, and goes by where it is: linux/types.h, workqueue.h.
    if (owner == "atomic_t" || owner == "atomic64_t" || owner == "struct delayed_work" ||
        owner == "struct rcu_work")
      if (auto outer = slot_at(*member->getBase(), depth + 1)) return outer;
    if (owner.empty() || field->getName().empty()) return std::nullopt;
    return owner + "." + field->getName().str();
  }
  const auto* name = llvm::dyn_cast<clang::DeclRefExpr>(bare);
  const auto* variable =
      name == nullptr ? nullptr : llvm::dyn_cast<clang::VarDecl>(name->getDecl());
  if (variable == nullptr || llvm::isa<clang::ParmVarDecl>(variable)) return std::nullopt;
  if (!variable->hasLocalStorage()) return variable->getNameAsString();
  // atomic_t *count = &ctx->count;
  if (variable->hasInit() && variable->getType()->isPointerType())
    return slot_at(*variable->getInit(), depth + 1);
  return std::nullopt;
}

}  // namespace

std::string owner_name(const clang::RecordDecl& record) {
  const clang::RecordDecl* at = &record;
  while (record_name(*at).empty()) {
    const auto* outer = llvm::dyn_cast<clang::RecordDecl>(at->getParent());
    if (outer == nullptr) return {};
    at = outer;
  }
  return record_name(*at);
}

bool is_on_stack(const clang::Expr& expression) {
  const clang::Expr* at = expression.IgnoreParenCasts();
  for (;;) {
    if (const auto* unary = llvm::dyn_cast<clang::UnaryOperator>(at);
        unary != nullptr && unary->getOpcode() == clang::UO_AddrOf) {
      at = unary->getSubExpr()->IgnoreParenCasts();
    } else if (const auto* member = llvm::dyn_cast<clang::MemberExpr>(at)) {
      if (member->isArrow()) return false;
      at = member->getBase()->IgnoreParenCasts();
    } else if (const auto* element = llvm::dyn_cast<clang::ArraySubscriptExpr>(at)) {
      at = element->getBase()->IgnoreParenCasts();
    } else {
      const auto* name = llvm::dyn_cast<clang::DeclRefExpr>(at);
      const auto* variable =
          name == nullptr ? nullptr : llvm::dyn_cast<clang::VarDecl>(name->getDecl());
      return variable != nullptr && variable->hasLocalStorage() &&
             !variable->getType()->isPointerType();
    }
  }
}

std::optional<std::string> slot_of(const clang::Expr& expression) { return slot_at(expression, 0); }

}  // namespace splicer
