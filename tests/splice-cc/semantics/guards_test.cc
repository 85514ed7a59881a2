// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/guards.h"

#include <gmock/gmock.h>

#include "tests/support/kernel_text.h"

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string kObject = "struct obj { int flags; int on; void *owner; };\n";

// What guards the calls of work() in f: "WHAT=VALUE", with ! where it must not hold.
std::vector<std::string> guards(const std::string& body,
                                const std::string& parameters = "struct obj *o") {
  const UnitFacts facts =
      facts_of(kObject + "int ready(void); void f(" + parameters + ") {" + body + "}");
  const auto& guarded = facts.functions.at("f").places.guarded;
  std::vector<std::string> out;
  const auto found = guarded.find("work");
  if (found == guarded.end()) return {"no call"};
  for (const Guard& guard : found->second)
    out.push_back((guard.holds ? "" : "!") + guard.what + (guard.equal ? "==" : "=") +
                  std::to_string(guard.value));
  return out;
}

TEST(Guards, ConditionsAroundACall) {
  EXPECT_THAT(guards("work();"), IsEmpty());
  EXPECT_THAT(guards("if (o->flags & 4) work();"), ElementsAre("struct obj.flags=4"));
  EXPECT_THAT(guards("if ((o->flags & 4) == 4) work();"), ElementsAre("struct obj.flags=4"));
  EXPECT_THAT(guards("if (!(o->flags & 4)) work();"), ElementsAre("!struct obj.flags=4"));
  EXPECT_THAT(guards("if (o->on) ; else work();"), ElementsAre("!struct obj.on=0"));
  EXPECT_THAT(guards("if (o->on == 3) work();"), ElementsAre("struct obj.on==3"));
  EXPECT_THAT(guards("if (o->owner != NULL) work();"), ElementsAre("struct obj.owner=0"));
  EXPECT_THAT(guards("while (o->on) work();"), ElementsAre("struct obj.on=0"));
  EXPECT_THAT(guards("if (__builtin_expect(!!(o->on), 0)) work();"),
              ElementsAre("struct obj.on=0"));
}

TEST(Guards, AndIsBothOrIsNone) {
  EXPECT_THAT(guards("if (o->on && o->flags & 2) work();"),
              ElementsAre("struct obj.flags=2", "struct obj.on=0"));
  EXPECT_THAT(guards("if (o->on || o->flags & 2) work();"), IsEmpty());
  EXPECT_THAT(guards("if (!(o->on || o->flags & 2)) work();"),
              ElementsAre("!struct obj.flags=2", "!struct obj.on=0"));
  EXPECT_THAT(guards("o->on && (work(), 1);"), ElementsAre("struct obj.on=0"));
}

TEST(Guards, WayOutBeforeACall) {
  EXPECT_THAT(guards("if (!o->on) return; work();"), ElementsAre("struct obj.on=0"));
  EXPECT_THAT(guards("if (!o->on) goto out; work(); out: ;"), ElementsAre("struct obj.on=0"));
  EXPECT_THAT(guards("if (!o->on) goto out; ready(); out: work();"), IsEmpty());
  EXPECT_THAT(guards("if (o->on) { ready(); } work();"), IsEmpty());
}

TEST(Guards, OfAllCallsWhatHoldsForEach) {
  EXPECT_THAT(guards("if (o->on) work(); if (o->flags & 2) work();"), IsEmpty());
  EXPECT_THAT(guards("if (o->on) { work(); work(); }"), ElementsAre("struct obj.on=0"));
}

TEST(Guards, CasesOfASwitch) {
  EXPECT_THAT(guards("switch (n) { case 1: ready(); break; case 2: work(); }", "int n"),
              ElementsAre("$0==2"));
  EXPECT_THAT(guards("switch (n) { case 1: ready(); case 2: work(); }", "int n"), IsEmpty());
  EXPECT_THAT(guards("switch (n) { case 1: case 2: work(); }", "int n"), IsEmpty());
}

TEST(Guards, AVariableThatChangesSaysNothing) {
  EXPECT_THAT(guards("int a = ready(); if (a) work();"), ElementsAre("%a=0"));
  EXPECT_THAT(guards("int a; a = ready(); if (a) work();"), IsEmpty());
  EXPECT_THAT(guards("n++; if (n) work();", "int n"), IsEmpty());
}

// A patch may define one of any name: what it has no argument for is not looked at.
TEST(Guards, AFunctionThatIsOnlyNamedLikeOneOfBits) {
  EXPECT_THAT(guards("int xa_get_mark(struct obj *); if (xa_get_mark(o)) work();"), IsEmpty());
  EXPECT_THAT(guards("int test_bit(int); if (test_bit(1)) work();"), IsEmpty());
}

TEST(Guards, ExclusiveOnlyByWhatNoPathChanges) {
  EXPECT_TRUE(are_exclusive({{"$0", 1, true, true}}, {{"$0", 2, true, true}}));
  EXPECT_TRUE(are_exclusive({{"%on", kNotZero, true}}, {{"%on", kNotZero, false}}));
  EXPECT_FALSE(are_exclusive({{"$0", 1, true, true}}, {{"$0", 1, true, true}}));
  EXPECT_FALSE(are_exclusive({{"$0", 1, true, true}}, {{"$1", 2, true, true}}));
  EXPECT_FALSE(
      are_exclusive({{"struct obj.on", kNotZero, true}}, {{"struct obj.on", kNotZero, false}}));
  EXPECT_FALSE(are_exclusive({{"$0", 1, true}}, {{"$0", 2, true}}));  // two bits of one word
}

}  // namespace
}  // namespace splicer
