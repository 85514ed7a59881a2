/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The interface of /dev/splice: shared by kmod/ and runtime/, nothing else is.
 *
 * One process at a time may have the device open (a second open gives EBUSY), needs root and
 * CAP_SYS_MODULE. The order is: open, INFO, AWAIT each module that the update patches, loaded or
 * not, PIN each that is to be read or patched, (match, load the update's modules), APPLY; or open,
 * UNDO. Pins and awaits go with the update on a successful APPLY and are dropped on close
 * otherwise.
 *
 * All pointers are user pointers carried in a __u64. Sizes are bytes. The kernel checks everything.
 */
#ifndef SPLICE_ABI_H
#define SPLICE_ABI_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define SPLICE_ABI_VERSION	6
#define SPLICE_DEVICE		"/dev/splice"

#define SPLICE_ID_LEN		32	/* id with its NUL; [0-9a-f]{8,31} */
#define SPLICE_NAME_LEN		128	/* function or module name with its NUL, cut if longer */
#define SPLICE_MAX_FUNCTIONS	65536
#define SPLICE_MAX_CODE		(1u << 20)	/* longest function, bytes */
#define SPLICE_MAX_STACK	64	/* entries of a reported stack */
#define SPLICE_MAX_BUSY		256	/* threads that one call can report */
#define SPLICE_MAX_HOOKS	1024
#define SPLICE_REASON_LEN	96	/* a reason with its NUL */
#define SPLICE_MAX_VALUES	1024
#define SPLICE_MAX_VALUE	256	/* bytes of one */
#define SPLICE_MAX_AWAITS	1024	/* of one update */
#define SPLICE_PATH_LEN		256	/* a path with its NUL */

struct splice_info {
	__u32 abi_version;	/* out: SPLICE_ABI_VERSION of the module */
	__u32 updates;		/* out: how many are applied */
};

/* Holds a loaded module in memory until close, or for as long as the update is applied. */
struct splice_pin {
	char module[SPLICE_NAME_LEN];	/* in: name as in /proc/modules */
};

/*
 * From now on, whoever loads this module waits, before the module's init runs, until its part of
 * the update is applied: a program is run for that, as root outside of all containers,
 *
 *	HELPER --late MODULE
 *
 * which opens the device and makes an APPLY with SPLICE_APPLY_LATE for each update that awaits the
 * module. If a part is missing when the program has ended, the module is let in unpatched, or its
 * load fails with ECANCELED. A module whose part is applied can be unloaded, and the part goes
 * along. MODULE is "-" when parts have gone, and their modules are left to be unloaded.
 */
struct splice_await {
	char module[SPLICE_NAME_LEN];	/* in: name as in /proc/modules */
	char code[SPLICE_NAME_LEN];	/* in: the update's own module with the code for it */
	char helper[SPLICE_PATH_LEN];	/* in: absolute path; the last one counts for all */
	__u32 flags;			/* in: SPLICE_AWAIT_... */
	__u32 reserved;			/* in: 0 */
};

#define SPLICE_AWAIT_REFUSE	1	/* the load fails if the part cannot be applied */
#define SPLICE_AWAIT_HOLD	2	/* if it is loaded at APPLY, it is held until the undo */

#define SPLICE_LET_IN		9	/* the helper's status: not applied, but let it in */

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
				 * site, or, when replaced before, the same site as then; with
				 * SPLICE_FUNCTION_AT_FTRACE, the ftrace site */
	__u64 hop;		/* 0, or 5 bytes of padding behind the function: the site then holds
				 * a two-byte jump to the hop and the hop the long jump */
	__u64 expected;		/* pointer: the old_size bytes that stand at old_code */
	__u64 expected_hop;	/* pointer: the 5 bytes that stand at hop */
	__u32 old_size;		/* length of the code at old_code */
	__u32 new_size;		/* length of the code at new_code */
	__u32 flags;		/* SPLICE_FUNCTION_AT_FTRACE */
	__u32 reserved;		/* 0 */
	char name[SPLICE_NAME_LEN];	/* for sysfs and reports */
};

