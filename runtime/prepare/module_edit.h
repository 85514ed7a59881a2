// SPDX-License-Identifier: GPL-2.0-or-later
//
// Changing a module's file in place, by what its parsed object says: for link.h and sealed_keys.h.
//
//     file[file_offset(object, section) + at] = 0x90;
//
// Invariant: nothing moves, so that offsets of the parsed object stay those of the file.
#pragma once

#include <elf.h>

#include <cstdint>
#include <cstring>
#include <vector>

#include "matcher/base/result.h"
#include "matcher/elf/elf_object.h"

namespace splicer {

// Where a section's bytes are in the file that the object was parsed from.
inline std::size_t file_offset(const ElfObject& object, const Section& section) {
  return static_cast<std::size_t>(section.bytes.data() - object.file().data());
}

// Calls edit(section, Elf64_Rela&) for each relocation of `file`, which `object` was parsed from, with
// the section that it applies to, and writes it back. Ends with the first error that `edit` returns.
template <typename Edit>
Result<void> edit_relocations(std::vector<std::uint8_t>& file, const ElfObject& object,
                              const Edit& edit) {
  for (const Section& table : object.sections()) {
    if (table.type != SHT_RELA) continue;
    for (std::size_t at = 0; at + sizeof(Elf64_Rela) <= table.bytes.size();
         at += sizeof(Elf64_Rela)) {
      std::uint8_t* place = file.data() + file_offset(object, table) + at;
      Elf64_Rela raw;
      std::memcpy(&raw, place, sizeof raw);
      if (Result<void> done = edit(object.section(table.info), raw); !done) return done;
      std::memcpy(place, &raw, sizeof raw);
    }
  }
  return {};
}

}  // namespace splicer
