/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What bind(2) says of an address that is too short for AF_VSOCK. The socket is what loads the module.
 * Static, so that a guest needs no libraries.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int main(void)
{
	struct sockaddr address = { .sa_family = AF_VSOCK };
	int vsock = socket(AF_VSOCK, SOCK_STREAM, 0);

	if (vsock < 0) {
		printf("no socket: %s\n", strerror(errno));
		return 0;
	}
	printf("bind: %s\n", bind(vsock, &address, 4) ? strerror(errno) : "done");
	return 0;
}
