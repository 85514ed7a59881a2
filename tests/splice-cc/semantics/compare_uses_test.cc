// SPDX-License-Identifier: GPL-2.0-or-later
//
// What memory means to code: by use, not by spelling.
#include "splice-cc/semantics/compare_uses.h"

#include <gmock/gmock.h>

#include "tests/support/kernel_text.h"

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> titles(const std::string& pre, const std::string& post) {
  const UnitFacts before = facts_of(pre);
  const UnitFacts after = facts_of(post);
  const ChangedCode code = all_but_kept(before);
  std::vector<std::string> out;
  for (const Finding& finding : compare_uses(before, after, code)) out.push_back(finding.title());
  StateValues states;
  states.add(before, after, code);
  for (const Finding& finding : states.compare()) out.push_back(finding.title());
  return out;
}

const std::string kObject = "struct obj { int state; int limit; void *private; };\n";

TEST(CompareUses, AMacroOfAnotherValue) {
  const std::string code = kObject + "void f(struct obj *o) { o->state |= ARMED; }";
  EXPECT_THAT(titles("#define ARMED 1\n" + code, "#define ARMED 2\n" + code),
              ElementsAre("constant-changed:ARMED"));
  EXPECT_THAT(titles("#define ARMED 1\n" + code, "#define ARMED (1 << 0)\n" + code), IsEmpty());
  const std::string bound = kObject + "int f(struct obj *o) { return o->limit > MOST; }";
  EXPECT_THAT(titles("#define MOST 1\n" + bound, "#define MOST 2\n" + bound), IsEmpty())
      << "a bound is no meaning";
}

// As KSM_RUN_MERGE of mm/ksm.c under another name: what is tested somebody else has stored.
TEST(CompareUses, AConstantThatIsRenamedAndHasAnotherValue) {
  const auto code = [](const std::string& name) {
    return kObject + "void out(void); void f(struct obj *o) { if (o->state & " + name +
           ") out(); }";
  };
  const std::string was = "#define WAS 1\n", is = "#define IS 4\n";
  EXPECT_THAT(titles(was + code("WAS"), is + code("IS")), ElementsAre("constant-changed:WAS"));
  EXPECT_THAT(titles("enum { WAS = 1 };" + code("WAS"), is + code("IS")),
              ElementsAre("constant-changed:WAS"));
  EXPECT_THAT(titles(was + code("WAS"), "#define IS 1\n" + code("IS")), IsEmpty()) << "one value";
  // The fix of a wrong flag: both were there, or both are.
  EXPECT_THAT(titles(was + is + code("WAS"), was + is + code("IS")), IsEmpty());
  EXPECT_THAT(titles(was + is + code("WAS"), is + code("IS")), IsEmpty());
  EXPECT_THAT(titles(was + code("WAS"), was + is + code("IS")), IsEmpty());
  EXPECT_THAT(titles(was + code("WAS"), is + code("(1 + 1)")), IsEmpty());
}

// As EP_UNACTIVE_PTR of fs/eventpoll.c, and KTIME_MAX: -1 and the smallest number are values like others.
TEST(CompareUses, AMarkThatSaysNone) {
  const auto code = [](const std::string& type, const std::string& none) {
    return "struct poll { " + type +
           " next; }; void out(void);"
           "void f(struct poll *p) { p->next = " +
           none +
           "; }"
           "void g(struct poll *p) { if (p->next != " +
           none + ") out(); }";
  };
  const auto changed = ElementsAre("constant-changed:struct poll.next");
  EXPECT_THAT(titles(code("void *", "((void *)-1L)"), code("void *", "((void *)0x10L)")), changed);
  EXPECT_THAT(titles(code("long", "(-1L)"), code("long", "3")), changed);
  EXPECT_THAT(
      titles(code("long", "0x7fffffffffffffffL"), code("long", "(-0x7fffffffffffffffL - 1)")),
      changed);
  EXPECT_THAT(titles(code("void *", "((void *)-1L)"), code("void *", "((void *)(-2L + 1))")),
              IsEmpty());
}

// As KEY_GC_KEY_EXPIRED of security/keys/gc.c, which is bit 0.
TEST(CompareUses, ANumberOfABit) {
  const auto code = [](const std::string& name, int bit) {
    return "#define " + name + " " + std::to_string(bit) +
           "\nstatic unsigned long flags; void out(void);"
           "void set_bit(long nr, unsigned long *to);"
           "int const_test_bit(unsigned long nr, const unsigned long *of);"
           "void f(void) { set_bit(" +
           name +
           ", &flags); }"
           "void g(void) { if (const_test_bit(" +
           name + ", &flags)) out(); }";
  };
  EXPECT_THAT(titles(code("WAS", 0), code("WAS", 3)),
              ElementsAre("constant-changed:WAS", "constant-changed:flags"));
  EXPECT_THAT(titles(code("WAS", 0), code("IS", 3)), ElementsAre("constant-changed:flags"));
  EXPECT_THAT(titles(code("WAS", 0), code("IS", 0)), IsEmpty());
}

