// SPDX-License-Identifier: GPL-2.0-or-later
//
// What is written is what is read back.
#include "matcher/elf/elf_writer.h"

#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/defined_symbol.h"

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

TEST(ElfWriter, Nothing) { EXPECT_EQ(read_back(ElfWriter()).symbols().size(), 1u); }

}  // namespace
}  // namespace splicer
