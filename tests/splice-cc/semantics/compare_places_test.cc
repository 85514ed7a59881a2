// SPDX-License-Identifier: GPL-2.0-or-later
//
// With what place_uses.cc reads, and members that have another name now.
#include "splice-cc/semantics/compare_places.h"

#include <gmock/gmock.h>

#include "splice-cc/semantics/renamed_members.h"
#include "tests/support/kernel_text.h"

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string kObject = R"(
struct list_head { struct list_head *next; };
void list_add(struct list_head *node, struct list_head *head);
unsigned long msecs_to_jiffies(unsigned int ms);
unsigned int jiffies_to_msecs(unsigned long j);
extern unsigned long jiffies;
long ktime_get_seconds(void);
long ktime_get_ns(void);
void free_pages(unsigned long address, int order);
void set_bit(int bit, int *word);
int test_bit(int bit, int *word);
void kfree(void *memory);
struct obj {
  int flags; int on; int copied; unsigned long expires; unsigned long page; void *buffer;
  struct list_head node, idle, ready;
};
)";

std::vector<std::string> titles(const std::string& pre, const std::string& post) {
  const UnitFacts before = facts_of(kObject + pre);
  UnitFacts after = facts_of(kObject + post);
  const ChangedCode code = all_but_kept(before);
  follow_renamed_members(before, after);
  PlaceComparison places;
  places.add(before, after, code);
  std::vector<std::string> out;
  for (const Finding& finding : places.compare()) out.push_back(finding.title());
  return out;
}

std::string function(const std::string& name, const std::string& body) {
  return "void " + name + "(struct obj *o, int v) { " + body + " }\n";
}

TEST(ComparePlaces, ObjectsHangInAnotherList) {
  const std::string idle = function("f", "list_add(&o->node, &o->idle);");
  const std::string ready = function("f", "list_add(&o->node, &o->ready);");
  EXPECT_THAT(titles(idle, ready), ElementsAre("container-changed:struct obj.idle"));
  EXPECT_THAT(titles(idle, idle), IsEmpty());
  // Something still looks there.
  const std::string other = function("kept", "list_add(&o->node, &o->idle);");
  EXPECT_THAT(titles(idle + other, ready + other), IsEmpty());
  // It is no longer put anywhere.
  EXPECT_THAT(titles(idle, function("f", "o->on = v;")), IsEmpty());
  EXPECT_THAT(titles(idle + function("g", "list_add(&o->node, &o->ready);"),
                     function("f", "o->on = v;") + function("g", "list_add(&o->node, &o->ready);")),
              IsEmpty());
}

TEST(ComparePlaces, ANumberIsConvertedAtAnotherPlace) {
  const std::string stored = function("f", "o->expires = msecs_to_jiffies(v);") +
                             function("g", "if (o->expires < jiffies) work();");
  const std::string read = function("f", "o->expires = v;") +
                           function("g", "if (msecs_to_jiffies(o->expires) < jiffies) work();");
  EXPECT_THAT(titles(stored, read), ElementsAre("unit-changed:struct obj.expires"));
  EXPECT_THAT(titles(read, stored), ElementsAre("unit-changed:struct obj.expires"));
  EXPECT_THAT(titles(stored, function("f", "o->expires = jiffies + 2 * v;") +
                                 function("g", "if (o->expires < jiffies) work();")),
              IsEmpty());  // jiffies, both
  EXPECT_THAT(titles(function("f", "o->expires = jiffies;"),
                     function("f", "o->expires = ktime_get_seconds();")),
              ElementsAre("unit-changed:struct obj.expires"));
  // Of which unit a quotient is, is not known.
  EXPECT_THAT(titles(function("f", "o->expires = ktime_get_seconds();"),
                     function("f", "o->expires = ktime_get_ns() / 1000000000L;")),
              IsEmpty());
}

TEST(ComparePlaces, MemoryIsReleasedWithAnotherSize) {
  EXPECT_THAT(
      titles(function("f", "free_pages(o->page, 1);"), function("f", "free_pages(o->page, 2);")),
      ElementsAre("release-changed:struct obj.page"));
  EXPECT_THAT(
      titles(function("f", "free_pages(o->page, 1);"), function("f", "free_pages(o->page, v);")),
      IsEmpty());
}

TEST(ComparePlaces, DoneOnlyForWhatNewCodeMarks) {
  const std::string all = function("make", "o->on = v;") + function("f", "kfree(o->buffer);");
  const auto with = [](const std::string& made, const std::string& condition) {
    return function("make", "o->on = v; " + made) +
           function("f", "if (" + condition + ") kfree(o->buffer);");
  };
  EXPECT_THAT(titles(all, with("o->flags |= 4;", "o->flags & 4")), ElementsAre("guard-added:f"));
  EXPECT_THAT(titles(all, with("set_bit(2, &o->flags);", "test_bit(2, &o->flags)")),
              ElementsAre("guard-added:f"));
  EXPECT_THAT(titles(all, function("make", "o->on = v; o->flags = 7;") +
                              function("f", "if (o->flags != 7) return; kfree(o->buffer);")),
              ElementsAre("guard-added:f"));
  // Not for what is marked: nothing is, yet.
  EXPECT_THAT(titles(all, with("o->flags |= 4;", "!(o->flags & 4)")), IsEmpty());
  // Old code marks it too, or nobody in these files does.
  EXPECT_THAT(titles(all, with("", "o->on")), IsEmpty());
  EXPECT_THAT(titles(all, with("", "o->flags & 4")), IsEmpty());
  // A call that is new does nothing for live objects that was done before.
  EXPECT_THAT(titles(function("make", "o->on = v;") + function("f", "work();"),
                     function("make", "o->on = v; o->flags |= 4;") +
                         function("f", "work(); if (o->flags & 4) kfree(o->buffer);")),
              IsEmpty());
}

