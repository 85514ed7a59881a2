/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the core module share.
 *
 * An update's way through them: device.c takes the ioctl, arguments.c copies it in and proves each
 * field, update.c leads it through the steps, trampoline.c works out which bytes become which,
 * stack_check.c finds the threads that are in the code, hooks.c calls the code that the update
 * brings for the occasion, and stop.c does it in stop_machine(). sysfs.c shows the result.
 *
 * The files form layers. Each calls those above it in this list, never one below; the declarations
 * stand in the same order:
 *
 *	kernel_symbols.c	what the kernel has but does not export
 *	module_text.c		text of the kernel and of modules, held in memory
 *	update_list.c		splice_mutex, the applied updates, and how one is freed
 *	awaited.c		modules that get their parts of updates when they are loaded
 *	live_patch.c		the kernel's own live patches
 *	redirect.c		functions without a place for a jump, led on by ftrace
 *	trampoline.c		jumps, their places, and the locks over all kernel text
 *	text_write.c		bytes written while handlers may run them
 *	values.c		data written with them
 *	exiting.c		threads that the task list does not have any more
 *	stack_check.c		threads in a range of text
 *	hooks.c			the update's own code
 *	stop.c			compare, look, write
 *	arguments.c		the ioctl's structures, proved
 *	sysfs.c			/sys/kernel/splice
 *	retire.c		what is undone is freed, or kept
 *	parts.c			the part of an update for one module joins it, and goes
 *	coming.c		loads of modules, held back until their parts are applied
 *	update.c		apply and undo, step by step
 *	device.c		/dev/splice
 *	main.c			start and end
 *
 * All but the stop and sysfs run under splice_mutex.
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
#include <linux/lockdep.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/stacktrace.h>
#include <linux/static_call.h>
#include <linux/stop_machine.h>
#include <linux/string.h>
#include <linux/types.h>
#include <asm/alternative.h>
#include <asm/text-patching.h>

#include "splice_abi.h"

#define SPLICE_NO_FUNCTION	(~0U)
#define SPLICE_LONG_JUMP	5	/* e9 rel32 */
#define SPLICE_SHORT_JUMP	2	/* eb rel8 */
#define SPLICE_FTRACE_SITE	5	/* call __fentry__, or the nop in its place */
#define SPLICE_ENDBR		4	/* endbr64, or the nop that seals it */

/* ---- what all of them work on ---- */

/* Bytes of text that become others. Undo goes from after to before. */
struct splice_text_change {
	unsigned long address;
	u32 function;
	u8 size;
	bool plain;		/* written in one step: no int3 may stand there */
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
	bool at_ftrace_site;		/* no jump: ftrace leads the calls on (redirect.c) */
	struct splice_redirect *redirect;	/* then; shared with `below` */
	char name[SPLICE_NAME_LEN];
	const u8 *expected;		/* old_size bytes; only while the update is being applied */
	u8 expected_hop[SPLICE_LONG_JUMP];
	struct module *owner;		/* of old_entry, held; NULL: the kernel itself */
	bool released;			/* not held: the record goes with it (parts.c) */
	struct splice_update *update;
	struct splice_patch *below;	/* the earlier replacement that this one stands on */
	struct splice_patch *above;	/* the later one that stands on this */
};

static inline bool splice_is_watched(const struct splice_patch *patch)
{
	return !patch->site;
}

/* Code that the update brings for its own application or reversal. */
struct splice_update_hook {
	int (*ask)(void);		/* of the kinds that may refuse; else NULL */
	void (*call)(void);		/* of the others */
	enum splice_hook_kind kind;
	u32 group;
	bool passed;			/* a pre hook that returned 0 in this attempt */
	char name[SPLICE_NAME_LEN];
};

/* Bytes of a variable that lives: see values.c. */
struct splice_live_value {
	unsigned long address;
	const u8 *before;		/* in the update's own modules, as is */
	const u8 *after;
	u32 size;
	bool is_default;		/* if it is neither, somebody has set it */
	bool written;
	struct module *owner;		/* held; NULL: the kernel itself */
	bool released;			/* as above */
	char name[SPLICE_NAME_LEN];
};

