// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/kernel_samples.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace splicer {

namespace {

template <typename T>
void append_struct(ByteVector& out, const T& value) {
  const std::size_t at = out.size();
  out.resize(at + sizeof value);
  std::memcpy(&out[at], &value, sizeof value);
}

void align8(ByteVector& out) { out.resize((out.size() + 7) / 8 * 8); }

// Tokens: a letter that names use stands for itself, and free codes stand for common pieces.
std::array<std::string, 256> make_tokens(const std::vector<KernelSymbol>& symbols) {
  std::array<std::string, 256> tokens;
  const auto itself = [&](unsigned char letter) {
    tokens[letter] = std::string(1, static_cast<char>(letter));
  };
  for (unsigned char digit = '0'; digit <= '9'; digit++) itself(digit);
  for (const KernelSymbol& symbol : symbols) {
    itself(static_cast<unsigned char>(symbol.type));
    for (const char letter : symbol.name) itself(static_cast<unsigned char>(letter));
  }
  const std::vector<std::string> pieces = {"function_", "func", "_in", "on"};
  auto piece = pieces.begin();
  for (std::string& token : tokens)
    if (token.empty() && piece != pieces.end()) token = *piece++;
  return tokens;
}

ByteVector compressed(const std::string& text, const std::array<std::string, 256>& tokens) {
  ByteVector codes;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t best = tokens.size();
    for (std::size_t code = 0; code < tokens.size(); code++)
      if (!tokens[code].empty() && text.compare(at, tokens[code].size(), tokens[code]) == 0 &&
          (best == tokens.size() || tokens[code].size() > tokens[best].size()))
        best = code;
    if (best == tokens.size()) std::abort();
    codes.push_back(static_cast<std::uint8_t>(best));
    at += tokens[best].size();
  }
  return codes;
}

}  // namespace

std::vector<KernelSymbol> kernel_symbols(std::uint64_t base) {
  std::vector<KernelSymbol> symbols{{RunAddress(0), 'A', "fixed_percpu_data", "vmlinux"},
                                    {RunAddress(0x1a000), 'A', "__per_cpu_end", "vmlinux"}};
  for (std::uint64_t i = 0; i < 600; i++)
    symbols.push_back({RunAddress(base + i * 16), i % 3 == 0 ? 'T' : 't',
                       fmt::format("function_{}_in", i), "vmlinux"});
  // A name whose compressed length needs two bytes.
  symbols.push_back({RunAddress(base + 0x10000), 't', std::string(300, 'z'), "vmlinux"});
  return symbols;
}

ByteVector kallsyms_table(const std::vector<KernelSymbol>& symbols, KallsymsLayout layout) {
  std::uint64_t base = ~0ull;
  for (const KernelSymbol& symbol : symbols)
    if (symbol.address.value() >> 63 != 0) base = std::min(base, symbol.address.value());
  ByteVector offsets;
  for (const KernelSymbol& symbol : symbols) {
    const std::uint64_t address = symbol.address.value();
    // CONFIG_KALLSYMS_ABSOLUTE_PERCPU: not negative is absolute, negative counts from the base.
    const std::int64_t offset = address >> 63 == 0 ? static_cast<std::int64_t>(address)
                                                   : -1 - static_cast<std::int64_t>(address - base);
    append_struct(offsets, static_cast<std::int32_t>(offset));
  }
  align8(offsets);
  append_struct(offsets, base);

  const auto tokens = make_tokens(symbols);
  ByteVector names;
  ByteVector markers;
  for (std::size_t i = 0; i < symbols.size(); i++) {
    if (i % 256 == 0) append_struct(markers, static_cast<std::uint32_t>(names.size()));
    const ByteVector codes = compressed(symbols[i].type + symbols[i].name, tokens);
    if (codes.size() <= 0x7f) {
      names.push_back(static_cast<std::uint8_t>(codes.size()));
    } else {
      names.push_back(static_cast<std::uint8_t>(0x80 | (codes.size() & 0x7f)));
      names.push_back(static_cast<std::uint8_t>(codes.size() >> 7));
    }
    names.insert(names.end(), codes.begin(), codes.end());
  }

  ByteVector out;
  if (layout == KallsymsLayout::linux_6_1) out = offsets;
  append_struct(out, static_cast<std::uint32_t>(symbols.size()));
  align8(out);
  out = out + names;
  align8(out);
  out = out + markers;
  align8(out);
  // Linux 6.1 has the names' sequence numbers here, three bytes each, and the tokens may follow
  // without a zero between: there is one only where the length asks for it.
  if (layout == KallsymsLayout::linux_6_1)
    for (std::size_t i = 0; i < symbols.size() / 8 * 8; i++) out = out + hex("00 01 2b");
  align8(out);
  ByteVector index;
  const std::size_t begin = out.size();
  for (const std::string& token : tokens) {
    append_struct(index, static_cast<std::uint16_t>(out.size() - begin));
    out.insert(out.end(), token.begin(), token.end());
    out.push_back(0);
  }
  align8(out);
  out = out + index;
  align8(out);
  if (layout == KallsymsLayout::later) out = out + offsets;
  return out;
}

