// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/arithmetic_uses.h"

#include <clang/AST/ASTContext.h>
#include <clang/AST/RecursiveASTVisitor.h>
#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "splice-cc/semantics/expression.h"
#include "splice-cc/semantics/local_values.h"
#include "splice-cc/semantics/memory_name.h"
#include "splice-cc/semantics/number_functions.h"

namespace splicer {

namespace {

constexpr int kDeepest = 3;  // variables that are set by variables
constexpr std::size_t kMostValues =
    8;  // of one: what is set in more places is no amount that was computed
constexpr const char* kUnknown = "?";

// Functions that count by an amount: linux/atomic/atomic-instrumented.h, percpu_counter.h, user_namespace.h,
// refcount.h, net/sock.h. The place of a count that is found by other means is the function's name.
struct AmountFunction {
  std::string_view name;
  int place;  // -1: none
  unsigned amount;
  bool up;
};
constexpr int kByName = -1;
constexpr AmountFunction kAmountFunctions[] = {
    {"atomic64_add", 1, 0, true},
    {"atomic64_sub", 1, 0, false},
    {"atomic_add", 1, 0, true},
    {"atomic_add_return", 1, 0, true},
    {"atomic_long_add", 1, 0, true},
    {"atomic_long_add_return", 1, 0, true},
    {"atomic_long_sub", 1, 0, false},
    {"atomic_long_sub_return", 1, 0, false},
    {"atomic_sub", 1, 0, false},
    {"atomic_sub_and_test", 1, 0, false},
    {"atomic_sub_return", 1, 0, false},
    {"dec_rlimit_ucounts", kByName, 2, false},
    {"inc_rlimit_ucounts", kByName, 2, true},
    {"percpu_counter_add", 0, 1, true},
    {"percpu_counter_sub", 0, 1, false},
    {"refcount_add", 1, 0, true},
    {"refcount_sub_and_test", 1, 0, false},
};

class ArithmeticReader : public clang::RecursiveASTVisitor<ArithmeticReader> {
 public:
  ArithmeticReader(clang::ASTContext& context, const clang::FunctionDecl& function)
      : context_(context), values_(function.getBody()) {
    TraverseStmt(function.getBody());
    if (!walks_tree_) uses_.orders.clear();
  }
  ArithmeticUses take() { return std::move(uses_); }

  // NOLINTBEGIN(readability-identifier-naming)
  bool VisitBinaryOperator(clang::BinaryOperator* binary) {
    const clang::Expr* left = binary->getLHS();
    const clang::Expr* right = binary->getRHS();
    switch (binary->getOpcode()) {
      case clang::BO_Assign:
        if (const std::string place = memory_of(left); !place.empty())
          for (const std::string& shape : shapes_of(*right, 0)) uses_.stored[place].insert(shape);
        break;
      case clang::BO_AddAssign:
      case clang::BO_SubAssign:
        count(memory_of(left), *right, binary->getOpcode() == clang::BO_AddAssign);
        break;
      case clang::BO_Add:
      case clang::BO_Sub:
        note_read(*binary);
        break;
      case clang::BO_LT:
      case clang::BO_LE:
        note_order(*left, *right);
        break;
      case clang::BO_GT:
      case clang::BO_GE:
        note_order(*right, *left);
        break;
      default:
        break;
    }
    return true;
  }

  bool VisitUnaryOperator(clang::UnaryOperator* unary) {
    if (!unary->isIncrementDecrementOp()) return true;
    if (const std::string place = memory_of(unary->getSubExpr()); !place.empty())
      (unary->isIncrementOp() ? uses_.up : uses_.down)[place].insert("1");
    return true;
  }

  bool VisitMemberExpr(clang::MemberExpr* member) {
    const std::string name = member->getMemberDecl()->getNameAsString();
    walks_tree_ = walks_tree_ || name == "rb_left" || name == "rb_right";
    return true;
  }

