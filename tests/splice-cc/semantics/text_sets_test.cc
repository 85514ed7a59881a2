// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/text_sets.h"

#include <gmock/gmock.h>

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(TextSets, WhatOneHasThatTheOtherHasNot) {
  EXPECT_THAT(without<std::string>({"a", "b"}, {"b", "c"}), ElementsAre("a"));
  EXPECT_THAT(without<int>({1}, {1}), IsEmpty());
  EXPECT_EQ(list<std::string>({"b", "a"}), "a, b");
}

TEST(TextSets, ByPlace) {
  TextsByPlace all = {{"foo.id", {"+1"}}};
  EXPECT_THAT(at(all, "foo.id"), ElementsAre("+1"));
  EXPECT_THAT(at(all, "foo.other"), IsEmpty());
  merge(all, {{"foo.id", {"+2"}}, {"bar.id", {"+3"}}});
  EXPECT_THAT(at(all, "foo.id"), ElementsAre("+1", "+2"));
  EXPECT_THAT(at(all, "bar.id"), ElementsAre("+3"));
}

TEST(TextSets, ExchangedIsBothGoneAndCome) {
  EXPECT_TRUE(exchanged({{"a", {"1"}}}, {{"a", {"2"}}}, "a"));
  EXPECT_FALSE(exchanged({{"a", {"1"}}}, {{"a", {"1", "2"}}}, "a"));
  EXPECT_FALSE(exchanged({{"a", {"1", "2"}}}, {{"a", {"1"}}}, "a"));
  EXPECT_FALSE(exchanged({{"a", {"1"}}}, {}, "a"));
}

}  // namespace
}  // namespace splicer
