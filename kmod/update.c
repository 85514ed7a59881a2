// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of an update: apply and undo, step by step.
 *
 * When may new code go away? Undo finds that no thread is in any text of the update's modules,
 * writes the old bytes back in the same stop, and then waits for
 *  - synchronize_rcu_tasks(): threads on the last stretch of do_exit(), which are on no list, and
 *    threads preempted in a trampoline of ftrace or kprobes that leads back into the new code;
 *  - rcu_barrier(): callbacks that the new code has given to call_rcu() have run.
 * From then on, nothing that this module can see leads there: pointers to a replaced function hold
 * its old entry, because that is what new code is linked against. What it cannot see is a *new*
 * function whose address was stored somewhere: as a timer's or work item's function, in a table of
 * operations. An update that does that must take it back itself, or must not be undone;
 * splice-create has to look for it. The code of an apply that fails was never reachable, but for its
 * hooks: if it has any, the same waits come before its modules may go.
 *
 * An update holds, until it is undone: this module, the modules of its new code, those of the old
 * functions, and those that were pinned for it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "core.h"

LIST_HEAD(splice_updates);
static u64 last_sequence;

static bool id_is_valid(const char *id)
{
	size_t length = strnlen(id, SPLICE_ID_LEN);

	return length >= 8 && length < SPLICE_ID_LEN && strspn(id, "0123456789abcdef") == length;
}

struct splice_update *update_find(const char *id)
{
	struct splice_update *update;

	list_for_each_entry(update, &splice_updates, list) {
		if (!strcmp(update->id, id))
			return update;
	}
	return NULL;
}

u32 update_count(void)
{
	struct splice_update *update;
	u32 nr = 0;

	list_for_each_entry(update, &splice_updates, list)
		nr++;
	return nr;
}

/* Lets go of everything. The update is on no list and has no kobject. */
void update_free(struct splice_update *update)
{
	struct splice_pinned *pin, *next;
	u32 i;

	for (i = 0; i < update->nr_functions; i++)
		module_put(update->functions[i].owner);
	for (i = 0; i < update->nr_modules; i++)
		module_put(update->modules[i]);
	list_for_each_entry_safe(pin, next, &update->pins, list) {
		module_put(pin->module);
		kfree(pin);
	}
	kvfree(update->modules);
	kvfree(update->functions);
	kvfree(update->changes);
	kvfree(update->hooks);
	vfree(update->expected);
	kvfree(update->modules_text);
	kvfree(update->functions_text);
	kvfree(update);
}

static int compare_ranges(const void *left, const void *right)
{
	const struct stack_range *a = left, *b = right;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	/* Watched code, which counts from its first byte, behind code of one byte: the longer last. */
	return a->end < b->end ? -1 : a->end > b->end;
}

/*
 * On apply: the code that runs today. A jump right behind the ftrace site makes that place safe,
 * unless the site was there before (a stacked update has its code elsewhere). Watched code is
 * jumped into from the middle of a function: whoever was interrupted at its first byte is inside.
 */
static struct stack_check *check_old_code(const struct splice_update *update, u32 max_busy)
{
	struct stack_range *ranges;
	u32 i;

	ranges = kvcalloc(update->nr_functions, sizeof(*ranges), GFP_KERNEL);
	if (!ranges)
		return NULL;
	for (i = 0; i < update->nr_functions; i++) {
		const struct splice_patch *patch = &update->functions[i];

		ranges[i] = (struct stack_range){
			.start = is_watched(patch) ? patch->old_code - 1 : patch->old_code,
			.end = patch->old_code + patch->old_size,
			.safe = patch->below ? 0 : patch->site,
			.function = i,
		};
	}
	sort(ranges, update->nr_functions, sizeof(*ranges), compare_ranges, NULL);
	return stack_check_new(ranges, update->nr_functions, max_busy);
}

/* On undo: all text of the update's modules, first byte included, for it all goes away. */
static struct stack_check *check_new_code(const struct splice_update *update, u32 max_busy)
{
	struct stack_range *ranges;
	unsigned long text, size;
	u32 i;

	ranges = kvcalloc(update->nr_modules, sizeof(*ranges), GFP_KERNEL);
	if (!ranges)
		return NULL;
	for (i = 0; i < update->nr_modules; i++) {
		text = module_text(update->modules[i], &size);
		ranges[i] = (struct stack_range){
			.start = text - 1,
			.end = text + size,
			.function = SPLICE_NO_FUNCTION,
		};
	}
	sort(ranges, update->nr_modules, sizeof(*ranges), compare_ranges, NULL);
	return stack_check_new(ranges, update->nr_modules, max_busy);
}

