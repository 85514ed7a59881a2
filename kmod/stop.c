// SPDX-License-Identifier: GPL-2.0-only
/*
 * What happens in the stop: compare, look at the stacks, ask the update's own checks, write, call
 * its hooks.
 *
 * stop_machine() gives every CPU to its stopper thread, interrupts off. The first CPU to come
 * leads. The others look at their own stack, then wait, and serialise after each step of writing,
 * so that none runs bytes that it has fetched before (Intel SDM volume 3, "Handling Self- and
 * Cross-Modifying Code"). The leader waits for them after each step: text_write.c says why.
 *
 * Invariants.
 *  - All or nothing: nothing is written before every comparison and every stack is done, and
 *    writing cannot fail.
 *  - From its look to its sync_core() a waiting CPU calls nothing: what it called might be in the
 *    update, and would be written while it runs. It does not even touch the watchdogs, whose limit
 *    (10 s, watchdog_thresh in kernel/watchdog.c) no stop comes near.
 */
#include <linux/cpu.h>
#include <linux/ktime.h>
#include <asm/sync_core.h>

#include "core.h"

struct splice_stop {
	const struct splice_update *update;	/* NULL: nothing but a look */
	enum splice_direction direction;
	struct splice_stack_check *check;
	struct splice_outcome *outcome;
	int nr_cpus;
	atomic_t nr_arrived;
	atomic_t nr_looked;
	atomic_t nr_serialised;
	int phase;			/* 0, then one for each step of writing, then the last */
};

#define SPLICE_STOP_FINISHED	INT_MAX

static int splice_bytes_differ(struct splice_outcome *outcome, u32 function, unsigned long origin,
			       unsigned long address, const u8 *expected, u32 size)
{
	const u8 *found = (const u8 *)address;
	u32 i;

	if (!memcmp(found, expected, size))
		return 0;
	for (i = 0; i < size - 1 && found[i] == expected[i]; i++)
		;
	outcome->bad_function = function;
	outcome->bad_offset = address - origin + i;
	return -ESTALE;
}

/* The code that runs today. What is at an ftrace site that is ours ftrace itself compares. */
static int splice_old_code_differs(struct splice_outcome *outcome, u32 function,
				   const struct splice_patch *patch)
{
	unsigned long start = patch->old_code, end = patch->old_code + patch->old_size;
	unsigned long behind = patch->site + SPLICE_FTRACE_SITE;
	const u8 *expected = patch->expected;

	if (patch->at_ftrace_site && !patch->below) {
		if (patch->site > start &&
		    splice_bytes_differ(outcome, function, start, start, expected,
					patch->site - start))
			return -ESTALE;
		expected += behind - start;
		if (behind == end)
			return 0;
		return splice_bytes_differ(outcome, function, start, behind, expected,
					   end - behind);
	}
	return splice_bytes_differ(outcome, function, start, start, expected, patch->old_size);
}

/*
 * Are the bytes still those that were proved (apply), or that we wrote (undo)? For a function that
 * was replaced before, that is its newest code, and our jump at the site. Under splice_text_lock(),
 * or in the stop. -ESTALE fills in bad_function and bad_offset.
 */
int splice_stop_compare(const struct splice_update *update, enum splice_direction direction,
			struct splice_outcome *outcome)
{
	u32 i;

	for (i = 0; direction == SPLICE_TO_NEW && i < update->nr_functions; i++) {
		if (splice_old_code_differs(outcome, i, &update->functions[i]))
			return -ESTALE;
	}
	for (i = 0; i < update->nr_changes; i++) {
		const struct splice_text_change *change = &update->changes[i];

		if (splice_bytes_differ(outcome, change->function,
					update->functions[change->function].old_entry,
					change->address,
					direction == SPLICE_TO_NEW ? change->before : change->after,
					change->size))
			return -ESTALE;
	}
	return splice_values_compare(update, direction, outcome);
}

