// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/release/title.h"

#include <gmock/gmock.h>

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Title, NamesFunctionsWordsAndASubsystem) {
  const TitleNames names =
      names_in_title("btrfs: fix root leak if unexpected in merge_reloc_roots()");
  EXPECT_THAT(names.functions, ElementsAre("merge_reloc_roots"));
  EXPECT_THAT(names.words, IsEmpty());
  EXPECT_THAT(names.subsystem, ElementsAre("btrfs"));
  EXPECT_THAT(names_in_title("sctp: fix auth_chunk_list check in sctp_auth_ep_add_chunkid").words,
              ElementsAre("auth_chunk_list", "sctp_auth_ep_add_chunkid"));
}

TEST(Title, TakesWhatStandsBeforeColonsForTheSubsystem) {
  EXPECT_THAT(names_in_title("can: bcm: fix stale ops").subsystem, ElementsAre("can", "bcm"));
  EXPECT_THAT(names_in_title("bpf, sockmap: Reject UDP").subsystem, ElementsAre("bpf", "sockmap"));
  EXPECT_THAT(names_in_title("net/sched: act_tunnel_key: Defer").subsystem,
              ElementsAre("net", "sched", "act_tunnel_key"));
  EXPECT_THAT(names_in_title("hwmon: (corsair-psu) Stop device IO").subsystem,
              ElementsAre("hwmon", "corsair_psu"));
  EXPECT_THAT(names_in_title("Fix a leak in foo: really").subsystem, IsEmpty());
  EXPECT_THAT(names_in_title("").subsystem, IsEmpty());
}

TEST(Title, ADriversNameIsNoWord) {
  EXPECT_THAT(names_in_title("usb: gadget: dummy_hcd: prevent fifo_req reuse").words,
              ElementsAre("fifo_req"));
}

TEST(Title, KnowsTheFilesOfASubsystem) {
  EXPECT_TRUE(is_in_subsystem("net/can/bcm.c", {"can", "bcm"}));
  EXPECT_TRUE(is_in_subsystem("net/ipv4/tcp_input.c", {"tcp"}));
  EXPECT_TRUE(is_in_subsystem("drivers/hwmon/corsair-psu.c", {"hwmon", "corsair_psu"}));
  EXPECT_TRUE(is_in_subsystem("arch/x86/kvm/x86.c", {"kvm"}));
  EXPECT_FALSE(is_in_subsystem("net/ipv4/tcp_input.c", {"udp"}));
  EXPECT_FALSE(is_in_subsystem("net/ipv4/tcpmulti.c", {"tcp"}));
  EXPECT_FALSE(is_in_subsystem("net/can/bcm.c", {}));
}

}  // namespace
}  // namespace splicer
