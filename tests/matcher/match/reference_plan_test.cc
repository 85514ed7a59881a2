// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/match/reference_plan.h"

#include <gtest/gtest.h>

#include "tests/support/object_builder.h"

namespace splicer {
namespace {

TEST(ReferencePlan, FieldsAreTold) {
  ObjectBuilder builder;
  const auto code = builder.function("f", hex("e8 00000000 48 b8 0000000000000000 c3"));
  const auto callee = builder.undefined("callee");
  builder.relocate(code, 1, callee, R_X86_64_PLT32, -4);
  builder.relocate(code, 7, callee, R_X86_64_64, 0);
  const ElfObject object = builder.build();
  const ReferencePlan plan(object);
  const PlannedSection* section = plan.section(code);
  ASSERT_NE(section, nullptr);
  // e8 at 0, a field of four, 48 b8, a field of eight, c3; and a word more.
  EXPECT_EQ(section->relocated, (std::vector<std::uint16_t>{0b0111'1111'1001'1110, 0}));
  ASSERT_EQ(section->fields.size(), 1u);
  EXPECT_EQ(section->fields[0].offset, 1u);
  EXPECT_EQ(section->fields[0].relative, 1u);
  EXPECT_EQ(section->fields[0].slot, plan.symbol_slot(object.section(code).relocations[0].symbol));
  EXPECT_EQ(section->unusual, std::vector<std::uint32_t>{1});  // eight bytes wide
}

TEST(ReferencePlan, OverlappingFieldsHaveNoPlan) {
  ObjectBuilder builder;
  const auto code = builder.function("f", hex("48 b8 0000000000000000 c3"));
  const auto x = builder.undefined("x");
  builder.relocate(code, 2, x, R_X86_64_64, 0);
  builder.relocate(code, 4, x, R_X86_64_32S, 0);
  const ElfObject object = builder.build();
  EXPECT_EQ(ReferencePlan(object).section(code), nullptr);
}

TEST(ReferencePlan, OneStringIsOneSlot) {
  ObjectBuilder builder;
  const auto code =
      builder.function("f", hex("48 c7 c7 00000000 48 c7 c7 00000000 48 c7 c7 00000000"));
  const auto strings = builder.section(".rodata.str1.1", ObjectBuilder::kStrings,
                                       hex("6f 6e 65 00 74 77 6f 00"), SHT_PROGBITS, 1);
  const auto symbol = builder.section_symbol(strings);
  builder.relocate(code, 3, symbol, R_X86_64_32S, 4);
  builder.relocate(code, 10, symbol, R_X86_64_32S, 4);
  builder.relocate(code, 17, symbol, R_X86_64_32S, 0);
  const ElfObject object = builder.build();
  const ReferencePlan plan(object);
  const auto& fields = plan.section(code)->fields;
  ASSERT_EQ(fields.size(), 3u);
  EXPECT_TRUE(plan.is_constant_slot(fields[0].slot));
  EXPECT_EQ(fields[0].slot, fields[1].slot);
  EXPECT_NE(fields[0].slot, fields[2].slot);
  EXPECT_EQ(plan.constant(strings, SectionOffset(4)).end, 8u);
  EXPECT_EQ(plan.constant(strings, SectionOffset(0)).end, 4u);
  EXPECT_EQ(plan.constant_slot(strings, SectionOffset(1)), 0u);  // nobody mentions it
}

// cmpb $1, constant(%rip): the field is followed by the immediate, from whose end it counts.
TEST(ReferencePlan, ImmediatesBehindTheField) {
  ObjectBuilder builder;
  const auto code = builder.function("f", hex("80 3d 00000000 01 c3"));
  const auto constants =
      builder.section(".rodata.cst8", SHF_ALLOC | SHF_MERGE, le64(1) + le64(2), SHT_PROGBITS, 8);
  builder.relocate(code, 2, builder.section_symbol(constants), R_X86_64_PC32, 8 - 5);
  const ElfObject object = builder.build();
  const RelocationTarget target =
      ReferencePlan(object).target(object.section(code).relocations[0], code, SectionOffset(2));
  EXPECT_EQ(target.kind, RelocationTarget::Kind::constant);
  EXPECT_EQ(target.offset, 8u);
}

TEST(ReferencePlan, AnonymousConstantsEndWhereTheNextBegins) {
  ObjectBuilder builder;
  const auto code = builder.function("f", hex("48 c7 c7 00000000 48 c7 c7 00000000 c3"));
  const auto one = builder.section(".rodata", ObjectBuilder::kConstant,
                                   hex("01 02 00 00 00 00 00 00") + le64(7));
  builder.relocate(code, 3, builder.section_symbol(one), R_X86_64_32S, 0);
  builder.relocate(code, 10, builder.section_symbol(one), R_X86_64_32S, 8);
  const ElfObject object = builder.build();
  const ReferencePlan plan(object);
  EXPECT_EQ(plan.constant(one, SectionOffset(0)).end, 8u);
  EXPECT_EQ(plan.constant(one, SectionOffset(0)).content_end, 8u);  // the section needs no padding
  EXPECT_EQ(plan.constant(one, SectionOffset(8)).end, 16u);         // and has none at its end
  EXPECT_EQ(plan.constant(one, SectionOffset(8)).content_end, 16u);
}

TEST(ReferencePlan, ZerosThatMayBePadding) {
  ObjectBuilder builder;
  const auto code = builder.function("f", hex("48 8d 3d 00000000 48 c7 c7 00000000 c3"));
  const auto one = builder.section(".rodata", ObjectBuilder::kConstant,
                                   hex("01 00 00 00 00 00 00 00") + le64(7));
  builder.relocate(code, 3, builder.section_symbol(one), R_X86_64_PC32, -4);
  builder.relocate(code, 10, builder.section_symbol(one), R_X86_64_32S, 8);
  ByteVector file = builder.bytes();
  change_section(file, one, [](Elf64_Shdr& row) { row.sh_addralign = 4; });
  const auto object = ElfObject::parse(file, "test.o");
  ASSERT_TRUE(object);
  const ReferencePlan plan(*object);
  EXPECT_EQ(plan.constant(one, SectionOffset(0)).end, 8u);
  EXPECT_EQ(plan.constant(one, SectionOffset(0)).content_end, 5u);
}

}  // namespace
}  // namespace splicer
