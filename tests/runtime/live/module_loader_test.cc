// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/live/module_loader.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace splicer {
namespace {

class SectionAddress : public ::testing::Test {
 protected:
  SectionAddress() {
    std::string name = ::testing::TempDir() + "sections-XXXXXX";
    root_ = mkdtemp(name.data());
    std::filesystem::create_directories(root_ + "/splice_0_0/sections");
  }
  ~SectionAddress() override { std::filesystem::remove_all(root_); }
  Result<std::uint64_t> of(const std::string& text) const {
    std::ofstream(root_ + "/splice_0_0/sections/.text") << text;
    return section_address("splice_0_0", ".text", root_);
  }
  std::string root_;
};

TEST_F(SectionAddress, IsRead) { EXPECT_EQ(*of("0xffffffffc0401000\n"), 0xffffffffc0401000u); }

TEST_F(SectionAddress, MayBeHiddenOrBroken) {
  for (const char* text :
       {"0x0000000000000000\n", "", "\n", "0x", "text\n", "0x12 3\n", "0xfffffffffffffffff\n"})
    EXPECT_EQ(of(text).error().code, "module-section") << text;
}

TEST_F(SectionAddress, DoesNotLeaveItsDirectory) {
  std::ofstream(root_ + "/secret") << "0x1234\n";
  EXPECT_FALSE(section_address("splice_0_0", "../../secret", root_));
  EXPECT_FALSE(section_address("../x", ".text", root_));
  EXPECT_FALSE(section_address("splice_0_0", "..", root_));
  EXPECT_FALSE(section_address("splice_0_0", "", root_));
  EXPECT_FALSE(section_address("splice_0_0", ".bss", root_));
}

}  // namespace
}  // namespace splicer
