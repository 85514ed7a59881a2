// SPDX-License-Identifier: GPL-2.0-only
/*
 * What user space asks for, copied in and proved.
 *
 * splice-apply is run by root, but it works on files that others made, so nothing is believed:
 * counts and sizes have limits, strings end, addresses lie in the text that they claim to lie in,
 * that text is held in memory from then on, and no two functions share a byte. (Hooks: hooks.c.)
 *
 * What is not proved here: that the bytes are the expected ones (stop.c, where it counts), and that
 * the places of the jumps are free (trampoline.c, under the text locks).
 *
 * Invariant: an update that arguments_read() returns has only addresses that may be read, holds
 * every module that they lie in, and its jumps are planned.
 */
#include <linux/kobject.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "core.h"

#define MAX_MODULES	1024
#define MAX_EXPECTED	(64UL << 20)	/* all expected bytes of one update */

/* A stretch of text that belongs to one function, or is its hop. */
struct text_interval {
	unsigned long start;
	unsigned long end;
	u32 function;			/* in the call */
	struct splice_patch *patch;	/* of an applied update: the first on its function */
};

/* A reference to a module that is loaded and in service; NULL if there is none of that name. */
struct module *module_hold(const char *name)
{
	struct module *module;

	/* find_module() wants either of the two, depending on the kernel. */
	rcu_read_lock();
	preempt_disable();
	module = kernel_call(find_module)(name);
	if (module && (module->state != MODULE_STATE_LIVE || !try_module_get(module)))
		module = NULL;
	preempt_enable();
	rcu_read_unlock();
	return module;
}

/*
 * Does [start, start + size) lie in text that stays? That is the kernel's own, or the core part of
 * one module (init text goes away). A module is given in *owner with a reference.
 */
static bool hold_text(unsigned long start, unsigned long size, struct module **owner)
{
	unsigned long last = start + size - 1, text, text_size;
	struct module *module;
	bool held = false;

	*owner = NULL;
	if (!size || last < start)
		return false;
	if (kernel_call(core_kernel_text)(start))
		return kernel_call(core_kernel_text)(last);

	rcu_read_lock();
	preempt_disable();
	module = kernel_call(__module_text_address)(start);
	if (module && module->state == MODULE_STATE_LIVE) {
		text = module_text(module, &text_size);
		held = start >= text && last < text + text_size && try_module_get(module);
	}
	preempt_enable();
	rcu_read_unlock();
	if (held)
		*owner = module;
	return held;
}

static bool in_module_text(const struct module *module, unsigned long start, unsigned long size)
{
	unsigned long text_size, text = module_text(module, &text_size);

	return size && start >= text && start - text < text_size && size <= text_size - (start - text);
}

static int read_modules(struct splice_update *update, const struct splice_apply *apply)
{
	const char __user *names = u64_to_user_ptr(apply->modules);
	char name[SPLICE_NAME_LEN];
	u32 i, j;

	if (!apply->nr_modules || apply->nr_modules > MAX_MODULES)
		return -EINVAL;
	update->modules = kvcalloc(apply->nr_modules, sizeof(*update->modules), GFP_KERNEL);
	if (!update->modules)
		return -ENOMEM;
	for (i = 0; i < apply->nr_modules; i++) {
		struct module *module;

		if (copy_from_user(name, names + (size_t)i * sizeof(name), sizeof(name)))
			return -EFAULT;
		if (!name[0] || strnlen(name, sizeof(name)) == sizeof(name))
			return -EINVAL;
		module = module_hold(name);
		if (!module)
			return -ENOENT;
		update->modules[update->nr_modules++] = module;
		if (module == THIS_MODULE)
			return -EINVAL;
		for (j = 0; j < i; j++) {
			if (update->modules[j] == module)
				return -EINVAL;
		}
	}
	return 0;
}

bool in_own_text(const struct splice_update *update, unsigned long start, unsigned long size)
{
	u32 i;

	for (i = 0; i < update->nr_modules; i++) {
		if (in_module_text(update->modules[i], start, size))
			return true;
	}
	return false;
}

