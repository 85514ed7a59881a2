// SPDX-License-Identifier: GPL-2.0-or-later
//
// Each setting that forbids updates has a sentence and a code of its own.
#include "runtime/live/module_policy.h"

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

class ModulePolicy : public testing::Test {
 protected:
  void set(const char* file, const char* text) const { root_.write(file, text); }
  std::string code(ModuleKind kind = ModuleKind::linked_here) const {
    const auto allowed = check_module_policy(kind, root_.path());
    if (allowed) return "allowed";
    EXPECT_FALSE(allowed.error().advice.empty());
    EXPECT_EQ(allowed.error().exit, ExitCode::error);
    return allowed.error().code;
  }
  TemporaryFolder root_;
};

TEST_F(ModulePolicy, WhatIsNotSaidForbidsNothing) {
  EXPECT_EQ(code(), "allowed");
  set("proc/sys/kernel/modules_disabled", "0\n");
  set("sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
  set("sys/module/module/parameters/sig_enforce", "N\n");
  set("proc/self/status", "Name:\tx\nCapEff:\t000001ffffffffff\n");
  set("proc/sys/kernel/kptr_restrict", "1\n");
  EXPECT_EQ(code(), "allowed");
}

// Whoever asks whether this machine can be patched hears all at once.
TEST_F(ModulePolicy, AllOfThem) {
  set("proc/sys/kernel/modules_disabled", "1\n");
  set("sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
  set("sys/module/module/parameters/sig_enforce", "Y\n");
  set("proc/self/status", "CapEff:\t0000000000000000\n");
  set("proc/sys/kernel/kptr_restrict", "2\n");
  std::vector<std::string> codes;
  for (const Error& fault : module_policy_faults(ModuleKind::linked_here, root_.path()))
    codes.push_back(fault.code);
  EXPECT_EQ(codes,
            (std::vector<std::string>{"modules-disabled", "locked-down", "signed-modules-only",
                                      "no-capability", "kptr-restrict"}));
  EXPECT_EQ(code(), "modules-disabled");
}

TEST_F(ModulePolicy, ModulesAreDisabled) {
  set("proc/sys/kernel/modules_disabled", "1\n");
  EXPECT_EQ(code(), "modules-disabled");
}

TEST_F(ModulePolicy, LockedDown) {
  set("sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
  EXPECT_EQ(code(), "locked-down");
  EXPECT_EQ(code(ModuleKind::signed_when_made), "allowed");
  // There nothing can be matched.
  set("sys/kernel/security/lockdown", "none integrity [confidentiality]\n");
  EXPECT_EQ(code(), "locked-down");
  EXPECT_EQ(code(ModuleKind::signed_when_made), "locked-down");
}

TEST_F(ModulePolicy, OnlySignedModules) {
  set("sys/module/module/parameters/sig_enforce", "Y\n");
  EXPECT_EQ(code(), "signed-modules-only");
  EXPECT_EQ(code(ModuleKind::signed_when_made), "allowed");
}

TEST_F(ModulePolicy, InAContainer) {
  set("proc/self/status", "Name:\tx\nCapEff:\t00000000a80425fb\n");
  EXPECT_EQ(code(), "no-capability");
}

TEST_F(ModulePolicy, SymbolsAreHiddenFromRoot) {
  set("proc/sys/kernel/kptr_restrict", "2\n");
  EXPECT_EQ(code(), "kptr-restrict");
}

}  // namespace
}  // namespace splicer
