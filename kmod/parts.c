// SPDX-License-Identifier: GPL-2.0-only
/*
 * The part of an update that is about one module: it may come after the rest, and goes with it.
 *
 * A part that comes later is switched like an update of its own (update.c), and then joins the
 * update: its functions, values and module stand in the update's lists from then on, so an undo
 * switches all of it back in one stop. What could fail is done before the switch.
 *
 * The records of a part hold no reference to the module that they are about: it can be unloaded,
 * and the notifier of that calls splice_part_drop(). The module has then ended (its exit has run,
 * or its init has failed), and the kernel frees its text right behind the notifier, so by its own
 * rules no thread is in it, nor will be. The new code stands for that text and is as deserted;
 * threads are looked for nevertheless before it may go.
 *
 * Where the new code is switched by a static key or call of the module (which tracepoints have,
 * too), the kernel would look at that key when the new code is unloaded, and it would be gone with
 * the module (jump_label_del_module(), static_call_del_module()). So such code stays until a
 * reboot. A module that was there before is held instead; one that came later cannot have its part
 * twice.
 *
 * Hooks are called when the whole update comes and goes. So a part with hooks comes with the rest
 * only, and its module is held.
 *
 * Invariant: a record whose owner is not held goes, under splice_mutex, before its owner's memory.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "core.h"

#define SPLICE_PART_LOOKS	40
#define SPLICE_PART_PAUSE	25	/* ms */

static bool splice_is_named(const struct module *module, const char *name)
{
	return module && !strcmp(module->name, name);
}

/* Code that is watched may be in what an earlier update has for the same module. */
static bool splice_is_about(const struct splice_patch *patch, const char *module)
{
	return splice_is_named(patch->owner, module) ||
	       (splice_is_watched(patch) && patch->owner &&
		splice_awaited_is_code(NULL, module, patch->owner->name));
}

/*
 * Is the code's part of the update about that module alone, and nothing else of it? Under the mutex
 * of awaited.c.
 */
int splice_part_check(const struct splice_update *update, const char *module,
		      const struct module *code, bool is_held, struct splice_apply *apply)
{
	unsigned long size, text = splice_module_text(code, &size);
	u32 i;

	for (i = 0; i < update->nr_functions; i++) {
		const struct splice_patch *patch = &update->functions[i];

		if (splice_is_watched(patch) ||
		    splice_is_named(patch->owner, module) ==
			    splice_in_module_text(code, patch->new_code, patch->new_size))
			continue;
		apply->bad_function = i;
		return splice_wrong(apply, "it is not replaced by the code for its module");
	}
	for (i = 0; i < update->nr_values; i++) {
		const struct splice_live_value *value = &update->values[i];

		if (splice_is_named(value->owner, module) !=
		    within_module_core((unsigned long)value->after, code))
			return splice_wrong(apply, "a value is not of the module of its code");
	}
	for (i = 0; i < update->nr_hooks; i++) {
		unsigned long hook = update->hooks[i].ask ? (unsigned long)update->hooks[i].ask :
							    (unsigned long)update->hooks[i].call;

		if (!is_held && hook - text < size)
			return splice_wrong(apply, "a module with hooks for it must be held");
	}
	return 0;
}

/* All of a part that comes later is about that module. */
int splice_part_check_late(const struct splice_update *update, const struct splice_update *part,
			   const char *module, struct splice_apply *apply)
{
	u32 i;

	if (part->nr_modules != 1 ||
	    !splice_awaited_is_code(update, module, part->modules[0]->name))
		return splice_wrong(apply, "its code is not in the module that was named for it");
	if (part->nr_hooks)
		return splice_wrong(apply, "a part with hooks cannot come later");
	for (i = 0; i < part->nr_functions; i++) {
		if (splice_is_about(&part->functions[i], module))
			continue;
		apply->bad_function = i;
		return splice_wrong(apply, "the part is about another module too");
	}
	for (i = 0; i < part->nr_values; i++) {
		if (!splice_is_named(part->values[i].owner, module))
			return splice_wrong(apply, "the part has a value of another module");
	}
	return 0;
}

/* Drops what the records of the part hold of the module. */
static void splice_part_let_go(struct splice_update *update, const char *module)
{
	struct splice_pinned *pin, *next;
	u32 i;

	for (i = 0; i < update->nr_functions; i++) {
		struct splice_patch *patch = &update->functions[i];

		if (!splice_is_named(patch->owner, module) || patch->released)
			continue;
		patch->released = true;
		module_put(patch->owner);
	}
	for (i = 0; i < update->nr_values; i++) {
		struct splice_live_value *value = &update->values[i];

		if (!splice_is_named(value->owner, module) || value->released)
			continue;
		value->released = true;
		module_put(value->owner);
	}
	list_for_each_entry_safe(pin, next, &update->pins, list) {
		if (splice_is_named(pin->module, module))
			splice_pin_free(pin);
	}
}

