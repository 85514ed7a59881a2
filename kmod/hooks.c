// SPDX-License-Identifier: GPL-2.0-only
/*
 * Code that an update brings for its own application and reversal (include/splice.h).
 *
 *	apply	pre_apply   | stop: check_apply, jumps are written, apply | post_apply
 *	undo	pre_undo    | stop: check_undo, old bytes are written, undo | post_undo
 *	failed	fail_apply or fail_undo
 *
 * Hooks run in the order of linking on the way in, and in the reverse order on the way out (fail
 * hooks against their pre hooks), so that what was set up last is taken down first.
 *
 * Outside the stop they run in the calling thread under splice_mutex, with no other lock held, and
 * may sleep. In the stop they run on one CPU while the others spin with interrupts off
 * (multi_cpu_stop() in kernel/stop_machine.c), so they must not wait for anybody. A hook that comes
 * back in another context than it was called in is named in the log and the context is put right, as
 * do_one_initcall() (init/main.c) does for initcalls.
 *
 * Post and plain hooks cannot refuse: what is written is written.
 *
 * Invariant: a hook's address is the entry of a function in the text of the update's own modules,
 * which are held; nothing else is ever called.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ctype.h>
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "core.h"

static bool name_is_plain(const char *name)
{
	size_t length = strnlen(name, SPLICE_NAME_LEN), i;

	if (!length || length == SPLICE_NAME_LEN)
		return false;
	for (i = 0; i < length; i++) {
		if (!isascii(name[i]) || !isgraph(name[i]))
			return false;
	}
	return true;
}

static int read_hook(const struct splice_update *update, struct update_hook *hook,
		     const struct splice_hook *asked)
{
	unsigned long size, offset, function = asked->function;

	if (asked->kind >= SPLICE_NR_HOOK_KINDS || function != asked->function)
		return -EINVAL;
	if (!in_own_text(update, function, 1))
		return -EINVAL;
	if (!kernel_call(kallsyms_lookup_size_offset)(function, &size, &offset) || offset)
		return -EINVAL;
	hook->call = (void (*)(void))function;
	hook->kind = asked->kind;
	hook->group = asked->group;
	memcpy(hook->name, asked->name, sizeof(hook->name));
	return 0;
}

/* The update's modules have been read. With -EINVAL for a hook, its name goes to apply->hook. */
int hooks_read(struct splice_update *update, struct splice_apply *apply)
{
	const struct splice_hook __user *asked = u64_to_user_ptr(apply->hooks);
	struct splice_hook hook;
	u32 i;

	if (apply->nr_hooks > SPLICE_MAX_HOOKS)
		return -EINVAL;
	update->hooks = kvcalloc(apply->nr_hooks, sizeof(*update->hooks), GFP_KERNEL);
	if (!update->hooks)
		return -ENOMEM;
	for (i = 0; i < apply->nr_hooks; i++) {
		if (copy_from_user(&hook, &asked[i], sizeof(hook)))
			return -EFAULT;
		if (!name_is_plain(hook.name))
			return -EINVAL;
		if (read_hook(update, &update->hooks[i], &hook)) {
			memcpy(apply->hook, hook.name, sizeof(apply->hook));
			return -EINVAL;
		}
		update->nr_hooks++;
	}
	return 0;
}

static bool may_refuse(enum splice_hook_kind kind)
{
	return kind == SPLICE_HOOK_PRE_APPLY || kind == SPLICE_HOOK_CHECK_APPLY ||
	       kind == SPLICE_HOOK_PRE_UNDO || kind == SPLICE_HOOK_CHECK_UNDO;
}

/* Hooks of these kinds run against the order of linking. */
static bool runs_backwards(enum splice_hook_kind kind)
{
	return kind == SPLICE_HOOK_FAIL_APPLY || kind == SPLICE_HOOK_PRE_UNDO ||
	       kind == SPLICE_HOOK_CHECK_UNDO || kind == SPLICE_HOOK_UNDO ||
	       kind == SPLICE_HOOK_POST_UNDO;
}

