/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For patches that were written for klp-build, on kernels that do not have this header:
 * found behind all directories of the kernel's own, so a kernel that has it keeps it.
 */
#ifndef SPLICE_LIVEPATCH_HELPERS_H
#define SPLICE_LIVEPATCH_HELPERS_H

#include <linux/syscalls.h>
#include <linux/livepatch.h>
#include <kpatch-macros.h>

#define KLP_PRE_PATCH_CALLBACK(fn)	KPATCH_PRE_PATCH_CALLBACK(fn)
#define KLP_POST_PATCH_CALLBACK(fn)	KPATCH_POST_PATCH_CALLBACK(fn)
#define KLP_PRE_UNPATCH_CALLBACK(fn)	KPATCH_PRE_UNPATCH_CALLBACK(fn)
#define KLP_POST_UNPATCH_CALLBACK(fn)	KPATCH_POST_UNPATCH_CALLBACK(fn)

#define KLP_STATIC_CALL(name)	static_call(name)

#define KLP_SYSCALL_DEFINE0	SYSCALL_DEFINE0
#define KLP_SYSCALL_DEFINE1	SYSCALL_DEFINE1
#define KLP_SYSCALL_DEFINE2	SYSCALL_DEFINE2
#define KLP_SYSCALL_DEFINE3	SYSCALL_DEFINE3
#define KLP_SYSCALL_DEFINE4	SYSCALL_DEFINE4
#define KLP_SYSCALL_DEFINE5	SYSCALL_DEFINE5
#define KLP_SYSCALL_DEFINE6	SYSCALL_DEFINE6

#endif
