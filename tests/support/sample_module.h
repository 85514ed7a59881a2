// SPDX-License-Identifier: GPL-2.0-or-later
//
// A relocatable object shaped like new/TARGET.ko, built in memory: .text with two functions, the
// two sections that hold the module's name, and a symbol table.
#pragma once

#include <elf.h>
#include <gelf.h>
#include <libelf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include "runtime/package/manifest.h"

namespace splicer {

struct SampleSymbol {
  std::string name;
  std::uint16_t section;  // 0 undefined, else the index below
  std::uint64_t value = 0;
  std::uint8_t bind = STB_GLOBAL;
  std::uint64_t size = 8;  // of a function
};

inline constexpr std::uint16_t kTextSection = 1;

struct SampleModule {
  std::string this_module =
      std::string(24, '\0') + update_module_name(kIdPlaceholder, 0) + std::string(40, '\0');
  std::string modinfo = std::string("license=GPL\0name=", 17) +
                        update_module_name(kIdPlaceholder, 0) + std::string("\0vermagic=x\0", 12);
  std::string text = std::string(24, '\xcc');
  std::vector<SampleSymbol> symbols{{"check_limit", kTextSection, 16},
                                    {"copy_process", kTextSection, 0, STB_GLOBAL, 16},
                                    {"free_task", 0},
                                    {"nr_threads", 0},
                                    {"_printk", 0}};
  std::vector<Elf64_Rela> relocations;  // of .text

  std::vector<std::uint8_t> bytes() const {
    elf_version(EV_CURRENT);
    const int fd = memfd_create("module", MFD_CLOEXEC);
    Elf* elf = elf_begin(fd, ELF_C_WRITE, nullptr);
    Elf64_Ehdr* header = elf64_newehdr(elf);
    header->e_ident[EI_DATA] = ELFDATA2LSB;
    header->e_type = ET_REL;
    header->e_machine = EM_X86_64;
    header->e_version = EV_CURRENT;

    std::string names(1, '\0');
    const auto add = [&](const char* name, std::uint32_t type, std::uint64_t flags, void* data,
                         std::size_t size) {
      Elf_Scn* section = elf_newscn(elf);
      Elf_Data* content = elf_newdata(section);
      content->d_buf = data;
      content->d_size = size;
      content->d_align = 8;
      content->d_type = ELF_T_BYTE;
      Elf64_Shdr* row = elf64_getshdr(section);
      row->sh_name = static_cast<Elf64_Word>(names.size());
      row->sh_type = type;
      row->sh_flags = flags;
      row->sh_addralign = 8;
      names += std::string(name) + '\0';
      return row;
    };
    std::string code = text;
    std::string module = this_module;
    std::string information = modinfo;
    add(".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, code.data(), code.size());
    add(".gnu.linkonce.this_module", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, module.data(),
        module.size());
    add(".modinfo", SHT_PROGBITS, SHF_ALLOC, information.data(), information.size());

    std::string strings(1, '\0');
    std::vector<Elf64_Sym> table(1);
    std::uint32_t locals = 1;
    for (const SampleSymbol& symbol : symbols) {
      Elf64_Sym row{};
      row.st_name = static_cast<Elf64_Word>(strings.size());
      row.st_info = static_cast<std::uint8_t>(
          ELF64_ST_INFO(symbol.bind, symbol.section != 0 ? STT_FUNC : STT_NOTYPE));
      row.st_shndx = symbol.section;
      row.st_value = symbol.value;
      row.st_size = symbol.section != 0 ? symbol.size : 0;
      if (symbol.bind == STB_LOCAL) locals++;
      strings += symbol.name + '\0';
      table.push_back(row);
    }
    Elf64_Shdr* symtab =
        add(".symtab", SHT_SYMTAB, 0, table.data(), table.size() * sizeof(Elf64_Sym));
    symtab->sh_entsize = sizeof(Elf64_Sym);
    symtab->sh_link = 5;
    symtab->sh_info = locals;
    add(".strtab", SHT_STRTAB, 0, strings.data(), strings.size());
    std::vector<Elf64_Rela> fields = relocations;
    if (!fields.empty()) {
      Elf64_Shdr* rela =
          add(".rela.text", SHT_RELA, 0, fields.data(), fields.size() * sizeof(Elf64_Rela));
      rela->sh_entsize = sizeof(Elf64_Rela);
      rela->sh_link = 4;
      rela->sh_info = kTextSection;
    }
    names += std::string(".shstrtab") + '\0';
    std::string copy = names;
    Elf64_Shdr* last = add("", SHT_STRTAB, 0, copy.data(), copy.size());
    last->sh_name = static_cast<Elf64_Word>(copy.size() - 10);
    header->e_shstrndx = fields.empty() ? 6 : 7;
    elf_update(elf, ELF_C_WRITE);
    elf_end(elf);

    std::vector<std::uint8_t> file(static_cast<std::size_t>(lseek(fd, 0, SEEK_END)));
    if (pread(fd, file.data(), file.size(), 0) != static_cast<ssize_t>(file.size())) file.clear();
    close(fd);
    return file;
  }
};

}  // namespace splicer
