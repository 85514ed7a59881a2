// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/elf/elf_object.h"

#include <elf.h>
#include <fmt/core.h>
#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "matcher/base/decompress.h"

namespace splicer {

namespace {

// A kernel object with debug information stays far below this; anything larger is not one.
constexpr std::uint64_t kMaxObjectSize = 1ull << 30;

// The kernel's own names end at KSYM_NAME_LEN (512). Without a limit a small file in which all
// names are one long string would fill the memory.
constexpr std::ptrdiff_t kMaxName = 4096;

struct ElfCloser {
  void operator()(Elf* elf) const { elf_end(elf); }
};
using ElfHandle = std::unique_ptr<Elf, ElfCloser>;

Failure malformed(const std::string& name, const std::string& what) {
  return fail(ExitCode::error, "elf-malformed", fmt::format("not a valid kernel object: {}", what))
      .at_file(name)
      .hint("give an object (*.o) that the kernel's own build made for x86-64");
}

// [offset, offset+size) inside [0, limit), without overflow.
bool inside(std::uint64_t offset, std::uint64_t size, std::uint64_t limit) {
  return offset <= limit && size <= limit - offset;
}

// A NUL-terminated string inside a string table, or nullopt.
std::optional<std::string> string_at(Bytes table, std::uint64_t offset) {
  if (offset >= table.size()) return std::nullopt;
  const auto begin = table.begin() + static_cast<std::ptrdiff_t>(offset);
  const auto end = std::find(begin, table.end(), std::uint8_t{0});
  if (end == table.end() || end - begin > kMaxName) return std::nullopt;
  return std::string(begin, end);
}

void give_padding_to_functions(std::vector<Symbol>& symbols) {
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint64_t> ends;  // (section, offset): size
  for (Symbol& symbol : symbols) {
    if (!symbol.defined() || !symbol.is_function() || !symbol.name.starts_with("__pfx_")) continue;
    ends.emplace(std::pair{symbol.section, symbol.value + symbol.size}, symbol.size);
    symbol.type = STT_NOTYPE;
    symbol.name.clear();
  }
  for (Symbol& symbol : symbols)
    if (const auto end = ends.find({symbol.section, symbol.value});
        end != ends.end() && symbol.is_function())
      symbol.padding = end->second;
}

}  // namespace

bool Section::is_code() const { return is_alloc() && (flags & SHF_EXECINSTR) != 0; }
bool Section::is_alloc() const { return (flags & SHF_ALLOC) != 0; }
bool Section::is_writable() const { return (flags & SHF_WRITE) != 0; }
bool Section::is_nobits() const { return type == SHT_NOBITS; }

bool Symbol::is_function() const { return type == STT_FUNC; }
bool Symbol::is_object() const { return type == STT_OBJECT; }
bool Symbol::is_section() const { return type == STT_SECTION; }
bool Symbol::is_local() const { return bind == STB_LOCAL; }
bool Symbol::is_weak() const { return bind == STB_WEAK; }

std::optional<unsigned> relocation_width(std::uint32_t type) {
  switch (type) {
    case R_X86_64_NONE:
      return 0;
    case R_X86_64_8:
    case R_X86_64_PC8:
      return 1;
    case R_X86_64_16:
    case R_X86_64_PC16:
      return 2;
    case R_X86_64_64:
    case R_X86_64_PC64:
      return 8;
    case R_X86_64_32:
    case R_X86_64_32S:
    case R_X86_64_PC32:
    case R_X86_64_PLT32:
    case R_X86_64_GOTPCREL:
    case R_X86_64_GOTPCRELX:
    case R_X86_64_REX_GOTPCRELX:
      return 4;
    default:
      return std::nullopt;
  }
}

bool relocation_is_pc_relative(std::uint32_t type) {
  switch (type) {
    case R_X86_64_PC8:
    case R_X86_64_PC16:
    case R_X86_64_PC64:
    case R_X86_64_PC32:
    case R_X86_64_PLT32:
    case R_X86_64_GOTPCREL:
    case R_X86_64_GOTPCRELX:
    case R_X86_64_REX_GOTPCRELX:
      return true;
    default:
      return false;
  }
}

Result<ElfObject> ElfObject::load(const std::filesystem::path& path) {
  std::error_code code;
  const std::uint64_t size = std::filesystem::file_size(path, code);
  if (code) {
    return fail(ExitCode::error, "file-unreadable",
                fmt::format("cannot read it: {}", code.message()))
        .at_file(path.string())
        .hint("check the path and its permissions");
  }
  if (size > kMaxObjectSize) return malformed(path.string(), "it is larger than 1 GiB");
  std::ifstream stream(path, std::ios::binary);
  std::vector<std::uint8_t> bytes(size);
  stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  if (!stream) return malformed(path.string(), "it became shorter while it was read");
  // As modules are shipped where CONFIG_MODULE_COMPRESS is set (scripts/Makefile.modinst).
  const std::string ending = path.extension();
  if (ending == ".xz" || ending == ".gz" || ending == ".zst") {
    auto unpacked = decompress(bytes, "it", kMaxObjectSize);
    if (!unpacked) return malformed(path.string(), unpacked.error().message);
    bytes = std::move(*unpacked);
  }
  return parse(std::move(bytes), path.string());
}

Result<ElfObject> ElfObject::parse(std::vector<std::uint8_t> bytes, std::string name) {
  ElfObject object;
  object.name_ = std::move(name);
  object.file_ = std::make_shared<std::vector<std::uint8_t>>(std::move(bytes));
  std::vector<std::uint8_t>& file = *object.file_;
  const std::string& where = object.name_;

  if (elf_version(EV_CURRENT) == EV_NONE) return malformed(where, "libelf is too old");
  // elf_memory() never writes into the bytes as long as no update is asked for.
  ElfHandle elf(elf_memory(reinterpret_cast<char*>(file.data()), file.size()));
  GElf_Ehdr header;
  if (!elf || elf_kind(elf.get()) != ELF_K_ELF || gelf_getehdr(elf.get(), &header) == nullptr)
    return malformed(where, "no ELF header");
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
      header.e_machine != EM_X86_64)
    return malformed(where, "not x86-64");
  if (header.e_type != ET_REL)
    return malformed(where, fmt::format("ELF type {} is not relocatable", header.e_type));

