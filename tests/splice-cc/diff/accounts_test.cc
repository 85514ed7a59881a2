// SPDX-License-Identifier: GPL-2.0-or-later
//
// What is in one version only: variables that go, and those that come in their place.
#include "splice-cc/diff/accounts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/snippet.h"

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const std::string kOut = "extern int out(int); extern int use(void *);\n";

ChangedUnit unit_of(const std::string& pre, const std::string& post,
                    const std::string& name = "unit.c") {
  ChangedUnit unit;
  unit.pair = SnippetPair(kOut + pre, kOut + post, name).take();
  unit.unit = unit.pair->unit;
  unit.diff = diff_unit(*unit.pair, new_names_defined(*unit.pair));
  return unit;
}

std::vector<std::string> titles(std::span<const ChangedUnit> units) {
  std::vector<std::string> all;
  for (const Finding& finding : account_for_variables(units)) all.push_back(finding.title());
  return all;
}

std::vector<std::string> titles(const std::string& pre, const std::string& post) {
  const ChangedUnit unit = unit_of(pre, post);
  return titles({&unit, 1});
}

TEST(Accounts, ARenamedVariableIsTheSameState) {
  EXPECT_THAT(titles("static int old; int f(void) { return out(old++); }",
                     "static int new; int f(void) { return out(new++); }"),
              ElementsAre("state-gone:old"));
}

TEST(Accounts, OneThatGoesAndOneThatComesAreNoSuccessors) {
  EXPECT_THAT(titles("static int old; int f(void) { return out(old++); }",
                     "int f(void) { return out(1); }"),
              IsEmpty())
      << "nobody uses it any more";
  EXPECT_THAT(titles("static int old; int f(void) { return out(old++); }",
                     "static int old, more; int f(void) { return out(old++ + more++); }"),
              IsEmpty())
      << "one more";
  EXPECT_THAT(
      titles("static int old; int f(void) { return out(old++); } int g(void) { return 1; }",
             "static int new; int f(void) { return 2; } int g(void) { return out(new++); }"),
      IsEmpty())
      << "of different functions";
}

// As tun_dev_attrs, which nobody mentions but tun_attr_group (drivers/net/tun.c).
TEST(Accounts, ThroughConstants) {
  const auto state = [](const std::string& name) {
    return "static int " + name +
           "; struct group { int *count; }; static const struct group group = {&" + name + "};";
  };
  const std::string use_it = "int f(void) { return use((void *)&group); }";
  EXPECT_THAT(titles(state("old") + use_it, state("new") + use_it), ElementsAre("state-gone:old"));
  EXPECT_THAT(titles(state("old") + use_it,
                     state("old") + "static int more;"
                                    "int f(void) { return out(more++) + use((void *)&group); }"),
              IsEmpty())
      << "the group leads to it as before";
}

TEST(Accounts, OneThatIsKeptUnusedIsGone) {
  EXPECT_THAT(titles("static int old; int f(void) { return out(old++); }",
                     "__attribute__((used)) static int old; static int new;"
                     "int f(void) { return out(new++); }"),
              ElementsAre("state-gone:old"));
}

TEST(Accounts, ThroughFunctionsThatComeAndGo) {
  EXPECT_THAT(
      titles("static int old; static __attribute__((noinline)) int g(void) { return out(old++); }"
             "int f(void) { return g(); }",
             "static int new; static __attribute__((noinline)) int h(void) { return out(new++); }"
             "int f(void) { return h(); }"),
      ElementsAre("state-gone:old"));
}

TEST(Accounts, AnotherKindOfVariable) {
  EXPECT_THAT(titles("static int v = 7; int f(void) { return use(&v); }",
                     "static const int v = 7; int f(void) { return use((void *)&v); }"),
              ElementsAre("state-gone:v"));
  EXPECT_THAT(titles("int f(void) { static int v; return out(v++); }",
                     "static int v; int f(void) { return out(v++); }"),
              ElementsAre("state-gone:v"))
      << "out of its function";
}

TEST(Accounts, ATableOfFunctionsIsKnownByItsAddress) {
  const std::string g = "int g(void) { return 3; } ";
  EXPECT_THAT(
      titles(
          g + "static int (*const old[])(void) = {g}; int f(void) { return use((void *)old); }",
          g + "static int (*const new[])(void) = {g, g}; int f(void) { return use((void *)new); }"),
      ElementsAre("state-gone:old"));
}

TEST(Accounts, MovedToAnotherUnit) {
  std::vector<ChangedUnit> units;
  units.push_back(unit_of("int lock; int f(void) { return out(lock++); }",
                          "extern int lock; int f(void) { return out(lock++ + 1); }", "a.c"));
  units.push_back(
      unit_of("int g(void) { return 1; }", "int lock; int g(void) { return out(lock++); }", "b.c"));
  EXPECT_THAT(titles(units), ElementsAre("state-moved:lock"));
}

TEST(Accounts, StateOfMessagesMayBeginAnew) {
  EXPECT_THAT(
      titles("int f(void) { static int __already_done; return out(__already_done++); }",
             "int f(void) { return out(1); } int g(void) { static int __already_done; return "
             "out(__already_done++); }"),
      IsEmpty());
}

TEST(Accounts, WhatNothingCallsIsLeftOut) {
  ChangedUnit unit;
  unit.pair = SnippetPair(kOut + "int f(void) { return 1; }",
                          kOut + "int f(void) { return 2; } int strong(void) { return 3; }")
                  .take();
  unit.diff = diff_unit(*unit.pair, {});
  EXPECT_THAT(left_out_functions(unit), ElementsAre("strong"));
  unit.diff = diff_unit(*unit.pair, {"strong"});
  EXPECT_THAT(left_out_functions(unit), IsEmpty());
}

TEST(Accounts, VariablesOfNewCode) {
  const ChangedUnit unit =
      unit_of("static int a, b; extern int c; int f(void) { return 1; } int g(void) { return b; }",
              "static int a, b; extern int c; int f(void) { return out(a++) + c; } "
              "int g(void) { return b; }");
  EXPECT_THAT(variables_of_new_code(unit), UnorderedElementsAre("a", "c"));
}

}  // namespace
}  // namespace splicer
