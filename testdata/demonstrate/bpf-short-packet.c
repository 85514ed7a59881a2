// SPDX-License-Identifier: GPL-2.0-or-later
//
// CVE-2026-53074: BPF_PROG_TEST_RUN takes a packet that says it is IPv4 and has no room for an IPv4
// header. Runs `return 0` on one of 14 bytes, and says what the kernel thinks of it.
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
	struct bpf_insn program[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K },
				      { .code = BPF_JMP | BPF_EXIT } };
	/* One with room first: the test must work at all. */
	unsigned char packet[64] = { [12] = 0x08 };
	union bpf_attr attr;
	int f, taken, size;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SCHED_CLS;
	attr.insns = (unsigned long)program;
	attr.insn_cnt = 2;
	attr.license = (unsigned long)"GPL";
	f = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	if (f < 0)
		return 2;
	for (size = 64; size; size = size == 64 ? 14 : 0) {
		memset(&attr, 0, sizeof(attr));
		attr.test.prog_fd = f;
		attr.test.data_in = (unsigned long)packet;
		attr.test.data_size_in = size;
		taken = !syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attr, sizeof(attr));
		if (size == 64 && !taken)
			return 2;
	}
	printf("IPv4 packet without a header: %s\n", taken ? "taken" : strerror(errno));
	return taken;
}
