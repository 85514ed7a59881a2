// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/store/store.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

namespace fs = std::filesystem;
using Ids = std::vector<std::string>;

constexpr const char* kRelease = "6.1.0-56-cloud-amd64";
constexpr const char* kFirst = "42acce30ee7d420c";
constexpr const char* kSecond = "1111111111111111";
constexpr const char* kBoot = "boot-1\n";

InstalledUpdate update(const std::string& id) {
  InstalledUpdate made;
  made.id = id;
  made.name = "CVE-2026-1234";
  return made;
}

class StoreTest : public testing::Test {
 protected:
  Result<Store> open() const { return Store::open(root_, kRelease); }
  Ids ids() const {
    Ids found;
    const auto view = Store::look(root_, kRelease);
    if (!view || !*view) return {"(nothing)"};
    for (const InstalledUpdate& one : (*view)->installed.updates) found.push_back(one.id);
    return found;
  }
  bool has(const std::string& name) const { return fs::exists(folder_ / name); }
  // Installs it as splice-install does, and ends after so many steps, as a power cut would.
  void install(const std::string& id, int steps = 4) const {
    auto store = open();
    ASSERT_TRUE(store) << store.error().message;
    ASSERT_TRUE(store->settle(kBoot));
    if (steps <= 0) return;
    ASSERT_TRUE(store->stage(id, tar_));
    if (steps <= 1) return;
    ASSERT_TRUE(store->mark(update(id), kBoot));
    if (steps <= 2) return;
    ASSERT_TRUE(store->unmark());
    if (steps <= 3) return;
    ASSERT_TRUE(store->keep(update(id)));
  }
  TemporaryFolder above_;
  std::string root_ = above_ / "splice";
  fs::path folder_ = fs::path(root_) / kRelease;
  std::vector<std::uint8_t> tar_ = {1, 2, 3};
};

TEST_F(StoreTest, InTheOrderInWhichTheyWereInstalled) {
  EXPECT_FALSE(Store::look(root_, kRelease).value());
  install(kFirst);
  install(kSecond);
  EXPECT_EQ(ids(), (Ids{kFirst, kSecond}));
  install(kFirst);  // again: behind
  EXPECT_EQ(ids(), (Ids{kSecond, kFirst}));
  const Store store = open().value();
  EXPECT_EQ(store.package(kFirst).value(), tar_);
  EXPECT_EQ(store.package_path(kFirst), (folder_ / "42acce30ee7d420c.tar").string());
  EXPECT_EQ(Store::releases(root_), Ids{kRelease});
}

// It comes and goes with its package, and one that nothing lists goes too.
TEST_F(StoreTest, TheSignatureOfAPackage) {
  const std::string file = std::string(kFirst) + ".tar.sig";
  const std::string other = std::string(kSecond) + ".tar.sig";
  install(kFirst);
  {
    Store store = open().value();
    EXPECT_FALSE(store.signature(kFirst).value());
    ASSERT_TRUE(store.stage(kFirst, tar_, "signed"));
    EXPECT_EQ(store.signature(kFirst).value(), "signed");
    // Without one, it stays until that is what is listed.
    ASSERT_TRUE(store.stage(kFirst, tar_));
    EXPECT_TRUE(has(file));
    ASSERT_TRUE(store.keep(update(kFirst)));
    EXPECT_FALSE(has(file));
    ASSERT_TRUE(store.stage(kFirst, tar_, "signed"));
    InstalledUpdate signed_one = update(kFirst);
    signed_one.signed_by = std::string(64, 'a');
    ASSERT_TRUE(store.keep(signed_one));
    EXPECT_TRUE(has(file));
    ASSERT_TRUE(store.stage(kSecond, tar_, "signed"));
  }
  auto store = open();
  EXPECT_TRUE(has(file));
  EXPECT_FALSE(has(other));
  ASSERT_TRUE(store->forget(kFirst));
  EXPECT_FALSE(has(file));
  ASSERT_TRUE(store->stage(kSecond, tar_, "signed"));
  ASSERT_TRUE(store->unstage(kSecond));
  EXPECT_FALSE(has(other));
}

