// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/elf/instruction.h"

#include <gtest/gtest.h>

#include "tests/support/object_builder.h"

namespace splicer {
namespace {

unsigned length_of(const char* text) {
  const auto instruction = decode(hex(text));
  return instruction ? instruction->length : 0;
}

TEST(Instruction, Lengths) {
  EXPECT_EQ(length_of("c3"), 1u);
  EXPECT_EQ(length_of("f3 0f 1e fa c3"), 4u);                     // endbr64
  EXPECT_EQ(length_of("48 b8 01 02 03 04 05 06 07 08 c3"), 10u);  // movabs
  EXPECT_EQ(length_of("e8 00 00 00 00 c3"), 5u);
  EXPECT_EQ(length_of("f0 48 0f ba 2f 00"), 6u);  // lock bts
  EXPECT_EQ(length_of("0f 0b"), 2u);              // ud2
}

TEST(Instruction, UnknownOrCutShort) {
  EXPECT_EQ(decode({}), std::nullopt);
  EXPECT_EQ(length_of("e8 00 00"), 0u);
  EXPECT_EQ(length_of("06"), 0u);  // push es: not in 64-bit code
}

TEST(Instruction, Nops) {
  for (const char* nop :
       {"90", "66 90", "0f 1f 00", "0f 1f 40 00", "0f 1f 44 00 00", "66 0f 1f 44 00 00",
        "0f 1f 80 00 00 00 00", "0f 1f 84 00 00 00 00 00", "66 2e 0f 1f 84 00 00 00 00 00"}) {
    const auto instruction = decode(hex(nop));
    ASSERT_TRUE(instruction) << nop;
    EXPECT_TRUE(instruction->nop) << nop;
    EXPECT_EQ(instruction->length, hex(nop).size()) << nop;
  }
  // pause; xchg r8,rax; xchg eax,ecx; endbr64; mov edi,edi; lea rsi,[rsi]: each does something, or
  // is not padding that an assembler makes.
  for (const char* other : {"f3 90", "49 90", "91", "f3 0f 1e fa", "89 ff", "48 8d 36"}) {
    const auto instruction = decode(hex(other));
    ASSERT_TRUE(instruction) << other;
    EXPECT_FALSE(instruction->nop) << other;
  }
}

TEST(Instruction, DirectBranches) {
  struct Case {
    const char* code;
    unsigned offset;
    unsigned size;
    std::int64_t displacement;
  };
  for (const Case& c : {Case{"eb fe", 1, 1, -2}, Case{"e9 00 01 00 00", 1, 4, 256},
                        Case{"e8 fb ff ff ff", 1, 4, -5}, Case{"74 10", 1, 1, 16},
                        Case{"0f 84 ff ff ff 7f", 2, 4, 0x7fffffff}, Case{"e3 80", 1, 1, -128},
                        Case{"2e e8 01 00 00 00", 2, 4, 1}}) {
    const auto instruction = decode(hex(c.code));
    ASSERT_TRUE(instruction) << c.code;
    EXPECT_TRUE(instruction->direct_branch) << c.code;
    EXPECT_EQ(instruction->immediate_offset, c.offset) << c.code;
    EXPECT_EQ(instruction->immediate_size, c.size) << c.code;
    EXPECT_EQ(instruction->displacement, c.displacement) << c.code;
  }
}

TEST(Instruction, NoDirectBranches) {
  // ret; jmp *%rax; call *(%rip); xbegin; setz; mov with an immediate that looks like one
  for (const char* code :
       {"c3", "ff e0", "ff 15 00 00 00 00", "c7 f8 00 00 00 00", "0f 94 c0", "b8 eb fe 00 00"}) {
    const auto instruction = decode(hex(code));
    ASSERT_TRUE(instruction) << code;
    EXPECT_FALSE(instruction->direct_branch) << code;
  }
}

TEST(Instruction, TextForPeople) {
  EXPECT_EQ(disassemble_one(hex("e8 00 00 00 00"), 0xffffffff81000000),
            "call   0xffffffff81000005");
  EXPECT_EQ(disassemble_one(hex("06"), 0), "(unknown)");
  EXPECT_EQ(disassemble_one({}, 0), "(unknown)");
}

TEST(SideBySide, MarksTheInstructionThatDiffers) {
  const std::string text =
      disassemble_side_by_side(hex("55 48 89 e5 b8 01 00 00 00 5d c3"),
                               hex("55 48 89 e5 b8 02 00 00 00 5d c3"), 0, 0xffffffff81000000, 5);
  EXPECT_NE(text.find("expected (pre)"), std::string::npos);
  EXPECT_NE(text.find("> +4"), std::string::npos) << text;  // where the instruction begins
  EXPECT_NE(text.find("b8 01 00 00 00"), std::string::npos);
  EXPECT_NE(text.find("b8 02 00 00 00"), std::string::npos);
  EXPECT_EQ(std::count(text.begin(), text.end(), '>'), 1);
}

TEST(SideBySide, ShowsOnlyTheNeighbourhood) {
  ByteVector code;
  for (int i = 0; i < 100; i++) code = std::move(code) + hex("40 88 c0");
  const std::string text = disassemble_side_by_side(code, code, 0, 0, 150);
  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 9);
  EXPECT_NE(text.find("> +96"), std::string::npos) << text;
}

TEST(SideBySide, SidesOfAnyLength) {
  EXPECT_NE(disassemble_side_by_side(hex("55 c3"), {}, 0, 0, 0), "");
  EXPECT_NE(disassemble_side_by_side({}, hex("55 c3"), 0, 0, 7), "");
  EXPECT_NE(disassemble_side_by_side(hex("06 06 48"), hex("06"), 0, 0, 99), "");
}

TEST(Instruction, WhatIsDoneWithAnAddress) {
  EXPECT_EQ(address_use(hex("8b 05 00 00 00 00"), 2), AddressUse::read);         // mov x(%rip),%eax
  EXPECT_EQ(address_use(hex("83 3d 00 00 00 00 07"), 2), AddressUse::read);      // cmpl $7,x(%rip)
  EXPECT_EQ(address_use(hex("39 04 25 00 00 00 00"), 3), AddressUse::read);      // cmp %eax,x
  EXPECT_EQ(address_use(hex("89 05 00 00 00 00"), 2), AddressUse::write);        // mov %eax,x(%rip)
  EXPECT_EQ(address_use(hex("ff 05 00 00 00 00"), 2), AddressUse::write);        // incl x(%rip)
  EXPECT_EQ(address_use(hex("f0 0f b1 05 00 00 00 00"), 4), AddressUse::write);  // lock cmpxchg
  EXPECT_EQ(address_use(hex("87 05 00 00 00 00"), 2), AddressUse::write);        // xchg
  EXPECT_EQ(address_use(hex("c7 05 00 00 00 00 07 00 00 00"), 2), AddressUse::write);
  EXPECT_EQ(address_use(hex("48 8d 05 00 00 00 00"), 3), AddressUse::address);  // lea
  EXPECT_EQ(address_use(hex("48 c7 c7 00 00 00 00"), 3), AddressUse::address);  // mov $x,%rdi
  EXPECT_EQ(address_use(hex("48 c7 07 00 00 00 00"), 3), AddressUse::address);  // $x to memory
  EXPECT_EQ(address_use(hex("06"), 0), AddressUse::address);                    // unknown
}

TEST(Instruction, CopiesOfMemory) {
  EXPECT_TRUE(copies_memory(hex("f3 48 a5")));   // rep movsq
  EXPECT_TRUE(copies_memory(hex("a4")));         // movsb
  EXPECT_FALSE(copies_memory(hex("f3 48 ab")));  // rep stosq
  EXPECT_FALSE(copies_memory(hex("48 8b 47 10")));
}

TEST(Instruction, OnlyNumbersDiffer) {
  const auto numbers = [](const char* a, const char* b) {
    return differ_in_numbers(hex(a), hex(b));
  };
  EXPECT_TRUE(numbers("48 8b 47 10", "48 8b 47 18"));           // mov 16(%rdi),%rax; 24(%rdi)
  EXPECT_TRUE(numbers("48 8b 47 78", "48 8b 87 80 00 00 00"));  // an offset of four bytes
  EXPECT_TRUE(numbers("b8 01 00 00 00", "b8 02 00 00 00"));
  EXPECT_FALSE(numbers("48 8b 47 10", "48 8b 47 10"));
  EXPECT_FALSE(numbers("48 8b 47 10", "48 8b 46 18"));  // another register
  EXPECT_FALSE(numbers("48 8b 47 10", "48 89 47 18"));  // another instruction
  EXPECT_FALSE(numbers("eb 02", "eb 04"));              // a branch
  EXPECT_FALSE(numbers("06", "07"));                    // unknown
}

}  // namespace
}  // namespace splicer
