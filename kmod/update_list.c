// SPDX-License-Identifier: GPL-2.0-only
/*
 * The updates that are applied, oldest first, and the mutex that guards them.
 *
 * splice_mutex is held for the whole of each ioctl, of open and of release, so an update on the
 * list does not change while somebody else reads it. Only the stop does not need it: its caller
 * holds it and waits.
 *
 * Invariant: an update on the list has its jumps written, or is in the middle of its undo.
 */
#include <linux/ctype.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "core.h"

DEFINE_MUTEX(splice_mutex);	/* over all updates and the open session */
LIST_HEAD(splice_updates);
LIST_HEAD(splice_kept);

struct splice_update *splice_update_find(const struct list_head *updates, const char *id)
{
	struct splice_update *update;

	lockdep_assert_held(&splice_mutex);
	list_for_each_entry(update, updates, list) {
		if (!strcmp(update->id, id))
			return update;
	}
	return NULL;
}

u32 splice_update_count(void)
{
	struct splice_update *update;
	u32 nr = 0;

	lockdep_assert_held(&splice_mutex);
	list_for_each_entry(update, &splice_updates, list)
		nr++;
	list_for_each_entry(update, &splice_kept, list)
		nr++;
	return nr;
}

/* Can it stand in a line of sysfs? */
bool splice_name_is_plain(const char *name)
{
	size_t length = strnlen(name, SPLICE_NAME_LEN), i;

	if (!length || length == SPLICE_NAME_LEN)
		return false;
	for (i = 0; i < length; i++) {
		if (!isascii(name[i]) || !isgraph(name[i]))
			return false;
	}
	return true;
}

void splice_pin_free(struct splice_pinned *pin)
{
	list_del(&pin->list);
	module_put(pin->module);
	kfree(pin);
}

/* Drops the references of a list of struct splice_pinned, and frees it. */
void splice_pins_free(struct list_head *pins)
{
	struct splice_pinned *pin, *next;

	list_for_each_entry_safe(pin, next, pins, list)
		splice_pin_free(pin);
}

/* Drops every reference that an update holds, and frees it: on no list, and without a kobject. */
void splice_update_free(struct splice_update *update)
{
	u32 i;

	for (i = 0; i < update->nr_functions; i++) {
		if (!update->functions[i].released)
			module_put(update->functions[i].owner);
	}
	for (i = 0; i < update->nr_modules; i++)
		module_put(update->modules[i]);
	splice_pins_free(&update->pins);
	kvfree(update->modules);
	kvfree(update->functions);
	kvfree(update->changes);
	kvfree(update->hooks);
	for (i = 0; i < update->nr_values; i++) {
		if (!update->values[i].released)
			module_put(update->values[i].owner);
	}
	kvfree(update->values);
	vfree(update->expected);
	kvfree(update->modules_text.text);
	kvfree(update->functions_text.text);
	kvfree(update->values_text.text);
	kvfree(update);
}
