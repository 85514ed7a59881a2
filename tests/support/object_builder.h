// SPDX-License-Identifier: GPL-2.0-or-later
//
// Builds a relocatable object in memory, through libelf: sections, symbols, relocations, and the
// tables of rewriting sites that the kernel's build adds.
//
//     ObjectBuilder builder;
//     const auto code = builder.function("caller", hex("e8 00000000 c3"));
//     builder.relocate(code, 1, builder.undefined("callee"), R_X86_64_PLT32, -4);
//     ElfObject object = builder.build();
//
// Invariant: sections and symbols have the numbers in the object that the builder gave for them, so
// symbols stand in the order of the calls (the ELF specification wants local ones first; a reader
// must not rely on that).
#pragma once

#include <elf.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/elf/elf_object.h"

namespace splicer {

using ByteVector = std::vector<std::uint8_t>;

// "e8 00000000 c3" -> bytes.
ByteVector hex(std::string_view text);
ByteVector operator+(ByteVector a, const ByteVector& b);
// Little-endian.
ByteVector le32(std::uint64_t value);
ByteVector le64(std::uint64_t value);
// `opcode rel32` at `address` to `target`.
ByteVector branch32(const ByteVector& opcode, std::uint64_t address, std::uint64_t target);

class ObjectBuilder {
 public:
  static constexpr std::uint64_t kCode = SHF_ALLOC | SHF_EXECINSTR;
  static constexpr std::uint64_t kConstant = SHF_ALLOC;
  static constexpr std::uint64_t kData = SHF_ALLOC | SHF_WRITE;
  static constexpr std::uint64_t kStrings = SHF_ALLOC | SHF_MERGE | SHF_STRINGS;

  ObjectBuilder();

  std::uint32_t section(const std::string& name, std::uint64_t flags, const ByteVector& content,
                        std::uint32_t type = SHT_PROGBITS, std::uint64_t entsize = 0);
  // The section of that name, made as read-only data if it is not there yet.
  std::uint32_t table(const std::string& name);
  // Gives the offset of what was appended.
  std::uint64_t append(std::uint32_t section, const ByteVector& content);

  std::uint32_t symbol(const std::string& name, std::uint32_t section, std::uint64_t value,
                       std::uint64_t size, std::uint8_t bind = STB_GLOBAL,
                       std::uint8_t type = STT_FUNC);
  std::uint32_t undefined(const std::string& name) {
    return symbol(name, SHN_UNDEF, 0, 0, STB_GLOBAL, STT_NOTYPE);
  }
  std::uint32_t section_symbol(std::uint32_t section);
  // A function alone in the section .text.NAME; gives the section.
  std::uint32_t function(const std::string& name, const ByteVector& code,
                         std::uint8_t bind = STB_GLOBAL);
  // The same behind 16 nops that are its own, as objtool --prefix describes them.
  std::uint32_t padded_function(const std::string& name, const ByteVector& code);
  // The symbol that function() made for that section.
  std::uint32_t function_symbol(std::uint32_t section) const { return functions_.at(section); }

  void relocate(std::uint32_t section, std::uint64_t offset, std::uint32_t symbol,
                std::uint32_t type, std::int64_t addend);

  // One entry of a table of rewriting sites.
  void ftrace(std::uint32_t section, std::uint64_t offset);
  // .retpoline_sites, .return_sites, .smp_locks, .ibt_endbr_seal
  void listed(const std::string& table_name, std::uint32_t section, std::uint64_t offset);
  void alternative(std::uint32_t section, std::uint64_t offset, std::uint8_t length,
                   std::uint32_t replacement, std::uint64_t at, std::uint8_t replacement_length);
  // The same with flags of four bytes, as later kernels have them: ALT_FLAG_DIRECT_CALL.
  void direct_call(std::uint32_t section, std::uint64_t offset, std::uint32_t replacement);
  void paravirt(std::uint32_t section, std::uint64_t offset, std::uint8_t slot,
                std::uint8_t length);
  void static_key(std::uint32_t section, std::uint64_t offset, std::uint64_t target);
  void static_call(std::uint32_t section, std::uint64_t offset);

  ByteVector bytes() const;
  ElfObject build() const;  // aborts on a builder's mistake

 private:
  struct Part {
    std::string name;
    std::uint32_t type;
    std::uint64_t flags;
    std::uint64_t entsize;
    ByteVector content;
    std::vector<Elf64_Rela> relocations;
  };
  std::vector<Part> sections_;  // the first is the null section
  std::vector<Elf64_Sym> symbols_;
  std::string strings_;
  std::map<std::uint32_t, std::uint32_t> section_symbols_;
  std::map<std::uint32_t, std::uint32_t> functions_;
};

// Damages a file: changes the header of section `index`.
void change_section(ByteVector& file, std::size_t index,
                    const std::function<void(Elf64_Shdr&)>& change);
// The number of the first section of that type in the file.
std::size_t section_of_type(const ByteVector& file, std::uint32_t type);

}  // namespace splicer
