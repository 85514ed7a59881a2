// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/image/vmlinux_image.h"

#include <elf.h>
#include <fmt/core.h>
#include <gelf.h>
#include <libelf.h>

#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "matcher/base/bytes.h"
#include "matcher/base/file.h"
#include "matcher/image/bzimage.h"
#include "matcher/image/kallsyms_table.h"

namespace splicer {

namespace {

class VmlinuxImage final : public Image {
 public:
  struct Piece {
    RunAddress address;
    Bytes bytes;
  };

  VmlinuxImage(std::vector<std::uint8_t> file, SymbolTable symbols)
      : file_(std::move(file)), symbols_(std::move(symbols)) {}
  void add(RunAddress address, FileOffset offset, std::uint64_t size) {
    pieces_.push_back({address, Bytes(file_).subspan(offset.value(), size)});
  }

  const SymbolTable& symbols() const override { return symbols_; }
  bool live() const override { return false; }

  void set_types(Bytes types) { types_ = types; }
  std::vector<std::uint8_t> types(const std::string& target) const override {
    if (target != "vmlinux") return {};
    return {types_.begin(), types_.end()};
  }

  Bytes view(RunAddress address, std::size_t size) const override {
    for (const Piece& piece : pieces_) {
      if (address < piece.address || address - piece.address >= piece.bytes.size()) continue;
      const Bytes rest = piece.bytes.subspan(address - piece.address);
      return rest.size() < size ? Bytes() : rest.first(size);
    }
    return {};
  }

  Result<void> read(RunAddress address, std::span<std::uint8_t> out) const override {
    return read_from_view(address, out, "the image holds no bytes for that address",
                          "give the vmlinux of this kernel");
  }

 private:
  std::vector<std::uint8_t> file_;
  std::vector<Piece> pieces_;
  Bytes types_;  // in the file
  SymbolTable symbols_;
};

Failure malformed(const std::string& path, std::string_view what) {
  return fail(ExitCode::error, "vmlinux-malformed", fmt::format("not a usable vmlinux: {}", what))
      .at_file(path)
      .hint("give an uncompressed x86-64 vmlinux that has its symbol table");
}

// What is read of the file before there is an image. libelf reads headers; that the tables and what
// their rows describe lie in the file is checked here.
class VmlinuxReader {
 public:
  VmlinuxReader(std::vector<std::uint8_t>& file, const std::string& path)
      : file_(file), path_(path) {}

  Result<void> read_tables();
  Result<std::vector<KernelSymbol>> read_symbols() const;
  const std::vector<GElf_Phdr>& segments() const { return segments_; }
  Bytes section(std::string_view name) const;

 private:
  struct ElfCloser {
    void operator()(Elf* elf) const { elf_end(elf); }
  };

  Failure malformed(std::string_view what) const { return splicer::malformed(path_, what); }
  std::optional<Bytes> bytes_of(const GElf_Shdr& section) const {
    if (section.sh_type == SHT_NOBITS || !inside(section.sh_offset, section.sh_size, file_.size()))
      return std::nullopt;
    return Bytes(file_).subspan(section.sh_offset, section.sh_size);
  }
  Result<void> read_sections(Elf* elf);
  Result<void> read_segments(Elf* elf);
  Result<std::vector<KernelSymbol>> read_symbol_table(const GElf_Shdr& table) const;

