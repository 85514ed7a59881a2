// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/numbered_name.h"

#include <gtest/gtest.h>

namespace splicer {
namespace {

TEST(NumberedName, WithoutTheNumber) {
  EXPECT_EQ(unnumbered("count.1234"), "count");
  EXPECT_EQ(unnumbered("__func__.0"), "__func__");
  EXPECT_EQ(unnumbered("__UNIQUE_ID_ddebug567.8"), "__UNIQUE_ID_ddebug");
  EXPECT_EQ(unnumbered("__UNIQUE_ID_ddebug567"), "__UNIQUE_ID_ddebug");
  EXPECT_EQ(unnumbered("count"), "");
  EXPECT_EQ(unnumbered("count1"), "");
  EXPECT_EQ(unnumbered("f.isra.0.cold"), "");
  EXPECT_EQ(unnumbered(""), "");
  EXPECT_EQ(unnumbered("12"), "");
}

}  // namespace
}  // namespace splicer
