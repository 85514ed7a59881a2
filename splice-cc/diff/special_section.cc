// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/diff/special_section.h"

#include <elf.h>
#include <fmt/core.h>

namespace splicer {

namespace {

Failure malformed(const AtomTable& atoms, const Section& table, const std::string& what) {
  return fail(ExitCode::error, "special-section-malformed", fmt::format("{}: {}", table.name, what))
      .at_file(atoms.object().name())
      .hint("the object is damaged, or its kernel has a table that Splice does not know");
}

// How many entries a table has: as many as relocations that name the code which an entry is about.
std::size_t count_entries(const AtomTable& atoms, const Section& table) {
  // Of one or more relocations an entry, only the first names code, unless the row says how many
  // there always are.
  const std::size_t each = kernel_section(table.name)->relocations;
  if (each > 1) return table.relocations.size() % each == 0 ? table.relocations.size() / each : 0;
  std::size_t count = 0;
  for (const Relocation& relocation : table.relocations) {
    const Symbol& symbol = atoms.object().symbol(relocation.symbol);
    if (symbol.defined() && atoms.object().section(symbol.section).is_code()) ++count;
  }
  return count;
}

}  // namespace

std::pair<std::uint64_t, std::uint64_t> line_field(const Section& table, const TableEntry& entry) {
  // struct bug_entry (include/asm-generic/bug.h): address, file, then the line as u16. Without
  // CONFIG_DEBUG_BUGVERBOSE there is no file, and no second relocation.
  if (kernel_section(table.name)->lines && entry.references.size() == 2) {
    const std::uint64_t begin = entry.references[1].offset + 4;
    return {begin, begin + 2};
  }
  return {0, 0};
}

Result<SpecialSections> SpecialSections::collect(const AtomTable& atoms) {
  SpecialSections result;
  const ElfObject& object = atoms.object();
  for (const Section& table : object.sections()) {
    if (table.size == 0 || table.is_nobits() || atoms.role(table) != SectionRole::table) continue;
    const KernelSection& row = *kernel_section(table.name);
    const std::size_t count = count_entries(atoms, table);
    if (count == 0 || table.size % count != 0)
      return malformed(atoms, table,
                       fmt::format("{} bytes do not divide into {} entries", table.size, count));
    const std::uint64_t size = table.size / count;
    const Section* data = nullptr;
    if (!row.parallel.empty()) {
      data = object.find_section(row.parallel);
      if (data == nullptr || data->size % count != 0)
        return malformed(atoms, table,
                         fmt::format("{} has another number of entries", row.parallel));
    }
    for (std::size_t i = 0; i < count; ++i) {
      TableEntry entry;
      entry.section = table.index;
      entry.begin = i * size;
      entry.size = size;
      for (const Relocation& relocation : object.relocations_in(
               table.index, SectionOffset(entry.begin), SectionOffset(entry.begin + size))) {
        auto reference = atoms.table_reference(table, relocation, entry.begin);
        if (!reference) return propagate(reference);
        entry.references.push_back(*reference);
      }
      if (entry.references.empty() || entry.references[0].undefined)
        return malformed(atoms, table, fmt::format("entry {} names no code", i));
      if (data != nullptr) {
        entry.other_section = data->index;
        entry.other_size = data->size / count;
        entry.other_begin = i * entry.other_size;
      } else if (row.site == SiteKind::alternative) {
        // struct alt_instr (arch/x86/include/asm/alternative.h) ends in instrlen, replacementlen.
        if (entry.references.size() != 2 || entry.references[1].undefined)
          return malformed(atoms, table, fmt::format("entry {} names no replacement", i));
        const Atom& replacement = atoms.at(entry.references[1].atom);
        entry.other_section = replacement.section;
        entry.other_begin =
            replacement.begin + static_cast<std::uint64_t>(entry.references[1].into);
        entry.other_size = table.bytes[entry.begin + size - 1];
        const std::uint64_t limit = object.section(entry.other_section).bytes.size();
        if (entry.other_begin > limit || entry.other_size > limit - entry.other_begin)
          return malformed(atoms, table, fmt::format("entry {}: replacement outside", i));
      }
      result.by_owner_[entry.references[0].atom].push_back(std::move(entry));
    }
  }
  return result;
}

const std::vector<TableEntry>& SpecialSections::of(std::uint32_t atom) const {
  static const std::vector<TableEntry> none;
  const auto found = by_owner_.find(atom);
  return found == by_owner_.end() ? none : found->second;
}

}  // namespace splicer
