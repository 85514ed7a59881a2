// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/proof/code_entries.h"

#include <elf.h>

#include <array>

namespace splicer {

namespace {

constexpr std::array kTables = {EntryTable::static_key, EntryTable::static_call,
                                EntryTable::exception, EntryTable::bug, EntryTable::alternative};
constexpr std::uint32_t kBugEntry = 12;      // with CONFIG_DEBUG_BUGVERBOSE
constexpr std::uint32_t kShortBugEntry = 8;  // 6, in a table that is aligned

std::uint32_t size_in(const Section& table, EntryTable kind) {
  switch (kind) {
    case EntryTable::static_key:
      return 16;
    case EntryTable::static_call:
      return 8;
    case EntryTable::exception:
      return 12;
    case EntryTable::bug:
      return table.relocations.size() > 1 && table.relocations[1].offset == 4U ? kBugEntry
                                                                               : kShortBugEntry;
    case EntryTable::alternative:
      return static_cast<std::uint32_t>(2 * table.size / table.relocations.size());
  }
  return 0;
}

}  // namespace

std::string_view section_of(EntryTable table) {
  switch (table) {
    case EntryTable::static_key:
      return "__jump_table";
    case EntryTable::static_call:
      return ".static_call_sites";
    case EntryTable::exception:
      return "__ex_table";
    case EntryTable::bug:
      return "__bug_table";
    case EntryTable::alternative:
      return ".altinstructions";
  }
  return "";
}

std::string_view text_of(FieldMeaning meaning) {
  switch (meaning) {
    case FieldMeaning::code:
      return "code";
    case FieldMeaning::target:
      return "target";
    case FieldMeaning::key:
      return "key";
    case FieldMeaning::handling:
      return "handling";
    case FieldMeaning::flags:
      return "flags";
    case FieldMeaning::place:
      return "file and line";
    case FieldMeaning::processors:
      return "processors";
    case FieldMeaning::length:
      return "length";
  }
  return "";
}

std::vector<EntryField> fields_of(const CodeEntry& entry) {
  using Meaning = FieldMeaning;
  std::vector<EntryField> fields{{0, 4, Meaning::code}};
  const std::uint32_t end = entry.entry_size;
  switch (entry.table) {
    case EntryTable::static_key:
      fields.push_back({4, 4, Meaning::target});
      fields.push_back({8, 8, Meaning::key});
      break;
    case EntryTable::static_call:
      fields.push_back({4, 4, Meaning::key});
      break;
    case EntryTable::exception:
      fields.push_back({4, 4, Meaning::target});
      fields.push_back({8, 4, Meaning::handling});
      break;
    case EntryTable::bug:
      if (end == kBugEntry) {
        fields.push_back({4, 4, Meaning::place});
        fields.push_back({8, 2, Meaning::place});
      }
      fields.push_back({end == kBugEntry ? 10U : 4U, 2, Meaning::flags});
      break;
    case EntryTable::alternative:
      fields.push_back({4, 4, Meaning::target});
      fields.push_back({8, end - 10, Meaning::processors});
      fields.push_back({end - 2, 1, Meaning::length});
      fields.push_back({end - 1, 1, Meaning::length});
      break;
  }
  return fields;
}

std::vector<CodeEntry> code_entries(const ElfObject& object) {
  std::vector<CodeEntry> entries;
  for (const Section& table : object.sections())
    for (const EntryTable kind : kTables) {
      if (table.name != section_of(kind) || table.relocations.empty()) continue;
      const std::uint32_t size = size_in(table, kind);
      for (const Relocation& relocation : table.relocations) {
        const Symbol& symbol = object.symbol(relocation.symbol);
        if (relocation.offset.value() % size != 0 || !symbol.defined() ||
            relocation.offset + size > table.bytes.size() ||
            !object.section(symbol.section).is_code())
          continue;
        entries.push_back({kind, table.index, relocation.offset, size, symbol.section,
                           symbol.value + static_cast<std::uint64_t>(relocation.addend)});
      }
    }
  return entries;
}

std::optional<std::uint64_t> relocation_in_file(const ElfObject& object, std::uint32_t section,
                                                SectionOffset offset) {
  const Bytes file = object.file();
  for (const Section& table : object.sections()) {
    if (table.type != SHT_RELA || table.info != section || table.bytes.empty()) continue;
    const auto begin = static_cast<std::uint64_t>(table.bytes.data() - file.data());
    for (std::uint64_t at = 0; at < table.bytes.size(); at += sizeof(Elf64_Rela))
      if (const auto row = load<Elf64_Rela>(table.bytes, at); row && row->r_offset == offset)
        return begin + at;
  }
  return std::nullopt;
}

}  // namespace splicer
