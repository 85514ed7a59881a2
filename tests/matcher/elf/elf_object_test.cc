// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/elf/elf_object.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <limits>
#include <map>
#include <string>

#include "tests/support/defined_symbol.h"
#include "tests/support/object_builder.h"
#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

// A small object with a bit of everything: code that calls out, data, zeros, a site table.
ObjectBuilder sample() {
  ObjectBuilder builder;
  const auto code = builder.function("caller", hex("e8 00000000 c3 90 90"));
  builder.relocate(code, 1, builder.undefined("callee"), R_X86_64_PLT32, -4);
  const auto data = builder.section(".data.limit", ObjectBuilder::kData, le64(7));
  builder.symbol("limit", data, 0, 8, STB_LOCAL, STT_OBJECT);
  builder.symbol("fixed", SHN_ABS, 42, 0, STB_GLOBAL, STT_NOTYPE);
  builder.symbol("shared", SHN_COMMON, 8, 8, STB_GLOBAL, STT_OBJECT);
  builder.ftrace(code, 0);
  return builder;
}

std::string refusal(const ByteVector& file) {
  const auto object = ElfObject::parse(file, "test.o");
  if (object) return "accepted";
  EXPECT_EQ(object.error().code, "elf-malformed");
  EXPECT_EQ(object.error().file, "test.o");
  EXPECT_FALSE(object.error().advice.empty());
  return object.error().message;
}

TEST(ElfObject, ModelOfASmallObject) {
  const ElfObject object = sample().build();
  EXPECT_EQ(object.name(), "test.o");
  const Section* code = object.find_section(".text.caller");
  ASSERT_NE(code, nullptr);
  EXPECT_TRUE(code->is_code());
  EXPECT_FALSE(code->is_writable());
  EXPECT_EQ(code->size, 8u);
  ASSERT_EQ(code->relocations.size(), 1u);
  EXPECT_EQ(code->relocations[0].addend, -4);
  const Symbol& callee = object.symbol(code->relocations[0].symbol);
  EXPECT_EQ(callee.name, "callee");
  EXPECT_TRUE(callee.undefined());
  EXPECT_TRUE(object.find_section(".data.limit")->is_writable());
  EXPECT_EQ(object.find_section(".nothing"), nullptr);

  const Symbol* caller = defined_symbol(object, "caller");
  ASSERT_NE(caller, nullptr);
  EXPECT_TRUE(caller->is_function() && caller->defined() && !caller->is_local());
  EXPECT_TRUE(defined_symbol(object, "limit")->is_local());
  EXPECT_EQ(defined_symbol(object, "callee"), nullptr);  // not defined here
  EXPECT_EQ(object.functions_in(code->index).size(), 1u);
}

TEST(ElfObject, AbsoluteAndCommonAreInNoSection) {
  const ElfObject object = sample().build();
  for (const Symbol& symbol : object.symbols()) {
    if (symbol.name != "fixed" && symbol.name != "shared") continue;
    EXPECT_FALSE(symbol.defined());
    EXPECT_FALSE(symbol.undefined());
    EXPECT_EQ(symbol.absolute.has_value(), symbol.name == "fixed");
    EXPECT_EQ(symbol.common, symbol.name == "shared");
  }
}

TEST(ElfObject, SectionSymbolsHaveTheSectionsName) {
  ObjectBuilder builder = sample();
  const ElfObject object = builder.build();
  const Section* list = object.find_section("__mcount_loc");
  ASSERT_EQ(list->relocations.size(), 1u);
  EXPECT_EQ(object.symbol(list->relocations[0].symbol).name, ".text.caller");
}

TEST(ElfObject, RelocationsAreSortedAndFoundByRange) {
  ObjectBuilder builder;
  const auto data = builder.section(".data", ObjectBuilder::kData, ByteVector(32));
  const auto symbol = builder.undefined("x");
  for (const std::uint64_t offset : {24, 0, 16, 8})
    builder.relocate(data, offset, symbol, R_X86_64_64, 0);
  const ElfObject object = builder.build();
  const auto& all = object.section(data).relocations;
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end(),
                             [](const auto& a, const auto& b) { return a.offset < b.offset; }));
  const auto some = object.relocations_in(data, SectionOffset(8), SectionOffset(24));
  ASSERT_EQ(some.size(), 2u);
  EXPECT_EQ(some[0].offset, 8u);
  EXPECT_EQ(some[1].offset, 16u);
  EXPECT_TRUE(object.relocations_in(data, SectionOffset(25), SectionOffset(32)).empty());
}

