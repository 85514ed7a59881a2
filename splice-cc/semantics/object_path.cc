// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/object_path.h"

#include <clang/AST/ASTContext.h>
#include <clang/AST/Decl.h>
#include <clang/AST/Expr.h>
#include <clang/AST/PrettyPrinter.h>
#include <clang/AST/Stmt.h>
#include <fmt/core.h>

#include <charconv>
#include <vector>

namespace splicer {

namespace {

// For sources that are written to exhaust the stack. No name may depend on how deep it was asked for: the
// lock and the unlock of one object are reached through macros of different depth.
constexpr int kDeepest = 200;
constexpr std::size_t kLongest = 120;

void collect_returned(const clang::Stmt* statement, std::vector<const clang::Expr*>& values) {
  if (statement == nullptr) return;
  if (const auto* end = llvm::dyn_cast<clang::ReturnStmt>(statement);
      end != nullptr && end->getRetValue() != nullptr)
    values.push_back(end->getRetValue()->IgnoreParenCasts());
  for (const clang::Stmt* child : statement->children()) collect_returned(child, values);
}

// NULL, ERR_PTR(-ENOENT), ERR_CAST(other): linux/err.h.
bool is_failure(const clang::Expr& value, clang::ASTContext& context) {
  clang::Expr::EvalResult result;
  if (value.EvaluateAsRValue(result, context))
    return !result.Val.isLValue() || result.Val.isNullPointer();
  const auto* call = llvm::dyn_cast<clang::CallExpr>(&value);
  const auto* callee = call == nullptr ? nullptr : call->getDirectCallee();
  return callee != nullptr && callee->getIdentifier() != nullptr &&
         (callee->getName() == "ERR_PTR" || callee->getName() == "ERR_CAST");
}

// Only names and members: what container_of() or another call makes of an object is better known
// by the name of the function that does it.
bool is_plain(const std::string& path) {
  return !path.empty() && path.find_first_not_of(
                              "abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "0123456789_.$[]") == std::string::npos;
}

}  // namespace

std::string ObjectPaths::of_variable(const clang::VarDecl& variable, int depth) const {
  std::string name = variable.getNameAsString();
  if (const auto* parameter = llvm::dyn_cast<clang::ParmVarDecl>(&variable))
    return fmt::format("${}", parameter->getFunctionScopeIndex());
  if (!variable.hasLocalStorage()) return name;
  // "struct foo copy = *original;" is not the original.
  if (variable.getType()->isRecordType()) return "%" + name;
  // A local variable that is only another name for something. If it is set again later, that is so
  // in both versions.
  if (!variable.hasInit() || depth >= kDeepest) return "%" + name;
  const clang::Expr* initial = variable.getInit()->IgnoreParenCasts();
  if (!llvm::isa<clang::MemberExpr>(initial) && !llvm::isa<clang::DeclRefExpr>(initial) &&
      !llvm::isa<clang::UnaryOperator>(initial) && !llvm::isa<clang::CallExpr>(initial) &&
      !llvm::isa<clang::StmtExpr>(initial))
    return "%" + name;
  // Once for each variable: a chain of calls with two uses of the one before would double each time. One
  // that is set from itself keeps its own name.
  const auto [entry, fresh] = locals_.try_emplace(&variable, "%" + name);
  if (fresh) entry->second = of(*initial, depth + 1);
  return entry->second;
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
      if (auto object = returned_by(*call, depth + 1)) return *object;
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

std::optional<std::string> ObjectPaths::returned_by(const clang::CallExpr& call, int depth) const {
  const clang::FunctionDecl* callee = call.getDirectCallee();
  const clang::FunctionDecl* body = nullptr;
  if (depth >= kDeepest || callee == nullptr || !callee->hasBody(body)) return std::nullopt;
  if (!body->getReturnType()->isPointerType()) return std::nullopt;
  const auto [entry, fresh] = returned_.try_emplace(body);
  if (fresh) {
    std::vector<const clang::Expr*> values;
    collect_returned(body->getBody(), values);
    std::optional<std::string> object;
    bool one = true;
    for (const clang::Expr* value : values) {
      if (is_failure(*value, context_)) continue;
      std::string path = of(*value, depth + 1);
      one = one && is_plain(path) && (!object || *object == path);
      object = std::move(path);
    }
    if (one) entry->second = std::move(object);
  }
  if (!entry->second) return std::nullopt;
  return as_caller_sees(std::string(*entry->second), call, depth + 1);
}

std::optional<std::string> ObjectPaths::as_caller_sees(const std::string& path,
                                                       const clang::CallExpr& call,
                                                       int depth) const {
  std::string here;
  const char* end = path.data() + path.size();
  for (const char* at = path.data(); at != end;) {
    if (*at == '%') return std::nullopt;
    if (*at != '$') {
      here += *at++;
      continue;
    }
    unsigned number = 0;
    const auto [rest, error] = std::from_chars(at + 1, end, number);
    if (error != std::errc() || number >= call.getNumArgs()) return std::nullopt;
    here += of(*call.getArg(number), depth);
    at = rest;
  }
  if (here.size() > kLongest) here.resize(kLongest);
  return here;
}

std::optional<HeldObject> ObjectPaths::as_caller_sees(const HeldObject& held,
                                                      const clang::CallExpr& call) const {
  auto object = as_caller_sees(held.object, call, 0);
  if (!object) return std::nullopt;
  HeldObject here = held;
  here.object = std::move(*object);
  return here;
}

}  // namespace splicer
