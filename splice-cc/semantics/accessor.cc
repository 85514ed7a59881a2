// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/accessor.h"

#include <clang/AST/Decl.h>
#include <clang/AST/Expr.h>
#include <clang/AST/Stmt.h>

#include <string>
#include <vector>

#include "splice-cc/semantics/expression.h"

namespace splicer {

namespace {

// What a function does, as far as it counts: include/linux/instrumented.h, compiler_types.h.
struct Deeds {
  std::vector<const clang::Stmt*> all;
  bool plain = true;
};

bool is_noise(const clang::Expr& expression) {
  const auto* call = llvm::dyn_cast<clang::CallExpr>(bare(&expression));
  if (call == nullptr) return llvm::isa<clang::IntegerLiteral>(bare(&expression));
  const std::string name = callee_name(*call);
  return name.starts_with("instrument_") || name.starts_with("kcsan_") ||
         name.starts_with("__kcsan_") || name.starts_with("kasan_") ||
         name.starts_with("__compiletime_assert") || name.starts_with("__builtin_");
}

void note(const clang::Stmt& statement, Deeds& deeds) {
  if (const auto* body = llvm::dyn_cast<clang::CompoundStmt>(&statement)) {
    for (const clang::Stmt* one : body->body()) note(*one, deeds);
  } else if (const auto* frame = llvm::dyn_cast<clang::DoStmt>(&statement)) {
    note(*frame->getBody(), deeds);  // do { ... } while (0)
  } else if (const auto* declared = llvm::dyn_cast<clang::DeclStmt>(&statement)) {
    for (const clang::Decl* one : declared->decls())
      deeds.plain = deeds.plain && llvm::isa<clang::FunctionDecl>(one);  // compiletime_assert()
  } else if (const auto* check = llvm::dyn_cast<clang::IfStmt>(&statement)) {
    // if (!(size is one of ...)) __compiletime_assert_42();
    const auto* then = llvm::dyn_cast<clang::Expr>(check->getThen());
    deeds.plain = deeds.plain && check->getElse() == nullptr && then != nullptr && is_noise(*then);
  } else if (const auto* expression = llvm::dyn_cast<clang::Expr>(&statement)) {
    if (!is_noise(*expression)) deeds.all.push_back(expression);
  } else if (llvm::isa<clang::ReturnStmt>(&statement)) {
    deeds.all.push_back(&statement);
  } else if (!llvm::isa<clang::NullStmt>(&statement)) {
    deeds.plain = false;
  }
}

const clang::Stmt* only_deed(const clang::FunctionDecl& function) {
  const clang::FunctionDecl* definition = nullptr;
  if (!function.hasBody(definition) || function.isVariadic()) return nullptr;
  Deeds deeds;
  note(*definition->getBody(), deeds);
  return deeds.plain && deeds.all.size() == 1 ? deeds.all[0] : nullptr;
}

}  // namespace

const clang::Expr* given_by(const clang::FunctionDecl& function) {
  const clang::Stmt* deed = only_deed(function);
  const auto* given = deed == nullptr ? nullptr : llvm::dyn_cast<clang::ReturnStmt>(deed);
  return given == nullptr ? nullptr : given->getRetValue();
}

const clang::Expr* set_by(const clang::FunctionDecl& function) {
  const clang::Stmt* deed = only_deed(function);
  const auto* expression = deed == nullptr ? nullptr : llvm::dyn_cast<clang::Expr>(deed);
  if (expression == nullptr) return nullptr;
  const clang::Expr* plain = bare(expression);
  const auto* binary = llvm::dyn_cast<clang::BinaryOperator>(plain);
  return (binary != nullptr && binary->isAssignmentOp()) || llvm::isa<clang::CallExpr>(plain)
             ? plain
             : nullptr;
}

}  // namespace splicer
