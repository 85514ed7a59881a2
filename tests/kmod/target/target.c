// SPDX-License-Identifier: GPL-2.0-only
/*
 * Something to patch: functions of every shape that the core module treats in its own way, each
 * behind a file in /sys/kernel/debug/splice_target, so that reading the file calls it. (Not module
 * parameters: of those, one is read at a time.)
 *
 *	value plain short keyed gated	return a number each; 1 before any update
 *	key				1 switches the static key of the last two on, 0 off
 *	nopped many_nops		the same
 *	calls				how long 100,000 calls of target_value() take, in ns
 *	sleep				blocks in target_sleep() until 1 is written to "release"
 *	odd				the same, below a function that cannot be unwound
 *	nap				sleeps for a moment in target_nap()
 *	spin				as sleep, but without ever leaving the CPU by itself
 *	thunk				as spin, with an indirect call, and no way to leave the CPU but
 *					being preempted
 *	table				calls what stands in a table that is read-only, if anything does
 *	setting				a number that may be written
 *	hammer				1 starts a thread that does little else than call target_short()
 *					and target_flagged(), 0 ends it
 *	wrong				how often that thread got an answer that nobody gives
 */
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/jump_label.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/wait.h>
#include <asm/apic.h>
#include <asm/irq_vectors.h>
#include <asm/nmi.h>

static DECLARE_WAIT_QUEUE_HEAD(sleepers);
bool target_released = true;
EXPORT_SYMBOL_GPL(target_released);
static DEFINE_STATIC_KEY_FALSE(target_key);

/* Each stays one function of its own, whatever the compiler knows about its callers. */
#define shape noinline __attribute__((noipa))

int target_short(void);		/* shapes.S */
int target_odd(void);		/* shapes.S */
int target_nopped(void);	/* shapes.S */
int target_many_nops(void);	/* shapes.S */
int target_value(void);
int target_plain(int value);
int target_keyed(void);
int target_gated(void);
int target_sleep(void);
int target_sleep_caller(void);
int target_callback(void);
int target_spin(void);
int target_nap(void);
int target_flagged(void);
int target_thunk(void);
void target_send_nmis(void);
int target_table_caller(void);

shape int target_value(void)
{
	barrier();
	return 1;
}

/* Without an ftrace site. */
notrace shape int target_plain(int value)
{
	barrier();
	return value * 3 + 1;
}

/* A static key within the first bytes. */
notrace shape int target_keyed(void)
{
	if (static_branch_unlikely(&target_key))
		return 2;
	return 1;
}

/* One right behind the ftrace site. */
shape int target_gated(void)
{
	if (static_branch_unlikely(&target_key))
		return 7;
	return 1;
}

