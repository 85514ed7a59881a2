// SPDX-License-Identifier: GPL-2.0-or-later
//
// Patches applied to a tree: what patch(1) does with them, and which files are left out.
#include "splice-cc/source/patch_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "splice-cc/source/tree.h"
#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kFork = "one\ntwo\nthree\nfour\nfive\nsix\nseven\n";
constexpr const char* kHunk = "@@ -3,3 +3,4 @@ context\n three\n-four\n+4\n+4b\n five\n";

// A tree of a few files, and patches read and applied with it.
class PatchTest : public ::testing::Test {
 protected:
  PatchTest() {
    tree.write("kernel/fork.c", kFork);
    tree.write("kernel/exit.c", kFork);
    tree.write("include/linux/fs.h", kFork);
    tree.write("tools/include/linux/fs.h", kFork);
    tree.write("Makefile", "VERSION = 6\n");
  }
  // Loads the texts as a series and applies them to the tree itself.
  Result<void> apply(const std::vector<std::string>& texts) {
    std::vector<std::string> paths;
    for (const std::string& text : texts) {
      const std::string name = "p" + std::to_string(paths.size()) + ".patch";
      paths.push_back(patches.write(name, text).string());
    }
    auto set = PatchSet::load(paths, tree.path());
    if (!set) return propagate(set);
    if (auto right = set->check_files(); !right) return right;
    files = set->files();
    return set->apply(tree.path(), patches.path(), &findings);
  }

  TemporaryFolder tree;
  TemporaryFolder patches;
  std::set<std::string> files;
  std::vector<Finding> findings;
};

std::string plain(const std::string& path) {
  return "--- a/" + path + "\n+++ b/" + path + "\n" + kHunk;
}

std::set<std::string> example(const Tree& tree, const fs::path& directory,
                              const fs::path& scratch) {
  std::vector<Finding> findings;
  // [example splice-cc/source/patch_set.h]
  auto patches = PatchSet::load({"0001-fix.patch", "0002-more.patch"}, tree.source);
  auto files = patches->files();  // what they change, relative to the tree
  auto applied = patches->apply(directory, scratch, &findings);  // fuzz is a finding
  // [end]
  EXPECT_TRUE(applied);
  return files;
}

TEST_F(PatchTest, Example) {
  const fs::path back = fs::current_path();
  fs::current_path(patches.path());
  patches.write("0001-fix.patch", plain("kernel/fork.c"));
  patches.write("0002-more.patch", plain("kernel/exit.c"));
  Tree prepared;
  prepared.source = tree.path();
  EXPECT_THAT(example(prepared, tree.path(), patches.path()),
              ElementsAre("kernel/exit.c", "kernel/fork.c"));
  fs::current_path(back);
  EXPECT_THAT(tree.read("kernel/exit.c"), HasSubstr("4b"));
}

TEST_F(PatchTest, AMailOfGit) {
  const std::string mail =
      "From 0123456789abcdef Mon Sep 17 00:00:00 2001\n"
      "From: A U Thor <author@example.com>\n"
      "Subject: [PATCH v2 3/7] fork: count what\n"
      " is forked\n"
      "\n"
      "Why.\n---\n kernel/fork.c | 3 ++-\n 1 file changed, 2 insertions(+), 1 deletion(-)\n\n"
      "diff --git a/kernel/fork.c b/kernel/fork.c\n"
      "index 0123456..89abcde 100644\n" +
      plain("kernel/fork.c") + "-- \n2.39.2\n\n";
  ASSERT_TRUE(apply({mail}));
  EXPECT_EQ(tree.read("kernel/fork.c"), "one\ntwo\nthree\n4\n4b\nfive\nsix\nseven\n");
  EXPECT_THAT(findings, IsEmpty());
}

TEST_F(PatchTest, FilesThatItAdds) {
  ASSERT_TRUE(apply({"--- /dev/null\n+++ b/net/deep/new.c\n@@ -0,0 +1 @@\n+new\n"}));
  EXPECT_EQ(tree.read("net/deep/new.c"), "new\n");
}

