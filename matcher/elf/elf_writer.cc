// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/elf/elf_writer.h"

#include <elf.h>
#include <fmt/core.h>
#include <gelf.h>
#include <libelf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <utility>

#include "matcher/base/file.h"

namespace splicer {

namespace {

class StringTable {
 public:
  std::uint32_t add(const std::string& text) {
    if (text.empty()) return 0;
    const auto at = static_cast<std::uint32_t>(text_.size());
    text_ += text;
    text_.push_back('\0');
    return at;
  }
  std::string& text() { return text_; }

 private:
  std::string text_ = std::string(1, '\0');
};

// One section header with one piece of data, which must outlive elf_update().
struct Piece {
  std::uint32_t name = 0;
  std::uint32_t type = 0;
  std::uint64_t flags = 0;
  std::uint64_t entsize = 0;
  std::uint64_t align = 1;
  std::uint32_t link = 0;
  std::uint32_t info = 0;
  void* data = nullptr;
  std::size_t size = 0;
  Elf_Type data_type = ELF_T_BYTE;
};

bool add_piece(Elf* elf, const Piece& piece) {
  Elf_Scn* section = elf_newscn(elf);
  Elf_Data* data = section == nullptr ? nullptr : elf_newdata(section);
  Elf64_Shdr* header = section == nullptr ? nullptr : elf64_getshdr(section);
  if (data == nullptr || header == nullptr) return false;
  data->d_buf = piece.data;
  data->d_size = piece.size;
  data->d_align = piece.align;
  data->d_type = piece.data_type;
  data->d_version = EV_CURRENT;
  header->sh_name = piece.name;
  header->sh_type = piece.type;
  header->sh_flags = piece.flags;
  header->sh_entsize = piece.entsize;
  header->sh_addralign = piece.align;
  header->sh_link = piece.link;
  header->sh_info = piece.info;
  return true;
}

// libelf writes to a file descriptor; this one is memory.
class MemoryFile {
 public:
  int descriptor() const { return descriptor_.get(); }
  bool read_all(std::vector<std::uint8_t>& out) const {
    const off_t size = lseek(descriptor(), 0, SEEK_END);
    if (size < 0) return false;
    out.resize(static_cast<std::size_t>(size));
    return pread(descriptor(), out.data(), out.size(), 0) == size;
  }

