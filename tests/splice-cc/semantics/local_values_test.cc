// SPDX-License-Identifier: GPL-2.0-or-later
//
// Through what value_text.h says of a local variable: tests include no header of Clang.
#include "splice-cc/semantics/local_values.h"

#include <gmock/gmock.h>

#include "tests/support/kernel_text.h"

namespace splicer {
namespace {

using ::testing::ElementsAre;

// What is stored where the body stores v.
std::set<std::string> values_of_v(const std::string& body) {
  const UnitFacts facts = facts_of(
      "struct box { int kept, a, b; }; int get(void); void set(int *v);\n"
      "void f(struct box *box, int given) { int v; " +
      body + " box->kept = v; }");
  return facts.functions.at("f").values.stored.at("struct box.kept");
}

TEST(LocalValues, OneValueStandsForTheVariable) {
  EXPECT_THAT(values_of_v("v = box->a;"), ElementsAre("struct box.a"));
  EXPECT_THAT(values_of_v("v = get();"), ElementsAre("get()"));
  EXPECT_THAT(values_of_v("int w = box->a; v = w + 1;"), ElementsAre("(1 + struct box.a)"));
}

TEST(LocalValues, SomeValues) {
  EXPECT_THAT(values_of_v("v = box->b; if (given) v = box->a;"),
              ElementsAre("{struct box.a, struct box.b}"));
}

TEST(LocalValues, WhatIsSetByOtherMeansIsNotKnown) {
  EXPECT_THAT(values_of_v("v = box->a; v++;"), ElementsAre("?"));
  EXPECT_THAT(values_of_v("v = box->a; set(&v);"), ElementsAre("?"));
  EXPECT_THAT(values_of_v("v = box->a; v += 2;"), ElementsAre("?"));
  EXPECT_THAT(values_of_v("v = given;"), ElementsAre("?"));
  // It begins with that, and keeps what it was set to by another call.
  EXPECT_THAT(values_of_v("static int w = 3; v = w;"), ElementsAre("w"));
}

}  // namespace
}  // namespace splicer
