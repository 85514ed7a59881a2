// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/read_facts.h"

#include <clang/AST/ASTContext.h>
#include <clang/AST/RecordLayout.h>
#include <clang/AST/RecursiveASTVisitor.h>
#include <clang/Basic/SourceManager.h>
#include <clang/Lex/Lexer.h>
#include <fmt/core.h>

#include <algorithm>

#include "splice-cc/semantics/lock_effects.h"
#include "splice-cc/semantics/memory_facts.h"
#include "splice-cc/semantics/type_text.h"

namespace splicer {

namespace {

// steady_lines puts #line directives into a patched file; people count without them.
unsigned own_line(const clang::SourceManager& sources, clang::SourceLocation location) {
  const auto [file, offset] = sources.getDecomposedLoc(location);
  const llvm::StringRef before = sources.getBufferData(file).substr(0, offset);
  unsigned line = sources.getLineNumber(file, offset);
  for (std::size_t at = before.find("#line "); at != llvm::StringRef::npos;
       at = before.find("#line ", at + 1))
    if (at == 0 || before[at - 1] == '\n') --line;
  return line;
}

SourcePlace place_of(const clang::ASTContext& context, clang::SourceLocation location) {
  const clang::SourceManager& sources = context.getSourceManager();
  const clang::SourceLocation at = sources.getExpansionLoc(location);
  if (at.isInvalid()) return {};
  llvm::StringRef name = sources.getFilename(at);
  name.consume_front("./");
  return {name.str(), own_line(sources, at)};
}

std::string source_text(const clang::ASTContext& context, clang::SourceRange range) {
  const clang::SourceManager& sources = context.getSourceManager();
  const auto characters =
      clang::CharSourceRange::getTokenRange(sources.getExpansionRange(range.getBegin()).getBegin(),
                                            sources.getExpansionRange(range.getEnd()).getEnd());
  std::string text = clang::Lexer::getSourceText(characters, sources, context.getLangOpts()).str();
  for (std::size_t at = text.find("\n#line "); at != std::string::npos; at = text.find("\n#line "))
    text.erase(at, text.find('\n', at + 1) - at);
  return text;
}

// What one function or variable mentions.
struct Mentions {
  std::set<const clang::FunctionDecl*> functions;
  std::set<std::string> names;  // of records and enumerators
};

class Reader : public clang::RecursiveASTVisitor<Reader> {
 public:
  explicit Reader(clang::ASTContext& context) : context_(context), lock_effects_(context) {}

  UnitFacts run() {
    TraverseDecl(context_.getTranslationUnitDecl());
    finish();
    for (const auto& entry : context_.Idents)
      if (entry.second->hadMacroDefinition())
        facts_.macros.push_back(std::hash<std::string>()(entry.first().str()));
    std::ranges::sort(facts_.macros);
    return std::move(facts_);
  }

  // NOLINTBEGIN(readability-identifier-naming): RecursiveASTVisitor calls them by these names.
  bool TraverseFunctionDecl(clang::FunctionDecl* function) {
    if (!function->doesThisDeclarationHaveABody()) return true;
    const clang::Decl* outer = std::exchange(inside_, function->getCanonicalDecl());
    const bool go_on = RecursiveASTVisitor::TraverseFunctionDecl(function);
    inside_ = outer;
    if (is_own(*function)) own_functions_.push_back(function);
    return go_on;
  }

  bool TraverseVarDecl(clang::VarDecl* variable) {
    if (!variable->hasGlobalStorage()) return RecursiveASTVisitor::TraverseVarDecl(variable);
    if (!variable->isStaticLocal()) {
      const clang::Decl* outer = std::exchange(inside_, variable->getCanonicalDecl());
      const bool go_on = RecursiveASTVisitor::TraverseVarDecl(variable);
      inside_ = outer;
      note_variable(*variable);
      return go_on;
    }
    note_variable(*variable);
    return RecursiveASTVisitor::TraverseVarDecl(variable);
  }

  bool VisitVarDecl(clang::VarDecl* variable) {
    mention_type(variable->getType());
    if (const clang::RecordDecl* record = innermost_record(variable->getType(), false)) {
      Holders& holders = holders_[record_name(*record)];
      const auto* function = llvm::dyn_cast<clang::FunctionDecl>(variable->getDeclContext());
      if (variable->hasGlobalStorage())
        holders.is_static = true;
      else if (function != nullptr && !llvm::isa<clang::ParmVarDecl>(variable))
        holders.frames.insert(function->getNameAsString());
    }
    return true;
  }

