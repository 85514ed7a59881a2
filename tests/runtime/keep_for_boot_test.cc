// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/keep_for_boot.h"

#include <gtest/gtest.h>

#include "runtime/package/package.h"
#include "tests/support/sample_package.h"
#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

class KeepForBoot : public testing::Test {
 protected:
  KeepForBoot() { console_.quiet = true; }
  Package package() const {
    Package package = sample_package();
    package.manifest.kernel.release = release_;
    return package;
  }
  Result<Kept> keep() {
    Package made = package();
    const auto tar = write_package(made).value();
    id_ = made.manifest.id;
    above_.write("update.tar", std::string(tar.begin(), tar.end()));
    InstallOptions options = options_;
    options.path = above_ / "update.tar";
    options.trust = above_ / "etc";
    const std::string root = this->root();
    const Console& console = console_;
    // [example runtime/keep_for_boot.h]
    const auto kept = keep_for_boot(options, root, console);  // kept->release
    // [end]
    return kept;
  }
  std::string root() const { return above_ / "store"; }
  Store store() const { return Store::open(root(), release_).value(); }

  TemporaryFolder above_;
  Console console_;
  InstallOptions options_;
  std::string release_ = "6.1.0-50-cloud-amd64";
  std::string id_;
};

TEST_F(KeepForBoot, LiesInTheStoreOfItsKernel) {
  options_.engine = EngineChoice::automatic;
  const auto kept = keep();
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->id, id_);
  EXPECT_EQ(kept->release, release_);
  EXPECT_FALSE(kept->already);
  EXPECT_EQ(Store::releases(root()), std::vector<std::string>{release_});
  const Store there = store();
  ASSERT_NE(there.installed().find(id_), nullptr);
  EXPECT_EQ(there.installed().find(id_)->engine, EngineChoice::automatic);
  EXPECT_TRUE(there.package(id_));
}

TEST_F(KeepForBoot, WhatIsThereKeepsItsPlaceAndEngine) {
  options_.engine = EngineChoice::livepatch;
  ASSERT_TRUE(keep());
  const std::string first = id_;
  InstalledUpdate second = *store().installed().find(first);
  second.id = "0123456789abcdef";
  ASSERT_TRUE(store().keep(second));
  options_.engine = EngineChoice::stop;
  const auto again = keep();
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->already);
  const std::vector<InstalledUpdate> updates = store().installed().updates;
  ASSERT_EQ(updates.size(), 2U);
  EXPECT_EQ(updates[0].id, first);
  EXPECT_EQ(updates[0].engine, EngineChoice::livepatch);
}

// dpkg configures again by itself what a crash interrupted: that must not be a way round the guard.
TEST_F(KeepForBoot, WhatIsLeftOutStaysSo) {
  ASSERT_TRUE(keep());
  {
    Store there = store();
    InstalledUpdate entry = *there.installed().find(id_);
    entry.left_out = "the machine went down";
    ASSERT_TRUE(there.note(entry));
  }
  const auto again = keep();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->left_out, "the machine went down");
  EXPECT_EQ(store().installed().find(id_)->left_out, "the machine went down");
}

// The same, if the marker of the crash is still there.
TEST_F(KeepForBoot, ACrashIsSettledFirst) {
  ASSERT_TRUE(keep());
  const InstalledUpdate entry = *store().installed().find(id_);
  ASSERT_TRUE(store().mark(entry, "00000000-0000-4000-8000-000000000000"));
  const auto again = keep();
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->left_out.empty());
}

TEST_F(KeepForBoot, NothingIsKeptOfWhatDoesNotCount) {
  above_.write("etc/splice.conf", "require-signature = yes\n");
  const auto kept = keep();
  ASSERT_FALSE(kept);
  EXPECT_EQ(kept.error().exit, ExitCode::bad_package);
  EXPECT_TRUE(Store::releases(root()).empty());
}

// A release is a folder's name, and the package says it.
TEST_F(KeepForBoot, AHostileReleaseIsNoPath) {
  for (const char* release : {"../escape", ".", "a/b"}) {
    release_ = release;
    Package made = package();
    const auto tar = write_package(made);
    if (!tar) continue;  // it cannot even be written
    above_.write("update.tar", std::string(tar->begin(), tar->end()));
    InstallOptions options;
    options.path = above_ / "update.tar";
    options.trust = above_ / "etc";
    EXPECT_FALSE(keep_for_boot(options, root(), console_)) << release;
  }
  EXPECT_FALSE(std::filesystem::exists(above_ / "escape"));
}

}  // namespace
}  // namespace splicer
