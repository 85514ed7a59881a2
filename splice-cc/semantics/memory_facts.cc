// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/memory_facts.h"

#include <clang/AST/Decl.h>
#include <clang/AST/Expr.h>
#include <clang/AST/Stmt.h>
#include <fmt/core.h>

#include <optional>
#include <set>
#include <vector>

#include "splice-cc/semantics/alloc_families.h"
#include "splice-cc/semantics/expression.h"
#include "splice-cc/semantics/slot.h"
#include "splice-cc/semantics/type_text.h"

namespace splicer {

namespace {

constexpr int kDeepest = 8;  // local variables set from one another, statement expressions

// A family and the function that was called: {"kmalloc", "kcalloc"}.
using Call = std::pair<std::string, std::string>;

// What a pointer may be.
struct Origins {
  std::set<Call> allocated;
  std::set<std::string> slots;
  std::set<unsigned> parameters;
  bool other = false;
  // Nothing but what this function has allocated.
  bool is_own() const {
    return !allocated.empty() && slots.empty() && parameters.empty() && !other;
  }
};

// What a function does with memory, for those that call it.
struct Handling {
  std::set<Call> returns;
  std::map<unsigned, std::set<Call>> releases;  // by parameter
  std::set<std::string> released;               // slots
};

void collect(const clang::Stmt* statement, std::vector<const clang::Stmt*>& all) {
  if (statement == nullptr) return;
  all.push_back(statement);
  for (const clang::Stmt* child : statement->children()) collect(child, all);
}

// "struct foo" of a pointer to one.
std::optional<std::string> pointed_record(const clang::Expr& expression) {
  const clang::QualType type = expression.IgnoreParenCasts()->getType().getCanonicalType();
  if (!type->isPointerType()) return std::nullopt;
  const clang::RecordDecl* record = innermost_record(type->getPointeeType(), false);
  if (record == nullptr || record_name(*record).empty()) return std::nullopt;
  return record_name(*record);
}

// kmem_cache_alloc() and kmem_cache_free() of different caches are different families.
std::string family_of(const AllocRow& row, const clang::CallExpr& call) {
  std::string family = row.family;
  if (family != "kmem_cache" || call.getNumArgs() == 0) return family;
  const auto cache = slot_of(*call.getArg(0));
  return cache ? family + ":" + *cache : family;
}

// What is released. In older kernels kfree_rcu() hands on where in the object its rcu_head is, in
// newer ones the object (include/linux/rcupdate.h).
const clang::Expr* released_by(const AllocRow& row, const clang::CallExpr& call) {
  if (static_cast<unsigned>(row.argument) >= call.getNumArgs()) return nullptr;
  const clang::Expr* object = call.getArg(static_cast<unsigned>(row.argument));
  if (object->IgnoreParenCasts()->getType()->isPointerType() || row.argument == 0) return object;
  const auto* head = llvm::dyn_cast<clang::UnaryOperator>(call.getArg(0)->IgnoreParenCasts());
  if (head == nullptr || head->getOpcode() != clang::UO_AddrOf) return nullptr;
  const auto* member = llvm::dyn_cast<clang::MemberExpr>(head->getSubExpr()->IgnoreParenCasts());
  while (member != nullptr && !member->isArrow())
    member = llvm::dyn_cast<clang::MemberExpr>(member->getBase()->IgnoreParenCasts());
  return member == nullptr ? nullptr : member->getBase();
}

}  // namespace

class MemoryReader::Flow {
 public:
  std::set<std::string> read(const clang::FunctionDecl& function, const SourcePlace& place,
                             std::map<std::string, MemoryFacts>& facts) {
    Body body(*this, function);
    body.where = {function.getNameAsString(), place};
    body.facts = &facts;
    body.run();
    return std::move(body.handling.released);
  }

 private:
  struct Where {
    std::string function;
    SourcePlace place;
  };

  // One function.
  struct Body {
    Body(Flow& all, const clang::FunctionDecl& function) : flow(all) {
      collect(function.getBody(), statements);
      for (const clang::Stmt* statement : statements) note_sources(*statement);
    }