 private:
  UniqueFd descriptor_{memfd_create("splice", MFD_CLOEXEC)};
};

}  // namespace

ElfWriter::SectionId ElfWriter::section(const std::string& name, std::uint32_t type,
                                        std::uint64_t flags, std::uint64_t entsize) {
  const auto [place, is_new] = by_name_.emplace(name, sections_.size());
  if (is_new) {
    Part part;
    part.name = name;
    part.type = type;
    part.flags = flags;
    part.entsize = entsize;
    sections_.push_back(std::move(part));
  }
  return place->second;
}

void ElfWriter::align_to(Part& part, std::uint64_t align) {
  align = std::max<std::uint64_t>(align, 1);
  part.align = std::max(part.align, align);
  const std::uint64_t start = (part.size + align - 1) / align * align;
  constexpr std::uint8_t kInt3 = 0xcc;
  if (part.type != SHT_NOBITS)
    part.bytes.resize(start, (part.flags & SHF_EXECINSTR) != 0 ? kInt3 : 0);
  part.size = start;
}

std::uint64_t ElfWriter::append(SectionId section, Bytes bytes, std::uint64_t align) {
  Part& part = sections_[section];
  if (part.type == SHT_NOBITS) {  // content has come: zeros so far
    part.type = SHT_PROGBITS;
    part.bytes.assign(part.size, 0);
  }
  align_to(part, align);
  const std::uint64_t at = part.size;
  part.bytes.insert(part.bytes.end(), bytes.begin(), bytes.end());
  part.size = part.bytes.size();
  return at;
}

std::uint64_t ElfWriter::reserve(SectionId section, std::uint64_t size, std::uint64_t align) {
  Part& part = sections_[section];
  align_to(part, align);
  const std::uint64_t at = part.size;
  part.size += size;
  if (part.type != SHT_NOBITS) part.bytes.resize(part.size, 0);
  return at;
}

ElfWriter::SymbolId ElfWriter::section_symbol(SectionId section) {
  const auto [place, is_new] = section_symbols_.emplace(section, symbols_.size());
  if (is_new) symbols_.push_back({"", STB_LOCAL, STT_SECTION, true, section, 0, 0, 0});
  return place->second;
}

ElfWriter::SymbolId ElfWriter::define(const std::string& name, SectionId section,
                                      std::uint64_t value, std::uint64_t size, unsigned char bind,
                                      unsigned char type) {
  symbols_.push_back({name, bind, type, true, section, value, size, 0});
  return symbols_.size() - 1;
}

ElfWriter::SymbolId ElfWriter::undefined(const std::string& name) {
  const auto [place, is_new] = undefined_.emplace(name, symbols_.size());
  if (is_new) symbols_.push_back({name, STB_GLOBAL, STT_NOTYPE, false, 0, 0, 0, SHN_UNDEF});
  return place->second;
}

ElfWriter::SymbolId ElfWriter::reserved(const std::string& name, std::uint16_t index,
                                        std::uint64_t value) {
  const auto [place, is_new] = reserved_.emplace(name, symbols_.size());
  if (is_new) symbols_.push_back({name, STB_GLOBAL, STT_NOTYPE, false, 0, value, 0, index});
  return place->second;
}

void ElfWriter::relocate(SectionId section, std::uint64_t offset, SymbolId symbol,
                         std::uint32_t type, std::int64_t addend, const std::string& object) {
  sections_[section].fields[object].push_back({offset, symbol, type, addend});
}

void ElfWriter::overwrite(SectionId section, std::uint64_t offset, Bytes bytes) {
  std::ranges::copy(bytes, sections_[section].bytes.begin() + static_cast<std::ptrdiff_t>(offset));
}

// The writer's sections and symbols as an object file has them. Section numbers: the sections in order,
// each followed by its relocations, then the three tables.
class ElfWriter::ObjectFile {
 public:
  explicit ObjectFile(const ElfWriter& writer) : writer_(writer) {
    for (const Part& part : writer_.sections_) {
      number_.push_back(next_++);
      next_ += static_cast<std::uint32_t>(part.fields.size());
    }
  }

  Result<std::vector<std::uint8_t>> write() {
    lay_out_symbols();
    lay_out_sections();
    lay_out_tables();
    return through_libelf();
  }

 private:
  std::uint32_t symtab_number() const { return next_; }
  std::uint32_t strtab_number() const { return next_ + 1; }
  std::uint32_t shstrtab_number() const { return next_ + 2; }

  // Local ones first, as the ELF specification wants them.
  void lay_out_symbols() {
    const std::vector<Entry>& entries = writer_.symbols_;
    index_.resize(entries.size());
    for (const bool local : {true, false}) {
      for (std::size_t i = 0; i < entries.size(); ++i) {
        const Entry& entry = entries[i];
        if ((entry.bind == STB_LOCAL) != local) continue;
        Elf64_Sym symbol{};
        symbol.st_name = strings_.add(entry.name);
        symbol.st_info = static_cast<unsigned char>(ELF64_ST_INFO(entry.bind, entry.type));
        symbol.st_shndx =
            entry.defined ? static_cast<std::uint16_t>(number_[entry.section]) : entry.index;
        symbol.st_value = entry.value;
        symbol.st_size = entry.size;
        index_[i] = symbols_.size();
        symbols_.push_back(symbol);
      }
      if (local) first_global_ = static_cast<std::uint32_t>(symbols_.size());
    }
  }

  void lay_out_sections() {
    for (std::size_t i = 0; i < writer_.sections_.size(); ++i) {
      const Part& part = writer_.sections_[i];
      Piece piece;
      piece.name = names_.add(part.name);
      piece.type = part.type;
      piece.flags = part.flags;
      piece.entsize = part.entsize;
      piece.align = part.align;
      // libelf reads the data and does not write to it.
      piece.data = part.type == SHT_NOBITS ? nullptr : const_cast<std::uint8_t*>(part.bytes.data());
      piece.size = part.size;
      pieces_.push_back(piece);
      for (const auto& [object, fields] : part.fields) lay_out_relocations(i, object, fields);
    }
  }