struct splice_pinned {
	struct list_head list;
	struct module *module;
	const struct module *part;	/* of the module that it goes with; NULL: of the update */
};

struct splice_text {
	char *text;
	size_t size;
	size_t room;
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
	struct splice_text_change *changes;
	struct module **modules;	/* of the new code, held */
	struct list_head pins;		/* struct splice_pinned */
	u32 nr_hooks;
	struct splice_update_hook *hooks;	/* in the order of linking */
	u32 nr_values;
	struct splice_live_value *values;
	bool keeps;			/* what it stored may lead to its memory */
	bool settled;			/* undone, and nobody is in it: only its memory is left */
	struct module *leaving;		/* while a part goes: the module of its code */
	u8 *expected;			/* backs splice_patch.expected */
	struct splice_text modules_text;	/* contents of the sysfs files */
	struct splice_text functions_text;
	struct splice_text values_text;
};

enum splice_direction { SPLICE_TO_NEW, SPLICE_TO_OLD };	/* apply, undo */

/* What an attempt to switch came to. */
struct splice_outcome {
	int error;		/* 0, -ESTALE, -EBUSY, -ECANCELED */
	u32 bad_function;
	u32 bad_offset;
	const char *reason;	/* for the reply, or NULL */
	u64 pause_ns;
	const struct splice_update_hook *refused_by;	/* with -ECANCELED */
	int hook_error;
	const struct splice_live_value *bad_value;	/* with -ESTALE, if it is one */
};

/* Refuses what was asked for, with the reason for the reply. */
static inline int splice_wrong(struct splice_apply *apply, const char *reason)
{
	strscpy(apply->reason, reason, sizeof(apply->reason));
	return -EINVAL;
}

/* ---- kernel_symbols.c ---- */

/*
 * Name, and whether the module loads without it: `false` are those that a kernel has only where it
 * is configured with what they guard. The prototypes are the headers' own.
 */
#define SPLICE_FOR_EACH_KERNEL_FUNCTION(function)					\
	function(text_poke_kgdb, true)							\
	function(stop_machine_cpuslocked, true)						\
	function(find_module, true)							\
	function(__module_text_address, true)						\
	function(__module_address, true)						\
	function(core_kernel_text, true)						\
	function(__kernel_text_address, true)						\
	function(kallsyms_lookup_size_offset, true)					\
	function(idle_task, true)							\
	function(put_task_stack, true)							\
	function(do_one_initcall, true)							\
	function(get_kprobe, true)							\
	function(within_kprobe_blacklist, true)						\
	function(alternatives_text_reserved, IS_ENABLED(CONFIG_SMP))			\
	function(jump_label_lock, IS_ENABLED(CONFIG_JUMP_LABEL))			\
	function(jump_label_unlock, IS_ENABLED(CONFIG_JUMP_LABEL))			\
	function(jump_label_text_reserved, IS_ENABLED(CONFIG_JUMP_LABEL))		\
	function(static_call_text_reserved, IS_ENABLED(CONFIG_HAVE_STATIC_CALL_INLINE))	\
	function(ftrace_location_range, IS_ENABLED(CONFIG_DYNAMIC_FTRACE))		\
	/* Without it every stack is read word by word. */				\
	function(stack_trace_save_tsk_reliable, false)					\
	SPLICE_FOR_EACH_TRACER_FUNCTION(function)					\
	SPLICE_FOR_EACH_LIVE_PATCH_FUNCTION(function)

#ifdef CONFIG_FUNCTION_GRAPH_TRACER
#define SPLICE_FOR_EACH_TRACER_FUNCTION(function)	function(ftrace_graph_get_ret_stack, true)
#else
#define SPLICE_FOR_EACH_TRACER_FUNCTION(function)
#endif

#ifdef CONFIG_LIVEPATCH
/* kernel/livepatch/patch.h, which is not among the headers that are installed. */
struct klp_ops;
struct klp_ops *klp_find_ops(void *old_func);
#define SPLICE_FOR_EACH_LIVE_PATCH_FUNCTION(function)	function(klp_find_ops, true)
#else
#define SPLICE_FOR_EACH_LIVE_PATCH_FUNCTION(function)
#endif

