// SPDX-License-Identifier: GPL-2.0-or-later
//
// CVE-2026-68320: an SCTP endpoint's list of authenticated chunks has 16 places (SCTP_AUTH_MAX_CHUNKS),
// and the kernel lets user space fill 20. Adds chunk types until one is refused, and says how many
// were taken. No association is made, so nothing is overwritten.
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <fcntl.h>

#define SOL_SCTP 132
#define SCTP_AUTH_CHUNK 21
#define ROOM 16

int main(void)
{
	int enable = open("/proc/sys/net/sctp/auth_enable", O_WRONLY);
	unsigned char chunk;
	int taken = 0, s;

	if (enable < 0 || write(enable, "1", 1) != 1)
		return 2;
	s = socket(AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP);
	if (s < 0)
		return 2;
	for (chunk = 100; chunk < 200; chunk++) {
		if (setsockopt(s, SOL_SCTP, SCTP_AUTH_CHUNK, &chunk, 1))
			break;
		taken++;
	}
	printf("%d chunk types in a list of %d\n", taken, ROOM);
	if (taken < ROOM)
		return 2;
	return taken > ROOM;
}
