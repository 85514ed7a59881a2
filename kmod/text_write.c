// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writing jumps while NMIs, machine checks and their like go on.
 *
 * In the stop no CPU runs anything but the stop, except in handlers that no flag holds back. Such
 * a handler may call a function just when its jump is half written. So it is written as
 * text_poke_bp_batch() (arch/x86/kernel/alternative.c) writes: first an int3 over the first byte of
 * each change, then the other bytes, then the first bytes, and between the steps every CPU
 * serialises (stop.c). A CPU that is in a handler serialises when it has left it, and the step
 * waits for that: a handler that began before the int3 was written is out before the bytes behind
 * it change.
 *
 * A handler that runs into the int3 goes on in the new code, whichever the direction: on apply it
 * stands there already, on undo it still does. So a handler in the stop may run either version, and
 * never a mix of bytes.
 *
 * Not so where kprobes may not go either (within_kprobe_blacklist()): a trap in code that the way
 * to our handler goes through would trap again. There all bytes are written in one step. Such code
 * must not be reached by a handler.
 *
 * Writing itself is text_poke_kgdb(): text_poke() without the demand that the *caller* hold
 * text_mutex; it is made for a debugger that has stopped all CPUs, as here. The thread that waits
 * for the stop holds text_mutex, so the page table entry and lock that it uses in poking_mm are
 * free, and its TLB flush stays on this CPU, since no other has poking_mm loaded. Functions that it
 * calls may be in the update: they lead through the int3 to their new code.
 *
 * Invariant: splice_writing is set from before the first int3 until no CPU can run one any more.
 */
#include <linux/kdebug.h>
#include <linux/ptrace.h>

#include "core.h"

static const u8 splice_int3 = 0xcc;

static const struct splice_update *splice_writing;

static const struct splice_text_change *splice_change_at(const struct splice_update *update,
							 unsigned long address)
{
	u32 low = 0, high = update->nr_changes;

	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (update->changes[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == update->nr_changes || update->changes[low].address != address)
		return NULL;
	return &update->changes[low];
}

NOKPROBE_SYMBOL(splice_change_at);

/* do_int3() (arch/x86/kernel/traps.c) calls it, in NMI context too. */
static int splice_trap(struct notifier_block *block, unsigned long kind, void *data)
{
	const struct splice_update *update = READ_ONCE(splice_writing);
	const struct splice_text_change *change;
	struct die_args *args = data;

	if (kind != DIE_INT3 || !update || user_mode(args->regs))
		return NOTIFY_DONE;
	change = splice_change_at(update, args->regs->ip - sizeof(splice_int3));
	if (!change)
		return NOTIFY_DONE;
	args->regs->ip = update->functions[change->function].new_code;
	return NOTIFY_STOP;
}

NOKPROBE_SYMBOL(splice_trap);

static struct notifier_block splice_trap_block = {
	.notifier_call = splice_trap,
	.priority = INT_MAX,
};

static void splice_write(unsigned long address, const u8 *bytes, size_t size)
{
	splice_kernel_call(text_poke_kgdb)((void *)address, bytes, size);
}

static void splice_write_change(const struct splice_text_change *change, const u8 *bytes,
				enum splice_write_step step)
{
	if (change->plain) {
		if (step == SPLICE_WRITE_TAILS)
			splice_write(change->address, bytes, change->size);
		return;
	}
	switch (step) {
	case SPLICE_WRITE_TRAPS:
		splice_write(change->address, &splice_int3, sizeof(splice_int3));
		break;
	case SPLICE_WRITE_TAILS:
		splice_write(change->address + 1, bytes + 1, change->size - 1);
		break;
	case SPLICE_WRITE_HEADS:
		splice_write(change->address, bytes, 1);
		break;
	}
}

/*
 * One step, in the stop; every CPU serialises after each. The changes are sorted by address, and a
 * hop is behind its site: it is written first and taken away last, as nothing may jump to a hop
 * that is not there.
 */
void splice_text_write(const struct splice_update *update, enum splice_direction direction,
		       enum splice_write_step step)
{
	u32 i;

	WRITE_ONCE(splice_writing, update);
	for (i = 0; i < update->nr_changes; i++) {
		if (direction == SPLICE_TO_NEW) {
			const struct splice_text_change *change =
				&update->changes[update->nr_changes - 1 - i];

			splice_write_change(change, change->after, step);
		} else {
			splice_write_change(&update->changes[i], update->changes[i].before, step);
		}
	}
}

/* After the last step, when every CPU has serialised. */
void splice_text_written(void)
{
	WRITE_ONCE(splice_writing, NULL);
}

int splice_text_write_start(void)
{
	return register_die_notifier(&splice_trap_block);
}

void splice_text_write_stop(void)
{
	unregister_die_notifier(&splice_trap_block);
}
