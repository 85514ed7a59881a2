/* SPDX-License-Identifier: GPL-2.0-only */
/* One call, and which version of each function it has met: 1 before any update. */
/* clang-format off */
#ifndef MIX_H
#define MIX_H

#include <linux/compiler.h>

struct mix_call {
	int caller;
	int callee;
	int small;
	int gated;
};

/* Each stays one function of its own, whatever the compiler knows about its callers. */
#define shape noinline __attribute__((noipa))

void mix_caller(struct mix_call *call);
void mix_callee(struct mix_call *call);
int mix_short(void);
int mix_gated(void);
extern void (*volatile mix_operation)(struct mix_call *call);

/* What every version of the caller does. */
static __always_inline void mix_call_all(struct mix_call *call, int version)
{
	call->caller = version;
	call->small = mix_short();
	call->gated = mix_gated();
	mix_operation(call);
	barrier();	/* not a jump: the caller stays on the stack */
}

#endif
