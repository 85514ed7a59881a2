// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of an update: apply and undo, step by step.
 *
 * An update holds, until it is undone: this module, the modules of its new code, those of the old
 * functions, and those that were pinned for it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/panic.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "core.h"

static u64 splice_last_sequence;

static bool splice_id_is_valid(const char *id)
{
	size_t length = strnlen(id, SPLICE_ID_LEN);

	return length >= 8 && length < SPLICE_ID_LEN && strspn(id, "0123456789abcdef") == length;
}

/*
 * On apply: the code that runs today. A jump right behind the ftrace site makes that place safe,
 * unless the site was there before (a stacked update has its code elsewhere). A thread that was
 * interrupted at the first byte of code that is jumped into is inside, for nothing is written
 * there: watched code, and the code of an earlier update, which the jump at the site leads to.
 */
static struct splice_stack_check *splice_check_old_code(const struct splice_update *update,
							u32 max_busy)
{
	struct splice_stack_range *ranges;
	u32 i, nr = 0;

	ranges = kvcalloc(2 * (size_t)update->nr_functions + 1, sizeof(*ranges), GFP_KERNEL);
	if (!ranges)
		return NULL;
	for (i = 0; i < update->nr_functions; i++) {
		const struct splice_patch *patch = &update->functions[i];

		if (patch->below)
			nr += splice_redirect_add_range(patch, i, &ranges[nr]);
		ranges[nr++] = (struct splice_stack_range){
			.start = splice_is_watched(patch) || patch->below ? patch->old_code - 1 :
									    patch->old_code,
			.end = patch->old_code + patch->old_size,
			.safe = patch->below || patch->at_ftrace_site ? 0 : patch->site,
			.function = i,
		};
	}
	nr += splice_values_add_range(update, SPLICE_TO_NEW, &ranges[nr]);
	return splice_stack_check_new(ranges, nr, max_busy);
}

/* Fills in which function of the update the thread is in; none, if it is in a new one only. */
static void splice_name_new_code(const struct splice_update *update, struct splice_busy *busy)
{
	u32 i, j;

	for (i = 0; i < busy->depth; i++) {
		for (j = 0; j < update->nr_functions; j++) {
			const struct splice_patch *patch = &update->functions[j];

			if (splice_is_watched(patch))
				continue;
			if (busy->stack[i] >= patch->new_code &&
			    busy->stack[i] <= patch->new_code + patch->new_size) {
				busy->function = j;
				return;
			}
		}
	}
}

/* If the caller's memory cannot be written, the report is empty; EBUSY remains the answer. */
static void splice_report_busy(const struct splice_update *update,
			       struct splice_stack_check *check, u64 user, u32 max_busy,
			       u32 *nr_busy)
{
	struct splice_busy *busy;
	u32 nr, i;

	nr = min_t(u32, splice_stack_check_busy(check, &busy),
		   min_t(u32, max_busy, SPLICE_MAX_BUSY));
	*nr_busy = 0;
	if (!user || !nr)
		return;
	for (i = 0; i < nr; i++) {
		if (busy[i].function == SPLICE_NO_FUNCTION)
			splice_name_new_code(update, &busy[i]);
	}
	if (!copy_to_user(u64_to_user_ptr(user), busy, nr * sizeof(*busy)))
		*nr_busy = nr;
}

/* Refuses what can be refused without stopping anything. */
static int splice_compare_running(const struct splice_update *update,
				  enum splice_direction direction, struct splice_outcome *outcome)
{
	int error;

	splice_text_lock();
	error = splice_trampolines_check(update, direction, outcome);
	if (!error)
		error = splice_stop_compare(update, direction, outcome);
	splice_text_unlock();
	return error;
}

/*
 * A CPU that is offline sits in one of these and wakes there, and no word of any stack says in
 * which (native_play_dead() in arch/x86/kernel/smpboot.c). What calls them is found on its idle
 * thread's stack. Under the CPU hotplug lock.
 */
