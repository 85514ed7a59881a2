// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/headers/c_scanner.h"

#include <gmock/gmock.h>

#include <vector>

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> words;
  each_word(text, [&](std::string_view word) { words.emplace_back(word); });
  return words;
}

std::vector<std::string> tokens(std::string_view text) {
  std::vector<std::string> tokens;
  CScanner scanner(text);
  while (const auto token = scanner.next()) tokens.emplace_back(token->text);
  return tokens;
}
std::vector<std::string> directives(std::string_view text) {
  std::vector<std::string> found;
  each_directive(text, [&](std::string_view name, std::string_view behind) {
    found.push_back(std::string(name) + "|" + std::string(rest_of_directive(behind)));
  });
  return found;
}

TEST(CScanner, TokensAreAllOfTheText) {
  const std::string text =
      "#define get(x) \\\n\tx##_get /* no\nword */ + \"a\\\"b\" // rest \\\n of it\n'c";
  std::string joined;
  for (const std::string& token : tokens(text)) joined += token;
  EXPECT_EQ(joined, text);
  EXPECT_THAT(tokens("a1 \t+=\"b c\"/*d*/\n"),
              ElementsAre("a1", " \t", "+", "=", "\"b c\"", "/*d*/", "\n"));
  EXPECT_THAT(tokens(""), IsEmpty());
}

TEST(CScanner, TextsThatAreCutShort) {
  for (const char* text : {"/*", "/", "//", "\\", "\"", "\"\\", "'a\\\n", "// a\\\n"})
    EXPECT_EQ(tokens(text).size(), 1U) << text;
}

TEST(WithoutComments, BlanksAndJoinedLines) {
  EXPECT_EQ(without_comments("a/* b\n */c // d\ne\n"), "a c \ne\n");
  EXPECT_EQ(without_comments("a \\\nb \"c \\\n/* d */\" e"), "a  b \"c  /* d */\" e");
  EXPECT_EQ(without_comments("'\\'' /* a"), "'\\''  ");
}

TEST(EachDirective, FirstOnTheirLines) {
  EXPECT_THAT(directives("#include <a.h>\n # define X 1 \\\n + 2\nint a; # no\n#endif"),
              ElementsAre("include| <a.h>", "define| X 1 \\\n + 2", "endif|"));
  EXPECT_THAT(directives("/* a */ #include <a.h>\n/*\n b */#undef X // c\n"),
              ElementsAre("include| <a.h>", "undef| X // c"));
  EXPECT_THAT(directives("#define A /* b\n c */ d\n e"), ElementsAre("define| A /* b\n c */ d"));
}

TEST(EachWord, IdentifiersAndNumbers) {
  EXPECT_THAT(words("int a_1 = b+0x2fUL;\n"), ElementsAre("int", "a_1", "b", "0x2fUL"));
  EXPECT_THAT(words(""), IsEmpty());
  EXPECT_THAT(words("+-*/"), IsEmpty());
  EXPECT_THAT(words("#define X(a) x_##a"), ElementsAre("define", "X", "a", "x_", "a"));
}

TEST(EachWord, InStringsButNotInComments) {
  EXPECT_THAT(words("a \"b // c \\\" d\" e // f\ng /* h \" */ i"),
              ElementsAre("a", "b", "c", "d", "e", "g", "i"));
  EXPECT_THAT(words("'\"' a /* b */ '\\'' c"), ElementsAre("a", "c"));
  EXPECT_THAT(words("\"/*\" a \"*/\""), ElementsAre("a"));
  EXPECT_THAT(words("#error don't\na /* b */ c"), ElementsAre("error", "don", "t", "a", "c"));
}

TEST(EachWord, StringsOverSeveralLines) {
  EXPECT_THAT(words("\"a \\\n /* b \" c \"*/\" d"), ElementsAre("a", "b", "c", "d"));
}

TEST(EachWord, CommentsWithoutEnd) {
  EXPECT_THAT(words("a /* b"), ElementsAre("a"));
  EXPECT_THAT(words("a /*"), ElementsAre("a"));
  EXPECT_THAT(words("a // b"), ElementsAre("a"));
  EXPECT_THAT(words("a /"), ElementsAre("a"));
  EXPECT_THAT(words("\"a \\"), ElementsAre("a"));
}

TEST(IsKeyword, OfTheLanguage) {
  for (const char* word : {"int", "static", "struct", "__attribute__", "typeof", "_Static_assert"})
    EXPECT_TRUE(is_keyword(word)) << word;
  for (const char* word : {"", "in", "ints", "u32", "bool", "Static"})
    EXPECT_FALSE(is_keyword(word)) << word;
}

}  // namespace
}  // namespace splicer
