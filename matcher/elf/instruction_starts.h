// SPDX-License-Identifier: GPL-2.0-or-later
//
// Where the instructions of an object's code begin.
//
// A PC-relative operand counts from the end of its instruction, its relocation from the field. So
// what a relocation means takes the distance between the two, which only decoding tells:
//
//     83 3d ?? ?? ?? ?? 07      cmpl $7, limit(%rip)
//           ^ field: 5 bytes to the next instruction, an addend of limit - 5
//
//     InstructionStarts starts(object);
//     starts.distance_to_next(section, field, 4)      // 5
//
// x86 code can be decoded forwards only, so a section is decoded once, from its beginning and anew
// from each function's, and what was found is kept.
//
// Invariant: a distance is never less than the field's own width.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "matcher/base/address.h"
#include "matcher/elf/elf_object.h"

namespace splicer {

class InstructionStarts {
 public:
  // The object must outlive this.
  explicit InstructionStarts(const ElfObject& object) : object_(object) {}

  // Bytes from a field of `width` bytes at `place` to the end of its instruction: `width` if the
  // disassembler does not know. The first call for a section decodes all of it; later ones cost a
  // binary search. Not for several threads at once.
  unsigned distance_to_next(std::uint32_t section, SectionOffset place, unsigned width) const;
  // The beginning of the instruction that `place` is in. The same cost.
  SectionOffset start_of(std::uint32_t section, SectionOffset place) const;

 private:
  const std::vector<SectionOffset>& of(std::uint32_t section) const;

  const ElfObject& object_;
  mutable std::map<std::uint32_t, std::vector<SectionOffset>> starts_;  // by section, and its end
};

}  // namespace splicer