TEST_F(StoreTest, Forgotten) {
  install(kFirst);
  install(kSecond);
  {
    auto store = open();
    ASSERT_TRUE(store->forget(kFirst));
    ASSERT_TRUE(store->forget(kFirst));
    EXPECT_EQ(store->package(kFirst).error().code, "store-unreadable");
  }
  EXPECT_EQ(ids(), Ids{kSecond});
  EXPECT_FALSE(has("42acce30ee7d420c.tar"));
}

// The power goes after each step of an installation; the next boot has another id.
TEST_F(StoreTest, APowerCutAtEachStepLeavesNothingHalf) {
  for (const bool before : {false, true}) {
    for (int steps = 0; steps <= 4; ++steps) {
      fs::remove_all(root_);
      if (before) install(kFirst);
      install(kSecond, steps);
      {
        auto store = open();
        ASSERT_TRUE(store) << store.error().message;
        const auto guilty = store->settle("boot-2\n");
        ASSERT_TRUE(guilty);
        EXPECT_EQ(guilty->has_value(), steps == 2) << steps;
      }
      const auto view = Store::look(root_, kRelease).value();
      EXPECT_FALSE(view->marker);
      const InstalledUpdate* second = view->installed.find(kSecond);
      EXPECT_EQ(second != nullptr && second->left_out.empty(), steps == 4) << steps;
      EXPECT_EQ(second != nullptr && !second->left_out.empty(), steps == 2) << steps;
      EXPECT_EQ(has("1111111111111111.tar"), steps == 4) << steps;
      EXPECT_EQ(view->installed.find(kFirst) != nullptr, before);
      EXPECT_EQ(has("42acce30ee7d420c.tar"), before);
      // And it can be installed all the same.
      install(kSecond);
      EXPECT_TRUE(Store::look(root_, kRelease).value()->installed.find(kSecond)->left_out.empty());
    }
  }
}

// An update that was installed and brought the machine down at boot keeps its place and its package.
TEST_F(StoreTest, TheGuiltyOneIsLeftOutWhereItIs) {
  install(kFirst);
  install(kSecond);
  ASSERT_TRUE(open()->mark(update(kFirst), kBoot));
  auto store = open();
  const auto guilty = store->settle("boot-2\n");
  ASSERT_TRUE(guilty.value());
  EXPECT_EQ((*guilty)->id, kFirst);
  EXPECT_EQ(store->installed().updates[0].left_out,
            "the machine went down while it was being applied, or the command was killed");
  EXPECT_TRUE(store->installed().updates[1].left_out.empty());
  EXPECT_EQ(ids(), (Ids{kFirst, kSecond}));
  EXPECT_FALSE(store->settle("boot-3\n").value());
}

TEST_F(StoreTest, WhoOnlyLooksSeesItToo) {
  EXPECT_FALSE(left_by_crash(std::nullopt, kBoot));
  const ApplyMarker marker{"boot-1", update(kFirst)};
  EXPECT_FALSE(left_by_crash(marker, "boot-1\n"));
  EXPECT_EQ(left_by_crash(marker, "boot-2\n")->id, kFirst);
  EXPECT_FALSE(left_by_crash(marker, "boot-2\n")->left_out.empty());
}

// A command that was killed is no machine that went down.
TEST_F(StoreTest, AMarkerOfThisBootMeansNothing) {
  install(kFirst);
  ASSERT_TRUE(open()->mark(update(kFirst), kBoot));
  EXPECT_FALSE(open()->settle(kBoot).value());
  EXPECT_FALSE(Store::look(root_, kRelease).value()->marker);
  EXPECT_TRUE(Store::look(root_, kRelease).value()->installed.updates[0].left_out.empty());
}