static int splice_stop_look(struct splice_stop *stop)
{
	struct splice_busy *busy;

	if (stop->update && splice_stop_compare(stop->update, stop->direction, stop->outcome))
		return -ESTALE;
	splice_stack_check_current(stop->check);
	splice_stack_check_stopped(stop->check);
	while (atomic_read_acquire(&stop->nr_looked) < stop->nr_cpus - 1)
		cpu_relax();
	if (!splice_exiting_known()) {
		stop->outcome->reason = "more threads are exiting at once than can be followed";
		return -EBUSY;
	}
	return splice_stack_check_busy(stop->check, &busy) ? -EBUSY : 0;
}

/* Until every CPU has serialised, and is in no handler that began before. */
static void splice_stop_serialise(struct splice_stop *stop, int phase)
{
	sync_core();
	atomic_set(&stop->nr_serialised, 0);
	smp_store_release(&stop->phase, phase);	/* after what this step has written */
	while (atomic_read_acquire(&stop->nr_serialised) < stop->nr_cpus - 1)
		cpu_relax();
}

static void splice_stop_write(struct splice_stop *stop)
{
	splice_text_write(stop->update, stop->direction, SPLICE_WRITE_TRAPS);
	splice_stop_serialise(stop, 1);
	splice_text_write(stop->update, stop->direction, SPLICE_WRITE_TAILS);
	splice_stop_serialise(stop, 2);
	splice_text_write(stop->update, stop->direction, SPLICE_WRITE_HEADS);
	splice_stop_serialise(stop, 3);
	splice_text_written();
	splice_redirects_switch(stop->update, stop->direction);
	splice_values_write(stop->update, stop->direction);
}

static void splice_stop_lead(struct splice_stop *stop)
{
	const struct splice_update *update = stop->update;

	stop->outcome->error = splice_stop_look(stop);
	if (!stop->outcome->error && update)
		stop->outcome->error = splice_hooks_check(update, stop->direction, stop->outcome);
	if (!stop->outcome->error && update) {
		splice_stop_write(stop);
		splice_hooks_switched(update, stop->direction);
	}
	smp_store_release(&stop->phase, SPLICE_STOP_FINISHED);	/* after all of it */
}

static int splice_stop_cpu(void *data)
{
	struct splice_stop *stop = data;
	int seen = 0, phase;

	if (atomic_inc_return(&stop->nr_arrived) == 1) {
		splice_stop_lead(stop);
		return 0;
	}
	splice_stack_check_current(stop->check);
	atomic_inc_return_release(&stop->nr_looked);
	while (seen != SPLICE_STOP_FINISHED) {
		cpu_relax();
		phase = smp_load_acquire(&stop->phase);	/* pairs with splice_stop_serialise() */
		if (phase == seen)
			continue;
		sync_core();
		seen = phase;
		atomic_inc_return_release(&stop->nr_serialised);
	}
	return 0;
}

static int splice_stop_run(struct splice_stop *stop)
{
	stop->nr_cpus = num_online_cpus();
	/* Asserts the CPU hotplug lock. */
	return splice_kernel_call(stop_machine_cpuslocked)(splice_stop_cpu, stop, cpu_online_mask);
}

/* Stops the machine to look, and does nothing else: -EBUSY if threads are inside. */
int splice_stop_and_look(struct splice_stack_check *check)
{
	struct splice_outcome outcome = { };
	struct splice_stop stop = { .check = check, .outcome = &outcome };
	int error = splice_stop_run(&stop);

	return error ?: outcome.error;
}

/*
 * Under splice_text_lock(). Returns outcome->error. The pause is measured around the whole of
 * stop_machine(): no thread was held up for longer than that.
 */
int splice_stop_and_write(const struct splice_update *update, enum splice_direction direction,
			  struct splice_stack_check *check, struct splice_outcome *outcome)
{
	struct splice_stop stop = {
		.update = update,
		.direction = direction,
		.check = check,
		.outcome = outcome,
	};
	u64 started;
	int error;

	lockdep_assert_held(splice_kernel.text_mutex);
	started = ktime_get_ns();
	error = splice_stop_run(&stop);
	outcome->pause_ns = ktime_get_ns() - started;
	if (error)
		outcome->error = error;
	return outcome->error;
}
