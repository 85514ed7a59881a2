// SPDX-License-Identifier: GPL-2.0-or-later
//
// A file with the kernel's livepatch's relocations, read back.
//
//     const LivepatchFile file = read_livepatch(bytes);
//     file.references(".text")           {"1 2 .klp.sym.vmlinux.key,0 -4 vmlinux"}
//
// ElfObject refuses symbols at SHN_LIVEPATCH, as no object that it is made for has any; here they become
// undefined ones, and are noted.
#pragma once

#include <elf.h>
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "matcher/elf/elf_object.h"
#include "matcher/elf/elf_writer.h"

namespace splicer {

struct LivepatchFile {
  ElfObject object;
  std::set<std::string> late;  // symbols at SHN_LIVEPATCH

  // What is to be written into a section: "OFFSET TYPE SYMBOL ADDEND", and behind that the object that must be
  // there for a reference of the livepatch's.
  std::vector<std::string> references(const std::string& into) const {
    std::vector<std::string> found;
    const Section* target = object.find_section(into);
    if (target == nullptr) return {"no section " + into};
    for (const Section& section : object.sections()) {
      if (section.type != SHT_RELA || section.info != target->index) continue;
      const bool livepatch = (section.flags & kLivepatchRelocations) != 0;
      EXPECT_EQ(livepatch, section.name.starts_with(".klp.rela."));
      const std::string behind =
          livepatch ? " " + section.name.substr(10, section.name.size() - into.size() - 11) : "";
      for (std::size_t at = 0; at + sizeof(Elf64_Rela) <= section.bytes.size();
           at += sizeof(Elf64_Rela)) {
        Elf64_Rela row{};
        std::memcpy(&row, section.bytes.data() + at, sizeof row);
        const Symbol& symbol = object.symbol(static_cast<std::uint32_t>(ELF64_R_SYM(row.r_info)));
        EXPECT_EQ(late.contains(symbol.name), livepatch) << symbol.name;
        found.push_back(fmt::format("{} {} {} {}{}", row.r_offset, ELF64_R_TYPE(row.r_info),
                                    symbol.name, row.r_addend, behind));
      }
    }
    return found;
  }
};

inline LivepatchFile read_livepatch(std::vector<std::uint8_t> bytes) {
  std::vector<std::size_t> late;
  Elf64_Ehdr header{};
  std::memcpy(&header, bytes.data(), sizeof header);
  for (std::size_t i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr section{};
    std::memcpy(&section, bytes.data() + header.e_shoff + i * sizeof section, sizeof section);
    if (section.sh_type != SHT_SYMTAB) continue;
    for (std::size_t n = 0; n < section.sh_size / sizeof(Elf64_Sym); ++n) {
      Elf64_Sym row{};
      std::uint8_t* const at = bytes.data() + section.sh_offset + n * sizeof row;
      std::memcpy(&row, at, sizeof row);
      if (row.st_shndx != kLivepatchIndex) continue;
      late.push_back(n);
      row.st_shndx = SHN_UNDEF;
      std::memcpy(at, &row, sizeof row);
    }
  }
  auto object = ElfObject::parse(std::move(bytes), "livepatch.ko");
  if (!object) {
    ADD_FAILURE() << object.error().message;
    std::abort();
  }
  LivepatchFile file{std::move(*object), {}};
  for (const std::size_t n : late) file.late.insert(file.object.symbols()[n].name);
  return file;
}

}  // namespace splicer
