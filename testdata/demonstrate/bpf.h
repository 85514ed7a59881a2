// SPDX-License-Identifier: GPL-2.0-or-later
//
// bpf(2): fill in attr and call bpf(); attr is empty again afterwards.
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static union bpf_attr attr;

static int bpf(int command)
{
	int result = syscall(SYS_bpf, command, &attr, sizeof(attr));

	memset(&attr, 0, sizeof(attr));
	return result;
}
