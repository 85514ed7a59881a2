// SPDX-License-Identifier: GPL-2.0-or-later
//
// Where a section is cut into atoms (splice-cc/diff/atoms.h).
//
//     .text.f                                one piece
//     .sched.text with f and g               two: what lies between them goes with f
//     .data..read_mostly with a and b        two: what lies between them belongs to neither
//     .text of an assembly file              one: its functions run into each other
//     .altinstr_aux                          as many as places that other code refers to
//
// A branch from one function to another of its section leaves no relocation: the assembler has
// settled it. Where such a section is cut, the branch becomes a reference again; a short one cannot, and
// what it spans stays one piece (preempt_schedule() of kernel/sched/core.c ends in such a jump).
//
// Invariant: pieces are in the order of the section and do not overlap.
#pragma once

#include <cstdint>
#include <vector>

#include "matcher/elf/elf_object.h"
#include "matcher/elf/instruction_starts.h"

namespace splicer {

enum class AtomKind {
  code,
  writable,   // .data, .bss and what else can be written, per-CPU data too
  read_only,  // constants with a name
  merged,     // strings and constants that the linker merges: without identity
  anonymous,  // constants without a name, and out-of-line bits of code
};

struct SectionPiece {
  std::uint64_t begin = 0;  // offsets in the section
  std::uint64_t end = 0;
  AtomKind kind = AtomKind::code;
};

// A direct branch without a relocation that leads out of its piece.
struct SettledBranch {
  std::uint64_t field = 0;   // offsets in the section: of the displacement,
  std::uint64_t target = 0;  // and of what it leads to
  unsigned width = 0;        // bytes of the displacement
};

// The pieces of a section of functions, variables or constants, cut at its symbols. Reads all
// symbols of the object.
std::vector<SectionPiece> divide_at_symbols(const ElfObject& object, const Section& section);
// The pieces of a section of code without symbols, cut where code of other sections refers to it.
std::vector<SectionPiece> divide_at_references(const ElfObject& object, const Section& section,
                                               const InstructionStarts& starts);
// In the order of the section. `begins`: where its pieces begin, sorted.
std::vector<SettledBranch> settled_branches(const ElfObject& object, const Section& section,
                                            const std::vector<std::uint64_t>& begins);

}  // namespace splicer
