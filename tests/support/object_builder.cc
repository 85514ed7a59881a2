// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/object_builder.h"

#include <fmt/core.h>
#include <libelf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <cstring>

namespace splicer {

ByteVector hex(std::string_view text) {
  ByteVector bytes;
  bool high = true;
  for (const char letter : text) {
    if (std::isspace(static_cast<unsigned char>(letter)) != 0) continue;
    const int value = std::isdigit(static_cast<unsigned char>(letter)) != 0
                          ? letter - '0'
                          : std::tolower(static_cast<unsigned char>(letter)) - 'a' + 10;
    if (value < 0 || value > 15) std::abort();
    if (high) {
      bytes.push_back(static_cast<std::uint8_t>(value << 4));
    } else {
      bytes.back() = static_cast<std::uint8_t>(bytes.back() | value);
    }
    high = !high;
  }
  if (!high) std::abort();
  return bytes;
}

ByteVector operator+(ByteVector a, const ByteVector& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

ByteVector le32(std::uint64_t value) {
  ByteVector bytes(4);
  std::memcpy(bytes.data(), &value, bytes.size());
  return bytes;
}

ByteVector le64(std::uint64_t value) {
  ByteVector bytes(8);
  std::memcpy(bytes.data(), &value, bytes.size());
  return bytes;
}

ByteVector branch32(const ByteVector& opcode, std::uint64_t address, std::uint64_t target) {
  return opcode + le32(target - (address + opcode.size() + 4));
}

ObjectBuilder::ObjectBuilder() : sections_(1), symbols_(1), strings_(1, '\0') {}

std::uint32_t ObjectBuilder::section(const std::string& name, std::uint64_t flags,
                                     const ByteVector& content, std::uint32_t type,
                                     std::uint64_t entsize) {
  sections_.push_back({name, type, flags, entsize, content, {}});
  return static_cast<std::uint32_t>(sections_.size() - 1);
}

std::uint32_t ObjectBuilder::table(const std::string& name) {
  for (std::size_t i = 1; i < sections_.size(); i++)
    if (sections_[i].name == name) return static_cast<std::uint32_t>(i);
  return section(name, kConstant, {});
}

std::uint64_t ObjectBuilder::append(std::uint32_t section, const ByteVector& content) {
  ByteVector& bytes = sections_.at(section).content;
  const std::uint64_t offset = bytes.size();
  bytes.insert(bytes.end(), content.begin(), content.end());
  return offset;
}

std::uint32_t ObjectBuilder::symbol(const std::string& name, std::uint32_t section,
                                    std::uint64_t value, std::uint64_t size, std::uint8_t bind,
                                    std::uint8_t type) {
  Elf64_Sym row{};
  if (!name.empty()) {
    row.st_name = static_cast<Elf64_Word>(strings_.size());
    strings_ += name + '\0';
  }
  row.st_info = static_cast<std::uint8_t>(ELF64_ST_INFO(bind, type));
  row.st_shndx = static_cast<std::uint16_t>(section);
  row.st_value = value;
  row.st_size = size;
  symbols_.push_back(row);
  return static_cast<std::uint32_t>(symbols_.size() - 1);
}

std::uint32_t ObjectBuilder::section_symbol(std::uint32_t section) {
  const auto [entry, is_new] = section_symbols_.emplace(section, 0);
  if (is_new) entry->second = symbol("", section, 0, 0, STB_LOCAL, STT_SECTION);
  return entry->second;
}

std::uint32_t ObjectBuilder::function(const std::string& name, const ByteVector& code,
                                      std::uint8_t bind) {
  const std::uint32_t index = section(".text." + name, kCode, code);
  functions_[index] = symbol(name, index, 0, code.size(), bind);
  return index;
}

std::uint32_t ObjectBuilder::padded_function(const std::string& name, const ByteVector& code) {
  const std::uint32_t made = section(".text." + name, kCode, ByteVector(16, 0x90) + code);
  symbol("__pfx_" + name, made, 0, 16);
  functions_[made] = symbol(name, made, 16, code.size());
  return made;
}

void ObjectBuilder::relocate(std::uint32_t section, std::uint64_t offset, std::uint32_t symbol,
                             std::uint32_t type, std::int64_t addend) {
  sections_.at(section).relocations.push_back({offset, ELF64_R_INFO(symbol, type), addend});
}

void ObjectBuilder::ftrace(std::uint32_t section, std::uint64_t offset) {
  const std::uint32_t list = table("__mcount_loc");
  const std::uint64_t entry = append(list, ByteVector(8));
  relocate(list, entry, section_symbol(section), R_X86_64_64, static_cast<std::int64_t>(offset));
}

void ObjectBuilder::listed(const std::string& table_name, std::uint32_t section,
                           std::uint64_t offset) {
  const std::uint32_t list = table(table_name);
  const std::uint64_t entry = append(list, ByteVector(4));
  relocate(list, entry, section_symbol(section), R_X86_64_PC32, static_cast<std::int64_t>(offset));
}

void ObjectBuilder::alternative(std::uint32_t section, std::uint64_t offset, std::uint8_t length,
                                std::uint32_t replacement, std::uint64_t at,
                                std::uint8_t replacement_length) {
  const std::uint32_t list = table(".altinstructions");
  const std::uint64_t entry = append(list, ByteVector(10) + ByteVector{length, replacement_length});
  relocate(list, entry, section_symbol(section), R_X86_64_PC32, static_cast<std::int64_t>(offset));
  relocate(list, entry + 4, section_symbol(replacement), R_X86_64_PC32,
           static_cast<std::int64_t>(at));
}

void ObjectBuilder::direct_call(std::uint32_t section, std::uint64_t offset,
                                std::uint32_t replacement) {
  const std::uint32_t list = table(".altinstructions");
  const std::uint64_t entry = append(list, ByteVector(8) + hex("00 00 02 00 06 05"));
  relocate(list, entry, section_symbol(section), R_X86_64_PC32, static_cast<std::int64_t>(offset));
  relocate(list, entry + 4, section_symbol(replacement), R_X86_64_PC32, 0);
}

void ObjectBuilder::paravirt(std::uint32_t section, std::uint64_t offset, std::uint8_t slot,
                             std::uint8_t length) {
  const std::uint32_t list = table(".parainstructions");
  const std::uint64_t entry =
      append(list, ByteVector(8) + ByteVector{slot, length} + ByteVector(6));
  relocate(list, entry, section_symbol(section), R_X86_64_64, static_cast<std::int64_t>(offset));
}

void ObjectBuilder::static_key(std::uint32_t section, std::uint64_t offset, std::uint64_t target) {
  const std::uint32_t list = table("__jump_table");
  const std::uint64_t entry = append(list, ByteVector(16));
  const std::uint32_t code = section_symbol(section);
  relocate(list, entry, code, R_X86_64_PC32, static_cast<std::int64_t>(offset));
  relocate(list, entry + 4, code, R_X86_64_PC32, static_cast<std::int64_t>(target));
  relocate(list, entry + 8, undefined("some_key"), R_X86_64_PC64, 0);
}

void ObjectBuilder::static_call(std::uint32_t section, std::uint64_t offset) {
  const std::uint32_t list = table(".static_call_sites");
  const std::uint64_t entry = append(list, ByteVector(8));
  relocate(list, entry, section_symbol(section), R_X86_64_PC32, static_cast<std::int64_t>(offset));
  relocate(list, entry + 4, undefined("__SCK__some_call"), R_X86_64_PC32, 0);
}

namespace {

// The file that libelf makes of what was described, and the end of both.
ByteVector written_by(Elf* elf, int fd) {
  if (elf_update(elf, ELF_C_WRITE) < 0) {
    fmt::print(stderr, "object_builder: {}\n", elf_errmsg(-1));
    std::abort();
  }
  elf_end(elf);
  ByteVector file(static_cast<std::size_t>(lseek(fd, 0, SEEK_END)));
  if (pread(fd, file.data(), file.size(), 0) != static_cast<ssize_t>(file.size())) std::abort();
  close(fd);
  return file;
}

}  // namespace

ByteVector ObjectBuilder::bytes() const {
  elf_version(EV_CURRENT);
  const int fd = memfd_create("object", MFD_CLOEXEC);
  Elf* elf = elf_begin(fd, ELF_C_WRITE, nullptr);
  Elf64_Ehdr* header = elf64_newehdr(elf);
  if (header == nullptr) std::abort();
  header->e_ident[EI_DATA] = ELFDATA2LSB;
  header->e_type = ET_REL;
  header->e_machine = EM_X86_64;
  header->e_version = EV_CURRENT;

  std::vector<Part> parts = sections_;
  const auto symbol_table = [&] {
    return static_cast<std::uint32_t>(
        sections_.size() + static_cast<std::size_t>(std::count_if(
                               sections_.begin(), sections_.end(),
                               [](const Part& part) { return !part.relocations.empty(); })));
  }();
  const auto raw = [](const void* data, std::size_t size) {
    ByteVector bytes(size);
    if (size != 0) std::memcpy(bytes.data(), data, size);
    return bytes;
  };
  std::vector<std::pair<std::uint32_t, std::uint32_t>> links(parts.size());  // sh_link, sh_info
  for (std::size_t i = 1; i < sections_.size(); i++) {
    const Part& part = sections_[i];
    if (part.relocations.empty()) continue;
    parts.push_back({".rela" + part.name,
                     SHT_RELA,
                     SHF_INFO_LINK,
                     sizeof(Elf64_Rela),
                     raw(part.relocations.data(), part.relocations.size() * sizeof(Elf64_Rela)),
                     {}});
    links.emplace_back(symbol_table, static_cast<std::uint32_t>(i));
  }
  parts.push_back({".symtab",
                   SHT_SYMTAB,
                   0,
                   sizeof(Elf64_Sym),
                   raw(symbols_.data(), symbols_.size() * sizeof(Elf64_Sym)),
                   {}});
  links.emplace_back(symbol_table + 1, 1);
  parts.push_back({".strtab", SHT_STRTAB, 0, 0, raw(strings_.data(), strings_.size()), {}});
  links.emplace_back(0, 0);
  std::string names(1, '\0');
  std::vector<std::uint32_t> name_at(parts.size());
  for (std::size_t i = 1; i < parts.size(); i++) {
    name_at[i] = static_cast<std::uint32_t>(names.size());
    names += parts[i].name + '\0';
  }
  name_at.push_back(static_cast<std::uint32_t>(names.size()));
  names += std::string(".shstrtab") + '\0';
  parts.push_back({".shstrtab", SHT_STRTAB, 0, 0, raw(names.data(), names.size()), {}});
  links.emplace_back(0, 0);
  header->e_shstrndx = static_cast<std::uint16_t>(parts.size() - 1);

  for (std::size_t i = 1; i < parts.size(); i++) {
    Elf_Scn* section = elf_newscn(elf);
    Elf_Data* content = elf_newdata(section);
    content->d_buf = parts[i].content.data();
    content->d_size = parts[i].content.size();
    content->d_align = 1;
    content->d_type = ELF_T_BYTE;
    Elf64_Shdr* row = elf64_getshdr(section);
    row->sh_name = name_at[i];
    row->sh_type = parts[i].type;
    row->sh_flags = parts[i].flags;
    row->sh_addralign = 1;
    row->sh_entsize = parts[i].entsize;
    row->sh_link = links[i].first;
    row->sh_info = links[i].second;
  }
  return written_by(elf, fd);
}

ElfObject ObjectBuilder::build() const {
  auto object = ElfObject::parse(bytes(), "test.o");
  if (!object) {
    fmt::print(stderr, "object_builder: {}\n", object.error().message);
    std::abort();
  }
  return std::move(*object);
}

namespace {

// libelf puts the section headers where the ELF header says.
std::size_t header_at(const ByteVector& file, std::size_t index) {
  Elf64_Ehdr header;
  std::memcpy(&header, file.data(), sizeof header);
  return header.e_shoff + index * sizeof(Elf64_Shdr);
}

}  // namespace

void change_section(ByteVector& file, std::size_t index,
                    const std::function<void(Elf64_Shdr&)>& change) {
  Elf64_Shdr row;
  std::memcpy(&row, file.data() + header_at(file, index), sizeof row);
  change(row);
  std::memcpy(file.data() + header_at(file, index), &row, sizeof row);
}

std::size_t section_of_type(const ByteVector& file, std::uint32_t type) {
  Elf64_Ehdr header;
  std::memcpy(&header, file.data(), sizeof header);
  for (std::size_t i = 1; i < header.e_shnum; i++) {
    Elf64_Shdr row;
    std::memcpy(&row, file.data() + header_at(file, i), sizeof row);
    if (row.sh_type == type) return i;
  }
  std::abort();
}

}  // namespace splicer
