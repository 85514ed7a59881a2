// SPDX-License-Identifier: GPL-2.0-only
/*
 * Jumps: which bytes become which, and whether these may be written.
 *
 *	site:	e9 rel32		to the new code
 * or, in a function too short for that,
 *	site:	eb rel8			to the hop,
 *	hop:	e9 rel32		in the padding behind the function
 *
 * A function that was replaced before keeps its site and hop; only the long jump's target changes,
 * and undo puts the earlier target back.
 *
 * The kernel rewrites its own text at ftrace sites, static keys, static calls, lock prefixes and
 * probes. A jump there would be overwritten, or would be taken for what the kernel expects. It has
 * a predicate for each, which keeps kprobes off the same bytes, and which is asked here. Those
 * tables are fixed while their module is held in memory; probes are not, hence splice_text_lock().
 *
 * The predicates walk their tables from end to end, twice for each change: some tens of
 * microseconds for a change, so the 65,536 functions that an update may have take seconds.
 */
#include <linux/cpu.h>
#include <linux/sort.h>

#include "core.h"

#define SPLICE_MAX_INSTRUCTION	15

static const u8 splice_int3 = 0xcc;

/* The bytes of the operand that begins with this ModRM byte; 0 if there are not enough. */
static size_t splice_operand_length(const u8 *bytes, size_t size)
{
	u8 mod = bytes[0] >> 6, rm = bytes[0] & 7;
	bool displacement_alone = !mod && rm == 5;
	size_t length = 1;

	if (mod == 3)
		return 1;
	if (rm == 4) {			/* SIB */
		if (size < 2)
			return 0;
		displacement_alone = !mod && (bytes[1] & 7) == 5;
		length++;
	}
	if (mod == 1)
		length += 1;		/* disp8 */
	else if (mod == 2 || displacement_alone)
		length += 4;		/* disp32 */
	return length <= size ? length : 0;
}

/* The length of the padding instruction that the bytes begin with, or 0. */
static size_t splice_padding_length(const u8 *bytes, size_t size)
{
	size_t at = 0, operand;

	size = min_t(size_t, size, SPLICE_MAX_INSTRUCTION);
	if (size && bytes[0] == splice_int3)
		return 1;
	while (at < size && (bytes[at] == 0x66 || bytes[at] == 0x2e))
		at++;
	if (at < size && bytes[at] == 0x90)
		return at + 1;
	if (size - at < 3 || bytes[at] != 0x0f || bytes[at + 1] != 0x1f || bytes[at + 2] & 0x38)
		return 0;
	operand = splice_operand_length(bytes + at + 2, size - at - 2);
	return operand ? at + 2 + operand : 0;
}

/*
 * Padding as assemblers and linkers write it: int3, and nops of all lengths, that is 90 and
 * 0f 1f /0 after any number of 66 and 2e prefixes (alt_patt in gas/config/tc-i386.c). The bytes
 * must be whole instructions from the first on. The last that begins in the first `needed` may
 * reach beyond them, as far as there are bytes.
 */
bool splice_is_padding(const u8 *bytes, size_t needed, size_t size)
{
	size_t at = 0, length;

	for (; at < needed; at += length) {
		length = splice_padding_length(bytes + at, size - at);
		if (!length)
			return false;
	}
	return true;
}

static bool splice_make_long_jump(u8 *bytes, unsigned long from, unsigned long to)
{
	s64 distance = (s64)(to - (from + SPLICE_LONG_JUMP));
	s32 relative = (s32)distance;

	if (relative != distance)
		return false;
	bytes[0] = 0xe9;
	memcpy(bytes + 1, &relative, sizeof(relative));
	return true;
}

static bool splice_make_short_jump(u8 *bytes, unsigned long from, unsigned long to)
{
	s64 distance = (s64)(to - (from + SPLICE_SHORT_JUMP));

	if (distance < -128 || distance > 127)
		return false;
	bytes[0] = 0xeb;
	bytes[1] = (u8)distance;
	return true;
}

/* The target of the long jump that is there already changes. */
static int splice_plan_retarget(const struct splice_patch *patch, struct splice_text_change *change)
{
	change->address = patch->hop ?: patch->site;
	change->size = SPLICE_LONG_JUMP;
	if (!splice_make_long_jump(change->before, change->address, patch->below->new_code) ||
	    !splice_make_long_jump(change->after, change->address, patch->new_code))
		return -EINVAL;
	return 0;
}

