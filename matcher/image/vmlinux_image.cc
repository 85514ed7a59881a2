// SPDX-License-Identifier: GPL-2.0-or-later
//
// A kernel on disk: an uncompressed vmlinux with its symbol table. Memory is what its PT_LOAD
// segments hold; nothing has been rewritten yet.
#include <elf.h>
#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>

#include "matcher/base/bytes.h"
#include "matcher/elf/elf_object.h"
#include "matcher/image/bzimage.h"
#include "matcher/image/image.h"
#include "matcher/image/kallsyms_table.h"

namespace splicer {

namespace {

// The kernel's own names end at KSYM_NAME_LEN (512); a file without a NUL must not make longer
// ones.
constexpr std::size_t kMaxName = 4096;

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
    const Bytes there = view(address, out.size());
    if (!there.empty() || out.empty()) {
      std::copy(there.begin(), there.end(), out.begin());
      return {};
    }
    return fail(ExitCode::error, "image-read", "the image holds no bytes for that address")
        .at_address(address)
        .hint("is it the vmlinux of this kernel?");
  }

 private:
  std::vector<std::uint8_t> file_;
  std::vector<Piece> pieces_;
  Bytes types_;  // in the file
  SymbolTable symbols_;
};

Failure malformed(const std::string& path, const char* what) {
  return fail(ExitCode::error, "vmlinux-malformed", fmt::format("not a usable vmlinux: {}", what))
      .at_file(path)
      .hint("give an uncompressed x86-64 vmlinux that has its symbol table");
}

// The section of that name, or nothing: a shipped kernel keeps its section headers.
Bytes section_bytes(Bytes file, const Elf64_Ehdr& header, const std::vector<Elf64_Shdr>& sections,
                    std::string_view wanted) {
  if (header.e_shstrndx >= sections.size()) return {};
  const Elf64_Shdr& names = sections[header.e_shstrndx];
  for (const Elf64_Shdr& section : sections) {
    const std::uint64_t at = names.sh_offset + section.sh_name;
    if (at >= file.size() || file.size() - at <= wanted.size() || file[at + wanted.size()] != 0 ||
        !std::equal(wanted.begin(), wanted.end(), file.begin() + static_cast<std::ptrdiff_t>(at)))
      continue;
    if (section.sh_type == SHT_NOBITS || section.sh_offset > file.size() ||
        section.sh_size > file.size() - section.sh_offset)
      return {};
    return file.subspan(section.sh_offset, section.sh_size);
  }
  return {};
}

char type_letter(const Elf64_Sym& symbol, const Elf64_Shdr& section) {
  const bool global = ELF64_ST_BIND(symbol.st_info) != STB_LOCAL;
  char letter = 'r';
  if ((section.sh_flags & SHF_EXECINSTR) != 0) letter = 't';
  if ((section.sh_flags & SHF_WRITE) != 0) letter = section.sh_type == SHT_NOBITS ? 'b' : 'd';
  if (ELF64_ST_BIND(symbol.st_info) == STB_WEAK) return 'W';
  return global ? static_cast<char>(letter - 'a' + 'A') : letter;
}

}  // namespace

Result<std::unique_ptr<Image>> open_vmlinux_image(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return malformed(path, "it cannot be read");
  const std::vector<std::uint8_t> shipped{std::istreambuf_iterator<char>(stream),
                                          std::istreambuf_iterator<char>()};
  auto unpacked = unpack_kernel(shipped, path);
  if (!unpacked) return propagate(unpacked);
  std::vector<std::uint8_t> file = std::move(*unpacked);
  const Bytes bytes(file);
  const auto header = load<Elf64_Ehdr>(bytes, 0);
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
      header->e_machine != EM_X86_64 || header->e_type != ET_EXEC)
    return malformed(path, "it is no x86-64 executable");

  std::vector<Elf64_Shdr> sections;
  for (unsigned i = 0; i < header->e_shnum; i++) {
    const auto section = load<Elf64_Shdr>(bytes, header->e_shoff + i * sizeof(Elf64_Shdr));
    if (!section) return malformed(path, "its section table lies outside the file");
    sections.push_back(*section);
  }
  std::vector<KernelSymbol> symbols;
  for (const Elf64_Shdr& table : sections) {
    if (table.sh_type != SHT_SYMTAB || table.sh_link >= sections.size()) continue;
    if (!symbols.empty()) return malformed(path, "it has two symbol tables");
    const Elf64_Shdr& strings = sections[table.sh_link];
    for (std::uint64_t at = 0; at + sizeof(Elf64_Sym) <= table.sh_size; at += sizeof(Elf64_Sym)) {
      const auto symbol = load<Elf64_Sym>(bytes, table.sh_offset + at);
      if (!symbol) return malformed(path, "its symbol table lies outside the file");
      const unsigned type = ELF64_ST_TYPE(symbol->st_info);
      const bool absolute = symbol->st_shndx == SHN_ABS;
      if (symbol->st_name == 0 || type == STT_FILE || type == STT_SECTION ||
          symbol->st_shndx == SHN_UNDEF || (!absolute && symbol->st_shndx >= sections.size()))
        continue;
      std::string name;
      for (std::uint64_t k = strings.sh_offset + symbol->st_name; k < bytes.size() && bytes[k] != 0;
           k++) {
        if (name.size() == kMaxName) return malformed(path, "a symbol's name has no end");
        name += static_cast<char>(bytes[k]);
      }
      const char letter = absolute ? 'A' : type_letter(*symbol, sections[symbol->st_shndx]);
      symbols.push_back({RunAddress(symbol->st_value), letter, std::move(name), "vmlinux"});
    }
  }
  std::vector<Elf64_Phdr> segments;
  for (unsigned i = 0; i < header->e_phnum; i++) {
    const auto segment = load<Elf64_Phdr>(bytes, header->e_phoff + i * sizeof(Elf64_Phdr));
    if (!segment) return malformed(path, "its program headers lie outside the file");
    if (segment->p_type != PT_LOAD) continue;
    if (segment->p_offset > bytes.size() || segment->p_filesz > bytes.size() - segment->p_offset)
      return malformed(path, "a segment lies outside the file");
    segments.push_back(*segment);
  }
  for (const Elf64_Phdr& segment : segments) {
    if (!symbols.empty() || (segment.p_flags & PF_X) == 0 || segment.p_filesz == 0) continue;
    // The first segment holds text and read-only data.
    auto decoded = decode_kallsyms(bytes.subspan(segment.p_offset, segment.p_filesz), path);
    if (!decoded) return propagate(decoded);
    symbols = std::move(*decoded);
  }
  if (symbols.empty()) return malformed(path, "it has no symbols");
  // Moving a vector moves no bytes, so `bytes` stays good.
  auto image = std::make_unique<VmlinuxImage>(std::move(file), SymbolTable(std::move(symbols)));
  image->set_types(section_bytes(bytes, *header, sections, ".BTF"));
  for (const Elf64_Phdr& segment : segments)
    image->add(RunAddress(segment.p_vaddr), FileOffset(segment.p_offset), segment.p_filesz);
  return std::unique_ptr<Image>(std::move(image));
}

}  // namespace splicer