  bool VisitRecordDecl(clang::RecordDecl* record) {
    if (record->isCompleteDefinition() && !record->isInvalidDecl()) note_record(*record);
    return true;
  }

  bool VisitEnumDecl(clang::EnumDecl* type) {
    std::size_t behind = 0;
    for ([[maybe_unused]] const auto* one : type->enumerators()) ++behind;
    for (const clang::EnumConstantDecl* one : type->enumerators())
      facts_.enumerators[one->getNameAsString()] = {place_of(context_, one->getLocation()),
                                                    enum_name(*type),
                                                    one->getInitVal().getExtValue(), --behind};
    return true;
  }

  bool VisitCallExpr(clang::CallExpr* call) {
    if (const auto* name =
            llvm::dyn_cast<clang::DeclRefExpr>(call->getCallee()->IgnoreParenImpCasts()))
      called_.insert(name);
    if (const clang::FunctionDecl* callee = call->getDirectCallee();
        callee != nullptr && callee->getIdentifier() != nullptr && is_copier(callee->getName()))
      for (const clang::Expr* argument : call->arguments()) note_copied_address(*argument);
    return true;
  }

  bool VisitDeclRefExpr(clang::DeclRefExpr* name) {
    referred_.insert(name->getDecl());
    if (const auto* function = llvm::dyn_cast<clang::FunctionDecl>(name->getDecl())) {
      mentions_[inside_].functions.insert(function->getCanonicalDecl());
      if (!called_.contains(name)) note_address(*function);
    } else if (const auto* one = llvm::dyn_cast<clang::EnumConstantDecl>(name->getDecl())) {
      mentions_[inside_].names.insert(one->getNameAsString());
    }
    return true;
  }

  bool VisitMemberExpr(clang::MemberExpr* member) {
    if (const auto* field = llvm::dyn_cast<clang::FieldDecl>(member->getMemberDecl()))
      mention_record(*field->getParent());
    return true;
  }

  bool VisitExpr(clang::Expr* expression) {
    // The types that pass by: pointers that are made, cast, counted in.
    mention_type(expression->getType());
    return true;
  }

  bool VisitCastExpr(clang::CastExpr* cast) {
    if (cast->getCastKind() == clang::CK_LValueToRValue && cast->getType()->isRecordType())
      note_copy(*cast->getSubExpr());
    const auto* call = llvm::dyn_cast<clang::CallExpr>(cast->getSubExpr()->IgnoreParens());
    const clang::QualType target = cast->getType().getCanonicalType();
    if (call == nullptr || call->getDirectCallee() == nullptr || !target->isPointerType() ||
        !call->getType().getCanonicalType()->isVoidPointerType())
      return true;
    if (const clang::RecordDecl* record = innermost_record(target->getPointeeType(), false))
      allocators_[record_name(*record)].insert(call->getDirectCallee()->getNameAsString());
    return true;
  }

  bool VisitUnaryExprOrTypeTraitExpr(clang::UnaryExprOrTypeTraitExpr* expression) {
    mention_type(expression->getTypeOfArgument());
    return true;
  }

  bool VisitOffsetOfExpr(clang::OffsetOfExpr* expression) {
    mention_type(expression->getTypeSourceInfo()->getType());
    return true;
  }
  // NOLINTEND(readability-identifier-naming)

 private:
  bool is_own(const clang::Decl& declaration) const {
    const clang::SourceManager& sources = context_.getSourceManager();
    const clang::SourceLocation at = sources.getExpansionLoc(declaration.getLocation());
    // kernel/sched/build_utility.c is nothing but #include lines of other .c files.
    return sources.isInMainFile(at) || sources.getFilename(at).endswith(".c");
  }

  void note_record(const clang::RecordDecl& record) {
    const std::string name = record_name(record);
    if (name.empty()) return;
    RecordFacts facts;
    facts.place = place_of(context_, record.getLocation());
    const clang::ASTRecordLayout& layout = context_.getASTRecordLayout(&record);
    facts.size = static_cast<std::uint64_t>(layout.getSize().getQuantity());
    facts.alignment = static_cast<std::uint64_t>(layout.getAlignment().getQuantity());
    facts.own = is_own(record);
    note_members(record, 0, facts);
    facts_.records.insert_or_assign(name, std::move(facts));
  }

