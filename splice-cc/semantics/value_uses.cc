// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/value_uses.h"

#include <clang/AST/ASTContext.h>
#include <clang/AST/RecursiveASTVisitor.h>
#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "splice-cc/semantics/accessor.h"
#include "splice-cc/semantics/expression.h"
#include "splice-cc/semantics/local_values.h"
#include "splice-cc/semantics/value_text.h"

namespace splicer {

namespace {

constexpr const char* kUnknown = ValueText::kUnknown;
constexpr std::size_t kLongest = 300;  // of a text: what is longer is computed, not kept

// Functions that store into the memory that their first argument points to, and what of that they are told.
bool is_store(std::string_view callee) {
  static constexpr std::array<std::string_view, 13> kStores = {
      "INIT_LIST_HEAD", "list_replace", "copy_from_user", "hlist_add_",      "list_add",
      "list_move",      "memcpy",       "memset",         "rb_insert_color", "refcount_set",
      "strcpy",         "strlcpy",      "strscpy"};
  while (callee.starts_with('_')) callee.remove_prefix(1);
  return std::ranges::any_of(kStores,
                             [&](std::string_view one) { return callee.starts_with(one); });
}

// Functions that make something under a key, and that find it again by that: kernel/irq/manage.c, fs/inode.c,
// kernel/dma/mapping.c, block/bdev.c, include/linux/netdevice.h. `key` is the argument's number.
struct KeyFunction {
  std::string_view name;
  std::string_view family;
  unsigned key;
  bool finds;
};
constexpr KeyFunction kKeyFunctions[] = {
    {"blkdev_get_by_dev", "block device", 1, false},
    {"blkdev_get_by_path", "block device", 1, false},
    {"blkdev_put", "block device", 1, true},
    {"devm_free_irq", "interrupt", 2, true},
    {"devm_request_irq", "interrupt", 5, false},
    {"devm_request_threaded_irq", "interrupt", 6, false},
    {"dma_map_page_attrs", "DMA mapping", 3, false},
    {"dma_unmap_page_attrs", "DMA mapping", 2, true},
    {"find_inode_by_ino_rcu", "inode", 1, true},
    {"find_inode_rcu", "inode", 1, true},
    {"free_irq", "interrupt", 1, true},
    {"iget5_locked", "inode", 1, false},
    {"iget_locked", "inode", 1, false},
    {"ilookup", "inode", 1, true},
    {"ilookup5", "inode", 1, true},
    {"ilookup5_nowait", "inode", 1, true},
    {"insert_inode_locked4", "inode", 1, false},
    {"netdev_tx_completed_queue", "byte queue", 2, true},
    {"netdev_tx_sent_queue", "byte queue", 1, false},
    {"request_irq", "interrupt", 4, false},
    {"request_threaded_irq", "interrupt", 5, false},
};
const KeyFunction* key_function(std::string_view name, unsigned arguments) {
  const auto* row = std::ranges::find(kKeyFunctions, name, &KeyFunction::name);
  return row == std::end(kKeyFunctions) || arguments <= row->key ? nullptr : row;
}

// Flags whose functions are made of their names: include/linux/page-flags.h, buffer_head.h.
struct FlagFunction {
  std::string_view set;
  std::string_view test;
};
constexpr FlagFunction kFlagFunctions[] = {{"SetPage", "Page"},
                                           {"__SetPage", "Page"},
                                           {"folio_set_", "folio_test_"},
                                           {"set_buffer_", "buffer_"}};

// A pointer goes by its type, too, as the two halves come by it in different ways; a sum by what is added.
std::string key_text(const std::string& text, const clang::Expr& expression) {
  constexpr std::string_view kAdded = "+= ";
  const clang::QualType type = bare(&expression)->getType();
  if (type->isPointerType()) return type.getAsString() + ": " + text;
  return text.starts_with(kAdded) ? text.substr(kAdded.size()) : text;
}

class ValueReader : public clang::RecursiveASTVisitor<ValueReader> {
 public:
  ValueReader(clang::ASTContext& context, const clang::FunctionDecl& function)
      : values_(function.getBody()),
        stored_(context, values_, ValueText::Calls::whole),
        used_(context, values_, ValueText::Calls::named) {
    TraverseStmt(function.getBody());
  }
  ValueUses take() { return std::move(uses_); }

