// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module that updates await gets its parts of them before its init runs, and they go with it.
 *
 *	load_module()				kernel/module/main.c
 *	  prepare_coming_module()		notifier, COMING: its init is exchanged for ours
 *	  parse_args(), mod_sysfs_setup()
 *	  do_init_module()
 *	    splice_load_init()			waits for the helper, which applies the parts;
 *	      do_one_initcall()			then the module's own init, or an error
 *	    notifier, LIVE or GOING		the load has ended
 *
 * The waiting is not done in the notifier: that is called with the chain's semaphore held for
 * reading, and the helper loads a module of new code itself. If somebody came to register a
 * notifier meanwhile, the helper would wait for him, he for us, and we for the helper. Nor does
 * sysfs tell the module's sections there. In its init nothing is locked, and of the module only the
 * handlers of its parameters can have run, called by who loads it.
 *
 * So a part is applied to a module in state COMING. All of its text is in memory, relocated, and
 * visible to kallsyms; no other module can be bound to its symbols (strong_try_module_get()), which
 * is why the new code has their addresses written in. It is applied as any update, with the same
 * comparison, look and stop.
 *
 * The helper is a program, run as request_module() runs modprobe. Who loads the module can be
 * killed while it waits; then the load fails. How long the helper may take is its own business.
 *
 * Invariant: while a module is listed as a load, this module is held, and its init is ours until it
 * has been called.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/init.h>
#include <linux/kmod.h>
#include <linux/notifier.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/umh.h>
#include <linux/workqueue.h>

#include "core.h"

/* What the helper is called with; freed when it has been started. */
struct splice_helper {
	char path[SPLICE_PATH_LEN];
	char option[8];
	char module[MODULE_NAME_LEN];
	char home[8];
	char search[48];
	char *argv[4];
	char *environment[3];
};

static atomic_t splice_helpers;		/* that are not freed yet */

static void splice_helper_free(struct subprocess_info *info)
{
	kfree(info->data);
	atomic_dec(&splice_helpers);
}

/* Where nobody waits for a helper any more, the kernel frees it when it has ended. */
static void splice_helpers_wait(void)
{
	while (atomic_read(&splice_helpers))
		msleep(20);
	/* Until whoever was preempted in splice_helper_free() has left it. */
	synchronize_rcu_tasks();
}

/* Its status as wait(2) gives it, or a negative errno. */
static int splice_helper_run(const char *path, const char *module, int wait)
{
	struct splice_helper *helper = kzalloc(sizeof(*helper), GFP_KERNEL);
	struct subprocess_info *info;

	if (!helper)
		return -ENOMEM;
	strscpy(helper->path, path, sizeof(helper->path));
	strscpy(helper->option, "--late", sizeof(helper->option));
	strscpy(helper->module, module, sizeof(helper->module));
	strscpy(helper->home, "HOME=/", sizeof(helper->home));
	strscpy(helper->search, "PATH=/sbin:/bin:/usr/sbin:/usr/bin", sizeof(helper->search));
	helper->environment[0] = helper->home;
	helper->environment[1] = helper->search;
	helper->argv[0] = helper->path;
	helper->argv[1] = helper->option;
	helper->argv[2] = helper->module;
	info = call_usermodehelper_setup(helper->path, helper->argv, helper->environment,
					 GFP_KERNEL, NULL, splice_helper_free, helper);
	if (!info) {
		kfree(helper);
		return -ENOMEM;
	}
	atomic_inc(&splice_helpers);
	return call_usermodehelper_exec(info, wait);
}

/* The code of parts that are gone is a module, which only user space can unload. */
static void splice_tidy(struct work_struct *work)
{
	char path[SPLICE_PATH_LEN];

	splice_awaited_helper(path);
	splice_helper_run(path, "-", UMH_WAIT_EXEC);
}

static DECLARE_WORK(splice_tidy_work, splice_tidy);

/* In place of the module's init. */
static int splice_load_init(void)
{
	struct splice_load *load = splice_load_mine();
	struct module *module = load->module;
	char helper[SPLICE_PATH_LEN];
	int status;

	splice_awaited_helper(helper);
	/* delete_module() looks whether there is one. */
	module->init = load->init;
	splice_load_open(load);
	status = splice_helper_run(helper, module->name, UMH_WAIT_PROC | UMH_KILLABLE);
	splice_load_close(load);
	if (status < 0)
		pr_warn("%s could not be run for module %s: %d\n", helper, module->name, status);
	if (!splice_awaited_decide(module->name, status == SPLICE_LET_IN << 8)) {
		pr_warn("module %s is not let in (unpatched-modules in splice.conf)\n",
			module->name);
		return status == -EINTR ? status : -ECANCELED;
	}
	return load->init ? splice_kernel_call(do_one_initcall)(load->init) : 0;
}

static int splice_module_coming(struct module *module)
{
	struct splice_load *load = kzalloc(sizeof(*load), GFP_KERNEL);

	if (!load)
		return notifier_from_errno(-ENOMEM);
	load->module = module;
	load->task = current;
	load->init = module->init;
	/* It is on its way out: no update is left. */
	if (!try_module_get(THIS_MODULE)) {
		kfree(load);
		return NOTIFY_DONE;
	}
	if (!splice_load_begin(load)) {
		module_put(THIS_MODULE);
		kfree(load);
		return NOTIFY_DONE;
	}
	module->init = splice_load_init;
	return NOTIFY_OK;
}

/* In a notifier, whose chain is unregistered before this module's text goes. */
static void splice_load_ended(struct module *module)
{
	struct splice_load *load = splice_load_end(module);

	if (!load)
		return;
	kfree(load);
	module_put(THIS_MODULE);
}

static void splice_module_going(struct module *module)
{
	bool has_parts = splice_has_parts(module->name);

	/*
	 * splice_mutex is taken only if it must be: a hook that holds it may wait for a module
	 * whose init fails. That one has no part, as none was applied meanwhile.
	 */
	if (has_parts) {
		mutex_lock(&splice_mutex);
		splice_part_drop(module);
		mutex_unlock(&splice_mutex);
	}
	splice_awaited_note(NULL, module->name, SPLICE_WAITING);
	if (has_parts)
		schedule_work(&splice_tidy_work);
}

static int splice_coming_notify(struct notifier_block *block, unsigned long state, void *data)
{
	struct module *module = data;

	switch (state) {
	case MODULE_STATE_COMING:
		return splice_module_coming(module);
	case MODULE_STATE_LIVE:
		splice_load_ended(module);
		break;
	case MODULE_STATE_GOING:
		splice_module_going(module);
		splice_load_ended(module);
		break;
	}
	return NOTIFY_OK;
}

static struct notifier_block splice_coming_block = {
	.notifier_call = splice_coming_notify,
};

int splice_coming_start(void)
{
	return register_module_notifier(&splice_coming_block);
}

void splice_coming_stop(void)
{
	unregister_module_notifier(&splice_coming_block);
	cancel_work_sync(&splice_tidy_work);
	splice_helpers_wait();
}
