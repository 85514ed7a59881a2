// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/diff/atoms.h"

#include <elf.h>
#include <fmt/core.h>

#include <algorithm>
#include <cctype>

namespace splicer {

std::uint64_t instruction_of(const InstructionStarts& starts, const Atom& atom,
                             const Reference& reference) {
  const SectionOffset start =
      starts.start_of(atom.section, SectionOffset(atom.begin + reference.offset));
  return std::max(start.value(), atom.begin) - atom.begin;
}

std::string unnumbered(std::string_view name) {
  std::string base(name);
  const auto strip_digits = [&base] {
    const std::size_t size = base.size();
    while (!base.empty() && std::isdigit(static_cast<unsigned char>(base.back())) != 0)
      base.pop_back();
    return base.size() != size;
  };
  bool numbered = false;
  if (strip_digits()) {
    if (base.ends_with('.')) {
      base.pop_back();
      numbered = true;
    } else if (base.starts_with("__UNIQUE_ID_")) {
      return base;
    }
  }
  if (!numbered) return {};
  if (base.starts_with("__UNIQUE_ID_")) strip_digits();
  return base;
}

bool is_cold(std::string_view name) {
  const std::size_t at = name.rfind(".cold");
  return at != std::string_view::npos && at + 5 == name.size();
}

void AtomTable::divide_sections(const InstructionStarts& starts) {
  for (const Section& section : object_->sections()) {
    // Empty ones count: a struct lock_class_key has no bytes without lockdep, but has an address.
    if (section.size == 0 && !section.is_alloc()) continue;
    const SectionRole role = roles_[section.index];
    std::vector<SectionPiece> pieces;
    if (role == SectionRole::code && has_unnamed_code(section.name)) {
      pieces = divide_at_references(*object_, section, starts);
    } else if (is_content(role) || is_init_table(role) || role == SectionRole::hooks ||
               role == SectionRole::init || role == SectionRole::linked) {
      pieces = divide_at_symbols(*object_, section);
    } else if (section.is_alloc()) {
      pieces = {{0, section.size, AtomKind::anonymous}};
    }
    for (const SectionPiece& piece : pieces) {
      Atom atom;
      atom.section = section.index;
      atom.begin = piece.begin;
      atom.size = piece.end - piece.begin;
      atom.kind = piece.kind;
      atom.name = section.name;
      by_section_[section.index].push_back(static_cast<std::uint32_t>(atoms_.size()));
      atoms_.push_back(std::move(atom));
    }
  }
}

void AtomTable::assign_symbols() {
  for (const Symbol& symbol : object_->symbols()) {
    if (!symbol.defined() || symbol.is_section() || symbol.name.empty() || symbol.type == STT_FILE)
      continue;
    if (const auto index = find(symbol.section, symbol.value.value()))
      atoms_[*index].symbols.push_back(symbol.index);
  }
  for (Atom& atom : atoms_) {
    std::ranges::stable_sort(atom.symbols, {},
                             [&](std::uint32_t index) { return object_->symbol(index).value; });
    if (const Symbol* symbol = symbol_at_start(atom)) {
      atom.name = symbol->name;
    } else if (!atom.symbols.empty() && atom.kind == AtomKind::code) {
      atom.name = object_->symbol(atom.symbols[0]).name;
    }
  }
}

Result<void> AtomTable::add_references(const InstructionStarts& starts) {
  for (Atom& atom : atoms_) {
    const Section& section = object_->section(atom.section);
    for (const Relocation& relocation : object_->relocations_in(
             atom.section, SectionOffset(atom.begin), SectionOffset(atom.begin + atom.size))) {
      if (relocation.type == R_X86_64_NONE) continue;
      const bool counts = section.is_code() && relocation_is_pc_relative(relocation.type) &&
                          object_->symbol(relocation.symbol).defined();
      const std::int64_t distance =
          counts ? starts.distance_to_next(section.index, relocation.offset,
                                           relocation_width(relocation.type).value_or(0))
                 : 0;
      auto added = reference(section, relocation, atom.begin, distance);
      if (!added) return propagate(added);
      atom.references.push_back(*added);
    }
  }
  return {};
}

// What the assembler settled within the section becomes a reference, as if it had left a
// relocation.
void AtomTable::add_settled_branches(const Section& section) {
  std::vector<std::uint64_t> begins;
  for (const std::uint32_t index : by_section_[section.index])
    begins.push_back(atoms_[index].begin);
  if (begins.size() < 2) return;
  for (const SettledBranch& branch : settled_branches(*object_, section, begins)) {
    Atom& atom = atoms_[*find(section.index, branch.field)];
    Reference reference;
    reference.offset = branch.field - atom.begin;
    reference.type = R_X86_64_PC32;
    reference.atom = *find(section.index, branch.target);
    reference.into = static_cast<std::int64_t>(branch.target - atoms_[reference.atom].begin);
    reference.addend = reference.into - branch.width;
    atom.references.push_back(reference);
    std::ranges::sort(atom.references, {}, &Reference::offset);
  }
}

Result<AtomTable> AtomTable::build(const ElfObject& object, bool module) {
  AtomTable table(object);
  for (const Section& section : object.sections())
    table.roles_.push_back(section_role(section, module));
  table.by_section_.resize(object.sections().size());
  const InstructionStarts starts(object);
  table.divide_sections(starts);
  table.assign_symbols();
  if (auto added = table.add_references(starts); !added) return propagate(added);
  for (const Section& section : object.sections())
    if ((table.role(section) == SectionRole::code || table.role(section) == SectionRole::init) &&
        section.is_code() && !has_unnamed_code(section.name))
      table.add_settled_branches(section);
  return table;
}

Bytes AtomTable::bytes(const Atom& atom) const {
  const Section& section = object_->section(atom.section);
  if (section.is_nobits()) return {};
  return section.bytes.subspan(atom.begin, atom.size);
}

std::optional<std::uint32_t> AtomTable::find(std::uint32_t section, std::uint64_t offset) const {
  const std::vector<std::uint32_t>& atoms = by_section_[section];
  const auto next = std::ranges::upper_bound(
      atoms, offset, {}, [&](std::uint32_t index) { return atoms_[index].begin; });
  if (next == atoms.begin()) return std::nullopt;
  return *std::prev(next);
}

const Symbol* AtomTable::symbol_at_start(const Atom& atom) const {
  const Symbol* best = nullptr;
  for (const std::uint32_t index : atom.symbols) {
    const Symbol& symbol = object_->symbol(index);
    if (symbol.value - symbol.padding != atom.begin) continue;
    const bool typed = symbol.is_function() || symbol.is_object();
    if (best == nullptr || (typed && !(best->is_function() || best->is_object())) ||
        (typed && best->is_local() && !symbol.is_local()))
      best = &symbol;
  }
  return best;
}

Result<Reference> AtomTable::reference(const Section& origin, const Relocation& relocation,
                                       std::uint64_t base, std::int64_t distance) const {
  Reference reference;
  reference.offset = relocation.offset.value() - base;
  reference.type = relocation.type;
  reference.symbol = relocation.symbol;
  const Symbol& symbol = object_->symbol(relocation.symbol);
  if (!symbol.defined()) {
    reference.undefined = true;
    reference.addend = relocation.addend;
    reference.into = relocation.addend;
    return reference;
  }
  const auto value = static_cast<std::int64_t>(symbol.value.value());
  const std::int64_t meant = value + relocation.addend + distance;
  // A named symbol says which atom is meant, even if the address lies beyond it (the end of an
  // array).
  const std::int64_t place =
      symbol.is_section()
          ? std::clamp<std::int64_t>(
                meant, 0, static_cast<std::int64_t>(object_->section(symbol.section).size))
          : value;
  const auto atom = find(symbol.section, static_cast<std::uint64_t>(place));
  if (!atom)
    return fail(ExitCode::unsafe, "reference-outside",
                fmt::format("{}+{} refers to {}, which is neither code nor data that Splice knows",
                            origin.name, relocation.offset, symbol.name))
        .at_file(object_->name())
        .in_function(symbol.name)
        .hint("report it with the name of the kernel: the section may be new in it");
  reference.atom = *atom;
  const auto begin = static_cast<std::int64_t>(atoms_[*atom].begin);
  reference.into = meant - begin;
  reference.addend = value + relocation.addend - begin;
  return reference;
}

}  // namespace splicer
