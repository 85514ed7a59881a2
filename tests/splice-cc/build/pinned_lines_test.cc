// SPDX-License-Identifier: GPL-2.0-or-later
//
// Line directives: where they stand, and that they hold what follows at its old numbers.
#include "splice-cc/build/pinned_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "matcher/base/file.h"
#include "splice-cc/source/process.h"
#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string steady(const std::string& before, const std::string& after) {
  const TemporaryFolder folder;
  const auto changes = changed_lines(folder.write("before", before), folder.write("after", after));
  EXPECT_TRUE(changes) << changes.error().message;
  return with_pinned_lines(after, *changes);
}

// 1-based numbers of the lines that take no directive.
std::vector<std::size_t> unsafe(const std::string& text) {
  std::vector<std::size_t> lines;
  const std::vector<bool> safe = safe_lines(text);
  for (std::size_t i = 1; i < safe.size(); ++i)
    if (!safe[i]) lines.push_back(i);
  return lines;
}

using Lines = std::vector<std::size_t>;

// What the compiler makes of a text: its tokens, with __LINE__ expanded.
std::string preprocess(const std::string& text, bool lines) {
  const TemporaryFolder folder;
  folder.write("x.c", text);
  std::vector<std::string> command = {"gcc-12", "-E", "-P", "-w", "x.c"};
  if (!lines) command.emplace_back("-D__LINE__=0");
  const auto run = run_program(command, {.folder = folder.path()});
  EXPECT_EQ(run->status, 0) << run->output;
  std::string words;
  for (const char letter : run->output)
    if (std::isspace(static_cast<unsigned char>(letter)) == 0) words += letter;
  return words;
}

TEST(ChangedLines, AsDiffSees) {
  const TemporaryFolder folder;
  const auto before = folder.write("before", "1\n2\n3\n4\n5\n6\n");
  const auto after = folder.write("after", "1\nnew\n2\n4\nfive\n6\n");
  const auto changes = changed_lines(before, after);
  ASSERT_TRUE(changes);
  ASSERT_EQ(changes->size(), 3u);
  EXPECT_EQ((*changes)[0].old_first, 1u);
  EXPECT_EQ((*changes)[0].old_count, 0u);
  EXPECT_EQ((*changes)[0].new_first, 2u);
  EXPECT_EQ((*changes)[0].new_count, 1u);
  EXPECT_EQ((*changes)[1].old_count, 1u);
  EXPECT_EQ((*changes)[1].new_count, 0u);
  EXPECT_TRUE(changed_lines(before, before)->empty());
  EXPECT_FALSE(changed_lines(before, folder / "none"));
}

TEST(SteadyLines, AfterAnAddedLine) {
  EXPECT_EQ(steady("int a;\nint c;\n", "int a;\nint b;\nint c;\n"),
            "int a;\nint b;\n#line 2\nint c;\n");
}

TEST(SteadyLines, AtTheVeryTop) {
  EXPECT_EQ(steady("int c;\n", "int a;\nint b;\nint c;\n"), "int a;\nint b;\n#line 1\nint c;\n");
}

TEST(SteadyLines, AfterARemovedLine) {
  EXPECT_EQ(steady("int a;\nint b;\nint c;\n", "int a;\nint c;\n"), "int a;\n#line 3\nint c;\n");
}

TEST(SteadyLines, AtTheEndNothingFollows) {
  EXPECT_EQ(steady("int a;\n", "int a;\nint b;\n"), "int a;\nint b;\n");
  EXPECT_EQ(steady("", "int b;\n"), "int b;\n");
  EXPECT_EQ(steady("int a;\n", ""), "");
}

TEST(SteadyLines, SeveralChanges) {
  EXPECT_EQ(steady("a;\nb;\nc;\nd;\ne;\n", "a;\nx;\nb;\nd;\ne;\ny;\n"),
            "a;\nx;\n#line 2\nb;\n#line 4\nd;\ne;\ny;\n");
}

TEST(SteadyLines, NotInsideAComment) {
  EXPECT_EQ(steady("/* one\n two\n three */\nint a;\n", "/* one\n new\n two\n three */\nint a;\n"),
            "/* one\n new\n two\n three */\n#line 4\nint a;\n");
}