#define SPLICE_FUNCTION_AT_FTRACE	1	/* no jump: ftrace leads the calls on; hop is 0 */

/* A thread that is inside a function which is to be replaced (or, on undo, in the new code). */
struct splice_busy {
	__u32 function;		/* index into the functions of the call; on undo, of the update */
	__s32 pid;
	char comm[16];
	__u32 conservative;	/* 1: the stack could not be unwound reliably; a word on it
				 * points in */
	__u32 depth;		/* entries of stack that are filled */
	__u64 stack[SPLICE_MAX_STACK];
};

/*
 * Code of the update's own that runs while it is applied or undone; include/splice.h says what each
 * kind may do. The numbers are part of the interface.
 */
enum splice_hook_kind {
	SPLICE_HOOK_PRE_APPLY	= 0,	/* may sleep, may refuse */
	SPLICE_HOOK_CHECK_APPLY	= 1,	/* in the stop, before anything is written; may refuse */
	SPLICE_HOOK_APPLY	= 2,	/* in the stop, after all is written */
	SPLICE_HOOK_POST_APPLY	= 3,	/* may sleep */
	SPLICE_HOOK_FAIL_APPLY	= 4,	/* may sleep; takes back what pre_apply did */
	SPLICE_HOOK_PRE_UNDO	= 5,
	SPLICE_HOOK_CHECK_UNDO	= 6,
	SPLICE_HOOK_UNDO	= 7,
	SPLICE_HOOK_POST_UNDO	= 8,
	SPLICE_HOOK_FAIL_UNDO	= 9,
	SPLICE_NR_HOOK_KINDS	= 10,
};

struct splice_hook {
	__u64 function;		/* its entry, in one of the update's modules */
	__u32 kind;		/* enum splice_hook_kind */
	__u32 group;		/* one number for the hooks of one source file: its fail hooks run
				 * if one of its pre hooks did, and gave 0 */
	char name[SPLICE_NAME_LEN];
};

/*
 * Bytes of a variable that the kernel has, written in the stop and given back on undo. Which,
 * stands in one of the update's modules, where the module loader has filled in all addresses.
 */
struct splice_value {
	__u64 record;		/* address of a struct splice_value_record */
	char name[SPLICE_NAME_LEN];	/* the variable's */
};

struct splice_value_record {
	__u64 address;		/* of the bytes in the kernel's data or a module's */
	__u64 before;		/* address in the update's modules of what must stand there, */
	__u64 after;		/* and of what will */
	__u32 size;		/* bytes of each: 1 to SPLICE_MAX_VALUE */
	__u32 flags;		/* SPLICE_VALUE_DEFAULT */
};

#define SPLICE_VALUE_DEFAULT	1	/* may have been set to something else: is left then */

#define SPLICE_APPLY_KEEPS	1	/* what it stores may lead to its memory, which stays */
#define SPLICE_APPLY_LATE	2	/* the part of an applied update for `module`, whose
					 * load waits */