static bool splice_is_in(const char *module, unsigned long address)
{
	const struct module *owner;
	bool in;

	rcu_read_lock();
	preempt_disable();
	owner = splice_kernel_call(__module_address)(address);
	in = splice_is_named(owner, module);
	preempt_enable();
	rcu_read_unlock();
	return in;
}

/* Does the kernel look at a key of the module when the code is unloaded? */
static bool splice_has_key_in(const struct module *code, const char *module)
{
	unsigned int i;

#ifdef CONFIG_JUMP_LABEL
	for (i = 0; i < code->num_jump_entries; i++) {
		if (splice_is_in(module, (unsigned long)jump_entry_key(&code->jump_entries[i])))
			return true;
	}
#endif
#ifdef CONFIG_HAVE_STATIC_CALL_INLINE
	for (i = 0; i < code->num_static_call_sites; i++) {
		const struct static_call_site *site = &code->static_call_sites[i];
		unsigned long key = (unsigned long)&site->key + (long)site->key;

		if (splice_is_in(module, key & ~STATIC_CALL_SITE_FLAGS))
			return true;
	}
#endif
	return false;
}

/* The module may be unloaded from now on, unless its end would leave the code with lost keys. */
void splice_part_release(struct splice_update *update, const char *module,
			 const struct module *code)
{
	if (splice_has_key_in(code, module))
		return;
	splice_part_let_go(update, module);
}

/* ---- it comes ---- */

void splice_part_room_free(struct splice_part_room *room)
{
	kvfree(room->functions);
	kvfree(room->changes);
	kvfree(room->values);
	kvfree(room->modules);
}

/* Room for the update and the part in one. Also where it fails, the room is to be freed. */
int splice_part_room_make(struct splice_part_room *room, struct splice_update *update,
			  const struct splice_update *part)
{
	size_t functions = (size_t)update->nr_functions + part->nr_functions;
	size_t changes = (size_t)update->nr_changes + part->nr_changes;
	size_t values = (size_t)update->nr_values + part->nr_values;
	size_t modules = (size_t)update->nr_modules + part->nr_modules;

	room->functions = kvcalloc(functions + 1, sizeof(*room->functions), GFP_KERNEL);
	room->changes = kvcalloc(changes + 1, sizeof(*room->changes), GFP_KERNEL);
	room->values = kvcalloc(values + 1, sizeof(*room->values), GFP_KERNEL);
	room->modules = kvcalloc(modules + 1, sizeof(*room->modules), GFP_KERNEL);
	if (!room->functions || !room->changes || !room->values || !room->modules)
		return -ENOMEM;
	return splice_sysfs_reserve(update, modules, functions, values);
}

/* The neighbours of a record that has a new place. */
static void splice_patch_moved(struct splice_patch *patch, struct splice_update *update)
{
	patch->update = update;
	if (patch->below)
		patch->below->above = patch;
	if (patch->above)
		patch->above->below = patch;
}

/*
 * The part's jumps are written. Everything that it holds is the update's from then on; its pins go
 * with the module.
 */
void splice_part_join(struct splice_update *update, struct splice_update *part,
		      struct splice_part_room *room, const struct module *module,
		      struct list_head *pins)
{
	struct splice_pinned *pin;
	u32 i;

	memcpy(room->functions, update->functions, update->nr_functions * sizeof(*room->functions));
	memcpy(room->functions + update->nr_functions, part->functions,
	       part->nr_functions * sizeof(*room->functions));
	memcpy(room->changes, update->changes, update->nr_changes * sizeof(*room->changes));
	memcpy(room->changes + update->nr_changes, part->changes,
	       part->nr_changes * sizeof(*room->changes));
	memcpy(room->values, update->values, update->nr_values * sizeof(*room->values));
	memcpy(room->values + update->nr_values, part->values,
	       part->nr_values * sizeof(*room->values));
	memcpy(room->modules, update->modules, update->nr_modules * sizeof(*room->modules));
	memcpy(room->modules + update->nr_modules, part->modules,
	       part->nr_modules * sizeof(*room->modules));
	swap(room->functions, update->functions);
	swap(room->changes, update->changes);
	swap(room->values, update->values);
	swap(room->modules, update->modules);
	for (i = 0; i < part->nr_changes; i++)
		update->changes[update->nr_changes + i].function += update->nr_functions;
	for (i = 0; i < part->nr_functions; i++)
		update->functions[update->nr_functions + i].expected = NULL;
	update->nr_functions += part->nr_functions;
	update->nr_replaced += part->nr_replaced;
	update->nr_changes += part->nr_changes;
	update->nr_values += part->nr_values;
	update->nr_modules += part->nr_modules;
	update->keeps = update->keeps || part->keeps;
	splice_changes_sort(update);
	for (i = 0; i < update->nr_functions; i++)
		splice_patch_moved(&update->functions[i], update);
	list_for_each_entry(pin, pins, list)
		pin->part = module;
	list_splice_tail_init(pins, &update->pins);
	/* What is left of it is its lists, without what stood in them. */
	part->nr_functions = 0;
	part->nr_values = 0;
	part->nr_modules = 0;
	splice_part_let_go(update, module->name);
	splice_sysfs_rewrite(update);
}

