// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/prepare/sealed_keys.h"

#include <elf.h>
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <set>
#include <string>

#include "matcher/base/address.h"
#include "matcher/base/bytes.h"
#include "matcher/elf/elf_object.h"
#include "matcher/elf/nops.h"
#include "runtime/prepare/module_edit.h"

namespace splicer {

namespace {

// struct jump_entry (include/linux/jump_label.h) with relative references: s32 code, s32 target,
// s64 key, whose lowest bit says which way the branch goes.
constexpr std::uint64_t kEntrySize = 16;
constexpr std::uint64_t kTargetField = 4;
constexpr std::uint64_t kKeyField = 8;

struct CodePlace {
  std::uint32_t section = 0;
  SectionOffset offset;
};

class SealedKeys {
 public:
  SealedKeys(const ElfObject& object, std::vector<std::uint8_t>& file, const Addresses& addresses,
             const Image& image)
      : object_(object), file_(file), addresses_(addresses), image_(image) {}

  Result<void> run() {
    if (const Section* calls = object_.find_section(".static_call_sites"); calls != nullptr)
      if (auto good = check_static_calls(*calls); !good) return good;
    const Section* table = object_.find_section("__jump_table");
    if (table == nullptr || table->size == 0) return {};
    if (table->size % kEntrySize != 0 || table->bytes.empty())
      return refuse(*table, 0, "the table of static keys does not divide into entries");
    std::set<std::uint64_t> decided;  // offsets of entries
    for (std::uint64_t entry = 0; entry < table->size; entry += kEntrySize) {
      auto done = decide(*table, entry);
      if (!done) return propagate(done);
      if (*done) decided.insert(entry);
    }
    if (decided.empty()) return {};
    return remove_entries(*table, decided);
  }

 private:
  Failure refuse(const Section& table, std::uint64_t entry, std::string what) const {
    return fail(ExitCode::unsafe, "sealed-key",
                fmt::format("{}+{:#x}: {}", table.name, entry, std::move(what)))
        .at_file(object_.name())
        .hint("reboot into a fixed kernel; this code cannot be brought in while this one runs");
  }

  const Relocation* relocation_at(const Section& section, SectionOffset offset) const {
    const auto found = object_.relocations_in(section.index, offset, offset + 1);
    return found.empty() ? nullptr : &found.front();
  }

  // What a relative reference of the table means in the module itself.
  std::optional<CodePlace> inside(const Section& table, SectionOffset offset) const {
    const Relocation* relocation = relocation_at(table, offset);
    if (relocation == nullptr) return std::nullopt;
    const Symbol& symbol = object_.symbol(relocation->symbol);
    if (!symbol.defined()) return std::nullopt;
    return CodePlace{symbol.section, symbol.value + static_cast<std::uint64_t>(relocation->addend)};
  }

  // Where the symbol is in the kernel, if it is sealed there: what is exported has several candidates
  // at worst, and one that is sealed is enough to ask.
  Result<std::optional<RunAddress>> sealed(const Relocation& relocation,
                                           std::int64_t addend) const {
    const Symbol& symbol = object_.symbol(relocation.symbol);
    if (symbol.defined()) return std::optional<RunAddress>();
    std::set<RunAddress> places;
    if (const auto known = addresses_.find(symbol.name); known != addresses_.end()) {
      places.insert(known->second);
    } else {
      for (const KernelSymbol* candidate : image_.symbols().find_anywhere(symbol.name))
        places.insert(candidate->address);
    }
    for (const RunAddress place : places) {
      const RunAddress address = place + static_cast<std::uint64_t>(addend);
      auto is = is_sealed(address);
      if (!is) return propagate(is);
      if (!*is) continue;
      if (places.size() != 1)
        return fail(ExitCode::unsafe, "sealed-key",
                    fmt::format("the kernel has {} symbols {}, and one of them is read-only",
                                places.size(), symbol.name))
            .at_file(object_.name())
            .hint("reboot into a fixed kernel");
      return std::optional(address);
    }
    return std::optional<RunAddress>();
  }

  // mark_rodata_ro() (arch/x86/mm/init_64.c) for the kernel, module_enable_ro() for modules.
  Result<bool> is_sealed(RunAddress address) const {
    const SymbolTable& symbols = image_.symbols();
    const KernelSymbol* owner = symbols.nearest(address);
    if (owner != nullptr && owner->module != "vmlinux") {
      const auto sections = image_.sections(owner->module);
      const auto range = sections.find(".data..ro_after_init");
      return range != sections.end() && range->second.contains(address);
    }
    const auto begin = symbols.find("vmlinux", "__start_ro_after_init");
    const auto end = symbols.find("vmlinux", "__end_ro_after_init");
    if (begin.size() != 1 || end.size() != 1)
      return fail(ExitCode::mismatch, "symbol-unknown",
                  "the kernel's symbol table does not say which of its data is read-only "
                  "(__start_ro_after_init)")
          .at_file(object_.name())
          .hint("use a kernel with CONFIG_KALLSYMS_ALL");
    return begin.front()->address <= address && address < end.front()->address;
  }

  // __static_call_init() (kernel/static_call_inline.c) writes to the keys of a module's sites.
  Result<void> check_static_calls(const Section& table) const {
    for (const Relocation& relocation : table.relocations) {
      if (relocation.offset.value() % 8 != 4) continue;  // s32 addr, s32 key
      auto key = sealed(relocation, relocation.addend & ~std::int64_t{3});
      if (!key) return propagate(key);
      if (*key)
        return refuse(table, relocation.offset.value(),
                      fmt::format("the static call {} can no longer be written to",
                                  object_.symbol(relocation.symbol).name));
    }
    return {};
  }

