// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/prepare/dependence.h"

#include <gtest/gtest.h>

#include "tests/support/applied_state.h"
#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

constexpr const char* kFirst = "1111111111111111";
constexpr const char* kSecond = "2222222222222222";
const std::string kPatch(64, 'a');
const std::string kOther(64, 'b');

// The first brought kPatch; the second was made on it.
class Dependence : public testing::Test {
 protected:
  Dependence() {
    apply(kFirst, 1, {kPatch}, {});
    apply(kSecond, 2, {kOther}, {kPatch});
  }
  void apply(const std::string& id, unsigned sequence, std::vector<std::string> patches,
             std::vector<std::string> base) const {
    AppliedRecord record;
    record.id = id;
    record.titles = {"title"};
    record.patches = std::move(patches);
    record.base = std::move(base);
    record.units = {"kernel/fork.o"};
    add_applied(folder_, record, sequence);
  }
  State state() const { return State::read(folder_ / "sys").value(); }
  AppliedRecords records() const { return AppliedRecords::read(folder_ / "run"); }
  static Manifest made_on(const std::string& patch) {
    Manifest manifest;
    manifest.id = "3333333333333333";
    manifest.targets.resize(1);
    manifest.targets[0].units.push_back({"kernel/fork.o", "kernel/fork.c", "pre/kernel/fork.o"});
    if (!patch.empty()) manifest.base.push_back({"fork: check", patch});
    return manifest;
  }
  TemporaryFolder folder_;
};

TEST_F(Dependence, ABaseThatIsApplied) {
  EXPECT_TRUE(check_base(made_on(""), state(), records()));
  EXPECT_TRUE(check_base(made_on(kPatch), state(), records()));
}

TEST_F(Dependence, ABaseThatTheKernelsLivepatchBrings) {
  const std::string patch(64, 'd');
  AppliedRecord record;
  record.id = "4444444444444444";
  record.patches = {patch};
  record.base = {kPatch};
  record.units = {"kernel/fork.o"};
  EXPECT_TRUE(write_record(record, folder_ / "run"));
  LivepatchUpdate update;
  update.id = record.id;
  std::vector<LivepatchUpdate> live = {update};
  EXPECT_FALSE(check_base(made_on(patch), state(), records()));
  EXPECT_TRUE(check_base(made_on(patch), state(), records(), live));
  EXPECT_EQ(standing_on(kFirst, state(), records(), live),
            (std::vector<std::string>{kSecond, record.id}));
  EXPECT_EQ(ignored_by(made_on(kPatch), state(), records(), live),
            (std::vector<std::string>{kSecond, record.id}));
  live[0].undone = true;
  EXPECT_FALSE(check_base(made_on(patch), state(), records(), live));
  EXPECT_EQ(standing_on(kFirst, state(), records(), live), std::vector<std::string>{kSecond});
}

TEST_F(Dependence, ABaseThatIsNot) {
  const auto stands = check_base(made_on(std::string(64, 'c')), state(), records());
  ASSERT_FALSE(stands);
  EXPECT_EQ(stands.error().code, "base-missing");
  EXPECT_NE(stands.error().message.find("fork: check"), std::string::npos);
}

// A record of an update that is no longer applied satisfies nothing.
TEST_F(Dependence, ARecordAloneIsNoBase) {
  EXPECT_FALSE(check_base(made_on(kPatch), State(), records()));
}

TEST_F(Dependence, WhatStandsOnIt) {
  EXPECT_EQ(standing_on(kFirst, state(), records()), std::vector<std::string>{kSecond});
  EXPECT_TRUE(standing_on(kSecond, state(), records()).empty());
  EXPECT_TRUE(standing_on(kFirst, State(), records()).empty());
}

TEST_F(Dependence, AnUpdateThatWasMadeWithoutTheOthers) {
  EXPECT_EQ(ignored_by(made_on(""), state(), records()),
            (std::vector<std::string>{kFirst, kSecond}));
  EXPECT_EQ(ignored_by(made_on(kPatch), state(), records()), std::vector<std::string>{kSecond});
  Manifest elsewhere = made_on("");
  elsewhere.targets[0].units[0].name = "kernel/exit.o";
  EXPECT_TRUE(ignored_by(elsewhere, state(), records()).empty());
}

TEST_F(Dependence, AnUpdateThatWasUndone) {
  EXPECT_TRUE(check_not_undone(kFirst, state()));
  folder_.write(std::string("sys/") + kFirst + "/state", "kept\n");
  folder_.write(std::string("sys/") + kSecond + "/state", "undone\n");
  EXPECT_EQ(check_not_undone(kFirst, state()).error().code, "update-kept");
  EXPECT_EQ(check_not_undone(kSecond, state()).error().code, "update-in-transition");
  EXPECT_EQ(check_not_undone(kSecond, state()).error().exit, ExitCode::busy);
  EXPECT_TRUE(check_not_undone("3333333333333333", state()));
}

}  // namespace
}  // namespace splicer