  std::size_t count = 0;
  std::size_t names_index = 0;
  if (elf_getshdrnum(elf.get(), &count) != 0 || elf_getshdrstrndx(elf.get(), &names_index) != 0)
    return malformed(where, "no section table");
  if (count == 0 || count > file.size() / sizeof(Elf64_Shdr))
    return malformed(where, "impossible number of sections");

  // Pass 1: section headers and their bytes.
  object.sections_.resize(count);
  std::vector<GElf_Shdr> headers(count);
  for (std::size_t i = 0; i < count; i++) {
    Elf_Scn* scn = elf_getscn(elf.get(), i);
    if (scn == nullptr || gelf_getshdr(scn, &headers[i]) == nullptr)
      return malformed(where, fmt::format("section header {} is unreadable", i));
    const GElf_Shdr& sh = headers[i];
    Section& section = object.sections_[i];
    section.index = static_cast<std::uint32_t>(i);
    section.type = sh.sh_type;
    section.flags = sh.sh_flags;
    section.size = sh.sh_size;
    section.align = sh.sh_addralign;
    section.entsize = sh.sh_entsize;
    section.link = sh.sh_link;
    section.info = sh.sh_info;
    if (sh.sh_type == SHT_NULL) {
      section.size = 0;  // the gABI: its other members have no meaning (or count the sections)
      continue;
    }
    if (sh.sh_type == SHT_NOBITS) {
      if (sh.sh_size > kMaxObjectSize)
        return malformed(where, fmt::format("section {} is impossibly large", i));
      continue;
    }
    if (!inside(sh.sh_offset, sh.sh_size, file.size()))
      return malformed(where, fmt::format("section {} lies outside the file", i));
    section.bytes = Bytes(file).subspan(sh.sh_offset, sh.sh_size);
  }
  if (names_index >= count || object.sections_[names_index].type != SHT_STRTAB)
    return malformed(where, "no table of section names");
  for (std::size_t i = 0; i < count; i++) {
    auto text = string_at(object.sections_[names_index].bytes, headers[i].sh_name);
    if (!text) return malformed(where, fmt::format("the name of section {} is out of range", i));
    object.sections_[i].name = std::move(*text);
  }

  // Pass 2: the one symbol table.
  const Section* table = nullptr;
  const Section* extended = nullptr;
  for (const Section& section : object.sections_) {
    if (section.type == SHT_SYMTAB) {
      if (table != nullptr) return malformed(where, "two symbol tables");
      table = &section;
    }
    if (section.type == SHT_SYMTAB_SHNDX) extended = &section;
  }
  if (table == nullptr) return malformed(where, "no symbol table");
  if (table->link >= count || object.sections_[table->link].type != SHT_STRTAB ||
      table->bytes.size() % sizeof(Elf64_Sym) != 0)
    return malformed(where, "a damaged symbol table");
  const Bytes strings = object.sections_[table->link].bytes;
  const std::size_t symbol_count = table->bytes.size() / sizeof(Elf64_Sym);
  object.symbols_.resize(symbol_count);
  for (std::size_t i = 0; i < symbol_count; i++) {
    Elf64_Sym raw;
    std::copy_n(table->bytes.begin() + static_cast<std::ptrdiff_t>(i * sizeof raw), sizeof raw,
                reinterpret_cast<std::uint8_t*>(&raw));
    Symbol& symbol = object.symbols_[i];
    symbol.index = static_cast<std::uint32_t>(i);
    symbol.value = raw.st_value;
    symbol.size = raw.st_size;
    symbol.bind = ELF64_ST_BIND(raw.st_info);
    symbol.type = ELF64_ST_TYPE(raw.st_info);
    symbol.visibility = ELF64_ST_VISIBILITY(raw.st_other);
    std::uint32_t section = raw.st_shndx;
    if (section == SHN_XINDEX) {
      if (extended == nullptr || extended->bytes.size() < (i + 1) * sizeof(std::uint32_t))
        return malformed(where, fmt::format("symbol {} has no extended section index", i));
      std::copy_n(extended->bytes.begin() + static_cast<std::ptrdiff_t>(i * sizeof section),
                  sizeof section, reinterpret_cast<std::uint8_t*>(&section));
    } else if (section == SHN_ABS) {
      symbol.absolute = true;
      section = 0;
    } else if (section == SHN_COMMON) {
      symbol.common = true;
      section = 0;
    }
    if (section >= count) return malformed(where, fmt::format("symbol {} is in no section", i));
    symbol.section = section;
    auto text = string_at(strings, raw.st_name);
    if (!text) return malformed(where, fmt::format("the name of symbol {} is out of range", i));
    symbol.name = std::move(*text);
    if (symbol.defined()) {
      if (!inside(symbol.value, symbol.size, object.sections_[section].size))
        return malformed(where, fmt::format("symbol '{}' lies outside its section", symbol.name));
      if (symbol.is_section()) symbol.name = object.sections_[section].name;
    }
  }

