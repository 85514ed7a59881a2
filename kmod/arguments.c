// SPDX-License-Identifier: GPL-2.0-only
/*
 * What user space asks for, copied in and proved.
 *
 * splice-apply is run by root, but it works on files that others made, so nothing is believed:
 * counts and sizes have limits, strings end, addresses lie in the text that they claim to lie in,
 * that text is held in memory from then on, and no two functions share a byte.
 *
 * What is not proved here: that the bytes are the expected ones (stop.c, where it counts), and that
 * the places of the jumps are free (trampoline.c, under the text locks).
 *
 * Invariant: an update that splice_arguments_read() returns has only addresses that may be read,
 * holds every module that they lie in, and its jumps are planned.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "core.h"

#define SPLICE_MAX_MODULES	1024
#define SPLICE_MAX_EXPECTED	(16UL << 20)	/* of all functions; compared in the stop */

/* A stretch of text that belongs to one function, or is its hop. */
struct splice_text_interval {
	unsigned long start;
	unsigned long end;
	u32 function;			/* in the call */
	struct splice_patch *patch;	/* of an applied update: the first on its function */
};

static int splice_read_modules(struct splice_update *update, struct splice_apply *apply)
{
	const char __user *names = u64_to_user_ptr(apply->modules);
	char name[SPLICE_NAME_LEN];
	u32 i, j;

	/* All that it patches is awaited: its parts will come. */
	if (!apply->nr_modules && splice_awaits_any(NULL) && !(apply->flags & SPLICE_APPLY_LATE))
		return 0;
	if (!apply->nr_modules || apply->nr_modules > SPLICE_MAX_MODULES)
		return splice_wrong(apply, "no modules of new code, or too many");
	update->modules = kvcalloc(apply->nr_modules, sizeof(*update->modules), GFP_KERNEL);
	if (!update->modules)
		return -ENOMEM;
	for (i = 0; i < apply->nr_modules; i++) {
		struct module *module;

		if (copy_from_user(name, names + (size_t)i * sizeof(name), sizeof(name)))
			return -EFAULT;
		if (!name[0] || strnlen(name, sizeof(name)) == sizeof(name))
			return splice_wrong(apply, "a module's name is empty, or has no end");
		module = splice_module_hold(name);
		if (!module)
			return -ENOENT;
		update->modules[update->nr_modules++] = module;
		if (module == THIS_MODULE)
			return splice_wrong(apply, "the core module is named as new code");
		for (j = 0; j < i; j++) {
			if (update->modules[j] == module)
				return splice_wrong(apply, "a module is named twice");
		}
	}
	return 0;
}

/* Does a symbol of the table begin there? */
static bool splice_is_entry(unsigned long address)
{
	unsigned long size, offset;

	return splice_kernel_call(kallsyms_lookup_size_offset)(address, &size, &offset) && !offset;
}

static int splice_read_hook(const struct splice_update *update, struct splice_update_hook *hook,
			    const struct splice_hook *asked, struct splice_apply *apply)
{
	unsigned long function = asked->function;

	if (asked->kind >= SPLICE_NR_HOOK_KINDS)
		return splice_wrong(apply, "the hook is of no known kind");
	if (!splice_in_own_text(update, function, 1))
		return splice_wrong(apply, "the hook is not in the update's modules");
	if (!splice_is_entry(function))
		return splice_wrong(apply, "the hook is not the entry of a function");
	if (splice_hook_may_refuse(asked->kind))
		hook->ask = (int (*)(void))function;
	else
		hook->call = (void (*)(void))function;
	hook->kind = asked->kind;
	hook->group = asked->group;
	memcpy(hook->name, asked->name, sizeof(hook->name));
	return 0;
}

/* The update's modules have been read. With -EINVAL for a hook, its name goes to apply->hook. */
static int splice_read_hooks(struct splice_update *update, struct splice_apply *apply)
{
	const struct splice_hook __user *asked = u64_to_user_ptr(apply->hooks);
	struct splice_hook hook;
	u32 i;

	if (apply->nr_hooks > SPLICE_MAX_HOOKS)
		return splice_wrong(apply, "too many hooks");
	update->hooks = kvcalloc(apply->nr_hooks, sizeof(*update->hooks), GFP_KERNEL);
	if (!update->hooks)
		return -ENOMEM;
	for (i = 0; i < apply->nr_hooks; i++) {
		if (copy_from_user(&hook, &asked[i], sizeof(hook)))
			return -EFAULT;
		if (!splice_name_is_plain(hook.name))
			return splice_wrong(apply, "a hook's name is not plain text");
		if (splice_read_hook(update, &update->hooks[i], &hook, apply)) {
			memcpy(apply->hook, hook.name, sizeof(apply->hook));
			return -EINVAL;
		}
		update->nr_hooks++;
	}
	return 0;
}

