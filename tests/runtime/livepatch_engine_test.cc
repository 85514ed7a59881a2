// SPDX-License-Identifier: GPL-2.0-or-later
//
// What is found out before anything is loaded; the rest is in tests/live/livepatch-guest.
#include "runtime/livepatch_engine.h"

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

TEST(LivepatchEngine, AKernelWithoutLivepatch) {
  const TemporaryFolder folder;
  folder.write("sys/kernel/uevent_seqnum", "1\n");
  const auto has = check_has_livepatch(folder / "sys");
  ASSERT_FALSE(has);
  EXPECT_EQ(has.error().code, "kernel-lacks");
  EXPECT_EQ(has.error().exit, ExitCode::unsafe);
  EXPECT_NE(has.error().message.find("CONFIG_LIVEPATCH"), std::string::npos);
  folder.write("sys/kernel/livepatch/other/enabled", "1\n");
  EXPECT_TRUE(check_has_livepatch(folder / "sys"));
}

TEST(LivepatchEngine, WhatIsNotMountedForbidsNothing) {
  const TemporaryFolder folder;
  EXPECT_TRUE(check_has_livepatch(folder / "sys"));
}

}  // namespace
}  // namespace splicer
