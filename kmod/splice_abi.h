/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The interface of /dev/splice: shared by kmod/ and runtime/, nothing else is.
 *
 * One process at a time may have the device open (a second open gives EBUSY), needs root and
 * CAP_SYS_MODULE. The order is: open, INFO, PIN each module that is to be read or patched, (match,
 * load the update's modules), APPLY; or open, UNDO. Pins go with the update on a successful APPLY and
 * are dropped on close otherwise.
 *
 * All pointers are user pointers carried in a __u64. Sizes are bytes. The kernel checks everything.
 */
#ifndef SPLICE_ABI_H
#define SPLICE_ABI_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define SPLICE_ABI_VERSION	1
#define SPLICE_DEVICE		"/dev/splice"

#define SPLICE_ID_LEN		32	/* id with its NUL; [0-9a-f]{8,31} */
#define SPLICE_NAME_LEN		128	/* function or module name with its NUL, cut if longer */
#define SPLICE_MAX_FUNCTIONS	65536
#define SPLICE_MAX_CODE		(1u << 20)	/* longest function, bytes */
#define SPLICE_MAX_STACK	64	/* entries of a reported stack */
#define SPLICE_MAX_BUSY		256	/* threads that one call can report */

struct splice_info {
	__u32 abi_version;	/* out: SPLICE_ABI_VERSION of the module */
	__u32 updates;		/* out: how many are applied */
};

/* Holds a loaded module in memory until close, or for as long as the update is applied. */
struct splice_pin {
	char module[SPLICE_NAME_LEN];	/* in: name as in /proc/modules */
};

/*
 * One function to be replaced; or, with 0 in site, hop, new_code and new_size, code that is only
 * watched: the out-of-line part of one that is to be replaced (foo.cold). Its bytes are compared
 * and no thread may be in it, but nothing is written there, and undo has nothing to do with it.
 */
struct splice_function {
	__u64 old_entry;	/* the function's symbol value: its entry for ever; of watched
				 * code, old_code */
	__u64 old_code;		/* the code that runs today: old_entry, or new_code of the
				 * update that replaced it last */
	__u64 new_code;		/* entry in the update's module */
	__u64 site;		/* where the jump goes: old_entry, old_entry + 5 behind an ftrace
				 * site, or, when replaced before, the same site as then */
	__u64 hop;		/* 0, or 5 bytes of padding behind the function: the site then holds
				 * a two-byte jump to the hop and the hop the long jump */
	__u64 expected;		/* pointer: the old_size bytes that stand at old_code */
	__u64 expected_hop;	/* pointer: the 5 bytes that stand at hop */
	__u32 old_size;		/* length of the code at old_code */
	__u32 new_size;		/* length of the code at new_code */
	char name[SPLICE_NAME_LEN];	/* for sysfs and reports */
};

/* A thread that is inside a function which is to be replaced (or, on undo, in the new code). */
struct splice_busy {
	__u32 function;		/* index into the functions of the call; on undo, of the update */
	__s32 pid;
	char comm[16];
	__u32 conservative;	/* 1: the stack could not be unwound reliably; a word on it points in */
	__u32 depth;		/* entries of stack that are filled */
	__u64 stack[SPLICE_MAX_STACK];
};

struct splice_apply {
	__u32 abi_version;	/* in */
	__u32 nr_functions;	/* in: 1..SPLICE_MAX_FUNCTIONS; not all of them only watched */
	__u64 functions;	/* in: pointer to struct splice_function[] */
	__u64 modules;		/* in: pointer to char[nr_modules][SPLICE_NAME_LEN]: the update's own */
	__u32 nr_modules;	/* in: modules that carry the new code */
	__u32 flags;		/* in: 0 */
	char id[SPLICE_ID_LEN];	/* in */
	__u64 busy;		/* in: pointer to struct splice_busy[max_busy], or 0 */
	__u32 max_busy;		/* in */
	__u32 nr_busy;		/* out, with EBUSY */
	__u64 pause_ns;		/* out: how long the machine was stopped */
	__u32 bad_function;	/* out, with ESTALE, EINVAL, EFAULT: index of the function, or ~0 */
	__u32 bad_offset;	/* out, with ESTALE: first differing byte */
};

struct splice_undo {
	__u32 abi_version;	/* in */
	__u32 flags;		/* in: 0 */
	char id[SPLICE_ID_LEN];	/* in */
	__u64 busy;		/* as above */
	__u32 max_busy;
	__u32 nr_busy;
	__u64 pause_ns;		/* out */
	char blocker[SPLICE_ID_LEN];	/* out, with EDEADLK: the later update that stands on it */
};

/*
 * errno: EPERM not allowed; EPROTO abi_version; EINVAL a field is out of range (bad_function);
 * EEXIST applied already; ENOENT no such update or module; ESTALE the bytes there are not the
 * expected ones (match again); EBUSY threads are in the code (busy[]); EDEADLK a later update stands
 * on it; EADDRINUSE the site is another's; ENOSYS this kernel lacks something that is needed.
 */
#define SPLICE_IOC_INFO		_IOR('S', 1, struct splice_info)
#define SPLICE_IOC_PIN		_IOW('S', 2, struct splice_pin)
#define SPLICE_IOC_APPLY	_IOWR('S', 3, struct splice_apply)
#define SPLICE_IOC_UNDO		_IOWR('S', 4, struct splice_undo)

/*
 * /sys/kernel/splice/ID/state		"applied\n" ("undoing\n" while it is being reversed)
 * /sys/kernel/splice/ID/pause_ns	decimal
 * /sys/kernel/splice/ID/applied_at	seconds since the epoch, decimal
 * /sys/kernel/splice/ID/sequence	1, 2, ... in the order of application
 * /sys/kernel/splice/ID/modules	names of the update's modules, one a line
 * /sys/kernel/splice/ID/functions	a line a function (binary attribute: any length):
 *	old_entry old_code old_size new_code new_size site hop name	(hex with 0x; name last)
 *	(watched code too, with site 0x0)
 * Readable by root only where it holds addresses.
 */

#endif
