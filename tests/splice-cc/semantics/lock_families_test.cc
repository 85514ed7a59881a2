// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/lock_families.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

namespace splicer {
namespace {

std::string text(const std::vector<CallEffect>& effects) {
  std::string out;
  for (const CallEffect& effect : effects)
    out += fmt::format("{}{} {:+}", out.empty() ? "" : "; ", effect.family, effect.change);
  return out;
}

TEST(LockFamilies, SpinningLocksByTheirParts) {
  EXPECT_EQ(text(effects_of_call("_raw_spin_lock_irqsave")), "spinlock +1; interrupts off +1");
  EXPECT_EQ(text(effects_of_call("spin_unlock_bh")), "spinlock -1; bottom halves off -1");
  EXPECT_EQ(text(effects_of_call("_raw_read_lock")), "rwlock (read) +1");
  EXPECT_EQ(text(effects_of_call("spin_lock_init")), "");
  EXPECT_EQ(text(effects_of_call("read_lock_something")), "");
}

TEST(LockFamilies, TablesAndTheirConditions) {
  EXPECT_EQ(text(effects_of_call("downgrade_write")), "rwsem -1; rwsem (read) +1");
  EXPECT_EQ(effects_of_call("mutex_lock_killable").at(0).when, Succeeds::if_zero);
  EXPECT_EQ(effects_of_call("try_module_get").at(0).when, Succeeds::if_nonzero);
  EXPECT_EQ(effects_of_call("fget").at(0).argument, kReturnedValue);
  EXPECT_EQ(text(effects_of_call("printk")), "");
}

std::vector<CallEffect> likely(const std::string& callee, const std::string& declared = "") {
  return likely_effects_of_call(callee, [&](const std::string& name) { return name == declared; });
}

TEST(LockFamilies, NamesThatSpeakForThemselves) {
  EXPECT_EQ(text(likely("foo_get")), "foo +1");
  EXPECT_EQ(text(likely("put_foo")), "foo -1");
  EXPECT_EQ(text(likely("foo_put_bar")), "foo_bar -1");
  EXPECT_EQ(text(likely("foo_unlock")), "foo lock -1");
  EXPECT_FALSE(likely("foo_lock").at(0).sure);
  EXPECT_EQ(text(likely("nla_put")), "");
  EXPECT_EQ(text(likely("get_user")), "");
  EXPECT_EQ(text(likely("target")), "");
}

TEST(LockFamilies, LockIsSureWhereItsOppositeIsDeclared) {
  EXPECT_TRUE(likely("foo_lock", "foo_unlock").at(0).sure);
  EXPECT_TRUE(likely("foo_unlock", "foo_lock").at(0).sure);
  EXPECT_EQ(text(likely("lock_foo", "unlock_foo")), "foo lock +1");
  EXPECT_EQ(text(likely("unlock_foo", "lock_foo")), "foo lock -1");
  EXPECT_EQ(text(likely("foo_lock_bar", "foo_unlock_bar")), "foo_bar lock +1");
  EXPECT_EQ(text(likely("lock_is_held")), "");
  EXPECT_EQ(likely("foo_trylock", "foo_unlock").at(0).when, Succeeds::if_nonzero);
  EXPECT_EQ(text(likely("foo_lock_killable", "foo_unlock")), "foo lock +1");
  EXPECT_EQ(likely("foo_lock_killable", "foo_unlock").at(0).when, Succeeds::if_zero);
}

TEST(LockFamilies, OtherPairsCountOnlyTogether) {
  EXPECT_EQ(text(likely("foo_begin", "foo_end")), "foo begin +1");
  EXPECT_EQ(text(likely("foo_end", "foo_begin")), "foo begin -1");
  EXPECT_EQ(text(likely("enable_foo", "disable_foo")), "foo enable +1");
  EXPECT_EQ(text(likely("foo_thaw_queue", "foo_freeze_queue")), "foo_queue freeze -1");
  EXPECT_EQ(text(likely("foo_unfreeze", "foo_freeze")), "foo freeze -1");
  EXPECT_EQ(text(likely("mnt_drop_write", "mnt_want_write")), "mnt_write want -1");
  EXPECT_EQ(text(likely("foo_enable")), "");
  EXPECT_EQ(text(likely("append", "begin")), "");
}

TEST(LockFamilies, SlotsSayWhatIsDoneToThem) {
  const std::string family = slot_family("list entry", "struct foo.node");
  EXPECT_TRUE(is_slot_family(family));
  EXPECT_FALSE(is_slot_family("kref"));
  EXPECT_EQ(slot_action(family, 1), "puts struct foo.node on a list");
  EXPECT_EQ(slot_action(slot_family(kCountOf, "users"), -1), "counts users down");
}

// lock_families.inc: sorted by function, then by family; each pair once.
TEST(LockFamilies, RowsAreSortedWithoutDuplicates) {
  const auto before = [](const LockRow& a, const LockRow& b) {
    return std::pair(a.callee, std::string_view(a.family)) <
           std::pair(b.callee, std::string_view(b.family));
  };
  const auto rows = lock_rows();
  EXPECT_GT(rows.size(), 190U);
  for (std::size_t i = 1; i < rows.size(); ++i)
    EXPECT_TRUE(before(rows[i - 1], rows[i])) << "put this row in its place: " << rows[i].callee;
  for (const LockRow& row : rows) EXPECT_FALSE(row.callee.starts_with('_')) << row.callee;
}

TEST(LockFamilies, WhatDropsALockAndTakesItAgainHasNoEffect) {
  const auto all = [](const std::string&) { return true; };
  EXPECT_TRUE(likely_effects_of_call("__cond_resched_lock", all).empty());
  EXPECT_TRUE(likely_effects_of_call("cond_resched_rwlock_read", all).empty());
}

}  // namespace
}  // namespace splicer