/* Which function of the update is a thread in? A helper that replaces nothing is none of them. */
static void name_new_code(const struct splice_update *update, struct splice_busy *busy)
{
	u32 i, j;

	for (i = 0; i < busy->depth; i++) {
		for (j = 0; j < update->nr_functions; j++) {
			const struct splice_patch *patch = &update->functions[j];

			if (is_watched(patch))
				continue;
			if (busy->stack[i] >= patch->new_code &&
			    busy->stack[i] <= patch->new_code + patch->new_size) {
				busy->function = j;
				return;
			}
		}
	}
}

static int report_busy(const struct splice_update *update, struct stack_check *check, u64 user,
		       u32 max_busy, u32 *nr_busy)
{
	struct splice_busy *busy;
	u32 nr, i;

	nr = min_t(u32, stack_check_busy(check, &busy), min_t(u32, max_busy, SPLICE_MAX_BUSY));
	*nr_busy = 0;
	if (!user || !nr)
		return 0;
	for (i = 0; i < nr; i++) {
		if (busy[i].function == SPLICE_NO_FUNCTION)
			name_new_code(update, &busy[i]);
	}
	if (copy_to_user(u64_to_user_ptr(user), busy, nr * sizeof(*busy)))
		return -EFAULT;
	*nr_busy = nr;
	return 0;
}

/* What can be refused while the machine runs, at the cost of nobody. */
static int compare_running(const struct splice_update *update, enum stop_direction direction,
			   struct stop_result *result)
{
	int error;

	text_lock();
	error = trampolines_check_places(update, &result->bad_function);
	if (!error)
		error = stop_compare(update, direction, result);
	text_unlock();
	return error;
}

static int look_and_stop(const struct splice_update *update, enum stop_direction direction,
			 struct stack_check *check, struct stop_result *result)
{
	int error = stack_check_running(check);

	if (error)
		return error;
	text_lock();
	error = trampolines_check_places(update, &result->bad_function);
	if (!error) {
		stop_and_write(update, direction, check, result);
		error = result->error;
	}
	text_unlock();
	return error;
}

/*
 * Compare, prepare, look, stop. Between the first comparison and the locks, probes and tracers may
 * come and go: places are looked at once more under the locks, bytes in the stop. The pre hooks come
 * before the look at the stacks, as they may send away who is in the code.
 */
static int switch_code(struct splice_update *update, enum stop_direction direction,
		       struct stack_check *check, struct stop_result *result)
{
	int error;

	*result = (struct stop_result){ .bad_function = SPLICE_NO_FUNCTION };
	error = compare_running(update, direction, result);
	if (error)
		return error;
	error = hooks_prepare(update, direction, result);
	if (!error)
		error = look_and_stop(update, direction, check, result);
	if (error)
		hooks_fail(update, direction);
	return error;
}

/* The hook that refused, for the caller. */
static void report_refusal(const struct stop_result *result, char *hook, s32 *hook_error)
{
	if (!result->refused_by)
		return;
	memcpy(hook, result->refused_by->name, SPLICE_NAME_LEN);
	*hook_error = result->hook_error;
}

/* What may still lead into the update's code, see the essay above. */
static void wait_for_users(void)
{
	synchronize_rcu_tasks();
	rcu_barrier();
}

/* The update's text is switched on: it joins the others. */
static void settle(struct splice_update *update, struct list_head *pins)
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
	update->sequence = ++last_sequence;
	update->applied_at = ktime_get_real_seconds();
	list_add_tail(&update->list, &splice_updates);
	WRITE_ONCE(update->state, "applied");
}