TEST(ElfObject, WidthsAndRelativity) {
  EXPECT_EQ(relocation_width(R_X86_64_NONE), 0u);
  EXPECT_EQ(relocation_width(R_X86_64_PC8), 1u);
  EXPECT_EQ(relocation_width(R_X86_64_PC16), 2u);
  EXPECT_EQ(relocation_width(R_X86_64_PLT32), 4u);
  EXPECT_EQ(relocation_width(R_X86_64_64), 8u);
  EXPECT_EQ(relocation_width(R_X86_64_TLSGD), std::nullopt);
  EXPECT_TRUE(relocation_is_pc_relative(R_X86_64_PC32));
  EXPECT_TRUE(relocation_is_pc_relative(R_X86_64_PLT32));
  EXPECT_FALSE(relocation_is_pc_relative(R_X86_64_32S));
}

// Every byte that an object may have lost, and what is left must be refused or be whole in itself:
// libelf puts the section headers last, so no shorter file has them all.
TEST(ElfObject, TruncatedAnywhere) {
  const ByteVector whole = sample().bytes();
  for (std::size_t size = 0; size < whole.size(); size++) {
    const ByteVector part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_NE(refusal(part), "accepted") << "of " << size << " bytes";
  }
}

// Any one byte changed: refused, or a model in which every index is in range.
TEST(ElfObject, OneByteChangedAnywhere) {
  const ByteVector whole = sample().bytes();
  for (std::size_t at = 0; at < whole.size(); at++) {
    for (const int value : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
      ByteVector file = whole;
      file[at] = static_cast<std::uint8_t>(value);
      const auto object = ElfObject::parse(file, "test.o");
      if (!object) continue;
      for (const Symbol& symbol : object->symbols()) {
        ASSERT_LT(symbol.section, object->sections().size());
        if (symbol.defined()) {
          ASSERT_LE(symbol.value, object->section(symbol.section).size);
          ASSERT_LE(symbol.size, object->section(symbol.section).size - symbol.value.value());
        }
      }
      for (const Section& section : object->sections()) {
        ASSERT_TRUE(section.bytes.empty() || section.bytes.size() == section.size);
        for (const Relocation& relocation : section.relocations) {
          ASSERT_LT(relocation.symbol, object->symbols().size());
          ASSERT_LE(relocation.offset + relocation_width(relocation.type).value_or(4),
                    section.bytes.size());
        }
      }
    }
  }
}

TEST(ElfObject, NotARelocatableX86Object) {
  const ByteVector whole = sample().bytes();
  EXPECT_EQ(refusal({}), "not a valid kernel object: no ELF header");
  EXPECT_EQ(refusal(ByteVector(4096)), "not a valid kernel object: no ELF header");
  const auto with = [&](std::size_t at, std::uint8_t value) {
    ByteVector file = whole;
    file[at] = value;
    return refusal(file);
  };
  EXPECT_EQ(with(EI_DATA, ELFDATA2MSB), "not a valid kernel object: not x86-64");
  EXPECT_EQ(with(18, EM_386), "not a valid kernel object: not x86-64");
  EXPECT_EQ(with(16, ET_EXEC), "not a valid kernel object: ELF type 2 is not relocatable");
}

TEST(ElfObject, SectionsOutsideTheFile) {
  const auto with = [](const std::function<void(Elf64_Shdr&)>& change) {
    ByteVector file = sample().bytes();
    change_section(file, 1, change);
    return refusal(file);
  };
  constexpr auto kHuge = std::numeric_limits<std::uint64_t>::max();
  EXPECT_NE(with([](auto& s) { s.sh_offset = 1 << 20; }), "accepted");
  EXPECT_NE(with([](auto& s) { s.sh_offset = kHuge - 3; }), "accepted");  // the sum would wrap
  EXPECT_NE(with([](auto& s) { s.sh_size = kHuge; }), "accepted");
  EXPECT_NE(with([](auto& s) { s.sh_name = 1 << 20; }), "accepted");
  EXPECT_NE(with([](auto& s) {
              s.sh_type = SHT_NOBITS;
              s.sh_size = 1ull << 40;
            }),
            "accepted");
}

