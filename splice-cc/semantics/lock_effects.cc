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

#include "splice-cc/semantics/branch.h"
#include "splice-cc/semantics/effect_sites.h"
#include "splice-cc/semantics/expression.h"
#include "splice-cc/semantics/guards.h"
#include "splice-cc/semantics/lock_annotations.h"
#include "splice-cc/semantics/slot.h"

namespace splicer {

namespace {

using State = std::map<HeldObject, std::set<int>>;

// What a path of the function got from a call that is not in the tables: it may give it back.
HeldObject obtained(const std::string& object) { return {"obtained", object, true}; }

void add(State& state, const HeldObject& held, const std::set<int>& changes) {
  std::set<int> now;
  const auto got = held.reference ? state.find(obtained(held.object)) : state.end();
  const bool may_give = got != state.end() && got->second.contains(1);
  auto [entry, fresh] = state.try_emplace(held);
  if (fresh) entry->second = {0};
  for (const int count : entry->second)
    for (const int change : changes)
      now.insert(
          std::clamp(may_give ? std::max(count + change, std::min(count, 0)) : count + change,
                     -kMostCounted, kMostCounted));
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
  const clang::CallExpr* call = nullptr;
  HeldObject held;
  int change = 0;
  Succeeds when = Succeeds::always;
  bool of_result = false;                      // what is held is what the call returns
  const clang::ValueDecl* variable = nullptr;  // that the result went into
  bool same_sense = true;                      // or its opposite: busy = !mutex_trylock(&l)
};

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

bool is_lock(const HeldObject& held) { return !held.reference; }

// A lock that the annotations name and the body's flow has not found, or is not clear about.
LockSummary annotated(LockSummary summary, const LockAnnotations& annotations) {
  if (annotations.empty()) return summary;
  const bool up = !annotations.acquired.empty() && annotations.released.empty();
  const bool down = !annotations.released.empty() && annotations.acquired.empty();
  bool found = false;
  for (auto entry = summary.effects.begin(); entry != summary.effects.end();) {
    auto& [held, counts] = *entry;
    const bool unclear = *counts.begin() < 0 && *counts.rbegin() > 0;
    if (is_lock(held) && unclear && up) std::erase_if(counts, [](int count) { return count <= 0; });
    if (is_lock(held) && unclear && down) std::erase_if(counts, [](int n) { return n >= 0; });
    found = found || (is_lock(held) && !(unclear && !up && !down));
    entry = is_lock(held) && unclear && !up && !down ? summary.effects.erase(entry) : ++entry;
  }
  if (found || up == down) return summary;
  for (const std::string& object : up ? annotations.acquired : annotations.released) {
    HeldObject held{"lock", object};
    if (object == "RCU" || object == "rcu" || object == "rcu_read_lock") held = {"RCU", ""};
    summary.effects[held] = {up ? 1 : -1};
  }
  return summary;
}

// foo_get() of a pointer is about that; of a number, or of nothing, about the only one that there
// is. An int of such a function is an error, a bool says that it is held.
void fit_to_type(CallEffect& effect, const clang::CallExpr& call) {
  if (call.getNumArgs() == 0 || !call.getArg(0)->getType()->isPointerType())
    effect.argument = kNoObject;
  if (effect.change < 0 || effect.when != Succeeds::always) return;
  const clang::QualType type = call.getType();
  if (type->isBooleanType()) {
    effect.when = Succeeds::if_nonzero;
  } else if (type->isIntegerType()) {
    effect.when = Succeeds::if_zero;
  }
}

class FunctionFlow {
 public:
  FunctionFlow(clang::ASTContext& context, LockEffects& lock_effects, ObjectPaths& paths,
               const clang::FunctionDecl& function)
      : context_(context), lock_effects_(lock_effects), paths_(paths), function_(function) {}

