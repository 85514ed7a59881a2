// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/place_uses.h"

#include <clang/AST/ASTContext.h>
#include <clang/AST/RecursiveASTVisitor.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "splice-cc/semantics/alloc_families.h"
#include "splice-cc/semantics/expression.h"
#include "splice-cc/semantics/memory_name.h"
#include "splice-cc/semantics/number_functions.h"
#include "splice-cc/semantics/slot.h"
#include "splice-cc/semantics/type_text.h"

namespace splicer {

namespace {

// What live objects hang in, or wait in: linux/types.h, list_nulls.h, llist.h, wait.h, swait.h, completion.h,
// xarray.h, idr.h, rbtree.h, skbuff.h, notifier.h, rhashtable-types.h, srcu.h.
constexpr const char* kWorkQueue = "struct workqueue_struct";
constexpr std::array<std::string_view, 24> kContainers = {"struct list_head",
                                                          "struct hlist_head",
                                                          "struct hlist_node",
                                                          "struct hlist_bl_head",
                                                          "struct hlist_nulls_head",
                                                          "struct llist_head",
                                                          "struct wait_queue_head",
                                                          "struct swait_queue_head",
                                                          "struct completion",
                                                          "struct xarray",
                                                          "struct idr",
                                                          "struct ida",
                                                          "struct rb_root",
                                                          "struct rb_root_cached",
                                                          "struct rb_node",
                                                          "struct sk_buff_head",
                                                          "struct bio_list",
                                                          "struct blocking_notifier_head",
                                                          "struct atomic_notifier_head",
                                                          "struct raw_notifier_head",
                                                          "struct srcu_notifier_head",
                                                          "struct rhashtable",
                                                          "struct rhltable",
                                                          "struct srcu_struct"};

// Functions of one number that give it in another unit, or of another kind: linux/jiffies.h, ktime.h,
// time.h, byteorder/generic.h, asm/page.h, mm.h.
bool is_conversion(std::string_view name) {
  static constexpr std::array<std::string_view, 12> kWords = {
      "to_jiffies", "jiffies_to", "ktime_to", "to_ktime", "clock_t_to", "to_clock_t",
      "cpu_to_",    "_to_cpu",    "to_virt",  "virt_to_", "page_to_",   "pfn_to_"};
  static constexpr std::array<std::string_view, 5> kNames = {"htons", "htonl", "ntohs", "ntohl",
                                                             "phys_to_page"};
  return std::ranges::find(kNames, name) != kNames.end() ||
         std::ranges::any_of(kWords, [&](std::string_view word) {
           return name.find(word) != std::string_view::npos;
         });
}

// linux/timekeeping.h, jiffies.h, sched/clock.h: what a moment is counted by.
bool is_clock(std::string_view name) {
  static constexpr std::array<std::string_view, 9> kBeginnings = {
      "ktime_get", "get_jiffies_64", "jiffies",      "local_clock", "sched_clock",
      "cpu_clock", "get_cycles",     "current_time", "__ktime_get"};
  return std::ranges::any_of(kBeginnings,
                             [&](std::string_view one) { return name.starts_with(one); });
}

// What only speaks: a call of it that is made no more is no loss.
bool only_speaks(std::string_view name) {
  static constexpr std::array<std::string_view, 11> kWords = {
      "print", "trace_", "_warn",      "dev_",  "lockdep",    "might_",
      "WARN",  "_err",   "__builtin_", "debug", "kasan_check"};
  return std::ranges::any_of(
      kWords, [&](std::string_view word) { return name.find(word) != std::string_view::npos; });
}

// The conversions and clocks in an expression.
struct Conversions : clang::RecursiveASTVisitor<Conversions> {
  std::set<std::string> names;
  bool scaled =
      false;  // by a number, as nanoseconds to seconds: of which unit it is then is not known
  // NOLINTBEGIN(readability-identifier-naming)
  bool VisitBinaryOperator(clang::BinaryOperator* binary) {
    scaled = scaled || binary->isMultiplicativeOp() || binary->isShiftOp();
    return true;
  }
  bool VisitCallExpr(clang::CallExpr* call) {
    const std::string name = callee_name(*call);
    if (is_conversion(name) || is_clock(name)) names.insert(name);
    scaled = scaled || name.find("div") != std::string::npos;
    return true;
  }
  bool VisitDeclRefExpr(clang::DeclRefExpr* name) {
    if (const auto* variable = llvm::dyn_cast<clang::VarDecl>(name->getDecl());
        variable != nullptr && variable->hasGlobalStorage() && is_clock(variable->getName().str()))
      names.insert(variable->getNameAsString());
    return true;
  }
  // NOLINTEND(readability-identifier-naming)
};

class PlaceReader : public clang::RecursiveASTVisitor<PlaceReader> {
 public:
  PlaceReader(clang::ASTContext& context, const clang::FunctionDecl& function)
      : context_(context), function_(function) {}

