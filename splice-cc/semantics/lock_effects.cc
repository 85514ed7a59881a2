// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/lock_effects.h"

#include <clang/AST/ASTContext.h>
#include <clang/AST/Attr.h>
#include <clang/AST/Decl.h>
#include <clang/AST/Expr.h>
#include <clang/AST/Stmt.h>
#include <clang/Analysis/CFG.h>
#include <fmt/core.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>

#include "splice-cc/semantics/lock_families.h"
#include "splice-cc/semantics/object_path.h"

namespace splicer {

namespace {

using State = std::map<HeldObject, std::set<int>>;

const clang::Expr* bare(const clang::Expr* expression) { return expression->IgnoreParenCasts(); }

void add(State& state, const HeldObject& held, const std::set<int>& changes) {
  std::set<int> now;
  auto [entry, fresh] = state.try_emplace(held);
  if (fresh) entry->second = {0};
  for (const int count : entry->second)
    for (const int change : changes)
      now.insert(std::clamp(count + change, -kMostCounted, kMostCounted));
  entry->second = std::move(now);
}

// What a state does not mention is held as it was: 0. True when `into` grew.
bool merge(State& into, const State& from) {
  bool grew = false;
  for (const auto& [held, counts] : from) {
    auto [entry, fresh] = into.try_emplace(held);
    if (fresh) entry->second = {0};
    for (const int count : counts) grew |= entry->second.insert(count).second;
    grew |= fresh;
  }
  for (auto& [held, counts] : into)
    if (!from.contains(held)) grew |= counts.insert(0).second;
  return grew;
}

// A call whose effect depends on what it returns, until it is known which branch is which.
struct Pending {
  const clang::CallExpr* call;
  CallEffect effect;
  HeldObject held;
  const clang::ValueDecl* variable = nullptr;  // that the result went into
};

// A branch that is taken when a value is nonzero, or when it is zero.
struct Branch {
  const clang::Expr* value = nullptr;
  bool when_nonzero = true;
};

bool is_zero(const clang::Expr* expression, clang::ASTContext& context) {
  clang::Expr::EvalResult result;
  return expression->EvaluateAsInt(result, context) && result.Val.getInt().isZero();
}

// "!x", "x != 0", "x < 0", "likely(x)", "IS_ERR(x)", "(x = call())": what they say about x.
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

void collect_calls(const clang::Stmt* statement, std::set<const clang::CallExpr*>& calls) {
  if (statement == nullptr) return;
  if (const auto* call = llvm::dyn_cast<clang::CallExpr>(statement)) calls.insert(call);
  for (const clang::Stmt* child : statement->children()) collect_calls(child, calls);
}

// Calls whose effect a variable's cleanup undoes where its scope ends: guard(mutex)(&lock),
// __free().
void collect_guards(const clang::Stmt* statement, std::set<const clang::CallExpr*>& calls) {
  if (statement == nullptr) return;
  if (const auto* declared = llvm::dyn_cast<clang::DeclStmt>(statement))
    for (const clang::Decl* one : declared->decls())
      if (const auto* variable = llvm::dyn_cast<clang::VarDecl>(one);
          variable != nullptr && variable->hasAttr<clang::CleanupAttr>())
        collect_calls(variable->getInit(), calls);
  for (const clang::Stmt* child : statement->children()) collect_guards(child, calls);
}

class FunctionFlow {
 public:
  FunctionFlow(clang::ASTContext& context, LockEffects& lock_effects)
      : context_(context), lock_effects_(lock_effects), paths_(context) {}

  HeldEffects run(const clang::FunctionDecl& function) {
    clang::CFG::BuildOptions options;
    options.setAlwaysAdd(clang::Stmt::CallExprClass);
    const std::unique_ptr<clang::CFG> graph =
        clang::CFG::buildCFG(&function, function.getBody(), &context_, options);
    if (!graph) return {};
    collect_guards(function.getBody(), guarded_);
    std::map<const clang::CFGBlock*, State> states;
    std::set<const clang::CFGBlock*> reached = {&graph->getEntry()};
    std::deque<const clang::CFGBlock*> todo = {&graph->getEntry()};
    states[&graph->getEntry()] = {};
    while (!todo.empty()) {
      const clang::CFGBlock* block = todo.front();
      todo.pop_front();
      if (block->hasNoReturnElement()) continue;
      std::vector<State> leaving = through(*block, states[block]);
      std::size_t number = 0;
      for (const clang::CFGBlock* next : block->succs()) {
        const State& state = leaving[std::min(number++, leaving.size() - 1)];
        if (next == nullptr) continue;
        bool grew = merge_into(states, reached, next, state);
        if (grew) todo.push_back(next);
      }
    }
    return at_return(states[&graph->getExit()]);
  }

 private:
  static bool merge_into(std::map<const clang::CFGBlock*, State>& states,
                         std::set<const clang::CFGBlock*>& reached, const clang::CFGBlock* next,
                         const State& state) {
    if (!reached.insert(next).second) return merge(states[next], state);
    states[next] = state;
    return true;
  }

  HeldEffects at_return(const State& state) const {
    HeldEffects effects;
    for (const auto& [held, counts] : state) {
      std::set<int> own;
      // What the function got from a call that is not in the tables, it may give back.
      const bool obtained = held.reference && obtained_.contains(held.object);
      for (const int count : counts) own.insert(obtained ? std::max(count, 0) : count);
      if (own != std::set<int>{0}) effects[held] = std::move(own);
    }
    return effects;
  }