  // NOLINTBEGIN(readability-identifier-naming)
  bool VisitBinaryOperator(clang::BinaryOperator* binary) {
    if (binary->isLogicalOp()) {
      ask(*binary->getLHS());
      ask(*binary->getRHS());
      return true;
    }
    if (!binary->isAssignmentOp()) return true;
    const std::string place = stored_.place(*binary->getLHS());
    if (place.empty()) {
      const auto* name = llvm::dyn_cast<clang::DeclRefExpr>(bare(binary->getLHS()));
      // What has one value is used where the variable is.
      if (name == nullptr || values_.only(*name->getDecl()) == nullptr)
        use("? = ", *binary->getRHS());
      return true;
    }
    store(stored_, place, "", {binary});
    use(place + " = ", *binary->getRHS());
    return true;
  }
  bool VisitUnaryOperator(clang::UnaryOperator* unary) {
    if (unary->isIncrementDecrementOp())
      store(stored_, stored_.place(*unary->getSubExpr()), "", {unary});
    return true;
  }
  bool VisitVarDecl(clang::VarDecl* variable) {
    if (variable->hasInit() && values_.only(*variable) == nullptr)
      use("? = ", *variable->getInit());
    return true;
  }
  bool VisitIfStmt(clang::IfStmt* statement) { return ask(*statement->getCond()); }
  bool VisitWhileStmt(clang::WhileStmt* statement) { return ask(*statement->getCond()); }
  bool VisitForStmt(clang::ForStmt* statement) {
    return statement->getCond() == nullptr || ask(*statement->getCond());
  }
  bool VisitSwitchStmt(clang::SwitchStmt* statement) { return ask(*statement->getCond()); }
  bool VisitConditionalOperator(clang::ConditionalOperator* choice) {
    return ask(*choice->getCond());
  }
  bool VisitReturnStmt(clang::ReturnStmt* statement) {
    if (statement->getRetValue() != nullptr) use("return ", *statement->getRetValue());
    return true;
  }
  bool VisitCallExpr(clang::CallExpr* call) {
    const std::string name = callee_name(*call);
    if (name.empty() || name.starts_with("__builtin_") || is_for_people(name)) return true;
    if (is_store(name) && call->getNumArgs() > 0)
      store(stored_, stored_.place(*call->getArg(0)), name + " ",
            {call->arg_begin() + 1, call->arg_end()});
    else
      set_through(*call, stored_);
    for (const FlagFunction& one : kFlagFunctions) {
      if (name.starts_with(one.set))
        uses_.made_by["mark"].insert(name.substr(one.set.size()));
      else if (name.starts_with(one.test))
        uses_.found_by["mark"].insert(name.substr(one.test.size()));
    }
    if (const KeyFunction* one = key_function(name, call->getNumArgs())) {
      std::set<std::string> places;
      (one->finds ? uses_.found_by : uses_.made_by)[std::string(one->family)].insert(
          key_text(stored_.text(*call->getArg(one->key), places), *call->getArg(one->key)));
    }
    for (unsigned i = 0; i < call->getNumArgs(); ++i)
      use(fmt::format("{}#{} ", name, i), *call->getArg(i));
    return true;
  }
  // NOLINTEND(readability-identifier-naming)

 private:
  bool ask(const clang::Expr& condition) {
    const auto* binary = llvm::dyn_cast<clang::BinaryOperator>(bare(&condition));
    if (binary == nullptr || !binary->isLogicalOp()) use("if ", condition);
    return true;
  }

  // What a function that only sets a member sets.
  void set_through(const clang::CallExpr& call, const ValueText& text) {
    const clang::FunctionDecl* callee = call.getDirectCallee();
    const clang::Expr* deed = callee == nullptr ? nullptr : set_by(*callee);
    if (deed == nullptr || text.is_deep()) return;
    const ValueText inside(text, call, *callee);
    if (const auto* next = llvm::dyn_cast<clang::CallExpr>(deed)) return set_through(*next, inside);
    const auto* binary = llvm::cast<clang::BinaryOperator>(deed);
    store(inside, inside.place(*binary->getLHS()), "", {binary});
  }

  void store(const ValueText& text, const std::string& place, const std::string& how,
             const std::vector<const clang::Expr*>& values) {
    std::vector<std::string> texts;
    texts.reserve(values.size());
    std::set<std::string> places;
    for (const clang::Expr* value : values) texts.push_back(text.text(*value, places));
    const std::string what = fmt::format("{}{}", how, fmt::join(texts, ", "));
    if (!place.empty()) uses_.stored[place].insert(what.size() <= kLongest ? what : kUnknown);
  }

  void use(const std::string& context, const clang::Expr& value) {
    // How far one may go is not what is there: each side of an order by itself.
    if (const auto* binary = llvm::dyn_cast<clang::BinaryOperator>(bare(&value));
        binary != nullptr && binary->isRelationalOp()) {
      use(context, *binary->getLHS());
      return use(context, *binary->getRHS());
    }
    std::set<std::string> places;
    const std::string what = used_.text(value, places);
    if (what.size() > kLongest) return;
    // What is too deep to be said is not there.
    for (const std::string& place : places)
      if (what.find(place) != std::string::npos) uses_.used[place].insert(context + what);
  }

  LocalValues values_;
  ValueText stored_;
  ValueText used_;
  ValueUses uses_;
};

}  // namespace

ValueUses read_value_uses(clang::ASTContext& context, const clang::FunctionDecl& function) {
  return ValueReader(context, function).take();
}

}  // namespace splicer
