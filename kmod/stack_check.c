// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which threads are inside the code that is to change?
 *
 * A thread is inside a function if an address in it is on the thread's stack: as a return address,
 * as the place where an interrupt stopped it, or in the shadow stacks in which the function graph
 * tracer and return probes hide return addresses. Stacks are unwound with
 * stack_trace_save_tsk_reliable(); where that refuses, or is not believed, every word of the stack
 * counts as if it were an address ("conservative": it may report a thread that is not inside).
 *
 * The unwinder is believed if all that it met are calls, and it ended where stacks end.
 *  - It may end too early without saying so: before Linux 6.3 unwind_next_frame() takes code
 *    without unwinding data for the end of the stack (ORC_REG_UNDEFINED with orc->end): the thunk
 *    of an indirect call, or return_to_handler(). A stack ends in entry text (a user thread), in
 *    ret_from_fork() (a kernel thread, or a new child) or in the code that starts a processor (an
 *    idle thread); a walk that ends elsewhere has been cut short.
 *  - It may go astray: at a thunk's RET the *entry* of the called function stands where a return
 *    address is expected, and the unwinding data of what lies before that is taken. So where an
 *    interrupt or an exception has stopped the thread in kernel code, at any instruction, its words
 *    count: all its registers are among them. Such a stack has entry text in its middle.
 *
 * Which addresses count: start < a <= end, and not `safe`.
 *  - a == end counts. A call that does not return may be a function's last instruction, and its
 *    return address is the first byte behind.
 *  - a == start does not. As a return address it belongs to the function before, for the same
 *    reason; as the place of an interrupt, no byte of this function has run yet, and the thread
 *    will run the bytes that are there then. (Code that goes away, or that is not entered at its
 *    beginning but jumped into, counts from start - 1.)
 *  - `safe` is the place behind a function's ftrace site, to which a tracer returns. If a jump is
 *    written exactly there, a thread that comes back runs the whole jump.
 *
 * How the stop stays short. The stack of a sleeping thread does not change. Before the stop,
 * splice_stack_check_running() unwinds the stacks of all threads that are off their CPU and notes
 * how often each has been switched out. In the stop, only threads whose count has moved are unwound
 * again.
 *
 * Why that is sound. __schedule() adds one to prev->nvcsw or prev->nivcsw before every switch from
 * one task to another (if prev == next, prev goes on running). A thread is off its CPU when
 * task->on_cpu is 0, which finish_task() writes after the switch. So if the sum is read first, then
 * on_cpu is 0, then the stack is read: a thread that got onto a CPU afterwards must have been
 * switched out again before the stop, because in the stop the stopper threads have all the CPUs;
 * then the sum has moved. If it has not, the thread has not run since, and its stack is as it was
 * read. The records hold references, so a task_struct cannot come back as another.
 *
 * Exiting threads are on a list of their own (exiting.c).
 *
 * Limits. These threads are not found:
 *  - Preempted in the detour of an optimised kprobe: no word of the stack says where it jumps back.
 *    An undo is refused while such a probe is in the new code, and looks once more before the code
 *    goes (retire.c).
 *  - NMI handlers: code that runs in them must not be patched.
 */
#include <linux/hash.h>
#include <linux/kasan.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/rculist.h>
#include <linux/rethook.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "core.h"

#define SPLICE_MAX_ENTRIES		256	/* frames; deeper stacks are read word by word */
#define SPLICE_MAX_CURRENT_ENTRIES	32	/* a stopper's stack is shallow */
#define SPLICE_DEAD_CPU_STACK		1024	/* bytes of an offline CPU's idle thread */

struct splice_thread_record {
	struct task_struct *task;
	unsigned long switches;
	bool valid;	/* off its CPU and not inside, when it had been switched so often */
	bool listed;	/* seen on the task list in the stop */
};

struct splice_stack_check {
	struct splice_stack_range *ranges;	/* sorted */
	u32 nr_ranges;
	unsigned long lowest;		/* addresses in (lowest, highest] may count, no others */
	unsigned long highest;
	struct splice_thread_record *records;
	u32 nr_records;
	u32 max_records;
	u32 *table;			/* open addressing: 1 + index into records, 0: free */
	unsigned int table_bits;
	unsigned long entries[SPLICE_MAX_ENTRIES];
	u32 max_busy;
	atomic_t nr_busy;		/* may exceed max_busy */
	struct splice_busy *busy;
};

