// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/status.h"

#include <gtest/gtest.h>

#include "tests/support/applied_state.h"
#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

constexpr const char* kInForce = "1111111111111111";
constexpr const char* kWithoutTun = "2222222222222222";
constexpr const char* kPending = "3333333333333333";
constexpr const char* kLeftOut = "4444444444444444";
constexpr const char* kOtherBuild = "5555555555555555";
constexpr const char* kNotInstalled = "6666666666666666";
const KernelIdentity kKernel{"6.1.0-56-cloud-amd64", "#1 SMP Debian 6.1.192-2", "x86_64", ""};
using Ids = std::vector<std::string>;

// One of each standing.
class StatusTest : public testing::Test {
 protected:
  StatusTest() {
    install(kInForce, {"CVE-2026-1111", "CVE-2026-9999"});
    install(kWithoutTun, {"CVE-2026-2222", "CVE-2026-1111"});
    install(kPending, {"CVE-2026-3333"}).failure = "threads are inside";
    install(kLeftOut, {"CVE-2026-4444"}).left_out =
        "the machine went down while it was being applied";
    install(kOtherBuild, {"CVE-2026-5555"}).kernel_version = "#1 SMP Debian 6.1.187-1";
    apply(kInForce, 1, {});
    apply(kWithoutTun, 2, {"tun"});
    apply(kNotInstalled, 3, {});
  }
  InstalledUpdate& install(const char* id, Ids fixes) {
    InstalledUpdate& update = installed_.updates.emplace_back();
    update.id = id;
    update.name = std::string("update-") + id[0];
    update.fixes = std::move(fixes);
    update.kernel_version = kKernel.version;
    return update;
  }
  void apply(const std::string& id, unsigned sequence, Ids left_out) const {
    AppliedRecord record;
    record.id = id;
    record.name = "applied";
    record.fixes = {"CVE-2026-6666"};
    record.left_out = std::move(left_out);
    add_applied(folder_, record, sequence, 1500);
  }
  Status status(std::set<std::string, std::less<>> modules = {}) const {
    const Surroundings around{{}, AppliedRecords::read(folder_ / "run"), std::move(modules), {}};
    return judge(installed_, State::read(folder_ / "sys").value(), around, kKernel);
  }
  TemporaryFolder folder_;
  Installed installed_;
};

TEST_F(StatusTest, Essay) {
  const State state = State::read(folder_ / "sys").value();
  const Surroundings around{{}, AppliedRecords::read(folder_ / "run"), {}, {}};
  const Installed& installed = installed_;
  const KernelIdentity& kernel = kKernel;
  // [example runtime/status.h]
  const Status status = judge(installed, state, around, kernel);
  const bool fixed = status.cves[0].fixed;  // status.updates[0].standing == Standing::in_force
  // [end]
  EXPECT_TRUE(fixed);
  EXPECT_TRUE(status.updates[0].standing == Standing::in_force);
}

TEST_F(StatusTest, EachStanding) {
  const Status all = status();
  ASSERT_EQ(all.updates.size(), 6u);
  Ids words;
  for (const UpdateStanding& update : all.updates) words.push_back(standing_word(update.standing));
  EXPECT_EQ(words,
            (Ids{"in-force", "partly", "pending", "left-out", "for-another-build", "in-force"}));
  EXPECT_EQ(all.updates[1].why, "module tun is not loaded, and not patched");
  EXPECT_EQ(all.updates[2].why, "threads are inside");
  EXPECT_EQ(all.updates[4].why, "it is for the build #1 SMP Debian 6.1.187-1");
  EXPECT_FALSE(all.updates[5].installed);
  EXPECT_EQ(all.updates[5].name, "applied");
  EXPECT_EQ(all.updates[0].pause_ns, 1500u);
  EXPECT_FALSE(all.all_in_force());
  EXPECT_EQ(status({"tun"}).updates[1].why, "module tun is loaded and NOT PATCHED");
}

// A part that waits for its module is in force before that runs; a module that is loaded without it is not.
TEST_F(StatusTest, PartsThatWait) {
  const std::string file = std::string("sys/") + kInForce + "/awaits";
  folder_.write(file, "tun waiting\nveth patched\n");
  const UpdateStanding waits = status().updates[0];
  EXPECT_EQ(waits.standing, Standing::in_force);
  EXPECT_EQ(parts_that_wait(waits.waiting), "; 1 part waits for its module: tun");
  EXPECT_EQ(parts_that_wait({"a", "b"}), "; 2 parts wait for their modules: a, b");
  EXPECT_EQ(parts_that_wait({}), "");
  folder_.write(file, "tun unpatched\nveth patched\n");
  const UpdateStanding lacks = status().updates[0];
  EXPECT_EQ(lacks.standing, Standing::partly);
  EXPECT_EQ(lacks.why, "module tun is loaded and NOT PATCHED");
}