  // Writes the branch of one entry if its key is sealed; whether it was.
  Result<bool> decide(const Section& table, std::uint64_t entry) {
    const Relocation* key = relocation_at(table, SectionOffset(entry + kKeyField));
    if (key == nullptr) return refuse(table, entry, "the entry names no key");
    auto address = sealed(*key, key->addend & ~std::int64_t{3});
    if (!address) return propagate(address);
    if (!*address) return false;
    const auto site = inside(table, SectionOffset(entry));
    const auto target = inside(table, SectionOffset(entry + kTargetField));
    if (!site || !target) return refuse(table, entry, "the entry is about no code of the module");
    std::array<std::uint8_t, 4> enabled{};  // static_key_count(): 1 as well while it is switched on
    if (auto read = image_.read(**address, enabled); !read) return propagate(read);
    const bool on = std::ranges::any_of(enabled, [](std::uint8_t byte) { return byte != 0; });
    const bool branch = (key->addend & 1) != 0;
    if (auto written = write_branch(table, entry, *site, *target, on != branch); !written)
      return propagate(written);
    return true;
  }

  Result<void> write_branch(const Section& table, std::uint64_t entry, const CodePlace& site,
                            const CodePlace& target, bool jump) {
    const Section& code = object_.section(site.section);
    const std::uint64_t at = site.offset.value();
    const auto opcode = load<std::uint8_t>(code.bytes, at);
    if (!opcode) return refuse(table, entry, "the entry is about no code of the module");
    const bool is_jump = *opcode == 0xe9 || *opcode == 0xeb;
    const std::size_t length = *opcode == 0xe9 || *opcode == 0x0f ? 5 : 2;
    const Bytes is = at + length <= code.size
                         ? code.bytes.subspan(static_cast<std::size_t>(at), length)
                         : Bytes();
    const std::vector<std::uint8_t> nop = kernel_nops(length);
    if (is.empty() || (!is_jump && !std::ranges::equal(is, nop)))
      return refuse(table, entry, "the code has neither a jump nor a nop there");
    if (is_jump == jump) return {};
    std::uint8_t* place = file_.data() + file_offset(object_, code) + at;
    if (!jump) {
      if (auto gone = drop_relocations(code, at, at + length); !gone) return gone;
      std::ranges::copy(nop, place);
      return {};
    }
    const auto distance =
        static_cast<std::int64_t>(target.offset.value()) - static_cast<std::int64_t>(at + length);
    const std::int64_t most = length == 5 ? INT32_MAX : INT8_MAX;
    if (target.section != site.section || distance > most || distance < -most - 1)
      return refuse(table, entry, "its jump leads to another section of the module");
    place[0] = length == 5 ? 0xe9 : 0xeb;
    std::memcpy(place + 1, &distance, length - 1);
    return {};
  }

  // Calls edit(Elf64_Rela&) for each relocation of a section, in the file.
  template <typename Edit>
  Result<void> edit_those_of(const Section& wanted, const Edit& edit) {
    return edit_relocations(file_, object_,
                            [&](const Section& section, Elf64_Rela& relocation) -> Result<void> {
                              if (section.index == wanted.index) edit(relocation);
                              return {};
                            });
  }
  static void make_none(Elf64_Rela& relocation) {
    relocation = {0, ELF64_R_INFO(0, R_X86_64_NONE), 0};
  }
  Result<void> drop_relocations(const Section& section, std::uint64_t begin, std::uint64_t end) {
    return edit_those_of(section, [&](Elf64_Rela& relocation) {
      if (relocation.r_offset >= begin && relocation.r_offset < end) make_none(relocation);
    });
  }

  // The entries that stay move together, and the table's size says how many there are
  // (find_module_sections() in kernel/module/main.c).
  Result<void> remove_entries(const Section& table, const std::set<std::uint64_t>& removed) {
    auto edited = edit_those_of(table, [&](Elf64_Rela& relocation) {
      if (ELF64_R_TYPE(relocation.r_info) == R_X86_64_NONE) return;
      const std::uint64_t entry = relocation.r_offset / kEntrySize * kEntrySize;
      if (removed.contains(entry)) {
        make_none(relocation);
      } else {
        relocation.r_offset -= kEntrySize * static_cast<std::uint64_t>(std::distance(
                                                removed.begin(), removed.lower_bound(entry)));
      }
    });
    if (!edited) return edited;
    std::uint8_t* bytes = file_.data() + file_offset(object_, table);
    std::uint64_t size = 0;
    for (std::uint64_t entry = 0; entry < table.size; entry += kEntrySize) {
      if (removed.contains(entry)) continue;
      std::memmove(bytes + size, bytes + entry, kEntrySize);
      size += kEntrySize;
    }
    const auto header = load<Elf64_Ehdr>(file_, 0);
    const std::uint64_t at = header->e_shoff + table.index * sizeof(Elf64_Shdr);
    auto section = load<Elf64_Shdr>(file_, at);
    if (!section) return refuse(table, 0, "the module has no section headers");
    section->sh_size = size;
    std::memcpy(file_.data() + at, &*section, sizeof *section);
    return {};
  }

  const ElfObject& object_;
  std::vector<std::uint8_t>& file_;
  const Addresses& addresses_;
  const Image& image_;
};

}  // namespace

Result<std::vector<std::uint8_t>> decide_sealed_branches(std::vector<std::uint8_t> module,
                                                         const std::string& name,
                                                         const Addresses& addresses,
                                                         const Image& image) {
  std::vector<std::uint8_t> decided = module;
  auto object = ElfObject::parse(std::move(module), name);
  if (!object) {
    object.error().exit = ExitCode::bad_package;
    return propagate(object);
  }
  if (auto done = SealedKeys(*object, decided, addresses, image).run(); !done)
    return propagate(done);
  return decided;
}

}  // namespace splicer
