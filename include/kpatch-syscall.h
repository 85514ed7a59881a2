/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For patches that were written for kpatch, which cannot replace the inner function of a
 * system call and gives it another name. Here it is replaced as what it is, with the
 * kernel's own macro.
 */
#ifndef SPLICE_KPATCH_SYSCALL_H
#define SPLICE_KPATCH_SYSCALL_H

#include <linux/syscalls.h>
#include <kpatch-macros.h>

#define KPATCH_SYSCALL_DEFINE0	SYSCALL_DEFINE0
#define KPATCH_SYSCALL_DEFINE1	SYSCALL_DEFINE1
#define KPATCH_SYSCALL_DEFINE2	SYSCALL_DEFINE2
#define KPATCH_SYSCALL_DEFINE3	SYSCALL_DEFINE3
#define KPATCH_SYSCALL_DEFINE4	SYSCALL_DEFINE4
#define KPATCH_SYSCALL_DEFINE5	SYSCALL_DEFINE5
#define KPATCH_SYSCALL_DEFINE6	SYSCALL_DEFINE6

#endif
