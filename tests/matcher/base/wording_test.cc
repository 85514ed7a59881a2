// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/base/wording.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace splicer {
namespace {

TEST(Wording, Example) {
  setenv("TZ", "UTC", 1);
  tzset();
  // [values matcher/base/wording.h]
  EXPECT_EQ(counted(1, "function"), "1 function");
  EXPECT_EQ(counted(2, "function"), "2 functions");
  EXPECT_EQ(functions_and_values(2, 1), "2 functions and 1 value");
  EXPECT_EQ(microseconds(21437), "21.4");
  EXPECT_EQ(local_time(1795446000), "2026-11-23T15:00:00+0000");
  EXPECT_EQ(utc_time(1795446000), "2026-11-23T15:00:00Z");
  // [end]
}

TEST(Wording, OneAndMany) {
  EXPECT_EQ(counted(0, "function"), "0 functions");
  EXPECT_EQ(counted(1, "function"), "1 function");
  EXPECT_EQ(counted(2, "byte"), "2 bytes");
  EXPECT_EQ(functions_and_values(0, 0), "0 functions");
  EXPECT_EQ(functions_and_values(1, 0), "1 function");
  EXPECT_EQ(functions_and_values(0, 2), "2 values");
}

TEST(Wording, Times) {
  EXPECT_EQ(microseconds(21437), "21.4");
  EXPECT_EQ(microseconds(999), "0.9");
  EXPECT_FALSE(local_time(~std::uint64_t{0}).empty());
}

}  // namespace
}  // namespace splicer