  void lay_out_relocations(std::size_t section, const std::string& object,
                           const std::vector<Field>& fields) {
    const Part& part = writer_.sections_[section];
    std::vector<Elf64_Rela>& relocations = relocations_.emplace_back();
    for (const Field& field : fields)
      relocations.push_back(
          {field.offset, ELF64_R_INFO(index_[field.symbol], field.type), field.addend});
    std::ranges::stable_sort(relocations, {}, &Elf64_Rela::r_offset);
    Piece piece;
    piece.name =
        names_.add(object.empty() ? ".rela" + part.name : ".klp.rela." + object + "." + part.name);
    piece.type = SHT_RELA;
    // The kernel keeps those of a live patch in memory.
    piece.flags = SHF_INFO_LINK | (object.empty() ? 0 : SHF_ALLOC | kLivepatchRelocations);
    piece.entsize = sizeof(Elf64_Rela);
    piece.align = 8;
    piece.link = symtab_number();
    piece.info = number_[section];
    piece.data = relocations.data();
    piece.size = relocations.size() * sizeof(Elf64_Rela);
    piece.data_type = ELF_T_RELA;
    pieces_.push_back(piece);
  }

  void lay_out_tables() {
    Piece symtab;
    symtab.name = names_.add(".symtab");
    symtab.type = SHT_SYMTAB;
    symtab.entsize = sizeof(Elf64_Sym);
    symtab.align = 8;
    symtab.link = strtab_number();
    symtab.info = first_global_;
    symtab.data = symbols_.data();
    symtab.size = symbols_.size() * sizeof(Elf64_Sym);
    symtab.data_type = ELF_T_SYM;
    pieces_.push_back(symtab);
    for (auto [name, table] : {std::pair(".strtab", &strings_), std::pair(".shstrtab", &names_)}) {
      Piece piece;
      piece.name = names_.add(name);
      piece.type = SHT_STRTAB;
      piece.data = table->text().data();
      piece.size = table->text().size();
      pieces_.push_back(piece);
    }
  }

  Result<std::vector<std::uint8_t>> through_libelf() const {
    const auto failed = [] {
      return fail(ExitCode::error, "elf-write",
                  fmt::format("the new module cannot be written: {}", elf_errmsg(-1)));
    };
    elf_version(EV_CURRENT);
    const MemoryFile memory;
    const std::unique_ptr<Elf, decltype(&elf_end)> elf(
        elf_begin(memory.descriptor(), ELF_C_WRITE, nullptr), elf_end);
    Elf64_Ehdr* header = elf == nullptr ? nullptr : elf64_newehdr(elf.get());
    if (header == nullptr) return failed();
    header->e_ident[EI_DATA] = ELFDATA2LSB;
    header->e_type = ET_REL;
    header->e_machine = EM_X86_64;
    header->e_version = EV_CURRENT;
    header->e_shstrndx = static_cast<std::uint16_t>(shstrtab_number());
    for (const Piece& piece : pieces_)
      if (!add_piece(elf.get(), piece)) return failed();
    std::vector<std::uint8_t> file;
    if (elf_update(elf.get(), ELF_C_WRITE) < 0 || !memory.read_all(file)) return failed();
    return file;
  }

  const ElfWriter& writer_;
  std::vector<std::uint32_t> number_;  // by section of the writer
  std::uint32_t next_ = 1;             // the first number behind the sections
  std::vector<std::uint64_t> index_;   // by symbol of the writer
  std::uint32_t first_global_ = 0;
  StringTable names_;
  StringTable strings_;
  std::vector<Elf64_Sym> symbols_ = std::vector<Elf64_Sym>(1);
  std::deque<std::vector<Elf64_Rela>> relocations_;  // the pieces point into them
  std::vector<Piece> pieces_;
};

Result<std::vector<std::uint8_t>> ElfWriter::finish() const { return ObjectFile(*this).write(); }

}  // namespace splicer