#define SPLICE_DECLARE_KERNEL_FUNCTION(name, needed)	DECLARE_STATIC_CALL(splice_##name, name);
SPLICE_FOR_EACH_KERNEL_FUNCTION(SPLICE_DECLARE_KERNEL_FUNCTION)

/* splice_kernel_call(find_module)(name): see kernel_symbols.c for why these are not pointers. */
#define splice_kernel_call(name)	static_call(splice_##name)
#define splice_kernel_has(name)		(!!static_call_query(splice_##name))

#define SPLICE_MAX_STACK_ENDS	6

struct splice_bounds {
	unsigned long start;
	unsigned long end;
};

struct splice_kernel {
	struct mutex *text_mutex;	/* over writes to kernel text */
	struct mutex *kprobe_mutex;	/* over the set of probes */
	struct mutex *klp_mutex;		/* over live patches; NULL: a kernel without them */
	struct tracepoint *process_exit;	/* sched_process_exit */
	struct splice_bounds entry_text;	/* .entry.text: where the processor enters */
	struct splice_bounds data[2];	/* before and behind the start-up part, which is gone */
	/* Where the stacks of kernel threads and idle threads, and of new children, begin. */
	struct splice_bounds stack_ends[SPLICE_MAX_STACK_ENDS];
	u32 nr_stack_ends;
	/* preempt_schedule_irq(): on the stack of whoever was preempted in kernel code; or 0 */
	struct splice_bounds preempted;
};

extern struct splice_kernel splice_kernel;

int __must_check splice_kernel_symbols_find(void);

/* ---- module_text.c ---- */

extern const struct module *splice_coming;	/* that a part is applied to; under splice_mutex */

bool splice_module_serves(const struct module *module);
unsigned long splice_module_text(const struct module *module, unsigned long *size);
struct module * __must_check splice_module_hold(const char *name);
bool __must_check splice_text_hold(unsigned long start, unsigned long size,
				   struct module **owner);
bool splice_is_entry_text(unsigned long address);
bool splice_in_module_text(const struct module *module, unsigned long start, unsigned long size);
bool splice_in_own_text(const struct splice_update *update, unsigned long start,
			unsigned long size);
bool splice_names_own_module(const struct splice_update *update, const struct module *module);

/* ---- update_list.c ---- */

extern struct mutex splice_mutex;
extern struct list_head splice_updates;	/* applied ones, oldest first */
extern struct list_head splice_kept;	/* undone, but threads are in their code */

struct splice_update *splice_update_find(const struct list_head *updates, const char *id);
u32 splice_update_count(void);
bool splice_name_is_plain(const char *name);
void splice_pin_free(struct splice_pinned *pin);
void splice_pins_free(struct list_head *pins);
void splice_update_free(struct splice_update *update);

/* ---- awaited.c ---- */

enum splice_awaited_state { SPLICE_WAITING, SPLICE_PATCHED, SPLICE_UNPATCHED };

/* The load of a module that is awaited. */
struct splice_load {
	struct list_head list;
	struct module *module;
	struct task_struct *task;	/* that loads it */
	int (*init)(void);		/* the module's own, or NULL */
	bool open;			/* it waits: parts may be applied */
	u32 users;			/* that apply one */
};

/* About an update's `code` for a module, which is held or may be unloaded. */
typedef int (*splice_awaited_ask_t)(const struct splice_update *update, const char *module,
				    const struct module *code, bool is_held,
				    struct splice_apply *apply);
typedef void (*splice_awaited_tell_t)(struct splice_update *update, const char *module,
				      const struct module *code);

int __must_check splice_await_module(const struct splice_await *asked);
void splice_awaited_forget(const struct splice_update *update);
void splice_awaited_helper(char path[SPLICE_PATH_LEN]);
bool splice_awaits_any(const struct splice_update *update);
struct module *splice_awaited_code(const struct splice_update *update, const char *module);
bool splice_awaited_is_code(const struct splice_update *update, const char *module,
			    const char *code);
int __must_check splice_awaited_check(const struct splice_update *update,
				      struct splice_apply *apply, splice_awaited_ask_t ask);
