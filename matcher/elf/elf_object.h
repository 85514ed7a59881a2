// SPDX-License-Identifier: GPL-2.0-or-later
//
// A relocatable ELF object (ET_REL, x86-64), read through libelf and checked once.
//
// Matcher, differ and linker read objects as this model. Raw ELF is touched apart from it only where
// a file is another kind of ELF (matcher/image: vmlinux, /proc/kcore) or is written
// (matcher/elf/elf_writer.h, runtime/prepare/link.h). Example:
//
//     auto object = ElfObject::load("fork.o");
//     for (const Symbol& symbol : object->symbols())
//       if (symbol.is_function() && symbol.defined())
//         sizes[object->section(symbol.section).name] += symbol.size;
//
// Invariant: after parse() succeeds, every index stored in the model is in range, every section's
// bytes lie inside the file, every defined symbol's [value, value+size) lies inside its section and
// every relocation's offset (with its width) lies inside the section it applies to. The input is
// hostile until then.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/base/address.h"
#include "matcher/base/bytes.h"
#include "matcher/base/result.h"

namespace splicer {

struct Relocation {
  SectionOffset offset;  // in the section it applies to
  std::uint32_t type;    // R_X86_64_*
  std::uint32_t symbol;  // index into ElfObject::symbols()
  std::int64_t addend;
};

struct Section {
  std::uint32_t index = 0;
  std::string name;
  std::uint32_t type = 0;   // SHT_*
  std::uint64_t flags = 0;  // SHF_*
  std::uint64_t size = 0;
  std::uint64_t align = 1;
  std::uint64_t entsize = 0;
  std::uint32_t link = 0;
  std::uint32_t info = 0;
  Bytes bytes;                          // empty for SHT_NOBITS; owned by the object
  std::vector<Relocation> relocations;  // of this section, sorted by offset

  bool is_code() const;      // SHF_ALLOC and SHF_EXECINSTR
  bool is_alloc() const;     // SHF_ALLOC
  bool is_writable() const;  // SHF_WRITE
  bool is_nobits() const;
};

struct Symbol {
  std::uint32_t index = 0;
  std::string name;     // of a section symbol: the section's name
  SectionOffset value;  // where it is, if it is defined
  std::uint64_t size = 0;
  // Bytes of nops before a function that are its own (CONFIG_CALL_PADDING). objtool gives them a
  // symbol (elf_create_prefix_symbol() in its elf.c), which here is neither a function nor named.
  std::uint64_t padding = 0;
  std::uint8_t bind = 0;               // STB_*
  std::uint8_t type = 0;               // STT_*
  std::uint32_t section = 0;           // section index; 0 when undefined, absolute or common
  std::optional<RunAddress> absolute;  // of SHN_ABS: its number, which loaders take as it is
  bool common = false;

  bool defined() const { return section != 0; }
  bool undefined() const { return section == 0 && !absolute && !common; }
  bool is_function() const;  // STT_FUNC
  bool is_object() const;    // STT_OBJECT
  bool is_section() const;   // STT_SECTION
  bool is_local() const;     // STB_LOCAL
  bool is_weak() const;      // STB_WEAK
};

class ElfObject {
 public:
  // Takes the file's bytes over. `name` is used in errors. Time and memory are linear in the bytes,
  // but for sorting the relocations. Errors: "elf-malformed".
  static Result<ElfObject> parse(std::vector<std::uint8_t> bytes, std::string name);
  // Of a file of at most 1 GiB, which may be compressed, as modules are. Errors: "file-unreadable",
  // "elf-malformed".
  static Result<ElfObject> load(const std::filesystem::path& path);

  const std::string& name() const { return name_; }
  Bytes file() const { return *file_; }
  const std::vector<Section>& sections() const { return sections_; }
  const std::vector<Symbol>& symbols() const { return symbols_; }
  const Section& section(std::uint32_t index) const { return sections_[index]; }
  const Symbol& symbol(std::uint32_t index) const { return symbols_[index]; }

  // The first section of that name, or nullptr.
  const Section* find_section(std::string_view name) const;
  // Defined STT_FUNC symbols of a section, sorted by value.
  std::vector<const Symbol*> functions_in(std::uint32_t section) const;
  // The relocations of `section` with offset in [begin, end).
  std::span<const Relocation> relocations_in(std::uint32_t section, SectionOffset begin,
                                             SectionOffset end) const;

 private:
  class Reader;

  std::string name_;
  std::shared_ptr<std::vector<std::uint8_t>> file_;
  std::vector<Section> sections_;
  std::vector<Symbol> symbols_;
};

// Bytes that a relocation of this type patches (1, 2, 4 or 8), 0 for R_X86_64_NONE, nullopt for a
// type that kernel objects do not contain. Source: x86-64 psABI, table 4.9.
std::optional<unsigned> relocation_width(std::uint32_t type);
bool relocation_is_pc_relative(std::uint32_t type);

}  // namespace splicer
