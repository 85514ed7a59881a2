// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/prepare/applied_record.h"

#include <gtest/gtest.h>

#include "runtime/package/digest.h"
#include "tests/support/sample_package.h"
#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

const AppliedRecord kBare{"0123456789abcdef", {}, {}, {}, {}, {}, {}, {}, {}};

class AppliedRecordTest : public testing::Test {
 protected:
  AppliedRecordTest() { folder_.write("proc/sys/kernel/random/boot_id", "first\n"); }
  AppliedRecords read() const { return AppliedRecords::read(run_, proc_); }

  TemporaryFolder folder_;
  std::string run_ = folder_ / "run/splice";
  std::string proc_ = folder_ / "proc";
};

TEST_F(AppliedRecordTest, ComesBackAsItWas) {
  Package package = sample_package();
  package.manifest.id = "0123456789abcdef";
  package.manifest.fix_id = "fedcba9876543210";
  ASSERT_TRUE(write_record(record_of(package, {"tun"}, std::string(64, 'a')), run_, proc_));
  const AppliedRecords records = read();
  const AppliedRecord* record = records.find("0123456789abcdef");
  ASSERT_NE(record, nullptr);
  EXPECT_EQ(record->name, "fork-check-the-limit");
  EXPECT_EQ(record->fix_id, "fedcba9876543210");
  EXPECT_EQ(record->fixes, (std::vector<std::string>{"CVE-2026-1234", "CVE-2026-10000"}));
  EXPECT_EQ(record->titles, std::vector<std::string>{"fork: check the limit"});
  EXPECT_EQ(record->patches,
            std::vector<std::string>{sha256_hex(package.members.at("patch/0001-fix.patch"))});
  EXPECT_EQ(record->base, std::vector<std::string>{std::string(64, 'a')});
  EXPECT_EQ(record->units, std::vector<std::string>{"kernel/fork.o"});
  EXPECT_EQ(record->left_out, std::vector<std::string>{"tun"});
  EXPECT_EQ(record->parts_left_out, package.manifest.parts_left_out);
  EXPECT_EQ(record->signed_by, std::string(64, 'a'));

  remove_record("0123456789abcdef", run_);
  EXPECT_FALSE(read().known("0123456789abcdef"));
}

TEST_F(AppliedRecordTest, OfAnotherBootSaysNothing) {
  ASSERT_TRUE(write_record(kBare, run_, proc_));
  EXPECT_TRUE(read().known("0123456789abcdef"));
  folder_.write("proc/sys/kernel/random/boot_id", "second\n");
  EXPECT_FALSE(read().known("0123456789abcdef"));
}

// What it did not know is as it had it; what it did know must be there.
TEST_F(AppliedRecordTest, OfAnOlderRelease) {
  folder_.write("run/splice/0123456789abcdef.json",
                R"({"boot_id": "first\n", "titles": [], "patches": [], "base": [], "units": [],
                    "left_out": ["tun"]})");
  const AppliedRecords records = read();
  ASSERT_TRUE(records.known("0123456789abcdef"));
  EXPECT_TRUE(records.find("0123456789abcdef")->livepatch.empty());
  EXPECT_TRUE(records.find("0123456789abcdef")->parts_left_out.empty());
}

TEST_F(AppliedRecordTest, WhatIsNoRecord) {
  for (const char* text : {"", "{", "[]", R"({"boot_id": "first\n"})",
                           R"({"boot_id": "first\n", "titles": [1], "patches": [], "base": [],
                               "units": [], "left_out": []})",
                           R"({"boot_id": "first\n", "titles": [], "patches": [], "base": [],
                               "units": [], "left_out": [], "livepatch": "a name"})",
                           R"({"boot_id": "first\n", "titles": [], "patches": [], "base": [],
                               "units": [], "left_out": [], "parts_left_out": [1]})",
                           R"({"boot_id": "first\n", "titles": [], "patches": [], "base": [],
                               "units": []})"}) {
    folder_.write("run/splice/0123456789abcdef.json", text);
    EXPECT_FALSE(read().known("0123456789abcdef")) << text;
  }
}

// Whoever could write into /run/splice could do worse, but a name goes to terminals and scripts.
TEST_F(AppliedRecordTest, ANameThatIsNoneSaysNothing) {
  folder_.write("run/splice/0123456789abcdef.json",
                R"({"boot_id": "first\n", "name": "\u001b[2J", "fix_id": 7, "fixes": ["CVE-1", 2],
                    "titles": [], "patches": [], "base": [], "units": [], "left_out": ["tun"],
                    "livepatch": []})");
  const AppliedRecords records = read();
  const AppliedRecord* record = records.find("0123456789abcdef");
  ASSERT_NE(record, nullptr);
  EXPECT_EQ(record->name + record->fix_id, "");
  EXPECT_TRUE(record->fixes.empty());
  EXPECT_EQ(record->left_out, std::vector<std::string>{"tun"});
}

TEST_F(AppliedRecordTest, ThatCannotBeWritten) {
  folder_.write("run", "a file");
  const auto written = write_record(kBare, run_, proc_);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, "record-unwritable");
}

}  // namespace
}  // namespace splicer
