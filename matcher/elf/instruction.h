// SPDX-License-Identifier: GPL-2.0-or-later
//
// Instruction boundaries and operand offsets, from Capstone. Bytes and relocations are the truth;
// nothing here is used for what an instruction means beyond "a direct branch to there", "a nop", and
// what is done with an address.
//
// Invariant: length is between 1 and the number of bytes given, or the instruction is unknown.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "matcher/elf/elf_object.h"

namespace splicer {

struct Instruction {
  unsigned length = 0;            // bytes
  unsigned immediate_offset = 0;  // of the branch's displacement; 0 when it is no branch
  unsigned immediate_size = 0;    // bytes of it: 1 or 4
  bool direct_branch = false;     // jmp, jcc or call with a relative displacement
  bool nop = false;               // any form of nop, of any length
  std::int64_t displacement = 0;  // from the end of the instruction
};

// The instruction at the start of `code`; nullopt when Capstone does not know it.
std::optional<Instruction> decode(Bytes code);

// What an instruction does with what the field at `offset` names: only reads that memory, or writes
// it, or takes its address (lea, an immediate), which may come to anything. `address` where Capstone
// does not know.
enum class AddressUse { read, write, address };
AddressUse address_use(Bytes code, unsigned offset);

// Does the instruction copy a block of memory (rep movs)?
bool copies_memory(Bytes code);

// Do both begin with the same instruction on the same registers, and with other displacements or
// immediates? Not for branches: theirs differ whenever code is longer. For hints only.
bool differ_in_numbers(Bytes a, Bytes b);

// "call   0xffffffff81234567" for people; "(unknown)" when Capstone does not know it.
std::string disassemble_one(Bytes code, std::uint64_t address);

// Two columns, pre and run, from `from` for at most `count` instructions, with a mark at the first
// that differs.
std::string disassemble_side_by_side(Bytes pre, Bytes run, std::uint64_t pre_offset,
                                     std::uint64_t run_address, std::uint64_t mark_offset);

}  // namespace splicer