/* Checks each member by itself, and adds to the size of all expected bytes. */
static int splice_read_function(struct splice_patch *patch, const struct splice_function *asked,
				size_t *expected, struct splice_apply *apply)
{
	if (!asked->old_size || asked->old_size > SPLICE_MAX_CODE)
		return splice_wrong(apply, "old_size is 0 or too large");
	if (asked->site && (!asked->new_size || asked->new_size > SPLICE_MAX_CODE))
		return splice_wrong(apply, "new_size is 0 or too large");
	if (!asked->site && (asked->hop || asked->new_code || asked->new_size || asked->flags))
		return splice_wrong(apply, "it is only watched, but has new code, a hop or a flag");
	if ((asked->flags & ~SPLICE_FUNCTION_AT_FTRACE) || asked->reserved)
		return splice_wrong(apply, "a flag of it is not known");
	if (asked->flags && asked->hop)
		return splice_wrong(apply, "it has a hop, but no jump");
	/* A line of /sys/kernel/splice/ID/functions ends with the name. */
	if (!splice_name_is_plain(asked->name))
		return splice_wrong(apply, "its name is not plain text");
	*expected += asked->old_size;
	if (*expected > SPLICE_MAX_EXPECTED)
		return splice_wrong(apply, "the update replaces too many bytes");
	patch->old_entry = asked->old_entry;
	patch->old_code = asked->old_code;
	patch->new_code = asked->new_code;
	patch->site = asked->site;
	patch->hop = asked->hop;
	patch->at_ftrace_site = asked->flags & SPLICE_FUNCTION_AT_FTRACE;
	patch->old_size = asked->old_size;
	patch->new_size = asked->new_size;
	memcpy(patch->name, asked->name, sizeof(patch->name));
	return 0;
}

static int splice_read_functions(struct splice_update *update, struct splice_apply *apply)
{
	const struct splice_function __user *asked = u64_to_user_ptr(apply->functions);
	struct splice_function function;
	size_t expected = 0, offset = 0;
	u64 *pointers;
	int error = 0;
	u32 i;

	if (!apply->nr_functions && (apply->nr_hooks || apply->nr_values || !apply->nr_modules))
		return 0;
	if (!apply->nr_functions || apply->nr_functions > SPLICE_MAX_FUNCTIONS)
		return splice_wrong(apply, "no functions, or too many");
	update->functions = kvcalloc(apply->nr_functions, sizeof(*update->functions), GFP_KERNEL);
	update->changes = kvcalloc(apply->nr_functions, 2 * sizeof(*update->changes), GFP_KERNEL);
	pointers = kvcalloc(apply->nr_functions, sizeof(*pointers), GFP_KERNEL);
	if (!update->functions || !update->changes || !pointers) {
		error = -ENOMEM;
		goto done;
	}
	for (i = 0; i < apply->nr_functions; i++) {
		struct splice_patch *patch = &update->functions[i];

		apply->bad_function = i;
		error = -EFAULT;
		if (copy_from_user(&function, &asked[i], sizeof(function)))
			goto done;
		error = splice_read_function(patch, &function, &expected, apply);
		if (error)
			goto done;
		if (patch->hop &&
		    copy_from_user(patch->expected_hop, u64_to_user_ptr(function.expected_hop),
				   sizeof(patch->expected_hop))) {
			error = -EFAULT;
			goto done;
		}
		patch->update = update;
		pointers[i] = function.expected;
		update->nr_functions++;
		update->nr_replaced += !splice_is_watched(patch);
	}
	apply->bad_function = SPLICE_NO_FUNCTION;
	if (!update->nr_replaced) {
		error = splice_wrong(apply, "its functions are only watched, none is replaced");
		goto done;
	}
	update->expected = vmalloc(expected);
	error = update->expected ? 0 : -ENOMEM;
	for (i = 0; !error && i < update->nr_functions; i++) {
		struct splice_patch *patch = &update->functions[i];

		if (copy_from_user(update->expected + offset, u64_to_user_ptr(pointers[i]),
				   patch->old_size)) {
			apply->bad_function = i;
			error = -EFAULT;
		}
		patch->expected = update->expected + offset;
		offset += patch->old_size;
	}
done:
	kvfree(pointers);
	return error;
}

