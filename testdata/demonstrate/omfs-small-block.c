// SPDX-License-Identifier: GPL-2.0-or-later
//
// CVE-2026-53130: an OMFS file system whose system blocks are too small for what is in them. Writes one
// of 256 bytes on a RAM disk, mounts it, and says whether the kernel takes it.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned char image[8192];

static void number(int at, int bytes, unsigned long long value)
{
	while (bytes--) {
		image[at + bytes] = value;
		value >>= 8;
	}
}

static int mounted(int system_block)
{
	/* A block of the file system is two of the disk's 512 bytes, as 512 is said to be twice 256. */
	int shift = system_block == 256, root = 1 << shift, folder = 2 << shift, f, error;

	memset(image, 0, sizeof(image));
	number(256, 8, 1);			/* root block */
	number(264, 8, 8);			/* blocks */
	number(272, 4, 0xC2993D87);
	number(276, 4, 512);			/* block size */
	number(280, 4, 1);			/* mirrors */
	number(284, 4, system_block);
	number(root * 512 + 32, 8, 8);		/* blocks */
	number(root * 512 + 40, 8, 2);		/* root folder */
	number(root * 512 + 48, 8, ~0ULL);	/* no bitmap */
	number(root * 512 + 60, 4, 1);		/* cluster size */
	number(folder * 512, 8, 2);		/* where it is */
	image[folder * 512 + 83] = 'D';
	f = open("/dev/ram0", O_WRONLY);
	if (f < 0 || write(f, image, sizeof(image)) != sizeof(image))
		return -1;
	close(f);
	mkdir("/tmp/omfs", 0700);
	error = mount("/dev/ram0", "/tmp/omfs", "omfs", MS_RDONLY, NULL) ? errno : 0;
	umount("/tmp/omfs");
	return error;
}

int main(void)
{
	int error = mounted(512);

	if (error) {
		printf("a good one: %s\n", strerror(error));
		return 2;
	}
	error = mounted(256);
	printf("system blocks of 256 bytes: %s\n", error ? strerror(error) : "mounted");
	return !error;
}