TEST(ComparePlaces, AWordThatIsCopiedInHasNoNewBit) {
  const auto with = [](const std::string& mark, const std::string& test) {
    return function("make", "o->copied = v; " + mark) + function("f", test + "kfree(o->buffer);");
  };
  EXPECT_THAT(titles(with("", ""), with("o->copied |= 64;", "if (o->copied & 64) ")),
              ElementsAre("guard-added:f"));
  EXPECT_THAT(titles(with("o->copied |= v;", ""),
                     with("o->copied |= v; o->copied |= 64;", "if (o->copied & 64) ")),
              IsEmpty());
}

TEST(ComparePlaces, AFlagThatMeansTheOpposite) {
  const auto with = [](const std::string& kill, const std::string& make, const std::string& test) {
    return function("kill", kill) + function("make", "o->copied = v; " + make) +
           function("f", "if (" + test + ") work();");
  };
  EXPECT_THAT(titles(with("o->on = 1;", "", "!o->on"), with("o->on = 0;", "o->on = 1;", "o->on")),
              ElementsAre("sense-inverted:struct obj.on"));
  EXPECT_THAT(titles(with("o->flags |= 2;", "", "o->flags & 2 || v"),
                     with("o->flags &= ~2;", "o->flags |= 2;", "!(o->flags & 2) || v")),
              ElementsAre("sense-inverted:struct obj.flags"));
  // A mistake in one place: who asks for it does so as before.
  EXPECT_THAT(titles(with("o->on = 1;", "", "!o->on"), with("o->on = 0;", "", "!o->on")),
              IsEmpty());
}

TEST(ComparePlaces, ThroughAnotherNameOfTheMember) {
  const std::string before =
      "struct own { int dead; int n; };\n"
      "void kill(struct own *o) { o->dead = 1; }\n"
      "void f(struct own *o) { if (!o->dead) work(); }\n"
      "void make(struct own *o) { o->n = 3; }\n";
  EXPECT_THAT(titles(before,
                     "struct own { int alive; int n; };\n"
                     "void kill(struct own *o) { o->alive = 0; }\n"
                     "void f(struct own *o) { if (o->alive) work(); }\n"
                     "void make(struct own *o) { o->n = 3; o->alive = 1; }\n"),
              ElementsAre("sense-inverted:struct own.dead"));
  EXPECT_THAT(titles(before,
                     "struct own { int gone; int n; };\n"
                     "void kill(struct own *o) { o->gone = 1; }\n"
                     "void f(struct own *o) { if (!o->gone) work(); }\n"
                     "void make(struct own *o) { o->n = 3; }\n"),
              IsEmpty());
}

TEST(ComparePlaces, WhatLivesOnAStackIsNothing) {
  const std::string context = "struct context { int mode; int n; };\n";
  EXPECT_THAT(titles(context + "void set(struct context *c) { c->n = 1; }"
                               "void f(struct context *c) { work(); }"
                               "void top(void) { struct context c; set(&c); f(&c); }",
                     context + "void set(struct context *c) { c->n = 1; c->mode |= 4; }"
                               "void f(struct context *c) { if (c->mode & 4) work(); }"
                               "void top(void) { struct context c; set(&c); f(&c); }"),
              IsEmpty());
}

TEST(ComparePlaces, WorkGoesToAnotherQueue) {
  const std::string queues =
      "struct workqueue_struct; struct own { struct workqueue_struct *a, *b; };\n"
      "void queue_work(struct workqueue_struct *q, int *work); void flush(struct workqueue_struct "
      "*q);\n";
  const auto with = [&](const std::string& queued, const std::string& flushed) {
    return queues + "void f(struct own *o) { queue_work(o->" + queued + ", 0); }\n" +
           "void g(struct own *o) { flush(o->" + flushed + "); }\n";
  };
  EXPECT_THAT(titles(with("a", "a"), with("b", "b")),
              ElementsAre("container-changed:struct own.a"));
  // Who waits for the work itself waits for it wherever it is.
  EXPECT_THAT(titles(with("a", "a"), with("b", "a")), IsEmpty());
}

TEST(ComparePlaces, ACallbackThatIsCalledDirectlyNow) {
  const std::string end =
      "struct own { void (*end)(void); int n; }; static void done(void) { work(); }\n";
  EXPECT_THAT(titles(end + "void make(struct own *o) { o->n = 1; o->end = done; }"
                           "void close(struct own *o) { o->n = 0; }",
                     end + "void make(struct own *o) { o->n = 1; }"
                           "void close(struct own *o) { o->n = 0; done(); }"),
              ElementsAre("reference-discipline:close"));
  EXPECT_THAT(titles(end + "void make(struct own *o) { o->n = 1; o->end = done; }"
                           "void close(struct own *o) { o->n = 0; }",
                     end + "void make(struct own *o) { o->n = 1; o->end = done; }"
                           "void close(struct own *o) { o->n = 0; done(); }"),
              IsEmpty());
}

}  // namespace
}  // namespace splicer
