// SPDX-License-Identifier: GPL-2.0-only
/*
 * The modules that updates patch, and which come and go while the updates stay.
 *
 *	tun	splice_5d1f0c2e77aa9b31_1	update 5d1f...	waiting
 *
 * An entry is made before splice-apply looks which modules are loaded, so that none slips in
 * between; it is the session's until the update is applied, and then the update's (as pins are).
 * coming.c stops the load of a module that is listed here, until the part is applied.
 *
 * Whoever loads a module may be waited for by somebody who holds splice_mutex (request_module() in
 * a hook), so the list has a mutex of its own, under which nothing is waited for.
 *
 * Invariant: an entry of an update is "patched" from when its part is in force until the module has
 * ended, and "unpatched" from when the module was let in without it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/slab.h>
#include <linux/wait.h>

#include "core.h"

struct splice_awaited {
	struct list_head list;
	struct splice_update *update;	/* NULL: of the open session */
	enum splice_awaited_state state;
	bool refuse;
	bool hold;
	char module[SPLICE_NAME_LEN];
	char code[SPLICE_NAME_LEN];
};

static DEFINE_MUTEX(splice_awaited_mutex);	/* over all below, and the members of the entries */
static LIST_HEAD(splice_awaited_list);
static LIST_HEAD(splice_loads);		/* that are held back, or go on after that */
static char splice_helper[SPLICE_PATH_LEN];
static DECLARE_WAIT_QUEUE_HEAD(splice_load_left);

static struct splice_awaited *splice_awaited_find(const struct splice_update *update,
						  const char *module)
{
	struct splice_awaited *awaited;

	lockdep_assert_held(&splice_awaited_mutex);
	list_for_each_entry(awaited, &splice_awaited_list, list) {
		if (awaited->update == update && !strcmp(awaited->module, module))
			return awaited;
	}
	return NULL;
}

static u32 splice_awaited_count(const struct splice_update *update)
{
	struct splice_awaited *awaited;
	u32 nr = 0;

	list_for_each_entry(awaited, &splice_awaited_list, list)
		nr += awaited->update == update;
	return nr;
}

/* For the open session. Asked again for the same module, the last word counts. */
int splice_await_module(const struct splice_await *asked)
{
	struct splice_awaited *awaited, *fresh;
	int error = 0;

	if (!splice_name_is_plain(asked->module) || !splice_name_is_plain(asked->code) ||
	    asked->helper[0] != '/' ||
	    strnlen(asked->helper, sizeof(asked->helper)) == sizeof(asked->helper) ||
	    asked->flags & ~(SPLICE_AWAIT_REFUSE | SPLICE_AWAIT_HOLD) || asked->reserved)
		return -EINVAL;
	fresh = kzalloc(sizeof(*fresh), GFP_KERNEL);
	if (!fresh)
		return -ENOMEM;
	mutex_lock(&splice_awaited_mutex);
	awaited = splice_awaited_find(NULL, asked->module);
	if (!awaited && splice_awaited_count(NULL) == SPLICE_MAX_AWAITS) {
		error = -E2BIG;
	} else if (!awaited) {
		awaited = fresh;
		fresh = NULL;
		strscpy(awaited->module, asked->module, sizeof(awaited->module));
		list_add_tail(&awaited->list, &splice_awaited_list);
	}
	if (!error) {
		strscpy(awaited->code, asked->code, sizeof(awaited->code));
		awaited->refuse = asked->flags & SPLICE_AWAIT_REFUSE;
		awaited->hold = asked->flags & SPLICE_AWAIT_HOLD;
		strscpy(splice_helper, asked->helper, sizeof(splice_helper));
	}
	mutex_unlock(&splice_awaited_mutex);
	kfree(fresh);
	return error;
}

/* Of an update that is undone; NULL: of the session, which ends. */
void splice_awaited_forget(const struct splice_update *update)
{
	struct splice_awaited *awaited, *next;

	mutex_lock(&splice_awaited_mutex);
	list_for_each_entry_safe(awaited, next, &splice_awaited_list, list) {
		if (awaited->update != update)
			continue;
		list_del(&awaited->list);
		kfree(awaited);
	}
	mutex_unlock(&splice_awaited_mutex);
}

/* The path of the program that applies parts. */
void splice_awaited_helper(char path[SPLICE_PATH_LEN])
{
	mutex_lock(&splice_awaited_mutex);
	strscpy(path, splice_helper, SPLICE_PATH_LEN);
	mutex_unlock(&splice_awaited_mutex);
}

bool splice_awaits_any(const struct splice_update *update)
{
	bool any;

	mutex_lock(&splice_awaited_mutex);
	any = splice_awaited_count(update);
	mutex_unlock(&splice_awaited_mutex);
	return any;
}