    void note_sources(const clang::Stmt& statement) {
      if (const auto* binary = llvm::dyn_cast<clang::BinaryOperator>(&statement);
          binary != nullptr && binary->getOpcode() == clang::BO_Assign) {
        const auto* target =
            llvm::dyn_cast<clang::DeclRefExpr>(binary->getLHS()->IgnoreParenCasts());
        if (target != nullptr) sources[target->getDecl()].push_back(binary->getRHS());
      } else if (const auto* declared = llvm::dyn_cast<clang::DeclStmt>(&statement)) {
        for (const clang::Decl* one : declared->decls())
          if (const auto* variable = llvm::dyn_cast<clang::VarDecl>(one);
              variable != nullptr && variable->hasInit())
            sources[variable].push_back(variable->getInit());
      }
    }

    void add_origins(const clang::Expr& expression, Origins& origins, int depth) {
      const clang::Expr* bare = expression.IgnoreParenCasts();
      if (depth > kDeepest) {
        origins.other = true;
      } else if (const auto* either = llvm::dyn_cast<clang::ConditionalOperator>(bare)) {
        add_origins(*either->getTrueExpr(), origins, depth + 1);
        add_origins(*either->getFalseExpr(), origins, depth + 1);
      } else if (const auto* block = llvm::dyn_cast<clang::StmtExpr>(bare);
                 block != nullptr && !block->getSubStmt()->body_empty()) {
        const auto* last = llvm::dyn_cast<clang::Expr>(block->getSubStmt()->body_back());
        if (last != nullptr) add_origins(*last, origins, depth + 1);
      } else if (const auto* call = llvm::dyn_cast<clang::CallExpr>(bare)) {
        add_call(*call, origins);
      } else if (const auto* binary = llvm::dyn_cast<clang::BinaryOperator>(bare);
                 binary != nullptr && (binary->getOpcode() == clang::BO_Assign ||
                                       binary->getOpcode() == clang::BO_Comma)) {
        add_origins(*binary->getRHS(), origins, depth + 1);
      } else if (const auto* name = llvm::dyn_cast<clang::DeclRefExpr>(bare);
                 name != nullptr && is_local(*name->getDecl())) {
        add_local(*name->getDecl(), origins, depth);
      } else if (const auto slot = slot_of(*bare)) {
        origins.slots.insert(*slot);
      } else {
        // A null pointer is nobody's memory.
        origins.other = origins.other || !llvm::isa<clang::IntegerLiteral>(bare);
      }
    }

    void add_call(const clang::CallExpr& call, Origins& origins) {
      const std::string name = callee_name(call);
      if (const AllocRow* row = allocator_of(name)) {
        origins.allocated.insert({family_of(*row, call), name});
      } else if (const Handling* theirs = flow.handling_of(call);
                 theirs != nullptr && !theirs->returns.empty()) {
        origins.allocated.insert(theirs->returns.begin(), theirs->returns.end());
      } else {
        origins.other = true;
      }
    }

    static bool is_local(const clang::ValueDecl& declaration) {
      const auto* variable = llvm::dyn_cast<clang::VarDecl>(&declaration);
      return variable != nullptr && variable->hasLocalStorage();
    }

    void add_local(const clang::ValueDecl& variable, Origins& origins, int depth) {
      if (const auto* parameter = llvm::dyn_cast<clang::ParmVarDecl>(&variable))
        origins.parameters.insert(parameter->getFunctionScopeIndex());
      const auto found = sources.find(&variable);
      if (found == sources.end()) return;
      // Two variables may be set from one another: each counts once.
      if (!open.insert(&variable).second) return;
      for (const clang::Expr* source : found->second) add_origins(*source, origins, depth + 1);
      open.erase(&variable);
    }

    Origins origins_of(const clang::Expr& expression) {
      Origins origins;
      add_origins(expression, origins, 0);
      return origins;
    }