static bool splice_holds_dead_cpu(const struct splice_update *update,
				  struct splice_outcome *outcome)
{
	static const char *const names[] = { "arch_cpu_idle_dead",  "native_play_dead",
					     "play_dead_common",    "mwait_play_dead",
					     "hlt_play_dead",	    "cpuidle_play_dead",
					     "acpi_idle_play_dead", "mwait_play_dead_cpuid_hint" };
	char name[KSYM_SYMBOL_LEN];
	u32 i;

	if (num_online_cpus() == num_present_cpus())
		return false;
	for (i = 0; i < update->nr_functions; i++) {
		sprint_symbol_no_offset(name, update->functions[i].old_entry);
		if (match_string(names, ARRAY_SIZE(names), name) >= 0) {
			outcome->bad_function = i;
			outcome->reason = "a CPU that is offline is in it";
			return true;
		}
	}
	return false;
}

static int splice_look_and_stop(const struct splice_update *update, enum splice_direction direction,
				struct splice_stack_check *check, struct splice_outcome *outcome)
{
	int error = splice_stack_check_running(check);

	if (error)
		return error;
	splice_text_lock();
	error = splice_trampolines_check(update, direction, outcome);
	if (!error && splice_holds_dead_cpu(update, outcome))
		error = -EBUSY;
	/* Others may have held these locks for long: most threads may have run since the look. */
	if (!error)
		error = splice_stack_check_again(check);
	if (!error)
		error = splice_stop_and_write(update, direction, check, outcome);
	splice_text_unlock();
	return error;
}

/*
 * Compare, prepare, look, stop. Between the first comparison and the locks, probes and tracers may
 * come and go: places are checked once more under the locks, bytes in the stop. The pre hooks come
 * before the look at the stacks, because they may make threads leave the code.
 */
static int splice_switch_code(struct splice_update *update, enum splice_direction direction,
			      struct splice_stack_check *check, struct splice_outcome *outcome)
{
	int error;

	*outcome = (struct splice_outcome){ .bad_function = SPLICE_NO_FUNCTION };
	error = splice_compare_running(update, direction, outcome);
	if (error)
		return error;
	if (direction == SPLICE_TO_NEW)
		error = splice_redirects_enter(update, outcome);
	if (error)
		return error;
	error = splice_hooks_prepare(update, direction, outcome);
	if (!error)
		error = splice_look_and_stop(update, direction, check, outcome);
	if (!error)
		return 0;
	splice_hooks_fail(update, direction);
	if (direction == SPLICE_TO_NEW)
		splice_redirects_leave(update);
	return error;
}

/* The hook that refused, or the value that differs, for the caller. */
static void splice_report_refusal(const struct splice_outcome *outcome, char *hook, s32 *hook_error)
{
	if (outcome->bad_value)
		memcpy(hook, outcome->bad_value->name, SPLICE_NAME_LEN);
	if (!outcome->refused_by)
		return;
	memcpy(hook, outcome->refused_by->name, SPLICE_NAME_LEN);
	*hook_error = outcome->hook_error;
}

/* The update's jumps are written: it joins the list, and keeps the pins. */
static void splice_update_settle(struct splice_update *update, struct list_head *pins)
{
	u32 i;

	for (i = 0; i < update->nr_functions; i++) {
		struct splice_patch *patch = &update->functions[i];

		patch->expected = NULL;
		if (patch->below)
			patch->below->above = patch;
	}
	vfree(update->expected);
	update->expected = NULL;
	list_splice_init(pins, &update->pins);
	__module_get(THIS_MODULE);
	update->sequence = ++splice_last_sequence;
	update->applied_at = ktime_get_real_seconds();
	/* Whoever reads an oops should know that functions are not what their names say. */
	add_taint(TAINT_LIVEPATCH, LOCKDEP_STILL_OK);
	list_add_tail(&update->list, &splice_updates);
	splice_sysfs_rewrite(update);
	splice_awaited_settle(update, splice_part_release);
	WRITE_ONCE(update->state, "applied");
}

