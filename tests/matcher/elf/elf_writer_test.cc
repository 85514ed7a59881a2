// SPDX-License-Identifier: GPL-2.0-or-later
//
// What is written is what is read back.
#include "matcher/elf/elf_writer.h"

#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/defined_symbol.h"
#include "tests/support/livepatch_file.h"

namespace splicer {
namespace {

constexpr std::uint64_t kCode = SHF_ALLOC | SHF_EXECINSTR;
constexpr std::uint64_t kData = SHF_ALLOC | SHF_WRITE;

ElfWriter example() {
  ElfWriter out;
  const std::vector<std::uint8_t> call = {0xe8, 0, 0, 0, 0, 0xc3};
  const auto text = out.section(".text", SHT_PROGBITS, kCode);
  const auto data = out.section(".data", SHT_PROGBITS, kData);
  const auto first = out.append(text, call, 16);
  const auto second = out.append(text, call, 16);
  out.reserve(data, 24, 8);
  out.define("global", text, first, 6, STB_GLOBAL, STT_FUNC);
  out.define("local", text, second, 6, STB_LOCAL, STT_FUNC);
  out.relocate(text, second + 1, out.undefined("printk"), R_X86_64_PLT32, -4);
  out.relocate(text, first + 1, out.section_symbol(data), R_X86_64_PC32, 12);
  out.relocate(data, 16, out.undefined("printk"), R_X86_64_64, 0);
  return out;
}

ElfObject read_back(const ElfWriter& out) {
  auto bytes = out.finish();
  EXPECT_TRUE(bytes);
  auto object = ElfObject::parse(*bytes, "written.o");
  EXPECT_TRUE(object) << object.error().message;
  return std::move(*object);
}

TEST(ElfWriter, Example) {
  const std::vector<std::uint8_t> bytes = {0xe8, 0, 0, 0, 0, 0xc3};
  // [example matcher/elf/elf_writer.h]
  ElfWriter out;
  auto text = out.section(".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR);
  auto at = out.append(text, bytes, 16);
  auto callee = out.undefined("printk");
  out.relocate(text, at + 1, callee, R_X86_64_PLT32, -4);
  auto file = out.finish();
  // [end]
  ASSERT_TRUE(file);
  const auto object = ElfObject::parse(*file, "written.o");
  ASSERT_TRUE(object) << object.error().message;
  EXPECT_EQ(object->find_section(".text")->relocations.size(), 1u);
}

TEST(ElfWriter, ReadBack) {
  const ElfObject object = read_back(example());
  const Section* text = object.find_section(".text");
  ASSERT_NE(text, nullptr);
  EXPECT_TRUE(text->is_code());
  EXPECT_EQ(text->align, 16u);
  EXPECT_EQ(text->size, 22u);
  EXPECT_EQ(text->bytes[6], 0xcc) << "padding traps";
  EXPECT_EQ(text->bytes[16], 0xe8);
  ASSERT_EQ(text->relocations.size(), 2u);
  EXPECT_EQ(text->relocations[0].offset, 1u) << "in the order of offsets";
  EXPECT_EQ(text->relocations[0].addend, 12);
  EXPECT_TRUE(object.symbol(text->relocations[0].symbol).is_section());
  EXPECT_EQ(object.symbol(text->relocations[1].symbol).name, "printk");
  EXPECT_EQ(text->relocations[1].type, static_cast<std::uint32_t>(R_X86_64_PLT32));
  const Section* data = object.find_section(".data");
  EXPECT_EQ(data->size, 24u);
  ASSERT_EQ(data->relocations.size(), 1u);
  EXPECT_EQ(data->relocations[0].symbol, text->relocations[1].symbol) << "one undefined symbol";
  const Symbol* local = defined_symbol(object, "local");
  ASSERT_NE(local, nullptr);
  EXPECT_EQ(local->value, 16u);
  EXPECT_EQ(local->size, 6u);
  EXPECT_TRUE(local->is_function());
  EXPECT_TRUE(object.symbol(data->relocations[0].symbol).undefined());
}

TEST(ElfWriter, LocalSymbolsComeFirst) {
  const ElfObject object = read_back(example());
  bool global = false;
  for (const Symbol& symbol : object.symbols()) {
    EXPECT_FALSE(global && symbol.is_local()) << symbol.name;
    global = global || !symbol.is_local();
  }
  for (const Section& section : object.sections())
    if (section.type == SHT_SYMTAB) {
      EXPECT_EQ(section.info, defined_symbol(object, "global")->index);
    }
}

TEST(ElfWriter, TheSameCallsGiveTheSameBytes) {
  EXPECT_EQ(*example().finish(), *example().finish());
}

TEST(ElfWriter, SectionsAreMadeOnce) {
  ElfWriter out;
  EXPECT_EQ(out.section(".text", SHT_PROGBITS, kCode), out.section(".text", SHT_PROGBITS, kCode));
  EXPECT_NE(out.section(".text", SHT_PROGBITS, kCode), out.section(".data", SHT_PROGBITS, kData));
  EXPECT_EQ(out.name(0), ".text");
}

TEST(ElfWriter, ZerosWithoutContent) {
  ElfWriter out;
  const auto zeros = out.section(".bss", SHT_NOBITS, kData);
  EXPECT_EQ(out.reserve(zeros, 100, 1), 0u);
  EXPECT_EQ(out.reserve(zeros, 8, 64), 128u);
  EXPECT_EQ(out.size(zeros), 136u);
  const ElfObject object = read_back(out);
  EXPECT_TRUE(object.find_section(".bss")->is_nobits());
  EXPECT_EQ(object.find_section(".bss")->size, 136u);
}

TEST(ElfWriter, ContentAfterZeros) {
  ElfWriter out;
  const auto section = out.section(".data", SHT_NOBITS, kData);
  out.reserve(section, 3, 1);
  const std::vector<std::uint8_t> content = {7};
  EXPECT_EQ(out.append(section, content, 4), 4u);
  const ElfObject object = read_back(out);
  const Bytes bytes = object.find_section(".data")->bytes;
  EXPECT_THAT(std::vector<std::uint8_t>(bytes.begin(), bytes.end()),
              ::testing::ElementsAre(0, 0, 0, 0, 7));
}

// Relocations that the kernel's livepatch makes (Documentation/livepatch/module-elf-format.rst).
class LivepatchRelocations : public ::testing::Test {
 protected:
  LivepatchRelocations() {
    const auto key = out.reserved(".klp.sym.vmlinux.key,0", kLivepatchIndex, 0);
    const auto flow = out.reserved(".klp.sym.tun.tun_flow_create,2", kLivepatchIndex, 0);
    out.append(text, std::vector<std::uint8_t>(32, 0x90), 16);
    out.append(data, std::vector<std::uint8_t>(8, 0), 8);
    out.relocate(text, 17, flow, R_X86_64_PLT32, -4, "tun");
    out.relocate(text, 9, key, R_X86_64_PC32, -4, "vmlinux");
    out.relocate(text, 25, out.undefined("printk"), R_X86_64_PLT32, -4);
    out.relocate(text, 1, key, R_X86_64_PC32, 8, "vmlinux");
    out.relocate(data, 0, out.section_symbol(text), R_X86_64_64, 3);
  }
  ElfWriter out;
  ElfWriter::SectionId text = out.section(".text", SHT_PROGBITS, kCode);
  ElfWriter::SectionId data = out.section(".data", SHT_PROGBITS, kData);
};

LivepatchFile late_read_back(const ElfWriter& out) {
  const auto bytes = out.finish();
  EXPECT_TRUE(bytes);
  return read_livepatch(*bytes);
}

TEST_F(LivepatchRelocations, StandApartByObject) {
  const ElfObject object = late_read_back(out).object;
  const std::uint32_t into = object.find_section(".text")->index;
  const auto size_of = [&](const char* name, std::uint64_t flags) -> std::uint64_t {
    const Section* section = object.find_section(name);
    if (section == nullptr) return 0;
    EXPECT_EQ(section->type, static_cast<std::uint32_t>(SHT_RELA));
    EXPECT_EQ(section->flags, flags) << name;
    EXPECT_EQ(section->info, into) << name;
    EXPECT_EQ(object.section(section->link).type, static_cast<std::uint32_t>(SHT_SYMTAB));
    return section->size;
  };
  // The loader applies what has not this flag, and only keeps what has SHF_ALLOC.
  constexpr std::uint64_t kLate = SHF_ALLOC | SHF_INFO_LINK | kLivepatchRelocations;
  EXPECT_EQ(size_of(".rela.text", SHF_INFO_LINK), sizeof(Elf64_Rela));
  EXPECT_EQ(size_of(".klp.rela.vmlinux..text", kLate), 2 * sizeof(Elf64_Rela));
  EXPECT_EQ(size_of(".klp.rela.tun..text", kLate), sizeof(Elf64_Rela));
  EXPECT_EQ(object.find_section(".klp.rela.tun..data"), nullptr) << "nobody asked for it";
}

// What stands behind three sections of relocations still has its own, and its number.
TEST_F(LivepatchRelocations, LaterSectionsHaveTheirNumbers) {
  const auto last = out.section(".bss", SHT_NOBITS, kData);
  out.define("late", last, out.reserve(last, 4, 4), 4, STB_LOCAL, STT_OBJECT);
  const ElfObject object = late_read_back(out).object;
  const Section* behind = object.find_section(".data");
  ASSERT_EQ(behind->relocations.size(), 1u);
  EXPECT_EQ(behind->relocations[0].addend, 3);
  EXPECT_EQ(object.symbol(behind->relocations[0].symbol).name, ".text");
  EXPECT_EQ(object.find_section(".rela.data")->info, behind->index);
  ASSERT_NE(defined_symbol(object, "late"), nullptr);
  EXPECT_EQ(defined_symbol(object, "late")->section, object.find_section(".bss")->index);
}

TEST_F(LivepatchRelocations, InTheOrderOfOffsets) {
  EXPECT_THAT(late_read_back(out).references(".text"),
              ::testing::ElementsAre("25 4 printk -4", "17 4 .klp.sym.tun.tun_flow_create,2 -4 tun",
                                     "1 2 .klp.sym.vmlinux.key,0 8 vmlinux",
                                     "9 2 .klp.sym.vmlinux.key,0 -4 vmlinux"));
}

TEST_F(LivepatchRelocations, SymbolsOfNoSection) {
  out.relocate(data, 0, out.reserved("shift", SHN_ABS, 21), R_X86_64_64, 0);
  const LivepatchFile file = late_read_back(out);
  EXPECT_THAT(file.late,
              ::testing::ElementsAre(".klp.sym.tun.tun_flow_create,2", ".klp.sym.vmlinux.key,0"));
  const auto named = [&](const char* name) {
    std::vector<const Symbol*> found;
    for (const Symbol& symbol : file.object.symbols())
      if (symbol.name == name) found.push_back(&symbol);
    return found;
  };
  EXPECT_EQ(named(".klp.sym.vmlinux.key,0").size(), 1u) << "used twice, and one symbol";
  ASSERT_EQ(named("shift").size(), 1u);
  EXPECT_EQ(named("shift")[0]->absolute, RunAddress(21));
  ASSERT_EQ(named("printk").size(), 1u);
  EXPECT_TRUE(named("printk")[0]->undefined());
}

TEST_F(LivepatchRelocations, TheExampleOfTheHeader) {
  const std::uint64_t at = 4;
  auto key = out.reserved(".klp.sym.vmlinux.memcg_sockets_enabled_key,0", kLivepatchIndex, 0);
  out.relocate(text, at, key, R_X86_64_PC32, -4, "vmlinux");  // in .klp.rela.vmlinux..text
  EXPECT_THAT(late_read_back(out).references(".text"),
              ::testing::Contains("4 2 .klp.sym.vmlinux.memcg_sockets_enabled_key,0 -4 vmlinux"));
}

TEST(ElfWriter, OverwritesWhatWasAppended) {
  ElfWriter out;
  const auto data = out.section(".data", SHT_PROGBITS, kData);
  out.append(data, std::vector<std::uint8_t>{1, 2, 3, 4, 5}, 1);
  out.overwrite(data, 1, std::vector<std::uint8_t>{7, 8});
  out.overwrite(data, 4, std::vector<std::uint8_t>{9});
  EXPECT_EQ(out.size(data), 5u);
  const ElfObject object = read_back(out);
  const Bytes bytes = object.find_section(".data")->bytes;
  EXPECT_THAT(std::vector<std::uint8_t>(bytes.begin(), bytes.end()),
              ::testing::ElementsAre(1, 7, 8, 4, 9));
}

TEST(ElfWriter, Nothing) { EXPECT_EQ(read_back(ElfWriter()).symbols().size(), 1u); }

}  // namespace
}  // namespace splicer
