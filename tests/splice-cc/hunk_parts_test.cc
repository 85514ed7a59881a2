// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/hunk_parts.h"

#include <gmock/gmock.h>

#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

TEST(HunkParts, AreAllHunksOfAConstruct) {
  TemporaryFolder tree;
  tree.write("a.c",
             "int x;\n"         // 1
             "int one(void)\n"  // 2
             "{\n"              // 3
             "\tfirst();\n"     // 4
             "\tsecond();\n"    // 5
             "}\n"              // 6
             "int two(void)\n"  // 7
             "{\n"              // 8
             "\tthird();\n"     // 9
             "}\n");            // 10
  const std::string text =
      "--- a/a.c\n+++ b/a.c\n"
      "@@ -3,2 +3,2 @@\n {\n-\tfirst();\n+\tfirst(1);\n"
      "@@ -5,2 +5,2 @@\n-\tsecond();\n+\tsecond(2);\n }\n"
      "@@ -8,2 +8,2 @@\n {\n-\tthird();\n+\tthird(3);\n"
      "--- /dev/null\n+++ b/new.h\n@@ -0,0 +1 @@\n+int four(void);\n";
  const auto patch = parse_patch(text, "fix.patch", tree.path());
  ASSERT_TRUE(patch);
  const std::vector<Hunk> hunks = hunks_of(PatchSet({*patch}));
  ASSERT_THAT(hunks, SizeIs(4));
  const HunkParts all = parts_of(hunks, tree.path());
  EXPECT_THAT(all.part_of, ElementsAre(0, 0, 1, 2));
  ASSERT_THAT(all.parts, SizeIs(3));
  EXPECT_THAT(all.parts[0].hunks, ElementsAre(0, 1));
  EXPECT_THAT(all.parts[0].heads, HasSubstr("int one(void)"));
  EXPECT_THAT(all.parts[0].heads, Not(HasSubstr("two")));
  EXPECT_THAT(all.parts[0].text, HasSubstr("second();"));
  EXPECT_THAT(all.parts[1].heads, HasSubstr("int two(void)"));
  EXPECT_THAT(all.parts[2].heads, HasSubstr("int four(void);"));
  EXPECT_THAT(all.constructs.at("a.c"), SizeIs(3));
  EXPECT_THAT(all.constructs.at("new.h"), IsEmpty());
}

}  // namespace
}  // namespace splicer