static const struct splice_stack_range *splice_find_range(const struct splice_stack_check *check,
							  unsigned long address)
{
	u32 low = 0, high = check->nr_ranges;
	const struct splice_stack_range *range;

	if (address <= check->lowest || address > check->highest)
		return NULL;
	/* The last range with start < address. */
	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (check->ranges[middle].start < address)
			low = middle + 1;
		else
			high = middle;
	}
	/* There is one, as `lowest` is the first one's start. */
	range = &check->ranges[low - 1];
	return address <= range->end && address != range->safe ? range : NULL;
}

/* Claims a place in the report; NULL if it is full. Several CPUs may call it at once. */
static struct splice_busy *splice_new_busy(struct splice_stack_check *check,
					   struct task_struct *task,
					   const struct splice_stack_range *range)
{
	u32 index = atomic_inc_return(&check->nr_busy) - 1;
	struct splice_busy *busy;

	if (index >= check->max_busy)
		return NULL;
	busy = &check->busy[index];
	busy->function = range->function;
	busy->pid = task_pid_nr(task);
	BUILD_BUG_ON(sizeof(busy->comm) != sizeof(task->comm));
	memcpy(busy->comm, task->comm, sizeof(busy->comm));
	busy->comm[sizeof(busy->comm) - 1] = 0;
	return busy;
}

static bool splice_check_entries(struct splice_stack_check *check, struct task_struct *task,
				 const unsigned long *entries, unsigned int nr_entries)
{
	const struct splice_stack_range *range = NULL;
	struct splice_busy *busy;
	unsigned int i;

	for (i = 0; i < nr_entries && !range; i++)
		range = splice_find_range(check, entries[i]);
	if (!range)
		return false;
	busy = splice_new_busy(check, task, range);
	if (busy) {
		busy->depth = min_t(unsigned int, nr_entries, SPLICE_MAX_STACK);
		for (i = 0; i < busy->depth; i++)
			busy->stack[i] = entries[i];
	}
	return true;
}

static void splice_add_address(struct splice_busy *busy, unsigned long address)
{
	if (busy->depth < SPLICE_MAX_STACK && splice_kernel_call(__kernel_text_address)(address))
		busy->stack[busy->depth++] = address;
}

typedef void (*splice_visit_t)(unsigned long address, void *data);

/*
 * Calls visit for each return address that a tracer has taken off the stack. In the stop, or for a
 * task that does not run; only the task itself writes its lists.
 */
static void splice_visit_hidden(struct task_struct *task, splice_visit_t visit, void *data)
{
#ifdef CONFIG_FUNCTION_GRAPH_TRACER
	struct ftrace_ret_stack *frame;
	int i;

	for (i = 0; task->ret_stack; i++) {
		frame = splice_kernel_call(ftrace_graph_get_ret_stack)(task, i);
		if (!frame)
			break;
		visit(frame->ret, data);
	}
#endif
#ifdef CONFIG_RETHOOK
	{
		struct llist_node *node;

		for (node = READ_ONCE(task->rethooks.first); node; node = READ_ONCE(node->next))
			visit(container_of(node, struct rethook_node, llist)->ret_addr, data);
	}
#endif
#if defined(CONFIG_KRETPROBES) && !defined(CONFIG_KRETPROBE_ON_RETHOOK)
	{
		struct llist_node *node;

		for (node = READ_ONCE(task->kretprobe_instances.first); node;
		     node = READ_ONCE(node->next))
			visit((unsigned long)container_of(node, struct kretprobe_instance,
							  llist)->ret_addr, data);
	}
#endif
}

struct splice_hidden_search {
	struct splice_stack_check *check;
	const struct splice_stack_range *found;
	struct splice_busy *busy;
};

static void splice_search_hidden(unsigned long address, void *data)
{
	struct splice_hidden_search *search = data;

	if (!search->found)
		search->found = splice_find_range(search->check, address);
}

static void splice_report_hidden(unsigned long address, void *data)
{
	struct splice_hidden_search *search = data;

	splice_add_address(search->busy, address);
}

static bool splice_within(const struct splice_bounds *bounds, unsigned long address)
{
	return address >= bounds->start && address <= bounds->end;
}