void splice_awaited_settle(struct splice_update *update, splice_awaited_tell_t release);
int __must_check splice_awaited_is_open(const struct splice_update *update, const char *module);
void splice_awaited_note(const struct splice_update *update, const char *module,
			 enum splice_awaited_state state);
bool splice_has_parts(const char *module);
bool splice_awaited_decide(const char *module, bool let_in);
size_t splice_awaited_text(const struct splice_update *update, char *text, size_t room);
bool splice_load_begin(struct splice_load *load);
struct splice_load *splice_load_mine(void);
void splice_load_open(struct splice_load *load);
void splice_load_close(struct splice_load *load);
struct module *splice_load_enter(const char *name);
void splice_load_leave(const struct module *module);
struct splice_load *splice_load_end(const struct module *module);

/* ---- live_patch.c ---- */

int __must_check splice_live_patches_start(void);
void splice_live_patches_stop(void);
void splice_live_patches_lock(void);
void splice_live_patches_unlock(void);
bool splice_is_live_patched(unsigned long entry);

/* ---- redirect.c ---- */

/*
 * Where a call goes on may be changed by any user of ftrace, without all registers, where it always
 * hands on this one (kernel/livepatch/patch.c depends on the same).
 */
#if defined(CONFIG_DYNAMIC_FTRACE) && defined(CONFIG_HAVE_DYNAMIC_FTRACE_WITH_ARGS)
#ifdef ftrace_regs_set_instruction_pointer
#define splice_redirect_call_to	ftrace_regs_set_instruction_pointer
#else
#define splice_redirect_call_to	ftrace_instruction_pointer_set
#endif
#endif

struct splice_stack_range;

int __must_check splice_redirects_enter(struct splice_update *update,
					struct splice_outcome *outcome);
void splice_redirects_switch(const struct splice_update *update, enum splice_direction direction);
void splice_redirect_leave(struct splice_patch *patch);
void splice_redirects_leave(struct splice_update *update);
u32 splice_redirect_add_range(const struct splice_patch *patch, u32 function,
			      struct splice_stack_range *range);

/* ---- trampoline.c ---- */

bool splice_is_padding(const u8 *bytes, size_t needed, size_t size);
void splice_changes_sort(struct splice_update *update);
int __must_check splice_trampolines_plan(struct splice_update *update, u32 *bad_function);
int __must_check splice_trampolines_check(const struct splice_update *update,
					  enum splice_direction direction,
					  struct splice_outcome *outcome);
bool splice_new_code_has_probe(const struct splice_update *update);
void splice_text_lock(void);
void splice_text_unlock(void);

/* ---- text_write.c ---- */

/* In this order. */
enum splice_write_step {
	SPLICE_WRITE_TRAPS,	/* an int3 over each first byte */
	SPLICE_WRITE_TAILS,	/* the other bytes */
	SPLICE_WRITE_HEADS,	/* the first bytes */
};

int __must_check splice_text_write_start(void);
void splice_text_write_stop(void);
void splice_text_write(const struct splice_update *update, enum splice_direction direction,
		       enum splice_write_step step);
void splice_text_written(void);

/* ---- values.c ---- */

int __must_check splice_values_read(struct splice_update *update, struct splice_apply *apply);
int __must_check splice_values_compare(const struct splice_update *update,
				       enum splice_direction direction,
				       struct splice_outcome *outcome);
void splice_values_write(const struct splice_update *update, enum splice_direction direction);
u32 splice_values_left(const struct splice_update *update, enum splice_direction direction);
u32 splice_values_add_range(const struct splice_update *update, enum splice_direction direction,
			    struct splice_stack_range *range);
bool splice_values_stand_on(const struct splice_update *later, const struct splice_update *update);

/* ---- exiting.c ---- */

typedef void (*splice_exiting_visit_t)(struct task_struct *task, void *data);

int __must_check splice_exiting_start(void);
void splice_exiting_stop(void);
bool splice_has_ended(const struct task_struct *task);
u32 splice_exiting_count(void);
void splice_exiting_visit(splice_exiting_visit_t visit, void *data);
bool splice_exiting_known(void);

static inline bool splice_is_on_cpu(const struct task_struct *task)
{
#ifdef CONFIG_SMP
	return smp_load_acquire(&task->on_cpu);	/* pairs with finish_task() */
#else
	return task == current;
#endif
}

