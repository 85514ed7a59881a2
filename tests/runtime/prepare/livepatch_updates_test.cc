// SPDX-License-Identifier: GPL-2.0-or-later
//
// What is listed is in the kernel's memory now, by the id of a record or by the module's own name.
#include "runtime/prepare/livepatch_updates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr const char* kModule = "livepatch_5d1f0c2e77aa9b31";

class LivepatchUpdates : public ::testing::Test {
 protected:
  LivepatchUpdates() {
    folder_.write("proc/sys/kernel/random/boot_id", "first\n");
    std::filesystem::create_directories(sys_ + "/module");
  }
  void load(const std::string& module) const {
    folder_.write("sys/module/" + module + "/refcnt", "0\n");
  }
  void patch(const std::string& module, const char* enabled, const char* transition) const {
    load(module);
    folder_.write("sys/kernel/livepatch/" + module + "/enabled", enabled);
    folder_.write("sys/kernel/livepatch/" + module + "/transition", transition);
  }
  void record(const std::string& id, const std::string& module) const {
    AppliedRecord record;
    record.id = id;
    record.titles = {"fork: check the limit"};
    record.livepatch = {module};
    EXPECT_TRUE(write_record(record, run_, proc_));
  }
  std::vector<LivepatchUpdate> read() const {
    return livepatch_updates(AppliedRecords::read(run_, proc_), sys_);
  }

  TemporaryFolder folder_;
  std::string sys_ = folder_ / "sys";
  std::string run_ = folder_ / "run";
  std::string proc_ = folder_ / "proc";
};

TEST_F(LivepatchUpdates, ByTheRecordsId) {
  record("0123456789abcdef", "fix_fork");  // a name that was asked for with --name
  patch("fix_fork", "1\n", "0\n");
  const auto updates = read();
  ASSERT_EQ(updates.size(), 1u);
  EXPECT_EQ(updates[0].id, "0123456789abcdef");
  EXPECT_EQ(updates[0].module, "fix_fork");
  EXPECT_THAT(updates[0].titles, ElementsAre("fork: check the limit"));
  EXPECT_TRUE(updates[0].enabled);
}

TEST_F(LivepatchUpdates, ByItsOwnNameWithoutARecord) {
  patch(kModule, "1\n", "0\n");
  const auto updates = read();
  ASSERT_EQ(updates.size(), 1u);
  EXPECT_EQ(updates[0].id, kModule);
  EXPECT_THAT(updates[0].titles, IsEmpty());
}

// Somebody else's live patches, and modules that only look like ours.
TEST_F(LivepatchUpdates, NotOurs) {
  for (const char* module :
       {"livepatch_sample", "livepatch_5d1f0c2e77aa9b3", "livepatch_5d1f0c2e77aa9b312",
        "livepatch_5d1f0c2e77aa9b3x", "klpatch_005d1f0c2e77aa9b31", "kpatch_1", "tun"})
    patch(module, "1\n", "0\n");
  EXPECT_THAT(read(), IsEmpty());
}

// A record outlives what it is about; a file in /sys/module is no module.
TEST_F(LivepatchUpdates, WhatIsNotInMemory) {
  record("0123456789abcdef", "fix_fork");
  folder_.write(std::string("sys/module/") + kModule, "");
  EXPECT_THAT(read(), IsEmpty());
}

TEST_F(LivepatchUpdates, ARecordOfAnotherBoot) {
  record("0123456789abcdef", "fix_fork");
  patch("fix_fork", "1\n", "0\n");
  folder_.write("proc/sys/kernel/random/boot_id", "second\n");
  EXPECT_THAT(read(), IsEmpty());
}