  bool VisitCallExpr(clang::CallExpr* call) {
    const std::string name = callee_name(*call);
    if (name.empty()) return true;
    note_amount(*call, name);
    note_bit(*call, name);
    if (name == "refcount_set" && call->getNumArgs() == 2)
      if (const auto value = number(*call->getArg(1)))
        if (const std::string place = memory_of(call->getArg(0)); !place.empty())
          uses_.begins[place].insert(std::to_string(*value));
    if (!is_for_people(name))
      for (const clang::Expr* argument : call->arguments()) note_name(*argument);
    return true;
  }
  // NOLINTEND(readability-identifier-naming)

 private:
  std::optional<std::int64_t> number(const clang::Expr& expression) const {
    return constant_value(expression, context_);
  }

  // All that a variable is set to: "bytes = a; bytes += b;" is "{= a, += b}".
  std::string values_text(const clang::ValueDecl& variable, int depth) const {
    const auto& values = values_.of(variable);
    if (values.empty() || depth >= kDeepest || values.size() > kMostValues) return kUnknown;
    std::set<std::string> texts;
    for (const clang::Expr* value : values) {
      const auto* binary = llvm::dyn_cast<clang::CompoundAssignOperator>(value);
      texts.insert(fmt::format("{} {}", binary == nullptr ? "=" : binary->getOpcodeStr().str(),
                               text(LocalValues::right_side(*value), depth + 1)));
    }
    return fmt::format("{{{}}}", fmt::join(texts, ", "));
  }

  std::string text(const clang::Expr& expression, int depth) const {
    const clang::Expr* plain = bare(&expression);
    if (const auto value = number(*plain)) return std::to_string(*value);
    if (const auto* binary = llvm::dyn_cast<clang::BinaryOperator>(plain);
        binary != nullptr && !binary->isAssignmentOp() && !binary->isComparisonOp())
      return fmt::format("({} {} {})", text(*binary->getLHS(), depth), binary->getOpcodeStr().str(),
                         text(*binary->getRHS(), depth));
    if (const auto* name = llvm::dyn_cast<clang::DeclRefExpr>(plain))
      return values_text(*name->getDecl(), depth);
    if (llvm::isa<clang::MemberExpr>(plain))
      if (std::string place = memory_of(plain); !place.empty()) return place;
    return kUnknown;
  }

  // A sum of constants and one value that is none: "x - 1", "127 - x".
  struct Sum {
    const clang::Expr* value = nullptr;
    bool negative = false;
    std::int64_t constant = 0;
    // "+1", "-1", "127-"; empty if it is the value itself.
    std::string shape() const {
      if (negative) return fmt::format("{}-", constant);
      return constant == 0 ? std::string() : fmt::format("{:+}", constant);
    }
  };

  // Nothing if it is no such sum.
  std::optional<Sum> sum_of(const clang::Expr& expression) const {
    const clang::Expr* plain = bare(&expression);
    constexpr std::int64_t kMost = std::int64_t{1} << 40;  // of what is computed here; no overflow
    if (const auto value = number(*plain)) {
      if (*value > kMost || *value < -kMost) return std::nullopt;
      return Sum{nullptr, false, *value};
    }
    const auto* binary = llvm::dyn_cast<clang::BinaryOperator>(plain);
    const bool adds = binary != nullptr && binary->getOpcode() == clang::BO_Add;
    const bool subtracts = binary != nullptr && binary->getOpcode() == clang::BO_Sub;
    if ((!adds && !subtracts) || !plain->getType()->isIntegerType()) return Sum{plain};
    const auto left = sum_of(*binary->getLHS());
    const auto right = sum_of(*binary->getRHS());
    if (!left || !right || (left->value != nullptr && right->value != nullptr)) return Sum{plain};
    Sum sum = left->value != nullptr ? *left : *right;
    if (left->value == nullptr) sum.negative = sum.negative != subtracts;
    sum.constant = left->constant + (subtracts ? -right->constant : right->constant);
    return sum;
  }

  // Of a value, or of all that a local variable is set to.
  std::set<std::string> shapes_of(const clang::Expr& expression, int depth) const {
    const auto sum = sum_of(expression);
    if (!sum || sum->value == nullptr) return {};
    if (std::string shape = sum->shape(); !shape.empty()) return {std::move(shape)};
    const auto* name = llvm::dyn_cast<clang::DeclRefExpr>(bare(&expression));
    std::set<std::string> shapes;
    if (name == nullptr || depth >= kDeepest) return shapes;
    const auto& values = values_.of(*name->getDecl());
    if (values.size() > kMostValues) return shapes;
    for (const clang::Expr* value : values)
      shapes.merge(shapes_of(LocalValues::right_side(*value), depth + 1));
    return shapes;
  }

