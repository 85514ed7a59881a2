// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/value_text.h"

#include <gmock/gmock.h>

#include "tests/support/kernel_text.h"

namespace splicer {
namespace {

using ::testing::ElementsAre;

const std::string kTypes = R"(
struct list_head { struct list_head *next, *prev; };
typedef struct { int counter; } atomic_t;
struct box { int kept, a, b; long args[4]; struct list_head links; atomic_t users; struct box *next; };
#define READ_ONCE(x) (*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, v) do { *(volatile typeof(x) *)&(x) = (v); } while (0)
int get(int n);
void instrument_atomic_read(const void *v);
static inline int box_a(const struct box *box) { return box->a; }
static inline int atomic_read(const atomic_t *v) { instrument_atomic_read(v); return READ_ONCE(v->counter); }
static void box_set(struct box *box, int i, int value) { WRITE_ONCE(box->args[i], value); }
static int box_decides(const struct box *box) { if (box->a) return 1; return box->b; }
)";

std::set<std::string> stored(const std::string& body, const std::string& place) {
  const UnitFacts facts = facts_of(kTypes + "int f(struct box *box, int given) { " + body + " }");
  const auto& all = facts.functions.at("f").values.stored;
  return all.contains(place) ? all.at(place) : std::set<std::string>();
}
std::set<std::string> kept(const std::string& value) {
  return stored("box->kept = " + value + "; return 0;", "struct box.kept");
}

TEST(ValueText, OneWayToSayIt) {
  EXPECT_THAT(kept("box->a + 1"), ElementsAre("(1 + struct box.a)"));
  EXPECT_EQ(kept("1 + READ_ONCE(box->a)"), kept("(int)(box->a) + 1"));
  EXPECT_EQ(kept("!box->a"), kept("box->a == 0"));
  EXPECT_EQ(kept("box->a == box->b"), kept("box->b != box->a"));
  EXPECT_EQ(kept("box->a < box->b"), kept("box->b > box->a"));
  EXPECT_EQ(kept("({ int v = box->a; v; })"), kept("box->a"));
  EXPECT_NE(kept("box->a - box->b"), kept("box->b - box->a"));
  EXPECT_NE(kept("box->a << 3"), kept("box->a >> 3"));
}

TEST(ValueText, ABoundIsNoMeaning) {
  EXPECT_EQ(kept("box->a < 7 ? box->a : 7"), kept("box->a"));
  EXPECT_EQ(kept("({ int v = box->a; if (v > 7) v = 7; v; })"), kept("box->a"));
  EXPECT_NE(kept("box->a < box->b ? box->a : 7"), kept("box->a"));
  EXPECT_NE(kept("box->a != box->b ? box->a + 1 : 0"), kept("box->a + 1"));
}

TEST(ValueText, AnAddressIsNoValue) {
  EXPECT_NE(kept("(long)&box->a"), kept("box->a"));
  EXPECT_EQ(kept("*&box->a"), kept("box->a"));
}

TEST(ValueText, WhatIsGathered) {
  EXPECT_THAT(kept("({ int v = 0; v |= box->a; v; })"), ElementsAre("|= struct box.a"));
  EXPECT_NE(kept("({ int v = 0; v += box->a; v; })"), kept("({ int v = 0; v += box->b; v; })"));
}

TEST(ValueText, Places) {
  EXPECT_THAT(kept("box->args[1]"), ElementsAre("struct box.args[1]"));
  EXPECT_THAT(kept("box->args[given]"), ElementsAre("struct box.args[?]"));
  EXPECT_THAT(kept("box->next->a"), ElementsAre("struct box.a"));
  EXPECT_THAT(kept("box->links.next != 0"), ElementsAre("struct box.links.next"));
  EXPECT_THAT(kept("given"), ElementsAre("?"));
  EXPECT_THAT(stored("struct box own; own.kept = box->a; return own.kept;", "struct box.kept"),
              ElementsAre());
  EXPECT_THAT(
      stored("struct list_head *l = &box->links; l->next = 0; return 0;", "struct box.links.next"),
      ElementsAre("0"));
}

TEST(ValueText, FunctionsThatOnlyGiveOrSet) {
  EXPECT_EQ(kept("box_a(box)"), kept("box->a"));
  EXPECT_THAT(kept("atomic_read(&box->users)"), ElementsAre("struct box.users.counter"));
  EXPECT_THAT(kept("box_decides(box)"), ElementsAre("box_decides(?)"));
  EXPECT_THAT(kept("get(box->a)"), ElementsAre("get(struct box.a)"));
  EXPECT_THAT(stored("box_set(box, 2, box->b >> 3); return 0;", "struct box.args[2]"),
              ElementsAre("(struct box.b >> 3)"));
}

TEST(ValueText, ADeepOneEnds) {
  std::string deep = "box->a";
  for (int i = 0; i < 60; ++i) deep = "(" + deep + " + get(" + std::to_string(i) + "))";
  EXPECT_EQ(kept(deep).size(), 1);
  EXPECT_THAT(kept("({ int v; v = v + 1; v; })").size(), 1);
}

// Each variable a hundred times in the next: ten to the twelfth parts, if all were followed.
TEST(ValueText, AWideOneEnds) {
  std::string body = "int v0 = box->a;";
  for (int i = 1; i < 8; ++i) {
    body += " int v" + std::to_string(i) + " = many(0";
    for (int n = 0; n < 100; ++n) body += ", v" + std::to_string(i - 1);
    body += ");";
  }
  EXPECT_THAT(
      stored("int many(int n, ...); " + body + " box->kept = v7; return 0;", "struct box.kept"),
      ElementsAre("?"));
}

}  // namespace
}  // namespace splicer
