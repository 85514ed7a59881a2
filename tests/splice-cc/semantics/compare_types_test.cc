// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/compare_types.h"

#include <gmock/gmock.h>

#include "tests/support/kernel_text.h"

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<Finding> findings(const std::string& pre, const std::string& post,
                              const ChangedCode& code = {}) {
  auto found = compare_types(facts_of(pre), facts_of(post), code);
  judge_references(found);
  return merge_findings(std::move(found));
}

// "refuse CODE:NAME" or "warn CODE:NAME"
std::vector<std::string> titles(const std::string& pre, const std::string& post,
                                const ChangedCode& code = {}) {
  std::vector<std::string> out;
  for (const Finding& finding : findings(pre, post, code))
    out.push_back((finding.refuse ? "refuse " : "warn ") + finding.title());
  return out;
}

Finding described(const std::string& pre, const std::string& post, const std::string& name) {
  Finding finding;
  finding.name = name;
  describe_variable_change(facts_of(pre), facts_of(post), finding);
  return finding;
}

const std::string kUse = "int f(struct foo *x) { return x->a; }";

TEST(CompareTypes, EqualTextsGiveNothing) {
  const std::string text = "struct foo { int a; u8 b; }; " + kUse;
  EXPECT_THAT(titles(text, "/* a comment */\n" + text), IsEmpty());
}

TEST(CompareTypes, MemberAddedSwappedRetyped) {
  const std::string pre = "struct foo { u32 a; u32 b; }; " + kUse;
  const auto refused = ElementsAre("refuse layout-changed:struct foo");
  EXPECT_THAT(titles(pre, "struct foo { u32 a; u32 b; u32 c; }; " + kUse), refused);
  EXPECT_THAT(titles(pre, "struct foo { u32 b; u32 a; }; " + kUse), refused);
  EXPECT_THAT(titles(pre, "struct foo { u32 a; short b, c; }; " + kUse), refused);
  EXPECT_THAT(titles(pre, "struct foo { u32 a; int b; }; " + kUse),
              ElementsAre("warn layout-changed:struct foo"))
      << "the same bytes with another sign";
  const std::string atomic = "typedef struct { int counter; } atomic_t; void g(void *p); ";
  const std::string pointed = "void f(struct foo *x) { g(&x->a); }";
  EXPECT_THAT(titles(atomic + "struct foo { int a; }; " + pointed,
                     atomic + "struct foo { atomic_t a; }; " + pointed),
              ElementsAre("warn layout-changed:struct foo"))
      << "the same bytes, used one at a time";
  EXPECT_THAT(titles(atomic + "struct foo { long a; }; " + pointed,
                     atomic + "struct foo { atomic_t a; long b; }; " + pointed),
              refused);
  const auto stores = [](const std::string& sign, const std::string& value) {
    return "struct foo { " + sign + " a; }; void f(struct foo *x) { x->a = " + value + "; }";
  };
  EXPECT_THAT(titles(stores("int", "1"), stores("unsigned int", "2")), refused)
      << "and what is stored is another";
  EXPECT_THAT(titles(pre, "struct foo { u32 a; } __attribute__((aligned(8))); " + kUse), refused);
}

TEST(CompareTypes, SaysWhatWasAndWhatIs) {
  const auto found =
      findings("struct foo { u32 a; u32 b; }; " + kUse, "struct foo { u32 b; u32 a; }; " + kUse);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].was, "8 bytes: unsigned int a at 0; unsigned int b at 4");
  EXPECT_EQ(found[0].is, "8 bytes: unsigned int b at 0; unsigned int a at 4");
  EXPECT_THAT(found[0].users, ElementsAre("f"));
  EXPECT_EQ(found[0].place.file, "unit.c");
  EXPECT_EQ(found[0].place.line, 2U);
}

TEST(CompareTypes, UnusedTypesAndNewTypesAreNoMatter) {
  EXPECT_THAT(titles("struct foo { int a; }; int f(void) { return 1; }",
                     "struct foo { int a, b; }; struct bar { int c; }; int f(void) { return 1; }"),
              IsEmpty());
}

TEST(CompareTypes, AnotherNameIsNoChangeUnlessItWasPadding) {
  EXPECT_THAT(
      titles("struct foo { int a; int b; }; " + kUse, "struct foo { int a; int c; }; " + kUse),
      IsEmpty());
  EXPECT_THAT(
      titles("struct foo { int a; int pad; }; " + kUse, "struct foo { int a; int c; }; " + kUse),
      ElementsAre("refuse layout-changed:struct foo"));
}

TEST(CompareTypes, TypedefsAndConstAreNoChange) {
  EXPECT_THAT(titles("struct foo { unsigned a; char *b; }; " + kUse,
                     "struct foo { u32 a; const char *b; }; " + kUse),
              IsEmpty());
}

