// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/value_text.h"

#include <clang/AST/ASTContext.h>
#include <clang/AST/Decl.h>
#include <clang/AST/Expr.h>
#include <clang/AST/Stmt.h>
#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "splice-cc/semantics/accessor.h"
#include "splice-cc/semantics/expression.h"
#include "splice-cc/semantics/slot.h"

namespace splicer {

namespace {

constexpr int kDeepest = 12;  // of an expression, what variables stand for included
constexpr int kDeepestCall = 3;
constexpr unsigned kMostParts = 4000;  // texts that are kept have some dozens

// What stands for the member that it is, wherever it is found: linux/types.h, workqueue_types.h, rbtree_types.h,
// timer_types.h.
bool is_building_block(std::string_view record) {
  static constexpr std::array<std::string_view, 16> kRecords = {
      "atomic64_t",           "atomic_t",
      "struct callback_head", "struct delayed_work",
      "struct hlist_head",    "struct hlist_node",
      "struct hrtimer",       "struct kref",
      "struct list_head",     "struct rb_node",
      "struct rb_root",       "struct refcount_struct",
      "struct timer_list",    "struct wait_queue_head",
      "struct work_struct",   "struct rcu_work"};
  return std::ranges::find(kRecords, record) != kRecords.end();
}

bool is_address(const clang::Expr& expression) {
  const auto* unary = llvm::dyn_cast<clang::UnaryOperator>(&expression);
  return unary != nullptr && unary->getOpcode() == clang::UO_AddrOf;
}

// Without what does not say which memory it is: READ_ONCE(x) is *(volatile T *)&x.
const clang::Expr* address_or_value(const clang::Expr& expression) {
  const clang::Expr* at = bare(&expression);
  for (;;) {
    const auto* unary = llvm::dyn_cast<clang::UnaryOperator>(at);
    if (unary == nullptr ||
        (unary->getOpcode() != clang::UO_AddrOf && unary->getOpcode() != clang::UO_Deref &&
         unary->getOpcode() != clang::UO_Extension))
      return at;
    at = bare(unary->getSubExpr());
  }
}

const LocalValues& no_values() {
  static const LocalValues none(nullptr);
  return none;
}

}  // namespace

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("-0123456789") == std::string_view::npos;
}

ValueText::ValueText(const clang::ASTContext& context, const LocalValues& values, Calls calls)
    : context_(context), values_(values), calls_(calls) {}

ValueText::ValueText(const ValueText& outer, const clang::CallExpr& call,
                     const clang::FunctionDecl& callee)
    : context_(outer.context_),
      values_(no_values()),
      calls_(outer.calls_),
      outer_(&outer),
      calls_deep_(outer.calls_deep_ + 1) {
  const clang::FunctionDecl* definition = nullptr;
  if (!callee.hasBody(definition)) return;
  for (unsigned i = 0; i < std::min(call.getNumArgs(), definition->getNumParams()); ++i)
    parameters_.emplace(definition->getParamDecl(i), call.getArg(i));
}

std::optional<std::int64_t> ValueText::number(const clang::Expr& expression) const {
  if (const auto value = constant_value(expression, context_)) return value;
  const auto* name = llvm::dyn_cast<clang::DeclRefExpr>(bare(&expression));
  const auto given = name == nullptr ? parameters_.end() : parameters_.find(name->getDecl());
  return given == parameters_.end() ? std::nullopt : outer_->number(*given->second);
}

void ValueText::refill() const {
  if (outer_ != nullptr) return outer_->refill();
  left_ = kMostParts;
}

bool ValueText::is_spent() const {
  if (outer_ != nullptr) return outer_->is_spent();
  if (left_ == 0) return true;
  --left_;
  return false;
}

bool ValueText::is_deep() const { return calls_deep_ >= kDeepestCall; }

