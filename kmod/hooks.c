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
 * (multi_cpu_stop() in kernel/stop_machine.c), so they must not wait for anything. A hook that
 * returns in another context than it was called in is named in the log and the context is put
 * right, as do_one_initcall() (init/main.c) does for initcalls.
 *
 * Post and plain hooks cannot refuse: what is written is written.
 *
 * Invariant: a hook's address is the entry of a function in the text of the update's own modules,
 * which are held (splice_read_hook() in arguments.c); nothing else is ever called.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/irqflags.h>
#include <linux/preempt.h>

#include "core.h"

bool splice_hook_may_refuse(enum splice_hook_kind kind)
{
	return kind == SPLICE_HOOK_PRE_APPLY || kind == SPLICE_HOOK_CHECK_APPLY ||
	       kind == SPLICE_HOOK_PRE_UNDO || kind == SPLICE_HOOK_CHECK_UNDO;
}

/* Hooks of these kinds run in the reverse order of linking. */
static bool splice_hook_runs_backwards(enum splice_hook_kind kind)
{
	return kind == SPLICE_HOOK_FAIL_APPLY || kind == SPLICE_HOOK_PRE_UNDO ||
	       kind == SPLICE_HOOK_CHECK_UNDO || kind == SPLICE_HOOK_UNDO ||
	       kind == SPLICE_HOOK_POST_UNDO;
}

static int splice_hook_run(const struct splice_update_hook *hook)
{
	int count = preempt_count(), error = 0;
	bool disabled = irqs_disabled();

	if (hook->ask)
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

/* Walking i from 0 meets the hooks of a kind in the order in which they run; NULL: another kind. */
static struct splice_update_hook *splice_hook_at(const struct splice_update *update,
						 enum splice_hook_kind kind, u32 i)
{
	u32 index = splice_hook_runs_backwards(kind) ? update->nr_hooks - 1 - i : i;
	struct splice_update_hook *hook = &update->hooks[index];

	return hook->kind == kind ? hook : NULL;
}

static void splice_hooks_call(const struct splice_update *update, enum splice_hook_kind kind)
{
	u32 i;

	for (i = 0; i < update->nr_hooks; i++) {
		const struct splice_update_hook *hook = splice_hook_at(update, kind, i);

		if (hook)
			splice_hook_run(hook);
	}
}

/* Stops at the first one that refuses. */
static int splice_hooks_ask(const struct splice_update *update, enum splice_hook_kind kind,
			    struct splice_outcome *outcome)
{
	u32 i;

	for (i = 0; i < update->nr_hooks; i++) {
		struct splice_update_hook *hook = splice_hook_at(update, kind, i);

		if (!hook)
			continue;
		outcome->hook_error = splice_hook_run(hook);
		if (outcome->hook_error) {
			outcome->refused_by = hook;
			return -ECANCELED;
		}
		hook->passed = true;
	}
	return 0;
}

/* Before the stop, under splice_mutex alone. Each attempt runs all pre hooks again. */
int splice_hooks_prepare(struct splice_update *update, enum splice_direction direction,
			 struct splice_outcome *outcome)
{
	enum splice_hook_kind kind =
		direction == SPLICE_TO_NEW ? SPLICE_HOOK_PRE_APPLY : SPLICE_HOOK_PRE_UNDO;
	u32 i;

	lockdep_assert_held(&splice_mutex);
	for (i = 0; i < update->nr_hooks; i++)
		update->hooks[i].passed = false;
	return splice_hooks_ask(update, kind, outcome);
}

/* In the stop, before anything is written. */
int splice_hooks_check(const struct splice_update *update, enum splice_direction direction,
		       struct splice_outcome *outcome)
{
	return splice_hooks_ask(update,
				direction == SPLICE_TO_NEW ? SPLICE_HOOK_CHECK_APPLY :
							     SPLICE_HOOK_CHECK_UNDO,
				outcome);
}

/* In the stop, after all is written: a hook already calls the code that was switched to. */
void splice_hooks_switched(const struct splice_update *update, enum splice_direction direction)
{
	splice_hooks_call(update,
			  direction == SPLICE_TO_NEW ? SPLICE_HOOK_APPLY : SPLICE_HOOK_UNDO);
}

/* After the stop, under splice_mutex alone. */
void splice_hooks_finish(const struct splice_update *update, enum splice_direction direction)
{
	lockdep_assert_held(&splice_mutex);
	splice_hooks_call(update, direction == SPLICE_TO_NEW ? SPLICE_HOOK_POST_APPLY :
							       SPLICE_HOOK_POST_UNDO);
}

static bool splice_hooks_were_prepared(const struct splice_update *update,
				       enum splice_hook_kind pre, u32 group)
{
	u32 i;

	for (i = 0; i < update->nr_hooks; i++) {
		const struct splice_update_hook *hook = &update->hooks[i];

		if (hook->kind == pre && hook->group == group && hook->passed)
			return true;
	}
	return false;
}

/*
 * After a failed attempt, under splice_mutex alone: the fail hooks of each file of which a pre hook
 * has run and not refused.
 */
void splice_hooks_fail(const struct splice_update *update, enum splice_direction direction)
{
	enum splice_hook_kind pre = SPLICE_HOOK_PRE_APPLY, fail = SPLICE_HOOK_FAIL_APPLY;
	u32 i;

	lockdep_assert_held(&splice_mutex);
	if (direction == SPLICE_TO_OLD) {
		pre = SPLICE_HOOK_PRE_UNDO;
		fail = SPLICE_HOOK_FAIL_UNDO;
	}
	for (i = 0; i < update->nr_hooks; i++) {
		const struct splice_update_hook *hook = splice_hook_at(update, fail, i);

		if (hook && splice_hooks_were_prepared(update, pre, hook->group))
			splice_hook_run(hook);
	}
}
