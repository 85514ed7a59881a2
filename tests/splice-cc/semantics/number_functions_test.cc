// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/number_functions.h"

#include <gtest/gtest.h>

namespace splicer {
namespace {

TEST(NumberFunctions, UnderTheNamesThatMacrosBecome) {
  for (const char* name :
       {"test_bit", "_test_bit", "const_test_bit", "arch_test_bit", "constant_test_bit"}) {
    const NumberFunction* found = number_function(name);
    ASSERT_NE(found, nullptr) << name;
    EXPECT_TRUE(found->tests && found->is_bit && !found->stores) << name;
  }
  EXPECT_EQ(number_function("kfree"), nullptr);
  EXPECT_EQ(number_function(""), nullptr);
  EXPECT_EQ(number_function("___"), nullptr);
}

TEST(NumberFunctions, WhatTakesANumberAway) {
  EXPECT_TRUE(number_function("clear_bit")->clears);
  EXPECT_TRUE(number_function("test_and_clear_bit")->clears);
  EXPECT_TRUE(number_function("atomic_andnot")->clears);
  EXPECT_FALSE(number_function("set_bit")->clears);
  EXPECT_EQ(number_function("atomic_set")->constant, 1U);
}

}  // namespace
}  // namespace splicer