TEST_F(PatchTest, FilesThatItRemoves) {
  std::string hunk = "@@ -1,7 +0,0 @@\n";
  for (const char* line : {"one", "two", "three", "four", "five", "six", "seven"})
    hunk += std::string("-") + line + "\n";
  for (const char* after : {"/dev/null", "b/kernel/fork.c\t1970-01-01 00:00:00.000000000 +0000"}) {
    tree.write("kernel/fork.c", kFork);
    const std::string text = std::string("--- a/kernel/fork.c\n+++ ") + after + "\n" + hunk;
    ASSERT_TRUE(apply({text}));
    EXPECT_FALSE(tree.has("kernel/fork.c"));
  }
}

TEST_F(PatchTest, FilesOfADatelessArchive) {
  const std::string date = "\t1970-01-01 00:00:00.000000000 +0000";
  const std::string text =
      "--- a/kernel/fork.c" + date + "\n+++ b/kernel/fork.c" + date + "\n" + kHunk;
  ASSERT_TRUE(apply({text}));
  EXPECT_THAT(tree.read("kernel/fork.c"), HasSubstr("4b"));
}

TEST_F(PatchTest, SeveralFilesAndSeveralPatchesInOrder) {
  const std::string second =
      "--- kernel/fork.c\n+++ kernel/fork.c\n@@ -4,2 +4,1 @@\n-4\n-4b\n+FOUR\n";
  ASSERT_TRUE(apply(
      {plain("kernel/fork.c") + "diff --git a/x b/x\n" + plain("include/linux/fs.h"), second}));
  EXPECT_THAT(files, ElementsAre("include/linux/fs.h", "kernel/fork.c"));
  EXPECT_EQ(tree.read("kernel/fork.c"), "one\ntwo\nthree\nFOUR\nfive\nsix\nseven\n");
  EXPECT_THAT(tree.read("include/linux/fs.h"), HasSubstr("4b"));
}

TEST_F(PatchTest, FuzzIsTold) {
  ASSERT_TRUE(
      apply({"--- a/kernel/fork.c\n+++ b/kernel/fork.c\n"
             "@@ -2,5 +2,5 @@\n 2\n three\n-four\n+4\n five\n six\n"}));
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].title(), "patch-misplaced:kernel/fork.c");
  EXPECT_TRUE(findings[0].refuse);
  EXPECT_THAT(findings[0].message, HasSubstr("with fuzz 1"));
}

TEST_F(PatchTest, AnOffsetIsNotWorthAWord) {
  ASSERT_TRUE(
      apply({"--- a/kernel/fork.c\n+++ b/kernel/fork.c\n"
             "@@ -1,3 +1,3 @@\n three\n-four\n+4\n five\n"}));
  EXPECT_THAT(findings, IsEmpty());
}

TEST_F(PatchTest, WhatDoesNotApply) {
  const auto applied =
      apply({"--- a/kernel/fork.c\n+++ b/kernel/fork.c\n"
             "@@ -1,3 +1,3 @@\n other\n-text\n+4\n here\n"});
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, "patch-does-not-apply");
  EXPECT_EQ(applied.error().file, "p0.patch");
  EXPECT_THAT(applied.error().detail, HasSubstr("FAILED"));
  EXPECT_FALSE(applied.error().advice.empty());
  EXPECT_EQ(tree.read("kernel/fork.c"), kFork);
  EXPECT_FALSE(tree.has("kernel/fork.c.rej"));
  EXPECT_FALSE(tree.has("kernel/fork.c.orig"));
  ASSERT_TRUE(apply({plain("kernel/fork.c")}));
  EXPECT_EQ(apply({plain("kernel/fork.c")}).error().code, "patch-does-not-apply") << "twice";
}

TEST_F(PatchTest, NoNewlineAtTheEnd) {
  tree.write("kernel/fork.c", "one\ntwo");
  ASSERT_TRUE(
      apply({"--- a/kernel/fork.c\n+++ b/kernel/fork.c\n@@ -1,2 +1,2 @@\n one\n-two\n"
             "\\ No newline at end of file\n+2\n\\ No newline at end of file\n" +
             plain("kernel/exit.c")}));
  EXPECT_EQ(tree.read("kernel/fork.c"), "one\n2");
  EXPECT_THAT(tree.read("kernel/exit.c"), HasSubstr("4b"));
}

