// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/headers/reachable_declarations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace splicer {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::string header(const std::string& text) {
  return "# 1 \"include/linux/x.h\" 1\n" + text + "\n";
}
std::string source(const std::string& text) { return "# 1 \"kernel/a.c\" 2\n" + text + "\n"; }

std::vector<std::string> reached(const std::string& text) {
  return reachable(read_declarations(text, "kernel/a.c"));
}
bool same(const std::string& before, const std::string& after) {
  return reached(before) == reached(after);
}

TEST(ReachableDeclarations, AnUnusedInlineFunctionLeavesNoTrace) {
  const std::string user = source("int g(void) { return 2; }");
  EXPECT_TRUE(same(header("static inline int f(void) { return 1; }") + user,
                   header("static inline int f(void) { return 3; }") + user));
}

TEST(ReachableDeclarations, AUsedOneDoes) {
  const std::string user = source("int g(void) { return f(); }");
  EXPECT_FALSE(same(header("static inline int f(void) { return 1; }") + user,
                    header("static inline int f(void) { return 3; }") + user));
}

TEST(ReachableDeclarations, ThroughOthers) {
  const std::string between = "static inline int h(void) { return f() + 1; }";
  const std::string user = source("static int g(void) { return h(); }");
  EXPECT_FALSE(same(header("static inline int f(void) { return 1; }" + between) + user,
                    header("static inline int f(void) { return 3; }" + between) + user));
  EXPECT_TRUE(same(header("static inline int f(void) { return 1; }" + between),
                   header("static inline int f(void) { return 3; }" + between)));
}

TEST(ReachableDeclarations, AStructureBehindAnotherType) {
  const std::string rest = "typedef struct s s_t; struct t { s_t *inner; };\n";
  const std::string user = source("int g(struct t *p) { return p->inner->a; }");
  EXPECT_FALSE(same(header("struct s { int a; };" + rest) + user,
                    header("struct s { int b; int a; };" + rest) + user));
  EXPECT_TRUE(
      same(header("struct s { int a; };" + rest) + source("int g(int p) { return p; }"),
           header("struct s { int b; int a; };" + rest) + source("int g(int p) { return p; }")));
}

TEST(ReachableDeclarations, AStructureThatOnlyAPrototypeNames) {
  const std::string rest = "struct s *get(void);\n";
  EXPECT_FALSE(
      same(header("struct s { int a; };" + rest) + source("int g(void) { return get()->a; }"),
           header("struct s { int b, a; };" + rest) + source("int g(void) { return get()->a; }")));
}

TEST(ReachableDeclarations, EnumeratorsAreNames) {
  const std::string user = source("int g(void) { return B; }");
  EXPECT_FALSE(same(header("enum { A, B };") + user, header("enum { X, A, B };") + user));
  EXPECT_FALSE(same(header("enum tag { A, B };") + user, header("enum tag { X, A, B };") + user));
  EXPECT_FALSE(same(header("struct s { enum { A, B } kind; };") + user,
                    header("struct s { enum { X, A, B } kind; };") + user));
  EXPECT_TRUE(same(header("enum { A, C };") + user, header("enum { X, A, C };") + user));
}

TEST(ReachableDeclarations, DeclaratorsOfEveryKindAreNames) {
  const std::string user = source("int g(void) { return (int)(long)name; }");
  for (const char* kind :
       {"extern int %name;", "extern int other, *name%[3];", "typedef int name%;",
        "typedef int (*name)(int%);", "extern int (*name)(int%);", "extern int (*name[2])(int%);",
        "static const int name = %1;", "static const int name[] = { %1 };",
        "typedef struct { int %a; } name;", "typeof(int%) name(void);",
        "static inline int (*name(void))(int%) { return 0; }",
        "extern int name __attribute__((aligned(8%)));", "struct name { int %a; };",
        "union name { int %a; };", "extern int name : 3%;"}) {
    std::string before = kind;
    const std::size_t at = before.find('%');
    std::string after = before;
    before.erase(at, 1);
    after.replace(at, 1, "2");
    EXPECT_FALSE(same(header(before) + user, header(after) + user)) << kind;
  }
}

TEST(ReachableDeclarations, WhatStandsInAHeaderAndMakesCodeIsARoot) {
  for (const char* kind : {"int f(void) { return %; }", "int v = %;", "asm(\".globl x%\");",
                           "static int v __attribute__((used)) = %;",
                           "static int v __attribute__((__section__(\".x\"))) = %;",
                           "long f(void) __attribute__((alias(\"g%\")));", "int tentative%;",
                           "#pragma pack(%)\nint f(void);"}) {
    std::string before = kind;
    const std::size_t at = before.find('%');
    std::string after = before;
    before.replace(at, 1, "1");
    after.replace(at, 1, "2");
    EXPECT_FALSE(same(header(before), header(after))) << kind;
  }
}

TEST(ReachableDeclarations, OrderCounts) {
  const std::string a = "static inline int a(void) { return 1; }\n";
  const std::string b = "static inline int b(void) { return 1; }\n";
  const std::string user = source("int g(void) { return a() + b(); }");
  EXPECT_FALSE(same(header(a + b) + user, header(b + a) + user));
}

TEST(ReachableDeclarations, CountedNamesAreTheSame) {
  const std::string user = source("int g(void) { int __UNIQUE_ID_x77 = 1; return f(); }");
  const std::string counted = source("int g(void) { int __UNIQUE_ID_x78 = 1; return f(); }");
  EXPECT_TRUE(same(user, counted));
}

TEST(ReachableDeclarations, EverythingOfTheSourceIsARoot) {
  EXPECT_FALSE(same(source("struct unused { int a; };"), source("struct unused { int b; };")));
  EXPECT_FALSE(
      same(source("static int f(void) { return 1; }"), source("static int f(void) { return 2; }")));
}

TEST(ReachableDeclarations, LineMarkersAreNoDifference) {
  EXPECT_EQ(reached("# 5 \"kernel/a.c\"\nint f(void) {\n# 9 \"kernel/a.c\"\n return 1; }\n"),
            reached("# 6 \"kernel/a.c\"\nint f(void) { return 1; }\n"));
}

TEST(ReachableDeclarations, TextThatIsNoCIsReadToItsEnd) {
  for (const char* text : {"", "}", "{", ")))", "struct", "enum {", "f(", "# ", "#", "= = ;", "\"",
                           "int f(void) {", "__attribute__((", "asm", "typeof", "union u {{{"})
    EXPECT_NO_FATAL_FAILURE(reached(header(text) + source(text))) << text;
  EXPECT_THAT(reached(source("int f(void) {")), Contains(HasSubstr("int f")));
}

TEST(ReachableDeclarations, MembersWithTheNamesOfAttributes) {
  const std::string user = source("int g(void) { return 2; }");
  EXPECT_TRUE(same(header("static inline int f(struct s *x) { return x->used; }") + user,
                   header("static inline int f(struct s *x) { return !x->used; }") + user));
  for (const std::string attribute :
       {"__attribute__((used))", "__attribute__((aligned(8), __section__(\".d\")))", "__used"})
    EXPECT_FALSE(same(header("static int x " + attribute + " = 1;") + user,
                      header("static int x " + attribute + " = 2;") + user))
        << attribute;
}

}  // namespace
}  // namespace splicer