static int splice_plan_first(const struct splice_patch *patch, struct splice_text_change *changes,
			     u32 *nr)
{
	const u8 *site_bytes = patch->expected + (patch->site - patch->old_code);
	struct splice_text_change *change = changes;

	if (patch->hop) {
		change->address = patch->hop;
		change->size = SPLICE_LONG_JUMP;
		memcpy(change->before, patch->expected_hop, SPLICE_LONG_JUMP);
		if (!splice_make_long_jump(change->after, patch->hop, patch->new_code))
			return -EINVAL;
		change++;
		change->size = SPLICE_SHORT_JUMP;
		if (!splice_make_short_jump(change->after, patch->site, patch->hop))
			return -EINVAL;
	} else {
		change->size = SPLICE_LONG_JUMP;
		if (!splice_make_long_jump(change->after, patch->site, patch->new_code))
			return -EINVAL;
	}
	change->address = patch->site;
	memcpy(change->before, site_bytes, change->size);
	*nr = change - changes + 1;
	return 0;
}

static int splice_compare_changes(const void *left, const void *right)
{
	const struct splice_text_change *a = left, *b = right;

	return a->address < b->address ? -1 : a->address > b->address;
}

/* By address: text_write.c searches them. */
void splice_changes_sort(struct splice_update *update)
{
	sort(update->changes, update->nr_changes, sizeof(*update->changes), splice_compare_changes,
	     NULL);
}

/* Which of them cannot be led through an int3: see text_write.c. */
static void splice_plan_writing(struct splice_update *update)
{
	u32 i;

	mutex_lock(splice_kernel.kprobe_mutex);
	for (i = 0; i < update->nr_changes; i++) {
		struct splice_text_change *change = &update->changes[i];

		change->plain = splice_kernel_call(within_kprobe_blacklist)(change->address);
	}
	mutex_unlock(splice_kernel.kprobe_mutex);
}

/* Fills in update->changes, which has room for two per function, and sorts them. */
int splice_trampolines_plan(struct splice_update *update, u32 *bad_function)
{
	u32 i, j, nr = 0;
	int error;

	for (i = 0; i < update->nr_functions; i++) {
		const struct splice_patch *patch = &update->functions[i];
		struct splice_text_change *changes = &update->changes[update->nr_changes];

		if (splice_is_watched(patch) || patch->at_ftrace_site)
			continue;
		if (patch->below) {
			nr = 1;
			error = splice_plan_retarget(patch, changes);
		} else {
			error = splice_plan_first(patch, changes, &nr);
		}
		if (error) {
			*bad_function = i;
			return error;
		}
		for (j = 0; j < nr; j++)
			changes[j].function = i;
		update->nr_changes += nr;
	}
	splice_changes_sort(update);
	splice_plan_writing(update);
	return 0;
}

/*
 * A probe in the bytes, or one so close before them that kprobes may replace it and what follows by
 * a jump of its own (kprobe optimisation, which writes five bytes). Disabled probes count: they
 * keep a copy of the bytes, and may be armed at any time.
 */
static bool splice_has_kprobe(unsigned long address, unsigned long size, unsigned long lowest)
{
	unsigned long from = max(address - (SPLICE_LONG_JUMP - 1), lowest);

	for (; from < address + size; from++) {
		if (splice_kernel_call(get_kprobe)((void *)from))
			return true;
	}
	return false;
}

/*
 * A probe in old code behind our jump. The jump has cut an instruction, and kprobes counts from the
 * function's beginning where instructions are (can_probe() in arch/x86/kernel/kprobes/core.c), so
 * such a probe may stand in the middle of one that comes back.
 */
static bool splice_has_late_kprobe(const struct splice_patch *patch)
{
	unsigned long from = patch->site + (patch->hop ? SPLICE_SHORT_JUMP : SPLICE_LONG_JUMP);
	unsigned long end = patch->old_entry + patch->old_size;

	return !patch->below && splice_has_kprobe(from, end - from, from);
}

