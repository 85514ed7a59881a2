// SPDX-License-Identifier: GPL-2.0-or-later
//
// By what is stored where such a function is called: tests include no header of Clang.
#include "splice-cc/semantics/accessor.h"

#include <gmock/gmock.h>

#include "tests/support/kernel_text.h"

namespace splicer {
namespace {

using ::testing::ElementsAre;

// What f() keeps when it calls a function of that body.
std::set<std::string> given(const std::string& body) {
  const UnitFacts facts = facts_of(
      "struct box { int kept, a, b; }; void kcsan_check(void *p); void wake(void);\n"
      "static int get(struct box *box) { " +
      body + " }\nvoid f(struct box *box) { box->kept = get(box); }");
  return facts.functions.at("f").values.stored.at("struct box.kept");
}

TEST(Accessor, GivesAMember) {
  EXPECT_THAT(given("return box->a;"), ElementsAre("struct box.a"));
  EXPECT_THAT(given("kcsan_check(box); return box->a;"), ElementsAre("struct box.a"));
  EXPECT_THAT(given("return box->a + box->b;"), ElementsAre("(struct box.a + struct box.b)"));
}

TEST(Accessor, WhatDoesMoreIsNone) {
  EXPECT_THAT(given("wake(); return box->a;"), ElementsAre("get(?)"));
  EXPECT_THAT(given("if (box->b) return 0; return box->a;"), ElementsAre("get(?)"));
  EXPECT_THAT(given("int v = box->a; return v;"), ElementsAre("get(?)"));
  EXPECT_THAT(given("while (box->b) ; return box->a;"), ElementsAre("get(?)"));
}

TEST(Accessor, SetsAMember) {
  const auto set = [](const std::string& body) {
    const UnitFacts facts = facts_of(
        "struct box { int kept, a; }; void wake(void);\n"
        "static void deep(struct box *box, int v) { box->kept = v; }\n"
        "static void set(struct box *box, int v) { " +
        body + " }\nvoid f(struct box *box) { set(box, box->a * 2); }");
    const auto& all = facts.functions.at("f").values.stored;
    return all.contains("struct box.kept") ? all.at("struct box.kept") : std::set<std::string>();
  };
  EXPECT_THAT(set("do { box->kept = v; } while (0);"), ElementsAre("(2 * struct box.a)"));
  EXPECT_THAT(set("deep(box, v);"), ElementsAre("(2 * struct box.a)"));
  EXPECT_THAT(set("box->kept = v; wake();"), ElementsAre());
  EXPECT_THAT(set("if (v) box->kept = v;"), ElementsAre());
}

TEST(Accessor, OneThatCallsItselfEnds) { EXPECT_THAT(given("return get(box);").size(), 1); }

}  // namespace
}  // namespace splicer