TEST(CompareTypes, OnlyTheInnermostRecordIsReported) {
  const std::string outer =
      "struct outer { struct foo in; int z; }; int f(struct outer *o) { return o->z; }";
  EXPECT_THAT(titles("struct foo { int a; }; " + outer, "struct foo { int a, b; }; " + outer),
              ElementsAre("refuse layout-changed:struct foo"));
}

TEST(CompareTypes, RecordsWithoutAName) {
  EXPECT_THAT(titles("typedef struct { int a, b; } foo_t; int f(foo_t *x) { return x->a; }",
                     "typedef struct { int b, a; } foo_t; int f(foo_t *x) { return x->a; }"),
              ElementsAre("refuse layout-changed:foo_t"));
  EXPECT_THAT(titles("static struct { int a, b; } table; int f(void) { return table.a; }",
                     "static struct { int b, a; } table; int f(void) { return table.a; }"),
              ElementsAre("refuse layout-changed:struct of table"));
  EXPECT_THAT(titles("struct foo { struct { int a, b; }; }; " + kUse,
                     "struct foo { struct { int b, a; }; }; " + kUse),
              ElementsAre("refuse layout-changed:struct foo"));
}

TEST(CompareTypes, HoleInZeroedMemoryIsAWarning) {
  const std::string make = " struct foo *make(void) { return kzalloc(sizeof(struct foo)); }";
  const std::string careless = " struct foo *make(void) { return kmalloc(sizeof(struct foo)); }";
  const std::string pre = "struct foo { long a; u8 b; }; " + kUse;
  const std::string post = "struct foo { long a; u8 b; u8 c; }; " + kUse;
  EXPECT_THAT(titles(pre + make, post + make), ElementsAre("warn layout-changed:struct foo"));
  EXPECT_THAT(titles(pre + careless, post + careless),
              ElementsAre("refuse layout-changed:struct foo"));
  EXPECT_THAT(titles(pre, post), ElementsAre("refuse layout-changed:struct foo"));
}

TEST(CompareTypes, TypesOfAReplacedFunctionsOwn) {
  const std::string pre = "int f(void) { struct foo { int a, b; } x = {1, 2}; return x.a; }";
  const std::string post = "int f(void) { struct foo { int b, a; } x = {1, 2}; return x.a; }";
  EXPECT_THAT(titles(pre, post, {{"f"}, {"f"}}), IsEmpty());
  EXPECT_THAT(titles(pre, post), ElementsAre("refuse layout-changed:struct foo in f"));
}

TEST(CompareTypes, EnumeratorInTheMiddle) {
  const std::string use = "int f(int x) { return x == B; }";
  EXPECT_THAT(titles("enum foo { A, B }; " + use, "enum foo { A, NEW, B }; " + use),
              ElementsAre("refuse enum-changed:enum foo"));
  EXPECT_THAT(titles("enum foo { A, B }; " + use, "enum foo { A, B, NEW }; " + use), IsEmpty());
  EXPECT_THAT(titles("enum { A, B }; " + use, "enum { A, NEW, B }; " + use),
              ElementsAre("refuse enum-changed:enum of A"));
  EXPECT_THAT(titles("enum { A, B }; int f(void) { return 0; }",
                     "enum { A, NEW, B }; int f(void) { return 0; }"),
              IsEmpty());
}

TEST(CompareTypes, CountOfEnumeratorsIsAWarning) {
  const std::string use = "int f(int x) { return x < FOO_MAX; }";
  EXPECT_THAT(titles("enum foo { A, FOO_MAX }; " + use, "enum foo { A, B, FOO_MAX }; " + use),
              ElementsAre("warn enum-changed:enum foo"));
}

TEST(CompareTypes, SignatureThroughAPointer) {
  const std::string pre = "static int f(int a) { return a; } int (*table)(int) = (void *)f;";
  EXPECT_THAT(titles(pre, "static int f(long a) { return a; } int (*table)(int) = (void *)f;"),
              ElementsAre("refuse signature-changed:f"));
  EXPECT_THAT(titles("static int f(int a) { return a; } int g(void) { return f(1); }",
                     "static int f(long a) { return a; } int g(void) { return f(1); }"),
              IsEmpty());
  EXPECT_THAT(titles("static void f(int a) { work(); } void (*table)(int) = (void *)f;",
                     "static int f(int a) { return a; } void (*table)(int) = (void *)f;"),
              IsEmpty());
  EXPECT_THAT(titles("static int f(int a) { return a; } void (*table)(int) = (void *)f;",
                     "static void f(int a) { work(); } void (*table)(int) = (void *)f;"),
              ElementsAre("refuse signature-changed:f"));
}

TEST(CompareTypes, LinesAreThePatchedFilesOwn) {
  const auto found = findings("struct foo { int a, b; };\n" + kUse,
                              "#line 90\nstruct foo { int b, a; };\n" + kUse);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].place.line, 2U);
  const Finding table =
      described("int table[] = {\n1,\n2 };", "int table[] = {\n1,\n#line 9\n3 };", "table");
  EXPECT_EQ(table.place.line, 2U);
  EXPECT_EQ(table.was, "2 }");
  EXPECT_EQ(table.is, "3 }");
}