  void note_members(const clang::RecordDecl& record, std::uint64_t base, RecordFacts& facts) {
    const clang::ASTRecordLayout& layout = context_.getASTRecordLayout(&record);
    for (const clang::FieldDecl* field : record.fields()) {
      const std::uint64_t offset = base + layout.getFieldOffset(field->getFieldIndex());
      const auto* inner = field->getType()->getAs<clang::RecordType>();
      if (inner != nullptr && record_name(*inner->getDecl()).empty()) {
        const std::size_t first = facts.members.size();
        note_members(*inner->getDecl(), offset, facts);
        if (const std::string name = field->getNameAsString(); !name.empty())
          for (std::size_t i = first; i < facts.members.size(); ++i)
            facts.members[i].name = name + "." + facts.members[i].name;
        continue;
      }
      MemberFacts member;
      member.name = field->getNameAsString();
      member.type = type_text(field->getType());
      member.offset = offset;
      if (field->isBitField()) member.width = field->getBitWidthValue(context_);
      member.scalar = field->getType()->isScalarType();
      member.layout = layout_type(field->getType(), context_);
      facts.members.push_back(std::move(member));
      if (const clang::RecordDecl* by_value = innermost_record(field->getType(), false))
        facts.embedded.insert(record_name(*by_value));
      note_unnamed_target(*field, facts);
    }
  }

  // The members of a record without a name that a member is an array of, or points to: "rules[].mask".
  // Their offsets are those in one element.
  void note_unnamed_target(const clang::FieldDecl& field, RecordFacts& facts) {
    const clang::RecordDecl* target = innermost_record(field.getType(), true);
    if (target == nullptr || !record_name(*target).empty()) return;
    RecordFacts inner;
    note_members(*target, 0, inner);
    const std::string prefix =
        field.getNameAsString() + (field.getType()->isArrayType() ? "[]." : "->");
    for (MemberFacts& member : inner.members) {
      member.name = prefix + member.name;
      facts.members.push_back(std::move(member));
    }
  }

  // "limit", "function.limit"
  static std::string key_of(const clang::VarDecl& variable) {
    const auto* function = llvm::dyn_cast<clang::FunctionDecl>(variable.getDeclContext());
    return (function != nullptr ? function->getNameAsString() + "." : "") +
           variable.getNameAsString();
  }

  void note_variable(const clang::VarDecl& variable) {
    if (!is_own(variable) ||
        variable.isThisDeclarationADefinition() == clang::VarDecl::DeclarationOnly)
      return;
    VariableFacts& facts = facts_.variables[key_of(variable)];
    // "int a;" may be followed by "int a = 1;".
    if (!facts.text.empty() && !variable.hasInit()) return;
    const clang::QualType element = context_.getBaseElementType(variable.getType());
    facts = {place_of(context_, variable.getLocation()),
             source_text(context_, variable.getSourceRange()), type_text(variable.getType()),
             element.isConstQualified()};
    // The kernel calls these in NMI context: arch/x86/kernel/nmi.c, nmi_handle().
    const clang::RecordDecl* record = innermost_record(variable.getType(), false);
    if (record != nullptr && record_name(*record) == "struct nmiaction")
      nmi_actions_.insert(variable.getCanonicalDecl());
  }

  // "*to = table" and "*to = table[i]"; the compiler may make numbers of them, so no object shows it.
  void note_copy(const clang::Expr& from) {
    const clang::Expr* whole = from.IgnoreParenImpCasts();
    while (const auto* element = llvm::dyn_cast<clang::ArraySubscriptExpr>(whole))
      whole = element->getBase()->IgnoreParenImpCasts();
    const auto* name = llvm::dyn_cast<clang::DeclRefExpr>(whole);
    const auto* variable =
        name != nullptr ? llvm::dyn_cast<clang::VarDecl>(name->getDecl()) : nullptr;
    if (variable != nullptr) copied_.insert(variable->getCanonicalDecl());
  }

  // "memcpy(to, &table, size)", of which the compiler may make the same.
  void note_copied_address(const clang::Expr& argument) {
    const clang::Expr* from = argument.IgnoreParenCasts();
    if (const auto* address = llvm::dyn_cast<clang::UnaryOperator>(from);
        address != nullptr && address->getOpcode() == clang::UO_AddrOf)
      from = address->getSubExpr();
    note_copy(*from);
  }

