// SPDX-License-Identifier: GPL-2.0-or-later
//
// With what value_uses.cc reads.
#include "splice-cc/semantics/compare_values.h"

#include <gmock/gmock.h>

#include "tests/support/kernel_text.h"

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string kObject = R"(
struct list_head { struct list_head *next, *prev; };
struct rb_node { struct rb_node *rb_left, *rb_right; };
struct work { void (*func)(struct work *w); };
struct obj { int head, max, spare, size; long args[4]; struct obj *owner; struct list_head list, lru;
             char magic[8], mask[8]; struct rb_node node; };
extern struct list_head waiting;
extern int jiffies;
void list_add(struct list_head *one, struct list_head *head);
void list_add_tail(struct list_head *one, struct list_head *head);
int request_irq(int irq, void *handler, long flags, const char *name, void *key);
void free_irq(int irq, void *key);
int get(int n);
void take(int n);
void SetPagePrivate(void *page);
void SetPageOwner(void *page);
int PagePrivate(void *page);
int PageOwner(void *page);
void lookup(struct list_head *head);
)";

std::vector<std::string> titles(const std::string& pre, const std::string& post) {
  const UnitFacts before = facts_of(kObject + pre);
  const UnitFacts after = facts_of(kObject + post);
  const ChangedCode code = all_but_kept(before);
  ValueComparison values;
  values.add(before, after, code);
  std::vector<std::string> out;
  for (const Finding& finding : values.compare()) out.push_back(finding.title());
  return out;
}

std::string function(const std::string& name, const std::string& body) {
  return "int " + name + "(struct obj *o, int v) { " + body + " return 0; }\n";
}

std::string both(const std::string& store, const std::string& use) {
  return function("f", store) + function("g", use);
}

TEST(CompareValues, BothHalves) {
  // The index of the last for that of the next; a time from now for a time; a scaled number.
  EXPECT_THAT(titles(both("o->head = (o->head + 1) % o->max;", "take(o->args[o->head]);"),
                     both("o->head++;", "take(o->args[o->head % o->max]);")),
              ElementsAre("encoding-changed:struct obj.head"));
  EXPECT_THAT(titles(both("o->size = jiffies + v;", "take(o->size - jiffies);"),
                     both("o->size = v * 2;", "take(o->size);")),
              ElementsAre("encoding-changed:struct obj.size"));
  EXPECT_THAT(titles(both("o->size = get(v);", "take(o->size);"),
                     both("o->size = get(v) >> 3;", "take(o->size << 3);")),
              ElementsAre("encoding-changed:struct obj.size"));
}

TEST(CompareValues, OneHalfIsARepair) {
  EXPECT_THAT(titles(both("o->size = get(v);", "take(o->size);"),
                     both("o->size = get(v) + 1;", "take(o->size);")),
              IsEmpty());
  EXPECT_THAT(titles(both("o->size = get(v);", "take(o->size);"),
                     both("o->size = get(v);", "take(o->size + 1);")),
              IsEmpty());
  // A bound besides.
  EXPECT_THAT(titles(both("o->size = get(v);", "if (v > o->size) take(1);"),
                     both("o->size = get(v) & 7;", "if (v >= o->size) take(1);")),
              IsEmpty());
  // A check besides.
  EXPECT_THAT(titles(both("o->size = get(v);", "take(o->size);"),
                     both("o->size = get(v + 1);", "if (o->size) take(o->size);")),
              IsEmpty());
}

TEST(CompareValues, OtherWordsForTheSame) {
  EXPECT_THAT(titles(both("o->size = get(v);", "take(o->size);"),
                     "static int size_of(struct obj *o) { return o->size; }\n"
                     "static void set_size(struct obj *o, int n) { o->size = n; }\n" +
                         both("set_size(o, get(v));", "take(size_of(o));")),
              IsEmpty());
  EXPECT_THAT(titles(both("o->size = get(v) + 1;", "take(o->size + 2);"),
                     both("int n = 1 + get(v); o->size = n;", "int n = o->size; take(2 + n);")),
              IsEmpty());
}

TEST(CompareValues, BothHalvesInOneFunction) {
  EXPECT_THAT(titles(function("f", "o->size = get(v); take(o->size);"),
                     function("f", "o->size = get(v) * 2; take(o->size / 2);")),
              IsEmpty());
  EXPECT_THAT(titles(function("f", "take(o->args[o->head]); o->head = (o->head + 1) % o->max;"),
                     function("f", "take(o->args[o->head % o->max]); o->head++;")),
              ElementsAre("encoding-changed:struct obj.head"));
}

TEST(CompareValues, WhatIsThereIsComputedAnew) {
  EXPECT_THAT(titles(both("o->magic[0] = v;", "take((v ^ o->magic[0]) & o->mask[0]);"),
                     both("o->magic[0] = v; o->magic[0] &= o->mask[0];",
                          "take((v & o->mask[0]) ^ o->magic[0]);")),
              ElementsAre("encoding-changed:struct obj.magic[0]"));
  // A flag that is cleared is none.
  EXPECT_THAT(titles(both("o->size = v;", "take(o->size);"),
                     both("o->size = v; o->size &= ~4;", "take(o->size | 1);")),
              IsEmpty());
}

