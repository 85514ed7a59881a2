// SPDX-License-Identifier: GPL-2.0-or-later
//
// CVE-2026-53059: a device-mapper log of more than 2^32 regions counts them in 32 bits, and what uses
// the log writes behind its end. Loads the table of a mirror with 2^32 + 32 regions on a device of
// zeros, never makes it active, and says whether the kernel takes it.
#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static struct {
	struct dm_ioctl head;
	struct dm_target_spec target;
	char words[256];
} m;
static int control;

static int device(int command, const char *name)
{
	memcpy(m.head.version, (unsigned int[]){ DM_VERSION_MAJOR, 0, 0 }, sizeof(m.head.version));
	m.head.data_size = sizeof(m);
	m.head.data_start = sizeof(m.head);
	strcpy(m.head.name, name);
	return ioctl(control, command, &m) ? errno : 0;
}

static int table(const char *name, const char *type, unsigned long long sectors, const char *words)
{
	memset(&m, 0, sizeof(m));
	m.head.target_count = 1;
	m.target.length = sectors;
	strcpy(m.target.target_type, type);
	strcpy(m.words, words);
	return device(DM_TABLE_LOAD, name);
}

static int plain(int command, const char *name)
{
	memset(&m, 0, sizeof(m));
	return device(command, name);
}

int main(void)
{
	unsigned long long sectors = 2 * (1ULL << 32) + 64;
	char words[100];
	int error;

	control = open("/dev/mapper/control", O_RDWR);
	if (control < 0 || plain(DM_DEV_CREATE, "zeros") || table("zeros", "zero", sectors, "") ||
	    plain(DM_DEV_SUSPEND, "zeros"))	/* which resumes, without DM_SUSPEND_FLAG */
		return 2;
	sprintf(words, "core 2 2 nosync 2 %u:%u 0 %u:%u 0", major(m.head.dev), minor(m.head.dev),
		major(m.head.dev), minor(m.head.dev));
	if (plain(DM_DEV_CREATE, "mirror"))
		return 2;
	/* One that fits first: the test must work at all. */
	error = table("mirror", "mirror", 1024, words);
	if (error) {
		printf("no mirror: %s\n", strerror(error));
		return 2;
	}
	error = table("mirror", "mirror", sectors, words);
	plain(DM_DEV_REMOVE, "mirror");
	plain(DM_DEV_REMOVE, "zeros");
	printf("log of 2^32 + 32 regions: %s\n", error ? strerror(error) : "taken");
	return !error;
}