  // With those of the compiler, of fortify-string.h, and of mm/util.c.
  static bool is_copier(llvm::StringRef name) {
    return name.contains("memcpy") || name.contains("memmove") || name.contains("memdup");
  }

  void note_address(const clang::FunctionDecl& function) {
    const auto* variable = llvm::dyn_cast_or_null<clang::VarDecl>(inside_);
    // linux/export.h: EXPORT_SYMBOL() keeps the function by a variable of this name.
    const bool exports = variable != nullptr && variable->getName().contains("__addressable_");
    (exports ? exported_ : address_taken_).insert(function.getCanonicalDecl());
  }

  // Entries from hardware that interrupts do not hold off: DEFINE_IDTENTRY_NMI() and its like in
  // arch/x86/include/asm/idtentry.h.
  static bool is_nmi_entry(llvm::StringRef name) {
    static constexpr llvm::StringLiteral kEntries[] = {
        "exc_nmi",           "exc_nmi_noist", "exc_nmi_kvm_vmx",
        "exc_machine_check", "exc_debug",     "exc_int3",
        "exc_double_fault",  "exc_nmi_kvm",   "kernel_exc_vmm_communication"};
    return llvm::is_contained(kEntries, name);
  }

  void mention_record(const clang::RecordDecl& record) {
    const std::string name = record_name(record);
    if (!name.empty()) {
      mentions_[inside_].names.insert(name);
    } else if (const auto* outer = llvm::dyn_cast<clang::RecordDecl>(record.getParent())) {
      mention_record(*outer);
    }
  }

  void mention_type(clang::QualType type) {
    if (const clang::RecordDecl* record = innermost_record(type, true)) mention_record(*record);
  }

  // What a function of a header mentions is mentioned by its callers.
  const Mentions& closed(const clang::Decl* declaration) {
    const auto [entry, fresh] = closed_.try_emplace(declaration);
    if (!fresh) return entry->second;
    Mentions all = mentions_[declaration];
    for (const clang::FunctionDecl* function : mentions_[declaration].functions) {
      if (own_.contains(function)) continue;
      const std::set<std::string> theirs = closed(function).names;
      all.names.insert(theirs.begin(), theirs.end());
    }
    return closed_[declaration] = std::move(all);
  }

  void finish() {
    for (auto& [name, functions] : allocators_)
      if (const auto record = facts_.records.find(name); record != facts_.records.end())
        record->second.allocators = std::move(functions);
    for (auto& [name, holders] : holders_)
      if (const auto record = facts_.records.find(name); record != facts_.records.end()) {
        record->second.frames = std::move(holders.frames);
        record->second.is_static = holders.is_static;
      }
    for (const clang::FunctionDecl* function : own_functions_)
      own_.insert(function->getCanonicalDecl());
    for (const clang::FunctionDecl* function : own_functions_) {
      const clang::FunctionDecl* first = function->getCanonicalDecl();
      const std::string name = function->getNameAsString();
      FunctionFacts& facts = facts_.functions[name];
      facts.place = place_of(context_, function->getLocation());
      facts.type = type_text(function->getType());
      facts.local = !function->isExternallyVisible();
      facts.address_taken = address_taken_.contains(first);
      facts.exported = exported_.contains(first);
      facts.start_up = is_start_up_code(*function);
      facts.nmi_entry = is_nmi_entry(name);
      const LockSummary& summary = lock_effects_.effects_of(*function);
      facts.effects = summary.effects;
      facts.apart = summary.apart;
      facts.taken = summary.taken;
      facts.relies = summary.relies;
      facts.uses = read_memory_uses(context_, *function);
      facts.places = read_place_uses(context_, *function);
      facts.arithmetic = read_arithmetic_uses(context_, *function);
      facts.values = read_value_uses(context_, *function);
      for (const std::string& slot : memory_.read(*function, facts.place, facts_.memory))
        facts.taken.insert(slot_family(kReleaseOf, slot));
      for (const clang::FunctionDecl* callee : mentions_[first].functions)
        if (facts.mentions.insert(callee->getNameAsString()).second && own_.contains(callee))
          facts.calls.insert(callee->getNameAsString());
      for (const std::string& used : closed(first).names) facts_.users[used].insert(name);
    }
    close_releases();
    for (const clang::ValueDecl* declaration : referred_) note_declaration(*declaration);
    for (const clang::VarDecl* table : copied_)
      if (const auto found = facts_.variables.find(key_of(*table)); found != facts_.variables.end())
        found->second.copied = true;
    for (const clang::Decl* action : nmi_actions_)
      for (const clang::FunctionDecl* handler : action_functions(*action))
        facts_.functions[handler->getNameAsString()].nmi_entry = true;
    for (const auto& [declaration, mentions] : mentions_) {
      const auto* variable = llvm::dyn_cast_or_null<clang::VarDecl>(declaration);
      if (variable == nullptr || !is_own(*variable)) continue;
      for (const std::string& used : mentions.names)
        facts_.users[used].insert(variable->getNameAsString());
    }
  }