/* ---- it goes ---- */

/* The changes of a function go, and those of later ones are of one that is one place earlier. */
static void splice_drop_changes(struct splice_update *update, u32 function)
{
	u32 i, kept = 0;

	for (i = 0; i < update->nr_changes; i++) {
		struct splice_text_change *change = &update->changes[i];

		if (change->function == function)
			continue;
		change->function -= change->function > function;
		update->changes[kept++] = *change;
	}
	update->nr_changes = kept;
}

static void splice_drop_function(struct splice_update *update, u32 function)
{
	struct splice_patch *patch = &update->functions[function];

	splice_drop_changes(update, function);
	if (patch->redirect && !patch->below)
		splice_redirect_leave(patch);
	if (patch->below)
		patch->below->above = NULL;
	if (patch->above)
		patch->above->below = NULL;
	if (!patch->released)
		module_put(patch->owner);
	update->nr_replaced -= !splice_is_watched(patch);
}

static void splice_drop_functions(struct splice_update *update, const struct module *module)
{
	u32 i, kept = 0;

	for (i = update->nr_functions; i-- > 0;) {
		if (splice_is_about(&update->functions[i], module->name))
			splice_drop_function(update, i);
	}
	for (i = 0; i < update->nr_functions; i++) {
		if (splice_is_about(&update->functions[i], module->name))
			continue;
		if (kept != i) {
			update->functions[kept] = update->functions[i];
			splice_patch_moved(&update->functions[kept], update);
		}
		kept++;
	}
	update->nr_functions = kept;
}

static void splice_drop_values(struct splice_update *update, const struct module *module)
{
	u32 i, kept = 0;

	for (i = 0; i < update->nr_values; i++) {
		struct splice_live_value *value = &update->values[i];

		if (value->owner != module)
			update->values[kept++] = *value;
		else if (!value->released)
			module_put(value->owner);
	}
	update->nr_values = kept;
}

/* Takes the module's part out of the update, and gives the module of its code. */
static struct module *splice_update_drop(struct splice_update *update, const struct module *module)
{
	struct module *code = splice_awaited_code(update, module->name);
	struct splice_pinned *pin, *next;
	u32 i, kept = 0;

	splice_drop_functions(update, module);
	splice_drop_values(update, module);
	list_for_each_entry_safe(pin, next, &update->pins, list) {
		if (pin->part == module ||
		    splice_awaited_is_code(NULL, module->name, pin->module->name))
			splice_pin_free(pin);
	}
	for (i = 0; i < update->nr_modules; i++) {
		if (update->modules[i] != code)
			update->modules[kept++] = update->modules[i];
	}
	update->nr_modules = kept;
	splice_sysfs_rewrite(update);
	return code;
}

/* Nothing leads into the code any more. */
static void splice_code_let_go(struct module *code)
{
	static struct splice_update alone;	/* under splice_mutex */
	u32 i;

	alone.modules = &code;
	alone.nr_modules = 1;
	for (i = 0; i < SPLICE_PART_LOOKS; i++) {
		if (splice_is_deserted(&alone)) {
			module_put(code);
			return;
		}
		msleep(SPLICE_PART_PAUSE);
	}
	pr_warn("threads are in %s: its memory stays\n", code->name);
}

/*
 * The module has ended. An update that keeps its memory keeps that of the part, too; then, as where
 * keys are lost, a later load of the module finds its code's place taken.
 */
void splice_part_drop(const struct module *module)
{
	struct splice_update *update;
	struct module *code;
	bool waited = false;

	lockdep_assert_held(&splice_mutex);
	/* What stands on another comes first. */
	list_for_each_entry_reverse(update, &splice_updates, list)
		update->leaving = splice_update_drop(update, module);
	list_for_each_entry(update, &splice_kept, list) {
		splice_drop_functions(update, module);
		splice_drop_values(update, module);
	}
	list_for_each_entry(update, &splice_updates, list) {
		code = update->leaving;
		update->leaving = NULL;
		if (!code || update->keeps || splice_has_key_in(code, module->name))
			continue;
		if (!waited)
			splice_wait_for_users();
		waited = true;
		splice_code_let_go(code);
	}
}
