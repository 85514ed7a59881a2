// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/memory_name.h"

#include <gtest/gtest.h>

#include "tests/support/kernel_text.h"

namespace splicer {
namespace {

// Of what the function marks: one place, or none.
std::string marked(const std::string& statement) {
  const UnitFacts facts = facts_of(
      "struct part { int state; }; struct obj { struct part parts[4]; struct part *first; int "
      "word; };\n"
      "static int count; void f(struct obj *o, int *pointer) { struct obj local; " +
      statement + " }");
  const auto& marks = facts.functions.at("f").places.marks;
  return marks.empty() ? "" : marks.begin()->first;
}

TEST(MemoryName, ByTheMemberThatHoldsTheValue) {
  EXPECT_EQ(marked("o->word = 1;"), "struct obj.word");
  EXPECT_EQ(marked("o->parts[2].state = 1;"), "struct part.state");
  EXPECT_EQ(marked("o->first->state = 1;"), "struct part.state");
  EXPECT_EQ(marked("*(volatile int *)&(o->word) = 1;"), "struct obj.word");
  EXPECT_EQ(marked("count = 1;"), "count");
}

TEST(MemoryName, NothingOfAFrame) {
  EXPECT_EQ(marked("local.word = 1;"), "");
  EXPECT_EQ(marked("local.parts[1].state = 1;"), "");
  EXPECT_EQ(marked("local.first->state = 1;"), "struct part.state");
  EXPECT_EQ(marked("*pointer = 1;"), "");
}

}  // namespace
}  // namespace splicer
