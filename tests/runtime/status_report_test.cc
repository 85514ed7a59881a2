// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/status_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "matcher/base/file.h"

namespace splicer {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Status sample() {
  Status status;
  status.kernel = {"6.1.0-56-cloud-amd64", "#1 SMP Debian 6.1.192-2", "x86_64", ""};
  status.updates = {{"42acce30ee7d420c",
                     "CVE-2026-1234",
                     {"CVE-2026-1234"},
                     Standing::in_force,
                     true,
                     true,
                     "",
                     1140100},
                    {"1111111111111111",
                     "groups",
                     {"CVE-2026-2222", "CVE-2026-3333"},
                     Standing::partly,
                     true,
                     true,
                     "module tun is not loaded, and not patched",
                     2},
                    {"2222222222222222",
                     "fragile",
                     {},
                     Standing::left_out,
                     true,
                     false,
                     "the machine | went down",
                     0},
                    {"3333333333333333",
                     "",
                     {},
                     Standing::for_another_build,
                     true,
                     false,
                     "it is for another",
                     0}};
  status.updates[0].engine = EngineChoice::livepatch;
  status.updates[1].parts_left_out = {"kernel/groups.c, lines 12 to 18: a type changes",
                                      "mm/mmap.c, line 7: a lock"};
  status.cves = {{"CVE-2026-1234", true, {"42acce30ee7d420c"}},
                 {"CVE-2026-2222", false, {"1111111111111111"}}};
  return status;
}

TEST(StatusReport, ForPeople) {
  const std::string text = status_text(sample());
  for (const char* line :
       {"CVE-2026-1234 (42acce30ee7d420c): in force, by the kernel's livepatch; the next boot puts "
        "it "
        "back by the engine stop\n",
        "    made without 2 parts of its patches:\n        kernel/groups.c, lines 12 to 18: a type "
        "changes\n        mm/mmap.c, line 7: a lock\n",
        "groups (1111111111111111): in force only in part: module tun is not loaded, and not "
        "patched\n",
        "    fixes CVE-2026-2222, CVE-2026-3333\n",
        "fragile (2222222222222222): left out: the machine | went down; splice-install it again to "
        "lift that\n",
        "3333333333333333: not for this build: it is for another\n",
        "1 of 3 updates in force, 1 of 2 CVEs fixed\n", "CVE-2026-2222 is NOT fixed\n"})
    EXPECT_THAT(text, HasSubstr(line));
  EXPECT_THAT(text, Not(HasSubstr("fixes CVE-2026-1234")));
  Status chosen = sample();
  chosen.updates[0].engine_at_boot = EngineChoice::automatic;
  EXPECT_THAT(status_text(chosen), HasSubstr("in force, by the kernel's livepatch\n"));
  Status signed_one = sample();
  signed_one.updates[0].signature = {Signature::revoked, std::string(64, 'a'), "vendor", ""};
  signed_one.trust_fault = fail(ExitCode::error, "config-malformed", "the line is wrong")
                               .at_file("splice.conf:3")
                               .take();
  EXPECT_THAT(
      status_text(signed_one),
      HasSubstr(
          "by the engine stop\n    signed by vendor (aaaaaaaaaaaaaaaa), a key that is REVOKED\n"));
  EXPECT_THAT(status_text(signed_one),
              HasSubstr("nothing can be applied: splice.conf:3: the line is wrong\n"));
  EXPECT_EQ(status_json(signed_one)["updates"][0]["signature"]["state"], "revoked");
  EXPECT_FALSE(status_json(signed_one)["updates"][1].contains("signature"));
  EXPECT_EQ(status_json(signed_one)["trust_fault"]["code"], "config-malformed");
  Status none;
  none.kernel.release = "6.1.0";
  none.switched_off = "splice.enable=0 is on the kernel's command line";
  EXPECT_EQ(status_text(none),
            "nothing is installed for kernel 6.1.0, and nothing is applied\n"
            "nothing is put back at boot: splice.enable=0 is on the kernel's command line\n");
}

TEST(StatusReport, AsADocument) {
  const auto json = status_json(sample());
  EXPECT_EQ(json["updates"][0]["state"], "in-force");
  EXPECT_EQ(json["updates"][0]["pause_ns"], 1140100);
  EXPECT_FALSE(json["updates"][2].contains("pause_ns"));
  EXPECT_EQ(json["updates"][0]["engine"], "livepatch");
  EXPECT_EQ(json["updates"][0]["engine_at_boot"], "stop");
  EXPECT_EQ(json["updates"][0]["parts_left_out"], nlohmann::json::array());
  EXPECT_EQ(json["updates"][1]["parts_left_out"][1], "mm/mmap.c, line 7: a lock");
  EXPECT_EQ(json["cves"][1]["fixed"], false);
  EXPECT_EQ(json["counts"]["left-out"], 1);
  EXPECT_EQ(json["counts"]["pending"], 0);
  EXPECT_EQ(json["all_in_force"], false);
  EXPECT_FALSE(json.contains("switched_off"));
}

// Each line is a comment or NAME{LABEL="VALUE",...} NUMBER, whatever an update is called.
TEST(StatusReport, AsMetrics) {
  Status status = sample();
  status.updates[0].name = "a\"b\\c\nd\033[2J} 7";
  const std::string text = prometheus_text(status);
  static const std::regex line(
      R"re((# (HELP|TYPE) splice_[a-z_]+ .*|splice_[a-z_]+(\{[a-z]+="([^"\\]|\\["\\n])*"(,[a-z]+="([^"\\]|\\["\\n])*")*\})? [0-9]+(\.[0-9]+)?))re");
  for (const std::string& one : split_lines(text)) EXPECT_TRUE(std::regex_match(one, line)) << one;
  EXPECT_TRUE(text.ends_with('\n'));
  EXPECT_THAT(text, HasSubstr("splice_updates{state=\"in-force\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("splice_pause_seconds{id=\"42acce30ee7d420c\"} 0.001140100\n"));
  EXPECT_THAT(text, HasSubstr("splice_cve_fixed{cve=\"CVE-2026-2222\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("splice_all_in_force 0\n"));
  EXPECT_THAT(text, HasSubstr("splice_parts_left_out{id=\"1111111111111111\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("state=\"partly\",engine=\"stop\"} 1\n"));
  EXPECT_THAT(prometheus_text({}), HasSubstr("splice_updates{state=\"left-out\"} 0\n"));
}

TEST(StatusReport, AsALineForMonitoring) {
  Status status = sample();
  EXPECT_EQ(nagios_line(status),
            "SPLICE CRITICAL - 1 of 3 updates in force, 1 of 2 CVEs fixed; fragile "
            "(2222222222222222): left out: "
            "the machine / went down; splice-install it again to lift that | in_force=1 partly=1 "
            "pending=0 left_out=1 "
            "cves_fixed=1 cves=2\n");
  status.updates.erase(status.updates.begin() + 2);
  EXPECT_EQ(nagios_state(status), NagiosState::warning);
  Status fault;
  EXPECT_EQ(nagios_state(fault), NagiosState::ok);
  fault.trust_fault = fail(ExitCode::error, "trust-unsafe", "it is a link").at_file("x").take();
  EXPECT_EQ(nagios_state(fault), NagiosState::warning);
  EXPECT_THAT(nagios_line(fault), HasSubstr("; nothing can be applied: x: it is a link | "));
  EXPECT_THAT(prometheus_text(fault), HasSubstr("splice_trust_known 0\n"));
  status.updates.erase(status.updates.begin() + 1);
  status.cves.pop_back();
  EXPECT_EQ(nagios_line(status),
            "SPLICE OK - 1 of 1 update in force, 1 of 1 CVE fixed | in_force=1 partly=0 pending=0 "
            "left_out=0 "
            "cves_fixed=1 cves=1\n");
  EXPECT_EQ(nagios_line(Status()),
            "SPLICE OK - 0 of 0 updates in force | in_force=0 partly=0 pending=0 left_out=0 "
            "cves_fixed=0 cves=0\n");
  const Error error = fail(ExitCode::error, "state-unreadable", "a|b\nc\033[2J").take();
  EXPECT_EQ(nagios_line(error), "SPLICE UNKNOWN - a/b?c?[2J (state-unreadable)\n");
}

}  // namespace
}  // namespace splicer