TEST(SteadyLines, NotInsideArguments) {
  EXPECT_EQ(
      steady("CALL(one,\n two,\n three);\nint a;\n", "CALL(one,\n new,\n two,\n three);\nint a;\n"),
      "CALL(one,\n new,\n two,\n three);\n#line 4\nint a;\n");
}

TEST(SteadyLines, NotInsideAContinuedDefinition) {
  EXPECT_EQ(steady("#define M \\\n one \\\n two\nint a;\n",
                   "#define M \\\n new \\\n one \\\n two\nint a;\n"),
            "#define M \\\n new \\\n one \\\n two\n#line 4\nint a;\n");
}

TEST(SafeLines, Places) {
  EXPECT_EQ(unsafe("int a;\nint b;\n"), Lines{});
  EXPECT_EQ(unsafe(""), Lines{});
  EXPECT_EQ(unsafe("f(a,\n  b,\n  c);\nd;\n"), (Lines{2, 3}));
  EXPECT_EQ(unsafe("f(g(a),\n  h(b));\nd;\n"), (Lines{2}));
  EXPECT_EQ(unsafe("/* a\n b */\nd;\n"), (Lines{2}));
  EXPECT_EQ(unsafe("a; // x \\\n y\nd;\n"), (Lines{2}));
  EXPECT_EQ(unsafe("char *s = \"a\\\nb\";\nd;\n"), (Lines{2}));
  EXPECT_EQ(unsafe("a \\\n b;\nd;\n"), (Lines{2}));
  EXPECT_EQ(unsafe("#define X( \\\n a) (\nd;\ne;\n"), (Lines{2})) << "its parentheses are its own";
  EXPECT_EQ(unsafe("#define X /* a\n b */ 1\nd;\n"), (Lines{2}));
  EXPECT_EQ(unsafe("char c = '(';\nchar *s = \"(\";\n/* ( */\nd;\n"), Lines{});
}

TEST(SafeLines, UnbalancedParentheses) {
  // An #if that leaves a parenthesis open in one branch.
  EXPECT_EQ(unsafe("a;\n#if X\nif (a &&\n#else\nif (\n#endif\n b)\n c;\nd;\n"),
            (Lines{4, 5, 6, 7, 8, 9}))
      << "nothing after it can be judged";
  EXPECT_EQ(unsafe("a;\n)\n)\nf(b,\nc);\n"), (Lines{5})) << "too many closed";
}

TEST(SafeLines, DamagedTexts) {
  for (const char* text : {"/* never closed\n a\n", "\"never closed\na\n", "'\n(\n", "\\", "#",
                           "(\n", "#define", "\xff\xfe\n\x01\n", "R\"(\n"})
    EXPECT_FALSE(safe_lines(text).empty()) << text;
}

constexpr const char* kProgram =
    "#define WARN(x) warn(#x, __LINE__)\n"
    "#define LONG(a, \\\n"
    "             b) a + b + __LINE__\n"
    "/* a comment\n"
    "   of lines */\n"
    "int f(int a,\n"
    "      int b)\n"
    "{\n"
    "  WARN(a &&\n"
    "       b);\n"
    "  if (LONG(a,\n"
    "           b))\n"
    "    return __LINE__;\n"
    "#ifdef OTHER\n"
    "  g(one,\n"
    "    two);\n"
    "#endif\n"
    "  char *s = \"one\\\n"
    "two\";\n"
    "  return 0;\n"
    "}\n"
    "int g(void) { return __LINE__; }\n";

TEST(SteadyLines, TokensStayWhereverALineIsAdded) {
  const std::vector<std::string> lines = split_lines(kProgram);
  for (std::size_t at = 0; at <= lines.size(); ++at) {
    std::string after;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (i == at) after += "// added\n";
      after += lines[i] + "\n";
    }
    if (at > 0 && at < lines.size() && lines[at - 1].ends_with('\\')) continue;  // not a comment
    EXPECT_EQ(preprocess(steady(kProgram, after), false), preprocess(after, false)) << at;
  }
}

TEST(SteadyLines, NumbersBelowAreTheOldOnes) {
  const std::string after = "int new_one;\n" + std::string(kProgram);
  const std::string held = preprocess(steady(kProgram, after), true);
  EXPECT_EQ(held, "intnew_one;" + preprocess(kProgram, true));
  EXPECT_NE(preprocess(after, true), held);
}

}  // namespace
}  // namespace splicer
