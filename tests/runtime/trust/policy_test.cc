// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/trust/policy.h"

#include <gtest/gtest.h>

#include "matcher/base/file.h"

namespace splicer {
namespace {

TEST(Policy, YesAndNo) {
  for (const char* text :
       {"require-signature = yes\n", "require-signature=yes", "\trequire-signature\t=\tyes \n",
        "# a comment\n\n   # another\nrequire-signature = yes\n\n"}) {
    const auto policy = parse_policy(text, "splice.conf");
    ASSERT_TRUE(policy) << text << policy.error().message;
    EXPECT_TRUE(policy->is_set && policy->require_signature) << text;
  }
  const auto no = parse_policy("require-signature = no\n", "splice.conf");
  EXPECT_TRUE(no->is_set && !no->require_signature);
}

TEST(Policy, UnpatchedModules) {
  const auto refuses = [](const std::string& more) {
    return parse_policy("require-signature = yes\n" + more, "splice.conf")->refuse_unpatched;
  };
  EXPECT_TRUE(refuses(""));
  EXPECT_TRUE(refuses("unpatched-modules = refuse\n"));
  EXPECT_FALSE(refuses("unpatched-modules = load\n"));
  for (const char* wrong :
       {"unpatched-modules = yes\n", "unpatched-modules =\n", "unpatched = load\n",
        "unpatched-modules = load\nunpatched-modules = load\n"}) {
    const auto policy = parse_policy(std::string(wrong) + "require-signature = yes\n", "c");
    ASSERT_FALSE(policy) << wrong;
    EXPECT_EQ(policy.error().code, "config-malformed");
  }
  EXPECT_FALSE(parse_policy("unpatched-modules = load\n", "c"));
}

// With its line: nothing that is mistyped counts for a no.
TEST(Policy, WhatIsWrong) {
  const std::pair<std::string, const char*> cases[] = {
      {"require-signature = Yes\n", "splice.conf:1"},
      {"require-signature = yes no\n", "splice.conf:1"},
      {"require-signature = yes # always\n", "splice.conf:1"},
      {"require-signature =\n", "splice.conf:1"},
      {"require-signature = \"yes\"\n", "splice.conf:1"},
      {"require-signature yes\n", "splice.conf:1"},
      {"\n# x\nrequire_signature = yes\n", "splice.conf:3"},
      {"require-signature = no\nrequire-signature = yes\n", "splice.conf:2"},
      {"require-signature = yes\r\n", "splice.conf:1"},
      {"# x\r\nrequire-signature = yes\n", "splice.conf:1"},
      {std::string("# x\0y\nrequire-signature = yes\n", 29), "splice.conf:1"},
      {"require-signature = yes\n\nx\n", "splice.conf:3"},
      {"\xef\xbb\xbfrequire-signature = yes\n", "splice.conf:1"},
      {"", "splice.conf"},
      {"# require-signature = yes\n", "splice.conf"},
      {std::string(kMaxPolicyFile + 1, '\n'), "splice.conf"}};
  for (const auto& [text, place] : cases) {
    const auto policy = parse_policy(text, "splice.conf");
    ASSERT_FALSE(policy) << text;
    EXPECT_EQ(policy.error().code, "config-malformed");
    EXPECT_EQ(policy.error().file, place) << text;
    EXPECT_FALSE(policy.error().advice.empty());
  }
}

TEST(Policy, TheFileThatIsInstalled) {
  const auto text = read_text(SPLICE_ETC "/splice.conf");
  ASSERT_TRUE(text);
  const auto policy = parse_policy(*text, "splice.conf");
  ASSERT_TRUE(policy) << policy.error().message;
  EXPECT_TRUE(policy->require_signature);
}

}  // namespace
}  // namespace splicer
