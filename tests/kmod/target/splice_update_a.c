// SPDX-License-Identifier: GPL-2.0-only
/* New code for target.c and for a function of the kernel. */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/seq_file.h>

int a_value(void);
int a_plain(int value);
int a_short(void);
int a_sleep(void);
int a_helper(void);
int a_nap(void);
int a_cmdline(struct seq_file *file, void *data);
int a_flagged(void);
int a_thunk(void);
void a_flush_pid(struct pid *pid);

extern bool target_flag;
extern unsigned long target_violations;
extern bool target_released;
extern void (*volatile target_operation)(void);

noinline __attribute__((noipa)) int a_value(void)
{
	barrier();
	return 2;
}

notrace noinline __attribute__((noipa)) int a_plain(int value)
{
	barrier();
	return value + 2;
}

notrace noinline __attribute__((noipa)) int a_short(void)
{
	barrier();
	return 2;
}

/* A new function, which replaces nothing. */
noinline __attribute__((noipa)) int a_helper(void)
{
	msleep_interruptible(30000);
	return signal_pending(current);
}

noinline __attribute__((noipa)) int a_sleep(void)
{
	return a_helper() + 2;
}

noinline __attribute__((noipa)) int a_nap(void)
{
	usleep_range(20, 200);
	return 2;
}

noinline __attribute__((noipa)) int a_cmdline(struct seq_file *file, void *data)
{
	seq_puts(file, "spliced\n");
	return 0;
}

noinline __attribute__((noipa)) int a_flagged(void)
{
	if (READ_ONCE(target_flag))
		target_violations++;
	return 2;
}

noinline __attribute__((noipa)) int a_thunk(void)
{
	while (!READ_ONCE(target_released) && !signal_pending(current))
		target_operation();
	return 2;
}

/* In place of proc_flush_pid(): without it /proc forgets a dead thread a little later. */
noinline __attribute__((noipa)) void a_flush_pid(struct pid *pid)
{
	if (!strcmp(current->comm, "lingerer"))
		msleep(2000);
	barrier();
}

MODULE_DESCRIPTION("New code for the core module's tests");
MODULE_LICENSE("GPL");
