// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/source/hunks.h"

#include <gmock/gmock.h>

#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

constexpr const char* kPatch =
    "Subject: [PATCH] two files\n"
    "\n"
    "--- a/kernel/fork.c\n"
    "+++ b/kernel/fork.c\n"
    "@@ -10,3 +10,4 @@ int limit(void)\n"
    " a\n"
    "-b\n"
    "+c\n"
    "+d\n"
    " e\n"
    "@@ -20,2 +21,3 @@\n"
    " f\n"
    "+g\n"
    " h\n"
    "--- a/kernel/exit.c\n"
    "+++ b/kernel/exit.c\n"
    "@@ -7,0 +8,2 @@\n"
    "+i\n"
    "+j\n";

PatchSet patches() {
  TemporaryFolder tree;
  tree.write("kernel/fork.c", "");
  tree.write("kernel/exit.c", "");
  auto patch = parse_patch(kPatch, "two.patch", tree.path());
  EXPECT_TRUE(patch);
  return PatchSet({*patch});
}

TEST(Hunks, WhatTheyTouchInTheOldFile) {
  const std::vector<Hunk> hunks = hunks_of(patches());
  ASSERT_THAT(hunks, SizeIs(3));
  // Line 11 goes, and two come before line 12.
  EXPECT_THAT(hunks[0].points, ElementsAre(22, 23, 23));
  EXPECT_THAT(hunks[0].added, ElementsAre("c", "d"));
  EXPECT_THAT(hunks[0].removed, ElementsAre("b"));
  EXPECT_THAT(hunks[1].points, ElementsAre(41));
  EXPECT_THAT(hunks[2].points, ElementsAre(15, 15));  // behind line 7
  EXPECT_EQ(hunks[2].path, "kernel/exit.c");
}

TEST(Hunks, AllOfThemAreThePatches) {
  const PatchSet all = patches();
  const PatchSet same = with_hunks(all, hunks_of(all), {0, 1, 2});
  ASSERT_THAT(same.patches(), SizeIs(1));
  ASSERT_THAT(same.patches()[0].files, SizeIs(2));
  for (std::size_t i = 0; i < 2; ++i)
    EXPECT_EQ(same.patches()[0].files[i].text, all.patches()[0].files[i].text);
}

TEST(Hunks, SomeOfThem) {
  const PatchSet all = patches();
  const PatchSet some = with_hunks(all, hunks_of(all), {1});
  ASSERT_THAT(some.patches(), SizeIs(1));
  ASSERT_THAT(some.patches()[0].files, SizeIs(1));
  EXPECT_EQ(some.patches()[0].files[0].text,
            "--- a/kernel/fork.c\n+++ b/kernel/fork.c\n@@ -20,2 +21,3 @@\n f\n+g\n h\n");
  EXPECT_EQ(some.patches()[0].title, "two files");
  EXPECT_THAT(some.patches()[0].text, ::testing::StartsWith("Subject: [PATCH] two files\n"));
  EXPECT_THAT(with_hunks(all, hunks_of(all), {}).patches(), SizeIs(0));
}

TEST(Hunks, WhereALineOfTheNewFileIsFrom) {
  const std::vector<Hunk> hunks = hunks_of(patches());
  const auto from = [&](const std::set<std::size_t>& kept, unsigned line) {
    const OldPlace place = old_place(hunks, kept, "kernel/fork.c", line);
    return std::to_string(place.line) + (place.hunk ? " in " + std::to_string(*place.hunk) : "");
  };
  const std::set<std::size_t> all = {0, 1, 2};
  EXPECT_EQ(from(all, 9), "9");
  EXPECT_EQ(from(all, 10), "10 in 0");
  EXPECT_EQ(from(all, 11), "12 in 0");  // "c"
  EXPECT_EQ(from(all, 13), "12 in 0");  // "e"
  EXPECT_EQ(from(all, 18), "17");
  EXPECT_EQ(from(all, 22), "21 in 1");  // "g"
  EXPECT_EQ(from(all, 30), "28");
  EXPECT_EQ(from({1}, 21), "21 in 1");  // "g", as the first hunk adds nothing now
}

TEST(Hunks, AFileThatIsNew) {
  TemporaryFolder tree;
  const std::string added = "--- /dev/null\n+++ b/kernel/new.c\n@@ -0,0 +1,2 @@\n+a\n+b\n";
  auto patch = parse_patch(added, "new.patch", tree.path());
  ASSERT_TRUE(patch);
  const std::vector<Hunk> hunks = hunks_of(PatchSet({*patch}));
  ASSERT_THAT(hunks, SizeIs(1));
  EXPECT_THAT(hunks[0].points, ElementsAre(1, 1));
  EXPECT_EQ(old_place(hunks, {0}, "kernel/new.c", 1).line, 1U);
  EXPECT_EQ(old_place(hunks, {0}, "kernel/new.c", 3).line, 1U);
}

}  // namespace
}  // namespace splicer