static int set_key(void *unused, u64 value)
{
	if (value)
		static_branch_enable(&target_key);
	else
		static_branch_disable(&target_key);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(key_operations, NULL, set_key, "%llu\n");

static int time_calls(void *unused, u64 *value)
{
	u64 started = ktime_get_ns();
	int i;

	for (i = 0; i < 100000; i++)
		target_value();
	*value = ktime_get_ns() - started;
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(calls_operations, time_calls, NULL, "%llu\n");

static shape int target_wait(void)
{
	wait_event_interruptible(sleepers, target_released);
	return 1;
}

/* The additions keep the calls from becoming jumps: the functions are to stay on the stack. */
shape int target_sleep(void)
{
	return target_wait() + 1;
}

shape int target_sleep_caller(void)
{
	return target_sleep() - 1;
}

shape int target_callback(void)
{
	return target_wait() * 5 - 4;
}

shape int target_spin(void)
{
	while (!READ_ONCE(target_released) && !signal_pending(current))
		cond_resched();
	return 1;
}

static shape void target_nothing(void)
{
	barrier();
}

void (*volatile target_operation)(void) = target_nothing;
EXPORT_SYMBOL_GPL(target_operation);

/* A good part of its time is spent in the thunk of the indirect call. */
shape int target_thunk(void)
{
	while (!READ_ONCE(target_released) && !signal_pending(current))
		target_operation();
	return 1;
}

shape int target_nap(void)
{
	usleep_range(20, 200);
	return 1;
}

/*
 * Set by an update in the stop in which it takes over from the code of an earlier one. That code
 * counts here how often it runs all the same.
 */
bool target_flag;
EXPORT_SYMBOL_GPL(target_flag);
unsigned long target_violations;
EXPORT_SYMBOL_GPL(target_violations);

shape int target_flagged(void)
{
	barrier();
	return 1;
}

/* For values in place. */
struct target_table {
	int (*first)(void);
	int (*second)(void);
};

extern const struct target_table target_table;
const struct target_table target_table = { .first = target_value };
EXPORT_SYMBOL_GPL(target_table);

u32 target_setting = 1000;
EXPORT_SYMBOL_GPL(target_setting);

static shape int target_call_second(const struct target_table *table)
{
	return table->second ? table->second() : 1;
}

shape int target_table_caller(void)
{
	return target_call_second(&target_table);
}

static struct task_struct *hammerer;
static unsigned long wrong;

static int hammer(void *unused)
{
	while (!kthread_should_stop()) {
		int i;

		for (i = 0; i < 1000; i++) {
			int small = target_short(), flagged = target_flagged();

			if (small < 1 || small > 3 || flagged < 1 || flagged > 4)
				wrong++;
		}
		/* Undo waits for it to sleep once: synchronize_rcu_tasks(). */
		usleep_range(10, 100);
	}
	return 0;
}

static int set_hammer(void *unused, u64 value)
{
	if (hammerer)
		kthread_stop(hammerer);
	hammerer = NULL;
	if (!value)
		return 0;
	hammerer = kthread_run(hammer, NULL, "hammer");
	if (!IS_ERR(hammerer))
		return 0;
	hammerer = NULL;
	return -ENOMEM;
}
DEFINE_DEBUGFS_ATTRIBUTE(hammer_operations, NULL, set_hammer, "%llu\n");

/*
 * An NMI on every other CPU, in whose handler replaced functions are called for a while: longer than
 * the leader of a stop takes to the first step of its writing.
 */
static atomic_t nmis_expected;
static unsigned long nmi_calls, nmi_wrong;

static int handle_nmi(unsigned int kind, struct pt_regs *regs)
{
	int i;

	if (atomic_dec_if_positive(&nmis_expected) < 0)
		return NMI_DONE;
	for (i = 0; i < 2000; i++) {
		int value = target_value(), small = target_short();

		if (value < 1 || value > 4 || small < 1 || small > 3)
			nmi_wrong++;
		nmi_calls++;
		cpu_relax();
	}
	return NMI_HANDLED;
}

void target_send_nmis(void)
{
	atomic_set(&nmis_expected, num_online_cpus() - 1);
	apic->send_IPI_allbutself(NMI_VECTOR);
}
EXPORT_SYMBOL_GPL(target_send_nmis);

static int show_plain(void)
{
	return target_plain(0);
}

static int call(void *function, u64 *value)
{
	*value = ((int (*)(void))function)();
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(call_operations, call, NULL, "%llu\n");

static int set_released(void *unused, u64 value)
{
	WRITE_ONCE(target_released, value);
	wake_up_all(&sleepers);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(release_operations, NULL, set_released, "%llu\n");

static struct dentry *folder;

static int __init target_init(void)
{
	int error = register_nmi_handler(NMI_LOCAL, handle_nmi, 0, "splice_target");

	if (error)
		return error;
	folder = debugfs_create_dir("splice_target", NULL);
	debugfs_create_file("value", 0400, folder, target_value, &call_operations);
	debugfs_create_file("plain", 0400, folder, show_plain, &call_operations);
	debugfs_create_file("short", 0400, folder, target_short, &call_operations);
	debugfs_create_file("nopped", 0400, folder, target_nopped, &call_operations);
	debugfs_create_file("many_nops", 0400, folder, target_many_nops, &call_operations);
	debugfs_create_file("keyed", 0400, folder, target_keyed, &call_operations);
	debugfs_create_file("gated", 0400, folder, target_gated, &call_operations);
	debugfs_create_file("calls", 0400, folder, NULL, &calls_operations);
	debugfs_create_file("key", 0200, folder, NULL, &key_operations);
	debugfs_create_file("sleep", 0400, folder, target_sleep_caller, &call_operations);
	debugfs_create_file("odd", 0400, folder, target_odd, &call_operations);
	debugfs_create_file("spin", 0400, folder, target_spin, &call_operations);
	debugfs_create_file("thunk", 0400, folder, target_thunk, &call_operations);
	debugfs_create_file("nap", 0400, folder, target_nap, &call_operations);
	debugfs_create_file("table", 0400, folder, target_table_caller, &call_operations);
	debugfs_create_u32("setting", 0600, folder, &target_setting);
	debugfs_create_file("hammer", 0200, folder, NULL, &hammer_operations);
	debugfs_create_ulong("wrong", 0400, folder, &wrong);
	debugfs_create_ulong("violations", 0400, folder, &target_violations);
	debugfs_create_ulong("nmi_calls", 0400, folder, &nmi_calls);
	debugfs_create_ulong("nmi_wrong", 0400, folder, &nmi_wrong);
	debugfs_create_file("release", 0200, folder, NULL, &release_operations);
	return 0;
}

static void __exit target_exit(void)
{
	debugfs_remove(folder);
	unregister_nmi_handler(NMI_LOCAL, "splice_target");
}

module_init(target_init);
module_exit(target_exit);

MODULE_DESCRIPTION("Functions for the core module's tests");
MODULE_LICENSE("GPL");
