// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/place_uses.h"

#include <gmock/gmock.h>

#include "tests/support/kernel_text.h"

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

const std::string kObject = R"(
struct list_head { struct list_head *next; };
struct obj { int flags; int *pointer; struct list_head idle; };
void list_add(struct list_head *node, struct list_head *head);
void clear_bit(int bit, int *word);
int get(int *to);
void free_pages(unsigned long address, int order);
void printk(const char *text);
)";

PlaceUses uses(const std::string& body) {
  return facts_of(kObject + "void f(struct obj *o, int v) { " + body + " }")
      .functions.at("f")
      .places;
}

TEST(PlaceUses, MarksAndWhatClearsThem) {
  EXPECT_THAT(uses("o->flags |= 4;").marks, ElementsAre(Pair("struct obj.flags", 4)));
  EXPECT_THAT(uses("o->flags = v;").marks, ElementsAre(Pair("struct obj.flags", kCopied)));
  EXPECT_THAT(uses("o->flags++;").marks, ElementsAre(Pair("struct obj.flags", kAnyValue)));
  EXPECT_THAT(uses("get(&o->flags);").marks, ElementsAre(Pair("struct obj.flags", kAnyValue)));
  EXPECT_THAT(uses("o->flags &= ~4;").clears, ElementsAre(Pair("struct obj.flags", 4)));
  EXPECT_THAT(uses("o->flags = 0;").clears, ElementsAre(Pair("struct obj.flags", kAnyValue)));
  EXPECT_THAT(uses("clear_bit(3, &o->flags);").clears, ElementsAre(Pair("struct obj.flags", 8)));
  EXPECT_THAT(uses("o->pointer = NULL;").clears,
              ElementsAre(Pair("struct obj.pointer", kAnyValue)));
  EXPECT_THAT(uses("struct obj x = { .flags = 4 }; *o = x;").marks,
              ElementsAre(Pair("struct obj.flags", 4)));
}

TEST(PlaceUses, WhatEndsWithTheFunctionIsNone) {
  const PlaceUses found = uses("struct obj x; x.flags |= 4; list_add(0, &x.idle);");
  EXPECT_THAT(found.marks, IsEmpty());
  EXPECT_THAT(found.holds, IsEmpty());
}

TEST(PlaceUses, ContainersAreCounted) {
  const PlaceUses found = uses("list_add(0, &o->idle); list_add(0, &o->idle);");
  ASSERT_TRUE(found.holds.contains("struct obj.idle"));
  EXPECT_EQ(found.holds.at("struct obj.idle").uses, 2);
  EXPECT_EQ(found.holds.at("struct obj.idle").type, "struct list_head");
}

TEST(PlaceUses, WhatOnlySpeaksIsNotGuarded) {
  EXPECT_FALSE(uses("if (o->flags & 4) printk(0);").guarded.contains("printk"));
  EXPECT_TRUE(uses("if (o->flags & 4) get(0);").guarded.contains("get"));
}

}  // namespace
}  // namespace splicer