/* Does the kernel leave these bytes alone? NULL, or who does not. Under splice_text_lock(). */
static const char *splice_place_taken(const struct splice_text_change *change,
				      const struct splice_patch *patch)
{
	unsigned long start = change->address;
	void *first = (void *)start;
	void *last = (void *)(start + change->size - 1);

	if (splice_kernel_has(ftrace_location_range) &&
	    splice_kernel_call(ftrace_location_range)(start, start + change->size - 1))
		return "an ftrace site is where the jump must be written";
	if (splice_kernel_has(jump_label_text_reserved) &&
	    splice_kernel_call(jump_label_text_reserved)(first, last))
		return "a static key is where the jump must be written";
	if (splice_kernel_has(static_call_text_reserved) &&
	    splice_kernel_call(static_call_text_reserved)(first, last))
		return "a static call is where the jump must be written";
	/* Unlike the others, this one takes the end as the first byte behind. */
	if (splice_kernel_has(alternatives_text_reserved) &&
	    splice_kernel_call(alternatives_text_reserved)(first, last + 1))
		return "a lock prefix is where the jump must be written";
	/*
	 * A probe may be set at the first byte of our own jump, but it holds a copy of the jump,
	 * which neither a new target nor the old bytes would reach.
	 */
	if (splice_has_kprobe(start, change->size, start == patch->hop ? start : patch->old_entry))
		return "a kprobe is where the jump must be written";
	return NULL;
}

/*
 * A probe in the text of the update's modules. One in its detour (optprobe_template_func in
 * arch/x86/kernel/kprobes/opt.c) would come back there, and nothing shows where it is. A probe on
 * an ftrace site has no detour; from ftrace's trampoline synchronize_rcu_tasks() leads back.
 */
bool splice_new_code_has_probe(const struct splice_update *update)
{
	unsigned long text, size, i;
	const struct kprobe *probe;
	u32 module;

	lockdep_assert_held(splice_kernel.kprobe_mutex);
	for (module = 0; module < update->nr_modules; module++) {
		text = splice_module_text(update->modules[module], &size);
		for (i = 0; i < size; i++) {
			probe = splice_kernel_call(get_kprobe)((void *)(text + i));
			if (probe && !(probe->flags & KPROBE_FLAG_FTRACE))
				return true;
		}
	}
	return false;
}

int splice_trampolines_check(const struct splice_update *update, enum splice_direction direction,
			     struct splice_outcome *outcome)
{
	u32 i;

	lockdep_assert_held(splice_kernel.kprobe_mutex);
	lockdep_assert_held(splice_kernel.text_mutex);
	if (direction == SPLICE_TO_OLD && splice_new_code_has_probe(update)) {
		outcome->reason = "a kprobe is in the update's code";
		return -EADDRINUSE;
	}
	for (i = 0; i < update->nr_changes; i++) {
		const struct splice_text_change *change = &update->changes[i];
		const struct splice_patch *patch = &update->functions[change->function];

		if (direction == SPLICE_TO_NEW && splice_is_live_patched(patch->old_entry)) {
			outcome->bad_function = change->function;
			outcome->reason = "a live patch decides what runs when it is called";
			return -EADDRNOTAVAIL;
		}
		outcome->reason = splice_place_taken(change, patch);
		if (!outcome->reason && direction == SPLICE_TO_OLD && splice_has_late_kprobe(patch))
			outcome->reason = "a kprobe is in the old code behind the jump";
		if (outcome->reason) {
			outcome->bad_function = change->function;
			return -EADDRINUSE;
		}
	}
	return 0;
}

/*
 * Keeps the kernel from rewriting text between the last look at it and our own write. The order is
 * that of the kernel's own users, register_kprobe(), jump_label_update() and klp_enable_patch():
 *  - klp_mutex, so that no live patch begins to decide at an entry (live_patch.c);
 *  - kprobe_mutex, because a probe copies the original bytes in one step (prepare_kprobe()) and
 *    arms in another, with text_mutex dropped in between: a jump written there would be lost;
 *  - the CPU hotplug lock, which stop_machine_cpuslocked() needs, and which hotplug holds when it
 *    takes text_mutex for the lock prefixes;
 *  - the jump label lock, so that no static key is half way through its sites;
 *  - text_mutex, under which ftrace, kprobes, static calls and BPF write: with it held, no int3 of
 *    a text_poke_bp() is in the text.
 */
void splice_text_lock(void)
{
	splice_live_patches_lock();
	mutex_lock(splice_kernel.kprobe_mutex);
	cpus_read_lock();
	if (splice_kernel_has(jump_label_lock))
		splice_kernel_call(jump_label_lock)();
	mutex_lock(splice_kernel.text_mutex);
}

void splice_text_unlock(void)
{
	mutex_unlock(splice_kernel.text_mutex);
	if (splice_kernel_has(jump_label_unlock))
		splice_kernel_call(jump_label_unlock)();
	cpus_read_unlock();
	mutex_unlock(splice_kernel.kprobe_mutex);
	splice_live_patches_unlock();
}