static bool names_own_module(const struct splice_update *update, const struct module *module)
{
	u32 i;

	for (i = 0; i < update->nr_modules; i++) {
		if (update->modules[i] == module)
			return true;
	}
	return false;
}

static bool fits(__u64 address)
{
	return address == (unsigned long)address;
}

/* The members that stand for themselves; and the size of all expected bytes so far. */
static int read_function(struct splice_patch *patch, const struct splice_function *asked,
			 size_t *expected)
{
	if (!fits(asked->old_entry) || !fits(asked->old_code) || !fits(asked->new_code) ||
	    !fits(asked->site) || !fits(asked->hop))
		return -EINVAL;
	if (!asked->old_size || asked->old_size > SPLICE_MAX_CODE)
		return -EINVAL;
	if (asked->site ? !asked->new_size || asked->new_size > SPLICE_MAX_CODE :
			  asked->hop || asked->new_code || asked->new_size)
		return -EINVAL;
	if (!asked->name[0] || strnlen(asked->name, sizeof(asked->name)) == sizeof(asked->name))
		return -EINVAL;
	/* A line of /sys/kernel/splice/ID/functions ends with the name. */
	if (strpbrk(asked->name, " \t\n"))
		return -EINVAL;
	*expected += asked->old_size;
	if (*expected > MAX_EXPECTED)
		return -EINVAL;
	patch->old_entry = asked->old_entry;
	patch->old_code = asked->old_code;
	patch->new_code = asked->new_code;
	patch->site = asked->site;
	patch->hop = asked->hop;
	patch->old_size = asked->old_size;
	patch->new_size = asked->new_size;
	memcpy(patch->name, asked->name, sizeof(patch->name));
	return 0;
}

static int read_functions(struct splice_update *update, struct splice_apply *apply)
{
	const struct splice_function __user *asked = u64_to_user_ptr(apply->functions);
	struct splice_function function;
	size_t expected = 0, offset = 0;
	u64 *pointers;
	int error = 0;
	u32 i;

	if (!apply->nr_functions && apply->nr_hooks)
		return 0;
	if (!apply->nr_functions || apply->nr_functions > SPLICE_MAX_FUNCTIONS)
		return -EINVAL;
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
		error = read_function(patch, &function, &expected);
		if (error)
			goto done;
		if (patch->hop && copy_from_user(patch->expected_hop,
						 u64_to_user_ptr(function.expected_hop),
						 sizeof(patch->expected_hop))) {
			error = -EFAULT;
			goto done;
		}
		patch->update = update;
		pointers[i] = function.expected;
		update->nr_functions++;
		update->nr_replaced += !is_watched(patch);
	}
	apply->bad_function = SPLICE_NO_FUNCTION;
	error = -EINVAL;
	if (!update->nr_replaced)
		goto done;
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

static int compare_intervals(const void *left, const void *right)
{
	const struct text_interval *a = left, *b = right;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return 0;
}

/* What the applied updates have taken: each replaced function as it was first, and each hop. */
static struct text_interval *applied_intervals(u32 *nr)
{
	struct splice_update *update;
	struct text_interval *intervals;
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

			if (patch->below || is_watched(patch))
				continue;
			intervals[(*nr)++] = (struct text_interval){
				patch->old_entry, patch->old_entry + patch->old_size, i, patch
			};
			if (patch->hop)
				intervals[(*nr)++] = (struct text_interval){
					patch->hop, patch->hop + SPLICE_LONG_JUMP, i, patch
				};
		}
	}
	sort(intervals, *nr, sizeof(*intervals), compare_intervals, NULL);
	return intervals;
}

/* An interval that shares a byte with [start, end), or NULL. They are sorted and disjoint. */
static const struct text_interval *find_overlap(const struct text_interval *intervals, u32 nr,
						unsigned long start, unsigned long end)
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

