// SPDX-License-Identifier: GPL-2.0-only
/*
 * New code that brings hooks. Each writes its name into the parameter "record", and whether interrupts
 * were on (+) or off (-); the one whose name stands in "refuse" gives "answer", after "pause"
 * milliseconds. A record that is a newline is empty.
 */
#include <linux/delay.h>
#include <linux/irqflags.h>
#include <linux/module.h>
#include <linux/preempt.h>

static char record[512];
module_param_string(record, record, sizeof(record), 0600);
static char refuse[32];
module_param_string(refuse, refuse, sizeof(refuse), 0600);
static int answer;
module_param(answer, int, 0600);
static unsigned int pause;
module_param(pause, uint, 0600);

static int note(const char *name)
{
	size_t length = record[0] == '\n' ? 0 : strlen(record);

	scnprintf(record + length, sizeof(record) - length, "%s%c ", name,
		  irqs_disabled() ? '-' : '+');
	if (strcmp(name, refuse))
		return 0;
	if (pause)
		msleep(pause);
	return answer;
}

#define ASK(name)	int h_##name(void); int h_##name(void) { return note(#name); }
#define CALL(name)	void h_##name(void); void h_##name(void) { note(#name); }

/* Two files' worth of hooks. */
ASK(pre_apply_1) ASK(pre_apply_2)
ASK(check_apply_1) ASK(check_apply_2)
CALL(apply_1) CALL(apply_2)
CALL(post_apply_1) CALL(post_apply_2)
CALL(fail_apply_1) CALL(fail_apply_2)
ASK(pre_undo_1) ASK(pre_undo_2)
ASK(check_undo_1) ASK(check_undo_2)
CALL(undo_1) CALL(undo_2)
CALL(post_undo_1) CALL(post_undo_2)
CALL(fail_undo_1) CALL(fail_undo_2)

/* Comes back in another context than it was called in. */
void h_rude(void);
void h_rude(void)
{
	preempt_disable();
	local_irq_disable();
	note("rude");
}

int h_value(void);
noinline __attribute__((noipa)) int h_value(void)
{
	barrier();
	return 4;
}

/* Takes over from a_flagged(). */
int h_flagged(void);
noinline __attribute__((noipa)) int h_flagged(void)
{
	barrier();
	return 4;
}

int h_short(void);
notrace noinline __attribute__((noipa)) int h_short(void)
{
	barrier();
	return 3;
}

/* In the stop, before anything is written. */
extern void target_send_nmis(void);
int h_send_nmis(void);
int h_send_nmis(void)
{
	target_send_nmis();
	return 0;
}

extern bool target_flag;
void h_set_flag(void);
void h_set_flag(void)
{
	WRITE_ONCE(target_flag, true);
}

void h_clear_flag(void);
void h_clear_flag(void)
{
	WRITE_ONCE(target_flag, false);
}

MODULE_DESCRIPTION("New code with hooks for the core module's tests");
MODULE_LICENSE("GPL");