  PlaceUses run() {
    TraverseStmt(function_.getBody());
    for (const auto& entry : guards_of_calls(function_, context_)) {
      const Guards& guards = entry.second;
      const std::string callee = callee_name(*entry.first);
      if (callee.empty() || only_speaks(callee)) continue;
      const auto [all, fresh] = uses_.guarded.try_emplace(callee, guards);
      if (!fresh)
        std::erase_if(all->second, [&](const Guard& guard) { return !guards.contains(guard); });
    }
    return std::move(uses_);
  }

  // NOLINTBEGIN(readability-identifier-naming)
  bool VisitMemberExpr(clang::MemberExpr* member) {
    note_container(*member);
    return true;
  }

  bool VisitDeclRefExpr(clang::DeclRefExpr* name) {
    if (llvm::isa<clang::VarDecl>(name->getDecl())) note_container(*name);
    return true;
  }

  bool VisitBinaryOperator(clang::BinaryOperator* binary) {
    if (!binary->isAssignmentOp()) return true;
    const std::string place = memory_of(binary->getLHS());
    if (place.empty()) return true;
    Conversions conversions;
    conversions.TraverseStmt(binary->getRHS());
    if (!conversions.names.empty() && !conversions.scaled)
      uses_.stored[place].merge(conversions.names);
    note_mark(place, *binary);
    return true;
  }

  bool VisitUnaryOperator(clang::UnaryOperator* unary) {
    if (!unary->isIncrementDecrementOp()) return true;
    if (std::string place = memory_of(unary->getSubExpr()); !place.empty())
      uses_.marks.emplace(std::move(place), kAnyValue);
    return true;
  }

  // { .flags = OWNS }
  bool VisitInitListExpr(clang::InitListExpr* list) {
    // As it is written, members may be named; the other form has one value for each, in order.
    const clang::InitListExpr* all = list->isSemanticForm() ? list : list->getSemanticForm();
    const auto* type = list->getType()->getAs<clang::RecordType>();
    if (all == nullptr || type == nullptr) return true;
    unsigned number = 0;
    for (const clang::FieldDecl* field : type->getDecl()->fields()) {
      if (number >= all->getNumInits()) break;
      const clang::Expr* value = all->getInit(number++);
      if (const std::string owner = owner_name(*type->getDecl()); !owner.empty())
        note_value(owner + "." + field->getNameAsString(), *value);
    }
    return true;
  }

  bool VisitCallExpr(clang::CallExpr* call) {
    const std::string name = callee_name(*call);
    if (is_conversion(name))
      for (const clang::Expr* argument : call->arguments())
        if (const std::string place = memory_of(argument); !place.empty())
          uses_.read[place].insert(name);
    note_release(*call, name);
    note_size(*call, name);
    note_queues(*call, name);
    if (const NumberFunction* one = number_function(name, call->getNumArgs())) {
      note_bit(*call, *one);
      return true;
    }
    // get_user(x->flags), foo(&x->flags): it may set anything.
    for (const clang::Expr* argument : call->arguments())
      if (const auto* address = llvm::dyn_cast<clang::UnaryOperator>(bare(argument));
          address != nullptr && address->getOpcode() == clang::UO_AddrOf &&
          address->getSubExpr()->getType()->isScalarType())
        if (std::string place = memory_of(address->getSubExpr()); !place.empty())
          uses_.marks.emplace(std::move(place), kAnyValue);
    return true;
  }
  // NOLINTEND(readability-identifier-naming)

 private:
  std::optional<std::int64_t> number(const clang::Expr& expression) const {
    return constant_value(expression, context_);
  }

  // Its structure is known to kernel/workqueue.c only.
  static bool is_work_queue(clang::QualType type) {
    const auto* pointer = type.getCanonicalType()->getAs<clang::PointerType>();
    const auto* record =
        pointer == nullptr ? nullptr : pointer->getPointeeType()->getAs<clang::RecordType>();
    return record != nullptr && record_name(*record->getDecl()) == kWorkQueue;
  }

