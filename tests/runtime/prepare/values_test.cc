// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/prepare/values.h"

#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kmod/splice_abi.h"
#include "tests/support/fake_image.h"
#include "tests/support/object_builder.h"

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint64_t kTable = 0xffffffff82000000;
constexpr std::uint64_t kOld = 0xffffffff81000100;

// A module with one value: 16 bytes of `table` at +8, a pointer to `old` and a number; the record is
// at 32.
struct Module {
  explicit Module(std::uint32_t flags = 0, std::uint32_t size = 16) {
    section =
        builder.section(".splice.values", SHF_ALLOC, ByteVector(8) + le64(7) + ByteVector(16));
    builder.relocate(section, 0, builder.undefined("old"), R_X86_64_64, 0);
    builder.append(section, ByteVector(24) + le32(size) + le32(flags));
    builder.relocate(section, 32, builder.undefined("table"), R_X86_64_64, 8);
    builder.relocate(section, 40, builder.section_symbol(section), R_X86_64_64, 0);
    builder.relocate(section, 48, builder.section_symbol(section), R_X86_64_64, 16);
  }
  ObjectBuilder builder;
  std::uint32_t section = 0;
};

PackageTarget target() {
  PackageTarget target;
  target.name = "vmlinux";
  target.new_member = "new/vmlinux.ko";
  target.values.push_back({"table", "fs/foo.o", "", ".splice.values", 32});
  return target;
}

FakeImage kernel(std::uint64_t pointer, std::uint64_t number) {
  FakeImage image;
  image.put_pointer(kTable + 8, pointer);
  image.put_pointer(kTable + 16, number);
  return image;
}

Result<std::vector<std::string>> compare(const Module& module, const FakeImage& image,
                                         const PackageTarget& about = target(),
                                         bool knows_old = true) {
  Addresses addresses{{"table", RunAddress(kTable)}};
  if (knows_old) addresses.emplace("old", RunAddress(kOld));
  return compare_values(about, module.builder.build(), addresses, image);
}

TEST(Values, AsExpected) {
  const auto set = compare(Module(), kernel(kOld, 7));
  ASSERT_TRUE(set) << set.error().message;
  EXPECT_THAT(*set, IsEmpty());
}

TEST(Values, Others) {
  for (const FakeImage& image : {kernel(kOld + 1, 7), kernel(kOld, 8)}) {
    const auto set = compare(Module(), image);
    ASSERT_FALSE(set);
    EXPECT_EQ(set.error().code, "value-changed");
    EXPECT_EQ(set.error().exit, ExitCode::mismatch);
    EXPECT_EQ(set.error().address, RunAddress(kTable + 8));
    EXPECT_EQ(set.error().expected.size(), 16U);
  }
}

// The module loader knows it, and the core module compares.
TEST(Values, APointerThatIsNotKnownHere) {
  EXPECT_TRUE(compare(Module(), kernel(0x1234, 7), target(), false));
  EXPECT_FALSE(compare(Module(), kernel(0x1234, 8), target(), false));
}

TEST(Values, ADefaultThatSomebodyHasSet) {
  const auto set = compare(Module(SPLICE_VALUE_DEFAULT), kernel(kOld, 99));
  ASSERT_TRUE(set) << set.error().message;
  EXPECT_THAT(*set, ElementsAre("table"));
}

TEST(Values, RecordsThatAreNone) {
  const auto code = [](const Module& module, const PackageTarget& about) {
    const auto set = compare(module, kernel(kOld, 7), about);
    return set ? "" : set.error().code;
  };
  EXPECT_EQ(code(Module(0, 0), target()), "link-value");
  EXPECT_EQ(code(Module(0, SPLICE_MAX_VALUE + 1), target()), "link-value");
  EXPECT_EQ(code(Module(0, 65), target()), "link-value") << "beyond the section";
  PackageTarget about = target();
  about.values[0].offset = 40;
  EXPECT_EQ(code(Module(), about), "link-value");
  about.values[0].offset = 1u << 20;
  EXPECT_EQ(code(Module(), about), "link-value");
  about.values[0].section = ".none";
  EXPECT_EQ(code(Module(), about), "link-value");
}

}  // namespace
}  // namespace splicer
