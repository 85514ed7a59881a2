// SPDX-License-Identifier: GPL-2.0-only
/*
 * What happens in the stop: compare, look at the stacks, ask the update's own checks, write, call
 * its hooks.
 *
 * stop_machine() gives every CPU to its stopper thread, interrupts off. The first CPU to come
 * leads; the others look at their own stack, then wait, and serialise once the leader has written,
 * so that none runs bytes that it has fetched before (Intel SDM volume 3, "Handling Self- and
 * Cross-Modifying Code").
 *
 * Writing. text_poke_kgdb() is text_poke() without the demand that the *caller* hold text_mutex; it
 * is made for a debugger that has stopped all CPUs, as here. The thread that waits for the stop
 * holds text_mutex, so the page table entry and lock that it uses in poking_mm are free, and its
 * TLB flush stays on this CPU, since no other has poking_mm loaded. Plain writes of several bytes
 * are enough where no CPU runs the bytes.
 *
 * NMIs, machine checks and their like come in the stop as elsewhere. Code that runs in them can
 * meet a jump that is half written: it must not be patched.
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
	int finished;
};

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
		const struct splice_patch *patch = &update->functions[i];

		if (splice_bytes_differ(outcome, i, patch->old_code, patch->old_code,
					patch->expected, patch->old_size))
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
	return 0;
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

static void splice_stop_lead(struct splice_stop *stop)
{
	const struct splice_update *update = stop->update;
	u32 i;

	stop->outcome->error = splice_stop_look(stop);
	if (!update)
		goto done;
	if (!stop->outcome->error)
		stop->outcome->error = splice_hooks_check(update, stop->direction, stop->outcome);
	for (i = 0; !stop->outcome->error && i < update->nr_changes; i++) {
		const struct splice_text_change *change = &update->changes[i];
		const u8 *bytes =
			stop->direction == SPLICE_TO_NEW ? change->after : change->before;

		splice_kernel_call(text_poke_kgdb)((void *)change->address, bytes, change->size);
	}
	sync_core();
	if (!stop->outcome->error)
		splice_hooks_switched(update, stop->direction);
done:
	smp_store_release(&stop->finished, 1);	/* after the writes: the others serialise then */
}

static int splice_stop_cpu(void *data)
{
	struct splice_stop *stop = data;

	if (atomic_inc_return(&stop->nr_arrived) == 1) {
		splice_stop_lead(stop);
		return 0;
	}
	splice_stack_check_current(stop->check);
	atomic_inc_return_release(&stop->nr_looked);
	while (!smp_load_acquire(&stop->finished))	/* pairs with splice_stop_lead() */
		cpu_relax();
	sync_core();
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
