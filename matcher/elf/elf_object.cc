// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/elf/elf_object.h"

#include <elf.h>
#include <fmt/core.h>
#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "matcher/base/decompress.h"
#include "matcher/base/file.h"

namespace splicer {

namespace {

// A kernel object with debug information stays far below this; anything larger is not one.
constexpr std::uint64_t kMaxObjectSize = 1ull << 30;
// Of all names together: symbols may share one long string. The largest modules have some 5 MB.
constexpr std::size_t kMaxNames = 64U << 20;

struct ElfCloser {
  void operator()(Elf* elf) const { elf_end(elf); }
};
using ElfHandle = std::unique_ptr<Elf, ElfCloser>;

Failure malformed(const std::string& name, const std::string& what) {
  return fail(ExitCode::error, "elf-malformed", fmt::format("not a valid kernel object: {}", what))
      .at_file(name)
      .hint("give an object (*.o) that the kernel's own build made for x86-64");
}

void give_padding_to_functions(std::vector<Symbol>& symbols) {
  std::map<std::pair<std::uint32_t, SectionOffset>, std::uint64_t> ends;  // (section, offset): size
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

namespace {

// A record of a table in the file, such as an Elf64_Sym, of which the caller knows that it is there.
template <typename Record>
Record record(Bytes table, std::size_t index) {
  return *load<Record>(table, index * sizeof(Record));
}

}  // namespace

// Reads the tables of a file into the object's model, and checks all that they say.
class ElfObject::Reader {
 public:
  explicit Reader(ElfObject& object) : object_(object) {}

  Result<void> read() {
    if (auto done = read_sections(); !done) return done;
    if (auto done = name_sections(); !done) return done;
    if (auto done = read_symbols(); !done) return done;
    give_padding_to_functions(object_.symbols_);
    return read_relocations();
  }

 private:
  Failure malformed(const std::string& what) const {
    return splicer::malformed(object_.name_, what);
  }

  Result<void> open();
  Result<void> read_sections();
  Result<void> read_section(std::size_t index);
  Result<void> name_sections();
  Result<void> find_symbol_table();
  Result<void> read_symbols();
  Result<void> place_symbol(Symbol& symbol, const Elf64_Sym& raw);
  Result<void> read_relocations();
  Result<void> read_relocations(const Section& table, Section& target);

  ElfObject& object_;
  ElfHandle elf_;
  std::vector<GElf_Shdr> headers_;  // by section
  std::size_t names_ = 0;           // the section that holds the sections' names
  const Section* symbol_table_ = nullptr;
  const Section* extended_ = nullptr;  // SHT_SYMTAB_SHNDX: section indexes above 16 bits
};

Result<void> ElfObject::Reader::open() {
  if (elf_version(EV_CURRENT) == EV_NONE) return malformed("libelf is too old");
  std::vector<std::uint8_t>& file = *object_.file_;
  // elf_memory() never writes into the bytes as long as no update is asked for.
  elf_.reset(elf_memory(reinterpret_cast<char*>(file.data()), file.size()));
  GElf_Ehdr header;
  if (!elf_ || elf_kind(elf_.get()) != ELF_K_ELF || gelf_getehdr(elf_.get(), &header) == nullptr)
    return malformed("no ELF header");
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
      header.e_machine != EM_X86_64)
    return malformed("not x86-64");
  if (header.e_type != ET_REL)
    return malformed(fmt::format("ELF type {} is not relocatable", header.e_type));
  return {};
}

// Pass 1: section headers and their bytes.
Result<void> ElfObject::Reader::read_sections() {
  if (auto opened = open(); !opened) return opened;
  std::size_t count = 0;
  if (elf_getshdrnum(elf_.get(), &count) != 0 || elf_getshdrstrndx(elf_.get(), &names_) != 0)
    return malformed("no section table");
  if (count == 0 || count > object_.file_->size() / sizeof(Elf64_Shdr))
    return malformed("impossible number of sections");
  object_.sections_.resize(count);
  headers_.resize(count);
  for (std::size_t i = 0; i < count; i++)
    if (auto done = read_section(i); !done) return done;
  return {};
}

Result<void> ElfObject::Reader::read_section(std::size_t index) {
  GElf_Shdr& header = headers_[index];
  Elf_Scn* scn = elf_getscn(elf_.get(), index);
  if (scn == nullptr || gelf_getshdr(scn, &header) == nullptr)
    return malformed(fmt::format("section header {} is unreadable", index));
  Section& section = object_.sections_[index];
  section.index = static_cast<std::uint32_t>(index);
  section.type = header.sh_type;
  section.flags = header.sh_flags;
  section.size = header.sh_size;
  section.align = header.sh_addralign;
  section.entsize = header.sh_entsize;
  section.link = header.sh_link;
  section.info = header.sh_info;
  if (section.type == SHT_NULL) {
    section.size = 0;  // the gABI: its other members have no meaning (or count the sections)
    return {};
  }
  if (section.is_nobits()) {
    if (section.size > kMaxObjectSize)
      return malformed(fmt::format("section {} is impossibly large", index));
    return {};
  }
  const Bytes file = object_.file();
  if (!inside(header.sh_offset, header.sh_size, file.size()))
    return malformed(fmt::format("section {} lies outside the file", index));
  section.bytes = file.subspan(header.sh_offset, header.sh_size);
  return {};
}

Result<void> ElfObject::Reader::name_sections() {
  std::vector<Section>& sections = object_.sections_;
  if (names_ >= sections.size() || sections[names_].type != SHT_STRTAB)
    return malformed("no table of section names");
  for (Section& section : sections) {
    auto text = string_at(sections[names_].bytes, headers_[section.index].sh_name);
    if (!text)
      return malformed(fmt::format("the name of section {} is out of range", section.index));
    section.name = std::move(*text);
  }
  return {};
}

Result<void> ElfObject::Reader::find_symbol_table() {
  const std::vector<Section>& sections = object_.sections_;
  for (const Section& section : sections) {
    if (section.type == SHT_SYMTAB) {
      if (symbol_table_ != nullptr) return malformed("two symbol tables");
      symbol_table_ = &section;
    }
    if (section.type == SHT_SYMTAB_SHNDX) extended_ = &section;
  }
  if (symbol_table_ == nullptr) return malformed("no symbol table");
  if (symbol_table_->link >= sections.size() || sections[symbol_table_->link].type != SHT_STRTAB ||
      symbol_table_->bytes.size() % sizeof(Elf64_Sym) != 0)
    return malformed("a damaged symbol table");
  return {};
}

// Pass 2: the one symbol table.
Result<void> ElfObject::Reader::read_symbols() {
  if (auto found = find_symbol_table(); !found) return found;
  const Bytes names = object_.sections_[symbol_table_->link].bytes;
  object_.symbols_.resize(symbol_table_->bytes.size() / sizeof(Elf64_Sym));
  std::size_t length = 0;  // of all names
  for (std::size_t i = 0; i < object_.symbols_.size(); i++) {
    const auto raw = record<Elf64_Sym>(symbol_table_->bytes, i);
    Symbol& symbol = object_.symbols_[i];
    symbol.index = static_cast<std::uint32_t>(i);
    symbol.size = raw.st_size;
    symbol.bind = ELF64_ST_BIND(raw.st_info);
    symbol.type = ELF64_ST_TYPE(raw.st_info);
    if (auto placed = place_symbol(symbol, raw); !placed) return placed;
    auto text = string_at(names, raw.st_name);
    if (!text) return malformed(fmt::format("the name of symbol {} is out of range", i));
    symbol.name = std::move(*text);
    length += symbol.name.size();
    if (length > kMaxNames) return malformed("the names of its symbols are too long");
    if (!symbol.defined()) continue;
    const Section& section = object_.sections_[symbol.section];
    if (!inside(symbol.value.value(), symbol.size, section.size))
      return malformed(fmt::format("symbol '{}' lies outside its section", symbol.name));
    if (symbol.is_section()) symbol.name = section.name;
  }
  return {};
}

// Where a symbol is, from st_shndx and st_value of its record.
Result<void> ElfObject::Reader::place_symbol(Symbol& symbol, const Elf64_Sym& raw) {
  std::uint32_t section = raw.st_shndx;
  if (section == SHN_XINDEX) {
    const auto wide =
        splicer::load<std::uint32_t>(extended_ == nullptr ? Bytes() : extended_->bytes,
                                     std::uint64_t{symbol.index} * sizeof(std::uint32_t));
    if (!wide)
      return malformed(fmt::format("symbol {} has no extended section index", symbol.index));
    section = *wide;
  } else if (section == SHN_ABS) {
    symbol.absolute = RunAddress(raw.st_value);
    section = 0;
  } else if (section == SHN_COMMON) {
    symbol.common = true;
    section = 0;
  }
  if (section >= object_.sections_.size())
    return malformed(fmt::format("symbol {} is in no section", symbol.index));
  symbol.section = section;
  if (symbol.defined()) symbol.value = SectionOffset(raw.st_value);
  return {};
}

// Pass 3: relocations, moved to the section that they change.
Result<void> ElfObject::Reader::read_relocations() {
  std::vector<Section>& sections = object_.sections_;
  for (const Section& section : sections) {
    if (section.type == SHT_REL) return malformed("relocations without addends");
    if (section.type != SHT_RELA) continue;
    if (section.info == 0 || section.info >= sections.size() ||
        section.link != symbol_table_->index || section.bytes.size() % sizeof(Elf64_Rela) != 0)
      return malformed(fmt::format("a damaged relocation section '{}'", section.name));
    if (auto done = read_relocations(section, sections[section.info]); !done) return done;
  }
  for (Section& section : sections)
    std::ranges::stable_sort(section.relocations, {}, &Relocation::offset);
  return {};
}

Result<void> ElfObject::Reader::read_relocations(const Section& table, Section& target) {
  const std::size_t count = table.bytes.size() / sizeof(Elf64_Rela);
  target.relocations.reserve(target.relocations.size() + count);
  for (std::size_t i = 0; i < count; i++) {
    const auto raw = record<Elf64_Rela>(table.bytes, i);
    const Relocation relocation{SectionOffset(raw.r_offset),
                                static_cast<std::uint32_t>(ELF64_R_TYPE(raw.r_info)),
                                static_cast<std::uint32_t>(ELF64_R_SYM(raw.r_info)), raw.r_addend};
    // Types unknown to this file are kept out of code and data that we compare, but debug
    // sections carry some of their own (R_X86_64_DTPOFF32): those are nobody's business here.
    const auto width = relocation_width(relocation.type);
    if (!width && target.is_alloc())
      return malformed(fmt::format("relocation type {} at {}+{}", relocation.type, target.name,
                                   relocation.offset));
    if (relocation.symbol >= object_.symbols_.size())
      return malformed(fmt::format("a relocation of '{}' names no symbol", target.name));
    if (!inside(relocation.offset.value(), width.value_or(4), target.bytes.size()))
      return malformed(fmt::format("a relocation lies outside '{}'", target.name));
    target.relocations.push_back(relocation);
  }
  return {};
}

Result<ElfObject> ElfObject::parse(std::vector<std::uint8_t> bytes, std::string name) {
  ElfObject object;
  object.name_ = std::move(name);
  object.file_ = std::make_shared<std::vector<std::uint8_t>>(std::move(bytes));
  if (auto read = Reader(object).read(); !read) return propagate(read);
  return object;
}

Result<ElfObject> ElfObject::load(const std::filesystem::path& path) {
  Contents file = read_contents(path, kMaxObjectSize);
  if (file.error == EFBIG) return malformed(path.string(), "it is larger than 1 GiB");
  if (file.error != 0)
    return unreadable_file(path, file.error).hint("check the path and its permissions");
  // As modules are shipped where CONFIG_MODULE_COMPRESS is set (scripts/Makefile.modinst).
  const std::string ending = path.extension();
  if (ending == ".xz" || ending == ".gz" || ending == ".zst") {
    auto unpacked = decompress(file.bytes, "the file", kMaxObjectSize);
    if (!unpacked) return malformed(path.string(), unpacked.error().message);
    file.bytes = std::move(*unpacked);
  }
  return parse(std::move(file.bytes), path.string());
}

const Section* ElfObject::find_section(std::string_view name) const {
  const auto found = std::ranges::find(sections_, name, &Section::name);
  return found == sections_.end() ? nullptr : &*found;
}

std::vector<const Symbol*> ElfObject::functions_in(std::uint32_t section) const {
  std::vector<const Symbol*> functions;
  for (const Symbol& symbol : symbols_)
    if (symbol.section == section && symbol.defined() && symbol.is_function())
      functions.push_back(&symbol);
  std::ranges::stable_sort(functions, {}, &Symbol::value);
  return functions;
}

std::span<const Relocation> ElfObject::relocations_in(std::uint32_t section, SectionOffset begin,
                                                      SectionOffset end) const {
  const std::vector<Relocation>& all = sections_[section].relocations;
  const auto first = std::partition_point(all.begin(), all.end(),
                                          [&](const Relocation& r) { return r.offset < begin; });
  const auto last =
      std::partition_point(first, all.end(), [&](const Relocation& r) { return r.offset < end; });
  return {first, last};
}

}  // namespace splicer
