// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/value_uses.h"

#include <gmock/gmock.h>

#include "tests/support/kernel_text.h"

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

ValueUses uses(const std::string& body) {
  const UnitFacts facts = facts_of(R"(
struct list_head { struct list_head *next, *prev; };
struct ring { int head, max; char *frames[8]; struct list_head links; };
extern struct list_head idle;
void list_add(struct list_head *one, struct list_head *head);
void printk(const char *text, int n);
int request_irq(int irq, void *handler, long flags, const char *name, void *key);
void free_irq(int irq, void *key);
void take(int n);
int f(struct ring *r, int given) { )" +
                                   body + " return 0; }");
  return facts.functions.at("f").values;
}

TEST(ValueUses, Stores) {
  const auto head = [](const std::string& body) {
    return at(uses(body).stored, "struct ring.head");
  };
  EXPECT_THAT(head("r->head = (r->head + 1) % r->max;"),
              ElementsAre("((1 + struct ring.head) % struct ring.max)"));
  EXPECT_EQ(head("r->head++;"), head("r->head = r->head + 1;"));
  EXPECT_EQ(head("r->head += 1;"), head("r->head = r->head + 1;"));
  EXPECT_THAT(head("r->head = given;"), ElementsAre("?"));
  EXPECT_THAT(at(uses("list_add(&r->links, &idle);").stored, "struct ring.links"),
              ElementsAre("list_add idle"));
}

TEST(ValueUses, WhatIsMadeOfIt) {
  const auto head = [](const std::string& body) { return at(uses(body).used, "struct ring.head"); };
  EXPECT_THAT(head("if (r->head) take(1);"), ElementsAre("if struct ring.head"));
  EXPECT_THAT(head("if (given && !r->head) take(1);"), ElementsAre("if struct ring.head"));
  EXPECT_THAT(head("take(r->head << 3);"), ElementsAre("take#0 (struct ring.head << 3)"));
  EXPECT_THAT(head("return r->head;"), ElementsAre("return struct ring.head"));
  EXPECT_THAT(head("r->max = r->head;"), ElementsAre("struct ring.max = struct ring.head"));
  EXPECT_THAT(head("int i = r->head; take(i - 1);"), ElementsAre("take#0 (struct ring.head - 1)"));
  EXPECT_THAT(head("printk(\"%d\", r->head);"), IsEmpty());
}

TEST(ValueUses, ABoundIsNoMeaning) {
  const auto head = [](const std::string& body) { return at(uses(body).used, "struct ring.head"); };
  EXPECT_EQ(head("if (r->head < given) take(1);"), head("if (r->head <= 17) take(1);"));
  EXPECT_NE(head("if (r->head < given) take(1);"), head("if (r->head - 1 < given) take(1);"));
}

TEST(ValueUses, Keys) {
  EXPECT_THAT(at(uses("request_irq(1, 0, 0, \"x\", r);").made_by, "interrupt"),
              ElementsAre("?struct ring *"));
  EXPECT_THAT(at(uses("free_irq(1, r->frames);").found_by, "interrupt"),
              ElementsAre("struct ring.frames"));
}

}  // namespace
}  // namespace splicer
