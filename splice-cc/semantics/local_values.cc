// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/local_values.h"

#include <clang/AST/Decl.h>
#include <clang/AST/Expr.h>
#include <clang/AST/Stmt.h>

#include "splice-cc/semantics/expression.h"

namespace splicer {

const std::vector<const clang::Expr*>& LocalValues::of(const clang::Decl& variable) const {
  static const std::vector<const clang::Expr*> none;
  const auto found = values_.find(&variable);
  return found == values_.end() ? none : found->second;
}

const clang::Expr* LocalValues::only(const clang::Decl& variable) const {
  const auto& values = of(variable);
  if (values.size() != 1 || changed_.contains(&variable) ||
      llvm::isa<clang::CompoundAssignOperator>(values[0]))
    return nullptr;
  return &right_side(*values[0]);
}

const clang::Expr& LocalValues::right_side(const clang::Expr& value) {
  const auto* binary = llvm::dyn_cast<clang::BinaryOperator>(&value);
  return binary != nullptr && binary->isAssignmentOp() ? *binary->getRHS() : value;
}

void LocalValues::note(const clang::Stmt* statement) {
  if (statement == nullptr) return;
  if (const auto* binary = llvm::dyn_cast<clang::BinaryOperator>(statement);
      binary != nullptr && binary->isAssignmentOp()) {
    if (const auto* name = llvm::dyn_cast<clang::DeclRefExpr>(bare(binary->getLHS())))
      values_[name->getDecl()].push_back(binary);
  } else if (const auto* unary = llvm::dyn_cast<clang::UnaryOperator>(statement);
             unary != nullptr &&
             (unary->isIncrementDecrementOp() || unary->getOpcode() == clang::UO_AddrOf)) {
    if (const auto* name = llvm::dyn_cast<clang::DeclRefExpr>(bare(unary->getSubExpr())))
      changed_.insert(name->getDecl());
  } else if (const auto* declared = llvm::dyn_cast<clang::DeclStmt>(statement)) {
    for (const clang::Decl* one : declared->decls())
      if (const auto* variable = llvm::dyn_cast<clang::VarDecl>(one);
          variable != nullptr && variable->hasInit() && !variable->hasGlobalStorage())
        values_[variable].push_back(variable->getInit());
  }
  for (const clang::Stmt* child : statement->children()) note(child);
}

}  // namespace splicer