TEST(CompareUses, ASizeByWhichOldMemoryWasAllocated) {
  const auto code = [](int size) {
    return "#define SIZE " + std::to_string(size) +
           "\nstatic long table[8]; long f(int id) { return table[id & (SIZE - 1)]; }";
  };
  EXPECT_THAT(titles(code(4), code(8)), ElementsAre("constant-changed:SIZE"));
}

TEST(CompareUses, AStateByALiteralOrAnotherName) {
  const auto code = [](const std::string& value) {
    return kObject + "void f(struct obj *o) { o->state = " + value +
           "; } int g(struct obj *o) { return o->state == " + value + "; }";
  };
  EXPECT_THAT(titles(code("3"), code("4")), ElementsAre("constant-changed:struct obj.state"));
  EXPECT_THAT(titles("#define WAS 3\n" + code("WAS"), "enum { IS = 4 };\n" + code("IS")),
              ElementsAre("constant-changed:struct obj.state"));
  EXPECT_THAT(titles("#define WAS 3\n" + code("WAS"), "enum { IS = 3 };\n" + code("IS")),
              IsEmpty());
}

TEST(CompareUses, ATestOfAnotherBitIsARepair) {
  const auto code = [](const std::string& tested) {
    return kObject +
           "void f(struct obj *o) { o->state |= 1; } int g(struct obj *o) { return o->state & " +
           tested + "; }";
  };
  EXPECT_THAT(titles(code("1"), code("4")), IsEmpty());
  EXPECT_THAT(titles(code("1"), code("1 | 4")), IsEmpty());
}

TEST(CompareUses, WhatAPrivatePointerIsTakenFor) {
  const std::string types = kObject + "struct a { int x; }; struct b { long y, z; };\n";
  const auto code = [&](const std::string& type) {
    return types + "void f(struct obj *o, struct " + type + " *p) { o->private = p; }" +
           "void *g(struct obj *o) { struct " + type + " *p = o->private; return p; }";
  };
  EXPECT_THAT(titles(code("a"), code("b")), ElementsAre("private-type-changed:struct obj.private"));
  EXPECT_THAT(titles(code("a"), code("a")), IsEmpty());
  const std::string argument = types + "int f(int irq, void *data) { return ((struct ";
  EXPECT_THAT(titles(argument + "a *)data)->x; }", argument + "b *)data)->y; }"),
              ElementsAre("private-type-changed:argument 2 of f"));
  const std::string fresh = types + "void *f(void) { struct ";
  EXPECT_THAT(
      titles(fresh + "a *p = kmalloc(4); return p; }", fresh + "b *p = kmalloc(4); return p; }"),
      IsEmpty())
      << "memory that is new";
}

TEST(CompareUses, WhereEntriesOfALiveTableLie) {
  const auto code = [](const std::string& hash) {
    return "struct list_head { void *next, *prev; }; static struct list_head table[64];"
           "static int hash(int a) { return " +
           hash +
           "; }"
           "struct list_head *f(int a) { int h = hash(a); return &table[h]; }";
  };
  EXPECT_THAT(titles(code("a ^ (a >> 3)"), code("a + (a >> 3)")),
              ElementsAre("table-index-changed:table"));
  EXPECT_THAT(titles(code("a ^ (a >> 3)"), code("a ^ (a >> 3)") + " int g(void) { return 1; }"),
              IsEmpty());
}