    void run() {
      for (const clang::Stmt* statement : statements) {
        if (const auto* binary = llvm::dyn_cast<clang::BinaryOperator>(statement);
            binary != nullptr && binary->getOpcode() == clang::BO_Assign) {
          stored(*binary->getLHS(), *binary->getRHS());
        } else if (const auto* declared = llvm::dyn_cast<clang::DeclStmt>(statement)) {
          for (const clang::Decl* one : declared->decls())
            if (const auto* variable = llvm::dyn_cast<clang::VarDecl>(one);
                variable != nullptr && variable->hasInit())
              made(variable->getType(), *variable->getInit());
        } else if (const auto* end = llvm::dyn_cast<clang::ReturnStmt>(statement);
                   end != nullptr && end->getRetValue() != nullptr) {
          const Origins origins = origins_of(*end->getRetValue());
          handling.returns.insert(origins.allocated.begin(), origins.allocated.end());
          made(end->getRetValue()->getType(), *end->getRetValue());
        } else if (const auto* call = llvm::dyn_cast<clang::CallExpr>(statement)) {
          called(*call);
        }
      }
    }

    void stored(const clang::Expr& target, const clang::Expr& value) {
      if (!target.getType()->isPointerType()) return;
      const auto* name = llvm::dyn_cast<clang::DeclRefExpr>(target.IgnoreParenCasts());
      if (name == nullptr || !is_local(*name->getDecl()))
        if (const auto slot = slot_of(target))
          for (const Call& call : origins_of(value).allocated) note(*slot, call, true);
      made(target.getType(), value);
    }

    // An object of a type, right where it is allocated.
    void made(clang::QualType type, const clang::Expr& value) {
      if (!type->isPointerType()) return;
      const clang::RecordDecl* record =
          innermost_record(type.getCanonicalType()->getPointeeType(), false);
      if (record == nullptr || record_name(*record).empty()) return;
      for (const Call& call : origins_of(value).allocated) note(record_name(*record), call, true);
    }

    void called(const clang::CallExpr& call) {
      const std::string name = callee_name(call);
      if (const AllocRow* row = release_of(name)) {
        if (const clang::Expr* object = released_by(*row, call))
          released(*object, {family_of(*row, call), name});
        return;
      }
      const Handling* theirs = allocator_of(name) == nullptr ? flow.handling_of(call) : nullptr;
      if (theirs == nullptr) return;
      handling.released.insert(theirs->released.begin(), theirs->released.end());
      for (const auto& [parameter, calls] : theirs->releases)
        if (parameter < call.getNumArgs())
          for (const Call& one : calls) released(*call.getArg(parameter), one);
    }

    void released(const clang::Expr& object, const Call& call) {
      const Origins origins = origins_of(object);
      for (const std::string& slot : origins.slots) note(slot, call, false);
      handling.released.insert(origins.slots.begin(), origins.slots.end());
      for (const unsigned parameter : origins.parameters) handling.releases[parameter].insert(call);
      if (const auto record = pointed_record(object); record && !origins.is_own())
        note(*record, call, false);
    }

    void note(const std::string& slot, const Call& call, bool allocates) const {
      if (facts == nullptr) return;
      MemoryFacts& of_slot = (*facts)[slot];
      (allocates ? of_slot.allocated : of_slot.released)
          .try_emplace(call.first, MemoryCall{call.second, where.function, where.place});
    }

    Flow& flow;
    std::vector<const clang::Stmt*> statements;
    std::map<const clang::ValueDecl*, std::vector<const clang::Expr*>> sources;
    std::set<const clang::ValueDecl*> open;
    Handling handling;
    Where where;
    std::map<std::string, MemoryFacts>* facts = nullptr;
  };

  // Null if the callee has no body here. One that calls itself does, while it is looked at, nothing.
  const Handling* handling_of(const clang::CallExpr& call) {
    const clang::FunctionDecl* callee = call.getDirectCallee();
    const clang::FunctionDecl* defined = nullptr;
    if (callee == nullptr || !callee->hasBody(defined)) return nullptr;
    const auto [entry, fresh] = handling_.try_emplace(defined);
    if (fresh) {
      Body body(*this, *defined);
      body.run();
      entry->second = std::move(body.handling);
    }
    return &entry->second;
  }

  std::map<const clang::FunctionDecl*, Handling> handling_;
};

MemoryReader::MemoryReader() : flow_(std::make_unique<Flow>()) {}
MemoryReader::~MemoryReader() = default;

std::set<std::string> MemoryReader::read(const clang::FunctionDecl& function,
                                         const SourcePlace& place,
                                         std::map<std::string, MemoryFacts>& facts) {
  return flow_->read(function, place, facts);
}

}  // namespace splicer
