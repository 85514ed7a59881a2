// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/prepare/sealed_keys.h"

#include <gtest/gtest.h>

#include "tests/support/fake_image.h"
#include "tests/support/object_builder.h"

namespace splicer {
namespace {

constexpr std::uint64_t kSealed = 0xffffffff82a00000;  // .data..ro_after_init
constexpr std::uint64_t kOrdinary = 0xffffffff82c00000;
const ByteVector kNop5 = hex("0f 1f 44 00 00");
const ByteVector kNop2 = hex("66 90");

FakeImage kernel(bool enabled) {
  FakeImage image;
  image.symbol(kSealed - 0x1000, "__start_ro_after_init", 'D');
  image.symbol(kSealed, "randomize_kstack_offset", 'D');
  image.symbol(kSealed + 0x1000, "__end_ro_after_init", 'D');
  image.symbol(kOrdinary, "sched_schedstats", 'D');
  for (const std::uint64_t key : {kSealed, kOrdinary})
    image.put(key, le32(enabled ? 1 : 0) + ByteVector(12));
  return image;
}

const Addresses kAddresses{{"randomize_kstack_offset", RunAddress(kSealed)},
                           {"sched_schedstats", RunAddress(kOrdinary)}};

// A module with one function: sites at 0 (the sealed key), 8 (the ordinary one), 16 (the sealed key,
// the other way round); each jumps to 30.
struct Module {
  explicit Module(const ByteVector& first, const ByteVector& last = kNop5) {
    ByteVector code(32, 0x90);
    std::copy(first.begin(), first.end(), code.begin());
    std::copy(kNop5.begin(), kNop5.end(), code.begin() + 8);
    std::copy(last.begin(), last.end(), code.begin() + 16);
    code[31] = 0xc3;
    text = builder.section(".text", ObjectBuilder::kCode, code);
    table = builder.table("__jump_table");
    sealed = builder.undefined("randomize_kstack_offset");
    entry(0, sealed, 0);
    entry(8, builder.undefined("sched_schedstats"), 0);
    entry(16, sealed, 1);
  }
  void entry(std::uint64_t site, std::uint32_t key, std::int64_t branch) {
    const std::uint64_t at = builder.append(table, ByteVector(16));
    const auto code = builder.section_symbol(text);
    builder.relocate(table, at, code, R_X86_64_PC32, static_cast<std::int64_t>(site));
    builder.relocate(table, at + 4, code, R_X86_64_PC32, 30);
    builder.relocate(table, at + 8, key, R_X86_64_PC64, branch);
  }
  ObjectBuilder builder;
  std::uint32_t text = 0;
  std::uint32_t table = 0;
  std::uint32_t sealed = 0;
};

ElfObject decided(const Module& module, const FakeImage& image) {
  auto file = decide_sealed_branches(module.builder.bytes(), "new/vmlinux.ko", kAddresses, image);
  EXPECT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->size(), module.builder.bytes().size());
  auto object = ElfObject::parse(std::move(*file), "new/vmlinux.ko");
  EXPECT_TRUE(object) << object.error().message;
  return std::move(*object);
}

ByteVector bytes_at(const ElfObject& object, std::uint64_t offset, std::size_t size) {
  const Bytes bytes = object.find_section(".text")->bytes.subspan(offset, size);
  return {bytes.begin(), bytes.end()};
}

// Only the entry of the ordinary key is left, and it is about the same place as before.
void expect_one_entry(const ElfObject& object) {
  const Section* table = object.find_section("__jump_table");
  EXPECT_EQ(table->size, 16u);
  std::vector<Relocation> left;
  for (const Relocation& relocation : table->relocations)
    if (relocation.type != R_X86_64_NONE) left.push_back(relocation);
  ASSERT_EQ(left.size(), 3u);
  EXPECT_EQ(left[0].offset, 0u);
  EXPECT_EQ(left[0].addend, 8);
  EXPECT_EQ(left[1].offset, 4u);
  EXPECT_EQ(left[2].offset, 8u);
  EXPECT_EQ(object.symbol(left[2].symbol).name, "sched_schedstats");
}

TEST(SealedKeys, Disabled) {
  const ElfObject object = decided(Module(kNop5), kernel(false));
  EXPECT_EQ(bytes_at(object, 0, 5), kNop5);
  EXPECT_EQ(bytes_at(object, 16, 5), hex("e9 09 00 00 00"));  // 30 - 21
  EXPECT_EQ(bytes_at(object, 8, 5), kNop5);
  expect_one_entry(object);
}

TEST(SealedKeys, Enabled) {
  const ElfObject object = decided(Module(kNop5), kernel(true));
  EXPECT_EQ(bytes_at(object, 0, 5), hex("e9 19 00 00 00"));  // 30 - 5
  EXPECT_EQ(bytes_at(object, 16, 5), kNop5);
  EXPECT_EQ(bytes_at(object, 8, 5), kNop5);
  expect_one_entry(object);
}

TEST(SealedKeys, ShortForms) {
  const ElfObject on = decided(Module(kNop2, kNop2), kernel(true));
  EXPECT_EQ(bytes_at(on, 0, 2), hex("eb 1c"));  // 30 - 2
  EXPECT_EQ(bytes_at(on, 16, 2), kNop2);
  const ElfObject off = decided(Module(hex("eb 1c"), hex("eb 0c")), kernel(false));
  EXPECT_EQ(bytes_at(off, 0, 2), kNop2);
  EXPECT_EQ(bytes_at(off, 16, 2), hex("eb 0c"));
}

TEST(SealedKeys, AJumpThatIsRelocatedBecomesANop) {
  Module module(hex("e9 00 00 00 00"));
  module.builder.relocate(module.text, 1, module.builder.section_symbol(module.text),
                          R_X86_64_PLT32, 26);
  const ElfObject object = decided(module, kernel(false));
  EXPECT_EQ(bytes_at(object, 0, 5), kNop5);
  for (const Relocation& relocation : object.find_section(".text")->relocations)
    EXPECT_EQ(relocation.type, static_cast<std::uint32_t>(R_X86_64_NONE));
  const ElfObject same = decided(module, kernel(true));
  EXPECT_EQ(same.find_section(".text")->relocations.front().type,
            static_cast<std::uint32_t>(R_X86_64_PLT32));
}

// The module itself may write to its own keys, and what is not sealed stays as it was.
TEST(SealedKeys, NothingSealed) {
  Module module(kNop5);
  const FakeImage image = [] {
    FakeImage other;
    other.symbol(kSealed + 0x100000, "__start_ro_after_init", 'D');
    other.symbol(kSealed + 0x101000, "__end_ro_after_init", 'D');
    return other;
  }();
  const auto file = decide_sealed_branches(module.builder.bytes(), "m", kAddresses, image);
  ASSERT_TRUE(file);
  EXPECT_EQ(*file, module.builder.bytes());
}

// A key that the kernel exports has no address of ours; its name is looked up.
TEST(SealedKeys, Exported) {
  const auto file = decide_sealed_branches(Module(kNop5).builder.bytes(), "m", {}, kernel(true));
  ASSERT_TRUE(file);
  const auto object = ElfObject::parse(*file, "m");
  ASSERT_TRUE(object);
  expect_one_entry(*object);
}

TEST(SealedKeys, OfAModule) {
  FakeImage image = kernel(true);
  image.symbol(0xffffffffc0402000, "randomize_kstack_offset", 'd', "tun");
  image.section("tun", ".data..ro_after_init",
                {RunAddress(0xffffffffc0402000), RunAddress(0xffffffffc0403000)});
  image.put(0xffffffffc0402000, le32(1));
  const auto file =
      decide_sealed_branches(Module(kNop5).builder.bytes(), "m",
                             {{"randomize_kstack_offset", RunAddress(0xffffffffc0402000)},
                              {"sched_schedstats", RunAddress(kOrdinary)}},
                             image);
  ASSERT_TRUE(file) << file.error().message;
  const auto object = ElfObject::parse(*file, "m");
  expect_one_entry(*object);
}

std::string code_of(const ObjectBuilder& builder, const FakeImage& image) {
  const auto file = decide_sealed_branches(builder.bytes(), "m", kAddresses, image);
  if (file) return "";
  EXPECT_FALSE(file.error().advice.empty());
  return file.error().code;
}

TEST(SealedKeys, WhatCannotBeWritten) {
  EXPECT_EQ(code_of(Module(hex("e8 00 00 00 00")).builder, kernel(true)), "sealed-key");
  {
    Module far(kNop2);  // the jump of two bytes does not reach
    far.builder.append(far.text, ByteVector(300, 0x90));
    const std::uint64_t at = far.builder.append(far.table, ByteVector(16));
    const auto code = far.builder.section_symbol(far.text);
    far.builder.relocate(far.table, at, code, R_X86_64_PC32, 0);
    far.builder.relocate(far.table, at + 4, code, R_X86_64_PC32, 320);
    far.builder.relocate(far.table, at + 8, far.sealed, R_X86_64_PC64, 0);
    EXPECT_EQ(code_of(far.builder, kernel(true)), "sealed-key");
  }
  {
    Module cut(kNop5);
    cut.builder.append(cut.table, ByteVector(4));
    EXPECT_EQ(code_of(cut.builder, kernel(true)), "sealed-key");
  }
  {
    Module call(kNop5);
    const auto calls = call.builder.table(".static_call_sites");
    call.builder.append(calls, ByteVector(8));
    call.builder.relocate(calls, 0, call.builder.section_symbol(call.text), R_X86_64_PC32, 0);
    call.builder.relocate(calls, 4, call.sealed, R_X86_64_PC32, 1);
    EXPECT_EQ(code_of(call.builder, kernel(true)), "sealed-key");
  }
  FakeImage unknown;
  unknown.symbol(kSealed, "randomize_kstack_offset", 'D');
  EXPECT_EQ(code_of(Module(kNop5).builder, unknown), "symbol-unknown");
}

}  // namespace
}  // namespace splicer