/* Is that a whole stack, of calls alone? See the essay above. */
static bool splice_walk_is_whole(const unsigned long *entries, unsigned int nr_entries)
{
	unsigned int i;

	for (i = 0; i + 1 < nr_entries; i++) {
		if (splice_within(&splice_kernel.entry_text, entries[i]))
			return false;
	}
	if (!nr_entries)
		return false;
	if (splice_within(&splice_kernel.entry_text, entries[nr_entries - 1]))
		return true;
	for (i = 0; i < splice_kernel.nr_stack_ends; i++) {
		if (splice_within(&splice_kernel.stack_ends[i], entries[nr_entries - 1]))
			return true;
	}
	return false;
}

static unsigned long splice_stack_pointer(const struct task_struct *task)
{
	return task == current ? (unsigned long)__builtin_frame_address(0) :
				 READ_ONCE(task->thread.sp);
}

/* Every word between `top` and the stack's end. The caller holds the stack. */
static bool splice_check_words(struct splice_stack_check *check, struct task_struct *task,
			       unsigned long top)
{
	unsigned long base = (unsigned long)task_stack_page(task);
	unsigned long end = base + THREAD_SIZE;
	struct splice_hidden_search search = { .check = check };
	unsigned long place;

	if (top < base || top >= end)
		top = base;
	top = ALIGN_DOWN(top, sizeof(long));
	for (place = top; place < end && !search.found; place += sizeof(long))
		search.found = splice_find_range(check, READ_ONCE_NOCHECK(*(unsigned long *)place));
	splice_visit_hidden(task, splice_search_hidden, &search);
	if (!search.found)
		return false;
	search.busy = splice_new_busy(check, task, search.found);
	if (!search.busy)
		return true;
	search.busy->conservative = 1;
	for (place = top; place < end; place += sizeof(long))
		splice_add_address(search.busy, READ_ONCE_NOCHECK(*(unsigned long *)place));
	splice_visit_hidden(task, splice_report_hidden, &search);
	return true;
}

/*
 * rethook_find_ret_addr(), which the unwinder asks for return addresses that a return probe has
 * hidden, warns about other tasks in state TASK_RUNNING, even if they do not run: those are read by
 * words.
 */
static bool splice_unwinder_may_warn(const struct task_struct *task)
{
#ifdef CONFIG_RETHOOK
	return task != current && READ_ONCE(task->rethooks.first) && task_is_running(task);
#else
	return false;
#endif
}

/* True if the task is inside; then it is in the report. The task must not run elsewhere. */
static bool splice_check_task(struct splice_stack_check *check, struct task_struct *task,
			      unsigned long *entries, unsigned int max_entries)
{
	int nr = -EINVAL;
	bool found;

	if (task != current && splice_has_ended(task))
		return false;
	if (splice_kernel_has(stack_trace_save_tsk_reliable) && !splice_unwinder_may_warn(task))
		nr = splice_kernel_call(stack_trace_save_tsk_reliable)(task, entries, max_entries);
	if (nr >= 0 && splice_walk_is_whole(entries, nr))
		return splice_check_entries(check, task, entries, nr);
	/* A task that is dead and has freed its stack is nowhere. */
	if (!try_get_task_stack(task))
		return false;
	found = splice_check_words(check, task, splice_stack_pointer(task));
	/* In the stop this is never the last reference: no other CPU can have dropped one. */
	splice_kernel_call(put_task_stack)(task);
	return found;
}

static unsigned long splice_switches_of(const struct task_struct *task)
{
	return READ_ONCE(task->nvcsw) + READ_ONCE(task->nivcsw);
}

static void splice_table_insert(struct splice_stack_check *check, u32 index)
{
	u32 mask = (1U << check->table_bits) - 1;
	u32 slot = hash_ptr(check->records[index].task, check->table_bits);

	while (check->table[slot])
		slot = (slot + 1) & mask;
	check->table[slot] = index + 1;
}

static struct splice_thread_record *splice_table_find(const struct splice_stack_check *check,
						      const struct task_struct *task)
{
	u32 mask = (1U << check->table_bits) - 1;
	u32 slot = hash_ptr(task, check->table_bits);

	for (; check->table[slot]; slot = (slot + 1) & mask) {
		struct splice_thread_record *record = &check->records[check->table[slot] - 1];

		if (record->task == task)
			return record;
	}
	return NULL;
}

