// SPDX-License-Identifier: GPL-2.0-or-later
//
// A unit is compared once, and again only where that may come to something else.
#include "splice-cc/diff/changed_unit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/snippet.h"

namespace splicer {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// g() is new, and nothing of the unit itself needs it.
class ChangedUnitTest : public ::testing::Test {
 protected:
  ChangedUnitTest() {
    SnippetPair pair("int f(int a) { return a; }",
                     "extern int other(int); int f(int a) { return other(a); }"
                     "int g(int a) { return a + 7; }");
    unit.unit = pair->unit;
    unit.pair = pair.take();
  }
  // So that a second comparison would show.
  void mark() { unit.diff->added = {"marked"}; }

  ChangedUnit unit;
};

TEST_F(ChangedUnitTest, ADiffIsKept) {
  ASSERT_TRUE(compare_unit(unit, {}));
  ASSERT_EQ(unit.diff->replaced.size(), 1U);
  EXPECT_EQ(unit.diff->replaced[0].name, "f");
  EXPECT_THAT(unit.diff->added, IsEmpty());
  mark();
  ASSERT_TRUE(compare_unit(unit, {}));
  ASSERT_TRUE(compare_unit(unit, {"f", "other", "elsewhere"})) << "names that it does not define";
  EXPECT_THAT(unit.diff->added, ElementsAre("marked"));
}

TEST_F(ChangedUnitTest, UnlessANameThatItDefinesIsWanted) {
  ASSERT_TRUE(compare_unit(unit, {}));
  mark();
  ASSERT_TRUE(compare_unit(unit, {"elsewhere", "g"}));
  EXPECT_THAT(unit.diff->added, ElementsAre("g"));
  EXPECT_THAT(unit.wanted, ElementsAre("g"));
  mark();
  ASSERT_TRUE(compare_unit(unit, {"elsewhere", "g", "more"}));
  EXPECT_THAT(unit.diff->added, ElementsAre("marked"));
}

TEST_F(ChangedUnitTest, NamesAcrossUnits) {
  ASSERT_TRUE(compare_unit(unit, {}));
  EXPECT_THAT(new_names_defined(*unit.pair), ElementsAre("g"));
  EXPECT_THAT(new_names_needed(*unit.pair, *unit.diff), ElementsAre("other"));
}

TEST(ChangedUnit, ObjectsThatAreNotThere) {
  ChangedUnit unit;
  unit.pre = unit.post = "/no/such/object.o";
  EXPECT_FALSE(open_pair(unit));
  EXPECT_FALSE(compare_unit(unit, {}));
  EXPECT_FALSE(unit.diff);
}

}  // namespace
}  // namespace splicer
