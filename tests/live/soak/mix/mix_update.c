// SPDX-License-Identifier: GPL-2.0-only
/* Version 2 of what target.c calls. The replaced functions are called by their old entries. */
#include <linux/module.h>

#include "mix.h"

void update_caller(struct mix_call *call);
void update_callee(struct mix_call *call);
int update_short(void);
int update_gated(void);

shape void update_callee(struct mix_call *call)
{
	barrier();
	call->callee = 2;
}

notrace shape int update_short(void)
{
	barrier();
	return 2;
}

shape int update_gated(void)
{
	barrier();
	return 2;
}

shape void update_caller(struct mix_call *call)
{
	mix_call_all(call, 2);
}

MODULE_DESCRIPTION("Version 2 of functions that are replaced together");
MODULE_LICENSE("GPL");
