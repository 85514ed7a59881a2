// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/type_text.h"

#include <clang/AST/ASTContext.h>
#include <clang/AST/Decl.h>
#include <clang/AST/RecordLayout.h>
#include <clang/AST/Type.h>
#include <fmt/core.h>

#include "matcher/image/btf_layout.h"

namespace splicer {

namespace {

std::string parameters(const clang::FunctionProtoType& type) {
  std::string text;
  for (const clang::QualType one : type.param_types())
    text += (text.empty() ? "" : ", ") + type_text(one);
  if (type.isVariadic()) text += ", ...";
  return text.empty() ? "void" : text;
}

// The variable right behind a record without a name: struct {...} table;
std::string variable_of(const clang::RecordDecl& record) {
  for (const clang::Decl* next = record.getNextDeclInContext(); next != nullptr;
       next = next->getNextDeclInContext()) {
    const auto* variable = llvm::dyn_cast<clang::VarDecl>(next);
    if (variable == nullptr) return {};
    if (innermost_record(variable->getType(), true) == record.getDefinition())
      return variable->getNameAsString();
  }
  return {};
}

// The typedefs of include/linux/types.h that say how a number lies in memory. The compiler takes them
// for the number itself.
bool is_byte_order(llvm::StringRef name) {
  static constexpr llvm::StringLiteral kNames[] = {"__le16", "__le32", "__le64",  "__be16",
                                                   "__be32", "__be64", "__sum16", "__wsum"};
  return llvm::is_contained(kNames, name);
}

}  // namespace

std::string type_text(clang::QualType type) {
  // One step at a time: the canonical type of a pointer has forgotten the typedef of its target.
  const clang::Type* bare = type.getTypePtr();
  for (;;) {
    if (const auto* named = llvm::dyn_cast<clang::TypedefType>(bare))
      if (is_byte_order(named->getDecl()->getName())) return named->getDecl()->getName().str();
    const clang::Type* next = bare->getLocallyUnqualifiedSingleStepDesugaredType().getTypePtr();
    if (next == bare) break;
    bare = next;
  }
  if (const auto* pointer = llvm::dyn_cast<clang::PointerType>(bare)) {
    const std::string target = type_text(pointer->getPointeeType());
    return target + (target.ends_with('*') ? "*" : " *");
  }
  if (const auto* array = llvm::dyn_cast<clang::ConstantArrayType>(bare))
    return fmt::format("{} [{}]", type_text(array->getElementType()),
                       array->getSize().getZExtValue());
  if (const auto* array = llvm::dyn_cast<clang::ArrayType>(bare))
    return type_text(array->getElementType()) + " []";
  if (const auto* function = llvm::dyn_cast<clang::FunctionProtoType>(bare))
    return fmt::format("{} ({})", type_text(function->getReturnType()), parameters(*function));
  if (const auto* function = llvm::dyn_cast<clang::FunctionType>(bare))
    return type_text(function->getReturnType()) + " ()";
  if (const auto* record = llvm::dyn_cast<clang::RecordType>(bare)) {
    const std::string name = record_name(*record->getDecl());
    return name.empty() ? record->getDecl()->getKindName().str() + " { }" : name;
  }
  if (const auto* type_enum = llvm::dyn_cast<clang::EnumType>(bare))
    return enum_name(*type_enum->getDecl());
  return clang::QualType(bare, 0).getCanonicalType().getAsString();
}

namespace {

// Members of a record without a tag: "{counter@0=i32;}".
std::string inline_layout(const clang::RecordDecl& record, const clang::ASTContext& context) {
  const clang::RecordDecl* defined = record.getDefinition();
  if (defined == nullptr || defined->isInvalidDecl()) return "?";
  const clang::ASTRecordLayout& layout = context.getASTRecordLayout(defined);
  std::string text = "{";
  for (const clang::FieldDecl* field : defined->fields()) {
    if (field->isUnnamedBitfield()) continue;
    text += fmt::format("{}@{}", field->getNameAsString(),
                        layout.getFieldOffset(field->getFieldIndex()));
    if (field->isBitField()) text += fmt::format(":{}", field->getBitWidthValue(context));
    text += "=" + layout_type(field->getType(), context) + ";";
  }
  return text + "}";
}

std::string tag_of(const clang::RecordDecl& record) {
  if (record.getIdentifier() == nullptr) return {};
  return (record.isUnion() ? "union " : "struct ") + record.getNameAsString();
}

}  // namespace

std::string layout_type(clang::QualType type, const clang::ASTContext& context) {
  const clang::Type* bare = type.getCanonicalType().getTypePtr();
  if (llvm::isa<clang::ArrayType>(bare)) {
    std::uint64_t count = 1;
    while (const auto* array = llvm::dyn_cast<clang::ArrayType>(bare)) {
      const auto* fixed = llvm::dyn_cast<clang::ConstantArrayType>(array);
      count *= fixed == nullptr ? 0 : fixed->getSize().getZExtValue();
      bare = array->getElementType().getCanonicalType().getTypePtr();
    }
    return short_layout_type(
        fmt::format("[{}]{}", count, layout_type(clang::QualType(bare, 0), context)));
  }
  if (const auto* pointer = llvm::dyn_cast<clang::PointerType>(bare)) {
    const auto* record = pointer->getPointeeType()->getAs<clang::RecordType>();
    return "*" + (record == nullptr ? std::string() : tag_of(*record->getDecl()));
  }
  if (const auto* record = llvm::dyn_cast<clang::RecordType>(bare)) {
    const std::string tag = tag_of(*record->getDecl());
    return tag.empty() ? short_layout_type(inline_layout(*record->getDecl(), context)) : tag;
  }
  const std::uint64_t bits = bare->isIncompleteType() ? 0 : context.getTypeSize(bare);
  if (const auto* type_enum = llvm::dyn_cast<clang::EnumType>(bare)) {
    const clang::EnumDecl* declared = type_enum->getDecl();
    return declared->getIdentifier() == nullptr ? fmt::format("e{}", bits)
                                                : "enum " + declared->getNameAsString();
  }
  if (bare->isBooleanType()) return "b8";
  if (bare->isFloatingType()) return fmt::format("f{}", bits);
  if (!bare->isIntegerType()) return "?";
  // Kinds of char are not told apart: compilers, and what writes BTF, disagree about their sign.
  return fmt::format("{}{}", bits == 8 || bare->isSignedIntegerType() ? 'i' : 'u', bits);
}

std::string declaration_type(const clang::ValueDecl& declaration,
                             const clang::ASTContext& context) {
  const clang::QualType type = declaration.getType().getCanonicalType();
  if (llvm::isa<clang::VarDecl>(declaration))
    return type->isIncompleteType() ? std::string() : layout_type(type, context);
  const auto* prototype = type->getAs<clang::FunctionProtoType>();
  if (prototype == nullptr) return {};
  const auto text_of = [&](clang::QualType one) {
    return one->isVoidType() ? std::string("void") : layout_type(one, context);
  };
  std::string text = "(";
  for (const clang::QualType one : prototype->param_types())
    text += (text.size() > 1 ? "," : "") + text_of(one);
  if (prototype->isVariadic()) text += text.size() > 1 ? ",..." : "...";
  return short_prototype(text + ")" + text_of(prototype->getReturnType()));
}

std::string record_name(const clang::RecordDecl& record) {
  std::string name;
  if (record.getIdentifier() != nullptr) {
    name = record.getKindName().str() + " " + record.getNameAsString();
  } else if (const clang::TypedefNameDecl* defined = record.getTypedefNameForAnonDecl()) {
    name = defined->getNameAsString();
  } else if (llvm::isa<clang::RecordDecl>(record.getDeclContext())) {
    return {};
  } else {
    const std::string variable = variable_of(record);
    if (variable.empty()) return {};
    name = record.getKindName().str() + " of " + variable;
  }
  if (const auto* function = llvm::dyn_cast<clang::FunctionDecl>(record.getDeclContext()))
    name += " in " + function->getNameAsString();
  return name;
}

std::string enum_name(const clang::EnumDecl& type) {
  if (type.getIdentifier() != nullptr) return "enum " + type.getNameAsString();
  if (const clang::TypedefNameDecl* defined = type.getTypedefNameForAnonDecl())
    return defined->getNameAsString();
  const auto first = type.enumerator_begin();
  return first == type.enumerator_end() ? "enum" : "enum of " + first->getNameAsString();
}

const clang::RecordDecl* innermost_record(clang::QualType type, bool through_pointers) {
  const clang::Type* bare = type.getCanonicalType().getTypePtr();
  for (;;) {
    if (const auto* array = llvm::dyn_cast<clang::ArrayType>(bare)) {
      bare = array->getElementType().getCanonicalType().getTypePtr();
    } else if (const auto* pointer = llvm::dyn_cast<clang::PointerType>(bare);
               pointer != nullptr && through_pointers) {
      bare = pointer->getPointeeType().getCanonicalType().getTypePtr();
    } else {
      break;
    }
  }
  const auto* record = llvm::dyn_cast<clang::RecordType>(bare);
  return record == nullptr ? nullptr : record->getDecl()->getDefinition();
}

}  // namespace splicer