  give_padding_to_functions(object.symbols_);

  // Pass 3: relocations, moved to the section that they change.
  for (const Section& section : object.sections_) {
    if (section.type == SHT_REL) return malformed(where, "relocations without addends");
    if (section.type != SHT_RELA) continue;
    if (section.info == 0 || section.info >= count || section.link != table->index ||
        section.bytes.size() % sizeof(Elf64_Rela) != 0)
      return malformed(where, fmt::format("a damaged relocation section '{}'", section.name));
    Section& target = object.sections_[section.info];
    const std::size_t relocation_count = section.bytes.size() / sizeof(Elf64_Rela);
    target.relocations.reserve(target.relocations.size() + relocation_count);
    for (std::size_t i = 0; i < relocation_count; i++) {
      Elf64_Rela raw;
      std::copy_n(section.bytes.begin() + static_cast<std::ptrdiff_t>(i * sizeof raw), sizeof raw,
                  reinterpret_cast<std::uint8_t*>(&raw));
      const Relocation relocation{
          raw.r_offset, static_cast<std::uint32_t>(ELF64_R_TYPE(raw.r_info)),
          static_cast<std::uint32_t>(ELF64_R_SYM(raw.r_info)), raw.r_addend};
      // Types unknown to this file are kept out of code and data that we compare, but debug
      // sections carry some of their own (R_X86_64_DTPOFF32): those are nobody's business here.
      const auto width = relocation_width(relocation.type);
      if (!width && target.is_alloc())
        return malformed(where, fmt::format("relocation type {} at {}+{:#x}", relocation.type,
                                            target.name, relocation.offset));
      if (relocation.symbol >= symbol_count)
        return malformed(where, fmt::format("a relocation of '{}' names no symbol", target.name));
      if (!inside(relocation.offset, width.value_or(4), target.bytes.size()))
        return malformed(where, fmt::format("a relocation lies outside '{}'", target.name));
      target.relocations.push_back(relocation);
    }
  }
  for (Section& section : object.sections_)
    std::stable_sort(section.relocations.begin(), section.relocations.end(),
                     [](const Relocation& a, const Relocation& b) { return a.offset < b.offset; });
  return object;
}

const Section* ElfObject::find_section(std::string_view name) const {
  const auto found = std::find_if(sections_.begin(), sections_.end(),
                                  [&](const Section& s) { return s.name == name; });
  return found == sections_.end() ? nullptr : &*found;
}

const Symbol* ElfObject::find_symbol(std::string_view name) const {
  const auto found = std::find_if(symbols_.begin(), symbols_.end(), [&](const Symbol& s) {
    return s.defined() && !s.is_section() && s.name == name;
  });
  return found == symbols_.end() ? nullptr : &*found;
}

std::vector<const Symbol*> ElfObject::functions_in(std::uint32_t section) const {
  std::vector<const Symbol*> functions;
  for (const Symbol& symbol : symbols_)
    if (symbol.section == section && symbol.defined() && symbol.is_function())
      functions.push_back(&symbol);
  std::stable_sort(functions.begin(), functions.end(),
                   [](const Symbol* a, const Symbol* b) { return a->value < b->value; });
  return functions;
}

std::span<const Relocation> ElfObject::relocations_in(std::uint32_t section, std::uint64_t begin,
                                                      std::uint64_t end) const {
  const std::vector<Relocation>& all = sections_[section].relocations;
  const auto first = std::partition_point(all.begin(), all.end(),
                                          [&](const Relocation& r) { return r.offset < begin; });
  const auto last =
      std::partition_point(first, all.end(), [&](const Relocation& r) { return r.offset < end; });
  return {first, last};
}

}  // namespace splicer
