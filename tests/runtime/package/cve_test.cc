// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/package/cve.h"

#include <gtest/gtest.h>

namespace splicer {
namespace {

using Ids = std::vector<std::string>;

TEST(Cve, Essay) {
  // [values runtime/package/cve.h]
  EXPECT_EQ(is_cve_id("CVE-2026-1234"), true);
  EXPECT_EQ(is_cve_id("CVE-2026-123"), false);
  EXPECT_EQ(cve_ids_in("[DSA 1-1] cve-2026-1234, ..."), Ids{"CVE-2026-1234"});
  // [end]
}

TEST(Cve, WhatIsNoId) {
  for (const char* text : {"", "CVE", "CVE-", "CVE-2026", "CVE-2026-", "CVE-202-12345",
                           "CVE-20266-1234", "cve-2026-1234", "CVE-2026-1234 ", "CVE-2026-12x4",
                           "CVE-2026-1234\n", "CVE-2026-12345678901234567890", "CVE-2026-1234;rm",
                           "\033[2JCVE-2026-1234", "CAN-2026-1234"})
    EXPECT_FALSE(is_cve_id(text)) << text;
  EXPECT_TRUE(is_cve_id("CVE-2026-1234567890123456789"));
}

TEST(Cve, InAMailAnAdvisoryAndAChangelog) {
  EXPECT_EQ(cve_ids_in("Subject: [PATCH] tun: check (CVE-2026-99281)\n\n"
                       "This is CVE-2025-38001, and cve-2026-99281 again.\n"
                       "Fixes: 0123456789ab (\"CVE-2024-26581: tun\")\nCVE: CVE-2026-100000\n"),
            (Ids{"CVE-2024-26581", "CVE-2025-38001", "CVE-2026-99281", "CVE-2026-100000"}));
  EXPECT_EQ(cve_ids_in("Package        : linux\nCVE ID         : CVE-2024-26581 CVE-2024-26582\n"
                       "                 CVE-2024-26583\n"),
            (Ids{"CVE-2024-26581", "CVE-2024-26582", "CVE-2024-26583"}));
  EXPECT_EQ(cve_ids_in("linux (6.1.176-1) bookworm-security; urgency=high\n\n"
                       "    - [x86] tun: check (CVE-2026-1111)(CVE-2026-2222)\n"),
            (Ids{"CVE-2026-1111", "CVE-2026-2222"}));
}

TEST(Cve, PartsOfWordsAreNone) {
  EXPECT_EQ(
      cve_ids_in("XCVE-2026-1234 CVE-2026-1234x CVE-2026-1234_a _CVE-2026-1234 CVE-2026-\n1234"),
      Ids{});
  EXPECT_EQ(cve_ids_in("fix-CVE-2026-1234.patch"), Ids{"CVE-2026-1234"});
}

TEST(Cve, SortedByNumber) {
  Ids ids{"CVE-2026-10000", "CVE-2026-9999", "CVE-2025-10000", "CVE-2026-9999"};
  sort_cve_ids(ids);
  EXPECT_EQ(ids, (Ids{"CVE-2025-10000", "CVE-2026-9999", "CVE-2026-10000"}));
}

}  // namespace
}  // namespace splicer