/* A function on which an applied update stands: site and hop are inherited. */
static int check_stacked(struct splice_patch *patch, struct splice_patch *newest,
			 struct splice_apply *apply)
{
	while (newest->above)
		newest = newest->above;
	if (patch->old_code != newest->new_code || patch->old_size != newest->new_size) {
		apply->bad_offset = newest->site - newest->old_entry;
		return -ESTALE;
	}
	if (patch->site != newest->site || patch->hop != newest->hop)
		return -EINVAL;
	patch->below = newest;
	return 0;
}

/*
 * The first byte that a jump may take: behind endbr64, where indirect calls must land, or the nop
 * that the kernel seals it with (gen_endbr_poison() in asm/ibt.h).
 */
static unsigned long first_free(const struct splice_patch *patch)
{
	static const u8 endbr64[SPLICE_ENDBR] = { 0xf3, 0x0f, 0x1e, 0xfa };
	static const u8 sealed[SPLICE_ENDBR] = { 0x66, 0x0f, 0x1f, 0x00 };
	const void *entry = (const void *)patch->old_entry;

	if (patch->old_size >= SPLICE_ENDBR &&
	    (!memcmp(entry, endbr64, SPLICE_ENDBR) || !memcmp(entry, sealed, SPLICE_ENDBR)))
		return patch->old_entry + SPLICE_ENDBR;
	return patch->old_entry;
}

/* The site of a function that nobody has replaced yet. */
static int check_site(const struct splice_patch *patch)
{
	unsigned long length = patch->hop ? SPLICE_SHORT_JUMP : SPLICE_LONG_JUMP;
	unsigned long first = first_free(patch), ftrace_site = 0;

	if (kernel_has(ftrace_location_range))
		ftrace_site = kernel_call(ftrace_location_range)(first, first);
	if (patch->site != first &&
	    !(patch->site == first + SPLICE_FTRACE_SITE && ftrace_site == first))
		return -EINVAL;
	if (patch->site - patch->old_entry + length > patch->old_size)
		return -EINVAL;
	return 0;
}

/*
 * The hop is padding that belongs to nothing: from the function's end to the hop's, there are only
 * int3 and nops, and the symbol table knows no other function that begins there. (Both are asked,
 * because a function may begin with the nop of an ftrace site.)
 */
static int check_hop(const struct splice_patch *patch)
{
	unsigned long end = patch->old_entry + patch->old_size;
	unsigned long size, offset, last = patch->hop + SPLICE_LONG_JUMP - 1;
	struct module *owner;
	bool in_text;

	if (!patch->hop)
		return 0;
	if (patch->hop < end || last < patch->hop || last - patch->site > 256)
		return -EINVAL;
	in_text = hold_text(patch->old_entry, last + 1 - patch->old_entry, &owner);
	/* The caller holds the old entry's module, and there is only text of one in the range. */
	module_put(owner);
	if (!in_text || owner != patch->owner)
		return -EINVAL;
	if (memcmp((const u8 *)patch->hop, patch->expected_hop, SPLICE_LONG_JUMP))
		return -ESTALE;
	if (!bytes_are_padding((const u8 *)end, last + 1 - end))
		return -EINVAL;
	if (!kernel_call(kallsyms_lookup_size_offset)(last, &size, &offset) ||
	    last - offset != patch->old_entry)
		return -EINVAL;
	return 0;
}

/*
 * It may be in an applied update's module: the out-of-line part of what is to be replaced again.
 * That module is held like any other.
 */
static int check_watched(const struct splice_update *update, struct splice_patch *patch)
{
	if (patch->old_entry != patch->old_code)
		return -EINVAL;
	if (!hold_text(patch->old_code, patch->old_size, &patch->owner))
		return -EINVAL;
	if (patch->owner == THIS_MODULE || names_own_module(update, patch->owner))
		return -EINVAL;
	return 0;
}