static struct module *splice_own_module(const struct splice_update *update, const char *name)
{
	u32 i;

	for (i = 0; i < update->nr_modules; i++) {
		if (!strcmp(update->modules[i]->name, name))
			return update->modules[i];
	}
	return NULL;
}

/* The update's own module with its code for that module, if it has that now. */
struct module *splice_awaited_code(const struct splice_update *update, const char *module)
{
	const struct splice_awaited *awaited;
	struct module *code = NULL;

	mutex_lock(&splice_awaited_mutex);
	awaited = splice_awaited_find(update, module);
	if (awaited)
		code = splice_own_module(update, awaited->code);
	mutex_unlock(&splice_awaited_mutex);
	return code;
}

/* Does the update (NULL: any) mean this module by the one with its code for `module`? */
bool splice_awaited_is_code(const struct splice_update *update, const char *module,
			    const char *code)
{
	const struct splice_awaited *awaited;
	bool found = false;

	mutex_lock(&splice_awaited_mutex);
	list_for_each_entry(awaited, &splice_awaited_list, list)
		found = found || ((!update || awaited->update == update) &&
				  !strcmp(awaited->module, module) && !strcmp(awaited->code, code));
	mutex_unlock(&splice_awaited_mutex);
	return found;
}

static struct splice_load *splice_load_find(const struct module *module)
{
	struct splice_load *load;

	lockdep_assert_held(&splice_awaited_mutex);
	list_for_each_entry(load, &splice_loads, list) {
		if (load->module == module)
			return load;
	}
	return NULL;
}

/* Nobody would hold it back any more: it is in service, or was loaded before it was listed. */
static bool splice_has_slipped_in(const char *name)
{
	const struct module *module;
	bool live = false, coming = false;

	rcu_read_lock();
	preempt_disable();
	module = splice_kernel_call(find_module)(name);
	if (module) {
		live = module->state == MODULE_STATE_LIVE;
		coming = module->state == MODULE_STATE_COMING;
	}
	preempt_enable();
	rcu_read_unlock();
	return live || (coming && !splice_load_find(module));
}

/*
 * Before the switch of the session's update: each module is patched by it, or is not loaded. What
 * the code for a module replaces lies in that module, and what lies there is replaced by that code
 * alone, so that they can go together: that is asked. -ESTALE: a module has been loaded meanwhile.
 */
int splice_awaited_check(const struct splice_update *update, struct splice_apply *apply,
			 splice_awaited_ask_t ask)
{
	const struct splice_awaited *awaited;
	const struct module *code;
	int error = 0;

	mutex_lock(&splice_awaited_mutex);
	list_for_each_entry(awaited, &splice_awaited_list, list) {
		if (error || awaited->update)
			continue;
		code = splice_own_module(update, awaited->code);
		if (code) {
			error = ask(update, awaited->module, code,
				    awaited->hold || update->keeps, apply);
		} else if (awaited->state == SPLICE_UNPATCHED ||
			   splice_has_slipped_in(awaited->module)) {
			error = -ESTALE;
			strscpy(apply->reason, "a module that it patches has been loaded meanwhile",
				sizeof(apply->reason));
		}
	}
	mutex_unlock(&splice_awaited_mutex);
	return error;
}

/* The session's update is applied. Calls `release` for each module that may go from now on. */
void splice_awaited_settle(struct splice_update *update, splice_awaited_tell_t release)
{
	struct splice_awaited *awaited;
	struct module *code;

	mutex_lock(&splice_awaited_mutex);
	list_for_each_entry(awaited, &splice_awaited_list, list) {
		if (awaited->update)
			continue;
		awaited->update = update;
		code = splice_own_module(update, awaited->code);
		if (!code)
			continue;
		awaited->state = SPLICE_PATCHED;
		if (!awaited->hold && !update->keeps)
			release(update, awaited->module, code);
	}
	mutex_unlock(&splice_awaited_mutex);
}

/* -ENOENT: the update does not await it; -EEXIST: it has its part. */
int splice_awaited_is_open(const struct splice_update *update, const char *module)
{
	const struct splice_awaited *awaited;
	int error = -ENOENT;

	mutex_lock(&splice_awaited_mutex);
	awaited = splice_awaited_find(update, module);
	if (awaited)
		error = awaited->state == SPLICE_PATCHED ? -EEXIST : 0;
	mutex_unlock(&splice_awaited_mutex);
	return error;
}

/* A module has its part of this update, or (NULL) is gone, with the parts of all. */
void splice_awaited_note(const struct splice_update *update, const char *module,
			 enum splice_awaited_state state)
{
	struct splice_awaited *awaited;