static int splice_compare_intervals(const void *left, const void *right)
{
	const struct splice_text_interval *a = left, *b = right;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return 0;
}

/* What the applied updates occupy: each replaced function as it was first, and each hop. */
static struct splice_text_interval *splice_applied_intervals(u32 *nr)
{
	struct splice_update *update;
	struct splice_text_interval *intervals;
	size_t capacity = 0;
	u32 i;

	list_for_each_entry(update, &splice_updates, list)
		capacity += 2 * (size_t)update->nr_functions;
	*nr = 0;
	intervals = kvcalloc(max_t(size_t, capacity, 1), sizeof(*intervals), GFP_KERNEL);
	if (!intervals)
		return NULL;
	list_for_each_entry(update, &splice_updates, list) {
		for (i = 0; i < update->nr_functions; i++) {
			struct splice_patch *patch = &update->functions[i];

			if (patch->below || splice_is_watched(patch))
				continue;
			intervals[(*nr)++] = (struct splice_text_interval){
				patch->old_entry, patch->old_entry + patch->old_size, i, patch
			};
			if (patch->hop)
				intervals[(*nr)++] = (struct splice_text_interval){
					patch->hop, patch->hop + SPLICE_LONG_JUMP, i, patch
				};
		}
	}
	sort(intervals, *nr, sizeof(*intervals), splice_compare_intervals, NULL);
	return intervals;
}

/* An interval that shares a byte with [start, end), or NULL. They are sorted and disjoint. */
static const struct splice_text_interval *
splice_find_overlap(const struct splice_text_interval *intervals, u32 nr, unsigned long start,
		    unsigned long end)
{
	u32 low = 0, high = nr;

	/* The last one that starts before `end`: if it does not reach beyond `start`, none does. */
	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (intervals[middle].start < end)
			low = middle + 1;
		else
			high = middle;
	}
	return low && intervals[low - 1].end > start ? &intervals[low - 1] : NULL;
}

/* A function that an applied update has replaced: site and hop are inherited. */
static int splice_check_stacked(struct splice_patch *patch, struct splice_patch *newest,
				struct splice_apply *apply)
{
	while (newest->above)
		newest = newest->above;
	if (patch->old_code != newest->new_code || patch->old_size != newest->new_size) {
		apply->bad_offset = newest->site - newest->old_entry;
		return -ESTALE;
	}
	if (patch->site != newest->site || patch->hop != newest->hop ||
	    patch->at_ftrace_site != newest->at_ftrace_site)
		return splice_wrong(apply, "site or hop is not that of the earlier update");
	patch->below = newest;
	return 0;
}

/*
 * The first byte that a jump may take: behind endbr64, where indirect calls must land, or the nop
 * that the kernel seals it with (gen_endbr_poison() in asm/ibt.h).
 */
static unsigned long splice_first_free(const struct splice_patch *patch)
{
	static const u8 endbr64[SPLICE_ENDBR] = { 0xf3, 0x0f, 0x1e, 0xfa };
	static const u8 sealed[SPLICE_ENDBR] = { 0x66, 0x0f, 0x1f, 0x00 };
	const void *entry = (const void *)patch->old_entry;

	if (patch->old_size >= SPLICE_ENDBR &&
	    (!memcmp(entry, endbr64, SPLICE_ENDBR) || !memcmp(entry, sealed, SPLICE_ENDBR)))
		return patch->old_entry + SPLICE_ENDBR;
	return patch->old_entry;
}

/* Is the symbol that `address` lies in the one that begins at `entry`? */
static bool splice_is_part_of(unsigned long address, unsigned long entry)
{
	unsigned long size, offset;

	return splice_kernel_call(kallsyms_lookup_size_offset)(address, &size, &offset) &&
	       address - offset == entry;
}

/*
 * The site of a function that nobody has replaced yet. No other symbol begins under the jump, for
 * whoever calls that would land inside it.
 */