static void splice_add_record(struct splice_stack_check *check, struct task_struct *task)
{
	if (check->nr_records == check->max_records)
		return;
	check->records[check->nr_records].task = get_task_struct(task);
	splice_table_insert(check, check->nr_records++);
}

/* An exiting thread may still be on the task list. */
static void splice_add_exiting(struct task_struct *task, void *data)
{
	struct splice_stack_check *check = data;

	if (!splice_table_find(check, task))
		splice_add_record(check, task);
}

/* References to all threads. Those that come later have no record and are unwound in the stop. */
static int splice_collect_threads(struct splice_stack_check *check)
{
	struct task_struct *process, *thread;
	u32 capacity = splice_exiting_count();

	rcu_read_lock();
	for_each_process_thread(process, thread)
		capacity++;
	rcu_read_unlock();
	capacity += capacity / 8 + 64;

	check->table_bits = order_base_2(2 * capacity);
	check->records = kvcalloc(capacity, sizeof(*check->records), GFP_KERNEL);
	check->table = kvcalloc(1U << check->table_bits, sizeof(*check->table), GFP_KERNEL);
	if (!check->records || !check->table)
		return -ENOMEM;
	check->max_records = capacity;

	rcu_read_lock();
	for_each_process_thread(process, thread)
		splice_add_record(check, thread);
	rcu_read_unlock();
	splice_exiting_visit(splice_add_exiting, check);
	return 0;
}

/* Looks at one thread while the machine runs. */
static void splice_look_at(struct splice_stack_check *check, struct splice_thread_record *record)
{
	struct task_struct *task = record->task;
	unsigned long switches = splice_switches_of(task);
	u32 nr_busy = atomic_read(&check->nr_busy);
	bool found;

	smp_rmb();	/* the count first: see the essay above */
	if (splice_is_on_cpu(task))
		return;
	/* It might start to run at any moment, and the unwinder might warn: left for the stop. */
#ifdef CONFIG_RETHOOK
	if (READ_ONCE(task->rethooks.first))
		return;
#endif
	found = splice_check_task(check, task, check->entries, SPLICE_MAX_ENTRIES);
	smp_rmb();	/* the stack before what tells whether it was read in peace */
	if (splice_is_on_cpu(task) || splice_switches_of(task) != switches) {
		/* It ran meanwhile, so the result is void. */
		atomic_set(&check->nr_busy, nr_busy);
		if (nr_busy < check->max_busy)
			memset(&check->busy[nr_busy], 0, sizeof(check->busy[nr_busy]));
		return;
	}
	record->switches = switches;
	record->valid = !found;
}

/*
 * Before the stop; may sleep. -EBUSY: sleeping threads are inside, so stopping would be in vain.
 */
int splice_stack_check_running(struct splice_stack_check *check)
{
	int error;
	u32 i;

	if (!check->nr_ranges)
		return 0;
	error = splice_collect_threads(check);
	if (error)
		return error;
	for (i = 0; i < check->nr_records; i++) {
		splice_look_at(check, &check->records[i]);
		cond_resched();
	}
	return atomic_read(&check->nr_busy) ? -EBUSY : 0;
}

/*
 * Under the text locks, before the stop: looks again at the threads that have run since, so that
 * the stop need not. -EBUSY as above.
 */
int splice_stack_check_again(struct splice_stack_check *check)
{
	u32 i;

	for (i = 0; i < check->nr_records; i++) {
		struct splice_thread_record *record = &check->records[i];

		if (record->valid && record->switches == splice_switches_of(record->task))
			continue;
		record->valid = false;
		splice_look_at(check, record);
		cond_resched();
	}
	return atomic_read(&check->nr_busy) ? -EBUSY : 0;
}

/*
 * The idle thread of a CPU that is offline sits in native_play_dead() or below: a few calls from
 * its stack's end. It wakes now and then, without warning, and goes round in that very code
 * (mwait_play_dead() in arch/x86/kernel/smpboot.c). Where its stack pointer is nobody knows:
 * thread.sp is of the last time that it was switched out.
 */
static void splice_check_idle(struct splice_stack_check *check, unsigned int cpu)
{
	struct task_struct *idle = splice_kernel_call(idle_task)(cpu);
	unsigned long end;

	if (!idle)
		return;
	if (cpu_online(cpu)) {
		splice_check_task(check, idle, check->entries, SPLICE_MAX_ENTRIES);
		return;
	}
	end = (unsigned long)task_stack_page(idle) + THREAD_SIZE;
	splice_check_words(check, idle, end - SPLICE_DEAD_CPU_STACK);
}

