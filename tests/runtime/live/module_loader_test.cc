// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/live/module_loader.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

class SectionAddress : public ::testing::Test {
 protected:
  Result<RunAddress> of(const std::string& text) const {
    directory_.write("splice_0_0/sections/.text", text);
    return section_address("splice_0_0", ".text", root_);
  }
  TemporaryFolder directory_;
  std::string root_ = directory_.path().string();
};

TEST_F(SectionAddress, IsRead) {
  EXPECT_EQ(*of("0xffffffffc0401000\n"), RunAddress(0xffffffffc0401000));
}

TEST_F(SectionAddress, MayBeHiddenOrBroken) {
  for (const char* text :
       {"0x0000000000000000\n", "", "\n", "0x", "text\n", "0x12 3\n", "0xfffffffffffffffff\n"})
    EXPECT_EQ(of(text).error().code, "module-section") << text;
}

TEST_F(SectionAddress, DoesNotLeaveItsDirectory) {
  directory_.write("splice_0_0/sections/.data", "0x1000\n");
  directory_.write("secret", "0x1234\n");
  EXPECT_FALSE(section_address("splice_0_0", "../../secret", root_));
  EXPECT_FALSE(section_address("../x", ".text", root_));
  EXPECT_FALSE(section_address("splice_0_0", "..", root_));
  EXPECT_FALSE(section_address("splice_0_0", "", root_));
  EXPECT_FALSE(section_address("splice_0_0", ".bss", root_));
}

// The settings of a kernel that answers EPERM.
class LoadHint : public SectionAddress {
 protected:
  void set(const std::string& file, const std::string& text) const {
    directory_.write(file.substr(1), text);
  }
  bool names(std::string_view what) const {
    return std::string_view(load_hint(EPERM, root_)).find(what) != std::string_view::npos;
  }
};

TEST_F(LoadHint, SaysWhichSettingForbidsModules) {
  EXPECT_TRUE(names(geteuid() == 0 ? "CAP_SYS_MODULE" : "as root"));
  set("/sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
  EXPECT_FALSE(names("locked down"));
  set("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
  EXPECT_TRUE(names("locked down"));
  set("/proc/sys/kernel/modules_disabled", "0\n");
  EXPECT_TRUE(names("locked down"));
  set("/proc/sys/kernel/modules_disabled", "1\n");
  EXPECT_TRUE(names("modules_disabled"));
}

TEST_F(LoadHint, ForEveryErrno) {
  for (const int number : {EKEYREJECTED, ENOKEY, EPERM, ENOEXEC, ENOENT, ENOMEM, EINVAL, 0})
    EXPECT_STRNE(load_hint(number, root_), "") << number;
}

}  // namespace
}  // namespace splicer
