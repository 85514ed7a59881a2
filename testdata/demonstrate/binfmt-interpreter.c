// SPDX-License-Identifier: GPL-2.0-or-later
//
// The file of CVE-2026-68186: an interpreter that binfmt_misc held open (flag F) can never again be
// written, even when its entry is gone. Registers one, removes it, and opens the file for writing.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static int put(const char *file, const char *text)
{
	int f = open(file, O_WRONLY), bad = f < 0 || write(f, text, strlen(text)) < 0;

	close(f);
	return bad;
}

int main(void)
{
	int f;

	mkdir("/tmp/binfmt", 0700);
	if (mount("binfmt_misc", "/tmp/binfmt", "binfmt_misc", 0, NULL))
		return 2;
	unlink("/tmp/interpreter");
	close(open("/tmp/interpreter", O_CREAT | O_WRONLY, 0755));
	if (put("/tmp/binfmt/register", ":bite:M::BITE::/tmp/interpreter:F") ||
	    put("/tmp/binfmt/bite", "-1"))
		return 2;
	umount("/tmp/binfmt");
	f = open("/tmp/interpreter", O_WRONLY);
	printf("opened for writing: %s\n", f < 0 ? strerror(errno) : "yes");
	return f < 0;
}
