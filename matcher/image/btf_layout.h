// SPDX-License-Identifier: GPL-2.0-or-later
//
// The structures that new code uses, as its source lays them out, against the kernel's own record
// of its types (BTF: Documentation/bpf/btf.rst).
//
// Matching proves code. What old code never touched, new code may: a member that no pre function
// reads stands in no byte that was compared. A kernel that was built with another configuration, or
// with structures laid out at random, is then found by its types:
//
//     compare_layouts({{"struct cred", 176, {{"usage", 0, 0}, ...}}}, btf_of_vmlinux, {},
//     "vmlinux")
//
// A kernel may have several types of one name, each of another file; one of them has to agree. A
// type that the kernel's record lacks, such as one that no compiled code used, proves nothing; it is
// reported as unknown. So are all, of a kernel that keeps no record.
//
// With the structures go the numbers that new code has compiled in under the name of an enumerator,
// and what it takes functions and variables for that it reaches by their names alone:
//
//     {"BPF_MAP_TYPE_LRU_HASH", 9}      {"vfs_fsync", "(*struct file,i32)i32"}
//
// Of several enumerators, functions or variables of one name, too, one has to agree. The kernel's
// record has the variables of each processor only.
//
// Invariant: BTF is hostile. Reading it is bounded in depth and in work, whatever it says.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "matcher/base/result.h"

namespace splicer {

struct TypeMember {
  std::string name;          // "next"; "pair.first" in a structure without a name of its own
  std::uint64_t offset = 0;  // bits
  std::uint64_t width = 0;   // bits, of a bit-field
  // What it is: "u32", "i64", "b8", "f64"; "enum foo", "e32" without a name; "struct foo"; "*struct
  // foo", "*" to anything else; "[4]" and what it is of; the members of a structure without a tag in
  // braces. "?" or empty where that is not known, which agrees with all.
  std::string type = {};
  auto operator<=>(const TypeMember&) const = default;
};

struct TypeLayout {
  std::string name;        // "struct foo", "union foo", or a typedef's name
  std::uint64_t size = 0;  // bytes
  std::vector<TypeMember> members;
};

// A long text of a type (TypeMember::type) as its digest: "#0123456789abcdef".
std::string short_layout_type(std::string text);
// The same of a prototype (UsedDeclaration::type), which still begins like one.
std::string short_prototype(std::string text);

// A number that code has compiled in under a name.
struct UsedEnumerator {
  std::string name;
  std::int64_t value = 0;
  auto operator<=>(const UsedEnumerator&) const = default;
};

// A function or variable that code reaches by its name: what it is, as TypeMember::type says it; of a
// function "(u64,*struct file)i32", with "..." for more arguments and "void" for nothing.
struct UsedDeclaration {
  std::string name;
  std::string type;
  bool is_function() const { return type.starts_with('('); }
  auto operator<=>(const UsedDeclaration&) const = default;
};

// What new code takes for granted of the kernel's types. The caller owns what it refers to.
struct UsedTypes {
  std::span<const TypeLayout> layouts = {};
  std::span<const UsedEnumerator> enumerators = {};
  std::span<const UsedDeclaration> declarations = {};
};

// Of what was wanted.
struct ComparedLayouts {
  std::size_t agreeing = 0;
  std::vector<std::string> unknown;  // that the kernel's record does not have
};

// Compares all that is wanted with the kernel's of that name. `kernel` is the BTF of vmlinux, and
// `module` that of the module `target`, which is split from it; either may be empty. Takes one walk over
// both. For any number of threads at once. Errors: "structure-layout", "enumerator-value",
// "declaration-differs" (ExitCode::mismatch), "btf-malformed".
Result<ComparedLayouts> compare_used_types(const UsedTypes& wanted,
                                           std::span<const std::uint8_t> kernel,
                                           std::span<const std::uint8_t> module,
                                           const std::string& target);

// The same of structures alone.
Result<ComparedLayouts> compare_layouts(std::span<const TypeLayout> wanted,
                                        std::span<const std::uint8_t> kernel,
                                        std::span<const std::uint8_t> module,
                                        const std::string& target);

}  // namespace splicer
