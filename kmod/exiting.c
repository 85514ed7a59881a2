// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads that are exiting, which the task list does not have any more.
 *
 * exit_notify() takes a thread that nobody waits for off the list (release_task() of itself), but
 * do_exit() runs on, and release_task() itself does: proc_flush_pid(), exit_io_context(),
 * free_pipe_info(). There it may be preempted, and may sleep. So each exiting thread is put on a
 * list here, by a probe on the tracepoint sched_process_exit, which do_exit() passes before
 * exit_notify(). It stays there until it has run its last instruction: do_task_dead() switches away
 * from it in state TASK_DEAD, for ever.
 *
 * A tracepoint's probe must not sleep, nor allocate on PREEMPT_RT. It takes entries from a store,
 * which a work item fills up, and which grows if threads exit faster than that. An exit for which
 * there is no entry is not forgotten: for some seconds after it, splice_exiting_known() is false,
 * and no code is switched.
 *
 * A thread that had passed the tracepoint when this module was loaded is not on the list.
 *
 * Invariant: each entry holds a reference to its task. A thread that has passed the tracepoint and
 * not yet ended has an entry, or splice_exiting_known() is false.
 */
#include <linux/jiffies.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/tracepoint.h>
#include <linux/workqueue.h>
#include <trace/events/sched.h>

#include "core.h"

#define SPLICE_EXITING_STORE	4096		/* entries that are free, to begin with */
#define SPLICE_EXITING_MOST	(1U << 17)
#define SPLICE_EXITING_SWEEP	(HZ / 10)	/* how long a dead task is held at most */
#define SPLICE_EXITING_DOUBT	(10 * HZ)

struct splice_exiting {
	struct list_head list;
	struct task_struct *task;
};

static DEFINE_RAW_SPINLOCK(splice_exiting_lock);	/* over all below */
static LIST_HEAD(splice_exiting_threads);
static LIST_HEAD(splice_exiting_store);
static u32 splice_exiting_stored;
static u32 splice_exiting_wanted = SPLICE_EXITING_STORE;
static u32 splice_exiting_nr;
static bool splice_exiting_missed;
static unsigned long splice_exiting_missed_at;

static void splice_exiting_sweep(struct work_struct *work);
static DECLARE_DELAYED_WORK(splice_exiting_work, splice_exiting_sweep);

/* It is switched out for the last time. */
bool splice_has_ended(const struct task_struct *task)
{
	return READ_ONCE(task->__state) == TASK_DEAD && !splice_is_on_cpu(task);
}

static void splice_exiting_probe(void *data, struct task_struct *task)
{
	struct splice_exiting *entry;
	unsigned long flags;
	bool low;

	raw_spin_lock_irqsave(&splice_exiting_lock, flags);
	entry = list_first_entry_or_null(&splice_exiting_store, struct splice_exiting, list);
	if (entry) {
		entry->task = get_task_struct(task);
		list_move_tail(&entry->list, &splice_exiting_threads);
		splice_exiting_stored--;
		splice_exiting_nr++;
	} else {
		splice_exiting_missed = true;
		splice_exiting_missed_at = jiffies;
		splice_exiting_wanted = min(2 * splice_exiting_wanted, SPLICE_EXITING_MOST);
	}
	low = splice_exiting_stored < splice_exiting_wanted / 2;
	raw_spin_unlock_irqrestore(&splice_exiting_lock, flags);
	if (low)
		mod_delayed_work(system_wq, &splice_exiting_work, 0);
	else
		queue_delayed_work(system_wq, &splice_exiting_work, SPLICE_EXITING_SWEEP);
}

/* Takes off the list those that have ended, and lets go of their tasks. */
static void splice_exiting_collect(struct list_head *ended)
{
	struct splice_exiting *entry, *next;
	unsigned long flags;

	raw_spin_lock_irqsave(&splice_exiting_lock, flags);
	list_for_each_entry_safe(entry, next, &splice_exiting_threads, list) {
		if (splice_has_ended(entry->task)) {
			list_move_tail(&entry->list, ended);
			splice_exiting_nr--;
		}
	}
	raw_spin_unlock_irqrestore(&splice_exiting_lock, flags);
	list_for_each_entry(entry, ended, list)
		put_task_struct(entry->task);
}

/* How many entries the store lacks; those of `fresh` go into it first. */
static u32 splice_exiting_restock(struct list_head *fresh, u32 nr)
{
	unsigned long flags;
	u32 missing;

	raw_spin_lock_irqsave(&splice_exiting_lock, flags);
	list_splice_tail_init(fresh, &splice_exiting_store);
	splice_exiting_stored += nr;
	missing = splice_exiting_wanted - min(splice_exiting_wanted, splice_exiting_stored);
	raw_spin_unlock_irqrestore(&splice_exiting_lock, flags);
	return missing;
}

static int splice_exiting_fill(struct list_head *fresh, u32 nr)
{
	u32 missing = splice_exiting_restock(fresh, nr);

	for (nr = 0; nr < missing; nr++) {
		struct splice_exiting *entry = kmalloc(sizeof(*entry), GFP_KERNEL);

		if (!entry)
			break;
		list_add(&entry->list, fresh);
	}
	splice_exiting_restock(fresh, nr);
	return nr == missing ? 0 : -ENOMEM;
}

static void splice_exiting_sweep(struct work_struct *work)
{
	LIST_HEAD(entries);
	struct list_head *entry;
	u32 nr = 0;

	splice_exiting_collect(&entries);
	list_for_each(entry, &entries)
		nr++;
	/* With too few entries exits are missed, which is known. */
	if (splice_exiting_fill(&entries, nr) || READ_ONCE(splice_exiting_nr))
		queue_delayed_work(system_wq, &splice_exiting_work, SPLICE_EXITING_SWEEP);
}

u32 splice_exiting_count(void)
{
	return READ_ONCE(splice_exiting_nr);
}

/* For each of them, under a raw spinlock; in the stop too, where nobody can hold it. */
void splice_exiting_visit(splice_exiting_visit_t visit, void *data)
{
	struct splice_exiting *entry;
	unsigned long flags;

	raw_spin_lock_irqsave(&splice_exiting_lock, flags);
	list_for_each_entry(entry, &splice_exiting_threads, list)
		visit(entry->task, data);
	raw_spin_unlock_irqrestore(&splice_exiting_lock, flags);
}

bool splice_exiting_known(void)
{
	return !READ_ONCE(splice_exiting_missed) ||
	       time_after(jiffies, READ_ONCE(splice_exiting_missed_at) + SPLICE_EXITING_DOUBT);
}

static void splice_exiting_free(void)
{
	struct splice_exiting *entry, *next;

	cancel_delayed_work_sync(&splice_exiting_work);
	list_for_each_entry_safe(entry, next, &splice_exiting_threads, list) {
		put_task_struct(entry->task);
		kfree(entry);
	}
	list_for_each_entry_safe(entry, next, &splice_exiting_store, list)
		kfree(entry);
}

int splice_exiting_start(void)
{
	LIST_HEAD(fresh);
	int error = splice_exiting_fill(&fresh, 0);

	check_trace_callback_type_sched_process_exit(splice_exiting_probe);
	if (!error)
		error = tracepoint_probe_register(splice_kernel.process_exit,
						  (void *)splice_exiting_probe, NULL);
	if (error)
		splice_exiting_free();
	return error;
}

void splice_exiting_stop(void)
{
	tracepoint_probe_unregister(splice_kernel.process_exit, (void *)splice_exiting_probe, NULL);
	tracepoint_synchronize_unregister();
	splice_exiting_free();
}
