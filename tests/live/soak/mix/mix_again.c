// SPDX-License-Identifier: GPL-2.0-only
/* Version 3 of what target.c calls. The replaced functions are called by their old entries. */
#include <linux/module.h>

#include "mix.h"

void again_caller(struct mix_call *call);
void again_callee(struct mix_call *call);
int again_short(void);
int again_gated(void);

shape void again_callee(struct mix_call *call)
{
	barrier();
	call->callee = 3;
}

notrace shape int again_short(void)
{
	barrier();
	return 3;
}

shape int again_gated(void)
{
	barrier();
	return 3;
}

shape void again_caller(struct mix_call *call)
{
	mix_call_all(call, 3);
}

MODULE_DESCRIPTION("Version 3 of functions that are replaced together");
MODULE_LICENSE("GPL");