struct splice_apply {
	__u32 abi_version;	/* in */
	__u32 nr_functions;	/* in: at most SPLICE_MAX_FUNCTIONS, and not all of them only
				 * watched; 0 if there are hooks or values */
	__u64 functions;	/* in: pointer to struct splice_function[] */
	__u64 modules;		/* in: pointer to char[nr_modules][SPLICE_NAME_LEN]: the
				 * update's own */
	__u32 nr_modules;	/* in: modules that carry the new code; 0, with no functions, hooks
				 * or values, if the update awaits all that it patches */
	__u32 flags;		/* in: SPLICE_APPLY_... */
	char id[SPLICE_ID_LEN];	/* in */
	__u64 busy;		/* in: pointer to struct splice_busy[max_busy], or 0 */
	__u32 max_busy;		/* in */
	__u32 nr_busy;		/* out, with EBUSY */
	__u64 pause_ns;		/* out: how long the machine was stopped */
	__u32 bad_function;	/* out, with ESTALE, EINVAL, EFAULT: index of the function, or ~0 */
	__u32 bad_offset;	/* out, with ESTALE: first differing byte */
	__u64 hooks;		/* in: pointer to struct splice_hook[], in the order of linking */
	__u32 nr_hooks;		/* in: at most SPLICE_MAX_HOOKS */
	__s32 hook_error;	/* out, with ECANCELED: what the hook gave */
	char hook[SPLICE_NAME_LEN];	/* out, with ECANCELED: the hook that refused; with EINVAL:
					 * the hook or value that is out of range, if it is one;
					 * with ESTALE: the value that differs, if it is one */
	__u64 values;		/* in: pointer to struct splice_value[] */
	__u32 nr_values;	/* in: at most SPLICE_MAX_VALUES */
	__u32 nr_left;		/* out: defaults that somebody had set, and that were left */
	char reason[SPLICE_REASON_LEN];	/* out, with EINVAL, ESTALE, EADDRINUSE: what is wrong, in
					 * words, or "" */
	char module[SPLICE_NAME_LEN];	/* in, with SPLICE_APPLY_LATE */
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
	char hook[SPLICE_NAME_LEN];	/* out, with ECANCELED: the hook that refused */
	__s32 hook_error;	/* out, with ECANCELED: what it gave */
	__u32 nr_left;		/* out: defaults that somebody has set since, and that stay */
	char reason[SPLICE_REASON_LEN];	/* out, as above */
};

/*
 * errno: EPERM not allowed; EPROTO abi_version; EINVAL a field is out of range (bad_function,
 * reason); EEXIST applied already; ENOENT no such update or module, or nobody waits with its load;
 * ESTALE the bytes there are not the expected ones (match again); EBUSY threads are in the code
 * (busy[], reason); EDEADLK a later update stands on it; EADDRINUSE the site is another's (reason);
 * EADDRNOTAVAIL a live patch of the kernel's own decides at the entry (bad_function); ECANCELED a
 * hook of the update refuses (hook, hook_error); ENOSYS this kernel lacks something that is needed.
 */
#define SPLICE_IOC_INFO		_IOR('S', 1, struct splice_info)
#define SPLICE_IOC_PIN		_IOW('S', 2, struct splice_pin)
#define SPLICE_IOC_APPLY	_IOWR('S', 3, struct splice_apply)
#define SPLICE_IOC_UNDO		_IOWR('S', 4, struct splice_undo)
#define SPLICE_IOC_AWAIT	_IOW('S', 5, struct splice_await)

/*
 * /sys/kernel/splice/ID/state		"applied\n" ("undoing\n" while it is being reversed;
 *					"undone\n" if threads were still in its code afterwards: its
 *					memory stays until they have left; "kept\n" if it was undone
 *					and its memory stays for good: SPLICE_APPLY_KEEPS)
 * /sys/kernel/splice/ID/pause_ns	decimal
 * /sys/kernel/splice/ID/applied_at	seconds since the epoch, decimal
 * /sys/kernel/splice/ID/sequence	1, 2, ... in the order of application
 * /sys/kernel/splice/ID/modules	names of the update's modules, one a line
 * /sys/kernel/splice/ID/functions	a line a function (binary attribute: any length):
 *	old_entry old_code old_size new_code new_size site hop flags name	(hex with 0x;
 *	name last)
 *	(watched code too, with site 0x0)
 * /sys/kernel/splice/ID/values		a line a value (binary attribute):
 *	address size state name		(hex with 0x; "written" or "left"; name last)
 * /sys/kernel/splice/ID/awaits		a line a module that comes and goes with its part (binary
 *					attribute): name state ("waiting" not loaded, "patched",
 *					"unpatched" loaded without its part)
 * Readable by root only where it holds addresses.
 */

#endif
