// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/prepare/match_update.h"

#include <bpf/btf.h>
#include <gtest/gtest.h>

#include "tests/support/fake_image.h"
#include "tests/support/sample_module.h"
#include "tests/support/sample_package.h"

namespace splicer {
namespace {

constexpr RunAddress kFork(0xffffffff81000000);  // where the code of kernel/fork.o runs

// The sample package less its second target; its pre object is an object whose code is
// `copy_process` (16 bytes) and `check_limit` (8 bytes) in one section.
class MatchUpdateTest : public ::testing::Test {
 protected:
  MatchUpdateTest() {
    SampleModule pre;
    pre.text = std::string(24, '\x90');
    package_ = sample_package();
    package_.manifest.targets[0].values.clear();  // those are values_test.cc's
    package_.members["pre/kernel/fork.o"] = pre.bytes();
    package_.manifest.targets.pop_back();
    PackageTarget& target = package_.manifest.targets[0];
    target.functions[0].pre_symbol = 2;
    target.functions[2].name = "check_limit";
    target.symbols = {{"free_task", "kernel", "", 0, "free_task", ""}};
  }
  Result<MatchedUpdate> match(std::vector<std::uint8_t> memory) {
    memory.resize(64, 0xcc);
    FakeImage image(kFork, std::move(memory),
                    {{kFork, 'T', "copy_process", module_},
                     {kFork + 16, 'T', "check_limit", module_},
                     {kFork + 24, 'T', "free_task", module_},
                     {RunAddress(0xffffffffc0000000), 'T', "far", "virtio_net"}});
    image.set_types("vmlinux", types_);
    return match_update(package_, left_out_, image, State());
  }
  Package package_;
  std::string module_ = "vmlinux";  // whose code it is
  std::set<std::string> left_out_;
  std::vector<std::uint8_t> types_;  // of the kernel
};

// What the kernel says of a structure that has one member.
std::vector<std::uint8_t> kernel_types(const char* member, std::uint32_t size) {
  btf* const types = btf__new_empty();
  const int integer = btf__add_int(types, "int", 4, BTF_INT_SIGNED);
  btf__add_struct(types, "task_struct", size);
  btf__add_field(types, member, integer, 0, 0);
  std::uint32_t count = 0;
  const auto* data = static_cast<const std::uint8_t*>(btf__raw_data(types, &count));
  std::vector<std::uint8_t> bytes(data, data + count);
  btf__free(types);
  return bytes;
}

TEST_F(MatchUpdateTest, Proved) {
  const auto matched = match(std::vector<std::uint8_t>(24, 0x90));
  ASSERT_TRUE(matched) << matched.error().message;
  ASSERT_EQ(matched->functions.size(), 1u);
  EXPECT_EQ(matched->functions[0].function->name, "copy_process");
  EXPECT_EQ(matched->functions[0].run.address, kFork);
  EXPECT_EQ(matched->functions[0].trampoline.site, kFork);
  EXPECT_EQ(matched->addresses[0].at("free_task"), kFork + 24);
  EXPECT_TRUE(matched->owners.empty());
}

TEST_F(MatchUpdateTest, AModuleThatTheNewCodeRefersTo) {
  module_ = package_.manifest.targets[0].name = "tun";
  package_.manifest.targets[0].symbols.push_back({"far", "kernel", "", 0, "far", ""});
  const auto matched = match(std::vector<std::uint8_t>(24, 0x90));
  ASSERT_TRUE(matched) << matched.error().message;
  EXPECT_EQ(matched->owners, std::set<std::string>{"virtio_net"});
}

// The sample lists check_limit as an out-of-line part.
TEST_F(MatchUpdateTest, OutOfLinePartIsWatched) {
  const auto matched = match(std::vector<std::uint8_t>(24, 0x90));
  ASSERT_TRUE(matched) << matched.error().message;
  ASSERT_EQ(matched->checked.size(), 1u);
  EXPECT_EQ(matched->checked[0].function->name, "check_limit");
  EXPECT_EQ(matched->checked[0].run.code, kFork + 16);
  EXPECT_EQ(matched->checked[0].run.run_bytes.size(), 8u);
  EXPECT_EQ(matched->checked[0].trampoline.site, RunAddress());
}

TEST_F(MatchUpdateTest, OutOfLinePartTwice) {
  auto& functions = package_.manifest.targets[0].functions;
  functions.push_back(functions[2]);
  EXPECT_EQ(match(std::vector<std::uint8_t>(24, 0x90)).error().code, "package-manifest");
}

TEST_F(MatchUpdateTest, OneByteDiffers) {
  std::vector<std::uint8_t> memory(24, 0x90);
  memory[3] = 0xf4;
  const auto matched = match(memory);
  ASSERT_FALSE(matched);
  EXPECT_EQ(matched.error().exit, ExitCode::mismatch);
  EXPECT_EQ(matched.error().code, "run-pre-mismatch");
  EXPECT_EQ(matched.error().function, "copy_process");
  EXPECT_FALSE(matched.error().advice.empty());
}

TEST_F(MatchUpdateTest, OutOfLinePartIsProvedToo) {
  package_.manifest.targets[0].functions[2].name = "not_this";
  EXPECT_EQ(match(std::vector<std::uint8_t>(24, 0x90)).error().code, "package-manifest");
}

TEST_F(MatchUpdateTest, PackageThatDisagreesWithItsObject) {
  package_.manifest.targets[0].functions[0].pre_symbol = 1;  // check_limit
  EXPECT_EQ(match(std::vector<std::uint8_t>(24, 0x90)).error().code, "package-manifest");
  package_.manifest.targets[0].functions[0].pre_symbol = 4096;
  EXPECT_EQ(match(std::vector<std::uint8_t>(24, 0x90)).error().code, "package-manifest");
}

TEST_F(MatchUpdateTest, SameFunctionTwice) {
  auto& functions = package_.manifest.targets[0].functions;
  functions.push_back(functions[0]);
  EXPECT_EQ(match(std::vector<std::uint8_t>(24, 0x90)).error().code, "package-manifest");
}

TEST_F(MatchUpdateTest, HostilePreObject) {
  package_.members["pre/kernel/fork.o"] = bytes_of("not an object");
  const auto matched = match(std::vector<std::uint8_t>(24, 0x90));
  ASSERT_FALSE(matched);
  EXPECT_EQ(matched.error().exit, ExitCode::bad_package);
}

TEST_F(MatchUpdateTest, TypesOfTheKernel) {
  const std::vector<std::uint8_t> memory(24, 0x90);
  EXPECT_EQ(match(memory)->types, 0u);  // of a kernel that says nothing of them
  package_.manifest.targets[0].types = {{"struct task_struct", 64, {{"usage", 0, 0}}},
                                        {"struct unknown", 8, {}}};
  EXPECT_EQ(match(memory)->types, 0u);

  types_ = kernel_types("usage", 64);
  const auto matched = match(memory);
  ASSERT_TRUE(matched) << matched.error().message;
  EXPECT_EQ(matched->types, 1u);

  types_ = kernel_types("usage", 72);
  const auto longer = match(memory);
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error().code, "structure-layout");
  EXPECT_EQ(longer.error().exit, ExitCode::mismatch);
  EXPECT_EQ(longer.error().file, "vmlinux");

  types_ = kernel_types("stack", 64);
  EXPECT_EQ(match(memory).error().code, "structure-layout");
  types_ = {1, 2, 3};
  EXPECT_EQ(match(memory).error().code, "btf-malformed");
  left_out_ = {"vmlinux"};
  EXPECT_TRUE(match(memory));
}

// All of it may come later.
TEST_F(MatchUpdateTest, NothingToPatchNow) {
  left_out_ = {"vmlinux"};
  const auto nothing = match({});
  ASSERT_TRUE(nothing) << nothing.error().message;
  EXPECT_TRUE(nothing->functions.empty());
}

}  // namespace
}  // namespace splicer