// A section without a type has no size either, whatever its header says: nobody may ask memory for
// 2^60 bytes because of it.
TEST(ElfObject, NullSectionIsEmpty) {
  ObjectBuilder builder;
  builder.section(".text.big", ObjectBuilder::kCode, hex("c3"));
  ByteVector file = builder.bytes();
  change_section(file, 1, [](Elf64_Shdr& section) {
    section.sh_type = SHT_NULL;
    section.sh_size = 1ull << 60;
  });
  const auto object = ElfObject::parse(file, "test.o");
  ASSERT_TRUE(object);
  EXPECT_EQ(object->section(1).size, 0u);
}

// Sections may share bytes (a linker may fold equal ones), but each stays inside the file.
TEST(ElfObject, OverlappingSections) {
  ByteVector file = sample().bytes();
  std::uint64_t offset = 0;
  change_section(file, 1, [&](Elf64_Shdr& section) { offset = section.sh_offset; });
  change_section(file, 2, [&](Elf64_Shdr& section) { section.sh_offset = offset + 4; });
  const auto object = ElfObject::parse(file, "test.o");
  ASSERT_TRUE(object);
  EXPECT_EQ(object->section(2).bytes.data(), object->section(1).bytes.data() + 4);
}

TEST(ElfObject, DamagedSymbolTables) {
  const ByteVector whole = sample().bytes();
  const std::size_t table = section_of_type(whole, SHT_SYMTAB);
  const auto with = [&](const std::function<void(Elf64_Shdr&)>& change) {
    ByteVector file = whole;
    change_section(file, table, change);
    return refusal(file);
  };
  EXPECT_NE(with([](auto& s) { s.sh_link = 99; }), "accepted");
  EXPECT_NE(with([](auto& s) { s.sh_link = 1; }), "accepted");  // code is no table of strings
  EXPECT_NE(with([](auto& s) { s.sh_size -= 1; }), "accepted");
  EXPECT_EQ(with([](auto& s) { s.sh_type = SHT_PROGBITS; }),
            "not a valid kernel object: no symbol table");
  ObjectBuilder builder = sample();
  builder.section(".symtab2", 0, {}, SHT_SYMTAB);
  EXPECT_EQ(refusal(builder.bytes()), "not a valid kernel object: two symbol tables");
}

TEST(ElfObject, SymbolsOutOfRange) {
  const auto with = [](std::uint32_t section, std::uint64_t value, std::uint64_t size) {
    ObjectBuilder builder = sample();
    builder.symbol("wrong", section, value, size);
    return refusal(builder.bytes());
  };
  EXPECT_EQ(with(1, 8, 0), "accepted");  // the end of a section is a place in it
  EXPECT_EQ(with(1, 9, 0), "not a valid kernel object: symbol 'wrong' lies outside its section");
  EXPECT_NE(with(1, 4, 5), "accepted");
  EXPECT_NE(with(1, 4, std::numeric_limits<std::uint64_t>::max() - 2), "accepted");
  EXPECT_NE(with(77, 0, 0), "accepted");
  EXPECT_NE(with(SHN_XINDEX, 0, 0), "accepted");  // without the table that says where
}

TEST(ElfObject, NamesWithoutEnd) {
  ObjectBuilder builder = sample();
  builder.symbol(std::string(100000, 'x'), 1, 0, 0);
  EXPECT_NE(refusal(builder.bytes()), "accepted");
}

TEST(ElfObject, RelocationsOutOfRange) {
  const auto with = [](std::uint64_t offset, std::uint32_t symbol, std::uint32_t type) {
    ObjectBuilder builder = sample();
    builder.relocate(1, offset, symbol, type, 0);
    return refusal(builder.bytes());
  };
  EXPECT_EQ(with(4, 2, R_X86_64_PC32), "accepted");
  EXPECT_NE(with(5, 2, R_X86_64_PC32), "accepted");
  EXPECT_NE(with(1, 2, R_X86_64_64), "accepted");
  EXPECT_NE(with(std::numeric_limits<std::uint64_t>::max() - 1, 2, R_X86_64_PC32), "accepted");
  EXPECT_NE(with(0, 1000, R_X86_64_PC32), "accepted");
  EXPECT_NE(with(0, 2, 200), "accepted");  // no such type
}