std::string ValueText::place(const clang::Expr& expression, int depth) const {
  const clang::Expr* at = address_or_value(expression);
  if (depth > kDeepest) return {};
  if (const auto* element = llvm::dyn_cast<clang::ArraySubscriptExpr>(at)) {
    const std::string array = place(*element->getBase(), depth + 1);
    const auto index = number(*element->getIdx());
    return array.empty() || !index ? array : fmt::format("{}[{}]", array, *index);
  }
  if (const auto* member = llvm::dyn_cast<clang::MemberExpr>(at)) {
    const auto* field = llvm::dyn_cast<clang::FieldDecl>(member->getMemberDecl());
    if (field == nullptr || is_on_stack(*member)) return {};
    const std::string owner = owner_name(*field->getParent());
    if (is_building_block(owner))
      if (std::string outer = place(*member->getBase(), depth + 1); !outer.empty())
        return outer + "." + field->getName().str();
    return owner.empty() || field->getName().empty() ? std::string()
                                                     : owner + "." + field->getName().str();
  }
  if (const auto* name = llvm::dyn_cast<clang::DeclRefExpr>(at)) {
    const auto* variable = llvm::dyn_cast<clang::VarDecl>(name->getDecl());
    if (variable == nullptr) return {};
    if (const auto given = parameters_.find(variable); given != parameters_.end())
      return outer_->place(*given->second, depth + 1);
    if (variable->hasGlobalStorage()) return variable->getNameAsString();
    // struct work_struct *w = &x->work; w->func = f;
    const clang::Expr* value = values_.only(*variable);
    return value != nullptr && is_address(*bare(value)) ? place(*value, depth + 1) : std::string();
  }
  return {};
}

std::string ValueText::text(const clang::Expr& expression, Places& places, int depth) const {
  const clang::Expr* plain = bare(&expression);
  if (depth == 0) refill();
  if (depth > kDeepest || is_spent()) return kUnknown;
  if (const auto value = number(*plain)) return std::to_string(*value);
  if (const auto* statements = llvm::dyn_cast<clang::StmtExpr>(plain)) {
    const clang::CompoundStmt* body = statements->getSubStmt();
    const auto* last =
        body->body_empty() ? nullptr : llvm::dyn_cast<clang::Expr>(body->body_back());
    return last == nullptr ? kUnknown : text(*last, places, depth + 1);
  }
  if (const auto* unary = llvm::dyn_cast<clang::UnaryOperator>(plain))
    return unary_text(*unary, places, depth);
  if (const auto* binary = llvm::dyn_cast<clang::BinaryOperator>(plain))
    return binary_text(*binary, places, depth);
  if (const auto* choice = llvm::dyn_cast<clang::AbstractConditionalOperator>(plain))
    return choice_text(*choice, places, depth);
  if (const auto* call = llvm::dyn_cast<clang::CallExpr>(plain))
    return call_text(*call, places, depth);
  if (const auto* literal = llvm::dyn_cast<clang::StringLiteral>(plain))
    return literal->isAscii() ? '"' + literal->getString().str() + '"' : kUnknown;
  return memory_text(*plain, places, depth);
}

std::string ValueText::unary_text(const clang::UnaryOperator& unary, Places& places,
                                  int depth) const {
  std::string inner = text(*unary.getSubExpr(), places, depth + 1);
  switch (unary.getOpcode()) {
    case clang::UO_Minus:
    case clang::UO_Not:
      return clang::UnaryOperator::getOpcodeStr(unary.getOpcode()).str() + inner;
    case clang::UO_PreInc:
    case clang::UO_PostInc:
      return fmt::format("(1 + {})", inner);
    case clang::UO_PreDec:
    case clang::UO_PostDec:
      return fmt::format("({} - 1)", inner);
    case clang::UO_AddrOf:
      return "&" + inner;
    case clang::UO_Deref:
      // READ_ONCE(x) is *(volatile T *)&x.
      return inner.starts_with('&') ? inner.substr(1) : "*" + inner;
    default:
      return inner;  // !x as x: whichever branch
  }
}

std::string ValueText::binary_text(const clang::BinaryOperator& binary, Places& places,
                                   int depth) const {
  if (binary.getOpcode() == clang::BO_Assign || binary.getOpcode() == clang::BO_Comma)
    return text(*binary.getRHS(), places, depth + 1);
  if (binary.isLogicalOp()) return kUnknown;  // each side is asked by itself
  const clang::BinaryOperatorKind kind =
      binary.isCompoundAssignmentOp()
          ? clang::BinaryOperator::getOpForCompoundAssignment(binary.getOpcode())
          : binary.getOpcode();
  const std::string sign = clang::BinaryOperator::getOpcodeStr(kind).str();
  std::string left = text(*binary.getLHS(), places, depth + 1);
  std::string right = text(*binary.getRHS(), places, depth + 1);
  const auto written = [&] { return fmt::format("({} {} {})", left, sign, right); };
  switch (kind) {
    case clang::BO_NE:
    case clang::BO_EQ:
      if (right == "0" || left == "0") return right == "0" ? left : right;
      if (right < left) std::swap(left, right);
      return fmt::format("({} == {})", left, right);
    // a < b, b > a, and the contrary of a >= b.
    case clang::BO_LT:
    case clang::BO_GE:
      return fmt::format("({} < {})", left, right);
    case clang::BO_GT:
    case clang::BO_LE:
      return fmt::format("({} < {})", right, left);
    case clang::BO_Add:
    case clang::BO_Mul:
    case clang::BO_And:
    case clang::BO_Or:
    case clang::BO_Xor:
      if (right < left) std::swap(left, right);
      return written();
    default:
      return written();
  }
}