static int run(const struct update_hook *hook)
{
	int count = preempt_count(), error = 0;
	bool disabled = irqs_disabled();

	if (may_refuse(hook->kind))
		error = hook->ask();
	else
		hook->call();
	if (preempt_count() != count) {
		pr_err("hook %s changed the preemption count\n", hook->name);
		preempt_count_set(count);
	}
	if (irqs_disabled() != disabled) {
		pr_err("hook %s left interrupts %s\n", hook->name, disabled ? "on" : "off");
		if (disabled)
			local_irq_disable();
		else
			local_irq_enable();
	}
	return error;
}

/* The n-th hook to run of a kind is somewhere behind the (n-1)-th; this is the order. */
static struct update_hook *hook_at(const struct splice_update *update, enum splice_hook_kind kind,
				   u32 i)
{
	struct update_hook *hook =
		&update->hooks[runs_backwards(kind) ? update->nr_hooks - 1 - i : i];

	return hook->kind == kind ? hook : NULL;
}

static void call_all(const struct splice_update *update, enum splice_hook_kind kind)
{
	u32 i;

	for (i = 0; i < update->nr_hooks; i++) {
		const struct update_hook *hook = hook_at(update, kind, i);

		if (hook)
			run(hook);
	}
}

/* The first one that refuses ends it. */
static int ask_all(const struct splice_update *update, enum splice_hook_kind kind,
		   struct stop_result *result)
{
	u32 i;

	for (i = 0; i < update->nr_hooks; i++) {
		struct update_hook *hook = hook_at(update, kind, i);

		if (!hook)
			continue;
		result->hook_error = run(hook);
		if (result->hook_error) {
			result->refused_by = hook;
			return -ECANCELED;
		}
		hook->passed = true;
	}
	return 0;
}

/* Before the stop. Each attempt begins anew. */
int hooks_prepare(struct splice_update *update, enum stop_direction direction,
		  struct stop_result *result)
{
	u32 i;

	for (i = 0; i < update->nr_hooks; i++)
		update->hooks[i].passed = false;
	return ask_all(update,
		       direction == STOP_APPLY ? SPLICE_HOOK_PRE_APPLY : SPLICE_HOOK_PRE_UNDO, result);
}

/* In the stop, before anything is written. */
int hooks_check(const struct splice_update *update, enum stop_direction direction,
		struct stop_result *result)
{
	return ask_all(update,
		       direction == STOP_APPLY ? SPLICE_HOOK_CHECK_APPLY : SPLICE_HOOK_CHECK_UNDO,
		       result);
}

/* In the stop, after all is written: what a hook calls is already the code to be. */
void hooks_switched(const struct splice_update *update, enum stop_direction direction)
{
	call_all(update, direction == STOP_APPLY ? SPLICE_HOOK_APPLY : SPLICE_HOOK_UNDO);
}

/* After the stop. */
void hooks_finish(const struct splice_update *update, enum stop_direction direction)
{
	call_all(update, direction == STOP_APPLY ? SPLICE_HOOK_POST_APPLY : SPLICE_HOOK_POST_UNDO);
}

static bool was_prepared(const struct splice_update *update, enum splice_hook_kind pre, u32 group)
{
	u32 i;

	for (i = 0; i < update->nr_hooks; i++) {
		const struct update_hook *hook = &update->hooks[i];

		if (hook->kind == pre && hook->group == group && hook->passed)
			return true;
	}
	return false;
}

/* Nothing came of it: where a pre hook of a file has run and not refused, its fail hooks run. */
void hooks_fail(const struct splice_update *update, enum stop_direction direction)
{
	enum splice_hook_kind pre = SPLICE_HOOK_PRE_APPLY, fail = SPLICE_HOOK_FAIL_APPLY;
	u32 i;

	if (direction == STOP_UNDO) {
		pre = SPLICE_HOOK_PRE_UNDO;
		fail = SPLICE_HOOK_FAIL_UNDO;
	}
	for (i = 0; i < update->nr_hooks; i++) {
		const struct update_hook *hook = hook_at(update, fail, i);

		if (hook && was_prepared(update, pre, hook->group))
			run(hook);
	}
}
