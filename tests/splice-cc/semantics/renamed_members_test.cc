// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/renamed_members.h"

#include <gtest/gtest.h>

#include "tests/support/kernel_text.h"

namespace splicer {
namespace {

// Is what f() marks in the new text called "struct obj.dead"?
bool follows(const std::string& record, const std::string& member) {
  const UnitFacts pre =
      facts_of("struct obj { int n; int dead; int more; }; void f(struct obj *o) { o->dead = 1; }");
  UnitFacts post = facts_of(record + " void f(struct obj *o) { o->" + member + " = 1; }");
  follow_renamed_members(pre, post);
  return post.functions.at("f").places.marks.contains({"struct obj.dead", 1});
}

TEST(RenamedMembers, SamePlaceAndType) {
  EXPECT_TRUE(follows("struct obj { int n; int gone; int more; };", "gone"));
  EXPECT_TRUE(follows("struct obj { int n; int dead; int more; };", "dead"));
}

TEST(RenamedMembers, AnotherPlaceOrTypeIsAnotherMember) {
  EXPECT_FALSE(follows("struct obj { int n; int more; int gone; };", "gone"));
  EXPECT_FALSE(follows("struct obj { int n; unsigned gone; int more; };", "gone"));
  // The name was another member's.
  EXPECT_FALSE(follows("struct obj { int dead; int n; int more; };", "n"));
  // A name that only begins like it.
  EXPECT_FALSE(follows("struct obj { int n; int gone; int gone_too; };", "gone_too"));
}

}  // namespace
}  // namespace splicer
