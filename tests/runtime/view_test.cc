// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/sample_package.h"

#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Two updates, the later on a function of the earlier.
class ViewTest : public ::testing::Test {
 protected:
  ViewTest() {
    setenv("TZ", "UTC", 1);
    tzset();
    update("1111111111111111", "1",
           "0x10 0x10 0x40 0x1000 0x50 0x15 0x0 0x0 f\n0x80 0x80 0x6 0x1050 0x8 0x80 0x86 0x0 g\n");
    update("2222222222222222", "2", "0x10 0x1000 0x50 0x2000 0x60 0x15 0x0 0x0 f\n");
  }

  void update(const std::string& id, const char* sequence, const char* functions) const {
    for (const auto& [file, text] : {std::pair<std::string, std::string>{"state", "applied\n"},
                                     {"pause_ns", "21437\n"},
                                     {"applied_at", "1795446000\n"},
                                     {"sequence", sequence},
                                     {"modules", "splice_" + id + "_0\n"},
                                     {"functions", functions}})
      root_.write(id + "/" + file, text);
  }
  State state() const { return State::read(root_.path().string()).value(); }
  TemporaryFolder root_;
};

TEST_F(ViewTest, NothingApplied) {
  const State none;
  EXPECT_EQ(applied_text(none), "no updates are applied\n");
  EXPECT_EQ(applied_json(none)["updates"].size(), 0u);
}

TEST_F(ViewTest, List) {
  const std::string text = applied_text(state());
  EXPECT_THAT(text, HasSubstr("1111111111111111  since 2026-11-23T15:00:00+0000, 2 functions, "
                              "machine stopped for 21.4 us\n"));
  EXPECT_THAT(text, HasSubstr("80 bytes, replaced again by 2222222222222222\n"));
  EXPECT_LT(text.find("1111111111111111"), text.find("2222222222222222  since"));
}

TEST_F(ViewTest, CheckedCodeIsNotListed) {
  update("2222222222222222", "2",
         "0x10 0x1000 0x50 0x2000 0x60 0x15 0x0 0x0 f\n0x1050 0x1050 0x20 0x0 0x0 0x0 0x0 0x0 "
         "f.cold\n");
  const State all = state();
  EXPECT_THAT(applied_text(all), HasSubstr(", 1 function, machine"));
  EXPECT_THAT(applied_text(all), Not(HasSubstr("f.cold")));
  EXPECT_THAT(update_text(all, all.updates()[1]), Not(HasSubstr("f.cold")));
  EXPECT_EQ(update_json(all, all.updates()[1])["functions"].size(), 1u);
}

TEST_F(ViewTest, ListForMachines) {
  const auto json = applied_json(state());
  EXPECT_EQ(json["updates"][0]["id"], "1111111111111111");
  EXPECT_EQ(json["updates"][0]["pause_ns"], 21437);
  EXPECT_EQ(json["updates"][0]["functions"][0]["replaced_by"], "2222222222222222");
  EXPECT_EQ(json["updates"][0]["functions"][1]["hop"], "0x86");
  EXPECT_FALSE(json["updates"][1]["functions"][0].contains("replaced_by"));
}

TEST_F(ViewTest, OneUpdate) {
  const State all = state();
  EXPECT_THAT(update_text(all, all.updates()[0]),
              HasSubstr("entry 0x80, jump at 0x80 by way of 0x86 to 0x1050; 6 bytes of old code"));
  EXPECT_THAT(update_text(all, all.updates()[1]), HasSubstr("at 0x1000, of an earlier update"));
}

TEST_F(ViewTest, AFunctionThatFtraceLeadsOn) {
  update("2222222222222222", "2", "0x10 0x1000 0x50 0x2000 0x60 0x10 0x0 0x1 f\n");
  const State all = state();
  EXPECT_THAT(update_text(all, all.updates()[1]),
              HasSubstr("entry 0x10, led on by ftrace at 0x10 to 0x2000"));
  EXPECT_EQ(update_json(all, all.updates()[1])["functions"][0]["by"], "ftrace");
  EXPECT_FALSE(update_json(all, all.updates()[0])["functions"][0].contains("by"));
}

TEST_F(ViewTest, HiddenFunctions) {
  AppliedUpdate hidden = state().updates()[0];
  hidden.functions.clear();
  hidden.functions_hidden = true;
  EXPECT_THAT(update_text(State(), hidden), HasSubstr("only root may see them"));
  EXPECT_FALSE(update_json(State(), hidden).contains("functions"));
}

