// SPDX-License-Identifier: GPL-2.0-only
/*
 * When may new code be freed?
 *
 * Undo finds no thread in any text of the update's modules, writes the old bytes back in the same
 * stop, and then waits for
 *  - synchronize_rcu_tasks(): threads preempted in a trampoline of ftrace or kprobes that leads
 *    back into the new code have left the trampoline;
 *  - rcu_barrier(): callbacks that the new code has passed to call_rcu() have run;
 *  - rcu_barrier_tasks(), rcu_barrier_tasks_trace(): the same for call_rcu_tasks() and
 *    call_rcu_tasks_trace().
 * Then it stops the machine once more, writes nothing, and looks. Nothing leads into the new code
 * any more, so whoever is in it now will leave, and nobody else will come. The first look may have
 * missed a thread in the detour of an optimised probe, or have been led astray in a way that nobody
 * has thought of. Only when this look finds no one is the memory let go.
 *
 * An update that says that what it stores may lead to its memory (SPLICE_APPLY_KEEPS) never lets
 * go of it: its state is then "kept", and its modules are held until the machine goes down. So are
 * those of an earlier update that the kept one refers to, when that is undone.
 *
 * If it finds somebody time after time, the memory stays. The update is undone all the same: its
 * state is "undone", a later update may stand on the old code, and its modules are held. A work
 * item looks again every few seconds.
 *
 * Post hooks come when no thread is in the new code: they may free what it used, by RCU too.
 *
 * The code of an apply that fails was never reachable, but for its hooks: if it has any, the same
 * waits come before its modules may go.
 *
 * Pointers to a replaced function hold its old entry, because new code is linked against that. They
 * lead nowhere else after an undo. What would lead to freed memory is the address of a *new*
 * function, or of new data, that was stored: in a timer or work item, in a table of operations, in
 * a callback of call_srcu(). splice-create looks for that, and marks the update as one that keeps
 * its memory.
 *
 * Invariant: an update on splice_kept has no jump in the kernel, and holds what it held.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/rcupdate_trace.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "core.h"

#define SPLICE_LOOKS		40		/* before the memory is kept */
#define SPLICE_LOOK_PAUSE	25		/* ms */
#define SPLICE_KEPT_PAUSE	(3 * HZ)

static void splice_kept_look(struct work_struct *work);
static DECLARE_DELAYED_WORK(splice_kept_work, splice_kept_look);

/*
 * All text of the update's modules, first byte included, for it all goes away. So does a hop that
 * is not an earlier update's: a thread interrupted between the two jumps of a short function
 * (irqentry_exit_cond_resched()) would go on in padding.
 */
struct splice_stack_check *splice_check_new_code(const struct splice_update *update, u32 max_busy,
						 bool before_undo)
{
	struct splice_stack_range *ranges;
	unsigned long text, size;
	u32 i, nr = 0;

	ranges = kvcalloc((size_t)update->nr_modules + update->nr_functions + 1, sizeof(*ranges),
			  GFP_KERNEL);
	if (!ranges)
		return NULL;
	for (i = 0; i < update->nr_modules; i++) {
		text = splice_module_text(update->modules[i], &size);
		ranges[nr++] = (struct splice_stack_range){
			.start = text - 1,
			.end = text + size,
			.function = SPLICE_NO_FUNCTION,
		};
	}
	for (i = 0; i < update->nr_functions; i++) {
		const struct splice_patch *patch = &update->functions[i];

		if (before_undo)
			nr += splice_redirect_add_range(patch, i, &ranges[nr]);
		if (!patch->hop || patch->below)
			continue;
		ranges[nr++] = (struct splice_stack_range){
			.start = patch->hop - 1,
			.end = patch->hop,
			.function = i,
		};
	}
	if (before_undo)
		nr += splice_values_add_range(update, SPLICE_TO_OLD, &ranges[nr]);
	return splice_stack_check_new(ranges, nr, max_busy);
}

/* For what may still lead into the update's code. */
void splice_wait_for_users(void)
{
	synchronize_rcu_tasks();
	rcu_barrier();
#ifdef CONFIG_TASKS_RCU
	rcu_barrier_tasks();
#endif
#ifdef CONFIG_TASKS_TRACE_RCU
	rcu_barrier_tasks_trace();
#endif
}

/* One look at the whole machine. With an error nobody knows, and the answer is no. */
bool splice_is_deserted(const struct splice_update *update)
{
	struct splice_stack_check *check = splice_check_new_code(update, 0, false);
	int error;

	if (!check)
		return false;
	error = splice_stack_check_running(check);
	if (!error) {
		splice_text_lock();
		error = splice_new_code_has_probe(update) ? -EBUSY : splice_stop_and_look(check);
		splice_text_unlock();
	}
	splice_stack_check_free(check);
	return !error;
}

/* No thread is in its code, and it is on no list. */
static void splice_update_let_go(struct splice_update *update)
{
	if (update->nr_hooks) {
		splice_hooks_finish(update, SPLICE_TO_OLD);
		splice_wait_for_users();
	}
	if (update->keeps) {
		update->settled = true;
		WRITE_ONCE(update->state, "kept");
		list_add_tail(&update->list, &splice_kept);
		return;
	}
	splice_sysfs_remove(update);
	splice_update_free(update);
	/* An open device holds one more, and splice_exit() waits for the work item. */
	module_put(THIS_MODULE);
}

static void splice_kept_look(struct work_struct *work)
{
	struct splice_update *update, *next;
	bool wait = false;

	mutex_lock(&splice_mutex);
	list_for_each_entry_safe(update, next, &splice_kept, list) {
		if (update->settled)
			continue;
		if (!splice_is_deserted(update)) {
			wait = true;
			continue;
		}
		pr_info("%s: no thread is in its code any more\n", update->id);
		list_del(&update->list);
		splice_update_let_go(update);
	}
	if (wait)
		queue_delayed_work(system_long_wq, &splice_kept_work, SPLICE_KEPT_PAUSE);
	mutex_unlock(&splice_mutex);
}

/*
 * Its records know no others any more, which may go before it, nor what belongs to those: the hop
 * and the redirect of the update that it stood on.
 */
static void splice_patches_part(struct splice_update *update)
{
	u32 i;

	for (i = 0; i < update->nr_functions; i++) {
		struct splice_patch *patch = &update->functions[i];

		if (patch->below)
			patch->hop = 0;
		patch->below = NULL;
		patch->redirect = NULL;
	}
}

/* The update's jumps are gone. Frees it, or keeps it: it is not the caller's any more. */
void splice_update_retire(struct splice_update *update)
{
	u32 i;

	lockdep_assert_held(&splice_mutex);
	for (i = 0; i < update->nr_functions; i++) {
		if (update->functions[i].below)
			update->functions[i].below->above = NULL;
	}
	list_del(&update->list);
	splice_awaited_forget(update);
	splice_redirects_leave(update);
	splice_patches_part(update);
	splice_wait_for_users();
	for (i = 0; i < SPLICE_LOOKS; i++) {
		if (splice_is_deserted(update)) {
			splice_update_let_go(update);
			return;
		}
		if (fatal_signal_pending(current))
			break;
		msleep(SPLICE_LOOK_PAUSE);
	}
	pr_warn("%s is undone, but threads are in its code: its memory stays\n", update->id);
	WRITE_ONCE(update->state, "undone");
	list_add_tail(&update->list, &splice_kept);
	queue_delayed_work(system_long_wq, &splice_kept_work, SPLICE_KEPT_PAUSE);
}

void splice_retire_stop(void)
{
	cancel_delayed_work_sync(&splice_kept_work);
}
