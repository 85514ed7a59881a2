// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/memory_uses.h"

#include <clang/AST/ASTContext.h>
#include <clang/AST/Attr.h>
#include <clang/AST/RecursiveASTVisitor.h>
#include <clang/Basic/SourceManager.h>
#include <clang/Lex/Lexer.h>
#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "splice-cc/semantics/expression.h"
#include "splice-cc/semantics/memory_name.h"
#include "splice-cc/semantics/number_functions.h"
#include "splice-cc/semantics/slot.h"
#include "splice-cc/semantics/type_text.h"
#include "splice-cc/semantics/value_slice.h"

namespace splicer {

namespace {

constexpr int kDeepest = 4;                  // functions that compute an index
constexpr std::size_t kLongest = 4096;       // characters of an expression's text
constexpr const char* kNumber = "a number";  // in a void *

// The macros and enumerators that a constant expression is made of, as the function writes them: of
// macros inside of macros the outermost.
class ConstantNames : public clang::RecursiveASTVisitor<ConstantNames> {
 public:
  explicit ConstantNames(const clang::ASTContext& context) : context_(context) {}
  std::set<std::string> names;

  // NOLINTBEGIN(readability-identifier-naming)
  bool VisitIntegerLiteral(clang::IntegerLiteral* literal) {
    const clang::SourceManager& sources = context_.getSourceManager();
    std::string name;
    for (clang::SourceLocation at = literal->getLocation(); at.isMacroID();
         at = sources.getImmediateMacroCallerLoc(at))
      if (!sources.isMacroArgExpansion(at))  // an argument of a macro was not written by it
        name = clang::Lexer::getImmediateMacroName(at, sources, context_.getLangOpts()).str();
    if (!name.empty()) names.insert(name);
    return true;
  }
  bool VisitDeclRefExpr(clang::DeclRefExpr* name) {
    if (llvm::isa<clang::EnumConstantDecl>(name->getDecl()))
      names.insert(name->getDecl()->getNameAsString());
    return true;
  }
  // NOLINTEND(readability-identifier-naming)

 private:
  const clang::ASTContext& context_;
};

// Is it a table that live objects hang in: lists, or pointers to records?
bool holds_objects(clang::QualType element) {
  const clang::QualType type = element.getCanonicalType();
  if (type->isPointerType()) return innermost_record(type, true) != nullptr;
  const clang::RecordDecl* record = innermost_record(type, false);
  if (record == nullptr) return false;
  static constexpr std::array<std::string_view, 5> kHeads = {
      "struct hlist_head", "struct list_head", "struct hlist_bl_head", "struct hlist_nulls_head",
      "struct llist_head"};
  const std::string name = record_name(*record);
  if (std::ranges::find(kHeads, name) != kHeads.end()) return true;
  // struct { struct hlist_head head; spinlock_t lock; }
  return std::ranges::any_of(record->fields(), [&](const clang::FieldDecl* field) {
    const clang::RecordDecl* inner = innermost_record(field->getType(), false);
    return inner != nullptr && std::ranges::find(kHeads, record_name(*inner)) != kHeads.end();
  });
}

// Functions whose value is an expression's: those that it calls.
class Callees : public clang::RecursiveASTVisitor<Callees> {
 public:
  std::set<const clang::FunctionDecl*> functions;
  std::set<const clang::VarDecl*> locals;

  // NOLINTBEGIN(readability-identifier-naming)
  bool VisitDeclRefExpr(clang::DeclRefExpr* name) {
    if (const auto* function = llvm::dyn_cast<clang::FunctionDecl>(name->getDecl())) {
      if (const clang::FunctionDecl* body = function->getDefinition()) functions.insert(body);
    } else if (const auto* variable = llvm::dyn_cast<clang::VarDecl>(name->getDecl());
               variable != nullptr && variable->hasLocalStorage() &&
               !llvm::isa<clang::ParmVarDecl>(variable)) {
      locals.insert(variable);
    }
    return true;
  }
  // NOLINTEND(readability-identifier-naming)
};

class UseReader : public clang::RecursiveASTVisitor<UseReader> {
 public:
  UseReader(clang::ASTContext& context, const clang::FunctionDecl& function)
      : context_(context), function_(function), start_up_(is_start_up_code(function)) {}

  MemoryUses run() {
    TraverseStmt(function_.getBody());
    return std::move(uses_);
  }

