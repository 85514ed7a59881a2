// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/memory_name.h"

#include <clang/AST/Decl.h>
#include <clang/AST/Expr.h>
#include <clang/AST/Stmt.h>

#include "splice-cc/semantics/expression.h"
#include "splice-cc/semantics/slot.h"

namespace splicer {

namespace {

// Is it a part of a variable that lives in the function's frame?
bool is_local(const clang::Expr* expression) {
  for (expression = bare(expression);;) {
    if (const auto* member = llvm::dyn_cast<clang::MemberExpr>(expression)) {
      if (member->isArrow()) return false;
      expression = bare(member->getBase());
    } else if (const auto* element = llvm::dyn_cast<clang::ArraySubscriptExpr>(expression)) {
      if (!element->getBase()->IgnoreParenImpCasts()->getType()->isArrayType()) return false;
      expression = bare(element->getBase());
    } else {
      const auto* name = llvm::dyn_cast<clang::DeclRefExpr>(expression);
      const auto* variable =
          name == nullptr ? nullptr : llvm::dyn_cast<clang::VarDecl>(name->getDecl());
      return variable != nullptr && !variable->hasGlobalStorage();
    }
  }
}

}  // namespace

std::string memory_of(const clang::Expr* expression) {
  expression = bare(expression);
  if (const auto* unary = llvm::dyn_cast<clang::UnaryOperator>(expression)) {
    const clang::UnaryOperatorKind kind = unary->getOpcode();
    // READ_ONCE(x) is *(volatile T *)&x.
    const bool passes = kind == clang::UO_Deref || kind == clang::UO_AddrOf ||
                        kind == clang::UO_Extension || unary->isIncrementDecrementOp();
    return passes ? memory_of(unary->getSubExpr()) : std::string();
  }
  if (const auto* statements = llvm::dyn_cast<clang::StmtExpr>(expression)) {
    // The value of ({ ...; x; }).
    const clang::CompoundStmt* body = statements->getSubStmt();
    if (body->body_empty()) return {};
    const auto* last = llvm::dyn_cast<clang::Expr>(body->body_back());
    return last == nullptr ? std::string() : memory_of(last);
  }
  if (const auto* binary = llvm::dyn_cast<clang::BinaryOperator>(expression)) {
    // What a mask or a shift leaves of it.
    switch (binary->getOpcode()) {
      case clang::BO_And:
      case clang::BO_Shr:
      case clang::BO_Shl:
        return memory_of(binary->getLHS());
      default:
        return {};
    }
  }
  if (const auto* element = llvm::dyn_cast<clang::ArraySubscriptExpr>(expression))
    return memory_of(element->getBase());
  if (const auto* member = llvm::dyn_cast<clang::MemberExpr>(expression)) {
    const auto* field = llvm::dyn_cast<clang::FieldDecl>(member->getMemberDecl());
    return field == nullptr || is_local(member)
               ? std::string()
               : owner_name(*field->getParent()) + "." + field->getNameAsString();
  }
  if (const auto* name = llvm::dyn_cast<clang::DeclRefExpr>(expression)) {
    const auto* variable = llvm::dyn_cast<clang::VarDecl>(name->getDecl());
    if (variable != nullptr && variable->hasGlobalStorage()) return variable->getNameAsString();
  }
  return {};
}

}  // namespace splicer
