// SPDX-License-Identifier: GPL-2.0-only
/*
 * Values in place: bytes of variables that live, written in the stop and given back by undo.
 *
 *	static const struct file_operations eventfd_fops = {	.fsync is NULL, and becomes
 *		...						&noop_fsync
 *
 * A table that the whole kernel reaches through pointers cannot be replaced by a copy. So the new
 * bytes go where the old ones are. Both stand in the update's own modules, with all addresses
 * filled in by the module loader, and a record beside them says where they belong.
 *
 * A default (SPLICE_VALUE_DEFAULT) may have been set to something else since the kernel came up: it
 * is then left as it is, on apply and on undo. Anything else must be as expected, or nothing of the
 * update is switched.
 *
 * The memory may be read-only, so it is written as text is, by text_poke_kgdb(), which maps the
 * page that is behind any address that is not core text (vmalloc_to_page() in __text_poke(),
 * arch/x86/kernel/alternative.c). In words, so that a handler that no flag holds back reads one
 * pointer or the other.
 *
 * An operation that goes (on undo: one that had come) may have been looked at by a thread that was
 * preempted before its call, which would then be a call of NULL. So no thread may be preempted in
 * kernel code when such a value is written. One that sleeps between the look and the call is not
 * noticed.
 *
 * Invariant: no value of an update lies in text, in memory of the update itself, or in memory that
 * may go away before it. None shares a byte with another value of the same update.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "core.h"

static bool splice_in_own_modules(const struct splice_update *update, unsigned long start,
				  unsigned long size)
{
	unsigned long last = start + size - 1;
	u32 i;

	for (i = 0; size && last >= start && i < update->nr_modules; i++) {
		if (within_module_core(start, update->modules[i]) &&
		    within_module_core(last, update->modules[i]))
			return true;
	}
	return false;
}

static bool splice_in_bounds(const struct splice_bounds *bounds, unsigned long start,
			     unsigned long last)
{
	return start >= bounds->start && last < bounds->end;
}

/* Data of the kernel that stays, or of a module: then with a reference to it in *owner. */
static bool splice_data_hold(unsigned long start, unsigned long size, struct module **owner)
{
	unsigned long last = start + size - 1, text_size, text;
	struct module *module;
	bool held = false;

	*owner = NULL;
	if (last < start)
		return false;
	if (splice_in_bounds(&splice_kernel.data[0], start, last) ||
	    splice_in_bounds(&splice_kernel.data[1], start, last))
		return true;
	rcu_read_lock();
	preempt_disable();
	module = splice_kernel_call(__module_address)(start);
	if (module && splice_module_serves(module) && within_module_core(start, module) &&
	    within_module_core(last, module)) {
		text = splice_module_text(module, &text_size);
		held = (last < text || start >= text + text_size) && try_module_get(module);
	}
	preempt_enable();
	rcu_read_unlock();
	if (held)
		*owner = module;
	return held;
}

static bool splice_values_overlap(const struct splice_live_value *a,
				  const struct splice_live_value *b)
{
	return a->address < b->address + b->size && b->address < a->address + a->size;
}

/* NULL, or what is wrong. A reference that it takes is the update's, also then. */
static const char *splice_check_value(const struct splice_update *update,
				      struct splice_live_value *value, unsigned long record_address)
{
	struct splice_value_record record;
	u8 probe[SPLICE_MAX_VALUE];
	u32 i;

	if (!splice_in_own_modules(update, record_address, sizeof(record)) ||
	    !IS_ALIGNED(record_address, sizeof(u64)))
		return "its record is not in the update's modules";
	memcpy(&record, (const void *)record_address, sizeof(record));
	if (!record.size || record.size > SPLICE_MAX_VALUE)
		return "its size is 0 or too large";
	if (record.flags & ~SPLICE_VALUE_DEFAULT)
		return "it has an unknown flag";
	if (!splice_in_own_modules(update, record.before, record.size) ||
	    !splice_in_own_modules(update, record.after, record.size))
		return "its bytes are not in the update's modules";
	value->address = record.address;
	value->size = record.size;
	value->before = (const u8 *)record.before;
	value->after = (const u8 *)record.after;
	value->is_default = record.flags & SPLICE_VALUE_DEFAULT;
	if (!splice_data_hold(value->address, value->size, &value->owner))
		return "it is not in data of the kernel or of a module";
	if (value->owner == THIS_MODULE || splice_names_own_module(update, value->owner))
		return "it is in a module of Splice's own";
	if (copy_from_kernel_nofault(probe, (const void *)value->address, value->size))
		return "it cannot be read";
	for (i = 0; i + 1 < update->nr_values; i++) {
		if (splice_values_overlap(value, &update->values[i]))
			return "it shares bytes with another one";
	}
	return NULL;
}