// A bound is no meaning: min(x, 7), which is x < 7 ? x : 7, is x.
std::string ValueText::choice_text(const clang::AbstractConditionalOperator& choice, Places& places,
                                   int depth) const {
  std::string first = text(*choice.getTrueExpr(), places, depth + 1);
  std::string other = text(*choice.getFalseExpr(), places, depth + 1);
  if (first == other) return first;
  const clang::Expr* condition = bare(choice.getCond());
  const auto* asked = llvm::dyn_cast<clang::BinaryOperator>(condition);
  if (asked != nullptr && asked->isRelationalOp() && is_number(first) != is_number(other)) {
    const std::set<std::string> sides = {text(*asked->getLHS(), places, depth + 1),
                                         text(*asked->getRHS(), places, depth + 1)};
    if (sides == std::set<std::string>{first, other}) return is_number(first) ? other : first;
  }
  return fmt::format("({} ? {} : {})", text(*condition, places, depth + 1), first, other);
}

std::string ValueText::call_text(const clang::CallExpr& call, Places& places, int depth) const {
  const std::string name = callee_name(call);
  // __builtin_expect(x, 1), __builtin_constant_p() and their like say nothing of the value.
  if (name.starts_with("__builtin_"))
    return call.getNumArgs() == 0 ? kUnknown : text(*call.getArg(0), places, depth + 1);
  if (const clang::FunctionDecl* callee = call.getDirectCallee(); callee != nullptr && !is_deep())
    if (const clang::Expr* given = given_by(*callee))
      return ValueText(*this, call, *callee).text(*given, places, depth + 1);
  std::vector<std::string> arguments;
  if (calls_ == Calls::named) return name.empty() ? kUnknown : name + "()";
  for (const clang::Expr* argument : call.arguments())
    arguments.push_back(text(*argument, places, depth + 1));
  return fmt::format("{}({})", name.empty() ? kUnknown : name, fmt::join(arguments, ", "));
}

// What it is set to: "n = a; if (n > b) n = b;" is "{a, b}", and only a if b is a number, which is a bound. Empty if it is set by other means, too.
std::string ValueText::variable_text(const clang::Decl& variable, Places& places, int depth) const {
  if (const clang::Expr* value = values_.only(variable)) return text(*value, places, depth + 1);
  const auto& values = values_.of(variable);
  constexpr std::size_t kMost = 8;  // more is a parser's
  if (values.empty() || values.size() > kMost || values_.is_changed(variable)) return {};
  std::set<std::string> texts;
  for (const clang::Expr* value : values) {
    const auto* compound = llvm::dyn_cast<clang::CompoundAssignOperator>(value);
    const std::string how = compound == nullptr ? "" : compound->getOpcodeStr().str() + " ";
    texts.insert(how + text(LocalValues::right_side(*value), places, depth + kDeepest / 3));
  }
  if (!std::ranges::all_of(texts, is_number)) std::erase_if(texts, is_number);
  return texts.size() == 1 ? *texts.begin() : fmt::format("{{{}}}", fmt::join(texts, ", "));
}

std::string ValueText::memory_text(const clang::Expr& plain, Places& places, int depth) const {
  if (const auto* name = llvm::dyn_cast<clang::DeclRefExpr>(&plain)) {
    if (llvm::isa<clang::FunctionDecl>(name->getDecl())) return name->getDecl()->getNameAsString();
    if (const auto given = parameters_.find(name->getDecl()); given != parameters_.end())
      return outer_->text(*given->second, places, depth + 1);
    if (std::string known = variable_text(*name->getDecl(), places, depth); !known.empty())
      return known;
  }
  std::string where = place(plain);
  if (where.empty()) return kUnknown;
  places.insert(where);
  if (const auto* element = llvm::dyn_cast<clang::ArraySubscriptExpr>(&plain);
      element != nullptr && !number(*element->getIdx()))
    where += fmt::format("[{}]", text(*element->getIdx(), places, depth + 1));
  return where;
}

}  // namespace splicer
