// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/compare_facts.h"

#include <gmock/gmock.h>

#include "tests/support/kernel_text.h"

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<Finding> findings(const std::string& pre, const std::string& post,
                              const ChangedCode& code = {}) {
  auto found = compare_meaning(facts_of(pre), facts_of(post), code);
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

const std::string kUse = "int f(struct foo *x) { return x->a; }";

TEST(MeaningCompare, EqualTextsGiveNothing) {
  const std::string text = "struct foo { int a; u8 b; }; " + kUse;
  EXPECT_THAT(titles(text, "/* a comment */\n" + text), IsEmpty());
}

TEST(MeaningCompare, MemberAddedSwappedRetyped) {
  const std::string pre = "struct foo { u32 a; u32 b; }; " + kUse;
  const auto refused = ElementsAre("refuse layout-changed:struct foo");
  EXPECT_THAT(titles(pre, "struct foo { u32 a; u32 b; u32 c; }; " + kUse), refused);
  EXPECT_THAT(titles(pre, "struct foo { u32 b; u32 a; }; " + kUse), refused);
  EXPECT_THAT(titles(pre, "struct foo { u32 a; int b; }; " + kUse), refused);
  EXPECT_THAT(titles(pre, "struct foo { u32 a; } __attribute__((aligned(8))); " + kUse), refused);
}

TEST(MeaningCompare, SaysWhatWasAndWhatIs) {
  const auto found =
      findings("struct foo { u32 a; u32 b; }; " + kUse, "struct foo { u32 b; u32 a; }; " + kUse);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].was, "8 bytes: unsigned int a at 0; unsigned int b at 4");
  EXPECT_EQ(found[0].is, "8 bytes: unsigned int b at 0; unsigned int a at 4");
  EXPECT_THAT(found[0].users, ElementsAre("f"));
  EXPECT_EQ(found[0].place.file, "unit.c");
  EXPECT_EQ(found[0].place.line, 2U);
}

TEST(MeaningCompare, UnusedTypesAndNewTypesAreNoMatter) {
  EXPECT_THAT(titles("struct foo { int a; }; int f(void) { return 1; }",
                     "struct foo { int a, b; }; struct bar { int c; }; int f(void) { return 1; }"),
              IsEmpty());
}

TEST(MeaningCompare, AnotherNameIsNoChangeUnlessItWasPadding) {
  EXPECT_THAT(
      titles("struct foo { int a; int b; }; " + kUse, "struct foo { int a; int c; }; " + kUse),
      IsEmpty());
  EXPECT_THAT(
      titles("struct foo { int a; int pad; }; " + kUse, "struct foo { int a; int c; }; " + kUse),
      ElementsAre("refuse layout-changed:struct foo"));
}

TEST(MeaningCompare, TypedefsAndConstAreNoChange) {
  EXPECT_THAT(titles("struct foo { unsigned a; char *b; }; " + kUse,
                     "struct foo { u32 a; const char *b; }; " + kUse),
              IsEmpty());
}

TEST(MeaningCompare, OnlyTheInnermostRecordIsTold) {
  const std::string outer =
      "struct outer { struct foo in; int z; }; int f(struct outer *o) { return o->z; }";
  EXPECT_THAT(titles("struct foo { int a; }; " + outer, "struct foo { int a, b; }; " + outer),
              ElementsAre("refuse layout-changed:struct foo"));
}

