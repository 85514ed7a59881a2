// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/image/kallsyms_table.h"

#include <gtest/gtest.h>

#include <cstring>

#include "tests/support/kernel_samples.h"

namespace splicer {
namespace {

constexpr std::uint64_t kBase = 0xffffffff81000000;

void expect_all(const Result<std::vector<KernelSymbol>>& decoded) {
  ASSERT_TRUE(decoded) << decoded.error().message;
  const auto symbols = kernel_symbols(kBase);
  ASSERT_EQ(decoded->size(), symbols.size());
  for (std::size_t i = 0; i < symbols.size(); i++) {
    EXPECT_EQ((*decoded)[i].name, symbols[i].name);
    EXPECT_EQ((*decoded)[i].type, symbols[i].type);
    EXPECT_EQ((*decoded)[i].address, symbols[i].address);
    EXPECT_EQ((*decoded)[i].module, "vmlinux");
  }
}

ByteVector read_only_data(KallsymsLayout layout) {
  // Other data around it; a run of digits before it must not be taken for the tokens.
  const ByteVector before = hex("ff ff ff ff 01 00 00 00 30 00 31 00 32 00 33 00 34 00 35 00") +
                            hex("36 00 37 00 38 00 39 00") + ByteVector(132, 0xab);
  return before + kallsyms_table(kernel_symbols(kBase), layout) + ByteVector(64, 0xcd);
}

TEST(KallsymsTable, DecodesTheLayoutOfLinux61) {
  expect_all(decode_kallsyms(read_only_data(KallsymsLayout::linux_6_1), "vmlinux"));
}

TEST(KallsymsTable, DecodesTheLaterLayout) {
  expect_all(decode_kallsyms(read_only_data(KallsymsLayout::later), "vmlinux"));
}

TEST(KallsymsTable, NothingThere) {
  for (const std::size_t size : {0u, 1u, 19u, 20u, 4096u}) {
    const ByteVector nothing(size);
    const auto decoded = decode_kallsyms(nothing, "vmlinux");
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().code, "kallsyms-not-found");
    EXPECT_EQ(decoded.error().file, "vmlinux");
    EXPECT_FALSE(decoded.error().advice.empty());
  }
}

TEST(KallsymsTable, TruncatedAnywhere) {
  const ByteVector whole = kallsyms_table(kernel_symbols(kBase), KallsymsLayout::later);
  for (std::size_t size = 0; size + 8 <= whole.size(); size += 37) {
    const ByteVector part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(decode_kallsyms(part, "vmlinux")) << "of " << size << " bytes";
  }
}

// What the three tables say must agree: a byte changed in any of them is noticed, or changes
// letters of names only.
TEST(KallsymsTable, DamagedAnywhere) {
  const ByteVector whole = kallsyms_table(kernel_symbols(kBase), KallsymsLayout::linux_6_1);
  const std::size_t count = kernel_symbols(kBase).size();
  for (std::size_t at = 0; at < whole.size(); at += 11) {
    ByteVector data = whole;
    data[at] ^= 0xff;
    const auto decoded = decode_kallsyms(data, "vmlinux");
    if (!decoded) continue;
    EXPECT_LE(decoded->size(), count);
  }
}

TEST(KallsymsTable, WrongMarkerIsNoTable) {
  ByteVector data = kallsyms_table(kernel_symbols(kBase), KallsymsLayout::linux_6_1);
  const auto symbols = kernel_symbols(kBase);
  const std::size_t offsets = (symbols.size() * 4 + 7) / 8 * 8 + 8;
  std::uint32_t count = 0;
  std::memcpy(&count, &data[offsets], sizeof count);
  ASSERT_EQ(count, symbols.size());
  for (const int change : {1, -1}) {
    ByteVector other = data;
    other[offsets] = static_cast<std::uint8_t>(other[offsets] + change);  // one symbol more or less
    EXPECT_FALSE(decode_kallsyms(other, "vmlinux"));
  }
}

TEST(KallsymsTable, AddressesMustBeSorted) {
  auto symbols = kernel_symbols(kBase);
  std::swap(symbols[5], symbols[6]);
  EXPECT_FALSE(decode_kallsyms(kallsyms_table(symbols, KallsymsLayout::linux_6_1), "vmlinux"));
}

TEST(KallsymsTable, TooFewSymbolsAreNoKernel) {
  auto symbols = kernel_symbols(kBase);
  symbols.resize(200);
  EXPECT_FALSE(decode_kallsyms(kallsyms_table(symbols, KallsymsLayout::linux_6_1), "vmlinux"));
}

// Data in which a table of names might begin at every eighth byte: the search gives up in time.
TEST(KallsymsTable, HostileSearchEnds) {
  const ByteVector tail = kallsyms_table(kernel_symbols(kBase), KallsymsLayout::later);
  ByteVector data;
  for (int i = 0; i < 40000; i++) data = std::move(data) + hex("ff ff 1f 00 01 41 01 41");
  const auto digits = hex("30 00 31 00 32 00 33 00");
  const auto tokens = std::search(tail.begin(), tail.end(), digits.begin(), digits.end());
  ASSERT_NE(tokens, tail.end());
  data.insert(data.end(), tokens - 200, tail.end());
  EXPECT_FALSE(decode_kallsyms(data, "vmlinux"));
}

}  // namespace
}  // namespace splicer
