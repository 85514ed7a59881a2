// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/diff/atoms.h"

#include <elf.h>
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <set>

namespace splicer {

namespace {

// The distance from a PC-relative field to the end of its instruction, which the addend contains.
// x86 code is decoded forwards only, so from the start of the function that holds the field.
std::int64_t distance_to_next(const ElfObject& object, const Section& code, std::uint64_t place) {
  std::uint64_t at = 0;
  for (const Symbol* function : object.functions_in(code.index))
    if (function->value <= place) at = function->value;
  while (at <= place && at < code.bytes.size()) {
    const auto instruction = decode(code.bytes.subspan(at));
    const std::uint64_t next = at + (instruction ? instruction->length : 1);
    if (instruction && place < next) return static_cast<std::int64_t>(next - place);
    at = next;
  }
  return 4;
}

}  // namespace

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

void AtomTable::add(const Section& section, std::uint64_t begin, std::uint64_t end, AtomKind kind) {
  Atom atom;
  atom.section = section.index;
  atom.begin = begin;
  atom.size = end - begin;
  atom.kind = kind;
  atom.name = section.name;
  by_section_[section.index].push_back(static_cast<std::uint32_t>(atoms_.size()));
  atoms_.push_back(std::move(atom));
}

static bool is_far(const Instruction& instruction) { return instruction.immediate_size == 4; }

// May a section of several functions be divided? Assembly runs from one function into the next and
// refers to its own section in ways that leave no relocation, so it stays whole. The compiler does
// so only with direct branches, and those can be told; but a short one has no room for another
// distance.
bool AtomTable::divisible(const Section& section, const std::set<std::uint64_t>& starts,
                          std::uint64_t covered) const {
  const bool compiled = std::any_of(
      object_->symbols().begin(), object_->symbols().end(),
      [](const Symbol& symbol) { return symbol.type == STT_FILE && symbol.name.ends_with(".c"); });
  constexpr std::uint64_t kPadding = 15;  // before each function, at most
  if (!compiled || covered > section.size || section.size - covered > kPadding * starts.size())
    return false;
  bool divisible = true;
  for_each_leaving_branch(section, starts,
                          [&](std::uint64_t, const Instruction& instruction, std::uint64_t) {
                            divisible = divisible && is_far(instruction);
                          });
  return divisible;
}

// Direct branches without a relocation that lead out of their function: their place, and where they
// lead, as offsets in the section.
void AtomTable::for_each_leaving_branch(const Section& section,
                                        const std::set<std::uint64_t>& starts,
                                        const LeavingBranch& found) const {
  for (auto start = starts.begin(); start != starts.end(); ++start) {
    const std::uint64_t begin = start == starts.begin() ? 0 : *start;
    const std::uint64_t end = std::next(start) == starts.end() ? section.size : *std::next(start);
    for (std::uint64_t at = begin; at < end;) {
      const auto instruction = decode(section.bytes.subspan(at, end - at));
      if (!instruction) {
        ++at;
        continue;
      }
      const std::uint64_t next = at + instruction->length;
      const std::uint64_t field = at + instruction->immediate_offset;
      const std::uint64_t target = next + static_cast<std::uint64_t>(instruction->displacement);
      if (instruction->direct_branch && target < section.size &&
          (target < begin || target >= end) &&
          object_->relocations_in(section.index, field, field + 1).empty())
        found(field, *instruction, target);
      at = next;
    }
  }
}

// What the assembler settled within the section becomes a reference, as if it had left a
// relocation.
void AtomTable::add_settled_branches(const Section& section) {
  std::set<std::uint64_t> starts;
  for (const std::uint32_t index : by_section_[section.index]) starts.insert(atoms_[index].begin);
  if (starts.size() < 2) return;
  for_each_leaving_branch(
      section, starts,
      [&](std::uint64_t field, const Instruction& instruction, std::uint64_t target) {
        Atom& atom = atoms_[*find(section.index, field)];
        Reference reference;
        reference.offset = field - atom.begin;
        reference.type = R_X86_64_PC32;
        reference.atom = *find(section.index, target);
        reference.into = static_cast<std::int64_t>(target - atoms_[reference.atom].begin);
        reference.addend = reference.into - instruction.immediate_size;
        atom.references.push_back(reference);
        std::sort(atom.references.begin(), atom.references.end(),
                  [](const Reference& a, const Reference& b) { return a.offset < b.offset; });
      });
}

void AtomTable::divide(const Section& section) {
  AtomKind kind = AtomKind::read_only;
  if (section.is_code()) {
    kind = AtomKind::code;
  } else if (section.is_writable()) {
    kind = AtomKind::writable;
  }
  if (is_merged(section)) {
    add(section, 0, section.size, AtomKind::merged);
    return;
  }
  std::set<std::uint64_t> starts;
  std::map<std::uint64_t, std::uint64_t> lengths;  // of what starts there
  std::uint64_t covered = 0;
  for (const Symbol& symbol : object_->symbols()) {
    if (symbol.section != section.index || symbol.is_section() || symbol.name.empty()) continue;
    // Data made by inline assembly (.BTF_ids) has labels without type and size.
    const bool divides = section.is_code() ? symbol.is_function() && symbol.size != 0
                                           : symbol.is_object() || symbol.type == STT_NOTYPE;
    if (!divides || symbol.value >= section.size) continue;
    const std::uint64_t start = symbol.value - symbol.padding;
    const std::uint64_t size = symbol.size + symbol.padding;
    if (starts.insert(start).second) covered += size;
    std::uint64_t& length = lengths[start];
    length = std::max(length, size);
  }
  const bool whole = section.is_code() && starts.size() > 1 && !divisible(section, starts, covered);
  if (starts.empty() || whole) {
    if (starts.empty() && !section.is_writable() && !section.is_code()) kind = AtomKind::anonymous;
    add(section, 0, section.size, kind);
    return;
  }
  // What stands before the first function goes with it, and padding with the code that it follows;
  // padding between variables belongs to none, or a variable could grow into it unseen.
  std::uint64_t begin = 0;
  for (auto start = starts.begin(); start != starts.end(); ++start) {
    const auto next = std::next(start);
    const std::uint64_t end = next == starts.end() ? section.size : *next;
    if (start == starts.begin()) begin = kind == AtomKind::code ? 0 : *start;
    if (start == starts.begin() && begin != 0) add(section, 0, begin, AtomKind::anonymous);
    const auto length = lengths.find(begin);
    const bool trim = kind != AtomKind::code && length != lengths.end() && length->second != 0;
    add(section, begin, trim ? std::min(end, begin + length->second) : end, kind);
    begin = end;
  }
}

// .altinstr_aux holds bits of code without names, one for each static_cpu_has(): a bit begins where
// code refers to it (arch/x86/include/asm/cpufeature.h).
void AtomTable::divide_at_references(const Section& section) {
  std::set<std::uint64_t> starts = {0};
  for (const Section& origin : object_->sections()) {
    if (!origin.is_code() || origin.index == section.index) continue;
    for (const Relocation& relocation : origin.relocations) {
      const Symbol& symbol = object_->symbol(relocation.symbol);
      if (symbol.section != section.index) continue;
      const std::int64_t distance = relocation_is_pc_relative(relocation.type)
                                        ? distance_to_next(*object_, origin, relocation.offset)
                                        : 0;
      const std::uint64_t at =
          symbol.value + static_cast<std::uint64_t>(relocation.addend + distance);
      if (at < section.size) starts.insert(at);
    }
  }
  for (auto start = starts.begin(); start != starts.end(); ++start) {
    const auto next = std::next(start);
    add(section, *start, next == starts.end() ? section.size : *next, AtomKind::anonymous);
  }
}

Result<AtomTable> AtomTable::build(const ElfObject& object, bool module) {
  AtomTable table(object);
  for (const Section& section : object.sections())
    table.roles_.push_back(section_role(section, module));
  for (const Section& section : object.sections()) {
    // Empty ones count: a struct lock_class_key has no bytes without lockdep, but has an address.
    if (section.size == 0 && !section.is_alloc()) continue;
    const SectionRole role = table.role(section);
    if (role == SectionRole::code && has_unnamed_code(section.name)) {
      table.divide_at_references(section);
    } else if (is_content(role) || is_init_table(role) || role == SectionRole::hooks) {
      table.divide(section);
    } else if (section.is_alloc()) {
      table.add(section, 0, section.size, AtomKind::anonymous);
    }
  }
  for (const Symbol& symbol : object.symbols()) {
    if (!symbol.defined() || symbol.is_section() || symbol.name.empty() || symbol.type == STT_FILE)
      continue;
    if (const auto index = table.find(symbol.section, symbol.value))
      table.atoms_[*index].symbols.push_back(symbol.index);
  }
  for (Atom& atom : table.atoms_) {
    std::stable_sort(atom.symbols.begin(), atom.symbols.end(),
                     [&](std::uint32_t a, std::uint32_t b) {
                       return object.symbol(a).value < object.symbol(b).value;
                     });
    if (const Symbol* symbol = table.symbol_at_start(atom)) {
      atom.name = symbol->name;
    } else if (!atom.symbols.empty() && atom.kind == AtomKind::code) {
      atom.name = object.symbol(atom.symbols[0]).name;
    }
  }
  for (Atom& atom : table.atoms_) {
    const Section& section = object.section(atom.section);
    for (const Relocation& relocation :
         object.relocations_in(atom.section, atom.begin, atom.begin + atom.size)) {
      if (relocation.type == R_X86_64_NONE) continue;
      auto reference = table.reference(section, relocation, atom.begin);
      if (!reference) return propagate(reference);
      atom.references.push_back(*reference);
    }
  }
  for (const Section& section : object.sections())
    if (table.role(section) == SectionRole::code && section.is_code() &&
        !has_unnamed_code(section.name))
      table.add_settled_branches(section);
  return table;
}

Bytes AtomTable::bytes(const Atom& atom) const {
  const Section& section = object_->section(atom.section);
  if (section.is_nobits()) return {};
  return section.bytes.subspan(atom.begin, atom.size);
}

std::optional<std::uint32_t> AtomTable::find(std::uint32_t section, std::uint64_t offset) const {
  const auto list = by_section_.find(section);
  if (list == by_section_.end()) return std::nullopt;
  std::optional<std::uint32_t> last;
  for (const std::uint32_t index : list->second)
    if (atoms_[index].begin <= offset) last = index;
  return last;
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
                                       std::uint64_t base) const {
  Reference reference;
  reference.offset = relocation.offset - base;
  reference.type = relocation.type;
  reference.symbol = relocation.symbol;
  const Symbol& symbol = object_->symbol(relocation.symbol);
  if (!symbol.defined()) {
    reference.undefined = true;
    reference.addend = relocation.addend;
    reference.into = relocation.addend;
    return reference;
  }
  const std::int64_t distance = origin.is_code() && relocation_is_pc_relative(relocation.type)
                                    ? distance_to_next(*object_, origin, relocation.offset)
                                    : 0;
  const auto value = static_cast<std::int64_t>(symbol.value);
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
                fmt::format("{}+{:#x} refers to {}, which is no code or data that Splice knows",
                            origin.name, relocation.offset, symbol.name))
        .at_file(object_->name())
        .in_function(symbol.name)
        .hint("please report it: the section may be one that a newer kernel has");
  reference.atom = *atom;
  const auto begin = static_cast<std::int64_t>(atoms_[*atom].begin);
  reference.into = meant - begin;
  reference.addend = value + relocation.addend - begin;
  return reference;
}

}  // namespace splicer
