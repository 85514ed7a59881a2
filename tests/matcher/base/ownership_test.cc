// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/base/ownership.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "matcher/base/file.h"
#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

class OwnershipTest : public testing::Test {
 protected:
  std::string why(mode_t mode, mode_t type = S_IFREG) const {
    chmod(path_.c_str(), mode);
    const UniqueFd file(open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    const char* said = why_not_ours(file.get(), type);
    return said == nullptr ? "ours" : said;
  }
  TemporaryFolder folder_;
  std::string path_ = folder_.write("x", "");
};

TEST_F(OwnershipTest, ByItsMode) {
  EXPECT_EQ(why(0644), "ours");
  EXPECT_EQ(why(0755), "ours");
  EXPECT_EQ(why(0664), "can be written by others");
  EXPECT_EQ(why(0642), "can be written by others");
}

TEST_F(OwnershipTest, ByItsType) {
  EXPECT_EQ(why(0644, S_IFDIR), "is no folder");
  const UniqueFd folder(open(folder_.path().c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_STREQ(why_not_ours(folder.get(), S_IFREG), "is no regular file");
  EXPECT_EQ(why_not_ours(folder.get(), S_IFDIR), nullptr);
  EXPECT_STREQ(why_not_ours(-1, S_IFREG), "cannot be looked at");
}

TEST_F(OwnershipTest, ByItsOwner) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  ASSERT_EQ(chown(path_.c_str(), 1, 1), 0);
  EXPECT_EQ(why(0644), "is somebody else's");
}

}  // namespace
}  // namespace splicer
