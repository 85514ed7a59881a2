// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/base/safe_path.h"

#include <gtest/gtest.h>

#include <string>

namespace splicer {
namespace {

TEST(SafePath, Example) {
  // [values matcher/base/safe_path.h]
  EXPECT_EQ(is_safe_path("pre/kernel/fork.o"), true);
  EXPECT_EQ(is_safe_path("../fork.o"), false);
  EXPECT_EQ(is_safe_path("/fork.o"), false);
  EXPECT_EQ(is_safe_path("a//b"), false);
  // [end]
}

TEST(SafePath, NeverLeadsOut) {
  EXPECT_TRUE(is_safe_path("pre/kernel/fork.o"));
  EXPECT_TRUE(is_safe_path("a..b"));
  EXPECT_FALSE(is_safe_path("a/"));
  for (const char* path : {"", ".", "..", "/fork.o", "../fork.o", "a/../b", "a//b", "a/./b"})
    EXPECT_FALSE(is_safe_path(path)) << path;
  for (const char* path : {"a\\b", "a\nb", "a\x7f", "\xc3\xa4"}) EXPECT_FALSE(is_safe_path(path));
  EXPECT_FALSE(is_safe_path(std::string(256, 'a')));
  EXPECT_FALSE(is_safe_path(std::string_view("a\0b", 3)));
}

}  // namespace
}  // namespace splicer
