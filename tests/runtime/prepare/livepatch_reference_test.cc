// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the kernel's livepatch will find by a reference is the address that it was made of.
#include "runtime/prepare/livepatch_reference.h"

#include <gtest/gtest.h>

namespace splicer {
namespace {

// Not in the order of addresses, as the table sorts them itself.
SymbolTable kernel() {
  return SymbolTable({{RunAddress(0), 'A', "at_zero", "vmlinux"},
                      {RunAddress(0xffffffff81003000), 't', "copy", "vmlinux"},
                      {RunAddress(0xffffffff81001000), 't', "copy", "vmlinux"},
                      {RunAddress(0xffffffff81002000), 't', "copy", "vmlinux"},
                      {RunAddress(0xffffffff81002000), 'T', "copy_alias", "vmlinux"},
                      {RunAddress(0xffffffff81004000), 'T', "single", "vmlinux"},
                      {RunAddress(0xffffffff81005000), 't', "odd,name", "vmlinux"},
                      {RunAddress(0xffffffff81006000), 't', std::string(511, 'l'), "vmlinux"},
                      {RunAddress(0xffffffff81007000), 't', std::string(512, 'l'), "vmlinux"},
                      {RunAddress(0xffffffff82001230), 'r', "banner", "vmlinux"},
                      {RunAddress(0xffffffffc0001000), 't', "tun_get", "tun"},
                      {RunAddress(0xffffffffc0001100), 't', "copy", "tun"},
                      {RunAddress(0xffffffffc0001200), 't', "twice", "tun"},
                      {RunAddress(0xffffffffc0001300), 't', "twice", "tun"},
                      {RunAddress(0xffffffffc0002000), 'r', "tun_ops", "tun"},
                      {RunAddress(0xffffffffc0003000), 'd', "tun_state", "tun"},
                      {RunAddress(0xffffffffc0004000), 't', "start", "tun.old"},
                      {RunAddress(0xffffffffc0005000), 't', "start", std::string(55, 'm')},
                      {RunAddress(0xffffffffc0006000), 't', "start", std::string(56, 'm')}});
}

// "OBJECT NAME POSITION +DISTANCE", or the error's code.
std::string found(std::uint64_t address, const std::string& name) {
  const SymbolTable symbols = kernel();
  const auto reference = livepatch_reference(RunAddress(address), name, symbols);
  if (!reference) {
    EXPECT_EQ(reference.error().exit, ExitCode::unsafe);
    EXPECT_EQ(reference.error().function, name);
    EXPECT_FALSE(reference.error().advice.empty());
    return reference.error().code;
  }
  // The invariant: looked up as the kernel does it, the address comes out again.
  const auto same = symbols.find(reference->object, reference->name);
  EXPECT_TRUE(reference->position != 0 || same.size() == 1) << "the kernel refuses position 0";
  const std::size_t place = reference->position == 0 ? 0 : reference->position - 1;
  EXPECT_LT(place, same.size());
  if (place < same.size()) {
    EXPECT_EQ(same[place]->address + static_cast<std::uint64_t>(reference->distance),
              RunAddress(address));
  }
  return fmt::format("{} {} {} +{:#x}", reference->object, reference->name, reference->position,
                     reference->distance);
}

constexpr const char* kRefused = "livepatch-form";

TEST(LivepatchReference, ANameThatStandsOnce) {
  EXPECT_EQ(found(0xffffffff81004000, "single"), "vmlinux single 0 +0x0");
  EXPECT_EQ(found(0xffffffffc0001000, "tun_get"), "tun tun_get 0 +0x0");
}

TEST(LivepatchReference, PositionsCountInTheOrderOfAddresses) {
  EXPECT_EQ(found(0xffffffff81001000, "copy"), "vmlinux copy 1 +0x0");
  EXPECT_EQ(found(0xffffffff81002000, "copy"), "vmlinux copy 2 +0x0");
  EXPECT_EQ(found(0xffffffff81003000, "copy"), "vmlinux copy 3 +0x0");
}

// Each object counts its own: klp_find_callback() passes over those of another.
TEST(LivepatchReference, TheSameNameInAnotherObjectDoesNotCount) {
  EXPECT_EQ(found(0xffffffffc0001100, "copy"), "tun copy 0 +0x0");
}

TEST(LivepatchReference, TheNameThatWasAskedForAmongAliases) {
  EXPECT_EQ(found(0xffffffff81002000, "copy_alias"), "vmlinux copy_alias 0 +0x0");
  const SymbolTable symbols = kernel();
  const auto other = livepatch_reference(RunAddress(0xffffffff81002000), "no_name", symbols);
  ASSERT_TRUE(other);
  EXPECT_EQ(other->distance, 0) << "any name of that address does";
}

// A string, a constant of the compiler's: so many bytes behind what has a name.
TEST(LivepatchReference, WhatHasNoName) {
  EXPECT_EQ(found(0xffffffff82001284, ".LC5"), "vmlinux banner 0 +0x54");
  EXPECT_EQ(found(0xffffffff81003008, ".LC6"), "vmlinux copy 3 +0x8");
}

TEST(LivepatchReference, InAModuleOnlyBehindWhatIsReadOnly) {
  EXPECT_EQ(found(0xffffffffc0002040, ".LC1"), "tun tun_ops 0 +0x40");
  EXPECT_EQ(found(0xffffffffc0001010, ".LC1"), kRefused) << "behind code";
  EXPECT_EQ(found(0xffffffffc0003010, ".LC1"), kRefused) << "behind data";
  EXPECT_EQ(found(0xffffffffc0003000, "tun_state"), "tun tun_state 0 +0x0") << "itself";
}

// Which of them is first in the module's own table, nobody outside can tell.
TEST(LivepatchReference, TwoOfANameInAModule) {
  EXPECT_EQ(found(0xffffffffc0001200, "twice"), kRefused);
  EXPECT_EQ(found(0xffffffffc0001300, "twice"), kRefused);
}

// klp_find_object_symbol() takes the address 0 for "not found".
TEST(LivepatchReference, NothingIsFoundAtZero) {
  EXPECT_EQ(found(0, "at_zero"), kRefused);
  EXPECT_EQ(found(0x10, "at_zero"), kRefused);
  const auto nowhere = livepatch_reference(RunAddress(0x1000), "any", SymbolTable());
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code, kRefused);
}

// The format that klp_resolve_symbols() reads: ".klp.sym.%55[^.].%511[^,],%lu".
TEST(LivepatchReference, NamesThatTheKernelCannotRead) {
  EXPECT_EQ(found(0xffffffff81005000, "odd,name"), kRefused);
  EXPECT_EQ(found(0xffffffffc0004000, "start"), kRefused) << "a dot ends the object's name";
  EXPECT_EQ(found(0xffffffffc0005000, "start"), std::string(55, 'm') + " start 0 +0x0");
  EXPECT_EQ(found(0xffffffffc0006000, "start"), kRefused);
  const std::string long_name(511, 'l');
  EXPECT_EQ(found(0xffffffff81006000, long_name), "vmlinux " + long_name + " 0 +0x0");
  EXPECT_EQ(found(0xffffffff81007000, std::string(512, 'l')), kRefused);
}

TEST(LivepatchReference, AsTheKernelWantsASymbolToBeNamed) {
  EXPECT_EQ((LivepatchReference{"vmlinux", "copy", 3, 0}.symbol()), ".klp.sym.vmlinux.copy,3");
  EXPECT_EQ((LivepatchReference{"vmlinux", "banner", 0, 0x54}.symbol()),
            ".klp.sym.vmlinux.banner,0")
      << "the distance is the addend's";
}

}  // namespace
}  // namespace splicer
