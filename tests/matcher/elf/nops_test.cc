// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/elf/nops.h"

#include <gtest/gtest.h>

#include "matcher/elf/instruction.h"
#include "tests/support/object_builder.h"

namespace splicer {
namespace {

// As text, for messages: "4" and "padding" or "usual".
std::string read(const char* code) {
  const auto nop = nop_at(hex(code));
  if (!nop) return "none";
  return std::to_string(nop->length) + (nop->usual ? " usual" : nop->padding ? " padding" : "");
}

TEST(Nops, AsAssemblersAndTheKernelWriteThem) {
  EXPECT_EQ(read("90 c3"), "1 usual");
  EXPECT_EQ(read("66 90"), "2 usual");
  EXPECT_EQ(read("0f 1f 00"), "3 usual");
  EXPECT_EQ(read("0f 1f 44 00 00 c3"), "5 usual");
  EXPECT_EQ(read("66 2e 0f 1f 84 00 00 00 00 00"), "10 usual");
  EXPECT_EQ(read("66 66 66 66 66 66 2e 0f 1f 84 00 00 00 00 00"), "15 usual");
}

TEST(Nops, OthersAreReadToTheirEnd) {
  EXPECT_EQ(read("0f 1f 40 01"), "4 padding") << "a displacement that is not 0";
  EXPECT_EQ(read("0f 1f 44 20 00"), "5 padding") << "another SIB byte";
  EXPECT_EQ(read("0f 1f 43 00"), "4 padding") << "another base register";
  EXPECT_EQ(read("0f 1f 05 00 00 00 00"), "7 padding") << "relative to the instruction";
  EXPECT_EQ(read("0f 1f 04 25 00 00 00 00"), "8 padding") << "an absolute address";
  EXPECT_EQ(read("0f 1f c0"), "3") << "a register";
  EXPECT_EQ(read("3e 90"), "2");
  EXPECT_EQ(read("48 90"), "2");
  EXPECT_EQ(read("48 0f 1f 00"), "4");
}

TEST(Nops, WhatDoesSomething) {
  for (const char* other : {"", "66", "48", "f3 90", "49 90", "91", "f3 0f 1e fa", "89 ff", "c3",
                            "48 8d 36", "0f 1f 08", "0f 1e 00", "66 48 66 90"})
    EXPECT_EQ(read(other), "none") << other;
}

TEST(Nops, CutShort) {
  for (const char* cut : {"0f", "0f 1f", "0f 1f 40", "0f 1f 44", "0f 1f 44 00", "0f 1f 80 00 00 00",
                          "0f 1f 84 00 00 00 00", "0f 1f 04"})
    EXPECT_EQ(read(cut), "none") << cut;
  EXPECT_EQ(read("66 66 66 66 66 66 66 66 66 66 66 66 66 66 66 90"), "none") << "16 bytes";
}

TEST(KernelNops, LongestFirst) {
  EXPECT_TRUE(kernel_nops(0).empty());
  EXPECT_EQ(kernel_nops(5), hex("0f 1f 44 00 00"));
  EXPECT_EQ(kernel_nops(11), hex("0f 1f 84 00 00 00 00 00 0f 1f 00"));
}

TEST(KernelNops, OneOfEachLength) {
  EXPECT_TRUE(single_nop(0).empty());
  EXPECT_EQ(single_nop(8), kernel_nops(8));
  EXPECT_EQ(single_nop(9), hex("2e 0f 1f 84 00 00 00 00 00"));
  EXPECT_EQ(single_nop(11), hex("66 66 2e 0f 1f 84 00 00 00 00 00"));
  EXPECT_EQ(single_nop(12), hex("eb 0a cc cc cc cc cc cc cc cc cc cc"));
  EXPECT_EQ(single_nop(127)[1], 125);
  const ByteVector longest = single_nop(200);
  EXPECT_EQ(longest.size(), 200u);
  EXPECT_EQ(ByteVector(longest.begin(), longest.begin() + 6), hex("e9 c3 00 00 00 cc"));
}

// The disassembler says the same of all that the kernel writes.
TEST(KernelNops, AreOneInstructionForTheDisassembler) {
  for (std::size_t length = 1; length <= 11; length++) {
    const auto instruction = decode(single_nop(length));
    ASSERT_TRUE(instruction) << length;
    EXPECT_TRUE(instruction->nop) << length;
    EXPECT_EQ(instruction->length, length);
  }
}

}  // namespace
}  // namespace splicer
