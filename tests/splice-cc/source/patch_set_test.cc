// SPDX-License-Identifier: GPL-2.0-or-later
//
// Patches: every form that people send, every way in which they are damaged or hostile.
#include "splice-cc/source/patch_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

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
  Result<Patch> parse(const std::string& text) const {
    return parse_patch(text, "0001-fix.patch", tree.path());
  }
  std::string path_of(const std::string& text) const {
    const auto patch = parse(text);
    if (!patch) return "(" + patch.error().code + ")";
    EXPECT_EQ(patch->files.size(), 1u);
    return patch->files[0].path;
  }
  std::string path_in(const std::string& before, const std::string& after) const {
    return path_of("--- " + before + "\n+++ " + after + "\n" + kHunk);
  }
  std::string refusal(const std::string& text) const {
    const auto patch = parse(text);
    if (patch) return "accepted";
    EXPECT_EQ(patch.error().file, "0001-fix.patch");
    EXPECT_THAT(patch.error().message, StartsWith("line "));
    return patch.error().code;
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
  const auto patch = parse(mail);
  ASSERT_TRUE(patch) << patch.error().message;
  EXPECT_EQ(patch->title, "fork: count what is forked");
  EXPECT_EQ(patch->name, "0001-fix.patch");
  EXPECT_EQ(patch->text, mail);
  ASSERT_EQ(patch->files.size(), 1u);
  EXPECT_EQ(patch->files[0].path, "kernel/fork.c");
  EXPECT_EQ(patch->files[0].text, plain("kernel/fork.c"));
  ASSERT_TRUE(apply({mail}));
  EXPECT_EQ(tree.read("kernel/fork.c"), "one\ntwo\nthree\n4\n4b\nfive\nsix\nseven\n");
  EXPECT_THAT(findings, IsEmpty());
}

TEST_F(PatchTest, WithoutAMailTheNameIsTheTitle) {
  EXPECT_EQ(parse(plain("kernel/fork.c"))->title, "0001-fix.patch");
}

TEST_F(PatchTest, TellsStripZeroFromOne) {
  EXPECT_EQ(path_in("a/kernel/fork.c", "b/kernel/fork.c"), "kernel/fork.c");
  EXPECT_EQ(path_in("kernel/fork.c", "kernel/fork.c"), "kernel/fork.c");
  EXPECT_EQ(path_in("./kernel/fork.c", "./kernel/fork.c"), "kernel/fork.c");
  EXPECT_EQ(path_in("linux-6.1.orig/kernel/fork.c", "linux-6.1/kernel/fork.c"), "kernel/fork.c");
  EXPECT_EQ(path_in("kernel/fork.c.orig\t2026-01-01 12:00:00.0 +0000",
                    "kernel/fork.c\t2026-01-01 12:00:01.0 +0000"),
            "kernel/fork.c");
  EXPECT_EQ(path_in("a/Makefile", "b/Makefile"), "Makefile");
  EXPECT_EQ(path_in("Makefile", "Makefile"), "Makefile");
  EXPECT_EQ(path_in("tools/include/linux/fs.h", "tools/include/linux/fs.h"),
            "tools/include/linux/fs.h")
      << "include/linux/fs.h is there too";
  EXPECT_EQ(path_in("a/net/not_there.c", "b/net/not_there.c"), "net/not_there.c");
  EXPECT_EQ(path_in("kernel/not_there.c", "kernel/not_there.c"), "kernel/not_there.c");
}

TEST_F(PatchTest, FilesThatItAdds) {
  const std::string hunk = "@@ -0,0 +1 @@\n+new\n";
  const auto added = [&](const std::string& before, const std::string& after) {
    const auto patch = parse("--- " + before + "\n+++ " + after + "\n" + hunk);
    if (!patch) return "(" + patch.error().code + ")";
    EXPECT_TRUE(patch->files[0].added);
    EXPECT_FALSE(patch->files[0].removed);
    return patch->files[0].path;
  };
  EXPECT_EQ(added("/dev/null", "b/kernel/new.c"), "kernel/new.c");
  EXPECT_EQ(added("/dev/null", "kernel/new.c"), "kernel/new.c");
  EXPECT_EQ(added("/dev/null", "linux-6.1/kernel/new.c"), "kernel/new.c");
  EXPECT_EQ(added("/dev/null", "b/kernel/folder/new.c"), "kernel/folder/new.c");
  EXPECT_EQ(added("/dev/null", "kernel/folder/new.c"), "kernel/folder/new.c");
  EXPECT_EQ(added("/dev/null", "linux-6.1/kernel/folder/new.c"), "kernel/folder/new.c");
  // diff -N
  EXPECT_EQ(added("old/kernel/new.c\t1970-01-01 00:00:00.000000000 +0000",
                  "new/kernel/new.c\t2026-01-01 12:00:00.000000000 +0000"),
            "kernel/new.c");
  EXPECT_EQ(added("old/kernel/new.c\t1969-12-31 16:00:00.000000000 -0800",
                  "new/kernel/new.c\t2026-01-01 12:00:00.000000000 +0000"),
            "kernel/new.c");
  ASSERT_TRUE(apply({"--- /dev/null\n+++ b/net/deep/new.c\n" + hunk}));
  EXPECT_EQ(tree.read("net/deep/new.c"), "new\n");
}