TEST_F(StoreTest, AnotherResultStaysInItsPlace) {
  install(kFirst);
  install(kSecond);
  {
    auto store = open();
    InstalledUpdate first = store->installed().updates[0];
    first.failure = "threads are inside";
    ASSERT_TRUE(store->note(first));
    ASSERT_TRUE(store->note(update("3333333333333333")));
    ASSERT_TRUE(store->unstage(kFirst));
  }
  EXPECT_EQ(ids(), (Ids{kFirst, kSecond}));
  EXPECT_EQ(Store::look(root_, kRelease).value()->installed.updates[0].failure,
            "threads are inside");
  EXPECT_TRUE(has("42acce30ee7d420c.tar"));
}

// An update that says it fixes all there is must not make a list that nobody can read any more.
TEST_F(StoreTest, MoreThanCanBeListedIsRefused) {
  auto store = open();
  InstalledUpdate greedy = update(kFirst);
  for (int i = 0; i < 16384; ++i)
    greedy.fixes.push_back("CVE-2026-" + std::to_string(1000000000 + i));
  bool refused = false;
  for (int i = 0; i < 64 && !refused; ++i) {
    greedy.id = "42acce30ee7d42" + std::to_string(10 + i);
    const auto kept = store->keep(greedy);
    refused = !kept;
    EXPECT_EQ(kept ? "store-unwritable" : kept.error().code, "store-unwritable");
  }
  EXPECT_TRUE(refused);
  EXPECT_TRUE(Store::look(root_, kRelease));
}

// A marker that nobody can read would lock everybody out, so it is not written, and nothing is applied then.
TEST_F(StoreTest, AMarkerThatCouldNotBeReadIsRefused) {
  InstalledUpdate greedy = update(kFirst);
  greedy.parts_left_out.assign(1100, std::string(4096, 'x'));
  const auto marked = open()->mark(greedy, kBoot);
  ASSERT_FALSE(marked);
  EXPECT_EQ(marked.error().code, "store-unwritable");
  EXPECT_FALSE(has("applying.json"));
  // Nor one after which the list could not be kept.
  greedy.parts_left_out.resize(520);
  auto store = open();
  ASSERT_TRUE(store->mark(greedy, kBoot));
  ASSERT_TRUE(store->keep(greedy));
  greedy.id = kSecond;
  EXPECT_EQ(store->mark(greedy, kBoot).error().code, "store-unwritable");
}

TEST_F(StoreTest, TwoCommandsAtOnce) {
  const auto first = open();
  ASSERT_TRUE(first);
  EXPECT_EQ(open().error().code, "store-busy");
  EXPECT_EQ(Store::open(root_, "6.12.0-1-amd64").error().code, "store-busy");
  EXPECT_TRUE(Store::look(root_, kRelease));
}

TEST_F(StoreTest, OnlyPackagesOfOursAreCleanedAway) {
  install(kFirst);
  for (const char* name : {"1111111111111111.tar", "notes.txt", "backup.tar", ".state.json.part"})
    above_.write(std::string("splice/") + kRelease + "/" + name, "x");
  ASSERT_TRUE(open());
  EXPECT_TRUE(has("42acce30ee7d420c.tar") && has("notes.txt") && has("backup.tar"));
  EXPECT_FALSE(has("1111111111111111.tar") || has(".state.json.part"));
}

TEST_F(StoreTest, WhatIsDamagedIsSaidAndLeft) {
  install(kFirst);
  above_.write(std::string("splice/") + kRelease + "/state.json", "{");
  EXPECT_EQ(open().error().code, "store-malformed");
  EXPECT_EQ(Store::look(root_, kRelease).error().code, "store-malformed");
  EXPECT_TRUE(has("42acce30ee7d420c.tar")) << "a list that cannot be read names nothing";
  EXPECT_EQ(Store::releases(root_), Ids{});
}

TEST_F(StoreTest, ReleasesThatAreNoFolders) {
  for (const char* release : {"", "..", "a/b", "../x", "\033[2J"}) {
    EXPECT_EQ(Store::open(root_, release).error().code, "store-untrusted") << release;
    EXPECT_EQ(Store::look(root_, release).error().code, "store-untrusted") << release;
  }
}

}  // namespace
}  // namespace splicer
