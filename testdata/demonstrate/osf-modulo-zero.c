// SPDX-License-Identifier: GPL-2.0-or-later
//
// CVE-2026-45841: a fingerprint for nfnetlink_osf that takes the TCP window modulo 0; the first packet
// it is compared with divides by zero. Offers one, and says whether the kernel takes it.
#include "netlink.h"
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_osf.h>
#include <stdio.h>

int main(void)
{
	struct nfgenmsg head = { .nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0 };
	struct nf_osf_user_finger f = { .wss = { .wc = OSF_WSS_MODULO, .val = 0 }, .ttl = 64, .df = 1,
					.ss = 60, .genre = "bite", .version = "0", .subtype = "0" };
	int s = netlink(NETLINK_NETFILTER), error;

	if (s < 0)
		return 2;
	begin(NFNL_SUBSYS_OSF << 8 | OSF_MSG_ADD, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof(head));
	attribute(OSF_ATTR_FINGER, &f, sizeof(f));
	error = tell(s);
	if (!error) {
		begin(NFNL_SUBSYS_OSF << 8 | OSF_MSG_REMOVE, 0, &head, sizeof(head));
		attribute(OSF_ATTR_FINGER, &f, sizeof(f));
		tell(s);
	}
	printf("window modulo 0: %s\n", error ? strerror(-error) : "taken");
	if (error == -1000)
		return 2;
	return !error;
}
