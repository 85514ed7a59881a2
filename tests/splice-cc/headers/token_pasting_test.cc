// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/headers/token_pasting.h"

#include <gtest/gtest.h>

namespace splicer {
namespace {

// What is known once all texts have been read until nothing new is found.
class Learnt {
 public:
  explicit Learnt(const std::vector<std::string>& texts) {
    for (bool more = true; more;) {
      more = false;
      const TokenPasting known = parts_;
      for (const std::string& text : texts) {
        TokenPasting here;
        here.learn(text, known);
        more = parts_.merge(here) || more;
      }
    }
  }
  // Those of `words` that are parts, in their order.
  std::vector<std::string> among(const std::vector<std::string>& words) const {
    std::vector<std::string> found;
    found.reserve(words.size());
    for (const std::string& word : words)
      if (parts_.contains(word)) found.push_back(word);
    return found;
  }

 private:
  TokenPasting parts_;
};

using Words = std::vector<std::string>;

Words parts(const std::string& text, const Words& words) { return Learnt({text}).among(words); }

TEST(TokenPasting, WhatStandsBesideAParameter) {
  EXPECT_EQ(parts("#define DO(op) spin_##op(&lock)\n", {"spin_", "op", "lock", "DO"}),
            Words{"spin_"});
  EXPECT_EQ(parts("#define DO(op) op##_lock(&x)\n", {"_lock", "op", "x"}), Words{"_lock"});
  EXPECT_EQ(parts("#define DO(op) a_##op##_b\n", {"a_", "op", "_b"}), (Words{"a_", "_b"}));
  EXPECT_EQ(parts("#define DO a_ ## b_\n", {"a_", "b_"}), (Words{"a_", "b_"}));
  EXPECT_EQ(parts("#define DO(op) spin_ ## op\n#define OTHER(x) x\n", {"spin_", "op", "x"}),
            Words{"spin_"});
}

TEST(TokenPasting, NothingWithoutJoining) {
  EXPECT_EQ(parts("#define DO(op) spin_lock(op)\nint spin_lock; #define\n#define A\n#define B 1\n"
                  "int a_##b;\n",
                  {"spin_lock", "op", "A", "B", "1", "a_", "b"}),
            Words{});
  EXPECT_EQ(parts("", {""}), Words{});
  EXPECT_EQ(parts("#define", {"define"}), Words{});
}

TEST(TokenPasting, WhatAMacroHandsOn) {
  EXPECT_EQ(parts("#define PASTE(a, b) a##b\n#define PER(x) PASTE(per_cpu_, x)\n",
                  {"per_cpu_", "x", "a", "b"}),
            Words{"per_cpu_"});
}

TEST(TokenPasting, ThroughTwoOthers) {
  const Learnt learnt(
      {"#define VALUE GET(mine)\n#define PLAIN(x) OTHER(not_this, x)\n",
       "#define GET(x) PER(not_that, x)\n#define PER(y, x) PASTE(per_cpu_, x) + y\n",
       "#define PASTE(a, b) PASTE_(a, b)\n#define PASTE_(a, b) a##b\n"});
  EXPECT_EQ(learnt.among({"mine", "not_this", "per_cpu_", "not_that"}),
            (Words{"mine", "per_cpu_"}));
}

TEST(TokenPasting, UnderAnotherName) {
  EXPECT_EQ(parts("#define PASTE(a, b) a##b\n#define JOIN PASTE\n#define X JOIN(left, right)\n",
                  {"left", "right"}),
            (Words{"left", "right"}));
}

TEST(TokenPasting, MacrosThatAreGivenAMacro) {
  EXPECT_EQ(parts("#define EACH(of) of(read) of(write)\n#define MAKE(x) do_##x,\n",
                  {"do_", "read", "write", "of"}),
            (Words{"do_", "read", "write"}));
  EXPECT_EQ(
      parts("#define APPLY(f, a, b) f(a, b)\n#define X(y) APPLY(PASTE, per_, y)\n", {"per_", "y"}),
      Words{"per_"});
}

// The name that is called may be that of any macro with such a name.
TEST(TokenPasting, CallsOfNamesPutTogether) {
  EXPECT_EQ(parts("#define MAP_1(m, a) m(a)\n#define MAP(n, a) MAP_##n(MAKE, a)\n"
                  "#define MAKE(x) do_##x\n#define X MAP(1, read)\n#define Y NAP(2, write)\n",
                  {"read", "write", "MAP_", "do_"}),
            (Words{"read", "MAP_", "do_"}));
  EXPECT_EQ(parts("#define in_ALL(a) a##_x\n#define DO(w, a) w##_ALL(a, one)\n"
                  "#define NONE(w) w##_SOME(two)\n",
                  {"one", "two"}),
            Words{"one"});
}

TEST(TokenPasting, ACommaIsJoinedToNoName) {
  EXPECT_EQ(parts("#define SAY(text, args...) printk(text, ## args)\n#define A SAY(one, two)\n",
                  {"text", "args", "printk", "one", "two"}),
            Words{});
  EXPECT_EQ(parts("#define SAY(text, ...) printk(text, ##__VA_ARGS__)\n#define A SAY(one, two)\n",
                  {"__VA_ARGS__", "one", "two"}),
            Words{});
}

TEST(TokenPasting, AnyNumberOfArguments) {
  EXPECT_EQ(parts("#define F(...) f_##__VA_ARGS__\n#define A F(one, two)\n",
                  {"f_", "one", "two", "__VA_ARGS__"}),
            (Words{"f_", "one", "two"}));
  EXPECT_EQ(parts("#define F(x, ...) x(f_##__VA_ARGS__)\n#define A F(one, two, three)\n",
                  {"f_", "two", "three", "__VA_ARGS__"}),
            (Words{"f_", "two", "three"}));
  EXPECT_EQ(
      parts("#define F(args...) f_##args\n#define A F(one, two)\n", {"f_", "one", "two", "args"}),
      (Words{"f_", "one", "two"}));
  EXPECT_EQ(parts("#define F(x, args...) f_##args\n#define A F(one, two, three)\n",
                  {"f_", "one", "two", "three", "args"}),
            (Words{"f_", "two", "three"}));
}

TEST(TokenPasting, ArgumentsInParentheses) {
  EXPECT_EQ(parts("#define PASTE(a, b) a##b\n#define X(y) PASTE(y, at(one, two))(three, four)\n",
                  {"one", "two", "three", "four"}),
            (Words{"one", "two"}));
}

TEST(TokenPasting, Numbers) {
  EXPECT_EQ(parts("#define U(n) u##n\n#define U32 U(32)\n#define SIZE(n) n##64\n",
                  {"u", "32", "64", "n"}),
            (Words{"u", "32", "64"}));
}

TEST(TokenPasting, OverSeveralLines) {
  EXPECT_EQ(parts("# \t define DO(op) \\\n  do { \\\n    spin_##op(&lock); \\\n  } while (0)\n"
                  "int not_##this;\n",
                  {"spin_", "not_", "this", "lock"}),
            Words{"spin_"});
  EXPECT_EQ(parts("#define DO(op) spin_##op", {"spin_"}), Words{"spin_"});
  EXPECT_EQ(parts("#define DO(op) \\\n", {"op"}), Words{});
  EXPECT_EQ(parts("#define DO(op) \\", {"op"}), Words{});
}

TEST(TokenPasting, CommentsAndStringsSayNothing) {
  EXPECT_EQ(parts("#define DO(op) /* not_##op */ spin_##op // no_##op\n"
                  "#define SAY(op) \"say_##op\" '\"' more_##op\n",
                  {"not_", "spin_", "no_", "say_", "more_"}),
            (Words{"spin_", "more_"}));
  EXPECT_EQ(parts("#define DO(op) /* of\n two lines */ spin_##op\nint not_##x;\n",
                  {"spin_", "not_", "two"}),
            Words{"spin_"});
}

TEST(TokenPasting, WhatIsCutShort) {
  const std::string whole = "#define X(a, args...) PASTE(/* c */ \"s\\\"\", 'c', a ## b, ## args)";
  for (const std::string before : {"", "#define PASTE(a, b) a##b\n"})
    for (std::size_t size = 0; size <= whole.size(); ++size)
      EXPECT_EQ(parts(before + whole.substr(0, size), {"X", "PASTE", "s", "c"}), Words{}) << size;
  for (const char* text :
       {"#define X(", "#define X(.", "#define X(...", "#define X(...)", "#define X(a.",
        "#define X(a ...", "#define X()", "#define X(,", "#define X(a)##", "#define X(a) ##",
        "#define X(a) a ##", "#define X(a) ## a", "#define X ##", "#define X(a)X(",
        "#define X(a)X((("})
    EXPECT_EQ(parts(text, {"X", "a", "", "##"}), Words{}) << text;
}

TEST(TokenPasting, MergeTellsWhatIsNew) {
  TokenPasting one;
  one.learn("#define DO(op) spin_##op\n", {});
  TokenPasting other;
  EXPECT_TRUE(other.merge(one));
  EXPECT_FALSE(other.merge(one));
  EXPECT_TRUE(other.contains("spin_"));
  TokenPasting parameter;
  parameter.learn("#define PASTE(a, b) a##b\n", {});
  EXPECT_TRUE(other.merge(parameter));
  EXPECT_FALSE(other.merge(TokenPasting()));
}

TEST(TokenPasting, SavedAndReadAgain) {
  TokenPasting one;
  one.learn("#define PASTE(a, b) a##b\n#define DO(op) spin_##op\n#define MANY(a, b) a##_##b\n", {});
  TokenPasting chaining;
  chaining.merge(one);
  chaining.learn("#define OVER(a) MANY(a, x)\n", one);
  const TokenPasting again = TokenPasting::from_saved(chaining.saved());
  EXPECT_EQ(again.saved(), chaining.saved());
  EXPECT_TRUE(again.contains("spin_"));
  EXPECT_TRUE(again.is_chaining("OVER"));
  EXPECT_EQ(again.chains(), (std::set<TokenPasting::Chain>{{"", "_", ""}}));
  TokenPasting more = again;
  EXPECT_FALSE(more.merge(chaining)) << "the parameters of macros, too";
  for (const char* text : {"", "\n", "macro", "macro\n", "nothing\tx\n", "part\t", "chain"})
    EXPECT_EQ(TokenPasting::from_saved(text).saved().find("x"), std::string::npos) << text;
}

}  // namespace
}  // namespace splicer