TEST(MeaningCompare, RecordsWithoutAName) {
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

TEST(MeaningCompare, HoleInZeroedMemoryIsAWarning) {
  const std::string make = " struct foo *make(void) { return kzalloc(sizeof(struct foo)); }";
  const std::string careless = " struct foo *make(void) { return kmalloc(sizeof(struct foo)); }";
  const std::string pre = "struct foo { long a; u8 b; }; " + kUse;
  const std::string post = "struct foo { long a; u8 b; u8 c; }; " + kUse;
  EXPECT_THAT(titles(pre + make, post + make), ElementsAre("warn layout-changed:struct foo"));
  EXPECT_THAT(titles(pre + careless, post + careless),
              ElementsAre("refuse layout-changed:struct foo"));
  EXPECT_THAT(titles(pre, post), ElementsAre("refuse layout-changed:struct foo"));
}

TEST(MeaningCompare, TypesOfAReplacedFunctionsOwn) {
  const std::string pre = "int f(void) { struct foo { int a, b; } x = {1, 2}; return x.a; }";
  const std::string post = "int f(void) { struct foo { int b, a; } x = {1, 2}; return x.a; }";
  EXPECT_THAT(titles(pre, post, {{"f"}, {"f"}}), IsEmpty());
  EXPECT_THAT(titles(pre, post), ElementsAre("refuse layout-changed:struct foo in f"));
}

TEST(MeaningCompare, CallerOfAFunctionThatIsToldIsNotToldToo) {
  const std::string caller = " void g(struct thing *t) { f(t); }";
  EXPECT_THAT(
      titles("void f(struct thing *t) { t->n++; }" + caller,
             "void f(struct thing *t) { mutex_lock(&t->lock); }" + caller, {{"f"}, {"f", "g"}}),
      ElementsAre("refuse lock-discipline:f"));
}

TEST(MeaningCompare, EnumeratorInTheMiddle) {
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

TEST(MeaningCompare, CountOfEnumeratorsIsAWarning) {
  const std::string use = "int f(int x) { return x < FOO_MAX; }";
  EXPECT_THAT(titles("enum foo { A, FOO_MAX }; " + use, "enum foo { A, B, FOO_MAX }; " + use),
              ElementsAre("warn enum-changed:enum foo"));
}

TEST(MeaningCompare, SignatureThroughAPointer) {
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

TEST(MeaningCompare, NewDisciplineIsRefusedAndARepairIsNot) {
  const std::string leak =
      "int f(struct thing *t) { mutex_lock(&t->lock); if (t->n) return 1; mutex_unlock(&t->lock); "
      "return 0; }";
  const std::string right =
      "int f(struct thing *t) { mutex_lock(&t->lock); if (t->n) { mutex_unlock(&t->lock); return "
      "1; "
      "} mutex_unlock(&t->lock); return 0; }";
  EXPECT_THAT(titles(leak, right), IsEmpty());
  EXPECT_THAT(titles(right, leak), ElementsAre("refuse lock-discipline:f"));
}

TEST(MeaningCompare, LockThatIsNeverTakenAnyMore) {
  EXPECT_THAT(titles("void start(struct thing *t) { mutex_lock(&t->lock); } "
                     "void stop(struct thing *t) { mutex_unlock(&t->lock); }",
                     "void start(struct thing *t) { } void stop(struct thing *t) { }"),
              ElementsAre("refuse lock-discipline:start", "refuse lock-discipline:stop"));
}

TEST(MeaningCompare, LockThatMovesBetweenReplacedFunctions) {
  const std::string pre =
      "static void in(struct thing *t) { mutex_lock(&t->lock); t->n++; mutex_unlock(&t->lock); } "
      "void f(struct thing *t) { in(t); }";
  const std::string post =
      "static void in(struct thing *t) { t->n++; mutex_unlock(&t->lock); } "
      "void f(struct thing *t) { mutex_lock(&t->lock); in(t); }";
  EXPECT_THAT(titles(pre, post, {{"in", "f"}, {"in", "f"}}), IsEmpty());
  EXPECT_THAT(titles(pre, post, {{"f"}, {"f"}}), IsEmpty());
  EXPECT_THAT(titles(pre, post, {{"in"}, {"in", "f"}}), ElementsAre("refuse lock-discipline:in"));
}

TEST(MeaningCompare, ConditionalLockIsOnlyAWarning) {
  EXPECT_THAT(titles("void f(struct thing *t) { work(); }",
                     "void f(struct thing *t) { if (t->n) mutex_lock(&t->lock); work(); "
                     "if (t->n) mutex_unlock(&t->lock); }"),
              ElementsAre("warn lock-discipline:f"));
}

TEST(MeaningCompare, HalvesOfAReference) {
  const std::string pre =
      "void open(struct thing *t) { work(); } void shut(struct thing *t) { work(); }";
  const std::string both =
      "void open(struct thing *t) { kref_get(&t->ref); } "
      "void shut(struct thing *t) { kref_put(&t->ref, NULL); }";
  const std::string one =
      "void open(struct thing *t) { work(); } "
      "void shut(struct thing *t) { kref_put(&t->ref, NULL); }";
  EXPECT_THAT(titles(pre, both),
              ElementsAre("refuse reference-discipline:open", "refuse reference-discipline:shut"));
  EXPECT_THAT(titles(pre, one), ElementsAre("warn reference-discipline:shut"));
}

TEST(MeaningCompare, LinesAreThePatchedFilesOwn) {
  const auto found = findings("struct foo { int a, b; };\n" + kUse,
                              "#line 90\nstruct foo { int b, a; };\n" + kUse);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].place.line, 2U);
  EXPECT_EQ(variable_change(facts_of("int table[] = {\n1,\n2 };"),
                            facts_of("int table[] = {\n1,\n#line 9\n3 };"), "table"),
            "unit.c:2: table\n    was: 2 }\n    is:  3 }");
}

TEST(MeaningCompare, VariablesAreShownByTheirText) {
  const UnitFacts pre = facts_of("int f(void) { static int state = 1; return state; }");
  const UnitFacts post = facts_of("int f(void) { static int state = 2; return state; }");
  EXPECT_EQ(variable_change(pre, post, "state.12"),
            "unit.c:2: f.state\n    was: static int state = 1\n    is:  static int state = 2");
  EXPECT_EQ(variable_change(pre, post, "other"), "");
}

}  // namespace
}  // namespace splicer