  // The state after the block: one, or one for each branch.
  std::vector<State> through(const clang::CFGBlock& block, State state) {
    std::vector<Pending> pending;
    for (const clang::CFGElement& element : block) {
      const auto statement = element.getAs<clang::CFGStmt>();
      if (!statement) continue;
      const clang::Stmt* what = statement->getStmt();
      if (const auto* call = llvm::dyn_cast<clang::CallExpr>(what)) {
        apply(*call, state, pending);
      } else if (const auto* binary = llvm::dyn_cast<clang::BinaryOperator>(what);
                 binary != nullptr && binary->getOpcode() == clang::BO_Assign) {
        const auto* target = llvm::dyn_cast<clang::DeclRefExpr>(bare(binary->getLHS()));
        assigned(*binary->getRHS(), target != nullptr ? target->getDecl() : nullptr,
                 paths_.of(*binary->getLHS()), pending);
      } else if (const auto* declared = llvm::dyn_cast<clang::DeclStmt>(what)) {
        for (const clang::Decl* one : declared->decls())
          if (const auto* variable = llvm::dyn_cast<clang::VarDecl>(one);
              variable != nullptr && variable->hasInit())
            assigned(*variable->getInit(), variable, paths_.of_variable(*variable), pending);
      }
    }
    return branches(block, std::move(state), pending);
  }

  void apply(const clang::CallExpr& call, State& state, std::vector<Pending>& pending) {
    const clang::FunctionDecl* callee = call.getDirectCallee();
    if (callee == nullptr || callee->getIdentifier() == nullptr || guarded_.contains(&call)) return;
    const std::string name = callee->getName().str();
    std::vector<CallEffect> effects = effects_of_call(name);
    const clang::FunctionDecl* body = nullptr;
    if (effects.empty() && callee->hasBody(body)) {
      for (const auto& [held, changes] : lock_effects_.effects_of(*body))
        if (auto here = paths_.as_caller_sees(held, call)) add(state, *here, changes);
      return;
    }
    if (effects.empty()) effects = likely_effects_of_call(name);
    for (const CallEffect& effect : effects) {
      HeldObject held{effect.family, "", effect.reference, effect.sure};
      if (effect.argument >= 0) {
        if (static_cast<unsigned>(effect.argument) >= call.getNumArgs()) continue;
        held.object = paths_.of(*call.getArg(static_cast<unsigned>(effect.argument)));
      }
      if (effect.when == Succeeds::always && effect.argument != kReturnedValue) {
        add(state, held, {effect.change});
      } else {
        pending.push_back({&call, effect, held});
      }
    }
  }

  void assigned(const clang::Expr& value, const clang::ValueDecl* variable,
                const std::string& object, std::vector<Pending>& pending) {
    const auto* call = llvm::dyn_cast<clang::CallExpr>(bare(&value));
    if (call == nullptr) return;
    bool known = false;
    for (Pending& entry : pending) {
      if (entry.call != call) continue;
      entry.variable = variable;
      if (entry.effect.argument == kReturnedValue) entry.held.object = object;
      known = true;
    }
    if (!known) obtained_.insert(object);
  }

  std::vector<State> branches(const clang::CFGBlock& block, State state,
                              const std::vector<Pending>& pending) {
    std::vector<State> leaving = {std::move(state)};
    const clang::Stmt* condition =
        block.succ_size() == 2 ? block.getTerminatorCondition() : nullptr;
    const auto* expression = llvm::dyn_cast_or_null<clang::Expr>(condition);
    Branch branch;
    if (expression != nullptr) {
      branch = branch_on(expression, context_);
      leaving.push_back(leaving.front());  // the first is where the condition holds
    }
    for (const Pending& entry : pending) {
      if (entry.effect.argument == kReturnedValue && entry.held.object.empty()) continue;
      const auto* variable =
          branch.value == nullptr ? nullptr : llvm::dyn_cast<clang::DeclRefExpr>(branch.value);
      const bool decides =
          branch.value == entry.call || (variable != nullptr && entry.variable != nullptr &&
                                         variable->getDecl() == entry.variable);
      if (entry.effect.when == Succeeds::always) {
        for (State& one : leaving) add(one, entry.held, {entry.effect.change});
      } else if (decides && leaving.size() == 2) {
        const bool first = branch.when_nonzero == (entry.effect.when == Succeeds::if_nonzero);
        add(leaving[first ? 0 : 1], entry.held, {entry.effect.change});
      } else {
        for (State& one : leaving) add(one, entry.held, {0, entry.effect.change});
      }
    }
    return leaving;
  }

  clang::ASTContext& context_;
  LockEffects& lock_effects_;
  ObjectPaths paths_;
  std::set<std::string> obtained_;
  std::set<const clang::CallExpr*> guarded_;
};

}  // namespace

const HeldEffects& LockEffects::effects_of(const clang::FunctionDecl& function) {
  const auto [entry, fresh] = known_.try_emplace(&function);
  // A function that calls itself has, while it is looked at, no effect.
  if (!fresh) return entry->second;
  HeldEffects effects = FunctionFlow(context_, *this).run(function);
  return entry->second = std::move(effects);
}

}  // namespace splicer