  // Of a sum the outermost: of "128 - x - 1" not "128 - x", too.
  void note_read(const clang::BinaryOperator& binary) {
    const auto sum = sum_of(binary);
    if (!sum || sum->value == nullptr || sum->value == &binary) return;
    for (const clang::Expr* side : {binary.getLHS(), binary.getRHS()})
      if (const auto* inner = llvm::dyn_cast<clang::BinaryOperator>(bare(side)))
        inside_sums_.insert(inner);
    if (inside_sums_.contains(&binary)) return;
    const std::string place = memory_of(sum->value);
    if (const std::string shape = sum->shape(); !place.empty() && !shape.empty())
      uses_.read[place].insert(shape);
  }

  void count(const std::string& place, const clang::Expr& amount, bool up) {
    if (place.empty() || !amount.getType()->isIntegerType()) return;
    (up ? uses_.up : uses_.down)[place].insert(text(amount, 0));
  }

  void note_amount(const clang::CallExpr& call, std::string_view name) {
    name.remove_prefix(std::min(name.find_first_not_of('_'), name.size()));
    const auto* row = std::ranges::find(kAmountFunctions, name, &AmountFunction::name);
    if (row == std::end(kAmountFunctions) || call.getNumArgs() <= row->amount ||
        static_cast<int>(call.getNumArgs()) <= row->place)
      return;
    // The two halves of what has no place are named alike.
    const std::string place = row->place == kByName
                                  ? std::string(name.substr(name.find('_') + 1))
                                  : memory_of(call.getArg(static_cast<unsigned>(row->place)));
    if (row->place != kByName) return count(place, *call.getArg(row->amount), row->up);
    // Which of the counts it is say the other arguments.
    std::string all;
    for (const clang::Expr* argument : call.arguments())
      if (argument->getType()->isIntegerType())
        all += (all.empty() ? "" : ", ") + text(*argument, 0);
    (row->up ? uses_.up : uses_.down)[place].insert(all);
  }

  void note_bit(const clang::CallExpr& call, std::string_view name) {
    const NumberFunction* one = number_function(name, call.getNumArgs());
    if (one == nullptr || !one->is_bit) return;
    const clang::Expr& index = *call.getArg(one->constant);
    const std::string place = memory_of(call.getArg(one->memory));
    if (place.empty() || number(index)) return;
    std::set<std::string> shapes = shapes_of(index, 0);
    if (shapes.empty()) shapes.insert("+0");
    if (one->tests) uses_.tested[place].insert(shapes.begin(), shapes.end());
    if (one->stores) uses_.set[place].insert(shapes.begin(), shapes.end());
  }

  std::string operand(const clang::Expr& expression) const {
    if (const auto* name = llvm::dyn_cast<clang::DeclRefExpr>(bare(&expression)))
      return name->getDecl()->getNameAsString();
    return text(expression, kDeepest);
  }

  void note_order(const clang::Expr& less, const clang::Expr& more) {
    const std::string one = operand(less);
    const std::string other = operand(more);
    if (one != kUnknown && other != kUnknown)
      uses_.orders.insert(fmt::format("{} < {}", one, other));
  }

  // "driver", "consumer:%s"; what ends with a line is for people.
  void note_name(const clang::Expr& argument) {
    const auto* literal = llvm::dyn_cast<clang::StringLiteral>(bare(&argument));
    if (literal == nullptr || !literal->isAscii()) return;
    const std::string name = literal->getString().str();
    if (!name.empty() && name.find('\n') == std::string::npos) uses_.names.insert(name);
  }

  clang::ASTContext& context_;
  LocalValues values_;
  std::set<const clang::BinaryOperator*> inside_sums_;
  bool walks_tree_ = false;
  ArithmeticUses uses_;
};

}  // namespace

ArithmeticUses read_arithmetic_uses(clang::ASTContext& context,
                                    const clang::FunctionDecl& function) {
  return ArithmeticReader(context, function).take();
}

}  // namespace splicer
