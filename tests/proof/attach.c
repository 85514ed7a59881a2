// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attaches an empty BPF program to a kernel function and holds it there until killed.
 *
 *   attach FUNCTION [entry|exit|result]
 *
 * The kernel then calls a trampoline at the function's ftrace site (bpf_trampoline_update()), which calls
 * the program before the function, behind it, or before it with the choice to answer in its place. The
 * function is named by its BTF id, so the kernel's type information is read first.
 */
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* How many bytes follow a type's record (include/uapi/linux/btf.h). */
static size_t tail(const struct btf_type *type)
{
	const size_t members = BTF_INFO_VLEN(type->info);

	switch (BTF_INFO_KIND(type->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return 4;
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return members * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return members * sizeof(struct btf_enum);
	case BTF_KIND_ENUM64:
		return members * sizeof(struct btf_enum64);
	case BTF_KIND_FUNC_PROTO:
		return members * sizeof(struct btf_param);
	case BTF_KIND_DATASEC:
		return members * sizeof(struct btf_var_secinfo);
	default:
		return 0;
	}
}

static __u32 function_id(const char *function)
{
	static char data[64 << 20];
	const struct btf_header *header = (const void *)data;
	const int file = open("/sys/kernel/btf/vmlinux", O_RDONLY);
	size_t size = 0;
	ssize_t got;

	while ((got = read(file, data + size, sizeof(data) - size)) > 0)
		size += got;
	if (size < sizeof(*header) || header->magic != BTF_MAGIC)
		return 0;

	const char *names = data + header->hdr_len + header->str_off;
	const char *at = data + header->hdr_len + header->type_off;
	const char *end = at + header->type_len;

	for (__u32 id = 1; at < end; id++) {
		const struct btf_type *type = (const void *)at;

		if (BTF_INFO_KIND(type->info) == BTF_KIND_FUNC &&
		    strcmp(names + type->name_off, function) == 0)
			return id;
		at += sizeof(*type) + tail(type);
	}
	return 0;
}

int main(int count, char **arguments)
{
	const struct bpf_insn program[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	static char log[4096];
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_TRACING,
		.expected_attach_type = BPF_TRACE_FENTRY,
		.insns = (unsigned long)program,
		.insn_cnt = sizeof(program) / sizeof(program[0]),
		.license = (unsigned long)"GPL",
		.log_buf = (unsigned long)log,
		.log_size = sizeof(log),
		.log_level = 1,
	};
	union bpf_attr attach;
	int loaded;

	if (count != 2 && count != 3)
		return 2;
	if (count == 3 && strcmp(arguments[2], "exit") == 0)
		load.expected_attach_type = BPF_TRACE_FEXIT;
	if (count == 3 && strcmp(arguments[2], "result") == 0)
		load.expected_attach_type = BPF_MODIFY_RETURN;
	load.attach_btf_id = function_id(arguments[1]);
	if (!load.attach_btf_id) {
		printf("no type information for %s\n", arguments[1]);
		return 1;
	}
	loaded = syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load));
	if (loaded < 0) {
		perror("loading the program");
		fputs(log, stdout);
		return 1;
	}
	memset(&attach, 0, sizeof(attach));
	attach.raw_tracepoint.prog_fd = loaded;
	if (syscall(SYS_bpf, BPF_RAW_TRACEPOINT_OPEN, &attach, sizeof(attach)) < 0) {
		perror("attaching the program");
		return 1;
	}
	puts("attached");
	fflush(stdout);
	pause();
	return 0;
}