  // NOLINTBEGIN(readability-identifier-naming)
  bool VisitBinaryOperator(clang::BinaryOperator* binary) {
    if (const auto role = role_of(binary->getOpcode())) {
      const bool is_mask =
          binary->getOpcode() == clang::BO_And || binary->getOpcode() == clang::BO_AndAssign;
      const Number number = is_mask ? Number::mask : Number::value;
      note_constant(binary->getRHS(), binary->getLHS(), *role, number);
      if (*role == ConstantRole::test)
        note_constant(binary->getLHS(), binary->getRHS(), *role, number);
    }
    if (binary->getOpcode() == clang::BO_Assign) {
      note_stored_pointer(*binary);
      note_stored_hash(*binary);
    }
    if (start_up_ && binary->isAssignmentOp())
      if (const std::string memory = variable_in(binary->getLHS()); !memory.empty())
        uses_.sets_up[memory].insert(text_of(binary));
    return true;
  }

  bool VisitSwitchStmt(clang::SwitchStmt* choice) {
    for (const clang::SwitchCase* one = choice->getSwitchCaseList(); one != nullptr;
         one = one->getNextSwitchCase())
      if (const auto* value = llvm::dyn_cast<clang::CaseStmt>(one))
        note_constant(value->getLHS(), choice->getCond(), ConstantRole::test);
    return true;
  }

  bool VisitCallExpr(clang::CallExpr* call) {
    const clang::FunctionDecl* callee = call->getDirectCallee();
    if (callee == nullptr) return true;
    const std::string name = callee->getNameAsString();
    if (const NumberFunction* one = number_function(name, call->getNumArgs())) {
      const clang::Expr* number = call->getArg(one->constant);
      const clang::Expr* memory = call->getArg(one->memory);
      const Number kind = one->is_bit ? Number::bit : Number::value;
      if (one->tests) note_constant(number, memory, ConstantRole::test, kind);
      if (one->stores) note_constant(number, memory, ConstantRole::store, kind);
    }
    note_key(*call, name);
    if (gives_memory(name))
      for (const clang::Expr* argument : call->arguments())
        note_constant(argument, nullptr, ConstantRole::size);
    if (start_up_)
      for (const clang::Expr* argument : call->arguments())
        if (const std::string memory = variable_in(argument); !memory.empty())
          uses_.sets_up[memory].insert(text_of(call));
    return true;
  }

  bool VisitCastExpr(clang::CastExpr* cast) {
    const clang::QualType target = cast->getType().getCanonicalType();
    const clang::Expr* origin = cast->getSubExpr()->IgnoreParens();
    if (cast->getCastKind() == clang::CK_PointerToIntegral) {
      // (long)file->private_data
      if (bare(origin)->getType().getCanonicalType()->isVoidPointerType())
        if (const std::string memory = memory_of(origin); !memory.empty())
          uses_.casts[memory].insert(kNumber);
      return true;
    }
    if (!target->isPointerType() || !origin->getType().getCanonicalType()->isVoidPointerType())
      return true;
    const clang::RecordDecl* record = innermost_record(target->getPointeeType(), false);
    if (record == nullptr || record_name(*record).empty()) return true;
    if (const std::string memory = pointer_holder(origin); !memory.empty())
      uses_.casts[memory].insert(record_name(*record));
    return true;
  }

  bool VisitArraySubscriptExpr(clang::ArraySubscriptExpr* element) {
    if (!holds_objects(element->getType())) return true;
    const std::string memory = memory_of(element->getBase());
    clang::Expr::EvalResult value;
    if (memory.empty() || element->getIdx()->EvaluateAsInt(value, context_)) return true;
    // Only what computes a place: a counter of a loop says nothing of where things are.
    const std::string text = computed(element->getIdx(), 0);
    if (!text.empty()) uses_.indexes[memory].insert(text);
    return true;
  }
  // NOLINTEND(readability-identifier-naming)

 private:
  static std::optional<ConstantRole> role_of(clang::BinaryOperatorKind kind) {
    switch (kind) {
      case clang::BO_And:
      case clang::BO_EQ:
      case clang::BO_NE:
        return ConstantRole::test;
      case clang::BO_Assign:
      case clang::BO_Or:
      case clang::BO_OrAssign:
      case clang::BO_AndAssign:
      case clang::BO_XorAssign:
        return ConstantRole::store;
      case clang::BO_Shl:
      case clang::BO_Shr:
      case clang::BO_Rem:
      case clang::BO_RemAssign:
        return ConstantRole::scale;
      default:
        return std::nullopt;
    }
  }

  // What a constant says: -1 may be "none", or all bits.
  enum class Number { value, bit, mask };

