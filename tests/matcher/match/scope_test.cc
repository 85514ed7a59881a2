// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/match/scope.h"

#include <elf.h>
#include <gtest/gtest.h>

namespace splicer {
namespace {

KernelSymbol kernel(char letter, const char* module = "vmlinux") {
  return {RunAddress(0xffffffff81000000), letter, "foo", module};
}

TEST(Scope, WhatVmlinuxMayReferTo) {
  EXPECT_TRUE(is_visible(kernel('T'), "vmlinux"));
  EXPECT_TRUE(is_visible(kernel('w'), "vmlinux"));
  EXPECT_TRUE(is_visible(kernel('A'), "vmlinux"));
  EXPECT_FALSE(is_visible(kernel('t'), "vmlinux"));
  EXPECT_FALSE(is_visible(kernel('T', "snd"), "vmlinux"));
}

TEST(Scope, WhatAModuleMayReferTo) {
  EXPECT_TRUE(is_visible(kernel('t', "tun"), "tun"));
  EXPECT_TRUE(is_visible(kernel('T'), "tun"));
  EXPECT_FALSE(is_visible(kernel('d'), "tun"));
  EXPECT_TRUE(is_visible(kernel('T', "veth"), "tun"));
  EXPECT_FALSE(is_visible(kernel('t', "veth"), "tun"));
}

TEST(Scope, WhatTheObjectDefinesIsOfItsTarget) {
  Symbol own;
  own.section = 1;
  own.bind = STB_LOCAL;
  MatchOptions options;
  EXPECT_TRUE(in_scope(own, kernel('t'), options));
  EXPECT_FALSE(in_scope(own, kernel('T', "snd"), options));
  EXPECT_FALSE(in_scope(own, kernel('t', "splice_0123_0"), options));
  options.update_modules = {"splice_0123_0"};
  EXPECT_TRUE(in_scope(own, kernel('t', "splice_0123_0"), options));
  own.bind = STB_WEAK;
  EXPECT_FALSE(in_scope(own, kernel('t'), options));
  EXPECT_TRUE(in_scope(own, kernel('T'), options));
}

}  // namespace
}  // namespace splicer
