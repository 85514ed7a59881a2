// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/apply.h"

#include <gtest/gtest.h>

namespace splicer {
namespace {

const KernelIdentity kDebian{"6.1.0-50-cloud-amd64", "#1 SMP Debian 6.1.176-1", "x86_64", "gcc-12"};

TEST(Apply, KernelOfThePackage) {
  KernelIdentity running = kDebian;
  running.compiler.clear();
  EXPECT_TRUE(check_identity(kDebian, running));
}

TEST(Apply, AnotherKernel) {
  for (std::string KernelIdentity::*field :
       {&KernelIdentity::release, &KernelIdentity::version, &KernelIdentity::machine}) {
    KernelIdentity running = kDebian;
    running.*field += "x";
    const auto same = check_identity(kDebian, running);
    ASSERT_FALSE(same);
    EXPECT_EQ(same.error().code, "wrong-kernel");
    EXPECT_EQ(same.error().exit, ExitCode::error);
    EXPECT_NE(same.error().advice.find(kDebian.release), std::string::npos);
  }
}

TEST(Apply, VersionMayBeUnknownToThePackage) {
  KernelIdentity wanted = kDebian;
  wanted.version.clear();
  EXPECT_TRUE(check_identity(wanted, kDebian));
}

TEST(Apply, RunningKernelHasAName) {
  EXPECT_FALSE(running_kernel().release.empty());
  EXPECT_FALSE(running_kernel().machine.empty());
}

TEST(Apply, ReadingFailsBeforeAnythingElse) {
  Console console;
  console.quiet = true;
  Apply apply({.path = "/no/such/update.tar"}, console);
  EXPECT_EQ(read_update(apply).error().code, "file-unreadable");
}

TEST(Apply, DryRunOpensNothing) {
  Console console;
  console.quiet = true;
  Apply apply({.path = "x", .dry_run = true}, console);
  EXPECT_TRUE(open_core(apply));
  EXPECT_FALSE(apply.device);
  EXPECT_FALSE(apply.core);
  EXPECT_TRUE(switch_over(apply));
}

}  // namespace
}  // namespace splicer