static int splice_check_site(const struct splice_patch *patch, struct splice_apply *apply)
{
	unsigned long length = patch->hop ? SPLICE_SHORT_JUMP : SPLICE_LONG_JUMP;
	unsigned long first = splice_first_free(patch), ftrace_site = 0;

	if (splice_kernel_has(ftrace_location_range))
		ftrace_site = splice_kernel_call(ftrace_location_range)(first, first);
	if (patch->at_ftrace_site) {
		if (patch->site != first || ftrace_site != first)
			return splice_wrong(apply, "the site is not an ftrace site at the entry");
	} else if (patch->site != first &&
		   !(patch->site == first + SPLICE_FTRACE_SITE && ftrace_site == first)) {
		return splice_wrong(apply, "the site is not where a jump may begin");
	}
	if (patch->site - patch->old_entry + length > patch->old_size)
		return splice_wrong(apply, "the jump reaches beyond the function");
	if (!splice_is_part_of(patch->site + length - 1, patch->old_entry))
		return splice_wrong(apply, "another symbol begins under the jump");
	return 0;
}

/*
 * The hop must be unused padding: only int3 and nops from the function's end to the hop's, and no
 * other symbol in the table begins there. Both are checked, because a function may begin with the
 * nop of an ftrace site. The last nop may reach beyond the hop, up to the next symbol.
 */
static int splice_check_hop(const struct splice_patch *patch, struct splice_apply *apply)
{
	unsigned long end = patch->old_entry + patch->old_size;
	unsigned long last = patch->hop + SPLICE_LONG_JUMP - 1;
	unsigned long size, offset;
	struct module *owner;
	bool in_text;

	if (!patch->hop)
		return 0;
	if (patch->hop < end || last < patch->hop || last - patch->site > 256)
		return splice_wrong(apply, "the hop is not right behind the function");
	/* A symbol's size is the distance to the next (get_symbol_pos(), kernel/kallsyms.c). */
	if (!splice_kernel_call(kallsyms_lookup_size_offset)(last, &size, &offset) ||
	    last - offset != patch->old_entry)
		return splice_wrong(apply, "another symbol begins before the hop's end");
	size = max(size, last + 1 - patch->old_entry);
	in_text = splice_text_hold(patch->old_entry, size, &owner);
	/* The caller holds the old entry's module, and a range never spans two modules. */
	module_put(owner);
	if (!in_text || owner != patch->owner)
		return splice_wrong(apply, "the hop is not in the function's module");
	if (memcmp((const u8 *)patch->hop, patch->expected_hop, SPLICE_LONG_JUMP))
		return -ESTALE;
	if (!splice_is_padding((const u8 *)end, last + 1 - end, patch->old_entry + size - end))
		return splice_wrong(apply, "what is before the hop's end is no padding");
	return 0;
}

/*
 * Old code is text of the kernel or of a module, but not ours, nor the update's own.
 *
 * Code that the processor enters on its own, or that is called from there while the page tables are
 * still the user's (pti_clone_entry_text() in arch/x86/mm/pti.c maps these bytes there, and no text
 * of modules), cannot lead to new code. Nor can the thunks, through which everything goes.
 */
static int splice_hold_old_code(const struct splice_update *update, struct splice_patch *patch,
				struct splice_apply *apply)
{
	if (!splice_text_hold(patch->old_code, patch->old_size, &patch->owner))
		return splice_wrong(apply, "the old code is not in any text");
	if (patch->owner == THIS_MODULE)
		return splice_wrong(apply, "the old code is the core module's own");
	if (splice_names_own_module(update, patch->owner))
		return splice_wrong(apply, "the old code is in the update's modules");
	if (splice_is_entry_text(patch->old_code) ||
	    splice_is_entry_text(patch->old_code + patch->old_size - 1))
		return splice_wrong(apply, "entry code and thunks cannot be replaced");
	return 0;
}

/*
 * It may be in an applied update's module: the out-of-line part of what is to be replaced again.
 * That module is held like any other.
 */
static int splice_check_watched(const struct splice_update *update, struct splice_patch *patch,
				struct splice_apply *apply)
{
	if (patch->old_entry != patch->old_code)
		return splice_wrong(apply, "it is only watched, but old_entry is not old_code");
	return splice_hold_old_code(update, patch, apply);
}

static bool splice_shares_bytes(const struct splice_patch *patch,
				const struct splice_text_interval *taken, u32 nr_taken)
{
	return splice_find_overlap(taken, nr_taken, patch->old_entry,
				   patch->old_entry + patch->old_size) ||
	       (patch->hop && splice_find_overlap(taken, nr_taken, patch->hop,
						  patch->hop + SPLICE_LONG_JUMP));
}