// What reaches the index, and nothing else of the functions that compute it.
TEST(CompareUses, WhatAHashDoesBeside) {
  const auto code = [](const std::string& body) {
    return "struct list_head { void *next, *prev; }; static struct list_head table[64];"
           "void say(int); int other(int), fill(int *);"
           "static int mix(int a) { " +
           body +
           " }"
           "struct list_head *f(int a) { int h = mix(a); return &table[h]; }";
  };
  const std::string was =
      code("int h = a * 31; if (a > 5) h ^= other(a); fill(&h); return h % 64;");
  const auto same = [&](const std::string& body) { return titles(was, code(body)).empty(); };
  EXPECT_TRUE(
      same("int x = ({ __asm__ volatile(\"nop\"); 0; }); int h = a * 31; "
           "if (a > 5) h ^= other(a); fill(&h); return h % 64;"));
  EXPECT_TRUE(
      same("int h = a * 31; if (a < 0) say(a); if (a > 5) h ^= other(a); fill(&h); "
           "return h % 64;"));
  EXPECT_FALSE(same("int h = a * 33; if (a > 5) h ^= other(a); fill(&h); return h % 64;"));
  EXPECT_FALSE(same("int h = a * 31; if (a > 6) h ^= other(a); fill(&h); return h % 64;"));
  EXPECT_FALSE(same("int h = a * 31; if (a > 5) h += other(a); fill(&h); return h % 64;"));
  EXPECT_FALSE(same("int h = a * 31; if (a > 5) h ^= other(a); fill(&h); return h % 32;"));
  EXPECT_FALSE(same("int h = a * 31; if (a > 5) h ^= other(a); return h % 64;"));
  EXPECT_FALSE(same("int h = a * 31; if (a > 5) h ^= other(a); fill(&h); h++; return h % 64;"));
  EXPECT_FALSE(
      same("int h = a * 31; if (a > 5) h ^= other(a); fill(&h); if (a == 9) return 0; "
           "return h % 64;"));
}

TEST(CompareUses, ACallbackThatIsGone) {
  const std::string object = "struct work { void (*run)(void); }; void out(void);\n";
  const auto code = [&](const std::string& name) {
    return object + "static void " + name +
           "(void) { out(); } void f(struct work *w) { w->run = " + name + "; }";
  };
  EXPECT_THAT(titles(code("old"), code("new")), ElementsAre("callback-gone:old"));
  EXPECT_THAT(titles(object + "static void old(void) { out(); } void f(struct work *w) { old(); }",
                     object + "void f(struct work *w) { out(); }"),
              IsEmpty())
      << "nothing holds its address";
}

TEST(CompareUses, WhatAnNmiHandlerCalls) {
  const std::string text =
      "struct nmiaction { int (*handler)(void); }; int out(int);"
      "static int inner(void) { return out(1); } static int handle(void) { return inner(); }"
      "static int other(void) { return out(2); }"
      "void *f(void) { static struct nmiaction na = { handle }; other(); return &na; }";
  EXPECT_THAT(titles(text, text), ElementsAre("nmi-code:handle", "nmi-code:inner"));
}

TEST(CompareUses, AKeyOfATree) {
  const std::string tree =
      "struct xarray { void *head; }; struct obj { struct xarray all; int id; };\n"
      "void *xa_load(struct xarray *x, unsigned long key);\n";
  const auto with = [&](const std::string& key) {
    return tree + "void *f(struct obj *o, int id) { return xa_load(&o->all, " + key + "); }";
  };
  EXPECT_THAT(titles(with("id"), with("id << 1")),
              ElementsAre("table-index-changed:struct obj.all"));
  EXPECT_THAT(titles(with("id"), with("o->id")), IsEmpty());  // the same, from elsewhere
}

TEST(CompareUses, AHashThatIsKept) {
  const std::string base =
      "struct obj { unsigned int hash; };\n"
      "static unsigned int h(int a) { return a * N; }\n"
      "void f(struct obj *o, int a) { o->hash = h(a); }";
  EXPECT_THAT(titles("#define N 3\n" + base, "#define N 5\n" + base),
              ElementsAre("table-index-changed:struct obj.hash"));
}

TEST(CompareUses, ParametersOfAHashTable) {
  const std::string table =
      "struct rhashtable_params { int key_len; int head; };\n"
      "int f(int n) { return n; }\n";
  EXPECT_THAT(titles(table + "static const struct rhashtable_params p = { .key_len = 4 };",
                     table + "static const struct rhashtable_params p = { .key_len = 8 };"),
              ElementsAre("table-index-changed:p"));
}

TEST(CompareUses, ANumberThatBecomesAPointer) {
  const std::string types = "struct obj { void *private; }; struct own { int n; };\n";
  EXPECT_THAT(titles(types + "long f(struct obj *o) { return (long)o->private; }",
                     types + "long f(struct obj *o) { struct own *w = o->private; return w->n; }"),
              ElementsAre("private-type-changed:struct obj.private"));
  EXPECT_THAT(titles(types + "void f(struct obj *o, long n) { o->private = (void *)n; }",
                     types + "void f(struct obj *o, struct own *n) { o->private = n; }"),
              ElementsAre("private-type-changed:struct obj.private"));
  EXPECT_THAT(titles(types + "void f(struct obj *o, struct own *n) { o->private = n; }",
                     types + "void f(struct obj *o, struct own *n) { o->private = n; if (!n) "
                             "o->private = (void *)-1L; }"),
              IsEmpty());
}

}  // namespace
}  // namespace splicer
