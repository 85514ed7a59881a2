// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/object_path.h"

#include <clang/AST/ASTContext.h>
#include <clang/AST/Decl.h>
#include <clang/AST/Expr.h>
#include <clang/AST/PrettyPrinter.h>
#include <fmt/core.h>

#include <charconv>

namespace splicer {

namespace {

constexpr int kDeepest = 12;
constexpr std::size_t kLongest = 120;

}  // namespace

std::string ObjectPaths::of_variable(const clang::VarDecl& variable, int depth) const {
  std::string name = variable.getNameAsString();
  if (const auto* parameter = llvm::dyn_cast<clang::ParmVarDecl>(&variable))
    return fmt::format("${}", parameter->getFunctionScopeIndex());
  if (!variable.hasLocalStorage()) return name;
  // A local variable that is only another name for something. If it is set again later, that is so
  // in both versions.
  if (variable.hasInit() && depth < kDeepest) {
    const clang::Expr* initial = variable.getInit()->IgnoreParenCasts();
    if (llvm::isa<clang::MemberExpr>(initial) || llvm::isa<clang::DeclRefExpr>(initial) ||
        llvm::isa<clang::UnaryOperator>(initial) || llvm::isa<clang::CallExpr>(initial) ||
        llvm::isa<clang::StmtExpr>(initial))
      return of(*initial, depth + 1);
  }
  return "%" + name;
}

std::string ObjectPaths::of(const clang::Expr& expression, int depth) const {
  const clang::Expr* bare = expression.IgnoreParenCasts();
  if (depth < kDeepest) {
    if (const auto* unary = llvm::dyn_cast<clang::UnaryOperator>(bare);
        unary != nullptr &&
        (unary->getOpcode() == clang::UO_AddrOf || unary->getOpcode() == clang::UO_Deref ||
         unary->getOpcode() == clang::UO_Extension))
      return of(*unary->getSubExpr(), depth + 1);
    if (const auto* name = llvm::dyn_cast<clang::DeclRefExpr>(bare)) {
      const auto* variable = llvm::dyn_cast<clang::VarDecl>(name->getDecl());
      return variable != nullptr ? of_variable(*variable, depth + 1)
                                 : name->getDecl()->getNameAsString();
    }
    // container_of() and its like.
    if (const auto* block = llvm::dyn_cast<clang::StmtExpr>(bare);
        block != nullptr && !block->getSubStmt()->body_empty())
      if (const auto* last = llvm::dyn_cast<clang::Expr>(block->getSubStmt()->body_back()))
        return of(*last, depth + 1);
    if (const auto* member = llvm::dyn_cast<clang::MemberExpr>(bare)) {
      std::string base = of(*member->getBase(), depth + 1);
      const std::string field = member->getMemberDecl()->getNameAsString();
      // Inside spinlock_t: spin_lock_irqsave(l) calls a function on &l->rlock.
      if (field.empty() || field == "rlock") return base;
      return base + "." + field;
    }
    if (const auto* element = llvm::dyn_cast<clang::ArraySubscriptExpr>(bare))
      return of(*element->getBase(), depth + 1) + "[" + of(*element->getIdx(), depth + 1) + "]";
    if (const auto* binary = llvm::dyn_cast<clang::BinaryOperator>(bare)) {
      std::string right = of(*binary->getRHS(), depth + 1);
      if (binary->getOpcode() == clang::BO_Comma) return right;
      return of(*binary->getLHS(), depth + 1) + binary->getOpcodeStr().str() + right;
    }
    if (const auto* call = llvm::dyn_cast<clang::CallExpr>(bare);
        call != nullptr && call->getDirectCallee() != nullptr) {
      const std::string callee = call->getDirectCallee()->getNameAsString();
      if (callee == "spinlock_check" && call->getNumArgs() == 1)
        return of(*call->getArg(0), depth + 1);
      std::string text = callee + "(";
      for (unsigned i = 0; i < call->getNumArgs(); ++i)
        text += (i == 0 ? "" : ",") + of(*call->getArg(i), depth + 1);
      return (text + ")").substr(0, kLongest);
    }
  }
  std::string text;
  llvm::raw_string_ostream out(text);
  bare->printPretty(out, nullptr, clang::PrintingPolicy(context_.getLangOpts()));
  out.flush();
  for (char& c : text)
    if (c == '\n') c = ' ';
  return text.substr(0, kLongest);
}

std::optional<HeldObject> ObjectPaths::as_caller_sees(const HeldObject& held,
                                                      const clang::CallExpr& call) const {
  HeldObject here = held;
  here.object.clear();
  const char* end = held.object.data() + held.object.size();
  for (const char* at = held.object.data(); at != end;) {
    if (*at == '%') return std::nullopt;
    if (*at != '$') {
      here.object += *at++;
      continue;
    }
    unsigned number = 0;
    const auto [rest, error] = std::from_chars(at + 1, end, number);
    if (error != std::errc() || number >= call.getNumArgs()) return std::nullopt;
    here.object += of(*call.getArg(number));
    at = rest;
  }
  if (here.object.size() > kLongest) here.object.resize(kLongest);
  return here;
}

}  // namespace splicer