// What is in force in part, or not at all, fixes nothing; another update may.
TEST_F(StatusTest, ACveIsFixedByWhatIsInForce) {
  const Status all = status();
  Ids fixed, open;
  for (const CveStanding& cve : all.cves) (cve.fixed ? fixed : open).push_back(cve.id);
  EXPECT_EQ(fixed, (Ids{"CVE-2026-1111", "CVE-2026-6666", "CVE-2026-9999"}));
  EXPECT_EQ(open, (Ids{"CVE-2026-2222", "CVE-2026-3333", "CVE-2026-4444"}));
  EXPECT_EQ(all.cves[0].updates, (Ids{kInForce, kWithoutTun}));
  EXPECT_EQ(all.fixed(), 3u);
}

// By whom each is signed, as that key stands today; of one that another release applied, nothing.
TEST_F(StatusTest, Signatures) {
  installed_.updates[0].signed_by = std::string(64, 'a');
  const Status all = status();
  EXPECT_EQ(all.updates[0].signature->state, Signature::unknown_key);
  EXPECT_EQ(all.updates[0].signature->key, std::string(64, 'a'));
  EXPECT_EQ(all.updates[1].signature->state, Signature::none);
  EXPECT_FALSE(all.updates[5].signature);
  Surroundings around;
  around.trust_fault = fail(ExitCode::error, "config-malformed", "the line is wrong").take();
  const Status unknown = judge(installed_, State::read(folder_ / "sys").value(), around, kKernel);
  EXPECT_FALSE(unknown.updates[0].signature);
  EXPECT_EQ(unknown.trust_fault->code, "config-malformed");
}

// Once it is undone, at once.
TEST_F(StatusTest, UndoTakesItAway) {
  std::filesystem::remove_all(folder_ / "sys" / kInForce);
  const Status all = status();
  EXPECT_EQ(all.updates[0].standing, Standing::pending);
  EXPECT_FALSE(all.cves[0].fixed);
}

TEST_F(StatusTest, WhatIsForAnotherBuildIsNoFault) {
  installed_.updates = {installed_.updates[0], installed_.updates[4]};
  std::filesystem::remove_all(folder_ / "sys" / kWithoutTun);
  EXPECT_TRUE(status().all_in_force());
  EXPECT_TRUE(judge({}, State(), {}, kKernel).all_in_force());
}

// What an update was made without is said wherever it is known from: the store, or the record of what is applied.
TEST_F(StatusTest, WhatAnUpdateWasMadeWithout) {
  installed_.updates[2].parts_left_out = {"kernel/fork.c, line 3: a type changes"};
  AppliedRecord record;
  record.id = kNotInstalled;
  record.parts_left_out = {"mm/mmap.c, line 7: a lock"};
  add_applied(folder_, record, 3);
  record.id = kInForce;  // which an older release has installed
  add_applied(folder_, record, 1);
  const Status all = status();
  EXPECT_EQ(all.updates[0].parts_left_out, Ids{"mm/mmap.c, line 7: a lock"});
  EXPECT_TRUE(all.updates[1].parts_left_out.empty());
  EXPECT_EQ(all.updates[2].parts_left_out, Ids{"kernel/fork.c, line 3: a type changes"});
  EXPECT_EQ(all.updates[5].parts_left_out, Ids{"mm/mmap.c, line 7: a lock"});
  // It is in force all the same: as much as there is of it.
  EXPECT_EQ(all.updates[0].standing, Standing::in_force);
}

// Which engine has it is the kernel's word, which one puts it back the store's.
TEST_F(StatusTest, Engines) {
  installed_.updates[0].engine = EngineChoice::livepatch;
  installed_.updates[2].engine = EngineChoice::livepatch;
  installed_.updates[3].engine = EngineChoice::automatic;
  LivepatchUpdate live;
  live.id = kPending;
  live.enabled = true;
  const auto with = [&](const LivepatchUpdate& update) {
    const Surroundings around{{}, AppliedRecords::read(folder_ / "run"), {}, {}, {update}};
    return judge(installed_, State::read(folder_ / "sys").value(), around, kKernel);
  };
  const Status all = with(live);
  EXPECT_EQ(all.updates[0].engine, EngineChoice::stop);
  EXPECT_EQ(all.updates[0].engine_at_boot, EngineChoice::livepatch);
  EXPECT_EQ(all.updates[2].engine, EngineChoice::livepatch);
  EXPECT_EQ(all.updates[2].standing, Standing::in_force);
  EXPECT_EQ(all.updates[3].engine, EngineChoice::automatic);
  // Its record is lost, and it is one update all the same.
  installed_.updates[2].livepatch = live.id = live.module = "livepatch_5d1f0c2e77aa9b31";
  const Status lost = with(live);
  EXPECT_EQ(lost.updates.size(), all.updates.size());
  EXPECT_EQ(lost.updates[2].standing, Standing::in_force);
  live.undone = true;
  EXPECT_EQ(with(live).updates[2].standing, Standing::pending);
  installed_.updates[2].livepatch.clear();
  live.undone = false;
  EXPECT_EQ(with(live).updates.size(), all.updates.size() + 1);
}

TEST_F(StatusTest, BeingUndone) {
  folder_.write(std::string("sys/") + kInForce + "/state", "undoing\n");
  EXPECT_EQ(status().updates[0].standing, Standing::partly);
  EXPECT_FALSE(status().cves[0].fixed);
}

}  // namespace
}  // namespace splicer