/* The update's modules have been read. With -EINVAL, the variable's name goes to apply->hook. */
int splice_values_read(struct splice_update *update, struct splice_apply *apply)
{
	const struct splice_value __user *asked = u64_to_user_ptr(apply->values);
	const char *wrong;
	u32 i;

	if (apply->nr_values > SPLICE_MAX_VALUES)
		return splice_wrong(apply, "too many values");
	if (!apply->nr_values)
		return 0;
	update->values = kvcalloc(apply->nr_values, sizeof(*update->values), GFP_KERNEL);
	if (!update->values)
		return -ENOMEM;
	for (i = 0; i < apply->nr_values; i++) {
		struct splice_live_value *value = &update->values[i];
		struct splice_value one;

		if (copy_from_user(&one, &asked[i], sizeof(one)))
			return -EFAULT;
		update->nr_values++;
		if (!splice_name_is_plain(one.name))
			return splice_wrong(apply, "a value's name is not plain text");
		memcpy(value->name, one.name, sizeof(value->name));
		wrong = splice_check_value(update, value, one.record);
		if (wrong) {
			memcpy(apply->hook, value->name, sizeof(apply->hook));
			return splice_wrong(apply, wrong);
		}
	}
	return 0;
}

static bool splice_value_is(const struct splice_live_value *value, const u8 *bytes)
{
	return !memcmp((const void *)value->address, bytes, value->size);
}

/* Under splice_text_lock(), or in the stop. -ESTALE names the value. */
int splice_values_compare(const struct splice_update *update, enum splice_direction direction,
			  struct splice_outcome *outcome)
{
	u32 i;

	for (i = 0; i < update->nr_values; i++) {
		const struct splice_live_value *value = &update->values[i];

		if (value->is_default ||
		    splice_value_is(value, direction == SPLICE_TO_NEW ? value->before :
									value->after))
			continue;
		outcome->bad_value = value;
		outcome->reason = "a value in place is not what it was when the update was made";
		return -ESTALE;
	}
	return 0;
}

static void splice_value_write(const struct splice_live_value *value, const u8 *bytes)
{
	u32 done, step;

	for (done = 0; done < value->size; done += step) {
		step = sizeof(u64) - (value->address + done) % sizeof(u64);
		step = min(step, value->size - done);
		splice_kernel_call(text_poke_kgdb)((void *)(value->address + done), bytes + done,
						   step);
	}
}

/* In the stop, after splice_values_compare() gave 0. */
void splice_values_write(const struct splice_update *update, enum splice_direction direction)
{
	u32 i;

	for (i = 0; i < update->nr_values; i++) {
		struct splice_live_value *value = &update->values[i];

		if (direction == SPLICE_TO_NEW) {
			value->written = splice_value_is(value, value->before);
			if (value->written)
				splice_value_write(value, value->after);
		} else if (value->written && splice_value_is(value, value->after)) {
			splice_value_write(value, value->before);
			value->written = false;
		}
	}
}

/* Defaults that others have set: on apply those that were left, on undo those that stay. */
u32 splice_values_left(const struct splice_update *update, enum splice_direction direction)
{
	u32 i, nr = 0;

	for (i = 0; i < update->nr_values; i++)
		nr += update->values[i].written == (direction == SPLICE_TO_OLD);
	return nr;
}

/* Is there a word that is something now, and will be nothing? */
static bool splice_values_vanish(const struct splice_update *update,
				 enum splice_direction direction)
{
	u32 i, j;

	for (i = 0; i < update->nr_values; i++) {
		const struct splice_live_value *value = &update->values[i];
		const u8 *from = direction == SPLICE_TO_NEW ? value->before : value->after;
		const u8 *to = direction == SPLICE_TO_NEW ? value->after : value->before;

		for (j = 0; j + sizeof(u64) <= value->size; j += sizeof(u64)) {
			if (memchr_inv(from + j, 0, sizeof(u64)) &&
			    !memchr_inv(to + j, 0, sizeof(u64)))
				return true;
		}
	}
	return false;
}

/* How many ranges (0 or 1) of text more no thread may be in: a call that preemption makes. */
u32 splice_values_add_range(const struct splice_update *update, enum splice_direction direction,
			    struct splice_stack_range *range)
{
	if (!splice_kernel.preempted.start || !splice_values_vanish(update, direction))
		return 0;
	*range = (struct splice_stack_range){
		.start = splice_kernel.preempted.start,
		.end = splice_kernel.preempted.end,
		.function = SPLICE_NO_FUNCTION,
	};
	return 1;
}

/* Has the later update written over a value of the earlier one? */
bool splice_values_stand_on(const struct splice_update *later, const struct splice_update *update)
{
	u32 i, j;

	for (i = 0; i < later->nr_values; i++) {
		for (j = 0; j < update->nr_values; j++) {
			if (splice_values_overlap(&later->values[i], &update->values[j]))
				return true;
		}
	}
	return false;
}
