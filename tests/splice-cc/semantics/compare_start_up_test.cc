// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/compare_start_up.h"

#include <gmock/gmock.h>

#include "tests/support/kernel_text.h"

namespace splicer {
namespace {

// The verdict about start-up code of one name.
bool refuses(const std::string& pre, const std::string& post, const InitChange& change,
             const std::set<std::string>& used, const std::vector<InitChange>& exit = {}) {
  UnitDiff diff;
  diff.init_changes = {change};
  diff.exit_changes = exit;
  const auto found = compare_start_up(facts_of(pre), facts_of(post), "unit.c", diff, used);
  EXPECT_EQ(found.size(), 1U);
  EXPECT_EQ(found.at(0).title(), "init-code-changed:start");
  return found.at(0).refuse;
}

std::string start(const std::string& body) {
  return "static void *cache, *other; void *make(int); void say(void);"
         "__attribute__((section(\".init.text\"))) int start(void) { " +
         body + " return 0; }";
}

TEST(CompareStartUp, WhatItSetsUpAndNewCodeUses) {
  EXPECT_TRUE(
      refuses(start(""), start("cache = make(1);"), {"start", {"cache", "make"}}, {"cache"}));
  EXPECT_FALSE(
      refuses(start(""), start("cache = make(1);"), {"start", {"cache", "make"}}, {"other"}));
}

TEST(CompareStartUp, AFunctionIsNotSetUp) {
  EXPECT_FALSE(refuses(start(""), start("make(1);"), {"start", {"make"}}, {"make"}));
  EXPECT_FALSE(refuses(start(""), start("") + " void later(void) { make(1); }", {"start", {"make"}},
                       {"make"}))
      << "the compiler let another function's call become this one's";
}

TEST(CompareStartUp, WhatItSetsUpOtherwise) {
  EXPECT_TRUE(
      refuses(start("cache = make(1);"), start("cache = make(2);"), {"start", {}}, {"cache"}));
  EXPECT_FALSE(refuses(start("cache = make(1); say();"), start("cache = make(1);"), {"start", {}},
                       {"cache"}))
      << "what it no longer does was done";
}

TEST(CompareStartUp, WithTheCodeThatUndoesIt) {
  EXPECT_TRUE(
      refuses(start(""), start("make(1);"), {"start", {"make"}}, {}, {{"stop", {"unmake"}}}));
  EXPECT_FALSE(refuses(start(""), start("say();"), {"start", {}}, {}, {{"stop", {"unmake"}}}));
  EXPECT_FALSE(refuses(start(""), start("make(1);"), {"start", {"make"}}, {}, {{"stop", {}}}));
}

}  // namespace
}  // namespace splicer
