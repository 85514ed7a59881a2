// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/match/references.h"

#include <gtest/gtest.h>

#include <optional>

#include "tests/support/fake_image.h"
#include "tests/support/object_builder.h"

namespace splicer {
namespace {

constexpr std::uint64_t kText = 0xffffffff81000000;
constexpr std::uint64_t kData = 0xffffffff82000000;

// An object, a kernel, and what is known of the one in the other.
struct Knowledge {
  explicit Knowledge(const ObjectBuilder& builder) : object(builder.build()) {}

  // Proves a field of `section` at `offset` that holds `value`; gives the conflict, or "".
  std::string prove(std::uint32_t section, std::uint64_t offset, const ByteVector& field,
                    std::uint64_t address) {
    for (const Relocation& relocation : object.section(section).relocations)
      if (relocation.offset == offset)
        return trial()
            .prove(relocation, field, RunAddress(address), section, SectionOffset(offset))
            .value_or("");
    return "no such relocation";
  }

  // Made when first asked for: they look at the image's symbols.
  References& references() {
    if (!made_references) made_references.emplace(object, plan, image, options);
    return *made_references;
  }
  Trial& trial() {
    if (!made_trial) made_trial.emplace(references());
    return *made_trial;
  }

  ElfObject object;
  FakeImage image;
  MatchOptions options;
  ReferencePlan plan{object};
  std::optional<References> made_references;
  std::optional<Trial> made_trial;
};

TEST(ReadField, ExtendedAsThePsAbiSays) {
  EXPECT_EQ(read_field(hex("ff"), R_X86_64_PC8), ~0ull);
  EXPECT_EQ(read_field(hex("00 80"), R_X86_64_16), 0xffffffffffff8000u);
  EXPECT_EQ(read_field(hex("00 00 00 81"), R_X86_64_32S), 0xffffffff81000000u);
  EXPECT_EQ(read_field(hex("00 00 00 81"), R_X86_64_32), 0x81000000u);
  EXPECT_EQ(read_field(hex("01 02 03 04 05 06 07 08"), R_X86_64_64), 0x0807060504030201u);
}

// Two calls of one function.
ObjectBuilder two_calls() {
  ObjectBuilder builder;
  const auto code = builder.function("f", hex("e8 00000000 e8 00000000 c3"));
  const auto callee = builder.undefined("callee");
  builder.relocate(code, 1, callee, R_X86_64_PLT32, -4);
  builder.relocate(code, 6, callee, R_X86_64_PLT32, -4);
  return builder;
}

TEST(References, LearnsAnAddress) {
  ObjectBuilder builder = two_calls();
  Knowledge known(builder);
  EXPECT_EQ(known.prove(1, 1, le32(0x1000 - 5), kText + 1), "");
  known.trial().commit();
  const auto symbol = known.object.section(1).relocations[0].symbol;
  EXPECT_EQ(known.references().symbol_value(symbol), RunAddress(kText + 0x1000));
}

TEST(References, ASecondAnswerMustBeTheSame) {
  Knowledge known(two_calls());
  EXPECT_EQ(known.prove(1, 1, le32(0x1000 - 5), kText + 1), "");
  EXPECT_EQ(known.prove(1, 6, le32(0x1000 - 10), kText + 6), "");
  EXPECT_EQ(known.prove(1, 6, le32(0x1001 - 10), kText + 6),
            "the code puts 'callee' at 0xffffffff81001001 here and at 0xffffffff81001000 "
            "elsewhere");
}

TEST(References, WhatIsTakenBackIsForgotten) {
  Knowledge known(two_calls());
  const std::size_t mark = known.trial().mark();
  EXPECT_EQ(known.prove(1, 1, le32(0x1000 - 5), kText + 1), "");
  known.trial().back_to(mark);
  EXPECT_EQ(known.prove(1, 1, le32(0x2000 - 5), kText + 1), "");
  known.trial().commit();
  Trial later(known.references());  // what was committed stays
  EXPECT_TRUE(later
                  .prove(known.object.section(1).relocations[0], le32(0x1000 - 5),
                         RunAddress(kText + 1), 1, SectionOffset(1))
                  .has_value());
}

TEST(References, TheKernelsSymbolTableMustAgree) {
  Knowledge known(two_calls());
  known.image.symbol(kText + 0x1000, "callee");
  EXPECT_NE(known.prove(1, 1, le32(0x1004 - 5), kText + 1), "");
  EXPECT_EQ(known.prove(1, 1, le32(0x1000 - 5), kText + 1), "");
}

TEST(References, OneOfSeveralPlacesOfAName) {
  Knowledge known(two_calls());
  known.image.symbol(kText + 0x1000, "callee");
  known.image.symbol(kText + 0x2000, "callee");
  const std::string reason = known.prove(1, 1, le32(0x3000 - 5), kText + 1);
  EXPECT_NE(reason.find("and 1 other places"), std::string::npos) << reason;
  EXPECT_EQ(known.prove(1, 1, le32(0x2000 - 5), kText + 1), "");
}

// A static function of some module is not what vmlinux calls by that name.
TEST(References, ANameThatIsOutOfScope) {
  for (const auto& [letter, module] :
       {std::pair{'t', "vmlinux"}, std::pair{'t', "tun"}, std::pair{'T', "tun"}}) {
    Knowledge known(two_calls());
    known.image.symbol(kText + 0x1000, "callee");
    known.image.symbol(kText + 0x2000, "callee", letter, module);
    EXPECT_NE(known.prove(1, 1, le32(0x2000 - 5), kText + 1), "") << letter << module;
    EXPECT_EQ(known.prove(1, 1, le32(0x1000 - 5), kText + 1), "");
  }
}

TEST(References, NothingIsAtZero) {
  const auto refusal = [](std::uint8_t bind, bool listed) {
    ObjectBuilder builder;
    const auto code = builder.function("f", hex("48 c7 c7 00000000 c3"));
    const auto symbol = builder.symbol("x", SHN_UNDEF, 0, 0, bind, STT_NOTYPE);
    builder.relocate(code, 3, symbol, R_X86_64_32S, 0);
    Knowledge known(builder);
    if (listed) known.image.symbol(0, "x", 'A');
    return known.prove(code, 3, le32(0), kText + 3);
  };
  EXPECT_EQ(refusal(STB_GLOBAL, false), "the code puts 'x' at 0");
  EXPECT_EQ(refusal(STB_WEAK, false), "");
  EXPECT_EQ(refusal(STB_GLOBAL, true), "");  // the first per-CPU variable
}

TEST(References, CodeThatAnUpdateBrought) {
  Knowledge known(two_calls());
  known.options.update_modules = {"splice_0123"};
  known.image.symbol(kText + 0x1000, "callee");
  known.image.symbol(kText + 0x9000, "callee", 't', "splice_0123");
  EXPECT_EQ(known.prove(1, 1, le32(0x9000 - 5), kText + 1), "");
}

// A module of anybody's, or what a command that was killed left.
TEST(References, AModuleThatIsOnlyNamedLikeAnUpdates) {
  Knowledge known(two_calls());
  known.options.update_modules = {"splice_0123"};
  known.image.symbol(kText + 0x1000, "callee");
  known.image.symbol(kText + 0x9000, "callee", 't', "splice_4567");
  EXPECT_NE(known.prove(1, 1, le32(0x9000 - 5), kText + 1), "");
}

TEST(References, AbsoluteSymbolsHaveTheirValue) {
  ObjectBuilder builder;
  const auto data = builder.section(".data", ObjectBuilder::kData, ByteVector(8));
  const auto fixed = builder.symbol("fixed", SHN_ABS, 42, 0, STB_GLOBAL, STT_NOTYPE);
  builder.relocate(data, 0, fixed, R_X86_64_64, 1);
  Knowledge known(builder);
  EXPECT_EQ(known.prove(data, 0, le64(43), kData), "");
  EXPECT_NE(known.prove(data, 0, le64(44), kData), "");
  EXPECT_EQ(known.references().symbol_value(fixed), RunAddress(42u));
}

TEST(References, SectionsHaveOneBase) {
  ObjectBuilder builder;
  const auto code = builder.function("f", hex("8b 05 00000000 8b 05 00000000 c3"));
  const auto data = builder.section(".data.pair", ObjectBuilder::kData, ByteVector(8));
  const auto second = builder.symbol("second", data, 4, 4, STB_LOCAL, STT_OBJECT);
  builder.relocate(code, 2, builder.section_symbol(data), R_X86_64_PC32, -4);
  builder.relocate(code, 8, second, R_X86_64_PC32, -4);
  Knowledge known(builder);
  const auto from = [](std::uint64_t target, std::uint64_t next) { return le32(target - next); };
  EXPECT_EQ(known.prove(code, 2, from(kData, kText + 6), kText + 2), "");
  EXPECT_NE(known.prove(code, 8, from(kData + 8, kText + 12), kText + 8), "");
  EXPECT_EQ(known.prove(code, 8, from(kData + 4, kText + 12), kText + 8), "");
  EXPECT_EQ(known.trial().commit(), std::vector<std::uint32_t>{data});
  EXPECT_EQ(known.references().section_base(data), RunAddress(kData));
  EXPECT_EQ(known.references().symbol_value(second), RunAddress(kData + 4));
}

TEST(References, NamesOfASectionMustAgree) {
  ObjectBuilder builder;
  const auto code = builder.function("f", hex("8b 05 00000000 c3"));
  const auto data = builder.section(".data.pair", ObjectBuilder::kData, ByteVector(8));
  builder.symbol("second", data, 4, 4, STB_LOCAL, STT_OBJECT);
  builder.relocate(code, 2, builder.section_symbol(data), R_X86_64_PC32, -4);
  Knowledge known(builder);
  known.image.symbol(kData + 4, "second", 'd');
  EXPECT_NE(known.prove(code, 2, le32(kData + 16 - (kText + 6)), kText + 2), "");
  known.trial().back_to(0);
  EXPECT_EQ(known.prove(code, 2, le32(kData - (kText + 6)), kText + 2), "");
}

// A kernel that lists its variables lists all of them.
TEST(References, ANameThatIsNotListed) {
  ObjectBuilder builder;
  const auto code = builder.function("f", hex("8b 05 00000000 8b 05 00000000 8b 05 00000000"));
  const auto data = builder.section(".data.pair", ObjectBuilder::kData, ByteVector(8));
  builder.symbol("second", data, 4, 4, STB_LOCAL, STT_OBJECT);
  const auto numbered = builder.section(".data.once.3", ObjectBuilder::kData, ByteVector(8));
  builder.symbol("once.3", numbered, 0, 4, STB_LOCAL, STT_OBJECT);
  builder.relocate(code, 2, builder.section_symbol(data), R_X86_64_PC32, -4);
  builder.relocate(code, 8, builder.undefined("third"), R_X86_64_PC32, -4);
  builder.relocate(code, 14, builder.section_symbol(numbered), R_X86_64_PC32, -4);
  const auto prove = [&](Knowledge& known, std::uint64_t offset) {
    return known.prove(code, offset, le32(kData), kText + offset);
  };
  Knowledge some(builder);
  for (const std::uint64_t offset : {2, 8, 14}) EXPECT_EQ(prove(some, offset), "");
  Knowledge all(builder);
  all.image.symbol(kData - 16, "one", 'd');
  all.image.symbol(kData - 8, "other", 'b');
  EXPECT_EQ(prove(all, 2), "the code refers to 'second', which the running kernel does not list");
  EXPECT_EQ(prove(all, 8), "the code refers to 'third', which the running kernel does not list");
  EXPECT_EQ(prove(all, 14), "");  // the compiler numbered it
}

TEST(References, ASectionThatIsInNoKernel) {
  ObjectBuilder builder;
  const auto code = builder.function("f", hex("8b 05 00000000 c3"));
  const auto left_out =
      builder.section(".discard.addressable", ObjectBuilder::kData, ByteVector(8));
  builder.relocate(code, 2, builder.section_symbol(left_out), R_X86_64_PC32, -4);
  Knowledge known(builder);
  EXPECT_EQ(known.prove(code, 2, le32(kData), kText + 2),
            "the code refers to .discard.addressable, which is in no kernel");
}

// mov $string, %rdi: strings are merged by the linker, so they stand anywhere.
struct StringReference {
  StringReference() {
    code = builder.function("f", hex("48 c7 c7 00000000 c3"));
    const auto strings = builder.section(".rodata.str1.1", ObjectBuilder::kStrings,
                                         hex("6f 6e 65 00 74 77 6f 00"), SHT_PROGBITS, 1);
    builder.relocate(code, 3, builder.section_symbol(strings), R_X86_64_32S, 4);
  }
  std::string prove(const ByteVector& content) {
    Knowledge known(builder);
    known.image.put(kData, content);
    return known.prove(code, 3, le32(kData), kText + 3);
  }
  ObjectBuilder builder;
  std::uint32_t code;
};

TEST(References, StringsByContent) {
  StringReference reference;
  EXPECT_EQ(reference.prove(hex("74 77 6f 00")), "");
  EXPECT_NE(reference.prove(hex("74 77 6f 6f")), "");  // longer
  EXPECT_NE(reference.prove(hex("74 77 00 00")), "");  // shorter
  EXPECT_NE(reference.prove(hex("6f 6e 65 00")), "");  // another of the object's strings
  EXPECT_NE(reference.prove({}), "");                  // nothing is mapped there
}

// What the kernel's own code refers to is in its read-only data; a module has its own elsewhere.
TEST(References, StringsOfTheKernelAreInItsReadOnlyData) {
  const auto refusal = [](const std::string& target, std::uint64_t read_only) {
    StringReference reference;
    Knowledge known(reference.builder);
    known.options.target = target;
    known.image.symbol(read_only, "__start_rodata", 'R');
    known.image.symbol(read_only + 0x1000, "__end_rodata", 'R');
    known.image.put(kData, hex("74 77 6f 00"));
    return known.prove(reference.code, 3, le32(kData), kText + 3);
  };
  EXPECT_EQ(refusal("vmlinux", kData - 0x800), "");
  EXPECT_NE(refusal("vmlinux", kData + 4), "");
  EXPECT_NE(refusal("vmlinux", kData - 0x1000), "");
  EXPECT_EQ(refusal("tun", kData + 4), "");
}

// Some update is applied: the kernel's own code still has its strings where it had them, and one
// that is found at two places is two.
TEST(References, AnUpdateChangesNothingForOtherCode) {
  StringReference reference;
  reference.builder.relocate(reference.builder.function("g", hex("48 c7 c7 00000000 c3")), 3,
                             reference.builder.section_symbol(2), R_X86_64_32S, 4);
  Knowledge known(reference.builder);
  known.options.redirects[RunAddress(kText + 0x100)] = {RunAddress(kText + 0x5000),
                                                        RunAddress(kText + 0x100), "0123"};
  known.image.symbol(kData - 0x800, "__start_rodata", 'R');
  known.image.symbol(kData + 0x800, "__end_rodata", 'R');
  known.image.put(kData, hex("74 77 6f 00 74 77 6f 00"));
  known.image.put(kData + 0x800, hex("74 77 6f 00"));
  EXPECT_NE(known.prove(reference.code, 3, le32(kData + 0x800), kText + 3), "");
  EXPECT_EQ(known.prove(reference.code, 3, le32(kData), kText + 3), "");
  EXPECT_NE(known.prove(3, 3, le32(kData + 4), kText + 0x13), "");
}

// What an update brought has its strings in its own module.
TEST(References, StringsOfAnUpdate) {
  StringReference reference;
  Knowledge known(reference.builder);
  known.image.section("splice_0123", ".rodata.str1.1",
                      {RunAddress(kData), RunAddress(kData + 0x100)});
  known.image.put(kData, hex("74 77 6f 00"));
  known.image.put(kData + 0x1000, hex("74 77 6f 00"));
  Trial trial(known.references(), "splice_0123");
  const Relocation& string = known.object.section(reference.code).relocations[0];
  const auto prove = [&](std::uint64_t value) {
    return trial.prove(string, le32(value), RunAddress(kText + 3), reference.code, SectionOffset(3))
        .value_or("");
  };
  EXPECT_EQ(prove(kData), "");
  EXPECT_NE(prove(kData + 0x1000).find("outside splice_0123"), std::string::npos);
}

// A module's strings are in that section of its file, if the image tells where it is.
TEST(References, StringsOfAModuleAreInItsSection) {
  const auto refusal = [](std::uint64_t section) {
    StringReference reference;
    Knowledge known(reference.builder);
    known.options.target = "tun";
    known.image.section("tun", ".rodata.str1.1", {RunAddress(section), RunAddress(section + 0x10)});
    known.image.put(kData, hex("74 77 6f 00"));
    return known.prove(reference.code, 3, le32(kData), kText + 3);
  };
  EXPECT_EQ(refusal(kData), "");
  EXPECT_EQ(refusal(kData - 0xf), "");
  EXPECT_NE(refusal(kData + 1).find("outside the constants of tun"), std::string::npos);
  EXPECT_NE(refusal(kData - 0x10), "");
}

// The end of a string, as a loop over it compares with: another string follows in the kernel.
TEST(References, PastTheEndOfALabelsString) {
  ObjectBuilder builder;
  const auto code = builder.function("f", hex("48 3d 00000000 c3"));
  const auto strings = builder.section(".rodata.str1.1", ObjectBuilder::kStrings,
                                       hex("6f 6e 65 00 74 77 6f 00"), SHT_PROGBITS, 1);
  const auto label = builder.symbol(".LC0", strings, 0, 0, STB_LOCAL, STT_NOTYPE);
  builder.relocate(code, 2, label, R_X86_64_32S, 4);
  Knowledge known(builder);
  known.image.put(kData, hex("6f 6e 65 00 61 62 63 00"));
  EXPECT_EQ(known.prove(code, 2, le32(kData + 4), kText + 2), "");
  EXPECT_NE(known.prove(code, 2, le32(kData + 5), kText + 2), "");
  EXPECT_NE(known.prove(code, 2, le32(kData), kText + 2), "");
}

TEST(References, MergedConstantsByContent) {
  ObjectBuilder builder;
  const auto code = builder.function("f", hex("66 0f 6f 05 00000000 c3"));
  const auto constants =
      builder.section(".rodata.cst8", SHF_ALLOC | SHF_MERGE, le64(1) + le64(2), SHT_PROGBITS, 8);
  builder.relocate(code, 4, builder.section_symbol(constants), R_X86_64_PC32, 8 - 4);
  Knowledge known(builder);
  known.image.put(kData, le64(1) + le64(3) + le64(2));
  const auto at = [&](std::uint64_t target) {
    return known.prove(code, 4, le32(target - (kText + 8)), kText + 4);
  };
  EXPECT_EQ(at(kData + 16), "");
  EXPECT_NE(at(kData + 8), "");
  EXPECT_NE(at(kData), "");
}

TEST(References, ConstantOutsideItsSection) {
  ObjectBuilder builder;
  const auto code = builder.function("f", hex("48 c7 c7 00000000 c3"));
  const auto strings =
      builder.section(".rodata.str1.1", ObjectBuilder::kStrings, hex("61 00"), SHT_PROGBITS, 1);
  builder.relocate(code, 3, builder.section_symbol(strings), R_X86_64_32S, 1 << 20);
  Knowledge known(builder);
  EXPECT_NE(known.prove(code, 3, le32(kData), kText + 3).find("outside"), std::string::npos);
}

// Anonymous constants that point at each other: this ends, and what differs is still found.
TEST(References, ConstantsInACircle) {
  ObjectBuilder builder;
  const auto code = builder.function("f", hex("48 c7 c7 00000000 c3"));
  const auto one = builder.section(".rodata", ObjectBuilder::kConstant, ByteVector(8) + le64(7));
  builder.relocate(code, 3, builder.section_symbol(one), R_X86_64_32S, 0);
  builder.relocate(one, 0, builder.section_symbol(one), R_X86_64_64, 0);
  Knowledge known(builder);
  known.image.put(kData, le64(kData) + le64(7));
  EXPECT_EQ(known.prove(code, 3, le32(kData), kText + 3), "");
  Knowledge other(builder);
  other.image.put(kData, le64(kData) + le64(8));
  EXPECT_NE(other.prove(code, 3, le32(kData), kText + 3), "");
}

TEST(References, ConstantsWithoutEnd) {
  ObjectBuilder builder;
  const auto code = builder.function("f", hex("48 c7 c7 00000000 c3"));
  const auto one = builder.section(".rodata", ObjectBuilder::kConstant, ByteVector(8));
  builder.relocate(code, 3, builder.section_symbol(one), R_X86_64_32S, 0);
  builder.relocate(one, 0, builder.section_symbol(one), R_X86_64_64, 0);
  Knowledge known(builder);
  for (std::uint64_t i = 0; i < 100000; i++)
    known.image.put_pointer(kData + 8 * i, kData + 8 * (i + 1));
  EXPECT_EQ(known.prove(code, 3, le32(kData), kText + 3),
            "constants refer to each other without end");
}

TEST(References, ReplacedCodeHasTwoPlaces) {
  ObjectBuilder builder;
  const auto code = builder.function("f", hex("c3 c3"));
  const auto cold = builder.section(".text.unlikely.f", ObjectBuilder::kCode, hex("e9 00000000"));
  builder.relocate(cold, 1, builder.section_symbol(code), R_X86_64_PC32, 1 - 4);
  Knowledge known(builder);
  known.options.redirects[RunAddress(kText)] = {RunAddress(kText + 0x5000), RunAddress(kText),
                                                "0123"};
  EXPECT_EQ(known.trial().bind_section(code, RunAddress(kText)), std::nullopt);
  const auto jumps = [&](std::uint64_t target) {
    return known.prove(cold, 1, le32(target - (kText + 0x105)), kText + 0x101);
  };
  EXPECT_EQ(jumps(kText + 1), "");
  EXPECT_EQ(jumps(kText + 0x5001), "");  // inside the newest code
  EXPECT_NE(jumps(kText + 0x5002), "");
}

}  // namespace
}  // namespace splicer