ByteVector vmlinux(const std::vector<LoadedSegment>& segments,
                   const std::vector<KernelSymbol>& symbols) {
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_version = EV_CURRENT;
  header.e_type = ET_EXEC;
  header.e_machine = EM_X86_64;
  header.e_ehsize = sizeof header;
  header.e_phoff = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = static_cast<std::uint16_t>(segments.size());
  header.e_shentsize = sizeof(Elf64_Shdr);

  ByteVector out(sizeof header + segments.size() * sizeof(Elf64_Phdr));
  std::vector<Elf64_Phdr> rows;
  std::vector<Elf64_Shdr> sections(1);
  for (const LoadedSegment& segment : segments) {
    align8(out);
    Elf64_Phdr row{};
    row.p_type = PT_LOAD;
    row.p_flags = PF_R | PF_X;
    row.p_offset = out.size();
    row.p_vaddr = segment.address;
    row.p_filesz = row.p_memsz = segment.content.size();
    rows.push_back(row);
    Elf64_Shdr section{};
    section.sh_type = SHT_PROGBITS;
    section.sh_flags = SHF_ALLOC | SHF_EXECINSTR;
    section.sh_addr = segment.address;
    section.sh_offset = out.size();
    section.sh_size = segment.content.size();
    sections.push_back(section);
    out = out + segment.content;
  }
  if (!symbols.empty()) {
    ByteVector table;
    append_struct(table, Elf64_Sym{});
    std::string names(1, '\0');
    for (const KernelSymbol& symbol : symbols) {
      Elf64_Sym row{};
      row.st_name = static_cast<Elf64_Word>(names.size());
      row.st_info = static_cast<std::uint8_t>(
          ELF64_ST_INFO(symbol.type == 't' ? STB_LOCAL : STB_GLOBAL, STT_FUNC));
      row.st_shndx = symbol.type == 'A' ? static_cast<std::uint16_t>(SHN_ABS) : 1;
      row.st_value = symbol.address.value();
      append_struct(table, row);
      names += symbol.name + '\0';
    }
    align8(out);
    Elf64_Shdr section{};
    section.sh_type = SHT_SYMTAB;
    section.sh_link = static_cast<std::uint32_t>(sections.size() + 1);
    section.sh_offset = out.size();
    section.sh_size = table.size();
    section.sh_entsize = sizeof(Elf64_Sym);
    sections.push_back(section);
    out = out + table;
    section = {};
    section.sh_type = SHT_STRTAB;
    section.sh_offset = out.size();
    section.sh_size = names.size();
    sections.push_back(section);
    out.insert(out.end(), names.begin(), names.end());
  }
  align8(out);
  header.e_shoff = out.size();
  header.e_shnum = static_cast<std::uint16_t>(sections.size());
  for (const Elf64_Shdr& section : sections) append_struct(out, section);
  std::memcpy(out.data(), &header, sizeof header);
  if (!rows.empty())
    std::memcpy(out.data() + sizeof header, rows.data(), rows.size() * sizeof(Elf64_Phdr));
  return out;
}

ByteVector bzimage_of(const ByteVector& payload) {
  constexpr std::uint8_t kSetupSectors = 2;
  constexpr std::size_t kPayloadAt = 64;  // in the protected-mode part
  ByteVector out((kSetupSectors + 1) * 512 + kPayloadAt);
  out[0x1f1] = kSetupSectors;
  std::memcpy(&out[0x202], "HdrS", 4);
  const ByteVector offset = le32(kPayloadAt);
  const ByteVector length = le32(payload.size());
  std::copy(offset.begin(), offset.end(), out.begin() + 0x248);
  std::copy(length.begin(), length.end(), out.begin() + 0x24c);
  return out + payload + ByteVector(100);  // something follows it in a real file too
}

ByteVector compressed(const ByteVector& content, const char* filter) {
  ByteVector out(content.size() * 2 + 65536);
  std::size_t used = 0;
  const std::unique_ptr<archive, int (*)(archive*)> writer(archive_write_new(), archive_write_free);
  const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(),
                                                                       archive_entry_free);
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  if (archive_write_add_filter_by_name(writer.get(), filter) != ARCHIVE_OK ||
      archive_write_set_format_raw(writer.get()) != ARCHIVE_OK ||
      archive_write_set_bytes_in_last_block(writer.get(), 1) != ARCHIVE_OK ||
      archive_write_open_memory(writer.get(), out.data(), out.size(), &used) != ARCHIVE_OK ||
      archive_write_header(writer.get(), entry.get()) != ARCHIVE_OK ||
      archive_write_data(writer.get(), content.data(), content.size()) !=
          static_cast<la_ssize_t>(content.size()) ||
      archive_write_close(writer.get()) != ARCHIVE_OK)
    std::abort();
  out.resize(used);
  return out;
}

ByteVector bzimage(const ByteVector& kernel, const char* filter) {
  const ByteVector payload = compressed(kernel, filter);
  // The kernel's build appends the unpacked size where the compressor does not.
  return bzimage_of(filter == std::string_view("gzip") ? payload : payload + le32(kernel.size()));
}

}  // namespace splicer
