// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/number_functions.h"

#include <gtest/gtest.h>

namespace splicer {
namespace {

TEST(NumberFunctions, UnderTheNamesThatMacrosBecome) {
  for (const char* name :
       {"test_bit", "_test_bit", "const_test_bit", "arch_test_bit", "constant_test_bit"}) {
    const NumberFunction* found = number_function(name, 2);
    ASSERT_NE(found, nullptr) << name;
    EXPECT_TRUE(found->tests && found->is_bit && !found->stores) << name;
  }
  EXPECT_EQ(number_function("kfree", 2), nullptr);
  EXPECT_EQ(number_function("", 2), nullptr);
  EXPECT_EQ(number_function("___", 2), nullptr);
}

TEST(NumberFunctions, WhatTakesANumberAway) {
  EXPECT_TRUE(number_function("clear_bit", 2)->clears);
  EXPECT_TRUE(number_function("test_and_clear_bit", 2)->clears);
  EXPECT_TRUE(number_function("atomic_andnot", 2)->clears);
  EXPECT_FALSE(number_function("set_bit", 2)->clears);
  EXPECT_EQ(number_function("atomic_set", 2)->constant, 1U);
}

// A patch may define a function of any name.
TEST(NumberFunctions, OneThatIsOnlyNamedSo) {
  EXPECT_EQ(number_function("test_bit", 1), nullptr);
  EXPECT_EQ(number_function("xa_get_mark", 2), nullptr);
  EXPECT_NE(number_function("xa_get_mark", 3), nullptr);
  EXPECT_EQ(number_function("xa_find", 0), nullptr);
}

TEST(NumberFunctions, MaskOfABit) {
  EXPECT_EQ(mask_of_bit(0), 1);
  EXPECT_EQ(mask_of_bit(62), std::int64_t{1} << 62);
  EXPECT_EQ(mask_of_bit(63), std::nullopt);
  EXPECT_EQ(mask_of_bit(-1), std::nullopt);
}

}  // namespace
}  // namespace splicer
