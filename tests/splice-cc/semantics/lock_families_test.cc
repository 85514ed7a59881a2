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

TEST(LockFamilies, NamesThatSpeakForThemselves) {
  EXPECT_EQ(text(likely_effects_of_call("foo_get")), "foo +1");
  EXPECT_EQ(text(likely_effects_of_call("put_foo")), "foo -1");
  EXPECT_EQ(text(likely_effects_of_call("foo_put_bar")), "foo_bar -1");
  EXPECT_EQ(text(likely_effects_of_call("foo_unlock")), "foo lock -1");
  EXPECT_FALSE(likely_effects_of_call("foo_lock").at(0).sure);
  EXPECT_EQ(text(likely_effects_of_call("nla_put")), "");
  EXPECT_EQ(text(likely_effects_of_call("get_user")), "");
  EXPECT_EQ(text(likely_effects_of_call("target")), "");
}

}  // namespace
}  // namespace splicer
