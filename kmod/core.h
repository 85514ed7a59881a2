/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the core module share.
 *
 * The way of an update: device.c takes the ioctl, arguments.c copies it in and proves each field,
 * update.c leads it through the steps, trampoline.c says which bytes are to become which,
 * stack_check.c who is in the way, hooks.c calls what code the update brings for the occasion, and
 * stop.c does it while the machine stands still. sysfs.c shows the result. kernel_symbols.c finds what
 * the kernel does not export.
 *
 * Everything but the stop runs under splice_mutex, so an update that is on the list never changes
 * under its reader; sysfs reads only what is fixed before an update becomes visible.
 */
#ifndef SPLICE_CORE_H
#define SPLICE_CORE_H

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/ftrace.h>
#include <linux/jump_label.h>
#include <linux/kallsyms.h>
#include <linux/kobject.h>
#include <linux/kprobes.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/stacktrace.h>
#include <linux/static_call.h>
#include <linux/stop_machine.h>
#include <linux/types.h>
#include <asm/alternative.h>
#include <asm/text-patching.h>

#include "splice_abi.h"

#define SPLICE_NO_FUNCTION	(~0U)
#define SPLICE_LONG_JUMP	5	/* e9 rel32 */
#define SPLICE_SHORT_JUMP	2	/* eb rel8 */
#define SPLICE_FTRACE_SITE	5	/* call __fentry__, or the nop in its place */
#define SPLICE_ENDBR		4	/* endbr64, or the nop that seals it */

/* ---- kernel_symbols.c: what the running kernel has but does not export ---- */

/*
 * Name, and whether the module loads without it: `false` are those that a kernel has only where it
 * is configured with what they guard. The prototypes are the headers' own.
 */
#define FOR_EACH_KERNEL_FUNCTION(function)						\
	function(text_poke_kgdb, true)							\
	function(stop_machine_cpuslocked, true)						\
	function(find_module, true)							\
	function(__module_text_address, true)						\
	function(core_kernel_text, true)						\
	function(__kernel_text_address, true)						\
	function(kallsyms_lookup_size_offset, true)					\
	function(idle_task, true)							\
	function(put_task_stack, true)							\
	function(get_kprobe, true)							\
	function(alternatives_text_reserved, IS_ENABLED(CONFIG_SMP))			\
	function(jump_label_lock, IS_ENABLED(CONFIG_JUMP_LABEL))			\
	function(jump_label_unlock, IS_ENABLED(CONFIG_JUMP_LABEL))			\
	function(jump_label_text_reserved, IS_ENABLED(CONFIG_JUMP_LABEL))		\
	function(static_call_text_reserved, IS_ENABLED(CONFIG_HAVE_STATIC_CALL_INLINE))	\
	function(ftrace_location_range, IS_ENABLED(CONFIG_DYNAMIC_FTRACE))		\
	/* Without it every stack is read word by word. */				\
	function(stack_trace_save_tsk_reliable, false)					\
	FOR_EACH_TRACER_FUNCTION(function)

#ifdef CONFIG_FUNCTION_GRAPH_TRACER
#define FOR_EACH_TRACER_FUNCTION(function)	function(ftrace_graph_get_ret_stack, true)
#else
#define FOR_EACH_TRACER_FUNCTION(function)
#endif

#define DECLARE_KERNEL_FUNCTION(name, needed)	DECLARE_STATIC_CALL(splice_##name, name);
FOR_EACH_KERNEL_FUNCTION(DECLARE_KERNEL_FUNCTION)

/* kernel_call(find_module)(name): see kernel_symbols.c for why these are no pointers. */
#define kernel_call(name)	static_call(splice_##name)
#define kernel_has(name)	(static_call_query(splice_##name) != NULL)

struct splice_kernel {
	struct mutex *text_mutex;
	struct mutex *kprobe_mutex;
};

extern struct splice_kernel kernel;

int kernel_symbols_find(void);

/* ---- updates ---- */

/* Bytes of text that become others. Undo goes from after to before. */
struct text_change {
	unsigned long address;
	u32 function;
	u8 size;
	u8 before[SPLICE_LONG_JUMP];
	u8 after[SPLICE_LONG_JUMP];
};

/* One replaced function, or code that is only watched: then site, hop, new_code, new_size are 0. */
struct splice_patch {
	unsigned long old_entry;
	unsigned long old_code;
	unsigned long new_code;
	unsigned long site;
	unsigned long hop;
	u32 old_size;
	u32 new_size;
	char name[SPLICE_NAME_LEN];
	const u8 *expected;		/* old_size bytes; only while the update is being applied */
	u8 expected_hop[SPLICE_LONG_JUMP];
	struct module *owner;		/* of old_entry, held; NULL: the kernel itself */
	struct splice_update *update;
	struct splice_patch *below;	/* the earlier replacement that this one stands on */
	struct splice_patch *above;	/* the later one that stands on this */
};

