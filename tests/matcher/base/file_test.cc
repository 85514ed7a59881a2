// SPDX-License-Identifier: GPL-2.0-or-later
//
// Files: whole or not at all, locks, scratch folders.
#include "matcher/base/file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <thread>

#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

std::size_t entries(const fs::path& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(Files, WritesWholeAndMakesFolders) {
  const TemporaryFolder folder;
  const std::string content("a\0b\n", 4);
  ASSERT_TRUE(write_file(folder / "x/y/z", content));
  EXPECT_EQ(*read_text(folder / "x/y/z"), content);
  ASSERT_TRUE(write_file(folder / "x/y/z", "new"));
  EXPECT_EQ(*read_text(folder / "x/y/z"), "new");
  EXPECT_EQ(entries(folder / "x/y"), 1u) << "nothing is left beside it";
}

TEST(Files, AFailedWriteLeavesTheOldContent) {
  const TemporaryFolder folder;
  folder.write("folder/inside", "old");
  const auto written = write_file(folder / "folder", "new");  // a folder stands there
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, "file-unwritable");
  EXPECT_EQ(written.error().file, (folder / "folder").string());
  EXPECT_EQ(folder.read("folder/inside"), "old");
  EXPECT_EQ(entries(folder.path()), 1u);
  EXPECT_EQ(write_file(folder / "folder/inside/below", "x").error().code, "file-unwritable");
}

TEST(Files, ReplacesALinkAndNotWhatItPointsTo) {
  const TemporaryFolder folder;
  folder.write("target", "old");
  folder.link("link", "target");
  ASSERT_TRUE(write_file(folder / "link", "new"));
  EXPECT_EQ(folder.read("target"), "old");
  EXPECT_EQ(folder.read("link"), "new");
}

TEST(Files, AReaderNeverSeesAPart) {
  const TemporaryFolder folder;
  const fs::path file = folder / "file";
  const std::string one(100000, '1');
  const std::string two(200000, '2');
  ASSERT_TRUE(write_file(file, one));
  std::atomic<bool> stop{false};
  std::jthread writer([&] {
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(write_file(file, i % 2 == 0 ? two : one));
    stop = true;
  });
  while (!stop) {
    const auto text = read_text(file);
    ASSERT_TRUE(text);
    ASSERT_TRUE(*text == one || *text == two) << text->size();
  }
}

TEST(Files, WhatCannotBeReadIsAnError) {
  const TemporaryFolder folder;
  EXPECT_EQ(read_text(folder / "nothing").error().code, "file-unreadable");
  EXPECT_EQ(read_text(folder.path()).error().code, "file-unreadable") << "a folder";
}

std::vector<std::string> names(const Listing& listing, const fs::path& root) {
  std::vector<std::string> out;
  for (const auto& entry : listing.entries)
    out.push_back(entry.path().lexically_relative(root).string());
  return out;
}

TEST(Directories, ListsSorted) {
  const TemporaryFolder folder;
  for (const char* name : {"b", "a/inside", "c"}) folder.write(name, "");
  const Listing listing = list_directory(folder.path());
  EXPECT_EQ(listing.error, 0);
  EXPECT_THAT(names(listing, folder.path()), ElementsAre("a", "b", "c"));
}

TEST(Directories, ListsATreeButForWhatIsSkipped) {
  const TemporaryFolder folder;
  for (const char* name : {"b/x", "a/skipped/y", "a/skipped.o", "a/z", "c"}) folder.write(name, "");
  folder.link("d", "b");
  const auto skip = [](const fs::directory_entry& entry) {
    return entry.path().filename().string().starts_with("skipped");
  };
  EXPECT_THAT(names(list_tree(folder.path(), skip), folder.path()),
              ElementsAre("a", "a/z", "b", "b/x", "c", "d"));
  EXPECT_EQ(list_tree(folder.path()).entries.size(), 9u);
}

TEST(Directories, WhatCannotBeListedIsAnErrno) {
  const TemporaryFolder folder;
  folder.write("file", "");
  EXPECT_EQ(list_directory(folder / "nothing").error, ENOENT);
  EXPECT_EQ(list_directory(folder / "file").error, ENOTDIR);
  EXPECT_EQ(list_tree(folder / "nothing").error, ENOENT);
  folder.write("tree/a", "");
  folder.write("tree/b/c", "");
  if (geteuid() == 0) return;  // root may list all
  fs::permissions(folder / "tree/b", fs::perms::none);
  const Listing listing = list_tree(folder / "tree");
  fs::permissions(folder / "tree/b", fs::perms::owner_all);
  EXPECT_EQ(listing.error, EACCES);
  EXPECT_TRUE(listing.entries.empty());
}

