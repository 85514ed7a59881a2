// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/release/changelog.h"

#include <gmock/gmock.h>

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kText =
    "linux (6.1.187-1) bookworm-security; urgency=high\n"
    "\n"
    "  * New upstream stable update:\n"
    "    https://www.kernel.org/pub/linux/kernel/v6.x/ChangeLog-6.1.181\n"
    "    - [x86] perf/x86/amd/brs: Fix kernel address leakage (CVE-2026-72237)\n"
    "    - can: bcm: validate frame length in bcm_rx_setup() for RTR replies\n"
    "      (CVE-2026-72114, CVE-2026-72113)\n"
    "    - mtd: mtdswap: remove debugfs stats file on teardown\n"
    "    - [arm64,armhf] tegra: Fix a leak (of memory) (CVE-2026-1111)\n"
    "\n"
    "  [ Ben Hutchings ]\n"
    "  * ipv4: account for fraggap on the paged\n"
    "    allocation path (CVE-2026-53366)\n"
    "\n"
    " -- Ben Hutchings <benh@debian.org>  Mon, 07 Sep 2026 19:33:00 +0200\n"
    "\n"
    "linux (6.1.180-1) bookworm-security; urgency=high\n"
    "\n"
    "  * New upstream stable update:\n"
    "    - tun: check the caller (CVE-2026-2222)\n"
    "\n"
    "linux (6.1.176-1) bookworm-security; urgency=high\n"
    "\n"
    "    - old: a fix that is there (CVE-2026-3333)\n";

std::vector<ChangelogLine> between(const std::string& text, const std::string& from,
                                   const std::string& to) {
  auto lines = changelog_between(text, from, to);
  EXPECT_TRUE(lines);
  return lines ? *lines : std::vector<ChangelogLine>();
}

TEST(Changelog, HasTheLinesOfTheVersionsBetweenThatNameACve) {
  const auto lines = between(kText, "6.1.176-1", "6.1.187-1");
  ASSERT_THAT(lines, SizeIs(5));
  EXPECT_EQ(lines[0].version, "6.1.187-1");
  EXPECT_EQ(lines[0].title, "perf/x86/amd/brs: Fix kernel address leakage");
  EXPECT_THAT(lines[0].architectures, ElementsAre("x86"));
  EXPECT_THAT(lines[0].cves, ElementsAre("CVE-2026-72237"));
  EXPECT_EQ(lines[4].version, "6.1.180-1");
}

TEST(Changelog, JoinsLinesAndTakesTheIdsOffTheTitle) {
  const auto lines = between(kText, "6.1.176-1", "6.1.187-1");
  ASSERT_THAT(lines, SizeIs(5));
  EXPECT_EQ(lines[1].title, "can: bcm: validate frame length in bcm_rx_setup() for RTR replies");
  EXPECT_THAT(lines[1].cves, ElementsAre("CVE-2026-72113", "CVE-2026-72114"));
  EXPECT_EQ(lines[2].title, "tegra: Fix a leak (of memory)");
  EXPECT_THAT(lines[2].architectures, ElementsAre("arm64", "armhf"));
  EXPECT_EQ(lines[3].title, "ipv4: account for fraggap on the paged allocation path");
}

TEST(Changelog, KnowsNothingOfOtherVersions) {
  EXPECT_THAT(between(kText, "6.1.180-1", "6.1.187-1"), SizeIs(4));
  EXPECT_THAT(between(kText, "6.1.176-1", "6.1.180-1"), SizeIs(1));
}

TEST(Changelog, RefusesVersionsThatItDoesNotHaveInThatOrder) {
  for (const auto& [from, to] :
       {std::pair{"6.1.170-1", "6.1.187-1"}, std::pair{"6.1.176-1", "6.1.190-1"},
        std::pair{"6.1.187-1", "6.1.176-1"}, std::pair{"6.1.187-1", "6.1.187-1"}}) {
    const auto lines = changelog_between(kText, from, to);
    ASSERT_FALSE(lines) << from << " " << to;
    EXPECT_EQ(lines.error().code, "release-version");
  }
}

// bugs: in 6.1.182, the fix of 6.1.181 was taken back, and came again in the same version.
TEST(Changelog, MarksWhatALaterLineTakesBack) {
  const std::string text =
      "linux (2-1) x; urgency=high\n"
      "  * Revert \"net: one\"\n"
      "    - two: again (CVE-2026-0002)\n"
      "    - Revert \"two: again\"\n"
      "    - two: again (CVE-2026-0002)\n"
      "linux (1.5-1) x; urgency=high\n"
      "    - net: one (CVE-2026-0001)\n"
      "    - net: three (CVE-2026-0003)\n"
      "linux (1-1) x; urgency=high\n";
  const auto lines = between(text, "1-1", "2-1");
  ASSERT_THAT(lines, SizeIs(4));
  EXPECT_TRUE(lines[0].reverted);
  EXPECT_FALSE(lines[1].reverted);
  EXPECT_TRUE(lines[2].reverted);
  EXPECT_FALSE(lines[3].reverted);
}

TEST(Changelog, KnowsWhichArchitecturesAreNotX86) {
  EXPECT_TRUE(is_for_x86({}));
  EXPECT_TRUE(is_for_x86({"x86"}));
  EXPECT_TRUE(is_for_x86({"arm64", "amd64"}));
  EXPECT_TRUE(is_for_x86({"amd6"}));  // so written in 6.1.187-1
  for (const char* other : {"arm64", "arm*", "powerpc*", "s390x", "riscv64", "mips*", "i386"})
    EXPECT_FALSE(is_for_x86({other})) << other;
}

}  // namespace
}  // namespace splicer