  std::vector<std::uint8_t>& file_;
  const std::string& path_;
  std::vector<GElf_Shdr> sections_;
  std::vector<GElf_Phdr> segments_;  // those of type PT_LOAD
  std::size_t names_ = 0;            // the section that holds the sections' names
};

Result<void> VmlinuxReader::read_tables() {
  if (elf_version(EV_CURRENT) == EV_NONE) return malformed("libelf is too old");
  // elf_memory() never writes into the bytes as long as no update is asked for.
  const std::unique_ptr<Elf, ElfCloser> elf(
      elf_memory(reinterpret_cast<char*>(file_.data()), file_.size()));
  GElf_Ehdr header;
  if (!elf || gelf_getehdr(elf.get(), &header) == nullptr ||
      header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
      header.e_machine != EM_X86_64 || header.e_type != ET_EXEC)
    return malformed("it is not an x86-64 executable");
  // libelf takes a table that lies outside the file for none at all.
  if (!inside(header.e_shoff, header.e_shnum * sizeof(Elf64_Shdr), file_.size()))
    return malformed("its section table lies outside the file");
  if (!inside(header.e_phoff, header.e_phnum * sizeof(Elf64_Phdr), file_.size()))
    return malformed("its program headers lie outside the file");
  if (auto done = read_sections(elf.get()); !done) return done;
  return read_segments(elf.get());
}

Result<void> VmlinuxReader::read_sections(Elf* elf) {
  std::size_t count = 0;
  if (elf_getshdrnum(elf, &count) != 0 || count > file_.size() / sizeof(Elf64_Shdr))
    return malformed("it has an impossible number of sections");
  sections_.resize(count);
  for (std::size_t i = 0; i < count; ++i)
    if (Elf_Scn* scn = elf_getscn(elf, i);
        scn == nullptr || gelf_getshdr(scn, &sections_[i]) == nullptr)
      return malformed("a section's header cannot be read");
  if (elf_getshdrstrndx(elf, &names_) != 0) names_ = sections_.size();
  return {};
}

Result<void> VmlinuxReader::read_segments(Elf* elf) {
  std::size_t count = 0;
  if (elf_getphdrnum(elf, &count) != 0 || count > file_.size() / sizeof(Elf64_Phdr))
    return malformed("it has an impossible number of segments");
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Phdr segment;
    if (gelf_getphdr(elf, static_cast<int>(i), &segment) == nullptr)
      return malformed("a segment's header cannot be read");
    if (segment.p_type != PT_LOAD) continue;
    if (!inside(segment.p_offset, segment.p_filesz, file_.size()))
      return malformed("a segment lies outside the file");
    segments_.push_back(segment);
  }
  if (segments_.empty()) return malformed("it has no memory to load");
  return {};
}

// The bytes of the section of that name, or none: a shipped kernel keeps its section headers.
Bytes VmlinuxReader::section(std::string_view name) const {
  if (names_ >= sections_.size()) return {};
  const Bytes names = bytes_of(sections_[names_]).value_or(Bytes());
  for (const GElf_Shdr& section : sections_)
    if (string_at(names, section.sh_name) == name) return bytes_of(section).value_or(Bytes());
  return {};
}

// Of the symbol table, or where the file is stripped what the kernel itself would list.
Result<std::vector<KernelSymbol>> VmlinuxReader::read_symbols() const {
  std::vector<KernelSymbol> symbols;
  for (const GElf_Shdr& table : sections_) {
    if (table.sh_type != SHT_SYMTAB || table.sh_link >= sections_.size()) continue;
    if (!symbols.empty()) return malformed("it has two symbol tables");
    auto read = read_symbol_table(table);
    if (!read) return read;
    symbols = std::move(*read);
  }
  if (!symbols.empty()) return symbols;
  for (const GElf_Phdr& segment : segments_) {
    if ((segment.p_flags & PF_X) == 0 || segment.p_filesz == 0) continue;
    // The first segment holds text and read-only data.
    return decode_kallsyms(Bytes(file_).subspan(segment.p_offset, segment.p_filesz), path_);
  }
  return malformed("it has no symbols");
}

Result<std::vector<KernelSymbol>> VmlinuxReader::read_symbol_table(const GElf_Shdr& table) const {
  const auto rows = bytes_of(table);
  if (!rows) return malformed("its symbol table lies outside the file");
  const Bytes names = bytes_of(sections_[table.sh_link]).value_or(Bytes());
  std::vector<KernelSymbol> symbols;
  for (std::uint64_t at = 0; at + sizeof(Elf64_Sym) <= rows->size(); at += sizeof(Elf64_Sym)) {
    const Elf64_Sym symbol = *load<Elf64_Sym>(*rows, at);
    const unsigned type = ELF64_ST_TYPE(symbol.st_info);
    const bool absolute = symbol.st_shndx == SHN_ABS;
    if (symbol.st_name == 0 || type == STT_FILE || type == STT_SECTION ||
        symbol.st_shndx == SHN_UNDEF || (!absolute && symbol.st_shndx >= sections_.size()))
      continue;
    auto name = string_at(names, symbol.st_name);
    if (!name) return malformed("a symbol's name has no end");
    char letter = 'A';
    if (!absolute) {
      const GElf_Shdr& section = sections_[symbol.st_shndx];
      letter = symbol_letter(ELF64_ST_BIND(symbol.st_info), section.sh_flags,
                             section.sh_type == SHT_NOBITS);
    }
    symbols.push_back({RunAddress(symbol.st_value), letter, std::move(*name), "vmlinux"});
  }
  return symbols;
}

}  // namespace

Result<std::unique_ptr<Image>> open_vmlinux_image(const std::string& path) {
  const Contents shipped = read_contents(path, kMaxKernel);
  if (shipped.error != 0)
    return malformed(path, fmt::format("it cannot be read: {}", std::strerror(shipped.error)));
  auto file = unpack_kernel(shipped.bytes, path);
  if (!file) return propagate(file);
  VmlinuxReader reader(*file, path);
  if (auto read = reader.read_tables(); !read) return propagate(read);
  auto symbols = reader.read_symbols();
  if (!symbols) return propagate(symbols);
  if (symbols->empty()) return malformed(path, "it has no symbols");
  const Bytes types = reader.section(".BTF");
  // Moving a vector moves no bytes, so `types` stays good.
  auto image = std::make_unique<VmlinuxImage>(std::move(*file), SymbolTable(std::move(*symbols)));
  image->set_types(types);
  for (const GElf_Phdr& segment : reader.segments())
    image->add(RunAddress(segment.p_vaddr), FileOffset(segment.p_offset), segment.p_filesz);
  return std::unique_ptr<Image>(std::move(image));
}

}  // namespace splicer