/* Nothing is switched if all parts of the update will come later. */
static int splice_update_switch(struct splice_update *update, struct splice_apply *apply)
{
	struct splice_stack_check *check;
	struct splice_outcome outcome;
	int error;

	if (!update->nr_modules)
		return 0;
	check = splice_check_old_code(update, apply->busy ? apply->max_busy : 0);
	if (!check)
		return -ENOMEM;
	error = splice_switch_code(update, SPLICE_TO_NEW, check, &outcome);
	if (error == -EBUSY)
		splice_report_busy(update, check, apply->busy, apply->max_busy, &apply->nr_busy);
	splice_stack_check_free(check);
	if (error) {
		apply->bad_function = outcome.bad_function;
		apply->bad_offset = outcome.bad_offset;
		strscpy(apply->reason, outcome.reason ?: "", sizeof(apply->reason));
		splice_report_refusal(&outcome, apply->hook, &apply->hook_error);
		if (update->nr_hooks)
			splice_wait_for_users();
		return error;
	}
	apply->pause_ns = outcome.pause_ns;
	apply->nr_left = splice_values_left(update, SPLICE_TO_NEW);
	return 0;
}

static int splice_part_apply(struct splice_update *update, struct splice_apply *apply,
			     struct list_head *pins)
{
	struct splice_part_room room = { };
	struct splice_update *part;
	int error;

	error = splice_arguments_read(apply, &part);
	if (error)
		return error;
	error = splice_part_check_late(update, part, apply->module, apply);
	if (!error)
		error = splice_part_room_make(&room, update, part);
	if (!error)
		error = splice_update_switch(part, apply);
	if (!error) {
		splice_part_join(update, part, &room, splice_coming, pins);
		splice_awaited_note(update, apply->module, SPLICE_PATCHED);
		pr_info("%s: module %s has its part, %llu ns\n", update->id, apply->module,
			apply->pause_ns);
	}
	splice_part_room_free(&room);
	splice_update_free(part);
	return error;
}

/* The part of an applied update for a module whose load waits for it. */
static int splice_update_apply_late(struct splice_update *update, struct splice_apply *apply,
				    struct list_head *pins)
{
	struct module *module;
	int error;

	if (!update)
		return -ENOENT;
	if (!splice_name_is_plain(apply->module))
		return splice_wrong(apply, "the name of the module of a late part");
	error = splice_awaited_is_open(update, apply->module);
	if (error)
		return error;
	module = splice_load_enter(apply->module);
	if (!module)
		return -ENOENT;
	splice_coming = module;
	error = splice_part_apply(update, apply, pins);
	splice_coming = NULL;
	splice_load_leave(module);
	return error;
}

int splice_update_apply(struct splice_apply *apply, struct list_head *pins)
{
	struct splice_update *update;
	int error;

	lockdep_assert_held(&splice_mutex);
	apply->nr_busy = 0;
	apply->pause_ns = 0;
	apply->bad_function = SPLICE_NO_FUNCTION;
	apply->bad_offset = 0;
	apply->hook_error = 0;
	apply->nr_left = 0;
	memset(apply->hook, 0, sizeof(apply->hook));
	memset(apply->reason, 0, sizeof(apply->reason));
	if (apply->abi_version != SPLICE_ABI_VERSION)
		return -EPROTO;
	if ((apply->flags & ~(SPLICE_APPLY_KEEPS | SPLICE_APPLY_LATE)) ||
	    !splice_id_is_valid(apply->id))
		return splice_wrong(apply, "the id or a flag");
	update = splice_update_find(&splice_updates, apply->id);
	if (apply->flags & SPLICE_APPLY_LATE)
		return splice_update_apply_late(update, apply, pins);
	if (update)
		return -EEXIST;
	update = splice_update_find(&splice_kept, apply->id);
	if (update) {
		strscpy(apply->reason,
			update->settled ? "it was undone, and its memory stays until a reboot" :
					  "it was undone, but threads are still in its code",
			sizeof(apply->reason));
		return -EBUSY;
	}
	error = splice_arguments_read(apply, &update);
	if (error)
		return error;

	/*
	 * The directory in sysfs comes first: adding it may fail, and an update whose jumps are
	 * written may be impossible to take back, if threads are in its code.
	 */
	update->state = "applying";
	error = splice_sysfs_add(update);
	if (error)
		goto free;
	error = splice_awaited_check(update, apply, splice_part_check);
	if (!error)
		error = splice_update_switch(update, apply);
	if (error)
		goto remove;
	update->pause_ns = apply->pause_ns;
	splice_update_settle(update, pins);
	splice_hooks_finish(update, SPLICE_TO_NEW);
	pr_info("%s applied, %u function%s, %llu ns\n", update->id, update->nr_replaced,
		update->nr_replaced == 1 ? "" : "s", update->pause_ns);
	return 0;

remove:
	splice_sysfs_remove(update);
free:
	splice_update_free(update);
	return error;
}

