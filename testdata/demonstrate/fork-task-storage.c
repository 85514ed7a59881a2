// SPDX-License-Identifier: GPL-2.0-or-later
//
// CVE-2026-72110: a fork that fails early takes along the BPF task storage of the parent. Stores a value
// for this task, lets a fork fail for the limit of processes, and looks whether the value is still there.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf.h"

int main(void)
{
	struct {
		struct btf_header head;
		struct btf_type type;
		unsigned int integer;
		char names[5];
	} __attribute__((packed)) types = {
		{ BTF_MAGIC, BTF_VERSION, 0, sizeof(types.head), 0, 16, 16, 5 },
		{ .name_off = 1, .info = BTF_KIND_INT << 24, .size = 4 }, BTF_INT_SIGNED << 24 | 32, "\0int",
	};
	struct rlimit none = { 0, 0 };
	int value = 1234, map, self = syscall(SYS_pidfd_open, getpid(), 0);
	pid_t child;

	attr.btf = (unsigned long)&types;
	attr.btf_size = sizeof(types);
	map = bpf(BPF_BTF_LOAD);
	attr.btf_fd = map;
	attr.map_type = BPF_MAP_TYPE_TASK_STORAGE;
	attr.map_flags = BPF_F_NO_PREALLOC;
	attr.key_size = attr.value_size = 4;
	attr.btf_key_type_id = attr.btf_value_type_id = 1;
	map = bpf(BPF_MAP_CREATE);
	attr.map_fd = map;
	attr.key = (unsigned long)&self;
	attr.value = (unsigned long)&value;
	if (map < 0 || self < 0 || bpf(BPF_MAP_UPDATE_ELEM)) {
		perror("bpf");
		return 2;
	}
	if (setrlimit(RLIMIT_NPROC, &none) || setresuid(1000, 1000, 0))
		return 2;
	child = fork();
	if (!child)
		_exit(0);
	if (child > 0) {
		waitpid(child, NULL, 0);
		printf("the fork did not fail\n");
		return 2;
	}
	if (setresuid(0, 0, 0))
		return 2;
	sleep(3);	/* what a fork leaves is freed after a grace period of RCU */
	value = 0;
	attr.map_fd = map;
	attr.key = (unsigned long)&self;
	attr.value = (unsigned long)&value;
	if (bpf(BPF_MAP_LOOKUP_ELEM) && errno != ENOENT)
		return 2;
	printf("the task's value: %s\n", value == 1234 ? "there" : "gone");
	return value != 1234;
}
