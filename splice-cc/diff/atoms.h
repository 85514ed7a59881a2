// SPDX-License-Identifier: GPL-2.0-or-later
//
// Atoms: the pieces that an object is taken apart into, each of which is kept or left as a whole.
//
// With -ffunction-sections and -fdata-sections nearly every section is one function or one
// variable, and so one atom. Where the kernel's source names the section itself
// (.data..read_mostly, .sched.text), the section is divided at its symbols
// (splice-cc/diff/divide.h). Tables such as __ex_table are not atoms: their entries belong to the
// code that they are about (splice-cc/diff/special_section.h).
//
//     AtomTable atoms = *AtomTable::build(object, module);
//     for (const Reference& r : atoms.at(i).references) ...atoms.at(r.atom)...
//
// A relocation becomes a Reference: to an undefined symbol, or to an atom and a place in it. A
// section symbol says only "12 bytes into .bss..."; which atom that is, and what part of the number
// is the distance to the end of the instruction, is worked out here.
//
// Invariant: atoms of a section do not overlap; a reference's field lies inside its atom.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/elf/elf_object.h"
#include "matcher/elf/instruction_starts.h"
#include "matcher/elf/kernel_sections.h"
#include "splice-cc/diff/divide.h"

namespace splicer {

struct Reference {
  std::uint64_t offset = 0;  // of the field, in the atom
  std::uint32_t type = 0;    // R_X86_64_*
  bool undefined = false;    // to `symbol`, which the object does not define
  std::uint32_t symbol = 0;  // as in the object
  std::uint32_t atom = 0;    // target, unless undefined
  std::int64_t into = 0;     // what is meant: offset in the target atom
  std::int64_t addend = 0;   // what the field needs: offset in the target atom, or the addend
};

struct Atom {
  std::uint32_t section = 0;
  std::uint64_t begin = 0;  // in the section
  std::uint64_t size = 0;
  AtomKind kind = AtomKind::code;
  std::string name;                    // its symbol, or the section's name
  std::vector<std::uint32_t> symbols;  // defined in it, by value
  std::vector<Reference> references;   // by offset
};

class AtomTable {
 public:
  // `module`: the object is part of a module, whose exit code stays in memory.
  // Errors: "reference-outside".
  static Result<AtomTable> build(const ElfObject& object, bool module);

  const ElfObject& object() const { return *object_; }
  const std::vector<Atom>& all() const { return atoms_; }
  const Atom& at(std::uint32_t index) const { return atoms_[index]; }
  Bytes bytes(const Atom& atom) const;  // empty for .bss
  SectionRole role(const Atom& atom) const { return roles_[atom.section]; }
  SectionRole role(const Section& section) const { return roles_[section.index]; }

  // The atom that holds this place, or the last one before it: the address of an array's end lies
  // behind it. A binary search.
  std::optional<std::uint32_t> find(std::uint32_t section, std::uint64_t offset) const;
  // The symbol at the atom's very beginning (global before local), or nullptr.
  const Symbol* symbol_at_start(const Atom& atom) const;

  // A relocation of a table, its offset counted from `base`. Errors: "reference-outside".
  Result<Reference> table_reference(const Section& table, const Relocation& relocation,
                                    std::uint64_t base) const {
    return reference(table, relocation, base, 0);
  }

 private:
  explicit AtomTable(const ElfObject& object) : object_(&object) {}
  void divide_sections(const InstructionStarts& starts);
  void assign_symbols();
  Result<void> add_references(const InstructionStarts& starts);
  void add_settled_branches(const Section& section);
  // `distance`: from the field to the end of its instruction, if the addend contains that.
  Result<Reference> reference(const Section& origin, const Relocation& relocation,
                              std::uint64_t base, std::int64_t distance) const;

  const ElfObject* object_;
  std::vector<SectionRole> roles_;  // by section
  std::vector<Atom> atoms_;
  std::vector<std::vector<std::uint32_t>> by_section_;  // atoms, by where they begin
};

// The place in the atom of the instruction that a reference's field is in; at worst its beginning.
std::uint64_t instruction_of(const InstructionStarts& starts, const Atom& atom,
                             const Reference& reference);

// "count.1234" -> "count", "__UNIQUE_ID_ddebug567.8" -> "__UNIQUE_ID_ddebug": the name without what
// the compiler numbers. Empty when the name has no such number.
std::string unnumbered(std::string_view name);
bool is_cold(std::string_view name);  // foo.cold, the unlikely part of foo

}  // namespace splicer