  // What a function releases by its number, ida_free(&ids, x->id), is released by those that call it, too.
  void close_releases() {
    for (bool grew = true; grew;) {
      grew = false;
      for (auto& [name, function] : facts_.functions)
        for (const std::string& callee : function.calls) {
          const auto theirs = facts_.functions.find(callee);
          if (theirs == facts_.functions.end() || callee == name) continue;
          for (const std::string& place : theirs->second.places.released)
            grew |= function.places.released.insert(place).second;
        }
    }
    for (auto& [name, function] : facts_.functions)
      for (const std::string& place : function.places.released)
        function.taken.insert(slot_family(kReleaseOf, place));
  }

  // What is defined in another file.
  void note_declaration(const clang::ValueDecl& declaration) {
    const auto* function = llvm::dyn_cast<clang::FunctionDecl>(&declaration);
    const auto* variable = llvm::dyn_cast<clang::VarDecl>(&declaration);
    const bool elsewhere = function != nullptr
                               ? !function->isDefined() && function->getBuiltinID() == 0
                               : variable != nullptr && variable->hasExternalStorage() &&
                                     variable->getDefinition() == nullptr;
    if (!elsewhere) return;
    if (std::string type = declaration_type(declaration, context_); !type.empty())
      facts_.declarations.emplace(declaration.getNameAsString(), std::move(type));
  }

  // The functions of this file that the initial value of a variable names.
  std::vector<const clang::FunctionDecl*> action_functions(const clang::Decl& variable) const {
    struct Names : clang::RecursiveASTVisitor<Names> {
      std::vector<const clang::FunctionDecl*> functions;
      // NOLINTNEXTLINE(readability-identifier-naming)
      bool VisitDeclRefExpr(clang::DeclRefExpr* name) {
        if (const auto* function = llvm::dyn_cast<clang::FunctionDecl>(name->getDecl()))
          functions.push_back(function->getCanonicalDecl());
        return true;
      }
    };
    Names names;
    const auto& action = llvm::cast<clang::VarDecl>(variable);
    if (const clang::Expr* value = action.getAnyInitializer())
      names.TraverseStmt(const_cast<clang::Expr*>(value));
    std::erase_if(names.functions,
                  [&](const clang::FunctionDecl* one) { return !own_.contains(one); });
    return names.functions;
  }

  struct Holders {
    std::set<std::string> frames;
    bool is_static = false;
  };

  clang::ASTContext& context_;
  LockEffects lock_effects_;
  MemoryReader memory_;
  UnitFacts facts_;
  const clang::Decl* inside_ = nullptr;
  std::vector<const clang::FunctionDecl*> own_functions_;
  std::set<const clang::Decl*> own_;
  std::map<const clang::Decl*, Mentions> mentions_;
  std::map<const clang::Decl*, Mentions> closed_;
  std::map<std::string, std::set<std::string>> allocators_;
  std::map<std::string, Holders> holders_;  // of records
  std::set<const clang::Decl*> nmi_actions_;
  std::set<const clang::VarDecl*> copied_;
  std::set<const clang::ValueDecl*> referred_;
  std::set<const clang::DeclRefExpr*> called_;
  std::set<const clang::FunctionDecl*> address_taken_;
  std::set<const clang::FunctionDecl*> exported_;
};

}  // namespace

UnitFacts read_facts(clang::ASTContext& context) { return Reader(context).run(); }

}  // namespace splicer
