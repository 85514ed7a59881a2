// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions without a place for a jump: their calls are led on at the ftrace site.
 *
 *	site:	call ftrace's trampoline	which calls splice_redirect_call(),
 *						which makes the call return into the new code
 *
 * That is the kernel's own way for live patches (klp_ftrace_handler() in
 * kernel/livepatch/patch.c). It costs every call a walk through ftrace's trampoline, so it is
 * only for a function whose bytes behind the site the kernel rewrites while it runs, a static key
 * or call: a jump there would be torn apart.
 *
 * ftrace is entered before the stop, with no target: calls go on into the old code. The stop
 * writes the target, so that this function changes in the same moment as all others. Undo writes
 * 0, or what the earlier update had, and leaves ftrace afterwards. No text is ours; ftrace writes
 * it, and finds it whenever it looks.
 *
 * A thread that is between ftrace's call and its return has the address behind the site on its
 * stack, until the new one is put there in the same place (ftrace_caller in
 * arch/x86/kernel/ftrace_64.S). So it counts as inside: before an apply it would still go on in
 * the old code, before an undo in the new code, and nobody else is there
 * (splice_redirect_add_range()).
 *
 * Invariant: the kernel lets one user change where a call leads (FTRACE_OPS_FL_IPMODIFY,
 * __ftrace_hash_update_ipmodify() in kernel/trace/ftrace.c). While the update is applied that is
 * ours: no live patch takes the function over, and kernel.ftrace_enabled cannot be set to 0
 * (FTRACE_OPS_FL_PERMANENT, is_permanent_ops_registered()).
 *
 * Limit, as of live patches: where a tracer has the site too, a call from within a tracer's
 * handler, two deep, goes on into the old code (trace_test_and_set_recursion() in
 * __ftrace_ops_list_func()).
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/slab.h>

#include "core.h"

#ifdef splice_redirect_call_to

/* Of one function; the updates that replace it share it. */
struct splice_redirect {
	struct ftrace_ops ops;
	unsigned long target;	/* 0: the old code */
};

/*
 * Calls nothing, so that it cannot recur. With FTRACE_OPS_FL_RECURSION or _RCU ftrace would leave
 * it out of some calls (ftrace_ops_assist_func()), which would run the old code.
 */
static void notrace splice_redirect_call(unsigned long ip, unsigned long parent_ip,
					 struct ftrace_ops *ops, struct ftrace_regs *regs)
{
	struct splice_redirect *redirect = container_of(ops, struct splice_redirect, ops);
	unsigned long target = READ_ONCE(redirect->target);

	if (target)
		splice_redirect_call_to(regs, target);
}

static int splice_redirect_enter(struct splice_patch *patch, struct splice_outcome *outcome)
{
	struct splice_redirect *redirect = kzalloc(sizeof(*redirect), GFP_KERNEL);
	int error;

	if (!redirect)
		return -ENOMEM;
	redirect->ops.func = splice_redirect_call;
	redirect->ops.flags = FTRACE_OPS_FL_IPMODIFY | FTRACE_OPS_FL_PERMANENT;
	outcome->reason = "ftrace does not take the site";
	error = ftrace_set_filter_ip(&redirect->ops, patch->site, 0, 0);
	if (error)
		goto free;
	error = register_ftrace_function(&redirect->ops);
	if (error) {
		ftrace_set_filter_ip(&redirect->ops, patch->site, 1, 0);
		goto free;
	}
	outcome->reason = NULL;
	patch->redirect = redirect;
	return 0;

free:
	kfree(redirect);
	if (error != -EBUSY)
		return error;
	outcome->reason = "ftrace is switched off, or leads the calls elsewhere for somebody else";
	return -EADDRNOTAVAIL;
}

/* Waits until nobody is in ftrace's trampoline of it (ftrace_shutdown()). */
void splice_redirect_leave(struct splice_patch *patch)
{
	struct splice_redirect *redirect = patch->redirect;

	patch->redirect = NULL;
	if (unregister_ftrace_function(&redirect->ops)) {
		/* It stays, leads nowhere, and the kernel goes on calling it. */
		pr_warn("ftrace does not let go of %s: this module stays\n", patch->name);
		__module_get(THIS_MODULE);
		return;
	}
	ftrace_set_filter_ip(&redirect->ops, patch->site, 1, 0);
	kfree(redirect);
}

#else

struct splice_redirect {
	unsigned long target;
};

static int splice_redirect_enter(struct splice_patch *patch, struct splice_outcome *outcome)
{
	outcome->reason = "this kernel's ftrace cannot lead calls elsewhere";
	return -ENOSYS;
}

void splice_redirect_leave(struct splice_patch *patch)
{
}

#endif

/* The update is not applied any more, or could not be: none of its own redirects leads anywhere. */
void splice_redirects_leave(struct splice_update *update)
{
	u32 i;

	for (i = 0; i < update->nr_functions; i++) {
		struct splice_patch *patch = &update->functions[i];

		if (patch->redirect && !patch->below)
			splice_redirect_leave(patch);
	}
}

/* Before an apply. Takes ftrace's locks, and text_mutex: not under splice_text_lock(). */
int splice_redirects_enter(struct splice_update *update, struct splice_outcome *outcome)
{
	int error = 0;
	u32 i;

	for (i = 0; i < update->nr_functions && !error; i++) {
		struct splice_patch *patch = &update->functions[i];

		if (!patch->at_ftrace_site)
			continue;
		if (patch->below) {
			patch->redirect = patch->below->redirect;
			continue;
		}
		error = splice_redirect_enter(patch, outcome);
		if (error)
			outcome->bad_function = i;
	}
	if (error)
		splice_redirects_leave(update);
	return error;
}

/* In the stop. */
void splice_redirects_switch(const struct splice_update *update, enum splice_direction direction)
{
	unsigned long target;
	u32 i;

	for (i = 0; i < update->nr_functions; i++) {
		const struct splice_patch *patch = &update->functions[i];

		if (!patch->redirect)
			continue;
		target = patch->below ? patch->below->new_code : 0;
		if (direction == SPLICE_TO_NEW)
			target = patch->new_code;
		WRITE_ONCE(patch->redirect->target, target);
	}
}

/* Threads that are in ftrace on behalf of the function: 1 if it is redirected so, and 0 if not. */
u32 splice_redirect_add_range(const struct splice_patch *patch, u32 function,
			      struct splice_stack_range *range)
{
	unsigned long behind = patch->site + SPLICE_FTRACE_SITE;

	if (!patch->at_ftrace_site)
		return 0;
	*range = (struct splice_stack_range){
		.start = behind - 1,
		.end = behind,
		.function = function,
	};
	return 1;
}
