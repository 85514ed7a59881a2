// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/elf/instruction_starts.h"

#include <gtest/gtest.h>

#include "tests/support/object_builder.h"

namespace splicer {
namespace {

TEST(InstructionStarts, FromAFieldToTheEndOfItsInstruction) {
  ObjectBuilder builder;
  const auto code = builder.function("f", hex("83 3d 00000000 07"           // cmpl $7, x(%rip)
                                              "e8 00000000"                 // call
                                              "48 c7 05 00000000 01000000"  // movq $1, x(%rip)
                                              "c3"));
  const ElfObject object = builder.build();
  const InstructionStarts starts(object);
  EXPECT_EQ(starts.distance_to_next(code, SectionOffset(2), 4), 5u);
  EXPECT_EQ(starts.distance_to_next(code, SectionOffset(8), 4), 4u);
  EXPECT_EQ(starts.distance_to_next(code, SectionOffset(15), 4), 8u);
}

TEST(InstructionStarts, EachFunctionBeginsAnew) {
  ObjectBuilder builder;
  // Data before the second function looks like the beginning of a longer instruction.
  const auto code =
      builder.section(".text", ObjectBuilder::kCode, hex("c3 48 b8 83 3d 00000000 07"));
  builder.symbol("f", code, 0, 1);
  builder.symbol("g", code, 3, 7);
  const ElfObject object = builder.build();
  EXPECT_EQ(InstructionStarts(object).distance_to_next(code, SectionOffset(5), 4), 5u);
}

TEST(InstructionStarts, UnknownCode) {
  ObjectBuilder builder;
  const auto code = builder.function("f", hex("06 06 06 06 06 06"));
  const ElfObject object = builder.build();
  const InstructionStarts starts(object);
  EXPECT_EQ(starts.distance_to_next(code, SectionOffset(1), 4), 4u) << "at least the field itself";
  EXPECT_EQ(starts.distance_to_next(code, SectionOffset(9), 4), 4u) << "behind the end";
}

}  // namespace
}  // namespace splicer
