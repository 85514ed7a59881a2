/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Netlink as the programs here need it: a message built in one buffer, sent, and what comes back.
 */
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct {
	struct nlmsghdr head;
	char data[8192];
} message;
static char answer[16384];

static inline int netlink(int protocol)
{
	struct sockaddr_nl local = { .nl_family = AF_NETLINK };
	struct timeval patience = { .tv_sec = 5 };
	int s = socket(AF_NETLINK, SOCK_RAW, protocol);

	if (s >= 0 && bind(s, (struct sockaddr *)&local, sizeof(local)))
		return -1;
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return s;
}

static inline void begin(int type, int flags, const void *body, int size)
{
	memset(&message, 0, sizeof(message));
	message.head.nlmsg_type = type;
	message.head.nlmsg_flags = NLM_F_REQUEST | flags;
	message.head.nlmsg_len = NLMSG_LENGTH(size);
	memcpy(message.data, body, size);
}

static inline struct nlattr *attribute(int type, const void *data, int size)
{
	struct nlattr *a = (struct nlattr *)((char *)&message + NLMSG_ALIGN(message.head.nlmsg_len));

	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + size;
	if (size)
		memcpy((char *)a + NLA_HDRLEN, data, size);
	message.head.nlmsg_len = NLMSG_ALIGN(message.head.nlmsg_len) + NLA_ALIGN(a->nla_len);
	return a;
}

/* The first message that comes back; NULL if none does. */
static inline struct nlmsghdr *ask(int s)
{
	if (send(s, &message, message.head.nlmsg_len, 0) < 0 || recv(s, answer, sizeof(answer), 0) <= 0)
		return NULL;
	return (struct nlmsghdr *)answer;
}

/* Sends with a request for an answer of its own: 0, or minus an errno. */
static inline int tell(int s)
{
	struct nlmsghdr *reply;

	message.head.nlmsg_flags |= NLM_F_ACK;
	reply = ask(s);
	if (!reply || reply->nlmsg_type != NLMSG_ERROR)
		return -1000;
	return ((struct nlmsgerr *)NLMSG_DATA(reply))->error;
}

static inline struct nlattr *find(struct nlmsghdr *m, int body, int type)
{
	char *at = (char *)NLMSG_DATA(m) + NLMSG_ALIGN(body), *end = (char *)m + m->nlmsg_len;

	for (; at + NLA_HDRLEN <= end; at += NLA_ALIGN(((struct nlattr *)at)->nla_len))
		if ((((struct nlattr *)at)->nla_type & NLA_TYPE_MASK) == type)
			return (struct nlattr *)at;
	return NULL;
}
