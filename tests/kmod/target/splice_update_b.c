// SPDX-License-Identifier: GPL-2.0-only
/* New code that stands on splice_update_a's. */
#include <linux/module.h>

int b_value(void);
int b_short(void);

noinline __attribute__((noipa)) int b_value(void)
{
	barrier();
	return 3;
}

notrace noinline __attribute__((noipa)) int b_short(void)
{
	barrier();
	return 3;
}

MODULE_DESCRIPTION("Newer code for the core module's tests");
MODULE_LICENSE("GPL");
