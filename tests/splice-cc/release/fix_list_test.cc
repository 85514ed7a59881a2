// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/release/fix_list.h"

#include <gmock/gmock.h>

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

TEST(FixList, IsIdsOrFields) {
  const auto list = parse_fix_list(
      "cve\tarch\tfile\ttitle\n"
      "# those of this week\n"
      "CVE-2026-53361\n"
      "\n"
      "CVE-2026-72119 CVE-2026-72120\tx86\tnet/can/bcm.c\tcan: bcm: a\ttab\n"
      "CVE-2026-72121\t\tnet/can/af_can.c\n",
      "list");
  ASSERT_TRUE(list);
  ASSERT_THAT(*list, SizeIs(3));
  EXPECT_THAT((*list)[0].cves, ElementsAre("CVE-2026-53361"));
  EXPECT_EQ((*list)[0].file, "");
  EXPECT_THAT((*list)[1].cves, ElementsAre("CVE-2026-72119", "CVE-2026-72120"));
  EXPECT_THAT((*list)[1].architectures, ElementsAre("x86"));
  EXPECT_EQ((*list)[1].title, "can: bcm: a\ttab");
  EXPECT_EQ((*list)[2].file, "net/can/af_can.c");
}

TEST(FixList, RefusesWhatIsNoIdAndPathsThatLeadOut) {
  for (const char* text : {"fix.patch\n", "CVE-2026-1\n", "CVE-2026-1234 and more\n",
                           "CVE-2026-1234\t\t../../etc/passwd\n", "CVE-2026-1234\t\t/etc\n"}) {
    const auto list = parse_fix_list(text, "list");
    ASSERT_FALSE(list) << text;
    EXPECT_EQ(list.error().code, "fix-list-malformed");
    EXPECT_EQ(list.error().file, "list");
  }
}

}  // namespace
}  // namespace splicer