/*
 * In the stop: one that has no record, and is not on the task list either. __unhash_process() takes
 * its number away before it takes the thread off the list.
 */
static void splice_check_exiting(struct task_struct *task, void *data)
{
	struct splice_stack_check *check = data;

	if (pid_alive(task) || splice_is_on_cpu(task))
		return;
	if (!check->nr_records || !splice_table_find(check, task))
		splice_check_task(check, task, check->entries, SPLICE_MAX_ENTRIES);
}

/*
 * In the stop, on one CPU: all threads and idle tasks that do not run now. Those that do are the
 * stoppers, each of which checks itself with splice_stack_check_current().
 */
void splice_stack_check_stopped(struct splice_stack_check *check)
{
	struct task_struct *process, *thread;
	struct splice_thread_record *record;
	unsigned int cpu;
	u32 i;

	if (!check->nr_ranges)
		return;
	/*
	 * Nothing changes the list now, but on PREEMPT_RT a preempted writer may be in mid-change.
	 */
	rcu_read_lock();
	for_each_process_thread(process, thread) {
		record = check->nr_records ? splice_table_find(check, thread) : NULL;
		if (record) {
			record->listed = true;
			if (record->valid && record->switches == splice_switches_of(thread))
				continue;
		}
		if (!splice_is_on_cpu(thread))
			splice_check_task(check, thread, check->entries, SPLICE_MAX_ENTRIES);
	}
	for (i = 0; i < check->nr_records; i++) {
		record = &check->records[i];
		if (!record->listed && !splice_is_on_cpu(record->task))
			splice_check_task(check, record->task, check->entries, SPLICE_MAX_ENTRIES);
	}
	splice_exiting_visit(splice_check_exiting, check);
	for_each_possible_cpu(cpu)
		splice_check_idle(check, cpu);
	rcu_read_unlock();
}

/* In the stop, on every CPU: the stopper thread itself. */
void splice_stack_check_current(struct splice_stack_check *check)
{
	unsigned long entries[SPLICE_MAX_CURRENT_ENTRIES];

	if (check->nr_ranges)
		splice_check_task(check, current, entries, SPLICE_MAX_CURRENT_ENTRIES);
}

/* How many threads are inside; *busy holds the first of them, max_busy at most. */
u32 splice_stack_check_busy(const struct splice_stack_check *check, struct splice_busy **busy)
{
	*busy = check->busy;
	return atomic_read(&check->nr_busy);
}

static int splice_compare_ranges(const void *left, const void *right)
{
	const struct splice_stack_range *a = left, *b = right;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	/* Code of one byte, and behind it watched code, which counts from start - 1. */
	return a->end < b->end ? -1 : a->end > b->end;
}

/*
 * Takes over the ranges (kvfree), and sorts them by start and end. Two may share one address, the
 * end of the one and the first of the other. Without any, no thread is inside (an update of hooks
 * alone).
 */
struct splice_stack_check *splice_stack_check_new(struct splice_stack_range *ranges, u32 nr_ranges,
						  u32 max_busy)
{
	struct splice_stack_check *check = kvzalloc(sizeof(*check), GFP_KERNEL);

	if (!check) {
		kvfree(ranges);
		return NULL;
	}
	sort(ranges, nr_ranges, sizeof(*ranges), splice_compare_ranges, NULL);
	check->ranges = ranges;
	check->nr_ranges = nr_ranges;
	if (nr_ranges) {
		check->lowest = ranges[0].start;
		check->highest = ranges[nr_ranges - 1].end;
	}
	check->max_busy = min_t(u32, max_busy, SPLICE_MAX_BUSY);
	check->busy = kvcalloc(max_t(u32, check->max_busy, 1), sizeof(*check->busy), GFP_KERNEL);
	if (!check->busy) {
		splice_stack_check_free(check);
		return NULL;
	}
	return check;
}

void splice_stack_check_free(struct splice_stack_check *check)
{
	u32 i;

	if (!check)
		return;
	for (i = 0; i < check->nr_records; i++)
		put_task_struct(check->records[i].task);
	kvfree(check->ranges);
	kvfree(check->records);
	kvfree(check->table);
	kvfree(check->busy);
	kvfree(check);
}
