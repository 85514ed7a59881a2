// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/guards.h"

#include <clang/AST/ASTContext.h>
#include <clang/AST/Decl.h>
#include <clang/AST/Expr.h>
#include <clang/AST/Stmt.h>

#include <optional>
#include <string_view>

#include "splice-cc/semantics/expression.h"
#include "splice-cc/semantics/memory_name.h"
#include "splice-cc/semantics/number_functions.h"

namespace splicer {

namespace {

bool is_local_name(std::string_view name) { return name.starts_with('$') || name.starts_with('%'); }

// Variables of the function that something sets after their declaration, or whose address is taken.
void note_changed(const clang::Stmt* statement, std::set<const clang::Decl*>& changed) {
  if (statement == nullptr) return;
  const clang::Expr* target = nullptr;
  if (const auto* binary = llvm::dyn_cast<clang::BinaryOperator>(statement);
      binary != nullptr && binary->isAssignmentOp())
    target = binary->getLHS();
  if (const auto* unary = llvm::dyn_cast<clang::UnaryOperator>(statement);
      unary != nullptr &&
      (unary->isIncrementDecrementOp() || unary->getOpcode() == clang::UO_AddrOf))
    target = unary->getSubExpr();
  if (target != nullptr)
    if (const auto* name = llvm::dyn_cast<clang::DeclRefExpr>(bare(target)))
      changed.insert(name->getDecl());
  for (const clang::Stmt* child : statement->children()) note_changed(child, changed);
}

// Does control never come to what follows the statement?
bool leaves(const clang::Stmt* statement) {
  if (statement == nullptr) return false;
  if (llvm::isa<clang::ReturnStmt, clang::GotoStmt, clang::BreakStmt, clang::ContinueStmt>(
          statement))
    return true;
  if (const auto* block = llvm::dyn_cast<clang::CompoundStmt>(statement))
    return !block->body_empty() && leaves(block->body_back());
  if (const auto* choice = llvm::dyn_cast<clang::IfStmt>(statement))
    return leaves(choice->getThen()) && leaves(choice->getElse());
  if (const auto* label = llvm::dyn_cast<clang::LabelStmt>(statement))
    return leaves(label->getSubStmt());
  return false;
}

class Walk {
 public:
  Walk(const clang::FunctionDecl& function, clang::ASTContext& context) : context_(context) {
    note_changed(function.getBody(), changed_);
    visit(function.getBody(), {});
  }
  std::map<const clang::CallExpr*, Guards> calls;

 private:
  std::optional<std::int64_t> number(const clang::Expr* expression) const {
    return constant_value(*expression, context_);
  }

  std::string name_of(const clang::Expr* expression) const {
    if (const auto* name = llvm::dyn_cast<clang::DeclRefExpr>(bare(expression))) {
      const auto* variable = llvm::dyn_cast<clang::VarDecl>(name->getDecl());
      if (variable != nullptr && variable->hasLocalStorage()) {
        if (changed_.contains(variable)) return {};
        if (const auto* parameter = llvm::dyn_cast<clang::ParmVarDecl>(variable))
          return "$" + std::to_string(parameter->getFunctionScopeIndex());
        // bool owns = ctx->flags & OWNS;
        return "%" + variable->getNameAsString();
      }
    }
    return memory_of(expression);
  }

  // What a condition says where it holds, or where it does not.
  void add(const clang::Expr* condition, bool holds, Guards& guards) const {
    condition = bare(condition);
    if (const auto* unary = llvm::dyn_cast<clang::UnaryOperator>(condition);
        unary != nullptr && unary->getOpcode() == clang::UO_LNot)
      return add(unary->getSubExpr(), !holds, guards);
    if (const auto* call = llvm::dyn_cast<clang::CallExpr>(condition))
      return add_call(*call, holds, guards);
    if (const auto* block = llvm::dyn_cast<clang::StmtExpr>(condition);
        block != nullptr && !block->getSubStmt()->body_empty() && memory_of(condition).empty()) {
      if (const auto* last = llvm::dyn_cast<clang::Expr>(block->getSubStmt()->body_back()))
        add(last, holds, guards);
      return;
    }
    if (const auto* binary = llvm::dyn_cast<clang::BinaryOperator>(condition))
      return add_binary(*binary, holds, guards);
    add_guard(name_of(condition), kNotZero, holds, false, guards);
  }

  void add_call(const clang::CallExpr& call, bool holds, Guards& guards) const {
    const std::string name = callee_name(call);
    if (name == "__builtin_expect" && call.getNumArgs() > 0)
      return add(call.getArg(0), holds, guards);
    const NumberFunction* one = number_function(name, call.getNumArgs());
    if (one == nullptr || !one->tests || !one->is_bit) return;
    const auto bit = number(call.getArg(one->constant));
    if (const auto mask = bit ? mask_of_bit(*bit) : std::nullopt)
      add_guard(memory_of(call.getArg(one->memory)), *mask, holds, false, guards);
  }

  void add_binary(const clang::BinaryOperator& binary, bool holds, Guards& guards) const {
    const clang::Expr* left = bare(binary.getLHS());
    const clang::Expr* right = bare(binary.getRHS());
    switch (binary.getOpcode()) {
      case clang::BO_LAnd:
      case clang::BO_LOr:
        if (holds != (binary.getOpcode() == clang::BO_LAnd)) return;
        add(left, holds, guards);
        add(right, holds, guards);
        return;
      case clang::BO_And:
        if (const auto mask = number(right); mask && *mask != 0)
          add_guard(name_of(left), *mask, holds, false, guards);
        return;
      case clang::BO_EQ:
      case clang::BO_NE: {
        const auto value = number(right);
        if (!value && !right->getType()->isPointerType()) return;
        if (value && *value != 0 && is_mask(*left)) return add(left, holds, guards);
        const bool same = holds == (binary.getOpcode() == clang::BO_EQ);
        if (value.value_or(1) == 0) return add(left, !same, guards);
        if (value) add_guard(name_of(left), *value, same, true, guards);
        return;
      }
      case clang::BO_Assign:
        return add(right, holds, guards);
      default:
        return;
    }
  }