TEST(CompareValues, AnotherMember) {
  EXPECT_THAT(
      titles(both("o->args[1] = v; o->args[2] = get(v);", "take(o->args[1]); get(o->args[2]);"),
             both("o->args[2] = v; o->args[1] = get(v);", "take(o->args[2]); get(o->args[1]);")),
      ElementsAre("member-changed:struct obj.args[1]", "member-changed:struct obj.args[2]"));
  EXPECT_THAT(titles(both("list_add(&o->list, &waiting);", "lookup(&o->list);"),
                     both("list_add(&o->lru, &waiting);", "lookup(&o->lru);")),
              ElementsAre("member-changed:struct obj.list"));
  // The wrong one was stored, or read.
  EXPECT_THAT(
      titles(both("o->size = v;", "take(o->size);"), both("o->head = v;", "take(o->size);")),
      IsEmpty());
  EXPECT_THAT(
      titles(both("o->size = v;", "take(o->size);"), both("o->size = v;", "take(o->head);")),
      IsEmpty());
}

TEST(CompareValues, AMemberThatBeginsToKeepSomething) {
  EXPECT_THAT(titles(both("o->size = v;", "take(o->size * 4);"),
                     both("o->size = v; o->spare = v * 4;", "take(o->spare);")),
              ElementsAre("member-changed:struct obj.spare"));
  // Asked for whether it is there; and a flag.
  EXPECT_THAT(titles(both("o->size = v;", "take(1);"),
                     both("o->size = v; o->spare = v * 4;", "if (o->spare) take(1);")),
              IsEmpty());
  EXPECT_THAT(titles(both("o->size = v;", "take(1);"),
                     both("o->size = v; o->spare = 1;", "take(o->spare);")),
              IsEmpty());
  // Of a structure that there was none of.
  const std::string fresh = "struct fresh { int size; };";
  EXPECT_THAT(
      titles(both("take(v);", "take(v);"), fresh + both("((struct fresh *)o)->size = v * 4;",
                                                        "take(((struct fresh *)o)->size);")),
      IsEmpty());
  // Kept by others before.
  EXPECT_THAT(titles(both("o->size = v;", "take(o->size * 4);") + function("kept", "o->spare = 3;"),
                     both("o->size = v; o->spare = v * 4;", "take(o->spare);") +
                         function("kept", "o->spare = 3;")),
              IsEmpty());
}

TEST(CompareValues, EndsOfAList) {
  EXPECT_THAT(titles(both("list_add_tail(&o->list, &waiting);", "lookup(waiting.next);"),
                     both("list_add(&o->list, &waiting);", "lookup(waiting.prev);")),
              ElementsAre("order-changed:waiting"));
  EXPECT_THAT(titles(both("list_add_tail(&o->list, &waiting);", "lookup(waiting.next);"),
                     both("list_add(&o->list, &waiting);", "lookup(waiting.next);")),
              IsEmpty());
}

TEST(CompareValues, TreesByAnotherComparison) {
  const auto with = [](const std::string& cmp) {
    return "static int cmp(struct obj *a, struct obj *b) { return " + cmp + "; }\n" +
           both("o = (struct obj *)o->node.rb_left; if (cmp(o, o->owner) > 0) take(1);",
                "o = (struct obj *)o->node.rb_right; if (cmp(o, o->owner) < 0) take(2);");
  };
  EXPECT_THAT(titles(with("a->size - b->size"), with("a->max * 2 - b->size - a->size")),
              ElementsAre("order-changed:struct obj.size"));
  EXPECT_THAT(titles(with("a->size - b->size"), with("(int)a->size - (int)b->size")), IsEmpty());
}

TEST(CompareValues, MarksThatAreFunctions) {
  const auto with = [](const std::string& mark) {
    return both("SetPage" + mark + "(o);", "if (Page" + mark + "(o)) take(1);");
  };
  EXPECT_THAT(titles(with("Private"), with("Owner")), ElementsAre("name-changed:mark"));
  EXPECT_THAT(titles(with("Private"),
                     both("SetPagePrivate(o); SetPageOwner(o);", "if (PageOwner(o)) take(1);")),
              IsEmpty());
}

TEST(CompareValues, Keys) {
  const auto with = [](const std::string& made, const std::string& found) {
    return both("request_irq(v, 0, 0, \"x\", " + made + ");", "free_irq(v, " + found + ");");
  };
  EXPECT_THAT(titles(with("o", "o"), with("o->owner", "o->owner")),
              ElementsAre("name-changed:interrupt"));
  EXPECT_THAT(titles(with("o", "o->owner"), with("o", "o")), IsEmpty());
}

}  // namespace
}  // namespace splicer
