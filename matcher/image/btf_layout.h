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
// type that the kernel's record lacks, such as one that no compiled code used, proves nothing and
// is passed over.
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
  auto operator<=>(const TypeMember&) const = default;
};

struct TypeLayout {
  std::string name;        // "struct foo", "union foo", or a typedef's name
  std::uint64_t size = 0;  // bytes
  std::vector<TypeMember> members;
};

// How many of `wanted` the kernel knows and agrees with. `kernel` is the BTF of vmlinux, and
// `module` that of the module `target`, which is split from it; either may be empty.
// Errors: "structure-layout" (ExitCode::mismatch), "btf-malformed".
Result<std::size_t> compare_layouts(std::span<const TypeLayout> wanted,
                                    std::span<const std::uint8_t> kernel,
                                    std::span<const std::uint8_t> module,
                                    const std::string& target);

}  // namespace splicer