static bool splice_refers_to(const struct splice_update *later, const struct splice_update *update)
{
	const struct splice_pinned *pin;
	u32 i;

	list_for_each_entry(pin, &later->pins, list) {
		if (splice_names_own_module(update, pin->module))
			return true;
	}
	for (i = 0; i < later->nr_functions; i++) {
		if (splice_names_own_module(update, later->functions[i].owner))
			return true;
	}
	return false;
}

/*
 * A later update depends on an earlier one if it replaces the same function, if it has pinned one
 * of its modules, since its new code may refer to what lies there, if it patches or watches code in
 * one, or if it has written over one of its values.
 */
static const struct splice_update *splice_find_blocker(const struct splice_update *update)
{
	const struct splice_update *later = update;
	u32 i;

	for (i = 0; i < update->nr_functions; i++) {
		if (update->functions[i].above)
			return update->functions[i].above->update;
	}
	list_for_each_entry_continue(later, &splice_updates, list) {
		if (splice_refers_to(later, update) || splice_values_stand_on(later, update))
			return later;
	}
	return NULL;
}

/* Does one that is undone, but whose code may still run, refer to the update's memory? */
static bool splice_is_referred_to_by_kept(const struct splice_update *update)
{
	const struct splice_update *later;

	list_for_each_entry(later, &splice_kept, list) {
		if (splice_refers_to(later, update))
			return true;
	}
	return false;
}

int splice_update_undo(struct splice_undo *undo)
{
	const struct splice_update *blocker;
	struct splice_update *update;
	struct splice_stack_check *check;
	struct splice_outcome outcome;
	int error;

	lockdep_assert_held(&splice_mutex);
	undo->nr_busy = 0;
	undo->pause_ns = 0;
	undo->hook_error = 0;
	undo->nr_left = 0;
	memset(undo->blocker, 0, sizeof(undo->blocker));
	memset(undo->hook, 0, sizeof(undo->hook));
	memset(undo->reason, 0, sizeof(undo->reason));
	if (undo->abi_version != SPLICE_ABI_VERSION)
		return -EPROTO;
	if (undo->flags || !splice_id_is_valid(undo->id)) {
		strscpy(undo->reason, "the id or a flag", sizeof(undo->reason));
		return -EINVAL;
	}
	update = splice_update_find(&splice_updates, undo->id);
	if (!update)
		return -ENOENT;
	blocker = splice_find_blocker(update);
	if (blocker) {
		memcpy(undo->blocker, blocker->id, sizeof(undo->blocker));
		return -EDEADLK;
	}
	if (splice_is_referred_to_by_kept(update))
		update->keeps = true;
	check = splice_check_new_code(update, undo->busy ? undo->max_busy : 0, true);
	if (!check)
		return -ENOMEM;

	WRITE_ONCE(update->state, "undoing");
	error = splice_switch_code(update, SPLICE_TO_OLD, check, &outcome);
	if (error == -EBUSY)
		splice_report_busy(update, check, undo->busy, undo->max_busy, &undo->nr_busy);
	splice_stack_check_free(check);
	if (error) {
		splice_report_refusal(&outcome, undo->hook, &undo->hook_error);
		strscpy(undo->reason, outcome.reason ?: "", sizeof(undo->reason));
		WRITE_ONCE(update->state, "applied");
		return error;
	}
	undo->pause_ns = outcome.pause_ns;
	undo->nr_left = splice_values_left(update, SPLICE_TO_OLD);
	pr_info("%s undone, %u function%s, %llu ns\n", update->id, update->nr_replaced,
		update->nr_replaced == 1 ? "" : "s", outcome.pause_ns);
	splice_update_retire(update);
	return 0;
}
