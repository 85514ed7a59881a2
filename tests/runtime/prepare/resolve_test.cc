// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/prepare/resolve.h"

#include <gtest/gtest.h>

#include <cstring>
#include <tuple>
#include <vector>

#include "tests/support/fake_image.h"
#include "tests/support/object_builder.h"
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
       {kText + 0x60, 'T', "global", "vmlinux"},
       {kText + 0x70, 't', "global", "vmlinux"},
       {kText + 0x80, 'T', "limit", "vmlinux"},
       {kText + 0x90, 'b', "counter", "vmlinux"},
       {kText + 0xa0, 'T', "twins", "vmlinux"},
       {kText + 0xb0, 'W', "twins", "vmlinux"},
       {kText + 0x50, 'T', "alias", "vmlinux"},
       {kText + 0x50, 'T', "alias", "vmlinux"},
       {RunAddress(0xffffffffc0000000), 't', "shared", "tun"},
       {RunAddress(0xffffffffc0000100), 't', "global", "tun"},
       {RunAddress(0xffffffffc0000200), 't', "own", "tun"},
       {RunAddress(0xffffffffc0001000), 'T', "far", "virtio_net"},
       {RunAddress(0xffffffffc0001100), 't', "own", "virtio_net"},
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

// What a.o has: symbol 5 is undefined, 6 a static function, 7 a global one, 8 a static variable.
UnitMatches unit() {
  ObjectBuilder builder;
  const auto code = builder.section(".text", ObjectBuilder::kCode, hex("c3 c3"));
  const auto data = builder.section(".bss", ObjectBuilder::kData, hex("00"));
  while (builder.undefined("x") < 5) {
  }
  builder.symbol("static_one", code, 0, 1, STB_LOCAL);
  builder.symbol("global_one", code, 1, 1);
  builder.symbol("variable", data, 0, 1, STB_LOCAL, STT_OBJECT);
  UnitMatches matches;
  matches.emplace("a.o", UnitMatch{{}, builder.build()});
  return matches;
}

TEST(Resolve, ByName) { EXPECT_EQ(resolve(kernel("alias"))->at("alias"), kText + 0x50); }

// A pointer in data leads to it, and no code.
TEST(Resolve, StringIsWhereTheLivePointerLeads) {
  const RunAddress variable = kText + 8;
  std::vector<std::uint8_t> memory =
      hex("69 6e 74 00 69 6e 74 73");  // "int", "ints" without an end
  memory.resize(32);
  const auto point_to = [&](std::uint64_t address) {
    std::memcpy(memory.data() + 16, &address, sizeof address);
  };
  const auto resolved = [&] {
    PackageSymbol symbol{"a.o:8:types:8", "string", "a.o", 8, "types", ""};
    symbol.offset = 8;
    symbol.text = "int";
    UnitMatches matches = unit();
    matches.at("a.o").match.addresses[8] = variable;
    const FakeImage kernel(kText, memory, {});
    return resolve_symbols(target(std::move(symbol)), matches, kernel);
  };
  point_to(kText.value());
  ASSERT_TRUE(resolved());
  EXPECT_EQ(resolved()->at("a.o:8:types:8"), kText);
  for (const std::uint64_t other : {kText.value() + 4, kText.value() + 1, std::uint64_t{0}}) {
    point_to(other);
    ASSERT_FALSE(resolved());
    EXPECT_EQ(resolved().error().code, "value-changed");
    EXPECT_EQ(resolved().error().exit, ExitCode::mismatch);
  }
}

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
  const auto addresses = resolve(kernel("twins"));
  ASSERT_FALSE(addresses);
  EXPECT_EQ(addresses.error().code, "symbol-ambiguous");
  EXPECT_EQ(addresses.error().exit, ExitCode::mismatch);
  EXPECT_NE(addresses.error().detail.find("0xffffffff810000a0"), std::string::npos);
}

TEST(Resolve, AliasesAtOneAddressAreOne) {
  EXPECT_EQ(resolve(kernel("alias"))->at("alias"), kText + 0x50);
}

