// SPDX-License-Identifier: GPL-2.0-only
/*
 * All functions of an update switch at one moment: does a call ever meet two versions?
 *
 * Two threads, and a timer on top of whatever runs, call mix_caller() over and over. It calls three
 * others, one of them short (its jump needs a hop), one with a static key behind its ftrace site
 * (ftrace leads it on), one by a pointer. Each leaves its version in the call's own structure. All
 * are replaced in one update (mix_update.c), and again in a second one upon it (mix_again.c).
 *
 * Parameters: `calls` have been made, in `mixes` of them two versions met.
 */
#include <linux/delay.h>
#include <linux/jump_label.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/timer.h>

#include "mix.h"

static unsigned long calls, mixes;
module_param(calls, ulong, 0444);
module_param(mixes, ulong, 0444);

static DEFINE_STATIC_KEY_FALSE(key);
static struct task_struct *threads[2];
static struct timer_list timer;

shape void mix_callee(struct mix_call *call)
{
	barrier();
	call->callee = 1;
}
EXPORT_SYMBOL_GPL(mix_callee);

shape int mix_gated(void)
{
	if (static_branch_unlikely(&key))
		return 7;
	return 1;
}
EXPORT_SYMBOL_GPL(mix_gated);
EXPORT_SYMBOL_GPL(mix_short);

void (*volatile mix_operation)(struct mix_call *call) = mix_callee;
EXPORT_SYMBOL_GPL(mix_operation);

shape void mix_caller(struct mix_call *call)
{
	mix_call_all(call, 1);
}
EXPORT_SYMBOL_GPL(mix_caller);

static void call_once(void)
{
	struct mix_call call = { };

	mix_caller(&call);
	WRITE_ONCE(calls, calls + 1);
	if (call.caller != call.callee || call.caller != call.small || call.caller != call.gated)
		WRITE_ONCE(mixes, mixes + 1);
}

static int run(void *unused)
{
	int i;

	while (!kthread_should_stop()) {
		for (i = 0; i < 100; i++)
			call_once();
		usleep_range(4000, 8000);
	}
	return 0;
}

static void tick(struct timer_list *unused)
{
	call_once();
	mod_timer(&timer, jiffies + 3);
}

static void stop(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(threads); i++) {
		if (!IS_ERR_OR_NULL(threads[i]))
			kthread_stop(threads[i]);
	}
	del_timer_sync(&timer);
}

static int __init mix_init(void)
{
	int i;

	timer_setup(&timer, tick, 0);
	for (i = 0; i < ARRAY_SIZE(threads); i++) {
		threads[i] = kthread_run(run, NULL, "mix/%d", i);
		if (IS_ERR(threads[i])) {
			stop();
			return PTR_ERR(threads[i]);
		}
	}
	mod_timer(&timer, jiffies + 3);
	return 0;
}

static void __exit mix_exit(void)
{
	stop();
}

module_init(mix_init);
module_exit(mix_exit);

MODULE_DESCRIPTION("Functions that are replaced together");
MODULE_LICENSE("GPL");