TEST(View, Package) {
  const Package package = sample_package();
  const std::string text =
      package_text(package, {Signature::trusted, std::string(64, 'a'), "vendor", "2027-06-30"});
  for (const char* part : {"kernel 6.1.0-50-cloud-amd64", "fork: check the limit", "copy_process",
                           "its code changes", "tun:\n", "layout-changed:struct foo",
                           "the patch changes a comment only", "hook check_apply, kernel/fork.o"})
    EXPECT_THAT(text, HasSubstr(part));
  const auto json = package_json(package, {});
  EXPECT_EQ(json["targets"][0]["functions"][0]["why"], "its code changes");
  EXPECT_EQ(json["targets"][0]["hooks"][0]["kind"], "check_apply");
  EXPECT_EQ(json["kernel"]["release"], "6.1.0-50-cloud-amd64");
  EXPECT_THAT(text, HasSubstr("name fork-check-the-limit\nfixes CVE-2026-1234, CVE-2026-10000\n"));
  EXPECT_THAT(text, HasSubstr("signed by vendor (aaaaaaaaaaaaaaaa), until 2027-06-30\n"));
  EXPECT_EQ(json["signature"]["state"], "none");
  EXPECT_EQ(json["name"], "fork-check-the-limit");
  EXPECT_EQ(json["fixes"][1], "CVE-2026-10000");
}

TEST(View, FileOrId) {
  EXPECT_TRUE(names_a_file("splice-1.tar"));
  EXPECT_TRUE(names_a_file("./5d1f"));
  EXPECT_TRUE(names_a_file("/"));
  EXPECT_FALSE(names_a_file("5d1f0c2e77aa9b31"));
}

TEST_F(ViewTest, AFunctionThatALivePatchDecides) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "sample/vmlinux/f,1");
  const Surroundings others{
      LivePatches::read({}, folder.path().string(), (folder / "none").string()), {}, {}, {}};
  const State all = state();
  EXPECT_FALSE(in_force(all.updates()[0], others));
  EXPECT_TRUE(in_force(all.updates()[0], {}));
  EXPECT_THAT(applied_text(all, others), HasSubstr("NOT IN FORCE: live patch sample decides"));
  const auto json = update_json(all, all.updates()[0], others);
  EXPECT_EQ(json["in_force"], false);
  EXPECT_EQ(json["functions"][0]["decided_by"], "live patch sample");
}

// What was left out is seen, and counts once the module is there.
TEST_F(ViewTest, AppliedPartly) {
  const TemporaryFolder run;
  const State all = state();
  AppliedRecord record;
  record.id = "1111111111111111";
  record.titles = {"tun: check the caller"};
  record.left_out = {"tun"};
  ASSERT_TRUE(write_record(record, run.path()));
  Surroundings around{{}, AppliedRecords::read(run.path()), {"veth"}, {}};
  EXPECT_THAT(applied_text(all, around),
              HasSubstr("stopped for 21.4 us (partly)\n    \"tun: check the caller\"\n"
                        "    module tun is not loaded, and not patched\n"));
  EXPECT_TRUE(in_force(all.updates()[0], around));
  EXPECT_EQ(update_json(all, all.updates()[0], around)["state"], "partly");

  around.modules.insert("tun");
  EXPECT_THAT(applied_text(all, around), HasSubstr("module tun is loaded and NOT PATCHED"));
  EXPECT_FALSE(in_force(all.updates()[0], around));
  const auto json = update_json(all, all.updates()[0], around);
  EXPECT_EQ(json["left_out"][0]["module"], "tun");
  EXPECT_EQ(json["left_out"][0]["loaded"], true);
  EXPECT_EQ(json["in_force"], false);
  EXPECT_TRUE(in_force(all.updates()[1], around));
}

TEST_F(ViewTest, NameAndFixes) {
  const TemporaryFolder run;
  const State all = state();
  AppliedRecord record;
  record.id = "1111111111111111";
  record.name = "tun-check";
  record.fixes = {"CVE-2026-1", "CVE-2026-1234", "CVE-2026-5678"};
  record.fix_id = "fedcba9876543210";
  ASSERT_TRUE(write_record(record, run.path()));
  const Surroundings around{{}, AppliedRecords::read(run.path()), {}, {}};
  EXPECT_THAT(applied_text(all, around),
              HasSubstr("\n    tun-check, fixes CVE-2026-1234, CVE-2026-5678\n"));
  const auto json = update_json(all, all.updates()[0], around);
  EXPECT_EQ(json["name"], "tun-check");
  EXPECT_EQ(json["fixes"].size(), 2u);
  EXPECT_EQ(json["fix_id"], "fedcba9876543210");
  EXPECT_EQ(update_json(all, all.updates()[1], around)["name"], "");
}

TEST_F(ViewTest, LeftoverModules) {
  const Surroundings around{{}, {}, {}, {"splice_3333333333333333_0"}};
  EXPECT_THAT(
      applied_text(State(), around),
      HasSubstr("no updates are applied\nleft by a command that was ended, or of one that is "
                "at work:\n    splice_3333333333333333_0\n"));
  EXPECT_EQ(applied_json(State(), around)["leftovers"][0], "splice_3333333333333333_0");
  EXPECT_THAT(applied_text(state(), {}), Not(HasSubstr("left by")));
}

}  // namespace
}  // namespace splicer
