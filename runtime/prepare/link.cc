// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/prepare/link.h"

#include <elf.h>
#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <string_view>

#include "matcher/base/wording.h"
#include "matcher/elf/elf_object.h"
#include "matcher/elf/kernel_sections.h"
#include "runtime/prepare/module_edit.h"

namespace splicer {

namespace {

Failure refuse(const char* code, std::string message, const std::string& member) {
  return fail(ExitCode::bad_package, code, std::move(message))
      .at_file(member)
      .hint("make the package again with splice-create");
}

// Runtime constants of one byte. The kernel's loader has no such relocation
// (__apply_relocate_add() in arch/x86/kernel/module.c), so the byte is written here and the
// relocation becomes R_X86_64_NONE.
Result<void> write_constants(std::vector<std::uint8_t>& file, const ElfObject& object,
                             const RuntimeConstants& constants) {
  return edit_relocations(
      file, object, [&](const Section& section, Elf64_Rela& relocation) -> Result<void> {
        if (ELF64_R_TYPE(relocation.r_info) != R_X86_64_8) return {};
        const Symbol& symbol =
            object.symbol(static_cast<std::uint32_t>(ELF64_R_SYM(relocation.r_info)));
        const auto value = constants.find(symbol.name);
        if (value == constants.end() || constant_width(symbol.name) != 1 || section.bytes.empty())
          return refuse("link-constant",
                        fmt::format("the byte at {}+{:#x} is not a runtime constant of the kernel",
                                    section.name, relocation.r_offset),
                        object.name());
        file[file_offset(object, section) + relocation.r_offset] =
            static_cast<std::uint8_t>(value->second);
        relocation.r_info = ELF64_R_INFO(0, R_X86_64_NONE);
        return {};
      });
}

Result<void> write_values(std::vector<std::uint8_t>& file, const ElfObject& object,
                          const Addresses& addresses, const RuntimeConstants& constants) {
  const auto table = std::find_if(object.sections().begin(), object.sections().end(),
                                  [](const Section& s) { return s.type == SHT_SYMTAB; });
  if (table == object.sections().end())
    return refuse("link-symbol", "the new module has no symbol table", object.name());
  std::map<std::string, std::uint64_t> left = constants;
  for (const auto& [name, address] : addresses) left.emplace(name, address.value());
  for (const Symbol& symbol : object.symbols()) {
    if (!symbol.undefined() || symbol.name.empty()) continue;
    const auto value = left.find(symbol.name);
    if (value == left.end()) continue;
    const std::size_t entry = symbol.index * sizeof(Elf64_Sym);
    Elf64_Sym raw;
    if (entry > table->bytes.size() || table->bytes.size() - entry < sizeof raw)
      return refuse("link-symbol", "the new module's symbol table is cut short", object.name());
    std::uint8_t* place = file.data() + file_offset(object, *table) + entry;
    std::memcpy(&raw, place, sizeof raw);
    raw.st_shndx = SHN_ABS;
    raw.st_value = value->second;
    std::memcpy(place, &raw, sizeof raw);
    left.erase(value);
  }
  if (!left.empty()) {
    return refuse(
        "link-symbol",
        fmt::format("the manifest lists symbol {}, which is not undefined in the new module",
                    left.begin()->first),
        object.name());
  }
  return {};
}

// Writes the module's true name over the one with the placeholder, once in each section that the
// kernel reads it from: struct module's name[], and "name=" of the module's information.
Result<void> write_name(std::vector<std::uint8_t>& file, const ElfObject& object,
                        const Manifest& manifest, std::size_t index) {
  const std::string made = update_module_name(kIdPlaceholder, index) + '\0';
  const std::string name = update_module_name(manifest.id, index) + '\0';
  if (made.size() != name.size())
    return refuse("link-name", "the update's id is not as long as its place in the new module",
                  object.name());
  for (const char* section_name : {".gnu.linkonce.this_module", ".modinfo"}) {
    const Section* section = object.find_section(section_name);
    const Bytes bytes = section != nullptr ? section->bytes : Bytes();
    const auto found = std::search(bytes.begin(), bytes.end(), made.begin(), made.end());
    if (found == bytes.end() ||
        std::search(found + 1, bytes.end(), made.begin(), made.end()) != bytes.end()) {
      return refuse("link-name",
                    fmt::format("the name {} does not appear exactly once in {} of the new module",
                                made.c_str(), section_name),
                    object.name());
    }
    const auto offset =
        file_offset(object, *section) + static_cast<std::size_t>(found - bytes.begin());
    std::memcpy(file.data() + offset, name.data(), name.size());
  }
  return {};
}

// The new functions are where the manifest says: jumps will lead there, and calls to hooks.
Result<void> check_functions(const ElfObject& object, const PackageTarget& target) {
  for (const PackageFunction& function : target.functions) {
    if (function.kind == "checked") continue;
    const Section* section = object.find_section(function.section);
    if (section == nullptr || !section->is_code() || function.offset > section->size ||
        function.size > section->size - function.offset) {
      return fail(ExitCode::bad_package, "link-function",
                  fmt::format("section {} of the new module does not hold {} at {:#x}",
                              function.section, counted(function.size, "byte"), function.offset))
          .at_file(object.name())
          .in_function(function.name)
          .hint("make the package again with splice-create");
    }
  }
  for (const PackageHook& hook : target.hooks) {
    const Section* section = object.find_section(hook.section);
    if (section == nullptr || !section->is_code() || hook.offset >= section->size) {
      return fail(ExitCode::bad_package, "link-function",
                  fmt::format("section {} of the new module has no hook at {:#x}", hook.section,
                              hook.offset))
          .at_file(object.name())
          .in_function(hook.name)
          .hint("make the package again with splice-create");
    }
  }
  return {};
}

}  // namespace

Result<std::vector<std::uint8_t>> link_module(std::vector<std::uint8_t> module,
                                              const Manifest& manifest, std::size_t index,
                                              const Addresses& addresses,
                                              const RuntimeConstants& constants) {
  const PackageTarget& target = manifest.targets[index];
  std::vector<std::uint8_t> linked = module;
  auto object = ElfObject::parse(std::move(module), target.new_member);
  if (!object) {
    object.error().exit = ExitCode::bad_package;
    return propagate(object);
  }
  if (auto good = check_functions(*object, target); !good) return propagate(good);
  if (auto good = write_values(linked, *object, addresses, constants); !good)
    return propagate(good);
  if (auto good = write_constants(linked, *object, constants); !good) return propagate(good);
  if (auto good = write_name(linked, *object, manifest, index); !good) return propagate(good);
  return linked;
}

}  // namespace splicer
