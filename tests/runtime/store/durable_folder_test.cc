// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/store/durable_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

std::vector<std::uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

class DurableFolderTest : public testing::Test {
 protected:
  std::string content(const std::string& name) const {
    const auto read = folder_.read(name, 1000);
    if (!read) return "(" + read.error().code + ")";
    return *read ? std::string((*read)->begin(), (*read)->end()) : "(none)";
  }
  TemporaryFolder above_;
  DurableFolder folder_ = DurableFolder::open(above_.path(), "store").value();
  std::string path_ = above_ / "store";
};

TEST_F(DurableFolderTest, Essay) {
  const std::string parent = above_.path();
  const std::vector<std::uint8_t> text = bytes_of("one");
  // [example runtime/store/durable_folder.h]
  auto folder = DurableFolder::open(parent, "splice");
  auto written = folder->write("state.json", text);  // on return it is on the disk
  auto again = folder->read("state.json", 1 << 20);  // or nothing, if there is no such file
  // [end]
  ASSERT_TRUE(written);
  EXPECT_EQ(**again, text);
}

TEST_F(DurableFolderTest, WhatIsWrittenIsRead) {
  EXPECT_EQ(content("state.json"), "(none)");
  ASSERT_TRUE(folder_.write("state.json", bytes_of("one")));
  ASSERT_TRUE(folder_.write("state.json", bytes_of("two"), Readers::owner));
  EXPECT_EQ(content("state.json"), "two");
  struct stat status {};
  ASSERT_EQ(stat((path_ + "/state.json").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(folder_.names().value(), Names{"state.json"});
  ASSERT_TRUE(folder_.remove("state.json"));
  ASSERT_TRUE(folder_.remove("state.json"));
  EXPECT_EQ(content("state.json"), "(none)");
}

TEST_F(DurableFolderTest, NothingIsMadeByLooking) {
  EXPECT_FALSE(DurableFolder::find(above_.path(), "other").value());
  EXPECT_FALSE(fs::exists(above_ / "other"));
  EXPECT_TRUE(DurableFolder::find(above_.path(), "store").value());
}

// A command that was killed, or the power that went, between any two calls.
TEST_F(DurableFolderTest, LeftoversMeanNothingAndGo) {
  ASSERT_TRUE(folder_.write("state.json", bytes_of("old")));
  above_.write("store/.state.json.part", "half of the n");
  EXPECT_EQ(content("state.json"), "old");
  ASSERT_TRUE(folder_.write("state.json", bytes_of("new")));
  EXPECT_EQ(content("state.json"), "new");
  above_.write("store/.x.tar.part", "");
  ASSERT_TRUE(folder_.remove_leftovers());
  EXPECT_EQ(folder_.names().value(), Names{"state.json"});
}

TEST_F(DurableFolderTest, LinksLeadNowhere) {
  above_.write("secret", "secret");
  fs::create_symlink(above_ / "secret", path_ + "/state.json");
  EXPECT_EQ(content("state.json"), "(store-untrusted)");
  // Written to, the link goes, and not what it leads to.
  ASSERT_TRUE(folder_.write("state.json", bytes_of("mine")));
  EXPECT_EQ(content("state.json"), "mine");
  fs::create_symlink(above_ / "secret", path_ + "/.y.part");
  ASSERT_TRUE(folder_.write("y", bytes_of("mine")));
  EXPECT_EQ(read_text(above_ / "secret").value(), "secret");

  fs::create_directory_symlink(path_, above_ / "link");
  EXPECT_EQ(DurableFolder::open(above_.path(), "link").error().code, "store-untrusted");
  EXPECT_EQ(DurableFolder::find(above_.path(), "link").error().code, "store-untrusted");
  EXPECT_EQ(DurableFolder::find(above_.path(), "secret").error().code, "store-untrusted");
}

TEST_F(DurableFolderTest, WhatIsNoFileOrEverybodysDoesNotCount) {
  ASSERT_EQ(mkfifo((path_ + "/fifo").c_str(), 0600), 0);
  EXPECT_EQ(content("fifo"), "(store-untrusted)");
  fs::create_directory(path_ + "/folder");
  EXPECT_EQ(content("folder"), "(store-untrusted)");
  above_.write("store/open", "x");
  ASSERT_EQ(chmod((path_ + "/open").c_str(), 0666), 0);
  EXPECT_EQ(content("open"), "(store-untrusted)");
  ASSERT_EQ(chmod(path_.c_str(), 0777), 0);
  EXPECT_EQ(DurableFolder::open(above_.path(), "store").error().code, "store-untrusted");
}

TEST_F(DurableFolderTest, SomebodyElsesDoesNotCount) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  above_.write("store/theirs", "x");
  ASSERT_EQ(chown((path_ + "/theirs").c_str(), 65534, 65534), 0);
  EXPECT_EQ(content("theirs"), "(store-untrusted)");
  ASSERT_EQ(chown(path_.c_str(), 65534, 65534), 0);
  EXPECT_EQ(DurableFolder::open(above_.path(), "store").error().code, "store-untrusted");
}

TEST_F(DurableFolderTest, MoreThanTheLimitIsRefused) {
  ASSERT_TRUE(folder_.write("big", bytes_of(std::string(1001, 'x'))));
  EXPECT_EQ(content("big"), "(store-unreadable)");
}

// /dev/full takes no byte; a folder in the place of what is renamed to keeps the rename from it.
TEST_F(DurableFolderTest, AWriteThatFailsLeavesTheOldContent) {
  fs::create_directories(path_ + "/state.json/x");
  const auto written = folder_.write("state.json", bytes_of("new"));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, "store-unwritable");
  EXPECT_EQ(folder_.names().value(), Names{"state.json"});
  EXPECT_EQ(DurableFolder::open(above_ / "nowhere", "store").error().code, "store-unwritable");
}

TEST_F(DurableFolderTest, OneCommandAtATime) {
  {
    const auto lock = FolderLock::take(folder_);
    ASSERT_TRUE(lock);
    const auto second = FolderLock::take(folder_);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, "store-busy");
    EXPECT_EQ(second.error().exit, ExitCode::busy);
  }
  EXPECT_TRUE(FolderLock::take(folder_));
  struct stat status {};
  ASSERT_EQ(stat((path_ + "/lock").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 077, 0u) << "whoever may open it may keep others from it";
}

}  // namespace
}  // namespace splicer
