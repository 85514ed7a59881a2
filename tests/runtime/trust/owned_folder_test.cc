// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/trust/owned_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

namespace fs = std::filesystem;

class OwnedFolderTest : public testing::Test {
 protected:
  OwnedFolderTest() {
    above_.write("etc/splice.conf", "require-signature = yes\n");
    above_.write("etc/trusted.d/b.pem", "b");
    above_.write("etc/trusted.d/a.pem", "a");
  }
  std::string code(const std::string& name) const {
    const auto folder = OwnedFolder::find(above_ / "etc");
    if (!folder) return folder.error().code;
    const auto text = (*folder)->read(name, 100);
    if (!text) return text.error().code;
    return *text ? **text : "none";
  }
  TemporaryFolder above_;
};

TEST_F(OwnedFolderTest, Essay) {
  const std::string etc = above_ / "etc";
  // [example runtime/trust/owned_folder.h]
  auto folder = OwnedFolder::find(etc);               // nothing, if there is none
  auto text = (*folder)->read("splice.conf", 65536);  // nothing, if there is no such file
  auto keys = (*folder)->folder("trusted.d");         // (*keys)->names()
  // [end]
  EXPECT_EQ(**text, "require-signature = yes\n");
  EXPECT_EQ((*keys)->names().value(), (std::vector<std::string>{"a.pem", "b.pem"}));
  EXPECT_FALSE((*folder)->read("none", 1).value());
  EXPECT_FALSE((*folder)->folder("none").value());
  EXPECT_FALSE(OwnedFolder::find(above_ / "none").value());
}

TEST_F(OwnedFolderTest, WhatOthersMayWrite) {
  for (const mode_t mode : {0664, 0646, 0666}) {
    chmod((above_ / "etc/splice.conf").c_str(), mode);
    EXPECT_EQ(code("splice.conf"), "trust-unsafe");
  }
  chmod((above_ / "etc/splice.conf").c_str(), 0600);
  EXPECT_EQ(code("splice.conf"), "require-signature = yes\n");
  for (const mode_t mode : {0775, 0757, 01777}) {
    chmod((above_ / "etc").c_str(), mode);
    EXPECT_EQ(code("splice.conf"), "trust-unsafe");
  }
}

TEST_F(OwnedFolderTest, WhatIsSomebodyElses) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  ASSERT_EQ(chown((above_ / "etc/splice.conf").c_str(), 1, 1), 0);
  EXPECT_EQ(code("splice.conf"), "trust-unsafe");
  ASSERT_EQ(chown((above_ / "etc").c_str(), 1, 1), 0);
  EXPECT_EQ(code("none"), "trust-unsafe");
}

TEST_F(OwnedFolderTest, NoLinkIsFollowed) {
  above_.link("etc/link", above_ / "etc/splice.conf");
  above_.link("etc/dangling", above_ / "etc/nothing");
  EXPECT_EQ(code("link"), "trust-unsafe");
  EXPECT_EQ(code("dangling"), "trust-unsafe");
  fs::rename(above_ / "etc", above_ / "real");
  above_.link("etc", above_ / "real");
  EXPECT_EQ(code("splice.conf"), "trust-unsafe");
}

TEST_F(OwnedFolderTest, WhatIsNoFile) {
  EXPECT_EQ(code("trusted.d"), "trust-unsafe");
  ASSERT_EQ(mkfifo((above_ / "etc/fifo").c_str(), 0600), 0);
  EXPECT_EQ(code("fifo"), "trust-unsafe");
  above_.write("etc/long", std::string(101, 'x'));
  EXPECT_EQ(code("long"), "trust-unreadable");
  above_.write("etc/nul", std::string("a\0b", 3));
  EXPECT_EQ(code("nul"), std::string("a\0b", 3));
  const auto folder = OwnedFolder::find(above_ / "etc").value();
  EXPECT_EQ(folder->folder("splice.conf").error().code, "trust-unsafe");
  EXPECT_EQ(OwnedFolder::find(above_ / "etc/splice.conf").error().code, "trust-unsafe");
}

}  // namespace
}  // namespace splicer