  // `other`: what the constant is used with; nullptr if that is nothing in memory.
  void note_constant(const clang::Expr* constant, const clang::Expr* other, ConstantRole role,
                     Number kind = Number::value) {
    // (void *)-1L: a number that says "none".
    const clang::Expr* number =
        constant->getType()->isPointerType() ? constant->IgnoreParenCasts() : constant;
    const auto value = constant_value(*number, context_);
    if (!value || ((other == nullptr || !other->getType()->isPointerType()) &&
                   !constant->getType()->isIntegralOrEnumerationType()))
      return;
    ConstantUse use;
    use.role = role;
    use.value = *value;
    if (kind == Number::bit)
      use.value = mask_of_bit(use.value).value_or(use.value);
    else if (kind == Number::mask && use.value < 0)
      use.value = ~use.value;  // the bits that &= ~x clears
    if (use.value == 0) return;
    if (other != nullptr) use.memory = memory_of(other);
    ConstantNames names(context_);
    names.TraverseStmt(const_cast<clang::Expr*>(constant));
    if (!use.memory.empty()) uses_.constants.insert(use);
    use.name = fmt::format("{}", fmt::join(names.names, ","));
    if (!use.name.empty()) uses_.constants.insert(use);
  }

  // What holds a void *: a member, a variable, an accessor such as netdev_priv(), an argument.
  std::string pointer_holder(const clang::Expr* origin) const {
    if (const auto* call = llvm::dyn_cast<clang::CallExpr>(bare(origin))) {
      const clang::FunctionDecl* callee = call->getDirectCallee();
      if (callee == nullptr || gives_memory(callee->getNameAsString())) return {};
      return callee->getNameAsString() + "()";
    }
    if (const auto* name = llvm::dyn_cast<clang::DeclRefExpr>(bare(origin)))
      if (const auto* argument = llvm::dyn_cast<clang::ParmVarDecl>(name->getDecl()))
        return fmt::format("argument {} of {}", argument->getFunctionScopeIndex() + 1,
                           function_.getNameAsString());
    return memory_of(origin);
  }

  void note_stored_pointer(const clang::BinaryOperator& assignment) {
    if (!assignment.getLHS()->getType().getCanonicalType()->isVoidPointerType()) return;
    const clang::QualType stored = bare(assignment.getRHS())->getType().getCanonicalType();
    // file->private_data = (void *)(long)minor; a constant says "none", or is an error.
    if (stored->isIntegerType() && !constant_value(*bare(assignment.getRHS()), context_))
      if (const std::string memory = memory_of(assignment.getLHS()); !memory.empty())
        uses_.casts[memory].insert(kNumber);
    if (!stored->isPointerType()) return;
    const clang::RecordDecl* record = innermost_record(stored->getPointeeType(), false);
    const std::string memory = memory_of(assignment.getLHS());
    if (record != nullptr && !memory.empty() && !record_name(*record).empty())
      uses_.casts[memory].insert(record_name(*record));
  }

  // obj->hash = hash_of(key): objects are found by it, and told from each other.
  void note_stored_hash(const clang::BinaryOperator& assignment) {
    const std::string memory = memory_of(assignment.getLHS());
    if (memory.find("hash", memory.rfind('.') + 1) == std::string::npos) return;
    if (const std::string text = computed(assignment.getRHS(), 0); !text.empty())
      uses_.indexes[memory].insert(text);
  }

  // linux/xarray.h, radix-tree.h, idr.h: what is found by a number lies under the one that it was put
  // in with. Which number that is says its arithmetic; where it comes from does not.
  void note_key(const clang::CallExpr& call, std::string_view name) {
    static constexpr std::array<std::string_view, 4> kTrees = {"xa_", "radix_tree_", "idr_",
                                                               "ida_"};
    static constexpr std::array<std::string_view, 9> kKeyed = {
        "load", "store", "erase", "insert", "lookup", "delete", "find", "remove", "replace"};
    name.remove_prefix(std::min(name.find_first_not_of('_'), name.size()));
    const bool tree =
        std::ranges::any_of(kTrees, [&](std::string_view one) { return name.starts_with(one); });
    if (!tree || call.getNumArgs() < 2 || !call.getArg(1)->getType()->isIntegerType()) return;
    if (std::ranges::none_of(
            kKeyed, [&](std::string_view one) { return name.find(one) != std::string_view::npos; }))
      return;
    if (const auto memory = slot_of(*call.getArg(0)))
      uses_.indexes[*memory].insert("a key computed as " + arithmetic(*call.getArg(1)));
  }

  // "x->id << 1" is "(? << 1)", and "id" is "?".
  std::string arithmetic(const clang::Expr& expression) const {
    const clang::Expr* plain = bare(&expression);
    if (const auto value = constant_value(*plain, context_)) return std::to_string(*value);
    const auto* binary = llvm::dyn_cast<clang::BinaryOperator>(plain);
    if (binary == nullptr || binary->isAssignmentOp() || binary->isComparisonOp()) return "?";
    return fmt::format("({} {} {})", arithmetic(*binary->getLHS()), binary->getOpcodeStr().str(),
                       arithmetic(*binary->getRHS()));
  }

