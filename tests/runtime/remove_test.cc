// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/remove.h"

#include <gtest/gtest.h>

#include "tests/support/applied_state.h"
#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

constexpr const char* kBoth = "1111aaaa11111111";       // installed and applied
constexpr const char* kApplied = "2222222222222222";    // applied only, and made on the first
constexpr const char* kInstalled = "3333333333333333";  // installed only
const std::string kPatch(64, 'a');
using Ids = std::vector<std::string>;

class Removals : public testing::Test {
 protected:
  Removals() {
    apply(kBoth, 1, "CVE-2026-1234", {kPatch}, {});
    apply(kApplied, 2, "other", {}, {kPatch});
    for (const auto& [id, name] :
         {std::pair{kBoth, "CVE-2026-1234"}, std::pair{kInstalled, "later"}}) {
      InstalledUpdate update;
      update.id = id;
      update.name = name;
      installed_.updates.push_back(update);
    }
  }
  void apply(const std::string& id, unsigned sequence, const char* name, Ids patches,
             Ids base) const {
    AppliedRecord record;
    record.id = id;
    record.name = name;
    record.patches = std::move(patches);
    record.base = std::move(base);
    add_applied(folder_, record, sequence);
  }
  Result<RemovalPlan> plan(const Ids& names, const std::vector<LivepatchUpdate>& live = {}) const {
    return plan_removal(names, installed_, State::read(folder_ / "sys").value(),
                        AppliedRecords::read(folder_ / "run"), live);
  }
  static Ids ids(const RemovalPlan& plan) {
    Ids found;
    for (const Removal& one : plan.updates) found.push_back(one.id);
    return found;
  }
  TemporaryFolder folder_;
  Installed installed_;
};

// Compiled only: it would change this machine.
[[maybe_unused]] bool example(const Installed& installed, const State& state,
                              const AppliedRecords& records, Store& store, const Attempts& attempts,
                              const Console& console) {
  // [example runtime/remove.h]
  const auto plan = plan_removal({"CVE-2026-1234"}, installed, state, records);
  const auto removed = remove_update(plan->updates[0], store, attempts, console);
  // [end]
  return removed.has_value();
}

TEST_F(Removals, WhatIsAppliedTheNewestFirst) {
  const auto all = plan({"3333", "CVE-2026-1234", "other", kBoth, "later"});
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ(ids(*all), (Ids{kApplied, kBoth, kInstalled}));
  EXPECT_FALSE(all->updates[0].installed);
  EXPECT_TRUE(all->updates[0].applied);
  EXPECT_TRUE(all->updates[1].installed && all->updates[1].applied);
  EXPECT_TRUE(all->updates[2].installed);
  EXPECT_FALSE(all->updates[2].applied);
}

// Forgetting it and leaving its live patch in force would not be a removal.
TEST_F(Removals, WhatTheKernelsLivepatchHas) {
  LivepatchUpdate update;
  update.id = kInstalled;
  const auto both = plan({"later"}, {update});
  ASSERT_TRUE(both);
  ASSERT_EQ(both->updates.size(), 1U);
  EXPECT_TRUE(both->updates[0].installed);
  EXPECT_TRUE(both->updates[0].applied);
  update.id = "7777777777777777";
  update.name = "not-kept";
  const auto applied = plan({"not-kept"}, {update});
  ASSERT_TRUE(applied);
  ASSERT_EQ(applied->updates.size(), 1U);
  EXPECT_FALSE(applied->updates[0].installed);
  EXPECT_TRUE(applied->updates[0].applied);
  update.undone = true;
  EXPECT_EQ(plan({"not-kept"}, {update})->not_there, Ids{"not-kept"});
}

// Without its record in /run/splice a live patch goes by its module's name, which the store knows.
TEST_F(Removals, ALivePatchOfWhichTheRecordIsLost) {
  installed_.updates[1].livepatch = "livepatch_5d1f0c2e77aa9b31";
  LivepatchUpdate update;
  update.id = update.module = "livepatch_5d1f0c2e77aa9b31";
  const auto one = plan({"later", kInstalled}, {update});
  ASSERT_TRUE(one) << one.error().message;
  ASSERT_EQ(one->updates.size(), 1U);
  EXPECT_EQ(one->updates[0].id, kInstalled);
  EXPECT_TRUE(one->updates[0].installed);
  EXPECT_TRUE(one->updates[0].applied);
  EXPECT_EQ(one->updates[0].applied_as, "livepatch_5d1f0c2e77aa9b31");
  update.undone = true;
  EXPECT_FALSE(plan({"later"}, {update})->updates[0].applied);
}

TEST_F(Removals, WhatIsNotThere) {
  const auto none = plan({"CVE-2026-9999", "0123"});
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->updates.empty());
  EXPECT_EQ(none->not_there, (Ids{"CVE-2026-9999", "0123"}));
  for (const char* text : {"", "012", "./x", "\033[2J"})
    EXPECT_EQ(plan({text}).error().code, "unknown-update") << text;
}

TEST_F(Removals, ANameOfTwoNamesNone) {
  installed_.updates[1].name = "other";
  const auto both = plan({"other"});
  ASSERT_FALSE(both);
  EXPECT_EQ(both.error().code, "update-ambiguous");
  EXPECT_EQ(both.error().detail, "2222222222222222\n3333333333333333\n");
}

TEST_F(Removals, WhatIsNeededStaysInstalled) {
  const auto covered = plan({"CVE-2026-1234"});
  ASSERT_FALSE(covered);
  EXPECT_EQ(covered.error().code, "update-covered");
}

}  // namespace
}  // namespace splicer