static int check_function(struct splice_update *update, struct splice_patch *patch,
			  struct splice_apply *apply, const struct text_interval *taken, u32 nr_taken)
{
	unsigned long old_end = patch->old_code + patch->old_size;
	const struct text_interval *interval;
	int error;

	if (is_watched(patch))
		return check_watched(update, patch);
	if (!in_own_text(update, patch->new_code, patch->new_size))
		return -EINVAL;

	interval = find_overlap(taken, nr_taken, patch->old_entry, patch->old_entry + 1);
	if (interval && interval->patch->old_entry == patch->old_entry) {
		error = check_stacked(patch, interval->patch, apply);
		if (error)
			return error;
		return hold_text(patch->old_entry, 1, &patch->owner) ? 0 : -EINVAL;
	}

	if (!hold_text(patch->old_entry, patch->old_size, &patch->owner))
		return -EINVAL;
	if (patch->owner == THIS_MODULE || names_own_module(update, patch->owner))
		return -EINVAL;
	/* The code of an update that has been undone since. */
	if (patch->old_code != patch->old_entry)
		return -ESTALE;
	error = check_site(patch);
	if (!error)
		error = check_hop(patch);
	if (error)
		return error;
	if (find_overlap(taken, nr_taken, patch->old_entry, old_end))
		return -EADDRINUSE;
	if (patch->hop &&
	    find_overlap(taken, nr_taken, patch->hop, patch->hop + SPLICE_LONG_JUMP))
		return -EADDRINUSE;
	return 0;
}

/* No byte may belong to two functions or hops of the call. */
static int check_overlaps(const struct splice_update *update, struct splice_apply *apply)
{
	struct text_interval *intervals;
	int error = 0;
	u32 i, nr = 0;

	intervals = kvcalloc(update->nr_functions, 2 * sizeof(*intervals), GFP_KERNEL);
	if (!intervals)
		return -ENOMEM;
	for (i = 0; i < update->nr_functions; i++) {
		struct splice_patch *patch = &update->functions[i];

		intervals[nr++] = (struct text_interval){
			patch->old_code, patch->old_code + patch->old_size, i, patch
		};
		if (patch->hop && !patch->below)
			intervals[nr++] = (struct text_interval){
				patch->hop, patch->hop + SPLICE_LONG_JUMP, i, patch
			};
	}
	sort(intervals, nr, sizeof(*intervals), compare_intervals, NULL);
	for (i = 1; i < nr && !error; i++) {
		if (intervals[i].start < intervals[i - 1].end) {
			apply->bad_function = max(intervals[i].function, intervals[i - 1].function);
			error = -EINVAL;
		}
	}
	kvfree(intervals);
	return error;
}

static int check_functions(struct splice_update *update, struct splice_apply *apply)
{
	struct text_interval *taken;
	u32 i, nr_taken;
	int error = 0;

	taken = applied_intervals(&nr_taken);
	if (!taken)
		return -ENOMEM;
	for (i = 0; i < update->nr_functions && !error; i++) {
		error = check_function(update, &update->functions[i], apply, taken, nr_taken);
		if (error)
			apply->bad_function = i;
	}
	kvfree(taken);
	return error ?: check_overlaps(update, apply);
}

/* Gives the whole update, or an errno with bad_function and bad_offset. */
int arguments_read(struct splice_apply *apply, struct splice_update **result)
{
	struct splice_update *update = kvzalloc(sizeof(*update), GFP_KERNEL);
	int error;

	if (!update)
		return -ENOMEM;
	INIT_LIST_HEAD(&update->pins);
	memcpy(update->id, apply->id, sizeof(update->id));
	error = read_modules(update, apply);
	if (!error)
		error = hooks_read(update, apply);
	if (!error)
		error = read_functions(update, apply);
	if (!error)
		error = check_functions(update, apply);
	if (!error)
		error = trampolines_plan(update, &apply->bad_function);
	if (error) {
		update_free(update);
		return error;
	}
	*result = update;
	return 0;
}
