// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/value_slice.h"

#include <clang/AST/Decl.h>
#include <clang/AST/Expr.h>
#include <clang/AST/Stmt.h>

#include <set>

namespace splicer {

namespace {

using Variables = std::set<const clang::Decl*>;

void add_variables(const clang::Stmt* part, Variables& variables) {
  if (part == nullptr) return;
  if (const auto* name = llvm::dyn_cast<clang::DeclRefExpr>(part))
    if (const auto* variable = llvm::dyn_cast<clang::VarDecl>(name->getDecl());
        variable != nullptr && !variable->hasGlobalStorage())
      variables.insert(variable->getCanonicalDecl());
  for (const clang::Stmt* child : part->children()) add_variables(child, variables);
}

// The variable that an assignment, ++ or a call by address changes.
bool changes_one_of(const clang::Stmt* part, const Variables& variables) {
  const auto is_one = [&](const clang::Expr* expression) {
    Variables mentioned;
    add_variables(expression, mentioned);
    for (const clang::Decl* one : mentioned)
      if (variables.contains(one)) return true;
    return false;
  };
  if (const auto* binary = llvm::dyn_cast<clang::BinaryOperator>(part))
    return binary->isAssignmentOp() && is_one(binary->getLHS());
  if (const auto* unary = llvm::dyn_cast<clang::UnaryOperator>(part))
    return (unary->isIncrementDecrementOp() || unary->getOpcode() == clang::UO_AddrOf) &&
           is_one(unary->getSubExpr());
  if (const auto* assembly = llvm::dyn_cast<clang::GCCAsmStmt>(part)) {
    for (unsigned i = 0; i < assembly->getNumOutputs(); ++i)
      if (is_one(assembly->getOutputExpr(i))) return true;
  }
  return false;
}

// One walk over the body with what is known to matter. What is found is in the order of the source.
class Slicer {
 public:
  explicit Slicer(Variables matter) : matter_(std::move(matter)) {}

  // Is a part of the slice in it?
  bool walk(const clang::Stmt* part) {
    if (part == nullptr) return false;
    if (const auto* result = llvm::dyn_cast<clang::ReturnStmt>(part)) {
      take(result);
      return true;
    }
    if (const auto* declaration = llvm::dyn_cast<clang::DeclStmt>(part))
      return declared(*declaration);
    if (changes_one_of(part, matter_)) {
      take(part);
      return true;
    }
    const std::size_t before = found_.size();
    bool any = false;
    const clang::Stmt* const condition = condition_of(part);
    for (const clang::Stmt* child : part->children())
      if (child != condition) any = walk(child) || any;
    if (condition == nullptr) return any;
    if (!any) return walk(condition);  // what it changes by itself
    found_.insert(found_.begin() + static_cast<std::ptrdiff_t>(before), condition);
    add_variables(condition, next_);
    return true;
  }

  const Variables& next() const { return next_; }
  const std::vector<const clang::Stmt*>& found() const { return found_; }

 private:
  void take(const clang::Stmt* part) {
    found_.push_back(part);
    add_variables(part, next_);
  }

  bool declared(const clang::DeclStmt& declaration) {
    bool any = false;
    for (const clang::Decl* one : declaration.decls()) {
      const auto* variable = llvm::dyn_cast<clang::VarDecl>(one);
      if (variable == nullptr || !variable->hasInit()) continue;
      if (matter_.contains(variable->getCanonicalDecl())) {
        take(variable->getInit());
        any = true;
      } else {
        any = walk(variable->getInit()) || any;
      }
    }
    return any;
  }

  static const clang::Stmt* condition_of(const clang::Stmt* part) {
    if (const auto* choice = llvm::dyn_cast<clang::IfStmt>(part)) return choice->getCond();
    if (const auto* choice = llvm::dyn_cast<clang::SwitchStmt>(part)) return choice->getCond();
    if (const auto* loop = llvm::dyn_cast<clang::WhileStmt>(part)) return loop->getCond();
    if (const auto* loop = llvm::dyn_cast<clang::DoStmt>(part)) return loop->getCond();
    if (const auto* loop = llvm::dyn_cast<clang::ForStmt>(part)) return loop->getCond();
    return nullptr;
  }

  const Variables matter_;
  Variables next_;
  std::vector<const clang::Stmt*> found_;
};

}  // namespace

std::vector<const clang::Stmt*> value_slice(const clang::FunctionDecl& function) {
  for (Variables matter;;) {
    Slicer slicer(matter);
    slicer.walk(function.getBody());
    Variables more = matter;
    more.insert(slicer.next().begin(), slicer.next().end());
    if (more == matter) return slicer.found();
    matter = std::move(more);
  }
}

}  // namespace splicer
