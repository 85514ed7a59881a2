// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/undo.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/support/applied_state.h"
#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

constexpr const char* kFirst = "1111aaaa11111111";
constexpr const char* kSecond = "2222222222222222";
constexpr const char* kThird = "1111bbbb33333333";
const std::string kPatch(64, 'a');
using Ids = std::vector<std::string>;

// Compiled only: it would undo an update of this machine.
[[maybe_unused]] bool example(const Console& console) {
  // [example runtime/undo.h]
  auto undone = undo_update({.id = "42ac"}, console);  // undone->pause_ns
  // [end]
  return undone.has_value();
}

TEST(Undo, NeedsRootThenAnUpdate) {
  Console console;
  console.quiet = true;
  const auto undone = undo_update({.id = "0123456789abcdef"}, console);
  ASSERT_FALSE(undone);
  EXPECT_EQ(undone.error().code, geteuid() == 0 ? "unknown-update" : "not-root");
  EXPECT_EQ(undone.error().exit, ExitCode::error);
}

// Three updates, of which the second was made on the first.
class UndoPlans : public testing::Test {
 protected:
  UndoPlans() {
    apply(kFirst, 1, {kPatch}, {});
    apply(kSecond, 2, {}, {kPatch});
    apply(kThird, 3, {}, {});
  }
  void apply(const std::string& id, unsigned sequence, Ids patches, Ids base) const {
    AppliedRecord record;
    record.id = id;
    record.patches = std::move(patches);
    record.base = std::move(base);
    add_applied(folder_, record, sequence);
  }
  Result<UndoPlan> plan(const Ids& names, const std::vector<LivepatchUpdate>& live = {}) const {
    return plan_undo(names, State::read(folder_ / "sys").value(),
                     AppliedRecords::read(folder_ / "run"), live);
  }
  // By the kernel's livepatch, with a record.
  LivepatchUpdate applied_live(const std::string& id, Ids patches, Ids base) const {
    AppliedRecord record;
    record.id = id;
    record.patches = std::move(patches);
    record.base = std::move(base);
    record.livepatch = {"livepatch_" + id};
    EXPECT_TRUE(write_record(record, folder_ / "run"));
    LivepatchUpdate update;
    update.id = id;
    update.module = record.livepatch.front();
    return update;
  }
  TemporaryFolder folder_;
};

TEST_F(UndoPlans, TheNewestFirstHoweverTheyAreNamed) {
  EXPECT_EQ(plan({kFirst, kThird, kSecond})->ids, (Ids{kThird, kSecond, kFirst}));
  EXPECT_EQ(plan({})->ids, (Ids{kThird, kSecond, kFirst}));
  EXPECT_EQ(plan({"2222"})->ids, Ids{kSecond});
  EXPECT_EQ(plan({"2222", kSecond, "22222"})->ids, Ids{kSecond});
}

TEST_F(UndoPlans, WhatIsNotAppliedAsksForNothing) {
  const auto some = plan({"0123456789abcdef", kThird, "0123", "CVE-2026-1"});
  ASSERT_TRUE(some);
  EXPECT_EQ(some->ids, Ids{kThird});
  EXPECT_EQ(some->not_applied, (Ids{"0123456789abcdef", "0123", "CVE-2026-1"}));
}

TEST_F(UndoPlans, WhatCanBeNoIdIsAnError) {
  for (const char* name : {"", "111", "./update.tar", "\033[2J"})
    EXPECT_EQ(plan({kThird, name}).error().code, "unknown-update") << name;
  EXPECT_EQ(plan({"1111"}).error().code, "update-ambiguous");
}

TEST_F(UndoPlans, NothingIsPlannedThatAnUpdateNeedsWhichStays) {
  const auto covered = plan({kThird, kFirst});
  ASSERT_FALSE(covered);
  EXPECT_EQ(covered.error().code, "update-covered");
  EXPECT_EQ(covered.error().file, kFirst);
  EXPECT_NE(covered.error().advice.find(kSecond), std::string::npos);
  EXPECT_EQ(plan({kFirst, kSecond})->ids, (Ids{kSecond, kFirst}));
}

// Either engine's updates may stand on the other's.
TEST_F(UndoPlans, TheOrderIsThatOfBothEngines) {
  const std::string above = "4444444444444444";
  const std::string below = "5555555555555555";
  const std::string other(64, 'b');
  const std::vector<LivepatchUpdate> live = {applied_live(below, {other}, {}),
                                             applied_live(above, {}, {kPatch})};
  apply("6666666666666666", 4, {}, {other});  // made on the live patch
  const auto covered = plan({kSecond, kFirst}, live);
  ASSERT_FALSE(covered);
  EXPECT_NE(covered.error().advice.find(above), std::string::npos);
  EXPECT_EQ(plan({below}, live).error().code, "update-covered");
  EXPECT_EQ(plan({kFirst, above, kSecond}, live)->ids, (Ids{above, kSecond, kFirst}));
  EXPECT_EQ(plan({}, live)->ids, (Ids{above, "6666666666666666", below, kThird, kSecond, kFirst}));
}

TEST_F(UndoPlans, ALivePatchThatIsOutIsNotApplied) {
  std::vector<LivepatchUpdate> live = {applied_live("4444444444444444", {}, {kPatch})};
  live[0].undone = true;
  EXPECT_EQ(plan({kSecond, kFirst}, live)->ids, (Ids{kSecond, kFirst}));
  EXPECT_EQ(plan({"4444444444444444"}, live)->not_applied, Ids{"4444444444444444"});
}

}  // namespace
}  // namespace splicer
