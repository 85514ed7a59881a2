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
// A live patch of the kernel's own has references that the kernel resolves by name, when the module is loaded or
// when what they refer to is (Documentation/livepatch/module-elf-format.rst). They stand apart, in sections named
// after that object:
//
//     auto key = out.reserved(".klp.sym.vmlinux.memcg_sockets_enabled_key,0", kLivepatchIndex, 0);
//     out.relocate(text, at, key, R_X86_64_PC32, -4, "vmlinux");      // in .klp.rela.vmlinux..text
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

// include/uapi/linux/elf.h; libelf's own header does not have them.
inline constexpr std::uint16_t kLivepatchIndex = 0xff20;            // SHN_LIVEPATCH
inline constexpr std::uint64_t kLivepatchRelocations = 0x00100000;  // SHF_RELA_LIVEPATCH

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
  // With one of the section indices that stand for no section: SHN_ABS, kLivepatchIndex.
  SymbolId reserved(const std::string& name, std::uint16_t index, std::uint64_t value);
  // With `object`, among the relocations that the kernel's livepatch makes when that object is there.
  void relocate(SectionId section, std::uint64_t offset, SymbolId symbol, std::uint32_t type,
                std::int64_t addend, const std::string& object = {});
  // Writes over bytes that were appended.
  void overwrite(SectionId section, std::uint64_t offset, Bytes bytes);

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
    std::map<std::string, std::vector<Field>> fields;  // by object; "" for ordinary relocations
  };
  struct Entry {
    std::string name;
    unsigned char bind = 0;
    unsigned char type = 0;
    bool defined = false;
    SectionId section = 0;
    std::uint64_t value = 0;
    std::uint64_t size = 0;
    std::uint16_t index = 0;  // where it is not defined: SHN_UNDEF, or a reserved one
  };
  class ObjectFile;

  void align_to(Part& part, std::uint64_t align);

  std::vector<Part> sections_;
  std::map<std::string, SectionId> by_name_;
  std::vector<Entry> symbols_;
  std::map<std::string, SymbolId> undefined_;
  std::map<std::string, SymbolId> reserved_;
  std::map<SectionId, SymbolId> section_symbols_;
};

}  // namespace splicer
