// SPDX-License-Identifier: GPL-2.0-only
/*
 * What happens while the machine stands still: compare, look at the stacks, ask the update's own
 * checks, write, call its hooks.
 *
 * stop_machine gives every CPU to its stopper thread, interrupts off. The first CPU to come leads;
 * the others look at their own stack, then wait, and serialise once the leader has written, so that
 * none runs bytes that it has fetched before (Intel SDM volume 3, "Handling Self- and
 * Cross-Modifying Code").
 *
 * Writing. text_poke_kgdb() is text_poke() without the demand that the *caller* hold text_mutex; it
 * is made for a debugger that has stopped all CPUs, which is our case too. Its holder is the thread
 * that waits for the stop, so the page table entry and lock that it uses in poking_mm are free, and
 * its TLB flush stays on this CPU, since no other has poking_mm loaded. Plain writes of several
 * bytes are enough, as no CPU runs there.
 *
 * Invariant: all or nothing. Nothing is written before every comparison and every stack is done,
 * and writing cannot fail.
 */
#include <linux/cpu.h>
#include <linux/ktime.h>
#include <linux/nmi.h>
#include <asm/sync_core.h>

#include "core.h"

struct stop {
	const struct splice_update *update;
	enum stop_direction direction;
	struct stack_check *check;
	struct stop_result *result;
	int nr_cpus;
	atomic_t nr_arrived;
	atomic_t nr_looked;
	int finished;
};

static int differ(struct stop_result *result, u32 function, unsigned long origin,
		  unsigned long address, const u8 *expected, u32 size)
{
	const u8 *found = (const u8 *)address;
	u32 i;

	if (!memcmp(found, expected, size))
		return 0;
	for (i = 0; i < size - 1 && found[i] == expected[i]; i++)
		;
	result->bad_function = function;
	result->bad_offset = address - origin + i;
	return -ESTALE;
}

/*
 * Are the bytes still those that were proved (apply), or that we wrote (undo)? For a function that
 * was replaced before, that is its newest code, and our jump at the site.
 */
int stop_compare(const struct splice_update *update, enum stop_direction direction,
		 struct stop_result *result)
{
	u32 i;

	for (i = 0; direction == STOP_APPLY && i < update->nr_functions; i++) {
		const struct splice_patch *patch = &update->functions[i];

		if (differ(result, i, patch->old_code, patch->old_code, patch->expected,
			   patch->old_size))
			return -ESTALE;
	}
	for (i = 0; i < update->nr_changes; i++) {
		const struct text_change *change = &update->changes[i];

		if (differ(result, change->function, update->functions[change->function].old_entry,
			   change->address,
			   direction == STOP_APPLY ? change->before : change->after, change->size))
			return -ESTALE;
	}
	return 0;
}

static int compare_and_look(struct stop *stop)
{
	struct splice_busy *busy;

	if (stop_compare(stop->update, stop->direction, stop->result))
		return -ESTALE;
	stack_check_current(stop->check);
	stack_check_stopped(stop->check);
	while (atomic_read_acquire(&stop->nr_looked) < stop->nr_cpus - 1)
		cpu_relax();
	return stack_check_busy(stop->check, &busy) ? -EBUSY : 0;
}

static void lead(struct stop *stop)
{
	const struct splice_update *update = stop->update;
	u32 i;

	stop->result->error = compare_and_look(stop);
	if (!stop->result->error)
		stop->result->error = hooks_check(update, stop->direction, stop->result);
	for (i = 0; !stop->result->error && i < update->nr_changes; i++) {
		const struct text_change *change = &update->changes[i];

		kernel_call(text_poke_kgdb)((void *)change->address,
					    stop->direction == STOP_APPLY ? change->after :
									    change->before,
					    change->size);
	}
	sync_core();
	if (!stop->result->error)
		hooks_switched(update, stop->direction);
	smp_store_release(&stop->finished, 1);
}

static int stopped(void *data)
{
	struct stop *stop = data;

	if (atomic_inc_return(&stop->nr_arrived) == 1) {
		lead(stop);
		return 0;
	}
	stack_check_current(stop->check);
	atomic_inc_return_release(&stop->nr_looked);
	while (!smp_load_acquire(&stop->finished)) {
		touch_nmi_watchdog();
		cpu_relax();
	}
	sync_core();
	return 0;
}

/*
 * Under text_lock(). The pause is measured from outside, around the whole of stop_machine: no
 * thread has stood still for longer than that.
 */
void stop_and_write(const struct splice_update *update, enum stop_direction direction,
		    struct stack_check *check, struct stop_result *result)
{
	struct stop stop = {
		.update = update,
		.direction = direction,
		.check = check,
		.result = result,
		.nr_cpus = num_online_cpus(),
	};
	u64 started = ktime_get_ns();
	int error;

	error = kernel_call(stop_machine_cpuslocked)(stopped, &stop, cpu_online_mask);
	result->pause_ns = ktime_get_ns() - started;
	if (error)
		result->error = error;
}
