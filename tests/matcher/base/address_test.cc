// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/base/address.h"

#include <gtest/gtest.h>

#include <concepts>
#include <type_traits>
#include <unordered_set>
#include <utility>

namespace splicer {
namespace {

template <typename A, typename B>
concept Adds = requires(A a, B b) {
  a + b;
};
template <typename A, typename B>
concept Subtracts = requires(A a, B b) {
  a - b;
};
template <typename A, typename B>
concept Compares = requires(A a, B b) {
  a < b;
};
template <typename A, typename B>
concept Equals = requires(A a, B b) {
  a == b;
};

TEST(Address, NumbersEnterAndLeaveASpaceOnlyExplicitly) {
  static_assert(!std::is_convertible_v<std::uint64_t, RunAddress>);
  static_assert(!std::is_convertible_v<RunAddress, std::uint64_t>);
  static_assert(std::is_constructible_v<RunAddress, std::uint64_t>);
  static_assert(!Equals<RunAddress, std::uint64_t>);
}

TEST(Address, TheSpacesDoNotMix) {
  static_assert(!std::is_constructible_v<RunAddress, SectionOffset>);
  static_assert(!std::is_constructible_v<SectionOffset, FileOffset>);
  static_assert(!std::is_convertible_v<SectionOffset, RunAddress>);
  static_assert(!Adds<RunAddress, FileOffset>);
  static_assert(!Adds<RunAddress, RunAddress>);
  static_assert(!Subtracts<RunAddress, FileOffset>);
  static_assert(!Subtracts<SectionOffset, RunAddress>);
  static_assert(!Subtracts<std::uint64_t, RunAddress>);
  static_assert(!Compares<SectionOffset, FileOffset>);
  static_assert(!Equals<RunAddress, SectionOffset>);
}

TEST(Address, ExchangedArgumentsDoNotCompile) {
  const auto prove = [](SectionOffset, RunAddress) {};
  static_assert(std::invocable<decltype(prove), SectionOffset, RunAddress>);
  static_assert(!std::invocable<decltype(prove), RunAddress, SectionOffset>);
}

TEST(Address, MovesByBytesAndHasDistances) {
  RunAddress address(0xffffffff81000000);
  EXPECT_EQ((address + 16).value(), 0xffffffff81000010);
  EXPECT_EQ((address - 16).value(), 0xffffffff80fffff0);
  EXPECT_EQ(address + 16 - address, 16U);
  address += 5;
  address -= 1;
  EXPECT_EQ(address.value(), 0xffffffff81000004);
  EXPECT_EQ(RunAddress().value(), 0U);
}

TEST(Address, ASectionsBeginningAndAnOffsetMakeAnAddress) {
  const RunAddress section(0xffffffff81000000);
  EXPECT_EQ(section + SectionOffset(8), RunAddress(0xffffffff81000008));
  EXPECT_EQ(RunAddress(0xffffffff81000008) - SectionOffset(8), section);
}

TEST(Address, OffsetsCompareWithSizes) {
  EXPECT_LT(SectionOffset(7), 8U);
  EXPECT_EQ(FileOffset(8), 8U);
  static_assert(!Compares<RunAddress, std::uint64_t>);
}

TEST(Address, WrapsAsRelocationsDo) {
  EXPECT_EQ(RunAddress(0x10) + static_cast<std::uint64_t>(-0x20), RunAddress(0xfffffffffffffff0));
  EXPECT_EQ(RunAddress(0) - RunAddress(1), UINT64_MAX);
}

TEST(Address, IsOrderedAndHashed) {
  EXPECT_LT(SectionOffset(1), SectionOffset(2));
  EXPECT_EQ(FileOffset(7), FileOffset(7));
  EXPECT_NE(FileOffset(7), FileOffset(8));
  const std::unordered_set<RunAddress> set{RunAddress(1), RunAddress(2), RunAddress(1)};
  EXPECT_EQ(set.size(), 2U);
}

TEST(Address, IsPrintedInHex) {
  EXPECT_EQ(fmt::format("{}", RunAddress(0xffffffff81000000)), "0xffffffff81000000");
  EXPECT_EQ(fmt::format("+{}", SectionOffset(0)), "+0x0");
}

}  // namespace
}  // namespace splicer