  // (flags & MASK) == MASK
  static bool is_mask(const clang::Expr& expression) {
    const auto* binary = llvm::dyn_cast<clang::BinaryOperator>(&expression);
    return binary != nullptr && binary->getOpcode() == clang::BO_And;
  }

  static void add_guard(std::string what, std::int64_t value, bool holds, bool equal,
                        Guards& guards) {
    if (!what.empty()) guards.insert({std::move(what), value, holds, equal});
  }

  void visit(const clang::Stmt* statement, const Guards& guards) {
    if (statement == nullptr) return;
    if (const auto* block = llvm::dyn_cast<clang::CompoundStmt>(statement)) {
      visit_block(*block, guards);
    } else if (const auto* choice = llvm::dyn_cast<clang::IfStmt>(statement)) {
      visit(choice->getCond(), guards);
      visit(choice->getThen(), with(guards, choice->getCond(), true));
      visit(choice->getElse(), with(guards, choice->getCond(), false));
    } else if (const auto* loop = llvm::dyn_cast<clang::WhileStmt>(statement)) {
      visit(loop->getCond(), guards);
      visit(loop->getBody(), with(guards, loop->getCond(), true));
    } else if (const auto* either = llvm::dyn_cast<clang::ConditionalOperator>(statement)) {
      visit(either->getCond(), guards);
      visit(either->getTrueExpr(), with(guards, either->getCond(), true));
      visit(either->getFalseExpr(), with(guards, either->getCond(), false));
    } else if (const auto* both = llvm::dyn_cast<clang::BinaryOperator>(statement);
               both != nullptr && both->isLogicalOp()) {
      visit(both->getLHS(), guards);
      visit(both->getRHS(), with(guards, both->getLHS(), both->getOpcode() == clang::BO_LAnd));
    } else if (const auto* cases = llvm::dyn_cast<clang::SwitchStmt>(statement)) {
      visit(cases->getCond(), guards);
      visit_cases(*cases, guards);
    } else {
      if (const auto* call = llvm::dyn_cast<clang::CallExpr>(statement)) calls[call] = guards;
      for (const clang::Stmt* child : statement->children()) visit(child, guards);
    }
  }

  Guards with(const Guards& guards, const clang::Expr* condition, bool holds) const {
    Guards more = guards;
    add(condition, holds, more);
    return more;
  }

  void visit_block(const clang::CompoundStmt& block, const Guards& around) {
    Guards guards = around;
    for (const clang::Stmt* statement : block.body()) {
      if (llvm::isa<clang::LabelStmt>(statement)) guards = around;
      visit(statement, guards);
      add_way_out(statement, guards);
    }
  }

  void add_way_out(const clang::Stmt* statement, Guards& guards) const {
    const auto* choice = llvm::dyn_cast<clang::IfStmt>(statement);
    if (choice == nullptr) return;
    if (leaves(choice->getThen())) add(choice->getCond(), false, guards);
    if (leaves(choice->getElse())) add(choice->getCond(), true, guards);
  }

  // What follows "case 5:" runs where it is 5, unless what is above it runs on into it.
  void visit_cases(const clang::SwitchStmt& cases, const Guards& around) {
    const auto* block = llvm::dyn_cast<clang::CompoundStmt>(cases.getBody());
    if (block == nullptr) return visit(cases.getBody(), around);
    const std::string what = name_of(cases.getCond());
    Guards guards = around;
    bool runs_on = false;
    for (const clang::Stmt* statement : block->body()) {
      if (const auto* one = llvm::dyn_cast<clang::SwitchCase>(statement)) {
        guards = around;
        // "case 5: case 6:" is either.
        const auto* value = llvm::dyn_cast<clang::CaseStmt>(one);
        const bool several = llvm::isa<clang::SwitchCase>(one->getSubStmt());
        if (value != nullptr && value->getRHS() == nullptr && !several && !runs_on)
          if (const auto of = number(value->getLHS())) add_guard(what, *of, true, true, guards);
        while (const auto* inner = llvm::dyn_cast<clang::SwitchCase>(statement))
          statement = inner->getSubStmt();
      } else if (llvm::isa<clang::LabelStmt>(statement)) {
        guards = around;
      }
      visit(statement, guards);
      add_way_out(statement, guards);
      runs_on = !leaves(statement);
    }
  }

  clang::ASTContext& context_;
  std::set<const clang::Decl*> changed_;
};

bool contradict(const Guard& one, const Guard& other) {
  if (one.what != other.what || !is_local_name(one.what)) return false;
  if (one.value == other.value && one.equal == other.equal) return one.holds != other.holds;
  return one.equal && other.equal && one.holds && other.holds;  // == 5 and == 6
}

}  // namespace

std::map<const clang::CallExpr*, Guards> guards_of_calls(const clang::FunctionDecl& function,
                                                         clang::ASTContext& context) {
  return std::move(Walk(function, context).calls);
}

bool are_exclusive(const Guards& one, const Guards& other) {
  for (const Guard& a : one)
    for (const Guard& b : other)
      if (contradict(a, b)) return true;
  return false;
}

}  // namespace splicer
