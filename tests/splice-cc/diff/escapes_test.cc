// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which addresses of an update's own memory get out, and which do not.
#include "splice-cc/diff/escapes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/snippet.h"

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string kHead =
    "struct thing { const char *name; void (*tick)(void); struct thing *next; const void *ops; };"
    "extern void note(struct thing *), _printk(const char *, ...), register_it(const void *);"
    "extern void mutex_lock(void *), call_rcu(void *, void (*)(void)), work_on(int);"
    "extern struct thing *all;";

std::vector<std::string> escapes(const std::string& pre, const std::string& post) {
  const SnippetPair pair(kHead + pre, kHead + post);
  const UnitDiff diff = diff_unit(*pair, {});
  return find_escapes(*pair, diff);
}

TEST(Escapes, AStringInALiveObject) {
  EXPECT_THAT(escapes("void f(struct thing *t) { t->name = \"udp\"; }",
                      "void f(struct thing *t) { if (t) t->name = \"udp\"; }"),
              ElementsAre("f stores the address of a string or constant of the update"));
  EXPECT_THAT(escapes("void f(struct thing *t) { _printk(\"udp\"); }",
                      "void f(struct thing *t) { if (t) _printk(\"udp\"); }"),
              IsEmpty());
}

TEST(Escapes, AStringThatIsReturned) {
  EXPECT_THAT(escapes("const char *f(int a) { return a ? \"one\" : \"two\"; }",
                      "const char *f(int a) { return a > 3 ? \"one\" : \"two\"; }"),
              ElementsAre("f returns the address of a string or constant of the update"));
}

TEST(Escapes, ANewFunction) {
  const std::string tick = "static void tick(void) { work_on(3); }";
  EXPECT_THAT(escapes("void f(struct thing *t) { note(t); }",
                      tick + "void f(struct thing *t) { t->tick = tick; note(t); }"),
              ElementsAre("f stores the address of tick"));
  EXPECT_THAT(escapes("void f(struct thing *t) { note(t); }",
                      tick + "void f(struct thing *t) { register_it(tick); note(t); }"),
              ElementsAre("f hands the address of tick to register_it"));
  EXPECT_THAT(escapes("void f(struct thing *t) { note(t); }",
                      tick + "void f(struct thing *t) { call_rcu(t, tick); note(t); }"),
              IsEmpty())
      << "undo waits for it";
  EXPECT_THAT(escapes("void f(struct thing *t) { note(t); }",
                      "static __attribute__((noinline)) void tick(void) { work_on(3); }"
                      "void f(struct thing *t) { tick(); note(t); }"),
              IsEmpty())
      << "it is only called";
}

// A function that the kernel has means its old entry, which stays.
TEST(Escapes, AReplacedFunction) {
  const std::string f = "void f(struct thing *t) { t->tick = tick; work_on(";
  EXPECT_THAT(escapes("static void tick(void) { work_on(3); }" + f + "1); }",
                      "static void tick(void) { work_on(4); }" + f + "2); }"),
              IsEmpty());
}

TEST(Escapes, ANewVariable) {
  EXPECT_THAT(escapes("void f(struct thing *t) { note(t); }",
                      "static int lock; void f(struct thing *t) { mutex_lock(&lock); note(t); }"),
              IsEmpty());
  EXPECT_THAT(
      escapes("void f(struct thing *t) { note(t); }",
              "static struct thing mine; void f(struct thing *t) { note(&mine); note(t); }"),
      ElementsAre("f hands the address of mine to note"));
  EXPECT_THAT(
      escapes("void f(struct thing *t) { note(t); }",
              "static struct thing mine; void f(struct thing *t) { all = &mine; note(t); }"),
      ElementsAre("f stores the address of mine"));
  EXPECT_THAT(escapes("void f(struct thing *t) { note(t); }",
                      "static struct thing mine; static int count;"
                      "void f(struct thing *t) { mine.next = t; count++; note(t); }"),
              IsEmpty())
      << "it is only written";
  // In the update's own memory, which goes with it.
  EXPECT_THAT(escapes("void f(struct thing *t) { note(t); }",
                      "static int target; static int *pointer;"
                      "void f(struct thing *t) { pointer = &target; note(t); }"),
              IsEmpty());
}

TEST(Escapes, ANewTableOfFunctions) {
  const std::string head = "static void tick(void) { work_on(3); }";
  EXPECT_THAT(escapes("void f(struct thing *t) { note(t); }",
                      head + "static void (*const ops[1])(void) = {tick};"
                             "void f(struct thing *t) { register_it(ops); note(t); }"),
              ElementsAre("f hands the address of ops to register_it"));
}

TEST(Escapes, AValueThatLeadsToNewCode) {
  EXPECT_THAT(escapes("static void a(void) { work_on(1); } void (*const ops[1])(void) = {a};",
                      "static void b(void) { work_on(2); } static void a(void) { work_on(1); }"
                      "void (*keep)(void) = a; void (*const ops[1])(void) = {b};"),
              ElementsAre("ops gets the address of b"));
}

TEST(Escapes, WhatAnUndoHookTakesBack) {
  const std::string tick = "static void tick(void) { work_on(3); }";
  const std::string f = "void f(struct thing *t) { register_it(tick); note(t); }";
  const auto with_hook = [&](const std::string& kind, const std::string& body) {
    return escapes("void f(struct thing *t) { note(t); }",
                   tick + f + "static int hook(void) {" + body +
                       "return 0; } static int (*const at)(void) "
                       "__attribute__((used, section(\".splice." +
                       kind + "\"))) = hook;");
  };
  EXPECT_THAT(with_hook("pre_undo", "register_it(tick);"), IsEmpty());
  EXPECT_THAT(with_hook("pre_undo", "work_on(1);"),
              ElementsAre("f hands the address of tick to register_it"));
  EXPECT_THAT(with_hook("pre_apply", "register_it(tick);"),
              ElementsAre("f hands the address of tick to register_it"))
      << "no undo";
}

}  // namespace
}  // namespace splicer
