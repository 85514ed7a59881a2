// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/await.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "matcher/base/file.h"
#include "tests/support/fake_image.h"
#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

// Three targets; the code for vsock refers to tun by an address, and to vhost's part of the update.
TEST(Await, WhatAPartRefersTo) {
  Console console;
  Apply apply({.path = "x"}, console);
  auto image = std::make_unique<FakeImage>();
  image->symbol(0xffffffff81000000, "schedule");
  image->symbol(0xffffffffc0000000, "tun_get", 't', "tun");
  image->symbol(0xffffffffc0100000, "vsock_bind", 't', "vsock");
  image->symbol(0xffffffffc0200000, "veth_open", 't', "veth");
  image->symbol(0xffffffffc0300000, "last", 't', "zram");
  apply.image = std::move(image);
  auto& targets = apply.package.manifest.targets;
  targets.resize(4);
  targets[0].name = "vmlinux";
  targets[1].name = "tun";
  targets[2].name = "vhost";
  targets[3].name = "vsock";
  targets[3].symbols.resize(1);
  targets[3].symbols[0].source = "update";
  targets[3].symbols[0].target = "vhost";
  apply.matched.addresses.resize(4);
  apply.matched.addresses[1] = {{"tun_get", RunAddress(0xffffffffc0000000)}};
  apply.matched.addresses[3] = {{"schedule", RunAddress(0xffffffff81000000)},
                                {"tun_get", RunAddress(0xffffffffc0000010)},
                                {"vsock_bind", RunAddress(0xffffffffc0100000)},
                                {"veth_open", RunAddress(0xffffffffc0200000)}};
  EXPECT_TRUE(referred_targets(apply, 0).empty());
  EXPECT_TRUE(referred_targets(apply, 1).empty());
  EXPECT_EQ(referred_targets(apply, 3), (std::set<std::string>{"tun", "vhost"}));
}

// The kernel will run it as root.
TEST(Await, AProgramThatOnlyRootCanReplace) {
  const TemporaryFolder folder;  // below a folder that everybody may write to
  folder.write("splice-apply", "x");
  const std::string program = folder.path() / "splice-apply";
  const auto none = trusted_program({program, folder.path() / "none"});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, "helper-unsafe");
  EXPECT_NE(none.error().detail.find(program), std::string::npos);
  EXPECT_EQ(trusted_program({program, "/usr/bin/env"}).value(), "/usr/bin/env");
}

TEST(Await, APackageThatOthersMayWrite) {
  const TemporaryFolder folder;
  folder.write("0123456789abcdef.tar", "x");
  EXPECT_TRUE(read_kept("0123456789abcdef", folder.path()));
  ASSERT_EQ(chmod(kept_package("0123456789abcdef", folder.path()).c_str(), 0666), 0);
  EXPECT_EQ(read_kept("0123456789abcdef", folder.path()).error().code, "record-unsafe");
  EXPECT_EQ(read_kept("fedcba9876543210", folder.path()).error().code, "record-unsafe");
}

TEST(Await, ForgetsAPackage) {
  const TemporaryFolder folder;
  const std::string tar = kept_package("0123456789abcdef", folder.path());
  folder.write("0123456789abcdef.tar", "x");
  folder.write("0123456789abcdef.tar.sig", "y");
  forget_package("0123456789abcdef", folder.path());
  EXPECT_FALSE(std::filesystem::exists(tar));
  EXPECT_FALSE(std::filesystem::exists(tar + ".sig"));
  forget_package("0123456789abcdef", folder.path());
}

// What an applied update lacks is told by its modules, and what it awaits is not lacking.
TEST(Await, WhatAnAppliedUpdateLacks) {
  Manifest manifest;
  manifest.id = "0123456789abcdef";
  manifest.targets.resize(2);
  manifest.targets[0].name = "vmlinux";
  manifest.targets[1].name = "tun";
  AppliedUpdate update;
  update.modules = {"splice_0123456789abcdef_0"};
  std::set<std::string> waiting;
  const std::set<std::string> tun{"tun"};
  EXPECT_EQ(missing_targets(manifest, update, waiting), tun);
  update.awaits = {{"tun", AwaitedState::unpatched}};
  EXPECT_EQ(missing_targets(manifest, update, waiting), tun);
  EXPECT_TRUE(waiting.empty());
  update.awaits[0].state = AwaitedState::waiting;
  EXPECT_TRUE(missing_targets(manifest, update, waiting).empty());
  EXPECT_EQ(waiting, tun);
  waiting.clear();
  update.modules.push_back("splice_0123456789abcdef_1");
  EXPECT_TRUE(missing_targets(manifest, update, waiting).empty());
  EXPECT_TRUE(waiting.empty());
}

TEST(Await, AppliedWithoutAModuleIsNotApplied) {
  EXPECT_TRUE(check_missing("0123", {}, {"tun"}, false));
  EXPECT_TRUE(check_missing("0123", {"tun"}, {"veth"}, true));
  EXPECT_EQ(check_missing("0123", {"tun"}, {"veth"}, false).error().code, "module-not-loaded");
  EXPECT_EQ(check_missing("0123", {"tun"}, {"veth"}, false).error().exit, ExitCode::partly);
  for (const bool skip : {false, true}) {
    const auto whole = check_missing("0123", {"tun"}, {"tun", "veth"}, skip);
    ASSERT_FALSE(whole);
    EXPECT_EQ(whole.error().code, "partly-applied");
    EXPECT_EQ(whole.error().exit, ExitCode::partly);
    EXPECT_NE(whole.error().advice.find("splice-undo 0123"), std::string::npos);
  }
}

}  // namespace
}  // namespace splicer
