// SPDX-License-Identifier: GPL-2.0-or-later
//
// What becomes of an address that an instruction takes.
//
//     48 8d 05 ?? ?? ?? ??    lea  name(%rip), %rax
//     48 89 43 18             mov  %rax, 24(%rbx)         stored: it outlives the function
//
//     48 c7 c7 ?? ?? ?? ??    mov  $callback, %rdi
//     e8 ?? ?? ?? ??          call register_it            handed to what the field at +8 names
//
// The registers that hold the address are followed along every way through the function, until they
// are overwritten. What goes to the stack is the function's own and is not followed further.
//
// Invariant: what is said to be stored is written to memory that is not the stack's. Not seen: an
// address that goes by way of the stack, or is computed with in more than additions.
// Cost: linear in the instructions that can be reached, at most kMostInstructions.
#pragma once

#include <cstdint>
#include <set>

#include "matcher/elf/elf_object.h"

namespace splicer {

struct AddressFate {
  bool stored = false;              // through a register: to memory of whatever kind
  std::set<std::uint64_t> statics;  // fields that name the variables it is stored in
  bool returned = false;            // in the register that a function returns
  bool lost = false;                // too much code, or an instruction that Capstone does not know
  std::set<std::uint64_t> calls;    // fields of calls, and of jumps out of the code, that get it
  bool indirect = false;            // a call through a pointer gets it
};

// `code` is the whole of a function, `at` the instruction's place in it, `field` that of the address
// in the code.
AddressFate fate_of_address(Bytes code, std::uint64_t at, std::uint64_t field);

}  // namespace splicer