  LockSummary run() {
    clang::CFG::BuildOptions options;
    options.setAlwaysAdd(clang::Stmt::CallExprClass)
        .setAlwaysAdd(clang::Stmt::UnaryOperatorClass)
        .setAlwaysAdd(clang::Stmt::CompoundAssignOperatorClass);
    const std::unique_ptr<clang::CFG> graph =
        clang::CFG::buildCFG(&function_, function_.getBody(), &context_, options);
    if (!graph) return {};
    collect_guards(function_.getBody(), cleaned_up_);
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

  // With the conditions around the calls, which are read only where they decide.
  std::set<EffectSite> guarded(const std::set<EffectSite>& sites) {
    if (!guards_) guards_ = guards_of_calls(function_, context_);
    std::set<EffectSite> all;
    for (EffectSite site : sites) {
      if (const auto found = guards_->find(site.call); found != guards_->end())
        site.guards = &found->second;
      all.insert(site);
    }
    return all;
  }

  LockSummary at_return(const State& state) {
    LockSummary summary;
    summary.taken = taken_;
    summary.relies = relies_;
    for (const auto& [held, counts] : state) {
      if (counts == std::set<int>{0} || held == obtained(held.object)) continue;
      const auto sites = sites_.find(held);
      if (sites != sites_.end()) {
        if (*counts.begin() < 0 && *counts.rbegin() > 0 && are_apart(guarded(sites->second)))
          summary.apart.insert(held);
        const auto result = returned_.find(held);
        if (result != returned_.end() && sites->second.size() == 1 && counts.size() == 2 &&
            counts.contains(0))
          summary.result.insert(*result);
      }
      summary.effects[held] = counts;
    }
    return summary;
  }

  void change(State& state, const HeldObject& held, const std::set<int>& changes, bool apart) {
    if (is_slot_family(held.family) && *changes.rbegin() > 0) taken_.insert(held.family);
    sites_[held].insert(
        {block_, place_, *changes.rbegin() > 0, *changes.begin() < 0, apart, call_});
    add(state, held, changes);
  }

  // The state after the block: one, or one for each branch.
  std::vector<State> through(const clang::CFGBlock& block, State state) {
    std::vector<Pending> pending;
    block_ = &block;
    place_ = 0;
    for (const clang::CFGElement& element : block) {
      ++place_;
      const auto statement = element.getAs<clang::CFGStmt>();
      if (statement) through(*statement->getStmt(), state, pending);
    }
    return branches(block, std::move(state), pending);
  }

  void through(const clang::Stmt& what, State& state, std::vector<Pending>& pending) {
    call_ = llvm::dyn_cast<clang::CallExpr>(&what);
    if (call_ != nullptr) {
      apply(*call_, state, pending);
    } else if (const auto* unary = llvm::dyn_cast<clang::UnaryOperator>(&what);
               unary != nullptr && unary->isIncrementDecrementOp()) {
      count(*unary->getSubExpr(), unary->isIncrementOp() ? 1 : -1, state);
    } else if (const auto* compound = llvm::dyn_cast<clang::CompoundAssignOperator>(&what)) {
      if (compound->getOpcode() == clang::BO_AddAssign) count(*compound->getLHS(), 1, state);
      if (compound->getOpcode() == clang::BO_SubAssign) count(*compound->getLHS(), -1, state);
    } else if (const auto* binary = llvm::dyn_cast<clang::BinaryOperator>(&what);
               binary != nullptr && binary->getOpcode() == clang::BO_Assign) {
      note_callback(*binary);
      const auto* target = llvm::dyn_cast<clang::DeclRefExpr>(bare(binary->getLHS()));
      assigned(*binary->getRHS(), target != nullptr ? target->getDecl() : nullptr,
               paths_.of(*binary->getLHS()), state, pending);
    } else if (const auto* declared = llvm::dyn_cast<clang::DeclStmt>(&what)) {
      for (const clang::Decl* one : declared->decls())
        if (const auto* variable = llvm::dyn_cast<clang::VarDecl>(one);
            variable != nullptr && variable->hasInit())
          assigned(*variable->getInit(), variable, paths_.of_variable(*variable), state, pending);
    } else if (const auto* end = llvm::dyn_cast<clang::ReturnStmt>(&what);
               end != nullptr && end->getRetValue() != nullptr) {
      const Branch value = branch_on(end->getRetValue(), context_);
      for (const Pending& entry : pending)
        if (entry.when != Succeeds::always && value.value == entry.call)
          returned_[entry.held] = value.when_nonzero ? entry.when : opposite(entry.when);
    }
  }

  // sk->sk_destruct = foo_destruct: who calls it finds it in objects that came by here.
  void note_callback(const clang::BinaryOperator& assignment) {
    if (function_named_by(*assignment.getRHS()) == nullptr) return;
    if (const auto slot = slot_of(*assignment.getLHS()))
      taken_.insert(slot_family(kCallbackIn, *slot));
  }

  static Succeeds opposite(Succeeds when) {
    return when == Succeeds::if_zero ? Succeeds::if_nonzero : Succeeds::if_zero;
  }

  // x->users++, x->bytes += n: whatever the amount, what is added here is to be taken off elsewhere.
  void count(const clang::Expr& what, int by, State& state) {
    if (!what.getType()->isIntegerType()) return;
    if (const auto slot = slot_of(what))
      change(state, {slot_family(kCountOf, *slot), paths_.of(what), true, false}, {by}, false);
  }

  // Those of a function without a body.
  std::vector<CallEffect> likely_effects(const clang::FunctionDecl& callee,
                                         const clang::CallExpr& call) const {
    std::vector<CallEffect> effects =
        likely_effects_of_call(callee.getName().str(), [&](const std::string& name) {
          const auto found = context_.Idents.find(name);
          return found != context_.Idents.end() &&
                 !context_.getTranslationUnitDecl()->lookup(found->second).empty();
        });
    for (CallEffect& effect : effects) fit_to_type(effect, call);
    return effects;
  }

  void apply(const clang::CallExpr& call, State& state, std::vector<Pending>& pending) {
    const clang::FunctionDecl* callee = call.getDirectCallee();
    if (callee == nullptr || callee->getIdentifier() == nullptr || cleaned_up_.contains(&call))
      return;
    std::vector<CallEffect> effects = effects_of_call(callee->getName().str());
    if (effects.empty()) {
      const clang::FunctionDecl* body = nullptr;
      if (callee->hasBody(body)) {
        apply_summary(lock_effects_.effects_of(*body), call, state, pending);
        return;
      }
      if (const LockAnnotations annotations = annotations_of(*callee); !annotations.empty()) {
        apply_summary(annotated({}, annotations), call, state, pending);
        return;
      }
      effects = likely_effects(*callee, call);
    }
    for (const CallEffect& effect : effects) {
      HeldObject held{effect.family, "", effect.reference, effect.sure};
      if (effect.argument >= 0) {
        if (static_cast<unsigned>(effect.argument) >= call.getNumArgs()) continue;
        const clang::Expr& argument = *call.getArg(static_cast<unsigned>(effect.argument));
        held.object = paths_.of(argument);
        const auto slot = effect.reference ? slot_of(argument) : std::nullopt;
        if (effect.of_slot && !slot) continue;
        if (effect.of_slot) held.family = slot_family(effect.family, *slot);
        // That a lock works is no count: it is so from then on.
        if (effect.family == kSetUpOf) {
          (effect.change > 0 ? taken_ : relies_).insert(held.family);
          continue;
        }
        if (const auto around = slot ? family_around(*slot) : ""; !around.empty()) {
          held.family = around;
          held.object.resize(std::min(held.object.rfind('.'), held.object.size()));
        }
      }
      if (effect.when == Succeeds::always && effect.argument != kReturnedValue) {
        change(state, held, {effect.change}, false);
      } else {
        pending.push_back(
            {&call, held, effect.change, effect.when, effect.argument == kReturnedValue});
      }
    }
  }

  // What the callee's body does, on the objects that it is called with.
  void apply_summary(const LockSummary& summary, const clang::CallExpr& call, State& state,
                     std::vector<Pending>& pending) {
    taken_.insert(summary.taken.begin(), summary.taken.end());
    relies_.insert(summary.relies.begin(), summary.relies.end());
    for (const auto& [held, changes] : summary.effects) {
      if (is_slot_family(held.family) && is_of_stack(held.object, call)) continue;
      const auto here = paths_.as_caller_sees(held, call);
      if (!here) continue;
      if (const auto result = summary.result.find(held); result != summary.result.end()) {
        const int by = *changes.begin() < 0 ? *changes.begin() : *changes.rbegin();
        pending.push_back({&call, *here, by, result->second});
      } else {
        change(state, *here, changes, summary.apart.contains(held));
      }
    }
  }

  // "$0.count", of a call whose first argument is a structure of this function.
  static bool is_of_stack(const std::string& object, const clang::CallExpr& call) {
    if (object.size() < 2 || object[0] != '$' || object[1] < '0' || object[1] > '9') return false;
    const auto number = static_cast<unsigned>(object[1] - '0');
    return number < call.getNumArgs() && is_on_stack(*call.getArg(number));
  }

  void assigned(const clang::Expr& value, const clang::ValueDecl* variable,
                const std::string& object, State& state, std::vector<Pending>& pending) {
    const Branch branch = branch_on(&value, context_);
    const auto* call = llvm::dyn_cast<clang::CallExpr>(branch.value);
    if (call == nullptr) return;
    bool known = false;
    for (Pending& entry : pending) {
      if (entry.call != call) continue;
      entry.variable = variable;
      entry.same_sense = branch.when_nonzero;
      if (entry.of_result) entry.held.object = object;
      known = true;
    }
    if (!known && !paths_.returned_by(*call)) state[obtained(object)] = {1};
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
      if (entry.of_result && entry.held.object.empty()) continue;
      call_ = entry.call;
      const auto* variable =
          branch.value == nullptr ? nullptr : llvm::dyn_cast<clang::DeclRefExpr>(branch.value);
      const bool by_variable =
          variable != nullptr && entry.variable != nullptr && variable->getDecl() == entry.variable;
      if (entry.when == Succeeds::always) {
        for (State& one : leaving) change(one, entry.held, {entry.change}, false);
      } else if ((branch.value == entry.call || by_variable) && leaving.size() == 2) {
        const bool same = !by_variable || entry.same_sense;
        const bool first = (branch.when_nonzero == same) == (entry.when == Succeeds::if_nonzero);
        change(leaving[first ? 0 : 1], entry.held, {entry.change}, false);
      } else {
        std::set<int> both = {0, entry.change};
        for (State& one : leaving) change(one, entry.held, both, false);
      }
    }
    return leaving;
  }

  clang::ASTContext& context_;
  LockEffects& lock_effects_;
  ObjectPaths& paths_;
  const clang::FunctionDecl& function_;
  std::set<const clang::CallExpr*> cleaned_up_;
  std::set<std::string> taken_;
  std::set<std::string> relies_;
  std::map<HeldObject, std::set<EffectSite>> sites_;
  std::map<HeldObject, Succeeds> returned_;  // what the function's own result says
  const clang::CFGBlock* block_ = nullptr;   // where the flow is
  unsigned place_ = 0;
  const clang::CallExpr* call_ = nullptr;
  std::optional<std::map<const clang::CallExpr*, Guards>> guards_;
};

}  // namespace

const LockSummary& LockEffects::effects_of(const clang::FunctionDecl& function) {
  const auto [entry, fresh] = known_.try_emplace(&function);
  // A function that calls itself has, while it is looked at, no effect.
  if (!fresh) return entry->second;
  LockSummary summary = FunctionFlow(context_, *this, paths_, function).run();
  return entry->second = annotated(std::move(summary), annotations_of(function));
}

}  // namespace splicer
