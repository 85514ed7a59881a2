// SPDX-License-Identifier: GPL-2.0-or-later
//
// The entries of an object's tables about its code, field by field, and where each field stands: in
// the object's file, and in the kernel's own table.
//
//     for (const CodeEntry& entry : code_entries(object))
//       for (const EntryField& field : fields_of(entry)) ...field.offset, field.meaning...
//
// Apart from the matcher: what a table's entries are made of is written down here once more, from
// the kernel's headers (linux/jump_label.h, asm/extable.h, asm-generic/bug.h, asm/alternative.h,
// linux/static_call_types.h).
//
// Invariant: each entry lies whole in its section, and its first field leads to a code section.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "matcher/elf/elf_object.h"

namespace splicer {

enum class EntryTable : std::uint8_t { static_key, static_call, exception, bug, alternative };

// What a field means.
enum class FieldMeaning : std::uint8_t {
  code,        // which code the entry is about
  target,      // where it leads: a jump's target, a fault's fixup, a replacement
  key,         // of a static key or call, with flags in its lowest bits
  handling,    // how a fault is handled
  flags,       // of a trap
  place,       // file and line of a trap
  processors,  // for which an alternative is
  length,      // of an alternative or its replacement
};

struct EntryField {
  std::uint32_t offset = 0;  // in the entry
  std::uint32_t width = 0;   // bytes
  FieldMeaning meaning{};
};

struct CodeEntry {
  EntryTable table{};
  std::uint32_t section = 0;     // the table's
  SectionOffset offset;          // of the entry there
  std::uint32_t entry_size = 0;  // bytes
  std::uint32_t code_section = 0;
  SectionOffset code;  // there
};

std::string_view section_of(EntryTable table);
std::string_view text_of(FieldMeaning meaning);
std::vector<EntryField> fields_of(const CodeEntry& entry);

// In the order of the sections. Takes time in proportion to the tables' relocations.
std::vector<CodeEntry> code_entries(const ElfObject& object);

// Where in the object's file the Elf64_Rela of a field stands; nothing if the field has none.
std::optional<std::uint64_t> relocation_in_file(const ElfObject& object, std::uint32_t section,
                                                SectionOffset offset);

}  // namespace splicer