	mutex_lock(&splice_awaited_mutex);
	list_for_each_entry(awaited, &splice_awaited_list, list) {
		if (!strcmp(awaited->module, module) && (!update || awaited->update == update))
			awaited->state = state;
	}
	mutex_unlock(&splice_awaited_mutex);
}

/* ---- loads ---- */

/* Is it awaited? Then its load is listed. */
bool splice_load_begin(struct splice_load *load)
{
	const struct splice_awaited *awaited;
	bool found = false;

	mutex_lock(&splice_awaited_mutex);
	list_for_each_entry(awaited, &splice_awaited_list, list)
		found = found || !strcmp(awaited->module, load->module->name);
	if (found)
		list_add(&load->list, &splice_loads);
	mutex_unlock(&splice_awaited_mutex);
	return found;
}

/* The one whose init is called in this thread: a thread loads one module at a time. */
struct splice_load *splice_load_mine(void)
{
	struct splice_load *load, *mine = NULL;

	mutex_lock(&splice_awaited_mutex);
	list_for_each_entry(load, &splice_loads, list) {
		if (load->task == current)
			mine = load;
	}
	mutex_unlock(&splice_awaited_mutex);
	return mine;
}

/* Parts may be applied from now on. */
void splice_load_open(struct splice_load *load)
{
	mutex_lock(&splice_awaited_mutex);
	load->open = true;
	mutex_unlock(&splice_awaited_mutex);
}

/* None may any more. One that is being applied is waited for. */
void splice_load_close(struct splice_load *load)
{
	mutex_lock(&splice_awaited_mutex);
	load->open = false;
	mutex_unlock(&splice_awaited_mutex);
	wait_event(splice_load_left, !READ_ONCE(load->users));
}

/* The module, which does not go on or away before splice_load_leave(); NULL if it does not wait. */
struct module *splice_load_enter(const char *name)
{
	struct splice_load *load;
	struct module *module = NULL;

	mutex_lock(&splice_awaited_mutex);
	list_for_each_entry(load, &splice_loads, list) {
		if (module || !load->open || strcmp(load->module->name, name))
			continue;
		load->users++;
		module = load->module;
	}
	mutex_unlock(&splice_awaited_mutex);
	return module;
}

void splice_load_leave(const struct module *module)
{
	struct splice_load *load;

	mutex_lock(&splice_awaited_mutex);
	load = splice_load_find(module);
	WRITE_ONCE(load->users, load->users - 1);
	mutex_unlock(&splice_awaited_mutex);
	wake_up_all(&splice_load_left);
}

/* Off the list, if it is there: it has ended, in one way or the other. */
struct splice_load *splice_load_end(const struct module *module)
{
	struct splice_load *load;

	mutex_lock(&splice_awaited_mutex);
	load = splice_load_find(module);
	if (load)
		list_del(&load->list);
	mutex_unlock(&splice_awaited_mutex);
	return load;
}

/* Does some update have a part in it? */
bool splice_has_parts(const char *module)
{
	const struct splice_awaited *awaited;
	bool found = false;

	mutex_lock(&splice_awaited_mutex);
	list_for_each_entry(awaited, &splice_awaited_list, list)
		found = found || (!strcmp(awaited->module, module) &&
				  awaited->state == SPLICE_PATCHED);
	mutex_unlock(&splice_awaited_mutex);
	return found;
}

/*
 * The helper has ended: may the module's init run? Says which parts are missing. An update that is
 * only being applied forbids nothing; it will find that the module is there.
 */
bool splice_awaited_decide(const char *module, bool let_in)
{
	struct splice_awaited *awaited;
	bool refuse = false;

	mutex_lock(&splice_awaited_mutex);
	list_for_each_entry(awaited, &splice_awaited_list, list) {
		if (strcmp(awaited->module, module) || awaited->state == SPLICE_PATCHED)
			continue;
		awaited->state = SPLICE_UNPATCHED;
		if (!awaited->update)
			continue;
		refuse = refuse || (awaited->refuse && !let_in);
		pr_warn("module %s has not got its part of update %s\n", module,
			awaited->update->id);
	}
	mutex_unlock(&splice_awaited_mutex);
	return !refuse;
}

/* A line for each module of the update. Returns the length; at most `room`. */
size_t splice_awaited_text(const struct splice_update *update, char *text, size_t room)
{
	static const char *const words[] = { "waiting", "patched", "unpatched" };
	const struct splice_awaited *awaited;
	size_t size = 0;

	mutex_lock(&splice_awaited_mutex);
	list_for_each_entry(awaited, &splice_awaited_list, list) {
		if (awaited->update == update)
			size += scnprintf(text + size, room - size, "%s %s\n", awaited->module,
					  words[awaited->state]);
	}
	mutex_unlock(&splice_awaited_mutex);
	return size;
}