static int splice_check_function(struct splice_update *update, struct splice_patch *patch,
				 struct splice_apply *apply,
				 const struct splice_text_interval *taken, u32 nr_taken)
{
	const struct splice_text_interval *interval;
	int error;

	if (splice_is_watched(patch))
		return splice_check_watched(update, patch, apply);
	if (!splice_in_own_text(update, patch->new_code, patch->new_size))
		return splice_wrong(apply, "the new code is not in the update's modules");
	if (!splice_is_entry(patch->new_code))
		return splice_wrong(apply, "the new code does not begin at a function's entry");

	interval = splice_find_overlap(taken, nr_taken, patch->old_entry, patch->old_entry + 1);
	if (interval && interval->patch->old_entry == patch->old_entry) {
		error = splice_check_stacked(patch, interval->patch, apply);
		if (error)
			return error;
		return splice_text_hold(patch->old_entry, 1, &patch->owner) ?
			       0 :
			       splice_wrong(apply, "the old code's module is going away");
	}

	/* The code of an update that has been undone since. */
	if (patch->old_code != patch->old_entry)
		return -ESTALE;
	error = splice_hold_old_code(update, patch, apply);
	if (!error && splice_shares_bytes(patch, taken, nr_taken)) {
		splice_wrong(apply, "an applied update has its jump in these bytes");
		error = -EADDRINUSE;
	}
	if (!error)
		error = splice_check_site(patch, apply);
	if (!error)
		error = splice_check_hop(patch, apply);
	return error;
}

/* No byte may belong to two functions or hops of the call. */
static int splice_check_overlaps(const struct splice_update *update, struct splice_apply *apply)
{
	struct splice_text_interval *intervals;
	int error = 0;
	u32 i, nr = 0;

	intervals = kvcalloc(update->nr_functions, 2 * sizeof(*intervals), GFP_KERNEL);
	if (!intervals)
		return -ENOMEM;
	for (i = 0; i < update->nr_functions; i++) {
		struct splice_patch *patch = &update->functions[i];

		intervals[nr++] = (struct splice_text_interval){
			patch->old_code, patch->old_code + patch->old_size, i, patch
		};
		if (patch->hop && !patch->below)
			intervals[nr++] = (struct splice_text_interval){
				patch->hop, patch->hop + SPLICE_LONG_JUMP, i, patch
			};
	}
	sort(intervals, nr, sizeof(*intervals), splice_compare_intervals, NULL);
	for (i = 1; i < nr && !error; i++) {
		if (intervals[i].start < intervals[i - 1].end) {
			apply->bad_function = max(intervals[i].function, intervals[i - 1].function);
			error = splice_wrong(apply, "it shares bytes with another function");
		}
	}
	kvfree(intervals);
	return error;
}

static int splice_check_functions(struct splice_update *update, struct splice_apply *apply)
{
	struct splice_text_interval *taken;
	u32 i, nr_taken;
	int error = 0;

	taken = splice_applied_intervals(&nr_taken);
	if (!taken)
		return -ENOMEM;
	for (i = 0; i < update->nr_functions && !error; i++) {
		error = splice_check_function(update, &update->functions[i], apply, taken,
					      nr_taken);
		if (error)
			apply->bad_function = i;
	}
	kvfree(taken);
	return error ?: splice_check_overlaps(update, apply);
}

/*
 * Copies in all that the call points to, and proves it. Returns 0 and the update, or a negative
 * errno with bad_function, bad_offset and reason filled in.
 */
int splice_arguments_read(struct splice_apply *apply, struct splice_update **result)
{
	struct splice_update *update = kvzalloc(sizeof(*update), GFP_KERNEL);
	int error;

	lockdep_assert_held(&splice_mutex);
	if (!update)
		return -ENOMEM;
	INIT_LIST_HEAD(&update->pins);
	memcpy(update->id, apply->id, sizeof(update->id));
	update->keeps = apply->flags & SPLICE_APPLY_KEEPS;
	error = splice_read_modules(update, apply);
	if (!error)
		error = splice_read_hooks(update, apply);
	if (!error)
		error = splice_values_read(update, apply);
	if (!error)
		error = splice_read_functions(update, apply);
	if (!error)
		error = splice_check_functions(update, apply);
	if (!error) {
		error = splice_trampolines_plan(update, &apply->bad_function);
		if (error)
			splice_wrong(apply, "the new code is too far away for a jump");
	}
	if (error) {
		splice_update_free(update);
		return error;
	}
	*result = update;
	return 0;
}