TEST(ElfObject, UnknownRelocationTypesOnlyInWhatIsNotLoaded) {
  ObjectBuilder builder = sample();
  const auto debug = builder.section(".debug_info", 0, ByteVector(8));
  builder.relocate(debug, 0, 1, R_X86_64_DTPOFF32, 0);
  EXPECT_EQ(refusal(builder.bytes()), "accepted");
}

TEST(ElfObject, DamagedRelocationSections) {
  const ByteVector whole = sample().bytes();
  const std::size_t table = section_of_type(whole, SHT_RELA);
  const auto with = [&](const std::function<void(Elf64_Shdr&)>& change) {
    ByteVector file = whole;
    change_section(file, table, change);
    return refusal(file);
  };
  EXPECT_NE(with([](auto& s) { s.sh_info = 0; }), "accepted");
  EXPECT_NE(with([](auto& s) { s.sh_info = 1000; }), "accepted");
  EXPECT_NE(with([](auto& s) { s.sh_link = 1; }), "accepted");
  EXPECT_NE(with([](auto& s) { s.sh_size -= 8; }), "accepted");
  EXPECT_EQ(with([](auto& s) { s.sh_type = SHT_REL; }),
            "not a valid kernel object: relocations without addends");
}

TEST(ElfObject, PaddingBelongsToItsFunction) {
  ObjectBuilder builder;
  const auto code = builder.padded_function("f", hex("c3"));
  builder.symbol("alias", code, 16, 1);
  builder.function("g", hex("c3"));
  const ElfObject object = builder.build();
  EXPECT_EQ(defined_symbol(object, "__pfx_f"), nullptr);
  EXPECT_EQ(defined_symbol(object, "f")->padding, 16u);
  EXPECT_EQ(defined_symbol(object, "alias")->padding, 16u);
  EXPECT_EQ(defined_symbol(object, "g")->padding, 0u);
  EXPECT_EQ(object.functions_in(code).size(), 2u);
}

TEST(ElfObject, LoadsFromAFile) {
  const TemporaryFolder folder;
  const ByteVector whole = sample().bytes();
  const std::filesystem::path path =
      folder.write("test.o", {reinterpret_cast<const char*>(whole.data()), whole.size()});
  const auto object = ElfObject::load(path);
  ASSERT_TRUE(object);
  EXPECT_EQ(object->name(), path.string());
  EXPECT_EQ(object->file().size(), whole.size());
  std::filesystem::remove(path);
  EXPECT_EQ(ElfObject::load(path).error().code, "file-unreadable");
  EXPECT_EQ(ElfObject::load("/").error().code, "file-unreadable");
}

TEST(ElfObject, Example) {
  const TemporaryFolder folder;
  const ByteVector whole = sample().bytes();
  folder.write("fork.o", {reinterpret_cast<const char*>(whole.data()), whole.size()});
  std::filesystem::current_path(folder.path());
  std::map<std::string, std::uint64_t> sizes;
  // [example matcher/elf/elf_object.h]
  auto object = ElfObject::load("fork.o");
  for (const Symbol& symbol : object->symbols())
    if (symbol.is_function() && symbol.defined())
      sizes[object->section(symbol.section).name] += symbol.size;
  // [end]
  std::filesystem::current_path("/");
  EXPECT_EQ(sizes, (std::map<std::string, std::uint64_t>{{".text.caller", 8}}));
}

// A small file in which all names are one long string would fill the memory.
TEST(ElfObject, NamesThatAreTooLong) {
  ObjectBuilder builder;
  builder.undefined(std::string(4000, 'x'));
  for (unsigned i = 0; i < 20000; i++) builder.undefined("y");
  ByteVector file = builder.bytes();
  const std::size_t table = section_of_type(file, SHT_SYMTAB);
  change_section(file, table, [&](Elf64_Shdr& row) {
    Elf64_Sym first;
    std::memcpy(&first, file.data() + row.sh_offset + sizeof first, sizeof first);
    for (std::size_t i = 1; i < row.sh_size / sizeof first; i++)
      std::memcpy(file.data() + row.sh_offset + i * sizeof first, &first, sizeof first);
  });
  const auto object = ElfObject::parse(file, "test.o");
  ASSERT_FALSE(object);
  EXPECT_NE(object.error().message.find("names of its symbols are too long"), std::string::npos);
}

}  // namespace
}  // namespace splicer