static inline bool is_watched(const struct splice_patch *patch)
{
	return !patch->site;
}

/* Code that the update brings for its own application or reversal. */
struct update_hook {
	union {
		int (*ask)(void);	/* of the kinds that may refuse */
		void (*call)(void);	/* of the others */
	};
	enum splice_hook_kind kind;
	u32 group;
	bool passed;			/* a pre hook that gave 0 in this attempt */
	char name[SPLICE_NAME_LEN];
};

struct splice_pinned {
	struct list_head list;
	struct module *module;
};

struct splice_update {
	struct kobject kobject;
	struct completion released;	/* the kobject is no longer used */
	struct list_head list;
	char id[SPLICE_ID_LEN];
	const char *state;
	u64 pause_ns;
	u64 sequence;
	time64_t applied_at;
	u32 nr_functions;
	u32 nr_replaced;		/* of them; the others are watched */
	u32 nr_changes;
	u32 nr_modules;
	struct splice_patch *functions;
	struct text_change *changes;
	struct module **modules;	/* of the new code, held */
	struct list_head pins;		/* struct splice_pinned */
	u32 nr_hooks;
	struct update_hook *hooks;	/* in the order of linking */
	u8 *expected;			/* backs splice_patch.expected */
	char *modules_text;		/* contents of the sysfs files */
	char *functions_text;
	size_t modules_text_size;
	size_t functions_text_size;
};

extern struct mutex splice_mutex;
extern struct list_head splice_updates;	/* applied ones, oldest first */

/* update.c. Each gives 0 or a negative errno and fills in the out fields. */
int update_apply(struct splice_apply *apply, struct list_head *pins);
int update_undo(struct splice_undo *undo);
void update_free(struct splice_update *update);
struct splice_update *update_find(const char *id);
u32 update_count(void);

/* arguments.c */
struct module *module_hold(const char *name);
int arguments_read(struct splice_apply *apply, struct splice_update **result);
bool in_own_text(const struct splice_update *update, unsigned long start, unsigned long size);

/* trampoline.c */
int trampolines_plan(struct splice_update *update, u32 *bad_function);
int trampolines_check_places(const struct splice_update *update, u32 *bad_function);
bool bytes_are_padding(const u8 *bytes, size_t size);
void text_lock(void);
void text_unlock(void);

/* ---- stack_check.c ---- */

/*
 * An address a is in the range if start < a <= end and it is not `safe`.  See stack_check.c for why
 * the borders are these.
 */
struct stack_range {
	unsigned long start;
	unsigned long end;
	unsigned long safe;
	u32 function;
};

struct stack_check;

struct stack_check *stack_check_new(struct stack_range *ranges, u32 nr_ranges, u32 max_busy);
void stack_check_free(struct stack_check *check);
int stack_check_running(struct stack_check *check);
void stack_check_stopped(struct stack_check *check);
void stack_check_current(struct stack_check *check);
u32 stack_check_busy(const struct stack_check *check, struct splice_busy **busy);

/* ---- stop.c ---- */

enum stop_direction { STOP_APPLY, STOP_UNDO };

struct stop_result {
	int error;		/* 0, -ESTALE, -EBUSY, -ECANCELED */
	u32 bad_function;
	u32 bad_offset;
	u64 pause_ns;
	const struct update_hook *refused_by;	/* with -ECANCELED */
	int hook_error;
};

int stop_compare(const struct splice_update *update, enum stop_direction direction,
		 struct stop_result *result);
void stop_and_write(const struct splice_update *update, enum stop_direction direction,
		    struct stack_check *check, struct stop_result *result);

/* ---- hooks.c: see there which runs when ---- */

int hooks_read(struct splice_update *update, struct splice_apply *apply);
int hooks_prepare(struct splice_update *update, enum stop_direction direction,
		  struct stop_result *result);
int hooks_check(const struct splice_update *update, enum stop_direction direction,
		struct stop_result *result);
void hooks_switched(const struct splice_update *update, enum stop_direction direction);
void hooks_finish(const struct splice_update *update, enum stop_direction direction);
void hooks_fail(const struct splice_update *update, enum stop_direction direction);

/* ---- sysfs.c, device.c ---- */

int sysfs_start(void);
void sysfs_stop(void);
int sysfs_add(struct splice_update *update);
void sysfs_remove(struct splice_update *update);

int device_start(void);
void device_stop(void);

/* The executable part of a loaded module's core memory. */
static inline unsigned long module_text(const struct module *module, unsigned long *size)
{
#ifdef for_each_mod_mem_type	/* kernels whose struct module has an array of memory types */
	*size = module->mem[MOD_TEXT].size;
	return (unsigned long)module->mem[MOD_TEXT].base;
#else
	*size = module->core_layout.text_size;
	return (unsigned long)module->core_layout.base;
#endif
}

#endif
