// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/prepare/live_patches.h"

#include <gtest/gtest.h>

#include "matcher/base/file.h"
#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

TEST(LivePatches, NoneWhereTheKernelHasNone) {
  const TemporaryFolder folder;
  const LivePatches none = LivePatches::read({}, (folder / "a").string(), (folder / "b").string());
  EXPECT_TRUE(none.empty());
  EXPECT_FALSE(none.deciding("vmlinux", "cmdline_proc_show"));
}

TEST(LivePatches, OfTheKernelsLivepatch) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "klp/livepatch_sample/vmlinux/cmdline_proc_show,1");
  std::filesystem::create_directories(folder / "klp/fix_tun/tun/tun_get,2");
  ASSERT_TRUE(write_file(folder / "klp/fix_tun/enabled", "1\n"));
  const LivePatches patches =
      LivePatches::read({}, (folder / "klp").string(), (folder / "none").string());
  EXPECT_EQ(patches.deciding("vmlinux", "cmdline_proc_show"), "live patch livepatch_sample");
  EXPECT_EQ(patches.deciding("tun", "tun_get"), "live patch fix_tun");
  EXPECT_EQ(patches.deciding("tun_get"), "live patch fix_tun");
  EXPECT_FALSE(patches.deciding("vmlinux", "tun_get"));
  EXPECT_FALSE(patches.deciding("vmlinux", "cmdline_proc"));
}

// As t_show() of 6.1 and of 6.12 print it.
TEST(LivePatches, OfAnotherUserOfFtrace) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_file(
      folder / "tracing/enabled_functions",
      "vfs_read (1)            \ttramp: 0xffffffffc02a0000 (function_trace_call+0x0/0x1a0)\n"
      "do_exit (1)     D\n\tdirect-->bpf_trampoline_6442+0x0/0x1000\n"
      "vfs_write (2) R I  \ttramp: 0xffffffffc02a1000 (klp_ftrace_handler+0x0/0x1e0)\n"
      "tun_get [tun] (1)   I     M \ttramp: 0xffffffffc02a2000 (handler+0x0/0x40)\n"
      "short (1) I\n"
      "broken\n (1) I\n"));
  const LivePatches patches =
      LivePatches::read({}, (folder / "none").string(), (folder / "tracing").string());
  EXPECT_TRUE(patches.deciding("vmlinux", "vfs_write"));
  EXPECT_TRUE(patches.deciding("tun", "tun_get"));
  EXPECT_TRUE(patches.deciding("vmlinux", "short"));
  EXPECT_FALSE(patches.deciding("vmlinux", "tun_get"));
  EXPECT_FALSE(patches.deciding("vmlinux", "vfs_read"));
  EXPECT_FALSE(patches.deciding("vmlinux", "do_exit"));
}

// Two functions of one name, one of which our own updates lead on.
TEST(LivePatches, NotOurOwnRedirects) {
  const TemporaryFolder folder;
  const auto read = [&](std::size_t ours) {
    return LivePatches::read({{"reset", ours}}, (folder / "none").string(),
                             (folder / "tracing").string());
  };
  ASSERT_TRUE(write_file(folder / "tracing/enabled_functions", "reset (1)   I\n"));
  EXPECT_FALSE(read(1).deciding("reset"));
  EXPECT_TRUE(read(0).deciding("reset"));
  ASSERT_TRUE(
      write_file(folder / "tracing/enabled_functions", "reset (1)   I\nreset [tun] (2) R I\n"));
  EXPECT_TRUE(read(1).deciding("reset"));
  EXPECT_FALSE(read(2).deciding("reset"));
}

TEST(LivePatches, ALivePatchIsNamedBeforeItsFlag) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "klp/sample/vmlinux/vfs_write,1");
  ASSERT_TRUE(write_file(folder / "tracing/enabled_functions", "vfs_write (1) R I\n"));
  EXPECT_EQ(LivePatches::read({}, (folder / "klp").string(), (folder / "tracing").string())
                .deciding("vmlinux", "vfs_write"),
            "live patch sample");
}

}  // namespace
}  // namespace splicer
