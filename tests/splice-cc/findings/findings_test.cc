// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/findings/findings.h"

#include <gmock/gmock.h>

namespace splicer {
namespace {

using ::testing::HasSubstr;

Finding layout(const std::string& name, unsigned line) {
  Finding finding;
  finding.code = "layout-changed";
  finding.name = name;
  finding.place = {"fs/foo.c", line};
  finding.message = "the patch changes " + name;
  finding.remedy = "keep the type";
  finding.users = {"f"};
  return finding;
}

TEST(Findings, MergedByTitleWithAllUsers) {
  Finding again = layout("struct a", 3);
  again.users = {"g"};
  const auto merged = merge_findings({layout("struct b", 9), layout("struct a", 3), again});
  ASSERT_EQ(merged.size(), 2U);
  EXPECT_EQ(merged[0].name, "struct a");
  EXPECT_THAT(merged[0].users, ::testing::ElementsAre("f", "g"));
}

TEST(Findings, WhatIsSaidExactlyComesFirst) {
  Finding general;
  general.code = "encoding-changed";
  general.name = "struct foo.a";
  general.place = {"f.c", 1};
  Finding exact;
  exact.code = "table-index-changed";
  exact.name = "table";
  exact.place = {"f.c", 9};
  const auto merged = merge_findings({general, exact});
  ASSERT_EQ(merged.size(), 2);
  EXPECT_EQ(merged[0].code, "table-index-changed");
}

TEST(Findings, AcceptTakesExactlyOne) {
  std::vector<Finding> findings = {layout("struct a", 3), layout("struct b", 9)};
  const auto taken = take_accepted(findings, {"layout-changed:struct b"});
  ASSERT_TRUE(taken);
  ASSERT_EQ(taken->size(), 1U);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].name, "struct a");
}

TEST(Findings, AcceptOfNothingIsAnErrorThatListsWhatThereIs) {
  std::vector<Finding> findings = {layout("struct a", 3)};
  const auto taken = take_accepted(findings, {"layout-changed:struct c"});
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, "accept-matches-nothing");
  EXPECT_THAT(taken.error().advice, HasSubstr("'layout-changed:struct a#"));
  std::vector<Finding> none;
  EXPECT_FALSE(take_accepted(none, {"layout-changed:struct c"}));
}

TEST(Findings, RefusalSaysAllOfThem) {
  const Error error = refuse_findings({layout("struct a", 3), layout("struct b", 9)}).take();
  EXPECT_EQ(error.exit, ExitCode::unsafe);
  EXPECT_EQ(error.code, "layout-changed");
  EXPECT_EQ(error.file, "fs/foo.c:3");
  EXPECT_THAT(error.message, HasSubstr("1 more"));
  EXPECT_THAT(error.detail, HasSubstr("--accept 'layout-changed:struct b#"));
}

TEST(Findings, AnAcceptanceIsOfWhatWasSeen) {
  Finding seen = layout("struct a", 3);
  seen.was = "int a at 0";
  Finding moved = seen;
  moved.place.line = 9;
  EXPECT_EQ(moved.acceptance(), seen.acceptance()) << "a line is not what was seen";
  Finding other = seen;
  other.was = "long a at 0";
  EXPECT_NE(other.acceptance(), seen.acceptance());
  EXPECT_TRUE(is_accepted(seen, {seen.acceptance()}));
  EXPECT_FALSE(is_accepted(other, {seen.acceptance()}));
  EXPECT_TRUE(is_accepted(other, {"layout-changed:struct a"}));

  std::vector<Finding> both = merge_findings({seen, other});
  ASSERT_EQ(both.size(), 2U) << "two changes of one name are two findings";
  const auto taken = take_accepted(both, {"layout-changed:struct a"});
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, "accept-ambiguous");
  EXPECT_TRUE(take_accepted(both, {other.acceptance()}));
  ASSERT_EQ(both.size(), 1U);
  EXPECT_EQ(both[0].was, seen.was);
}

TEST(Findings, NobodyAcceptsWhatCannotBeMade) {
  Finding finding = layout("struct a", 3);
  finding.acceptable = false;
  EXPECT_FALSE(is_accepted(finding, {finding.title()}));
  EXPECT_THAT(refuse_findings({finding}).take().detail, HasSubstr("cannot be accepted"));
}

}  // namespace
}  // namespace splicer