TEST(CompareTypes, VariablesAreShownByTheirText) {
  const std::string pre = "int f(void) { static int state = 1; return state; }";
  const std::string post = "int f(void) { static int state = 2; return state; }";
  EXPECT_EQ(described(pre, post, "state.12").was, "static int state = 1");
  EXPECT_EQ(described(pre, post, "state.12").is, "static int state = 2");
  EXPECT_EQ(described(pre, post, "other").was, "");
}

// --- what is not told by a name ------------------------------------------------------------------

ChangedCode replacing(std::initializer_list<std::string> functions) {
  ChangedCode code;
  code.replaced = functions;
  code.compiled = functions;
  return code;
}

TEST(CompareTypes, ARecordUnderAnotherNameIsTheSameMemory) {
  const auto user = [&](const std::string& name) {
    return "int f(void *p) { struct " + name + " *x = p; return x->a; }";
  };
  const std::string pre = "struct foo { int a; }; " + user("foo");
  EXPECT_THAT(titles(pre, "struct bar { long b; int a; }; " + user("bar"), replacing({"f"})),
              ElementsAre("refuse layout-changed:struct foo"));
  EXPECT_THAT(titles(pre, "struct bar { int a; }; " + user("bar"), replacing({"f"})), IsEmpty())
      << "only the name is another";
  EXPECT_THAT(titles(pre, "struct bar { long b; int a; }; " + user("bar"), {}), IsEmpty())
      << "no code that is replaced uses it";
}

TEST(CompareTypes, RecordsWithoutNamesCountInArraysAndBehindPointers) {
  const auto refused = ElementsAre("refuse layout-changed:struct foo");
  const std::string use = "int f(struct foo *x) { return x->n; }";
  EXPECT_THAT(titles("struct foo { struct { void *a; long b; } r[2]; int n; }; " + use,
                     "struct foo { struct { long b; void *a; } r[2]; int n; }; " + use),
              refused);
  EXPECT_THAT(titles("struct foo { struct { void *a; long b; } *r; int n; }; " + use,
                     "struct foo { struct { long b; void *a; } *r; int n; }; " + use),
              refused);
}

TEST(CompareTypes, TheOrderOfBytesIsPartOfAType) {
  const std::string order = "typedef unsigned short u16; typedef u16 __be16; ";
  EXPECT_THAT(
      titles(order + "struct foo { __be16 a; }; " + kUse, order + "struct foo { u16 a; }; " + kUse),
      ElementsAre("refuse layout-changed:struct foo"));
  EXPECT_THAT(titles(order + "typedef u16 port_t; struct foo { port_t a; }; " + kUse,
                     order + "struct foo { u16 a; }; " + kUse),
              IsEmpty());
}

TEST(CompareTypes, AContextOnTheStackOfReplacedFunctionsMayChange) {
  const std::string rest =
      "int g(struct ctx *c) { return c->a; } "
      "int f(void) { struct ctx c = {1}; return g(&c); }";
  const std::string pre = "struct ctx { int a; }; " + rest;
  const std::string post = "struct ctx { int a, b; }; " + rest;
  const auto refused = ElementsAre("refuse layout-changed:struct ctx");
  EXPECT_THAT(titles(pre, post, replacing({"f", "g"})), IsEmpty());
  EXPECT_THAT(titles(pre, post, replacing({"g"})), refused) << "f goes on making the old one";
  const std::string kept = " struct ctx kept;";
  EXPECT_THAT(titles(pre + kept, post + kept, replacing({"f", "g"})), refused);
  const std::string made = " struct ctx *h(void) { return kmalloc(sizeof(struct ctx)); }";
  EXPECT_THAT(titles(pre + made, post + made, replacing({"f", "g", "h"})), refused);
}

TEST(CompareTypes, AVariableKeepsWhatItHolds) {
  const auto refused = ElementsAre("refuse variable-type-changed:v");
  EXPECT_THAT(
      titles("struct a { long x; }; struct a v[2]; ", "struct b { int x, y; }; struct b v[2];"),
      refused);
  EXPECT_THAT(titles("short v[2];", "u32 v;"), refused);
  EXPECT_THAT(titles("int v;", "unsigned int v;"), ElementsAre("warn variable-type-changed:v"));
  EXPECT_THAT(titles("const short v[2];", "const u32 v;"), IsEmpty())
      << "new code brings its own constants";
}

TEST(CompareTypes, BpfProgramsCallByTheOldType) {
  ChangedCode code;
  code.of_bpf = {"f"};
  EXPECT_THAT(titles("int f(int a) { return a; }", "int f(int a, int b) { return a + b; }", code),
              ElementsAre("refuse signature-changed:f"));
}

}  // namespace
}  // namespace splicer
