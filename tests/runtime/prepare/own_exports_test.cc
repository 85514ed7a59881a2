// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/prepare/own_exports.h"

#include <gtest/gtest.h>

#include "tests/support/fake_image.h"
#include "tests/support/sample_module.h"

namespace splicer {
namespace {

constexpr std::uint64_t kFunction = 0xffffffffc0001000, kEntry = 0xffffffffc0005000;

// sample_module.h leaves these undefined.
class OwnExportsTest : public ::testing::Test {
 protected:
  // An entry of vhost's table of exports that leads to `target`.
  void exported(const std::string& name, std::uint64_t target) {
    image_.symbol(kEntry, "__ksymtab_" + name, 'r', "vhost");
    const auto distance = static_cast<std::uint32_t>(target - kEntry);
    image_.put(
        kEntry,
        {static_cast<std::uint8_t>(distance), static_cast<std::uint8_t>(distance >> 8),
         static_cast<std::uint8_t>(distance >> 16), static_cast<std::uint8_t>(distance >> 24)});
  }
  Result<Addresses> own(const std::string& target = "vhost", const Addresses& given = {}) const {
    return own_exports(SampleModule().bytes(), "new/vhost.ko", target, given, image_);
  }
  FakeImage image_;
};

TEST_F(OwnExportsTest, WhatTheModuleItselfExports) {
  image_.symbol(kFunction, "free_task", 't', "vhost");
  exported("free_task", kFunction);
  const auto addresses = own();
  ASSERT_TRUE(addresses) << addresses.error().message;
  EXPECT_EQ(*addresses, (Addresses{{"free_task", RunAddress(kFunction)}}));
  // It has an address already; it is another module's; the kernel's own are left to the loader.
  EXPECT_TRUE(own("vhost", {{"free_task", RunAddress(1)}})->empty());
  EXPECT_TRUE(own("tun")->empty());
  EXPECT_TRUE(own("vmlinux")->empty());
}

TEST_F(OwnExportsTest, NotExported) {
  image_.symbol(kFunction, "free_task", 't', "vhost");
  EXPECT_TRUE(own()->empty());
}

TEST_F(OwnExportsTest, TheTableLeadsElsewhere) {
  image_.symbol(kFunction, "free_task", 't', "vhost");
  exported("free_task", kFunction + 16);
  EXPECT_EQ(own().error().code, "symbol-unknown");
}

TEST_F(OwnExportsTest, TheTableCannotBeRead) {
  image_.symbol(kFunction, "free_task", 't', "vhost");
  image_.symbol(kEntry, "__ksymtab_free_task", 'r', "vhost");
  EXPECT_FALSE(own());
}

}  // namespace
}  // namespace splicer
