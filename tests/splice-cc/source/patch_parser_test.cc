// SPDX-License-Identifier: GPL-2.0-or-later
//
// One patch taken apart: every form that people send, every way in which it is damaged or hostile.
#include "splice-cc/source/patch_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kHunk = "@@ -3,3 +3,4 @@ context\n three\n-four\n+4\n+4b\n five\n";

// A tree of a few files, in which the paths are looked up.
class PatchParser : public ::testing::Test {
 protected:
  PatchParser() {
    for (const char* path : {"kernel/fork.c", "kernel/exit.c", "include/linux/fs.h",
                             "tools/include/linux/fs.h", "Makefile"})
      tree.write(path, "one\n");
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

  TemporaryFolder tree;
};

std::string plain(const std::string& path) {
  return "--- a/" + path + "\n+++ b/" + path + "\n" + kHunk;
}

// What a patch says, and not what is in its diffs.
TEST_F(PatchParser, ProseIsWhatIsOutsideOfHunks) {
  const auto patch =
      parse("DSA 1: CVE-2026-1111\nSubject: fork (CVE-2026-2222)\n  and more\n\nbody\n" +
            plain("kernel/fork.c") + "between\n" + plain("kernel/exit.c") + "-- \nend\n");
  ASSERT_TRUE(patch) << patch.error().message;
  EXPECT_EQ(patch->prose,
            "DSA 1: CVE-2026-1111\nSubject: fork (CVE-2026-2222)\n  and more\n\nbody\nbetween\n-- "
            "\nend\n");
}

TEST_F(PatchParser, AMailOfGit) {
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
}

TEST_F(PatchParser, WithoutAMailTheNameIsTheTitle) {
  EXPECT_EQ(parse(plain("kernel/fork.c"))->title, "0001-fix.patch");
}

TEST_F(PatchParser, TellsStripZeroFromOne) {
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

TEST_F(PatchParser, FilesThatItAdds) {
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
}

TEST_F(PatchParser, FilesThatItRemoves) {
  for (const char* after : {"/dev/null", "b/kernel/fork.c\t1970-01-01 00:00:00.000000000 +0000"}) {
    const auto patch =
        parse(std::string("--- a/kernel/fork.c\n+++ ") + after + "\n@@ -1 +0,0 @@\n-one\n");
    ASSERT_TRUE(patch) << patch.error().message;
    EXPECT_TRUE(patch->files[0].removed);
    EXPECT_FALSE(patch->files[0].added);
    EXPECT_EQ(patch->files[0].path, "kernel/fork.c");
    EXPECT_EQ(patch->files[0].text, "--- a/kernel/fork.c\n+++ /dev/null\n@@ -1 +0,0 @@\n-one\n");
  }
}

TEST_F(PatchParser, FilesOfADatelessArchive) {
  const std::string date = "\t1970-01-01 00:00:00.000000000 +0000";
  const std::string text =
      "--- a/kernel/fork.c" + date + "\n+++ b/kernel/fork.c" + date + "\n" + kHunk;
  EXPECT_FALSE(parse(text)->files[0].added);
  EXPECT_FALSE(parse(text)->files[0].removed);
}

TEST_F(PatchParser, SeveralFilesOfSeveralHunks) {
  const std::string hunks =
      "@@ -1,2 +1,2 @@ f\n one\n-two\n+2\n@@ -6,2 +6,3 @@\n six\n seven\n+8\n";
  const std::string first = "--- a/kernel/fork.c\n+++ b/kernel/fork.c\n" + hunks;
  const auto patch = parse("words\n" + first + "\nmore words\n" + plain("kernel/exit.c"));
  ASSERT_TRUE(patch) << patch.error().message;
  ASSERT_EQ(patch->files.size(), 2u);
  EXPECT_EQ(patch->files[0].text, first) << "without the words";
  EXPECT_EQ(patch->files[1].text, plain("kernel/exit.c"));
}

TEST_F(PatchParser, AHunkEndsWhereItsHeadSays) {
  const auto text_of = [&](const std::string& hunk) {
    const auto patch = parse("--- a/kernel/fork.c\n+++ b/kernel/fork.c\n" + hunk);
    return patch ? patch->files[0].text.substr(40) : "(" + patch.error().code + ")";
  };
  // Without a number a hunk has one line; git ends a mail with "-- ".
  EXPECT_EQ(text_of("@@ -1 +1 @@\n-one\n+1\n-- \n2.39.2\n"), "@@ -1 +1 @@\n-one\n+1\n");
  EXPECT_EQ(text_of("@@ -1,0 +2 @@\n+1\n+behind it\n"), "@@ -1,0 +2 @@\n+1\n");
  EXPECT_EQ(text_of("@@ -7 +7 @@\n-a\n+b\n\\ No newline at end of file\nend\n"),
            "@@ -7 +7 @@\n-a\n+b\n\\ No newline at end of file\n");
  // A mailer stripped the space of an empty line.
  EXPECT_EQ(text_of("@@ -1,2 +1,2 @@\n\n-a\n+b\n"), "@@ -1,2 +1,2 @@\n\n-a\n+b\n");
}

TEST_F(PatchParser, LinesThatLookLikeHeaders) {
  const std::string text =
      "--- a/kernel/fork.c\n+++ b/kernel/fork.c\n@@ -1,3 +1,3 @@\n one\n--- a/x\n+++ b/x\n two\n";
  EXPECT_EQ(parse(text)->files.size(), 1u);
}

// The names are those of files in the tree; the lines are left to patch(1) as they are.
TEST_F(PatchParser, LinesThatEndInCrLf) {
  const auto patch =
      parse("--- a/kernel/fork.c\r\n+++ b/kernel/fork.c\r\n@@ -1 +1 @@\r\n-one\r\n+1\r\n");
  ASSERT_TRUE(patch) << patch.error().message;
  EXPECT_EQ(patch->files[0].path, "kernel/fork.c");
  EXPECT_EQ(patch->files[0].text,
            "--- a/kernel/fork.c\n+++ b/kernel/fork.c\n@@ -1 +1 @@\r\n-one\r\n+1\r\n");
}

TEST_F(PatchParser, HostilePaths) {
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

TEST_F(PatchParser, PathsAreNeverUnsafe) {
  for (const char* path : {"a/./kernel/./fork.c", "././kernel/fork.c", "a/kernel//fork.c"})
    EXPECT_EQ(path_in(path, path), "kernel/fork.c") << path;
}

TEST_F(PatchParser, LongPathsAreNoTrouble) {
  const std::string slashes = "a" + std::string(100000, '/') + "x";
  EXPECT_EQ(path_in(slashes, slashes), "(patch-path)");
}

TEST_F(PatchParser, EveryTruncationIsRefusedOrShorter) {
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

TEST_F(PatchParser, DamagedHunks) {
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

TEST_F(PatchParser, AnErrorSaysWhichLine) {
  const auto patch =
      parse("words\n--- a/kernel/fork.c\n+++ b/kernel/fork.c\n@@ -1,2 +1 @@\n-a\n+b\n");
  ASSERT_FALSE(patch);
  EXPECT_EQ(patch.error().message, "line 7: the patch ends inside a hunk");
}

TEST_F(PatchParser, BinaryAndRenames) {
  EXPECT_EQ(refusal("diff --git a/x b/x\nGIT binary patch\nliteral 1\n"), "patch-binary");
  EXPECT_EQ(refusal("Binary files a/x and b/x differ\n"), "patch-binary");
  const std::string rename =
      "diff --git a/x b/y\nsimilarity index 90%\nrename from x\nrename to y\n";
  EXPECT_EQ(refusal(rename), "patch-rename");
  EXPECT_THAT(parse(rename).error().advice, HasSubstr("--no-renames"));
}

}  // namespace
}  // namespace splicer
