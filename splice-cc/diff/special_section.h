// SPDX-License-Identifier: GPL-2.0-or-later
//
// Special sections: tables whose entries are about places in code. An entry goes where its code
// goes.
//
//     __ex_table    a fault here continues there
//     __bug_table   this ud2 is a WARN of that file and line
//     __jump_table  here stands a static key's nop or jump
//     ...           the other tables of matcher/elf/kernel_sections.cc
//
// The first relocation of an entry names the code that the entry is about; the size of entries is
// the table's length divided by the number of those, so that a kernel whose entries have other
// fields works as well. .orc_unwind_ip and .orc_unwind are one table in two sections.
//
// Invariant: entries do not overlap, cover their table, and each has an owner.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "matcher/base/result.h"
#include "splice-cc/diff/atoms.h"

namespace splicer {

struct TableEntry {
  std::uint32_t section = 0;
  std::uint64_t begin = 0;  // in the section
  std::uint64_t size = 0;
  std::vector<Reference> references;  // offsets from `begin`; the first is the owner
  // .orc_unwind_ip: the place of the data in .orc_unwind. .altinstructions: the replacement's.
  std::uint32_t other_section = 0;
  std::uint64_t other_begin = 0;
  std::uint64_t other_size = 0;
};

class SpecialSections {
 public:
  // Errors: "special-section-malformed".
  static Result<SpecialSections> collect(const AtomTable& atoms);
  // Entries about an atom, in the order of the tables.
  const std::vector<TableEntry>& of(std::uint32_t atom) const;

 private:
  std::map<std::uint32_t, std::vector<TableEntry>> by_owner_;
};

// Bytes of an entry that say where the source is, not what the code does: the line number of a
// __bug_table entry. {0, 0} when there are none.
std::pair<std::uint64_t, std::uint64_t> line_field(const Section& table, const TableEntry& entry);

}  // namespace splicer
