// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stops of the machine to compare Splice's with. Reading a file of
 * /sys/kernel/debug/splice_pause makes one and gives its length in nanoseconds, measured as stop.c
 * measures its own:
 *
 *	empty	nothing is done in it
 *	write	only the jumps of ten functions are written
 *	unwind	every stack is unwound in it, then the jumps are written
 *	words	the same, but every stack is read word by word, as Ksplice does
 *
 * The stack check is the core module's own, without its look before the stop. "functions" tells
 * where the ten functions are and what code they have, so that the same update can be applied
 * through /dev/splice.
 */
#include <linux/cpu.h>
#include <linux/debugfs.h>
#include <linux/ktime.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <asm/sync_core.h>

#include "core.h"
#include "pause_functions.h"

PAUSE_FUNCTIONS(pause_old)

static const pause_function pause_old[NR_PAUSE_FUNCTIONS] = PAUSE_TABLE(pause_old);
static struct pause_record records[NR_PAUSE_FUNCTIONS];
static u8 jumps[NR_PAUSE_FUNCTIONS][SPLICE_LONG_JUMP];

static u8 *site(int i)
{
	return (u8 *)pause_old[i] + SPLICE_FTRACE_SITE;
}

static void write_jumps(void)
{
	int i;

	for (i = 0; i < NR_PAUSE_FUNCTIONS; i++)
		splice_kernel_call(text_poke_kgdb)(site(i), jumps[i], SPLICE_LONG_JUMP);
	sync_core();
}

static int stop_empty(void *unused)
{
	return 0;
}

static int stop_write(void *unused)
{
	write_jumps();
	return 0;
}

static int stop_scan(void *data)
{
	struct splice_stack_check *check = data;
	struct splice_busy *busy;

	splice_stack_check_current(check);
	splice_stack_check_stopped(check);
	if (splice_stack_check_busy(check, &busy))
		return -EBUSY;
	write_jumps();
	return 0;
}

static int stop_restore(void *unused)
{
	int i;

	for (i = 0; i < NR_PAUSE_FUNCTIONS; i++)
		splice_kernel_call(text_poke_kgdb)(site(i), records[i].code + SPLICE_FTRACE_SITE,
						   SPLICE_LONG_JUMP);
	sync_core();
	return 0;
}

static int compare_ranges(const void *left, const void *right)
{
	const struct splice_stack_range *a = left, *b = right;

	return a->start < b->start ? -1 : a->start > b->start;
}

static struct splice_stack_check *new_check(void)
{
	struct splice_stack_range *ranges = kvcalloc(NR_PAUSE_FUNCTIONS, sizeof(*ranges), GFP_KERNEL);
	int i;

	for (i = 0; ranges && i < NR_PAUSE_FUNCTIONS; i++)
		ranges[i] = (struct splice_stack_range){
			.start = records[i].old_entry,
			.end = records[i].old_entry + records[i].old_size,
			.safe = (unsigned long)site(i),
			.function = i,
		};
	if (!ranges)
		return NULL;
	sort(ranges, NR_PAUSE_FUNCTIONS, sizeof(*ranges), compare_ranges, NULL);
	return splice_stack_check_new(ranges, NR_PAUSE_FUNCTIONS, 0);
}

/* The length of one stop. The code is as it was afterwards. */
static int measure(cpu_stop_fn_t function, void *data, u64 *length)
{
	u64 started;
	int error;

	cpus_read_lock();
	mutex_lock(splice_kernel.text_mutex);
	started = ktime_get_ns();
	error = splice_kernel_call(stop_machine_cpuslocked)(function, data, cpu_online_mask);
	*length = ktime_get_ns() - started;
	splice_kernel_call(stop_machine_cpuslocked)(
		stop_restore, NULL, cpumask_of(cpumask_first(cpu_online_mask)));
	mutex_unlock(splice_kernel.text_mutex);
	cpus_read_unlock();
	return error;
}

static int measure_scan(u64 *length)
{
	struct splice_stack_check *check = new_check();
	int error = check ? measure(stop_scan, check, length) : -ENOMEM;

	splice_stack_check_free(check);
	return error;
}

static int empty(void *unused, u64 *length)
{
	return measure(stop_empty, NULL, length);
}

static int write(void *unused, u64 *length)
{
	return measure(stop_write, NULL, length);
}

static int unwind(void *unused, u64 *length)
{
	return measure_scan(length);
}

/* What the stack check does on a kernel without a reliable unwinder. */
static int words(void *unused, u64 *length)
{
	typeof(stack_trace_save_tsk_reliable) *unwinder =
		static_call_query(splice_stack_trace_save_tsk_reliable);
	int error;

	static_call_update(splice_stack_trace_save_tsk_reliable, NULL);
	error = measure_scan(length);
	static_call_update(splice_stack_trace_save_tsk_reliable, unwinder);
	return error;
}

DEFINE_DEBUGFS_ATTRIBUTE(empty_operations, empty, NULL, "%llu\n");
DEFINE_DEBUGFS_ATTRIBUTE(write_operations, write, NULL, "%llu\n");
DEFINE_DEBUGFS_ATTRIBUTE(unwind_operations, unwind, NULL, "%llu\n");
DEFINE_DEBUGFS_ATTRIBUTE(words_operations, words, NULL, "%llu\n");

static struct debugfs_blob_wrapper functions_blob = { .data = records, .size = sizeof(records) };
static struct dentry *folder;

static u32 size_of(unsigned long address)
{
	unsigned long size = 0, offset = 0;

	splice_kernel_call(kallsyms_lookup_size_offset)(address, &size, &offset);
	return min_t(unsigned long, size, sizeof(records[0].code));
}

static int __init pause_init(void)
{
	int error = splice_kernel_symbols_find();
	s32 distance;
	int i;

	if (!error)
		error = splice_exiting_start();
	if (error)
		return error;
	for (i = 0; i < NR_PAUSE_FUNCTIONS; i++) {
		struct pause_record *record = &records[i];

		record->old_entry = (unsigned long)pause_old[i];
		record->new_code = (unsigned long)pause_new[i];
		record->old_size = size_of(record->old_entry);
		record->new_size = size_of(record->new_code);
		memcpy(record->code, (void *)record->old_entry, record->old_size);
		distance = record->new_code - ((unsigned long)site(i) + SPLICE_LONG_JUMP);
		jumps[i][0] = 0xe9;
		memcpy(&jumps[i][1], &distance, sizeof(distance));
	}
	folder = debugfs_create_dir("splice_pause", NULL);
	debugfs_create_file("empty", 0400, folder, NULL, &empty_operations);
	debugfs_create_file("write", 0400, folder, NULL, &write_operations);
	debugfs_create_file("unwind", 0400, folder, NULL, &unwind_operations);
	debugfs_create_file("words", 0400, folder, NULL, &words_operations);
	debugfs_create_blob("functions", 0400, folder, &functions_blob);
	return 0;
}

static void __exit pause_exit(void)
{
	debugfs_remove(folder);
	splice_exiting_stop();
}

module_init(pause_init);
module_exit(pause_exit);

MODULE_DESCRIPTION("Measures how long the machine stands still");
MODULE_LICENSE("GPL");
