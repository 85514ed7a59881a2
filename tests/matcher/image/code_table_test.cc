// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/image/code_table.h"

#include <gtest/gtest.h>

#include "tests/support/fake_image.h"
#include "tests/support/object_builder.h"

namespace splicer {
namespace {

constexpr std::uint64_t kTable = 0xffffffff82000000;

ByteVector entry(std::uint64_t at, std::uint64_t code) { return le32(code - at) + le32(7); }

TEST(CodeTable, ByTheCodeThatEntriesAreAbout) {
  const CodeTable table(RunAddress(kTable), 8,
                        entry(kTable, kTable - 0x100) + entry(kTable + 8, kTable - 0x300) +
                            entry(kTable + 16, kTable - 0x200) + hex("01 02 03"));
  const auto found = table.about(RunAddress(kTable - 0x300), RunAddress(kTable - 0x100));
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].code, RunAddress(kTable - 0x300));
  EXPECT_EQ(table.address(found[0]), RunAddress(kTable + 8));
  EXPECT_EQ(load<std::uint32_t>(table.bytes(found[1]), 4), 7u);
}

TEST(CodeTable, EndsWhereAnEntryLeadsToItself) {
  const CodeTable table(RunAddress(kTable), 8,
                        entry(kTable, kTable - 8) + ByteVector(8) + entry(kTable + 16, kTable - 8));
  EXPECT_EQ(table.about(RunAddress(), RunAddress(UINT64_MAX)).size(), 1u);
}

TEST(CodeTable, OfVmlinuxBetweenTwoSymbols) {
  FakeImage image;
  image.put(kTable, entry(kTable, kTable - 8) + entry(kTable + 8, kTable - 16));
  EXPECT_EQ(code_table(image, "vmlinux", "__ex_table", 8), nullptr);
  FakeImage listed(image);
  listed.symbol(kTable, "__start___ex_table", 'R');
  listed.symbol(kTable + 8, "__stop___ex_table", 'R');
  const auto table = code_table(listed, "vmlinux", "__ex_table", 8);
  ASSERT_NE(table, nullptr);
  EXPECT_EQ(table->about(RunAddress(), RunAddress(UINT64_MAX)).size(), 1u);
  EXPECT_EQ(code_table(listed, "vmlinux", "__ex_table", 8), table);  // read once
}

TEST(CodeTable, ARunningKernelHasFreedTheAlternatives) {
  FakeImage image;
  image.put(kTable, entry(kTable, kTable - 8));
  image.symbol(kTable, "__alt_instructions", 't');
  image.symbol(kTable + 8, "__alt_instructions_end", 't');
  EXPECT_EQ(code_table(image, "vmlinux", ".altinstructions", 8), nullptr);
}

TEST(CodeTable, OfAModuleToWhereNothingIsMapped) {
  FakeImage image;
  image.put(kTable, entry(kTable, kTable - 8) + entry(kTable + 8, kTable - 16));
  image.fill(kTable + 16, 4096 - 16, 0);
  image.section("tun", "__ex_table", {RunAddress(kTable), RunAddress(UINT64_MAX)});
  const auto table = code_table(image, "tun", "__ex_table", 8);
  ASSERT_NE(table, nullptr);
  EXPECT_EQ(table->about(RunAddress(), RunAddress(UINT64_MAX)).size(), 2u);
  EXPECT_EQ(code_table(image, "tun", "__bug_table", 12), nullptr);
}

}  // namespace
}  // namespace splicer
