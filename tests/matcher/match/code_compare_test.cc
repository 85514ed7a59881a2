// SPDX-License-Identifier: GPL-2.0-or-later
//
// The straight way and the layout-tolerant way, each with its nearest wrong neighbour.
#include "matcher/match/code_compare.h"

#include <gtest/gtest.h>

#include "tests/support/code_fixture.h"

namespace splicer {
namespace {

TEST(CodeCompare, SameBytes) {
  CodeUnderTest code(hex("55 48 89 e5 5d c3"));
  EXPECT_TRUE(code.accepts(hex("55 48 89 e5 5d c3")));
  const Comparison comparison = code.compare(hex("55 48 89 e5 5d c3"));
  EXPECT_TRUE(std::ranges::equal(comparison.run.bytes(), hex("55 48 89 e5 5d c3")));
  EXPECT_TRUE(comparison.moved.empty());
  EXPECT_EQ(comparison.run_offset(SectionOffset(3)), 3u);
}

TEST(CodeCompare, EveryByteCounts) {
  const ByteVector pre = hex("55 48 89 e5 b8 01 00 00 00 5d c3");
  CodeUnderTest code(pre);
  for (std::size_t at = 0; at < pre.size(); at++) {
    ByteVector run = pre;
    run[at] ^= 1;
    const Comparison comparison = code.compare(run);
    ASSERT_TRUE(comparison.difference) << at;
    EXPECT_EQ(comparison.difference->pre_offset, at);
  }
}

TEST(CodeCompare, NothingMappedThere) {
  CodeUnderTest code(hex("c3"));
  const ElfObject object = code.builder.build();
  const auto sites = SiteTables::collect(object);
  const FakeImage nothing;
  const ReferencePlan plan(object);
  References references(object, plan, nothing, code.options);
  Trial trial(references);
  EXPECT_TRUE(
      CodeComparer(object, *sites, nothing).compare(1, RunAddress(kFunction), trial).difference);
}

TEST(CodeCompare, RelocatedFieldsAreProved) {
  CodeUnderTest code(hex("e8 00000000 c3"));
  code.refer(1, "callee", kElsewhere);
  EXPECT_TRUE(code.accepts(branch32(hex("e8"), kFunction, kElsewhere) + hex("c3")));
  EXPECT_FALSE(code.accepts(branch32(hex("e8"), kFunction, kElsewhere + 1) + hex("c3")));
  EXPECT_FALSE(code.accepts(branch32(hex("e9"), kFunction, kElsewhere) + hex("c3")));
}

// A hostile object: fields that overlap each other or a site.
TEST(CodeCompare, OverlappingRelocations) {
  CodeUnderTest code(hex("48 b8 0000000000000000 c3"));
  const auto x = code.builder.undefined("x");
  code.builder.relocate(code.section, 2, x, R_X86_64_64, 0);
  code.builder.relocate(code.section, 4, x, R_X86_64_32, 0);
  EXPECT_FALSE(code.accepts(hex("48 b9 0000000000000000 c3")));
}

TEST(CodeCompare, RelocationThatRunsIntoASite) {
  CodeUnderTest code(hex("90 90 90 f0 ff 07 c3"));
  code.builder.relocate(code.section, 1, code.builder.undefined("x"), R_X86_64_32S, 0);
  code.builder.listed(".smp_locks", code.section, 3);
  EXPECT_EQ(code.refusal(hex("90 90 90 f0 ff 07 c3")), "a relocation runs into a rewriting site");
}

TEST(CodeCompare, RelocationThatLeavesASite) {
  CodeUnderTest code(hex("f3 0f 1e fa 90 90 90 c3"));
  code.builder.relocate(code.section, 2, code.builder.undefined("x"), R_X86_64_32S, 0);
  code.builder.listed(".ibt_endbr_seal", code.section, 0);
  EXPECT_FALSE(code.accepts(hex("f3 0f 1e fb 90 90 90 c3")));
}

// test %edi,%edi; je +3; mov $1,%al; ret; 5 bytes; xor %eax,%eax; ret
const ByteVector kShortPre = hex("85 ff 74 03 b0 01 c3 31 c0 c3");
const ByteVector kNearRun = hex("85 ff 0f84 03000000 b0 01 c3 31 c0 c3");

TEST(Layout, ShortJumpMadeNear) {
  CodeUnderTest code(kShortPre);
  EXPECT_TRUE(code.accepts(kNearRun));
  const Comparison comparison = code.compare(kNearRun);
  EXPECT_TRUE(std::ranges::equal(comparison.run.bytes(), kNearRun));
  EXPECT_EQ(comparison.run_offset(SectionOffset(4)), 8u);
  EXPECT_EQ(comparison.run_offset(SectionOffset(10)), 14u);
}

TEST(Layout, NearJumpMadeShort) {
  CodeUnderTest code(kNearRun);
  EXPECT_TRUE(code.accepts(kShortPre));
  CodeUnderTest jump(hex("e9 02000000 31 c0 c3"));
  EXPECT_TRUE(jump.accepts(hex("eb 02 31 c0 c3")));
}

TEST(Layout, AnotherConditionOrKind) {
  CodeUnderTest code(kShortPre);
  EXPECT_FALSE(code.accepts(hex("85 ff 0f85 03000000 b0 01 c3 31 c0 c3")));  // jne
  EXPECT_FALSE(code.accepts(hex("85 ff e9 03000000 b0 01 c3 31 c0 c3")));
  EXPECT_FALSE(code.accepts(hex("85 ff e8 03000000 b0 01 c3 31 c0 c3")));
}

TEST(Layout, BranchThatLeadsElsewhere) {
  CodeUnderTest code(kShortPre);
  EXPECT_EQ(code.refusal(hex("85 ff 74 02 b0 01 c3 31 c0 c3")), "the code differs");
  EXPECT_FALSE(code.accepts(hex("85 ff 0f84 02000000 b0 01 c3 31 c0 c3")));  // to the first ret
  EXPECT_FALSE(code.accepts(hex("85 ff 0f84 04000000 b0 01 c3 31 c0 c3")));  // into an instruction
  EXPECT_FALSE(code.accepts(hex("85 ff 0f84 00100000 b0 01 c3 31 c0 c3")));  // out of the code
}

TEST(Layout, AnotherInstructionAfterTheMove) {
  CodeUnderTest code(kShortPre);
  EXPECT_FALSE(code.accepts(hex("85 ff 0f84 03000000 b0 02 c3 31 c0 c3")));
  EXPECT_FALSE(code.accepts(hex("85 ff 0f84 03000000 b0 01 c3 31 c9 c3")));
  EXPECT_FALSE(code.accepts(hex("85 ff 0f84 03000000 b0 01 c3 31 c0 cb")));
}

TEST(Layout, PrefixesOfBranchesCount) {
  CodeUnderTest code(hex("85 ff 2e 74 03 b0 01 c3 31 c0 c3"));
  EXPECT_TRUE(code.accepts(hex("85 ff 2e 0f84 03000000 b0 01 c3 31 c0 c3")));
  EXPECT_FALSE(code.accepts(hex("85 ff 3e 0f84 03000000 b0 01 c3 31 c0 c3")));
  EXPECT_FALSE(code.accepts(kNearRun));
}

TEST(Layout, OtherPadding) {
  CodeUnderTest code(hex("eb 04 0f 1f 40 00 31 c0 c3"));
  EXPECT_TRUE(code.accepts(hex("eb 02 66 90 31 c0 c3")));
  EXPECT_TRUE(code.accepts(hex("eb 00 31 c0 c3")));
  EXPECT_TRUE(code.accepts(hex("eb 01 90 90 31 c0 c3")));   // to a nop that leads there
  EXPECT_FALSE(code.accepts(hex("eb 04 66 90 31 c0 c3")));  // past the xor
  EXPECT_FALSE(code.accepts(hex("eb 02 f3 90 31 c0 c3")));  // pause is no padding
  EXPECT_FALSE(code.accepts(hex("eb 02 cc cc 31 c0 c3")));
}

// Two blocks in the other order: the straight way and the tolerant way both walk the code in order,
// so this is another code even if it does the same.
TEST(Layout, MovedBlocksAreRefused) {
  CodeUnderTest code(kShortPre);
  EXPECT_FALSE(code.accepts(hex("85 ff 75 03 31 c0 c3 b0 01 c3")));
}

TEST(Layout, BackwardBranches) {
  // loop: dec %edi; 2 nops in pre; jne loop; ret
  CodeUnderTest code(hex("ff cf 66 90 75 fa c3"));
  EXPECT_TRUE(code.accepts(hex("ff cf 75 fc c3")));
  EXPECT_TRUE(code.accepts(hex("ff cf 0f85 f8ffffff c3")));
  EXPECT_FALSE(code.accepts(hex("ff cf 75 fd c3")));
}

TEST(Layout, ReferencesAreProvedWhereTheyMovedTo) {
  CodeUnderTest code(hex("74 05 e8 00000000 c3"));
  code.refer(3, "callee", kElsewhere);
  const auto run = [&](std::uint64_t target) {
    return hex("0f84 05000000") + branch32(hex("e8"), kFunction + 6, target) + hex("c3");
  };
  EXPECT_TRUE(code.accepts(run(kElsewhere)));
  EXPECT_FALSE(code.accepts(run(kElsewhere + 4)));
}

TEST(Layout, NearJumpToAnotherSectionMadeShort) {
  CodeUnderTest code(hex("e9 00000000"));
  code.refer(1, "next", kFunction + 0x40);
  EXPECT_TRUE(code.accepts(hex("eb 3e")));
  EXPECT_FALSE(code.accepts(hex("eb 3d")));
}

TEST(Layout, SitesAreComparedWhereTheyMovedTo) {
  CodeUnderTest code(hex("74 03 f0 ff 07 c3"));
  code.builder.listed(".smp_locks", code.section, 2);
  EXPECT_TRUE(code.accepts(hex("0f84 03000000 3e ff 07 c3")));
  EXPECT_FALSE(code.accepts(hex("0f84 03000000 2e ff 07 c3")));
}

// A static key's jump in code whose layout differs: to the same instruction, not the same offset.
TEST(Layout, StaticKeyJumpsWhereTheTargetMovedTo) {
  CodeUnderTest code(hex("66 90 74 02 31 c0 31 c9 31 d2 31 db c3"));
  code.builder.static_key(code.section, 0, 8);  // xor %edx,%edx
  const ByteVector rest = hex("0f84 02000000 31 c0 31 c9 31 d2 31 db c3");
  EXPECT_TRUE(code.accepts(hex("66 90") + rest));
  EXPECT_TRUE(code.accepts(hex("eb 0a") + rest));   // xor %edx,%edx, four bytes on
  EXPECT_FALSE(code.accepts(hex("eb 06") + rest));  // the old offset: xor %eax,%eax
}

// What refers to a place inside the code itself moves with it too.
TEST(Layout, OwnAddressesMoveToo) {
  CodeUnderTest code(hex("74 02 31 c9 48 8d 05 00000000 31 c0 c3 90"));
  code.builder.relocate(code.section, 7, code.builder.section_symbol(code.section), R_X86_64_PC32,
                        11 - 4);  // lea of the xor
  const auto run = [](const char* displacement) {
    return hex("0f84 02000000 31 c9 48 8d 05") + hex(displacement) + hex("31 c0 c3");
  };
  EXPECT_TRUE(code.accepts(run("00000000")));
  EXPECT_FALSE(code.accepts(run("fcffffff")));  // the old offset
  EXPECT_FALSE(code.accepts(run("02000000")));
}

TEST(Layout, OnlyASectionThatIsOneFunction) {
  ObjectBuilder builder;
  const auto code = builder.section(".text", ObjectBuilder::kCode, kShortPre + hex("c3"));
  builder.symbol("f", code, 0, 10);
  builder.symbol("g", code, 10, 1);
  CodeUnderTest test(hex("c3"));
  test.builder = builder;
  test.section = code;
  EXPECT_TRUE(test.accepts(kShortPre + hex("c3")));
  EXPECT_FALSE(test.accepts(kNearRun + hex("c3")));
}

// shr $12,%eax at +8, whose shift the kernel wrote at start-up.
TEST(Layout, ConstantAtTheEndOfAnInstruction) {
  CodeUnderTest code(hex("85 ff 0f84 03000000 c1 e8 0c c3 31 c0 c3"));
  code.builder.listed("runtime_shift_d_hash_shift", code.section, 10);
  code.image.symbol(kElsewhere, "d_hash_shift", 'd');
  code.image.put(kElsewhere, hex("15000000"));
  EXPECT_TRUE(code.accepts(hex("85 ff 74 03 c1 e8 15 c3 31 c0 c3")));
  EXPECT_FALSE(code.accepts(hex("85 ff 74 04 c1 e8 15 c3 31 c0 c3")));  // leads elsewhere
  EXPECT_FALSE(code.accepts(hex("85 ff 74 03 c1 e8 16 c3 31 c0 c3")));
  EXPECT_FALSE(code.accepts(hex("85 ff 74 03 c1 e9 15 c3 31 c0 c3")));
}

TEST(Layout, PaddingBeforeTheFunctionStays) {
  const ByteVector padding(16, 0x90);
  CodeUnderTest test(hex("c3"));
  test.section = test.builder.padded_function("padded", kShortPre);
  EXPECT_TRUE(test.accepts(padding + kShortPre));
  EXPECT_TRUE(test.accepts(padding + kNearRun));
  EXPECT_EQ(test.compare(padding + kNearRun).run_offset(SectionOffset(16 + 4)), 16u + 8);
  // The entry is where the symbol is, and what stands before it is looked at.
  EXPECT_FALSE(test.accepts(ByteVector(15, 0x90) + kNearRun));
  EXPECT_EQ(test.refusal(ByteVector(15, 0x90) + hex("cc") + kShortPre), "the code differs");
  EXPECT_FALSE(test.accepts(ByteVector(15, 0x90) + hex("cc") + kNearRun));
}

TEST(Layout, BytesThatNobodyKnowsMustBeIdentical) {
  CodeUnderTest code(hex("74 02 06 07 31 c0 c3"));
  EXPECT_TRUE(code.accepts(hex("74 02 06 07 31 c0 c3")));
  EXPECT_FALSE(code.accepts(hex("0f84 02000000 06 07 31 c0 c3")));
}

}  // namespace
}  // namespace splicer
