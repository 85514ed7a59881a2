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
    EXPECT_EQ(same.error().exit, ExitCode::wrong_machine);
    EXPECT_NE(same.error().advice.find(kDebian.release), std::string::npos);
  }
}

TEST(Apply, AnotherBuildOfTheSameRelease) {
  KernelIdentity running = kDebian;
  running.version = "#1 SMP Debian 6.1.176-2";
  const Error error = check_identity(kDebian, running).error();
  EXPECT_EQ(error.message, "the update is for another build of kernel 6.1.0-50-cloud-amd64");
  EXPECT_EQ(error.detail,
            "for:     6.1.0-50-cloud-amd64 #1 SMP Debian 6.1.176-1 (x86_64)\n"
            "running: 6.1.0-50-cloud-amd64 #1 SMP Debian 6.1.176-2 (x86_64)\n");
}

// A replaced function without and with a hop, and a checked one, as the core module takes them.
TEST(Apply, FunctionsToSwitch) {
  PackageFunction f, g, cold;
  f.name = "f";
  f.size = 0x50;
  g.name = "g";
  g.size = 8;
  cold.name = "f.cold";
  MatchedUpdate matched;
  matched.functions.resize(2);
  matched.functions[0].function = &f;
  matched.functions[0].run.address = RunAddress(0x1000);
  matched.functions[0].run.code = RunAddress(0x9000);
  matched.functions[0].run.run_bytes.resize(0x40);
  matched.functions[0].trampoline.site = RunAddress(0x1005);
  matched.functions[1].function = &g;
  matched.functions[1].run.address = matched.functions[1].run.code = RunAddress(0x2000);
  matched.functions[1].run.run_bytes.resize(6);
  matched.functions[1].trampoline.site = RunAddress(0x2000);
  matched.functions[1].trampoline.hop = RunAddress(0x2006);
  matched.checked.resize(1);
  matched.checked[0].function = &cold;
  matched.checked[0].run.address = RunAddress(0x3000);
  matched.checked[0].run.code = RunAddress(0x3010);
  matched.checked[0].run.run_bytes.resize(0x20);

  const auto functions = functions_to_switch(matched, {RunAddress(0xa000), RunAddress(0xb000)});
  ASSERT_EQ(functions.size(), 3u);
  EXPECT_STREQ(functions[0].name, "f");
  EXPECT_EQ(functions[0].old_entry, 0x1000u);
  EXPECT_EQ(functions[0].old_code, 0x9000u);
  EXPECT_EQ(functions[0].old_size, 0x40u);
  EXPECT_EQ(functions[0].new_code, 0xa000u);
  EXPECT_EQ(functions[0].new_size, 0x50u);
  EXPECT_EQ(functions[0].site, 0x1005u);
  EXPECT_EQ(functions[0].hop, 0u);
  EXPECT_EQ(functions[0].expected, abi_pointer(matched.functions[0].run.run_bytes.data()));
  EXPECT_EQ(functions[0].expected_hop, 0u);
  EXPECT_EQ(functions[0].flags, 0u);
  EXPECT_EQ(functions[1].hop, 0x2006u);
  EXPECT_EQ(functions[1].expected_hop,
            abi_pointer(matched.functions[1].trampoline.expected_hop.data()));
  EXPECT_STREQ(functions[2].name, "f.cold");
  EXPECT_EQ(functions[2].old_entry, 0x3010u);
  EXPECT_EQ(functions[2].old_code, 0x3010u);
  EXPECT_EQ(functions[2].old_size, 0x20u);
  EXPECT_EQ(functions[2].site + functions[2].hop + functions[2].new_code + functions[2].new_size,
            0u);
}

TEST(Apply, AFunctionThatFtraceLeadsOn) {
  PackageFunction f;
  f.name = "f";
  MatchedUpdate matched;
  matched.functions.resize(1);
  matched.functions[0].function = &f;
  matched.functions[0].trampoline.site = RunAddress(0x1004);
  matched.functions[0].trampoline.at_ftrace_site = true;
  const auto functions = functions_to_switch(matched, {RunAddress(0xa000)});
  EXPECT_EQ(functions[0].flags, static_cast<std::uint32_t>(SPLICE_FUNCTION_AT_FTRACE));
  EXPECT_EQ(functions[0].site, 0x1004u);
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
