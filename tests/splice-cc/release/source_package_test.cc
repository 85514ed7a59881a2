// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/release/source_package.h"

#include <gmock/gmock.h>

#include "splice-cc/source/process.h"
#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

using ::testing::HasSubstr;

class SourcePackageTest : public ::testing::Test {
 protected:
  void package(const std::string& root, const std::string& version) {
    const std::string doc = root + "/usr/share/doc/linux-source-6.1/changelog.Debian";
    folder.write(root + "/usr/src/linux-source-6.1.tar.xz", "tarball");
    folder.write(doc, "linux (" + version + ") bookworm; urgency=high\n\n  * one\n");
    const auto run = run_program({"gzip", "-n", (folder.path() / doc).string()});
    ASSERT_TRUE(run && run->status == 0);
  }
  Result<SourcePackage> find(const std::string& version) {
    return find_source_package(version, {folder.path() / "cache", folder.path() / "root", false},
                               Console());
  }
  TemporaryFolder folder;
};

TEST_F(SourcePackageTest, IsFoundInTheCacheAndWhereItIsInstalled) {
  package("cache/packages/linux-source-6.1_6.1.187-1", "6.1.187-1");
  package("root", "6.1.176-1");
  const auto kept = find("6.1.187-1");
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_EQ(kept->tarball, folder.path() / "cache/packages/linux-source-6.1_6.1.187-1" /
                               "usr/src/linux-source-6.1.tar.xz");
  EXPECT_THAT(kept->changelog, HasSubstr("linux (6.1.187-1)"));
  const auto installed = find("6.1.176-1");
  ASSERT_TRUE(installed) << installed.error().message;
  EXPECT_THAT(installed->tarball.string(), HasSubstr("/root/"));
}

TEST_F(SourcePackageTest, OfAnotherVersionIsNotTaken) {
  package("root", "6.1.176-1");
  const auto missing = find("6.1.187-1");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, "release-source-missing");
  EXPECT_THAT(missing.error().advice, HasSubstr("--fetch"));
  EXPECT_THAT(missing.error().advice, HasSubstr("apt-get download linux-source-6.1=6.1.187-1"));
}

TEST_F(SourcePackageTest, AVersionIsNoPathAndNoOption) {
  for (const char* version : {"", "6.1.187-1/../../etc", "-o6.1", "six", "6.1 187", "6.1;rm"}) {
    const auto refused = find(version);
    ASSERT_FALSE(refused) << version;
    EXPECT_EQ(refused.error().code, "usage");
  }
}

}  // namespace
}  // namespace splicer
