// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/package/update_name.h"

#include <gtest/gtest.h>

namespace splicer {
namespace {

TEST(UpdateName, Essay) {
  // [values runtime/package/update_name.h]
  EXPECT_EQ(default_name({"tun: check the caller"}, {"CVE-2026-1234"}), "CVE-2026-1234");
  EXPECT_EQ(default_name({"tun: check the caller"}, {}), "tun-check-the-caller");
  EXPECT_EQ(default_name({"mm: one", "mm: two", "mm: three"}, {}), "mm-one-and-2-more");
  EXPECT_EQ(default_name({"face"}, {}), "fix-face");
  // [end]
}

TEST(UpdateName, OfAFile) {
  EXPECT_EQ(default_name({"0001-fix.patch"}, {}), "0001-fix");
  EXPECT_EQ(default_name({"x.diff"}, {"CVE-2026-1234", "CVE-2026-1235"}), "x");
}

TEST(UpdateName, WhateverTheTitlesAreItIsAName) {
  for (const std::string& title :
       {std::string(), std::string("..."), std::string("\033[2J\n"),
        std::string("\xc3\xa4\xc3\xb6"), std::string(1000, 'a'), std::string(1000, '-'),
        std::string(1000, 'x'), std::string("0123"), std::string("../../etc/passwd"),
        std::string("a.tar"), std::string("-rf"), std::string("_x_"),
        "word " + std::string(500, 'y')})
    for (const std::size_t count : {1U, 2U, 100000U}) {
      const std::string name = default_name(std::vector<std::string>(count, title), {});
      EXPECT_TRUE(is_update_name(name)) << name;
    }
  EXPECT_TRUE(is_update_name(default_name({}, {})));
}

TEST(UpdateName, WhatIsNone) {
  for (const std::string& text :
       {std::string(), std::string("0123"), std::string("deadbeef"), std::string("f"),
        std::string("splice-1.tar"), std::string("a b"), std::string("a/b"), std::string(".."),
        std::string("-x"), std::string(".x"), std::string("x\n"), std::string("x\033[2J"),
        std::string("x\0y", 3), std::string("\xc3\xa4"), std::string("x*"), std::string(65, 'x')})
    EXPECT_FALSE(is_update_name(text)) << text;
  for (const char* text : {"CVE-2026-1234", "x", "6.1.187-1", "a_b+c", "Fix"})
    EXPECT_TRUE(is_update_name(text)) << text;
}

}  // namespace
}  // namespace splicer