/* ---- stack_check.c ---- */

/*
 * An address a is in the range if start < a <= end and it is not `safe`. See stack_check.c for why
 * the borders are these.
 */
struct splice_stack_range {
	unsigned long start;
	unsigned long end;
	unsigned long safe;
	u32 function;
};

struct splice_stack_check;

struct splice_stack_check *splice_stack_check_new(struct splice_stack_range *ranges,
						  u32 nr_ranges, u32 max_busy);
void splice_stack_check_free(struct splice_stack_check *check);
int __must_check splice_stack_check_running(struct splice_stack_check *check);
int __must_check splice_stack_check_again(struct splice_stack_check *check);
void splice_stack_check_stopped(struct splice_stack_check *check);
void splice_stack_check_current(struct splice_stack_check *check);
u32 splice_stack_check_busy(const struct splice_stack_check *check, struct splice_busy **busy);

/* ---- hooks.c ---- */

bool splice_hook_may_refuse(enum splice_hook_kind kind);
int __must_check splice_hooks_prepare(struct splice_update *update,
				      enum splice_direction direction,
				      struct splice_outcome *outcome);
int __must_check splice_hooks_check(const struct splice_update *update,
				    enum splice_direction direction,
				    struct splice_outcome *outcome);
void splice_hooks_switched(const struct splice_update *update, enum splice_direction direction);
void splice_hooks_finish(const struct splice_update *update, enum splice_direction direction);
void splice_hooks_fail(const struct splice_update *update, enum splice_direction direction);

/* ---- stop.c ---- */

int __must_check splice_stop_compare(const struct splice_update *update,
				     enum splice_direction direction,
				     struct splice_outcome *outcome);
int __must_check splice_stop_and_look(struct splice_stack_check *check);
int __must_check splice_stop_and_write(const struct splice_update *update,
				       enum splice_direction direction,
				       struct splice_stack_check *check,
				       struct splice_outcome *outcome);

/* ---- arguments.c ---- */

int __must_check splice_arguments_read(struct splice_apply *apply, struct splice_update **result);

/* ---- sysfs.c ---- */

int __must_check splice_sysfs_start(void);
void splice_sysfs_stop(void);
int __must_check splice_sysfs_add(struct splice_update *update);
int __must_check splice_sysfs_reserve(struct splice_update *update, size_t modules,
				      size_t functions, size_t values);
void splice_sysfs_rewrite(struct splice_update *update);
void splice_sysfs_remove(struct splice_update *update);

/* ---- retire.c ---- */

struct splice_stack_check *splice_check_new_code(const struct splice_update *update, u32 max_busy,
						 bool before_undo);
void splice_wait_for_users(void);
bool splice_is_deserted(const struct splice_update *update);
void splice_update_retire(struct splice_update *update);
void splice_retire_stop(void);

/* ---- parts.c ---- */

struct splice_part_room {
	struct splice_patch *functions;
	struct splice_text_change *changes;
	struct splice_live_value *values;
	struct module **modules;
};

int __must_check splice_part_check(const struct splice_update *update, const char *module,
				   const struct module *code, bool is_held,
				   struct splice_apply *apply);
int __must_check splice_part_check_late(const struct splice_update *update,
					const struct splice_update *part, const char *module,
					struct splice_apply *apply);
void splice_part_release(struct splice_update *update, const char *module,
			 const struct module *code);
int __must_check splice_part_room_make(struct splice_part_room *room, struct splice_update *update,
				       const struct splice_update *part);
void splice_part_room_free(struct splice_part_room *room);
void splice_part_join(struct splice_update *update, struct splice_update *part,
		      struct splice_part_room *room, const struct module *module,
		      struct list_head *pins);
void splice_part_drop(const struct module *module);

/* ---- coming.c ---- */

int __must_check splice_coming_start(void);
void splice_coming_stop(void);

/* ---- update.c ---- */

int __must_check splice_update_apply(struct splice_apply *apply, struct list_head *pins);
int __must_check splice_update_undo(struct splice_undo *undo);

/* ---- device.c ---- */

int __must_check splice_device_start(void);
void splice_device_stop(void);

#endif