TEST_F(PatchTest, FilesThatItRemoves) {
  std::string hunk = "@@ -1,7 +0,0 @@\n";
  for (const char* line : {"one", "two", "three", "four", "five", "six", "seven"})
    hunk += std::string("-") + line + "\n";
  for (const char* after : {"/dev/null", "b/kernel/fork.c\t1970-01-01 00:00:00.000000000 +0000"}) {
    tree.write("kernel/fork.c", kFork);
    const std::string text = std::string("--- a/kernel/fork.c\n+++ ") + after + "\n" + hunk;
    EXPECT_TRUE(parse(text)->files[0].removed);
    ASSERT_TRUE(apply({text}));
    EXPECT_FALSE(tree.has("kernel/fork.c"));
  }
}

TEST_F(PatchTest, FilesOfADatelessArchive) {
  const std::string date = "\t1970-01-01 00:00:00.000000000 +0000";
  const std::string text =
      "--- a/kernel/fork.c" + date + "\n+++ b/kernel/fork.c" + date + "\n" + kHunk;
  EXPECT_FALSE(parse(text)->files[0].added);
  EXPECT_FALSE(parse(text)->files[0].removed);
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
  EXPECT_EQ(parse(text)->files.size(), 1u);
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

TEST_F(PatchTest, HostilePaths) {
  for (const char* path : {"../x",
                           "a/../x",
                           "a/../../etc/passwd",
                           "/etc/passwd",
                           "//etc/passwd",
                           "a//etc/passwd",
                           "a/kernel/../../x",
                           "a/..",
                           "..",
                           "a/",
                           "/",
                           "",
                           "a/.",
                           "a/kernel/",
                           "a/kernel/.",
                           "\"a/\\056\\056/x\"",
                           "a/kernel/fork.c x",
                           "a/kernel/fork.c\x01",
                           "a/ker nel/x.c",
                           "/dev/null"}) {
    EXPECT_EQ(path_in(path, path), "(patch-path)") << path;
    EXPECT_EQ(path_in(path, "/dev/null"), "(patch-path)") << path;
    EXPECT_EQ(path_in("/dev/null", path), "(patch-path)") << path;
  }
  EXPECT_EQ(path_of(std::string("--- a/x\0y\n+++ b/x\0y\n", 20) + kHunk), "(patch-path)");
}

TEST_F(PatchTest, PathsAreNeverUnsafe) {
  for (const char* path : {"a/./kernel/./fork.c", "././kernel/fork.c", "a/kernel//fork.c"})
    EXPECT_EQ(path_in(path, path), "kernel/fork.c") << path;
}

TEST_F(PatchTest, EveryTruncationIsRefusedOrShorter) {
  const std::string text = plain("kernel/fork.c");
  const std::size_t last = text.rfind("\n ") + 1;
  const std::size_t header = text.find("@@");
  for (std::size_t length = 0; length <= last; ++length) {
    const std::string code = refusal(text.substr(0, length));
    EXPECT_TRUE(code == "patch-malformed" || (code == "patch-path" && length < header))
        << length << ": " << code;
  }
  const std::string two = text + plain("kernel/exit.c");
  for (std::size_t length = text.size(); length <= two.size(); ++length) {
    const auto patch = parse(two.substr(0, length));
    if (patch && patch->files.size() == 1) {
      EXPECT_EQ(patch->files[0].text, text);
    }
  }
}

TEST_F(PatchTest, DamagedHunks) {
  const std::string head = "--- a/kernel/fork.c\n+++ b/kernel/fork.c\n";
  for (const char* hunk :
       {"@@ -1 +1\n-a\n+b\n", "@@ -1,2 +1,2 @@\n-a\n+b\n", "@@ -1 +1 @@\n-a\n",
        "@@ -1 +1 @@\n-a\n-b\n", "@@ -1,1 +1,1 @@\n+a\n+b\n", "@@ -x +1 @@\n-a\n+b\n",
        "@@ -1,99999999999999999999 +1 @@\n-a\n+b\n", "@@ -1 +1 @@\n*a\n", "@@ -1,3 @@\n", "@@ ",
        "", "x\n", "@@ -1,999999999 +1,999999999 @@\n a\n"})
    EXPECT_EQ(refusal(head + hunk), "patch-malformed") << hunk;
  EXPECT_EQ(refusal(""), "patch-malformed");
  EXPECT_EQ(refusal("*** a/x\n--- b/x\n***************\n"), "patch-malformed");
}

TEST_F(PatchTest, LongLinesAreNoTrouble) {
  const std::string text = "--- a/kernel/fork.c\n+++ b/kernel/fork.c\n@@ -4 +4 @@ " +
                           std::string(1000000, 'x') + "\n-four\n+" + std::string(1000000, 'y') +
                           "\n";
  ASSERT_TRUE(apply({text}));
  const std::string slashes = "a" + std::string(100000, '/') + "x";
  EXPECT_EQ(path_in(slashes, slashes), "(patch-path)");
}

TEST_F(PatchTest, BinaryAndRenames) {
  EXPECT_EQ(refusal("diff --git a/x b/x\nGIT binary patch\nliteral 1\n"), "patch-binary");
  EXPECT_EQ(refusal("Binary files a/x and b/x differ\n"), "patch-binary");
  const std::string rename =
      "diff --git a/x b/y\nsimilarity index 90%\nrename from x\nrename to y\n";
  EXPECT_EQ(refusal(rename), "patch-rename");
  EXPECT_THAT(parse(rename).error().advice, HasSubstr("--no-renames"));
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
