// SPDX-License-Identifier: GPL-2.0-or-later
//
// Values in place: what a patch changes in variables and constants that live, word by word.
//
//     const struct file_operations eventfd_fops = {        eventfd_fops +0x80, 8 bytes:
//         ...                                                  nothing -> noop_fsync
//     +   .fsync = noop_fsync,
//
// A constant that only the code of its file reads is brought along by that code. One that others see
// too, through a pointer or by its name, is the kernel's for good: new code means that one, and the
// words that differ can be written into it (kmod/values.c). Whether they may be is a question of
// meaning (splice-cc/semantics/values_in_place.h); here is found what they are.
//
// Invariant: a value's bytes before and after can be said by addresses that the matcher learns and by
// new code; what cannot be said so is no value.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "splice-cc/diff/unit_pair.h"

namespace splicer {

class AtomComparer;

struct UnitValue {
  std::string name;  // the variable's, as in a finding about it
  std::uint32_t pre_atom = 0;
  std::uint32_t post_atom = 0;
  std::uint64_t begin = 0;  // in both
  std::uint64_t size = 0;   // bytes
  bool is_default = false;  // a number alone: somebody may have set it since
  std::string what;         // for people
};

// Post atoms: constants that pre has too and that others than the code of the unit see, as they have
// a global name, hold pointers to functions, or something else points to them. Linear in the
// references.
std::set<std::uint32_t> shared_constants(const UnitPair& unit);

// What the tracer of system calls prints of one, and nothing else: SYSCALL_METADATA() in
// include/linux/syscalls.h.
bool describes_only(const std::string& name);

// The string that a pointer in data leads to, if it is one of those that the linker merges, and plain text.
std::optional<std::string> string_at(const AtomTable& table, const Reference& reference);

// Does it hold pointers to functions (struct file_operations and the like)?
bool has_function_pointers(const AtomTable& table, const Atom& atom);

// The words of two atoms of equal size that differ; nothing, if one of them cannot be written: a
// pointer to a string or a piece of code that has no name in the kernel, per-CPU data.
std::optional<std::vector<UnitValue>> differing_values(const UnitPair& unit, AtomComparer& compare,
                                                       std::uint32_t pre, std::uint32_t post);

// Of shared constants that change, those that can be written: `compare` then takes them for the
// kernel's own, and what refers to them for unchanged.
void place_constants(const UnitPair& unit, const std::set<std::uint32_t>& shared,
                     AtomComparer& compare);

}  // namespace splicer