TEST(Files, Example) {
  const TemporaryFolder folder;
  const fs::path path = folder.write("config", "CONFIG_KALLSYMS=y\n");
  // [example matcher/base/file.h]
  auto text = read_text(path);
  const Contents config = read_contents(path, 1 << 20);
  const Listing modules = list_directory("/sys/module");
  // [end]
  EXPECT_EQ(*text, config.text());
  EXPECT_EQ(modules.error != 0, modules.entries.empty());
}

TEST(Contents, StopsAtTheLimit) {
  const TemporaryFolder folder;
  const fs::path file = folder.write("file", std::string(100000, 'x'));
  EXPECT_EQ(read_contents(file, 100000).bytes.size(), 100000u);
  const Contents more = read_contents(file, 99999);
  EXPECT_EQ(more.error, EFBIG);
  EXPECT_TRUE(more.bytes.empty());
}

TEST(Contents, DoesNotWaitForAWriter) {
  const TemporaryFolder folder;
  const fs::path fifo = folder / "fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_TRUE(read_contents(fifo).bytes.empty());
}

TEST(UniqueFd, ClosesOnce) {
  int number = -1;
  {
    UniqueFd file = memory_file();
    ASSERT_TRUE(file);
    number = file.get();
    UniqueFd other = std::move(file);
    EXPECT_EQ(other.get(), number);
    EXPECT_FALSE(file);  // NOLINT(bugprone-use-after-move): what is left behind
    EXPECT_EQ(fcntl(number, F_GETFD), FD_CLOEXEC);
  }
  EXPECT_EQ(fcntl(number, F_GETFD), -1);
}

TEST(Files, SplitLines) {
  EXPECT_THAT(split_lines("a\n\nb"), ElementsAre("a", "", "b"));
  EXPECT_THAT(split_lines("a\n"), ElementsAre("a"));
  EXPECT_THAT(split_lines("\n"), ElementsAre(""));
  EXPECT_TRUE(split_lines("").empty());
}

TEST(FileLock, OneAtATime) {
  const TemporaryFolder folder;
  const fs::path file = folder / "sub/lock";
  const auto can_be_taken = [&] {
    const UniqueFd descriptor(open(file.c_str(), O_RDWR | O_CLOEXEC));
    return flock(descriptor.get(), LOCK_EX | LOCK_NB) == 0;
  };
  {
    auto lock = FileLock::take(file);
    ASSERT_TRUE(lock);
    EXPECT_FALSE(can_be_taken());
    const FileLock moved = std::move(*lock);
    EXPECT_FALSE(can_be_taken());
  }
  EXPECT_TRUE(can_be_taken());
}

TEST(FileLock, ASecondOneWaits) {
  const TemporaryFolder folder;
  std::atomic<bool> released{false};
  auto first = FileLock::take(folder / "lock");
  ASSERT_TRUE(first);
  std::jthread other([&] {
    const auto second = FileLock::take(folder / "lock");
    EXPECT_TRUE(second);
    EXPECT_TRUE(released);
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const FileLock last = std::move(*first);
  released = true;
}

TEST(FileLock, WhereNothingCanBeWritten) {
  const auto lock = FileLock::take("/proc/nothing/lock");
  ASSERT_FALSE(lock);
  EXPECT_EQ(lock.error().code, "cache-unwritable");
  EXPECT_FALSE(lock.error().advice.empty());
}

TEST(ScratchFolder, IsGoneAtTheEnd) {
  const TemporaryFolder base;
  const EnvironmentVariable variable("TMPDIR", base.path().string());
  fs::path path;
  {
    auto scratch = ScratchFolder::make();
    ASSERT_TRUE(scratch);
    path = scratch->path();
    EXPECT_EQ(path.parent_path(), base.path());
    ASSERT_TRUE(write_file(path / "a/b", "x"));
    const ScratchFolder moved = std::move(*scratch);
    EXPECT_TRUE(fs::exists(path));
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST(ScratchFolder, MayBeKept) {
  const TemporaryFolder base;
  const EnvironmentVariable variable("TMPDIR", base.path().string());
  fs::path path;
  {
    auto scratch = ScratchFolder::make();
    ASSERT_TRUE(scratch);
    scratch->keep();
    path = scratch->path();
  }
  EXPECT_TRUE(fs::exists(path));
}

TEST(ScratchFolder, WithoutAPlace) {
  const EnvironmentVariable variable("TMPDIR", "/nothing/here");
  const auto scratch = ScratchFolder::make();
  ASSERT_FALSE(scratch);
  EXPECT_EQ(scratch.error().code, "scratch-unwritable");
}

}  // namespace
}  // namespace splicer
