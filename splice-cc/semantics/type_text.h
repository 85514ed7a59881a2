// SPDX-License-Identifier: GPL-2.0-or-later
//
// Types as texts that are equal when the types are, in two versions of a file.
//
//     const u8 *name[4]            "unsigned char *[4]"
//     typedef struct {...} foo_t   "foo_t"
//     static struct {...} table;   "struct of table"
//
//     __be16 port                  "__be16"
//
// Without qualifiers, and without typedefs but those of a byte order; records and enumerations by name, never by their place.
#pragma once

#include <string>

namespace clang {
class ASTContext;
class EnumDecl;
class QualType;
class RecordDecl;
class ValueDecl;
}  // namespace clang

namespace splicer {

std::string type_text(clang::QualType type);
// The same as the kernel's own type information tells it (layout_type() in
// matcher/image/btf_layout.cc): "u32", "[4]struct foo", "*struct foo".
std::string layout_type(clang::QualType type, const clang::ASTContext& context);
// What a function or variable is to who refers to it (UsedDeclaration::type in
// matcher/image/btf_layout.h); empty where the declaration leaves it open.
std::string declaration_type(const clang::ValueDecl& declaration, const clang::ASTContext& context);
// "struct foo"; "struct foo in function" if it is declared in one; empty for a member without a
// name of its own, which is then a part of the record around it.
std::string record_name(const clang::RecordDecl& record);
std::string enum_name(const clang::EnumDecl& type);
// The record of a variable or an array of it, and with `through_pointers` also of what points to
// it.
const clang::RecordDecl* innermost_record(clang::QualType type, bool through_pointers);

}  // namespace splicer
