// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's own live patches.
 *
 * They work at a function's ftrace site: klp_ftrace_handler() (kernel/livepatch/patch.c) leads the
 * call into the live patch's function, and the jump behind the site is never reached. An update of
 * such a function would be applied, and have no effect.
 *
 * So an apply asks, under the kernel's klp_mutex, which it holds until the jumps are written. One
 * that is in transition counts, in either direction. A live patch that comes later cannot be kept
 * out, but the log says over which update it stands.
 *
 * Invariant: with klp_mutex held, no function becomes live-patched, or ceases to be.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/notifier.h>
#include <linux/workqueue.h>

#include "core.h"

void splice_live_patches_lock(void)
{
	if (splice_kernel.klp_mutex)
		mutex_lock(splice_kernel.klp_mutex);
}

void splice_live_patches_unlock(void)
{
	if (splice_kernel.klp_mutex)
		mutex_unlock(splice_kernel.klp_mutex);
}

bool splice_is_live_patched(unsigned long entry)
{
#ifdef CONFIG_LIVEPATCH
	lockdep_assert_held(splice_kernel.klp_mutex);
	return splice_kernel_call(klp_find_ops)((void *)entry);
#else
	return false;
#endif
}

static void splice_live_patches_name(struct work_struct *work)
{
	struct splice_update *update;
	u32 i;

	mutex_lock(&splice_mutex);
	splice_live_patches_lock();
	list_for_each_entry(update, &splice_updates, list) {
		for (i = 0; i < update->nr_functions; i++) {
			const struct splice_patch *patch = &update->functions[i];

			if (!splice_is_watched(patch) && splice_is_live_patched(patch->old_entry))
				pr_warn("a live patch stands over update %s: it decides at %s\n",
					update->id, patch->name);
		}
	}
	splice_live_patches_unlock();
	mutex_unlock(&splice_mutex);
}

static DECLARE_WORK(splice_live_patches_work, splice_live_patches_name);

/*
 * When a live patch's module is LIVE, its init has enabled it. Not asked here: whoever loads the
 * module may hold splice_mutex (request_module() in a hook).
 */
static int splice_live_patches_notify(struct notifier_block *block, unsigned long state, void *data)
{
	if (state == MODULE_STATE_LIVE && is_livepatch_module(data))
		schedule_work(&splice_live_patches_work);
	return NOTIFY_OK;
}

static struct notifier_block splice_live_patches_block = {
	.notifier_call = splice_live_patches_notify,
};

int splice_live_patches_start(void)
{
	return register_module_notifier(&splice_live_patches_block);
}

void splice_live_patches_stop(void)
{
	unregister_module_notifier(&splice_live_patches_block);
	cancel_work_sync(&splice_live_patches_work);
}
