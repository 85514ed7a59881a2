// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the relocations of an object ask of a kernel, worked out once for each object.
//
// Everything that depends on the pre object alone is worked out here: what a relocation is about (its
// slot), what has to be taken from a field's value to get the slot's value, where a constant begins
// and ends, and which bytes of a section are no relocated field. So a match that finds its code as
// it was built compares bytes beside the fields and numbers with numbers:
//
//     e8 ?? ?? ?? ??      call copy_process
//        ^^^^^^^^^^^ field value = field + address + 4     must be slot 17 (copy_process), always
//
// Slots number what has one place in the kernel: the object's sections, then its symbols, then its
// constants (strings and the like, which the linker puts anywhere).
//
// Invariant: a plan says nothing about a kernel; what it leaves out is only matched more slowly.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "matcher/base/address.h"
#include "matcher/elf/elf_object.h"
#include "matcher/elf/instruction_starts.h"

namespace splicer {

// What one relocation is about. The value of the slot is the field's value, plus its address if the
// relocation is relative, less `minus`.
struct RelocationTarget {
  enum class Kind { absolute, symbol, section, constant };
  Kind kind{};
  std::uint32_t slot = 0;
  std::uint64_t minus = 0;
  // Of a constant: its section and its first byte there.
  std::uint32_t section = 0;
  SectionOffset offset;
};

// A four-byte field in code: what the kernel's linker makes of R_X86_64_PC32, _PLT32 and _32S.
// Twelve bytes, since a match reads as many of them as of the code itself.
struct PlannedField {
  std::int32_t minus = 0;
  std::uint32_t slot = 0;
  std::uint32_t offset : 31 = 0;  // in the section
  std::uint32_t relative : 1 = 0;
};

// A constant that relocations of the object refer to.
struct PlannedConstant {
  std::uint32_t section = 0;
  SectionOffset begin;
  SectionOffset end;
  SectionOffset content_end;  // less what may be padding before the next constant
  bool merged = false;        // by the linker: it has one place
  bool read_only = false;     // among the kernel's read-only data
};

struct PlannedSection {
  // A bit for each byte, sixteen in a word, and a word more: is it of a relocated field?
  std::vector<std::uint16_t> relocated;
  std::vector<PlannedField> fields;    // by offset
  std::vector<std::uint32_t> unusual;  // other relocations, by index
};

class ReferencePlan {
 public:
  explicit ReferencePlan(const ElfObject& object);

  // What a relocation is about that is in section `origin` at `place`.
  RelocationTarget target(const Relocation& relocation, std::uint32_t origin,
                          SectionOffset place) const;
  // The constant that begins at `offset`, which is inside the section.
  PlannedConstant constant(std::uint32_t section, SectionOffset offset) const;
  const PlannedConstant& constant(std::uint32_t slot) const {
    return planned_[slot - first_constant_];
  }
  // Nothing for a section that is no code, or whose relocations overlap.
  const PlannedSection* section(std::uint32_t index) const {
    return sections_[index] ? &*sections_[index] : nullptr;
  }
  // Defined symbols of a section that have names.
  const std::vector<std::uint32_t>& names(std::uint32_t section) const { return names_[section]; }
  std::size_t slots() const { return first_constant_ + planned_.size(); }
  std::uint32_t section_slot(std::uint32_t section) const { return section; }
  std::uint32_t symbol_slot(std::uint32_t symbol) const { return first_symbol_ + symbol; }
  // Slot 0, the null section's, is nobody's: a constant that no relocation of the object refers to,
  // or that lies outside its section.
  std::uint32_t constant_slot(std::uint32_t section, SectionOffset offset) const;
  bool is_constant_slot(std::uint32_t slot) const { return slot >= first_constant_; }
  bool is_symbol_slot(std::uint32_t slot) const {
    return slot >= first_symbol_ && slot < first_constant_;
  }
  std::uint32_t symbol_of(std::uint32_t slot) const { return slot - first_symbol_; }

 private:
  void collect_constants();
  SectionOffset constant_end(const Section& section, SectionOffset offset) const;
  SectionOffset content_end(const Section& section, SectionOffset offset, SectionOffset end) const;
  unsigned distance_to_end(const Relocation& relocation, std::uint32_t origin,
                           SectionOffset place) const;
  void plan_section(const Section& section);

  const ElfObject& object_;
  InstructionStarts starts_;
  std::uint32_t first_symbol_ = 0;
  std::uint32_t first_constant_ = 0;
  std::vector<std::vector<std::uint32_t>> names_;  // by section
  std::vector<std::vector<SectionOffset>>
      referenced_;  // by section: offsets in anonymous constants
  std::map<std::pair<std::uint32_t, SectionOffset>, std::uint32_t> constants_;  // to slots
  std::vector<PlannedConstant> planned_;  // by slot, from first_constant_
  std::vector<std::optional<PlannedSection>> sections_;
};

}  // namespace splicer
