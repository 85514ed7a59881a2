// SPDX-License-Identifier: GPL-2.0-or-later
//
// Writes a relocatable ELF object (ET_REL, x86-64), section by section, through libelf.
//
//     ElfWriter out;
//     auto text = out.section(".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR);
//     auto at = out.append(text, bytes, 16);
//     auto callee = out.undefined("printk");
//     out.relocate(text, at + 1, callee, R_X86_64_PLT32, -4);
//     auto file = out.finish();
//
// Invariant: the same calls give the same bytes; local symbols precede global ones, as the ELF
// specification demands; relocations of a section stand in the order of their offsets.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "matcher/base/result.h"
#include "matcher/elf/elf_object.h"

namespace splicer {

class ElfWriter {
 public:
  using SectionId = std::size_t;
  using SymbolId = std::size_t;

  // The section of that name, made if it is not there yet.
  SectionId section(const std::string& name, std::uint32_t type, std::uint64_t flags,
                    std::uint64_t entsize = 0);
  // Appends, aligned; code is padded with int3. Gives the offset in the section.
  std::uint64_t append(SectionId section, Bytes bytes, std::uint64_t align);
  // The same without content (SHT_NOBITS), or with zeros.
  std::uint64_t reserve(SectionId section, std::uint64_t size, std::uint64_t align);

  SymbolId section_symbol(SectionId section);
  SymbolId define(const std::string& name, SectionId section, std::uint64_t value,
                  std::uint64_t size, unsigned char bind, unsigned char type);
  SymbolId undefined(const std::string& name);
  void relocate(SectionId section, std::uint64_t offset, SymbolId symbol, std::uint32_t type,
                std::int64_t addend);

  std::uint64_t size(SectionId section) const { return sections_[section].size; }
  const std::string& name(SectionId section) const { return sections_[section].name; }

  // Errors: "elf-write".
  Result<std::vector<std::uint8_t>> finish() const;

 private:
  struct Field {
    std::uint64_t offset;
    SymbolId symbol;
    std::uint32_t type;
    std::int64_t addend;
  };
  struct Part {
    std::string name;
    std::uint32_t type = 0;
    std::uint64_t flags = 0;
    std::uint64_t entsize = 0;
    std::uint64_t align = 1;
    std::uint64_t size = 0;
    std::vector<std::uint8_t> bytes;
    std::vector<Field> fields;
  };
  struct Entry {
    std::string name;
    unsigned char bind = 0;
    unsigned char type = 0;
    bool defined = false;
    SectionId section = 0;
    std::uint64_t value = 0;
    std::uint64_t size = 0;
  };
  class ObjectFile;

  void align_to(Part& part, std::uint64_t align);

  std::vector<Part> sections_;
  std::map<std::string, SectionId> by_name_;
  std::vector<Entry> symbols_;
  std::map<std::string, SymbolId> undefined_;
  std::map<SectionId, SymbolId> section_symbols_;
};

}  // namespace splicer