  void note_container(const clang::Expr& expression) {
    const clang::RecordDecl* record = innermost_record(expression.getType(), false);
    if (record == nullptr) return;
    const std::string type = record_name(*record);
    if (std::ranges::find(kContainers, type) == kContainers.end()) return;
    if (const std::string place = memory_of(&expression);
        !place.empty() &&
        std::ranges::find(kContainers, place.substr(0, place.rfind('.'))) == kContainers.end())
      ++uses_.holds.try_emplace(place, HeldIn{type}).first->second.uses;
  }

  // ida_free(&ids, x->id), free_irq(x->irq, x)
  void note_release(const clang::CallExpr& call, std::string_view name) {
    static constexpr std::array<std::string_view, 5> kWords = {"free", "release", "remove",
                                                               "unregister", "destroy"};
    if (std::ranges::none_of(kWords, [&](std::string_view word) {
          return name.find(word) != std::string_view::npos;
        }))
      return;
    for (const clang::Expr* argument : call.arguments())
      if (argument->getType()->isIntegerType() && llvm::isa<clang::MemberExpr>(bare(argument)))
        if (std::string place = memory_of(argument); !place.empty())
          uses_.released.insert(std::move(place));
  }

  // sk->sk_destruct = foo_destruct
  void note_callback(const std::string& place, const clang::Expr& value) {
    if (const clang::FunctionDecl* function = function_named_by(value))
      uses_.callbacks[place].insert(function->getNameAsString());
  }

  void note_queues(const clang::CallExpr& call, const std::string& name) {
    for (const clang::Expr* argument : call.arguments()) {
      if (!is_work_queue(bare(argument)->getType())) continue;
      if (const std::string place = memory_of(argument); !place.empty())
        uses_.queues[name].insert(place);
    }
  }

  void note_mark(const std::string& place, const clang::BinaryOperator& assignment) {
    const auto value = number(*assignment.getRHS());
    switch (assignment.getOpcode()) {
      case clang::BO_Assign:
        note_callback(place, *assignment.getRHS());
        note_value(place, *assignment.getRHS());
        return;
      case clang::BO_AndAssign:
        if (value && *value < 0)
          uses_.clears.emplace(place, ~*value);
        else
          uses_.clears.emplace(place, kAnyValue);
        return;
      default:
        uses_.marks.emplace(place, value.value_or(kAnyValue));
        return;
    }
  }

  void note_value(const std::string& place, const clang::Expr& value) {
    if (llvm::isa<clang::ImplicitValueInitExpr>(value)) return;
    // A null pointer is a zero, too.
    const auto stored = number(value.getType()->isPointerType() ? *bare(&value) : value);
    if (stored && *stored == 0)
      uses_.clears.emplace(place, kAnyValue);
    else
      uses_.marks.emplace(place, stored.value_or(kCopied));
  }

  void note_bit(const clang::CallExpr& call, const NumberFunction& one) {
    if (!one.stores) return;
    std::string place = memory_of(call.getArg(one.memory));
    if (place.empty()) return;
    auto number_given = number(*call.getArg(one.constant));
    if (one.is_bit && number_given) number_given = mask_of_bit(*number_given);
    const std::int64_t value = number_given.value_or(kAnyValue);
    if (value == 0)
      uses_.clears.emplace(std::move(place), kAnyValue);
    else
      (one.clears ? uses_.clears : uses_.marks).emplace(std::move(place), value);
  }

  // free_pages(x->ring, 2), dma_free_coherent(dev, SIZE, x->ring, ...)
  void note_size(const clang::CallExpr& call, const std::string& name) {
    const AllocRow* row = release_of(name);
    if (row == nullptr || static_cast<unsigned>(row->argument) >= call.getNumArgs()) return;
    const auto object = static_cast<unsigned>(row->argument);
    const std::string place = memory_of(call.getArg(object));
    if (place.empty()) return;
    for (unsigned i = 0; i < call.getNumArgs(); ++i)
      if (i != object && call.getArg(i)->getType()->isIntegerType())
        if (const auto size = number(*call.getArg(i)))
          uses_.sizes[place].insert(name + " with " + std::to_string(*size));
  }

  clang::ASTContext& context_;
  const clang::FunctionDecl& function_;
  PlaceUses uses_;
};

}  // namespace

PlaceUses read_place_uses(clang::ASTContext& context, const clang::FunctionDecl& function) {
  return PlaceReader(context, function).run();
}

}  // namespace splicer
