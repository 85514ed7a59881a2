// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/leave_out.h"

#include <gmock/gmock.h>

#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kSource =
    "struct task {\n"              // 1
    "\tint n;\n"                   // 2
    "};\n"                         // 3
    "\n"                           // 4
    "int limit(int n)\n"           // 5
    "{\n"                          // 6
    "\tuse(n);\n"                  // 7
    "\treturn n;\n"                // 8
    "}\n"                          // 9
    "\n"                           // 10
    "int retry(struct task *t)\n"  // 11
    "{\n"                          // 12
    "\tuse(t->n);\n"               // 13
    "\twait(t);\n"                 // 14
    "\tdone(t);\n"                 // 15
    "\treturn 0;\n"                // 16
    "}\n";                         // 17

// A member more, a check, and two hunks of a function that use the member.
constexpr const char* kPatch =
    "Subject: [PATCH] fork: count tries, check the limit\n"
    "--- a/kernel/fork.c\n"
    "+++ b/kernel/fork.c\n"
    "@@ -1,3 +1,4 @@\n struct task {\n \tint n;\n+\tint tries;\n };\n"
    "@@ -6,2 +7,4 @@ int limit(int n)\n {\n+\tif (n > 100)\n+\t\treturn 0;\n \tuse(n);\n"
    "@@ -12,2 +15,3 @@ int retry(struct task *t)\n {\n+\tt->tries++;\n \tuse(t->n);\n"
    "@@ -14,2 +18,3 @@ int retry(struct task *t)\n \twait(t);\n+\tprint(t->n);\n \tdone(t);\n";

class LeaveOutTest : public ::testing::Test {
 protected:
  LeaveOutTest() { tree.write("kernel/fork.c", kSource); }

  PatchSet patches(const std::string& text) {
    auto patch = parse_patch(text, "fix.patch", tree.path());
    EXPECT_TRUE(patch);
    return PatchSet({*patch});
  }
  LeaveOut of(const std::string& text, const std::vector<std::string>& must = {}) {
    auto selection = LeaveOut::of(patches(text), tree.path(), must);
    EXPECT_TRUE(selection);
    return *selection;
  }
  static Finding finding(const std::string& code, const std::string& name, unsigned line) {
    Finding one;
    one.code = code;
    one.name = name;
    one.place = {"kernel/fork.c", line};
    return one;
  }
  static Error error(const std::string& detail) {
    return fail(ExitCode::error, "compile-failed", "").detail(detail).take();
  }
  static std::string text(const LeaveOut& selection) {
    return selection.patches().patches().empty() ? ""
                                                 : selection.patches().patches()[0].files[0].text;
  }

  TemporaryFolder tree;
};

TEST_F(LeaveOutTest, WhatAFindingIsOfAndWhatDoesNotCompileWithoutIt) {
  LeaveOut selection = of(kPatch);
  EXPECT_TRUE(selection.is_whole());
  ASSERT_TRUE(selection.leave_out(error(""), {finding("layout-changed", "struct task", 1)}));
  EXPECT_THAT(text(selection), ::testing::Not(HasSubstr("int tries")));
  EXPECT_THAT(text(selection), HasSubstr("t->tries++"));
  // Line 14 of the new file is now "t->tries++". The function's other hunk goes along.
  ASSERT_TRUE(selection.leave_out(
      error("  kernel/fork.c:15:4: error: 'struct task' has no member named 'tries'\n"), {}));
  EXPECT_THAT(text(selection), HasSubstr("n > 100"));
  EXPECT_THAT(text(selection), ::testing::Not(HasSubstr("print")));
  EXPECT_THAT(selection.left_out(),
              ElementsAre("kernel/fork.c, line 3: layout-changed:struct task",
                          "kernel/fork.c, line 13: compile-failed: 'struct task' has no member "
                          "named 'tries'",
                          "kernel/fork.c, line 15: compile-failed: 'struct task' has no member "
                          "named 'tries'"));
  EXPECT_THAT(selection.doubtful(), ElementsAre(2));
}

TEST_F(LeaveOutTest, ByNameWhereNoPlaceIsSaid) {
  LeaveOut selection = of(kPatch);
  Finding nowhere = finding("something", "retry.3", 0);
  nowhere.place.file = "kernel/other.c";
  ASSERT_TRUE(selection.leave_out(error(""), {nowhere}));
  EXPECT_THAT(selection.left_out(), SizeIs(2));
}