int update_apply(struct splice_apply *apply, struct list_head *pins)
{
	struct splice_update *update;
	struct stack_check *check;
	struct stop_result result;
	int error;

	apply->nr_busy = 0;
	apply->pause_ns = 0;
	apply->bad_function = SPLICE_NO_FUNCTION;
	apply->bad_offset = 0;
	apply->hook_error = 0;
	memset(apply->hook, 0, sizeof(apply->hook));
	if (apply->abi_version != SPLICE_ABI_VERSION)
		return -EPROTO;
	if (apply->flags || !id_is_valid(apply->id))
		return -EINVAL;
	if (update_find(apply->id))
		return -EEXIST;
	error = arguments_read(apply, &update);
	if (error)
		return error;

	/*
	 * The folder comes first, as adding it may fail, and an update that is switched on cannot
	 * be taken back at will. It says "applying" until then.
	 */
	update->state = "applying";
	error = sysfs_add(update);
	if (error)
		goto free;
	error = -ENOMEM;
	check = check_old_code(update, apply->busy ? apply->max_busy : 0);
	if (!check)
		goto remove;
	error = switch_code(update, STOP_APPLY, check, &result);
	if (error == -EBUSY && report_busy(update, check, apply->busy, apply->max_busy,
					   &apply->nr_busy))
		error = -EFAULT;
	stack_check_free(check);
	if (error) {
		apply->bad_function = result.bad_function;
		apply->bad_offset = result.bad_offset;
		report_refusal(&result, apply->hook, &apply->hook_error);
		if (update->nr_hooks)
			wait_for_users();
		goto remove;
	}
	apply->pause_ns = result.pause_ns;
	update->pause_ns = result.pause_ns;
	settle(update, pins);
	hooks_finish(update, STOP_APPLY);
	pr_info("%s applied, %u function%s, %llu ns\n", update->id, update->nr_replaced,
		update->nr_replaced == 1 ? "" : "s", update->pause_ns);
	return 0;

remove:
	sysfs_remove(update);
free:
	update_free(update);
	return error;
}

/*
 * A later update stands on an earlier one if it replaces the same function, or if it holds one of
 * its modules, since its new code may refer to what lies there.
 */
static const struct splice_update *find_blocker(const struct splice_update *update)
{
	const struct splice_update *later = update;
	const struct splice_pinned *pin;
	u32 i;

	for (i = 0; i < update->nr_functions; i++) {
		if (update->functions[i].above)
			return update->functions[i].above->update;
	}
	list_for_each_entry_continue(later, &splice_updates, list) {
		list_for_each_entry(pin, &later->pins, list) {
			for (i = 0; i < update->nr_modules; i++) {
				if (update->modules[i] == pin->module)
					return later;
			}
		}
	}
	return NULL;
}

static void retire(struct splice_update *update)
{
	u32 i;

	for (i = 0; i < update->nr_functions; i++) {
		if (update->functions[i].below)
			update->functions[i].below->above = NULL;
	}
	list_del(&update->list);
	sysfs_remove(update);
	update_free(update);
	/* Not the last reference: an open device holds one more. */
	module_put(THIS_MODULE);
}

int update_undo(struct splice_undo *undo)
{
	const struct splice_update *blocker;
	struct splice_update *update;
	struct stack_check *check;
	struct stop_result result;
	int error;

	undo->nr_busy = 0;
	undo->pause_ns = 0;
	undo->hook_error = 0;
	memset(undo->blocker, 0, sizeof(undo->blocker));
	memset(undo->hook, 0, sizeof(undo->hook));
	if (undo->abi_version != SPLICE_ABI_VERSION)
		return -EPROTO;
	if (undo->flags || !id_is_valid(undo->id))
		return -EINVAL;
	update = update_find(undo->id);
	if (!update)
		return -ENOENT;
	blocker = find_blocker(update);
	if (blocker) {
		memcpy(undo->blocker, blocker->id, sizeof(undo->blocker));
		return -EDEADLK;
	}
	check = check_new_code(update, undo->busy ? undo->max_busy : 0);
	if (!check)
		return -ENOMEM;

	WRITE_ONCE(update->state, "undoing");
	error = switch_code(update, STOP_UNDO, check, &result);
	if (error == -EBUSY && report_busy(update, check, undo->busy, undo->max_busy,
					   &undo->nr_busy))
		error = -EFAULT;
	stack_check_free(check);
	if (error) {
		report_refusal(&result, undo->hook, &undo->hook_error);
		WRITE_ONCE(update->state, "applied");
		return error;
	}
	wait_for_users();
	if (update->nr_hooks) {
		/* Nobody is left in the new code, so they may free what it used; and may use RCU. */
		hooks_finish(update, STOP_UNDO);
		wait_for_users();
	}
	undo->pause_ns = result.pause_ns;
	pr_info("%s undone, %u function%s, %llu ns\n", update->id, update->nr_replaced,
		update->nr_replaced == 1 ? "" : "s", result.pause_ns);
	retire(update);
	return 0;
}
