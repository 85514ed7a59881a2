// SPDX-License-Identifier: GPL-2.0-or-later
//
// One version of a small tree: what compiles in it, and how its files read.
#include "splice-cc/build/patched_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "matcher/base/file.h"
#include "tests/support/fake_kernel.h"

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Compiled only.
[[maybe_unused]] bool example(const Kbuild& kbuild, const PatchSet& base, const PatchSet& patches,
                              const std::filesystem::path& scratch, const std::vector<Unit>& units,
                              unsigned jobs) {
  std::vector<std::string> warnings;
  std::vector<Finding> findings;
  // [example splice-cc/build/patched_tree.h]
  auto after = PatchedTree::make(kbuild, {&base, &patches}, scratch / "after", &findings);
  auto compiled = after->compile(units, jobs, &warnings);  // the objects: after->object(unit)
  auto text = after->text("kernel/fork.c");  // as a person reads it, without #line directives
  // [end]
  return compiled && text;
}

class PatchedTreeTest : public ::testing::Test {
 protected:
  PatchedTreeTest() {
    kernel.add("kernel/fork.c", "int a;\nint line(void)\n{\n\treturn __LINE__;\n}\n");
    fork.name = fork.goal = "kernel/fork.o";
    fork.source = "kernel/fork.c";
    fork.entry = "kernel";
    fork.target = "vmlinux";
  }
  PatchSet patch(const std::string& diff) const {
    kernel.folder.write("fix.patch", diff);
    auto set = PatchSet::load({(kernel.folder / "fix.patch").string()}, kernel.tree().source);
    EXPECT_TRUE(set) << set.error().message;
    return std::move(*set);
  }
  // A line more above the function.
  PatchSet longer(const std::string& line = "int b;") const {
    return patch("--- a/kernel/fork.c\n+++ b/kernel/fork.c\n@@ -1,2 +1,3 @@\n int a;\n+" + line +
                 "\n int line(void)\n");
  }
  Result<PatchedTree> make(const PatchSet& patches) {
    return PatchedTree::make(kbuild, {&patches}, kernel.folder / "after", &findings);
  }

  FakeKernel kernel;
  Kbuild kbuild = kernel.kbuild();
  Unit fork;
  std::vector<std::string> warnings;
  std::vector<Finding> findings;
};

TEST_F(PatchedTreeTest, LinesArePinnedForTheCompilerAndNotForPeople) {
  auto tree = make(longer());
  ASSERT_TRUE(tree) << tree.error().message;
  EXPECT_EQ(*read_text(tree->folder() / "kernel/fork.c"),
            "int a;\nint b;\n#line 2\nint line(void)\n{\n\treturn __LINE__;\n}\n");
  EXPECT_EQ(tree->text("kernel/fork.c"),
            "int a;\nint b;\nint line(void)\n{\n\treturn __LINE__;\n}\n");
  EXPECT_EQ(tree->text("include/linux/a.h"), "#define A 1\n") << "as the tree has it";
  EXPECT_EQ(tree->text("include/linux/none.h"), std::nullopt);
  EXPECT_THAT(warnings, IsEmpty());
}

TEST_F(PatchedTreeTest, AFileThatThePatchRemoves) {
  auto tree = make(patch("--- a/include/linux/a.h\n+++ /dev/null\n@@ -1 +0,0 @@\n-#define A 1\n"));
  ASSERT_TRUE(tree) << tree.error().message;
  EXPECT_EQ(tree->text("include/linux/a.h"), std::nullopt);
}

TEST_F(PatchedTreeTest, CompilesAndPreprocessesInOnePlace) {
  ASSERT_TRUE(kbuild.build_pre({fork}, 1));
  auto tree = make(longer());
  ASSERT_TRUE(tree);
  ASSERT_TRUE(tree->compile({fork}, 1, &warnings));
  EXPECT_EQ(tree->object(fork), kernel.folder / "after/kernel/fork.o");
  EXPECT_TRUE(std::filesystem::exists(tree->object(fork)));
  ASSERT_TRUE(kbuild.preprocess_pre({fork}, kernel.folder / "plain", 1));
  ASSERT_TRUE(tree->preprocess({fork}, kernel.folder / "plain", 1));
  EXPECT_THAT(*read_text(tree->folder() / "kernel/fork.i"), HasSubstr("return 4;"));
  EXPECT_THAT(warnings, IsEmpty());
}

TEST_F(PatchedTreeTest, MessagesOfTheCompilerHaveThePatchsOwnLines) {
  ASSERT_TRUE(kbuild.build_pre({fork}, 1));
  auto tree =
      make(patch("--- a/kernel/fork.c\n+++ b/kernel/fork.c\n@@ -1,5 +1,6 @@\n int a;\n"
                 "+int b;\n int line(void)\n {\n-\treturn __LINE__;\n+\treturn missing;\n"
                 " }\n"));
  ASSERT_TRUE(tree) << tree.error().message;
  const auto compiled = tree->compile({fork}, 1, &warnings);
  ASSERT_FALSE(compiled);
  EXPECT_EQ(compiled.error().code, "compile-failed");
  EXPECT_THAT(compiled.error().detail, HasSubstr("kernel/fork.c:5:"));
  EXPECT_THAT(*read_text(tree->folder() / "kernel/fork.c"), Not(HasSubstr("#line")));
  EXPECT_THAT(warnings, IsEmpty());
}

TEST_F(PatchedTreeTest, WhatAPatchDoesNotFit) {
  const auto tree =
      make(patch("--- a/kernel/fork.c\n+++ b/kernel/fork.c\n@@ -1,2 +1,2 @@\n-int z;\n+int b;\n"
                 " int line(void)\n"));
  ASSERT_FALSE(tree);
  EXPECT_EQ(tree.error().code, "patch-does-not-apply");
}

}  // namespace
}  // namespace splicer