TEST_F(LeaveOutTest, WhatMustStay) {
  LeaveOut selection = of(kPatch, {"retry"});
  ASSERT_TRUE(selection.leave_out(error(""), {finding("layout-changed", "struct task", 1)}));
  EXPECT_FALSE(selection.leave_out(
      error("kernel/fork.c:15:4: error: 'struct task' has no member named 'tries'\n"), {}));
  EXPECT_EQ(LeaveOut::of(patches(kPatch), tree.path(), {"no_such_name"}).error().code,
            "must-matches-nothing");
}

TEST_F(LeaveOutTest, AMissingCompilerIsNobodysFault) {
  LeaveOut selection = of(kPatch);
  EXPECT_FALSE(selection.leave_out(error("sh: gcc-12: not found\n"), {}));
  EXPECT_TRUE(selection.is_whole());
}

// limit() loses a check that retry() gets: without the one, the other would be a hole.
TEST_F(LeaveOutTest, ACheckThatMovesIsNotLost) {
  const std::string moved =
      "--- a/kernel/fork.c\n"
      "+++ b/kernel/fork.c\n"
      "@@ -6,3 +6,2 @@ int limit(int n)\n {\n-\tuse(n);\n \treturn n;\n"
      "@@ -12,3 +11,3 @@ int retry(struct task *t)\n {\n-\tuse(t->n);\n+\tuse(t->old);\n "
      "\twait(t);\n";
  LeaveOut apart = of(moved);
  ASSERT_TRUE(apart.leave_out(error(""), {finding("lock-discipline", "retry", 10)}));
  EXPECT_THAT(apart.left_out(), SizeIs(1)) << "use(n) is another call than use(t->old)";

  const std::string check =
      "--- a/kernel/fork.c\n"
      "+++ b/kernel/fork.c\n"
      "@@ -6,3 +6,2 @@ int limit(int n)\n {\n-\tif (!capable(CAP)) return;\n \treturn n;\n"
      "@@ -12,2 +11,3 @@ int retry(struct task *t)\n {\n+\t  if (!capable(CAP))  return;\n "
      "\tuse(t->n);\n";
  LeaveOut together = of(check);
  ASSERT_TRUE(together.leave_out(error(""), {finding("lock-discipline", "retry", 10)}));
  EXPECT_TRUE(together.is_empty());
  EXPECT_THAT(together.doubtful(), IsEmpty());
  LeaveOut kept = of(check, {"limit"});
  EXPECT_FALSE(kept.leave_out(error(""), {finding("lock-discipline", "retry", 10)}));
}

// The new flag means something to the limit() of the patch only.
TEST_F(LeaveOutTest, ANewCallOfWhatIsLeftOut) {
  const std::string call =
      "--- a/kernel/fork.c\n"
      "+++ b/kernel/fork.c\n"
      "@@ -7,2 +7,2 @@ int limit(int n)\n-\tuse(n);\n+\tuse(n & 1);\n \treturn n;\n"
      "@@ -13,2 +13,2 @@ int retry(struct task *t)\n-\tuse(t->n);\n+\tuse(limit(t->n | 2));\n "
      "\twait(t);\n";
  LeaveOut selection = of(call);
  ASSERT_TRUE(selection.leave_out(error(""), {finding("table-index-changed", "limit", 5)}));
  EXPECT_TRUE(selection.is_empty());
  EXPECT_THAT(selection.left_out()[1], HasSubstr("it calls limit, whose change is left out"));
  // The other way round the callee may stay.
  LeaveOut callee = of(call);
  ASSERT_TRUE(callee.leave_out(error(""), {finding("table-index-changed", "retry", 11)}));
  EXPECT_THAT(callee.left_out(), SizeIs(1));
  EXPECT_FALSE(of(call, {"retry"}).leave_out(error(""), {finding("code", "limit", 5)}));
}

