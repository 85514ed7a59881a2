// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/prepare/resolve.h"

#include <gtest/gtest.h>

#include "tests/support/fake_image.h"
#include "tests/support/sample_module.h"

namespace splicer {
namespace {

constexpr RunAddress kText(0xffffffff81000000);

const FakeImage& image() {
  static const FakeImage kImage(
      kText, {},
      {{kText + 0x10, 't', "only_here", "vmlinux"},
       {kText + 0x20, 't', "twin", "vmlinux"},
       {kText + 0x30, 't', "twin", "vmlinux"},
       {kText + 0x40, 't', "shared", "vmlinux"},
       {kText + 0x50, 'T', "alias", "vmlinux"},
       {kText + 0x50, 'T', "alias", "vmlinux"},
       {RunAddress(0xffffffffc0000000), 't', "shared", "tun"},
       {RunAddress(0xffffffffc0001000), 't', "far", "virtio_net"},
       {RunAddress(0xffffffffc0002000), 't', "patched_before", "splice_5d1f0c2e77aa9b31_0"}});
  return kImage;
}

PackageTarget target(PackageSymbol symbol, const char* name = "vmlinux") {
  PackageTarget out;
  out.name = name;
  out.units.push_back({"a.o", "a.c", "pre/a.o"});
  out.symbols.push_back(std::move(symbol));
  return out;
}

PackageSymbol kernel(const char* name) { return {name, "kernel", "", 0, name, ""}; }

Result<Addresses> resolve(PackageSymbol symbol, const UnitMatches& matches = {},
                          const char* name = "vmlinux") {
  return resolve_symbols(target(std::move(symbol), name), matches, image());
}

TEST(Resolve, ByName) { EXPECT_EQ(resolve(kernel("only_here"))->at("only_here"), kText + 0x10); }

TEST(Resolve, ConstantIsWhatTheVariableHolds) {
  const FakeImage kernel(kText, {1, 2, 3, 4, 5, 6, 7, 8, 9},
                         {{kText, 'd', "pointer", "vmlinux"},
                          {kText + 4, 'd', "shift", "vmlinux"},
                          {kText + 5, 'd', "at_the_end", "vmlinux"},
                          {kText + 6, 'd', "twin", "vmlinux"},
                          {kText + 7, 'd', "twin", "vmlinux"}});
  const auto value = [&](const char* name, const char* variable) {
    return resolve_constants(target({name, "constant", "", 0, variable, ""}), kernel);
  };
  EXPECT_EQ(value("runtime_ptr_pointer", "pointer")->at("runtime_ptr_pointer"),
            0x0807060504030201u);
  EXPECT_EQ(value("runtime_shift_shift", "shift")->at("runtime_shift_shift"), 5u);
  EXPECT_EQ(value("runtime_ptr_at_the_end", "at_the_end").error().code, "image-read");
  EXPECT_EQ(value("runtime_ptr_twin", "twin").error().code, "symbol-ambiguous");
  EXPECT_EQ(value("runtime_ptr_none", "none").error().code, "symbol-unknown");
}

TEST(Resolve, TwinsAreNotChosenBetween) {
  const auto addresses = resolve(kernel("twin"));
  ASSERT_FALSE(addresses);
  EXPECT_EQ(addresses.error().code, "symbol-ambiguous");
  EXPECT_EQ(addresses.error().exit, ExitCode::mismatch);
  EXPECT_NE(addresses.error().detail.find("0xffffffff81000020"), std::string::npos);
}

TEST(Resolve, AliasesAtOneAddressAreOne) {
  EXPECT_EQ(resolve(kernel("alias"))->at("alias"), kText + 0x50);
}

TEST(Resolve, OwnTargetBeforeVmlinuxBeforeOthers) {
  EXPECT_EQ(resolve(kernel("shared"), {}, "tun")->at("shared"), RunAddress(0xffffffffc0000000));
  EXPECT_EQ(resolve(kernel("shared"), {}, "virtio_net")->at("shared"), kText + 0x40);
  EXPECT_EQ(resolve(kernel("far"), {}, "tun")->at("far"), RunAddress(0xffffffffc0001000));
}

TEST(Resolve, UpdatesAreNoPlaceToLook) {
  EXPECT_EQ(resolve(kernel("patched_before")).error().code, "symbol-unknown");
}

TEST(Resolve, LearntFromTheMatch) {
  UnitMatches matches;
  matches["a.o"].addresses[5] = RunAddress(0x1234);
  EXPECT_EQ(resolve({"x", "pre", "a.o", 5, "twin", ""}, matches)->at("x"), RunAddress(0x1234));
}

// Symbol 5 of a.o is what matching has told.
Result<Addresses> not_learnt(const char* name, const char* kernel_name,
                             const char* target = "vmlinux") {
  UnitMatches matches;
  matches["a.o"].addresses[5] = RunAddress(0x1234);
  return resolve({name, "pre", "a.o", 6, kernel_name, ""}, matches, target);
}

TEST(Resolve, NotLearntButGlobal) {
  EXPECT_EQ(not_learnt("only_here", "only_here")->at("only_here"), kText + 0x10);
  EXPECT_EQ(not_learnt("shared", "shared", "tun")->at("shared"), RunAddress(0xffffffffc0000000));
  EXPECT_EQ(not_learnt("far", "far", "tun")->at("far"), RunAddress(0xffffffffc0001000));
  EXPECT_EQ(not_learnt("twin", "twin").error().code, "symbol-ambiguous");
  EXPECT_EQ(not_learnt("nowhere", "nowhere").error().code, "symbol-unknown");
}

TEST(Resolve, NotLearntButAloneInItsTarget) {
  EXPECT_EQ(not_learnt("a.o:6:only_here", "only_here")->at("a.o:6:only_here"), kText + 0x10);
  EXPECT_EQ(not_learnt("a.o:6:alias", "alias")->at("a.o:6:alias"), kText + 0x50);
  EXPECT_EQ(not_learnt("a.o:6:shared", "shared", "tun")->at("a.o:6:shared"),
            RunAddress(0xffffffffc0000000));
}

TEST(Resolve, NotLearntIsNotGuessed) {
  for (const auto& [kernel_name, target] : {std::pair{"twin", "vmlinux"},
                                            {"far", "vmlinux"},
                                            {"shared", "virtio_net"},
                                            {"", "vmlinux"}})
    EXPECT_EQ(not_learnt("a.o:6:x", kernel_name, target).error().code, "symbol-unknown")
        << kernel_name;
  EXPECT_EQ(resolve({"only_here", "pre", "another.o", 6, "only_here", ""}).error().code,
            "symbol-unknown");
}

TEST(Resolve, AlteredConstantTellsItsOwnError) {
  UnitMatches matches;
  matches["a.o"].altered_constants.emplace(
      5, fail(ExitCode::error, "constant-differs", "it differs").take());
  const auto addresses = resolve({"x", "pre", "a.o", 5, "x", ""}, matches);
  ASSERT_FALSE(addresses);
  EXPECT_EQ(addresses.error().code, "constant-differs");
  EXPECT_EQ(addresses.error().exit, ExitCode::mismatch);
}

TEST(Resolve, UpdateSymbolsComeLater) {
  EXPECT_TRUE(resolve({"x", "update", "", 0, "x", "vmlinux"})->empty());
}

TEST(Resolve, DefinitionInAnEarlierModule) {
  SampleModule sample;
  sample.symbols.insert(sample.symbols.begin(), {"twin", kTextSection, 0, STB_LOCAL});
  sample.symbols.insert(sample.symbols.begin(), {"twin", kTextSection, 8, STB_LOCAL});
  sample.symbols.insert(sample.symbols.begin(), {"check_limit", kTextSection, 8, STB_LOCAL});
  sample.symbols.insert(sample.symbols.begin(), {"quiet", kTextSection, 4, STB_LOCAL});
  const auto module = ElfObject::parse(sample.bytes(), "new.ko");
  ASSERT_TRUE(module) << module.error().message;
  const auto find = [&](const char* name) {
    return find_definition({name, "update", "", 0, name, "vmlinux"}, *module);
  };
  EXPECT_EQ(find("check_limit")->section, ".text");
  EXPECT_EQ(find("check_limit")->offset, 16u);  // the global one
  EXPECT_EQ(find("quiet")->offset, 4u);
  EXPECT_EQ(find("twin").error().code, "link-symbol");
  EXPECT_EQ(find("nr_threads").error().code, "link-symbol");  // undefined there
}

TEST(Resolve, Owners) {
  EXPECT_EQ(owners({kText + 0x10, RunAddress(0xffffffffc0000010), RunAddress(0xffffffffc0002000)},
                   image().symbols()),
            (std::set<std::string>{"tun", "splice_5d1f0c2e77aa9b31_0"}));
  EXPECT_TRUE(owners({RunAddress(0x10)}, image().symbols()).empty());
}

}  // namespace
}  // namespace splicer