// As the linker and the module loader would have bound it.
TEST(Resolve, WhatIsVisibleByName) {
  EXPECT_EQ(resolve(kernel("global"))->at("global"), kText + 0x60);
  EXPECT_EQ(resolve(kernel("only_here")).error().code, "symbol-unknown");  // static
  EXPECT_EQ(resolve(kernel("far")).error().code, "symbol-unknown");        // of a module
  EXPECT_EQ(resolve(kernel("own"), {}, "tun")->at("own"), RunAddress(0xffffffffc0000200));
  EXPECT_EQ(resolve(kernel("far"), {}, "tun")->at("far"), RunAddress(0xffffffffc0001000));
  EXPECT_EQ(resolve(kernel("shared"), {}, "virtio_net").error().code, "symbol-unknown");
  // In a module nothing tells a static one, which would not be meant, from a global one.
  EXPECT_EQ(resolve(kernel("global"), {}, "tun").error().code, "symbol-ambiguous");
}

TEST(Resolve, UpdatesAreNoPlaceToLook) {
  EXPECT_EQ(resolve(kernel("patched_before")).error().code, "symbol-unknown");
}

TEST(Resolve, LearntFromTheMatch) {
  UnitMatches matches = unit();
  matches.at("a.o").match.addresses[5] = RunAddress(0x1234);
  EXPECT_EQ(resolve({"x", "pre", "a.o", 5, "twin", ""}, matches)->at("x"), RunAddress(0x1234));
}

// Symbol `index` of a.o, which matching has not told.
Result<Addresses> not_learnt(std::uint32_t index, const char* kernel_name,
                             const char* target = "vmlinux") {
  return resolve({"x", "pre", "a.o", index, kernel_name, ""}, unit(), target);
}

TEST(Resolve, NotLearntAndOfAnotherFile) {
  EXPECT_EQ(not_learnt(5, "global")->at("x"), kText + 0x60);
  EXPECT_EQ(not_learnt(5, "own", "tun")->at("x"), RunAddress(0xffffffffc0000200));
  EXPECT_EQ(not_learnt(5, "twins").error().code, "symbol-ambiguous");
  EXPECT_EQ(not_learnt(5, "nowhere").error().code, "symbol-unknown");
}

TEST(Resolve, NotLearntButAloneInItsTarget) {
  EXPECT_EQ(not_learnt(6, "only_here")->at("x"), kText + 0x10);
  EXPECT_EQ(not_learnt(6, "global")->at("x"), kText + 0x70);
  EXPECT_EQ(not_learnt(7, "global")->at("x"), kText + 0x60);
  EXPECT_EQ(not_learnt(6, "own", "tun")->at("x"), RunAddress(0xffffffffc0000200));
  EXPECT_EQ(not_learnt(8, "counter")->at("x"), kText + 0x90);
}

TEST(Resolve, NotLearntIsNotGuessed) {
  for (const auto& [index, kernel_name, target] :
       {std::tuple{6U, "twin", "vmlinux"},
        {6U, "far", "vmlinux"},
        {6U, "shared", "virtio_net"},
        {6U, "alias", "vmlinux"},  // global
        {8U, "limit", "vmlinux"},  // a function, and not the variable
        {6U, "counter", "vmlinux"},
        {99U, "only_here", "vmlinux"},
        {6U, "", "vmlinux"}})
    EXPECT_EQ(not_learnt(index, kernel_name, target).error().code, "symbol-unknown") << kernel_name;
  EXPECT_EQ(resolve({"only_here", "pre", "another.o", 6, "only_here", ""}).error().code,
            "symbol-unknown");
}

TEST(Resolve, AKernelThatListsNoVariables) {
  const FakeImage functions_only(kText, {}, {{kText, 't', "f", "vmlinux"}});
  const auto addresses =
      resolve_symbols(target({"x", "pre", "a.o", 8, "counter", ""}), unit(), functions_only);
  ASSERT_FALSE(addresses);
  EXPECT_NE(addresses.error().advice.find("CONFIG_KALLSYMS_ALL"), std::string::npos);
}

TEST(Resolve, AFunctionThatDiffersTellsItsOwnError) {
  UnitMatches matches = unit();
  matches.at("a.o").match.altered_functions.emplace(
      6, fail(ExitCode::error, "run-pre-mismatch", "it differs").take());
  const auto addresses = resolve({"x", "pre", "a.o", 6, "only_here", ""}, matches);
  ASSERT_FALSE(addresses);
  EXPECT_EQ(addresses.error().code, "run-pre-mismatch");
  EXPECT_EQ(addresses.error().exit, ExitCode::mismatch);
}

TEST(Resolve, AlteredConstantTellsItsOwnError) {
  UnitMatches matches = unit();
  matches.at("a.o").match.altered_constants.emplace(
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