TEST_F(LeaveOutTest, HalfOfAPair) {
  const std::string pair =
      "--- a/kernel/fork.c\n"
      "+++ b/kernel/fork.c\n"
      "@@ -6,2 +6,3 @@ int limit(int n)\n {\n+\tkref_get(&all);\n \tuse(n);\n"
      "@@ -12,2 +13,3 @@ int retry(struct task *t)\n {\n+\tkref_put(&all, end);\n \tuse(t->n);\n";
  LeaveOut selection = of(pair);
  Finding half = finding("reference-discipline", "limit", 5);
  half.refuse = false;
  half.counted = "kref";
  half.change = 1;
  EXPECT_FALSE(selection.has_half({half}));
  ASSERT_TRUE(selection.leave_out(error(""), {finding("signature-changed", "retry", 12)}));
  EXPECT_TRUE(selection.has_half({half}));
  ASSERT_TRUE(selection.leave_out_halves({half}));
  EXPECT_TRUE(selection.is_empty());
}

TEST_F(LeaveOutTest, TakenBack) {
  LeaveOut selection = of(kPatch);
  ASSERT_TRUE(selection.leave_out(error("kernel/fork.c:8:1: error: 'n' undeclared\n"), {}));
  ASSERT_THAT(selection.doubtful(), SizeIs(1));
  const std::size_t part = selection.doubtful()[0];
  selection.take_back(part);
  EXPECT_TRUE(selection.is_whole());
  selection.leave_again(part);
  EXPECT_FALSE(selection.is_whole());
}

TEST_F(LeaveOutTest, ByTheirNumbersWithWhatDependsOnThem) {
  LeaveOut selection = of(kPatch);
  selection.leave_out_hunks({2}, "not today");  // retry() has two hunks
  EXPECT_THAT(selection.kept(), ElementsAre(0, 1));
  EXPECT_THAT(selection.reasons(),
              ElementsAre(::testing::Pair(2, "not today"), ::testing::Pair(3, "not today")));
}

// In a release, a line that goes in one driver and comes in another says nothing, unless they are beside each other.
TEST_F(LeaveOutTest, AMoveWithinAReleaseIsWithinAFolder) {
  const auto move = [](const std::string& to) {
    return "--- a/kernel/fork.c\n+++ b/kernel/fork.c\n"
           "@@ -6,3 +6,2 @@ int limit(int n)\n {\n-\tuse(n);\n \treturn n;\n"
           "--- a/" +
           to + "\n+++ b/" + to +
           "\n@@ -1,1 +1,2 @@\n int other;\n+\tuse_it_all(n);\n"
           "--- a/kernel/exit.c\n+++ b/kernel/exit.c\n@@ -1,2 +1,1 @@\n int "
           "x;\n-\tuse_it_all(n);\n";
  };
  tree.write("kernel/exit.c", "int x;\n\tuse_it_all(n);\n");
  for (const char* path : {"kernel/near.c", "drivers/far.c"}) {
    tree.write(path, "int other;\n");
    for (const auto scope : {LeaveOut::Scope::one_fix, LeaveOut::Scope::release}) {
      auto selection = LeaveOut::of(patches(move(path)), tree.path(), {}, scope);
      ASSERT_TRUE(selection);
      selection->leave_out_hunks({1}, "no");
      const bool together =
          scope == LeaveOut::Scope::one_fix || std::string(path) == "kernel/near.c";
      EXPECT_EQ(selection->kept().contains(2), !together) << path;
      EXPECT_TRUE(selection->kept().contains(0));
    }
  }
}

// Two drivers have a function cleanup() of their own.
TEST_F(LeaveOutTest, AStaticFunctionIsCalledByItsOwnFileOnly) {
  tree.write("kernel/exit.c", "int cleanup(void)\n{\n\treturn 1;\n}\n");
  tree.write("kernel/stat.c", "static int cleanup(void)\n{\n\treturn 1;\n}\n");
  const std::string calls =
      "--- a/kernel/fork.c\n+++ b/kernel/fork.c\n"
      "@@ -6,2 +6,3 @@ int limit(int n)\n {\n+\tcleanup();\n \tuse(n);\n";
  for (const auto& [path, depends] :
       {std::pair{"kernel/exit.c", true}, std::pair{"kernel/stat.c", false}}) {
    const std::string name = path;
    LeaveOut selection = of(calls + "--- a/" + name + "\n+++ b/" + name +
                            "\n@@ -2,3 +2,3 @@\n {\n-\treturn 1;\n+\treturn 2;\n }\n");
    selection.leave_out_hunks({1}, "no");
    EXPECT_EQ(selection.kept().contains(0), !depends) << path;
  }
}

}  // namespace
}  // namespace splicer