  // The variable of static storage that an expression names first.
  static std::string variable_in(const clang::Expr* expression) {
    for (expression = bare(expression);;) {
      if (const auto* unary = llvm::dyn_cast<clang::UnaryOperator>(expression)) {
        expression = bare(unary->getSubExpr());
      } else if (const auto* member = llvm::dyn_cast<clang::MemberExpr>(expression)) {
        expression = bare(member->getBase());
      } else if (const auto* element = llvm::dyn_cast<clang::ArraySubscriptExpr>(expression)) {
        expression = bare(element->getBase());
      } else {
        break;
      }
    }
    const auto* name = llvm::dyn_cast<clang::DeclRefExpr>(expression);
    const auto* variable =
        name == nullptr ? nullptr : llvm::dyn_cast<clang::VarDecl>(name->getDecl());
    return variable != nullptr && variable->hasGlobalStorage() ? variable->getNameAsString()
                                                               : std::string();
  }

  std::string text_of(const clang::Stmt* statement) const {
    std::string text;
    llvm::raw_string_ostream out(text);
    clang::PrintingPolicy policy(context_.getLangOpts());
    policy.AnonymousTagLocations = false;  // a line is no meaning
    statement->printPretty(out, nullptr, policy);
    out.flush();
    if (text.size() > kLongest) text.resize(kLongest);
    return text;
  }

  // The text of an expression that calls something, with what those compute; empty if it
  // calls nothing. A local variable stands for what is assigned to it where it is declared, or once.
  std::string computed(const clang::Expr* expression, int depth) {
    Callees callees;
    callees.TraverseStmt(const_cast<clang::Expr*>(expression));
    std::set<std::string> parts;  // by text: the order of pointers changes from run to run
    for (const clang::FunctionDecl* function : callees.functions)
      parts.insert(body_of(*function, depth));
    if (!parts.empty()) parts.insert(text_of(expression));
    if (depth < kDeepest)
      for (const clang::VarDecl* variable : callees.locals)
        for (const clang::Expr* value : values_of(*variable))
          parts.insert(computed(value, depth + 1));
    parts.erase("");
    return fmt::format("{}", fmt::join(parts, "\n"));
  }

  std::string body_of(const clang::FunctionDecl& function, int depth) const {
    if (depth >= kDeepest) return {};
    std::string text;
    Callees callees;
    for (const clang::Stmt* part : value_slice(function)) {
      text += text_of(part);
      callees.TraverseStmt(const_cast<clang::Stmt*>(part));
    }
    std::set<std::string> inner;  // by text, too
    for (const clang::FunctionDecl* callee : callees.functions)
      if (callee != &function) inner.insert(body_of(*callee, depth + 1));
    for (const std::string& one : inner) text += one;
    return text;
  }

  std::vector<const clang::Expr*> values_of(const clang::VarDecl& variable) {
    struct Assignments : clang::RecursiveASTVisitor<Assignments> {
      const clang::VarDecl* variable = nullptr;
      std::vector<const clang::Expr*> values;
      // NOLINTNEXTLINE(readability-identifier-naming)
      bool VisitBinaryOperator(clang::BinaryOperator* binary) {
        const auto* name = llvm::dyn_cast<clang::DeclRefExpr>(bare(binary->getLHS()));
        if (binary->getOpcode() == clang::BO_Assign && name != nullptr &&
            name->getDecl() == variable)
          values.push_back(binary->getRHS());
        return true;
      }
    };
    Assignments found;
    found.variable = &variable;
    if (variable.hasInit()) found.values.push_back(variable.getInit());
    found.TraverseStmt(function_.getBody());
    return found.values;
  }

  clang::ASTContext& context_;
  const clang::FunctionDecl& function_;
  bool start_up_;
  MemoryUses uses_;
};

}  // namespace

MemoryUses read_memory_uses(clang::ASTContext& context, const clang::FunctionDecl& function) {
  return UseReader(context, function).run();
}

bool is_start_up_code(const clang::FunctionDecl& function) {
  const auto* section = function.getAttr<clang::SectionAttr>();
  return section != nullptr && section->getName().startswith(".init.text");
}

bool gives_memory(const std::string& function) {
  std::string lower(function);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  static constexpr std::array<std::string_view, 4> kWords = {"alloc", "dup", "get_free",
                                                             "get_zeroed"};
  return std::ranges::any_of(
      kWords, [&](std::string_view word) { return lower.find(word) != std::string::npos; });
}

}  // namespace splicer