TEST_F(PatchTest, AMailerStrippedTheSpaceOfAnEmptyLine) {
  tree.write("kernel/fork.c", "one\n\ntwo\n");
  ASSERT_TRUE(
      apply({"--- a/kernel/fork.c\n+++ b/kernel/fork.c\n@@ -1,3 +1,3 @@\n one\n\n-two\n"
             "+2\n"}));
  EXPECT_EQ(tree.read("kernel/fork.c"), "one\n\n2\n");
}

TEST_F(PatchTest, LinesThatLookLikeHeaders) {
  tree.write("kernel/fork.c", "one\n-- a/x\ntwo\n");
  const std::string text =
      "--- a/kernel/fork.c\n+++ b/kernel/fork.c\n@@ -1,3 +1,3 @@\n one\n--- a/x\n+++ b/x\n two\n";
  ASSERT_TRUE(apply({text}));
  EXPECT_EQ(tree.read("kernel/fork.c"), "one\n++ b/x\ntwo\n");
}

TEST_F(PatchTest, OnlyTheNamedFileIsTouched) {
  // patch(1) by itself would take the shorter of two names that exist.
  ASSERT_TRUE(apply({std::string("--- a/kernel/fork.c\n+++ b/tools/include/linux/fs.h\n") + kHunk +
                     "--- a/kernel/exit.c\n+++ b/include/linux/fs.h\n" + kHunk}));
  EXPECT_EQ(tree.read("kernel/fork.c"), kFork);
  EXPECT_EQ(tree.read("kernel/exit.c"), kFork);
  EXPECT_EQ(tree.read("tools/include/linux/fs.h"), kFork) << "no part of the kernel";
  EXPECT_THAT(tree.read("include/linux/fs.h"), HasSubstr("4b"));
}

TEST_F(PatchTest, LongLinesAreNoTrouble) {
  const std::string text = "--- a/kernel/fork.c\n+++ b/kernel/fork.c\n@@ -4 +4 @@ " +
                           std::string(1000000, 'x') + "\n-four\n+" + std::string(1000000, 'y') +
                           "\n";
  ASSERT_TRUE(apply({text}));
}

TEST_F(PatchTest, BuildRulesAreRefused) {
  for (const char* path : {"kernel/Makefile", "arch/x86/Kbuild", "scripts/mod/modpost.c",
                           "arch/x86/kernel/vmlinux.lds.S", "include/asm-generic/vmlinux.lds.h"}) {
    const auto applied = apply({plain(path)});
    ASSERT_FALSE(applied) << path;
    EXPECT_EQ(applied.error().code, "build-rules-changed");
    EXPECT_EQ(applied.error().exit, ExitCode::unsafe);
    EXPECT_EQ(applied.error().file, path);
  }
}

TEST_F(PatchTest, WhatIsSaidOfTheConfigurationIsLeftOut) {
  const std::string path = patches.write("help.patch", plain("kernel/Kconfig")).string();
  const auto set = PatchSet::load({path}, tree.path());
  ASSERT_TRUE(set) << set.error().message;
  EXPECT_THAT(set->files(), IsEmpty());
  EXPECT_THAT(set->configuration(), ElementsAre("kernel/Kconfig"));
}

TEST_F(PatchTest, WhatNoKernelIsBuiltFromIsLeftOut) {
  ASSERT_TRUE(apply({plain("Documentation/not/there.rst") + plain("arch/arm/Makefile") +
                     plain("tools/testing/x.c") + plain("kernel/fork.c")}));
  EXPECT_THAT(files, ElementsAre("kernel/fork.c"));
  EXPECT_THAT(tree.read("kernel/fork.c"), HasSubstr("4b"));
}

TEST_F(PatchTest, UnreadableFiles) {
  const auto missing = PatchSet::load({(patches / "none").string()}, tree.path());
  EXPECT_EQ(missing.error().code, "patch-unreadable");
  const auto folder = PatchSet::load({patches.path().string()}, tree.path());
  EXPECT_EQ(folder.error().code, "patch-unreadable");
}

}  // namespace
}  // namespace splicer