TEST_F(LivepatchUpdates, States) {
  const auto state = [&](const char* enabled, const char* transition) {
    patch(kModule, enabled, transition);
    const auto updates = read();
    return updates.empty() ? "none" : updates[0].state();
  };
  EXPECT_EQ(state("1\n", "1\n"), "applying");
  EXPECT_EQ(state("1\n", "0\n"), "applied");
  EXPECT_EQ(state("0\n", "1\n"), "undoing");
  std::filesystem::remove_all(sys_ + "/kernel/livepatch/" + kModule);
  const auto left = read();
  ASSERT_EQ(left.size(), 1u) << "its memory stays";
  EXPECT_TRUE(left[0].undone);
  EXPECT_EQ(left[0].state(), "undone");
}

TEST_F(LivepatchUpdates, FunctionsWithoutTheirPositions) {
  patch(kModule, "1\n", "0\n");
  for (const char* name : {"vmlinux/vfs_read,1", "vmlinux/copy,3", "tun/tun_get,2"})
    folder_.write(std::string("sys/kernel/livepatch/") + kModule + "/" + name + "/x", "");
  const auto updates = read();
  ASSERT_EQ(updates.size(), 1u);
  EXPECT_THAT(updates[0].functions, ElementsAre(Pair("tun", "tun_get"), Pair("vmlinux", "copy"),
                                                Pair("vmlinux", "vfs_read")));
}

TEST_F(LivepatchUpdates, InTheOrderOfTheirModules) {
  record("0123456789abcdef", "zz_fix");
  patch("zz_fix", "1\n", "0\n");
  patch("livepatch_ffffffffffffffff", "1\n", "0\n");
  patch("livepatch_0000000000000001", "1\n", "0\n");
  std::vector<std::string> modules;
  for (const LivepatchUpdate& update : read()) modules.push_back(update.module);
  EXPECT_THAT(modules,
              ElementsAre("livepatch_0000000000000001", "livepatch_ffffffffffffffff", "zz_fix"));
}

TEST_F(LivepatchUpdates, AKernelWithoutAny) {
  std::filesystem::remove_all(sys_);
  EXPECT_THAT(read(), IsEmpty());
}

class FindLivepatch : public ::testing::Test {
 protected:
  FindLivepatch() {
    updates.resize(3);
    updates[0].id = "0123456789abcdef";
    updates[0].module = "livepatch_aaaa000000000000";
    updates[1].id = "0123000000000000";
    updates[1].module = "fix_fork";
    updates[2].id = updates[2].module = "livepatch_aaaa111111111111";
    updates[2].undone = true;
  }
  // The module of what was found, "none", or the error's code.
  std::string find(std::string_view prefix) const {
    const auto found = find_livepatch(updates, prefix);
    if (!found) return found.error().code;
    return *found == nullptr ? "none" : (*found)->module;
  }
  std::vector<LivepatchUpdate> updates;
};

TEST_F(FindLivepatch, ByTheBeginningOfIdOrModule) {
  EXPECT_EQ(find("01234"), "livepatch_aaaa000000000000");
  EXPECT_EQ(find("0123456789abcdef"), "livepatch_aaaa000000000000");
  EXPECT_EQ(find("0123000"), "fix_fork");
  EXPECT_EQ(find("fix_"), "fix_fork");
  EXPECT_EQ(find("0123456789abcdef0"), "none");
  EXPECT_EQ(find("ffff"), "none");
}

TEST_F(FindLivepatch, FourCharactersAtLeast) {
  EXPECT_EQ(find(""), "none");
  EXPECT_EQ(find("fix"), "none");
}

TEST_F(FindLivepatch, OfSeveral) {
  EXPECT_EQ(find("0123"), "update-ambiguous");
  const auto found = find_livepatch(updates, "0123");
  ASSERT_FALSE(found);
  EXPECT_FALSE(found.error().advice.empty());
}

// What is no live patch any more cannot be undone, and is in nobody's way.
TEST_F(FindLivepatch, WhatIsUndoneDoesNotCount) {
  EXPECT_EQ(find("livepatch_aaaa"), "livepatch_aaaa000000000000");
  EXPECT_EQ(find("livepatch_aaaa1"), "none");
}

}  // namespace
}  // namespace splicer
