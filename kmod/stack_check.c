// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who is inside the code that is to change?
 *
 * A thread is inside a function if an address in it stands on the thread's stack: as a return
 * address, as the place where an interrupt stopped it, or in the shadow stacks in which the
 * function graph tracer and return probes hide return addresses. Stacks are unwound with
 * stack_trace_save_tsk_reliable(); where that refuses, every word of the stack counts as if it were
 * an address ("conservative": it may accuse a thread that is innocent, it never acquits a guilty
 * one).
 *
 * Which addresses count: start < a <= end, and not `safe`.
 *  - a == end counts. A call that does not return may be a function's last instruction, and its
 *    return address is the first byte behind.
 *  - a == start does not. As a return address it belongs to the function before, for the same
 *    reason; as the place of an interrupt, no byte of this function has run yet, and the thread
 *    will run whatever stands there then. (Code that goes away, or that is not entered at its
 *    beginning but jumped into, counts from start - 1.)
 *  - `safe` is the place behind a function's ftrace site, to which a tracer returns. If a jump is
 *    written exactly there, a thread that comes back runs the whole jump.
 *
 * How the pause stays short. A thread that sleeps has a stack that stands still. Before the stop,
 * stack_check_running() unwinds the stacks of all threads that are off their CPU and notes how
 * often each has been switched out. In the stop, only threads whose count has moved are unwound
 * again.
 *
 * Why that is sound. __schedule() adds one to prev->nvcsw or prev->nivcsw, whichever it be, before
 * every switch from one task to another (prev == next is no switch: prev goes on running). A thread
 * is off its CPU when task->on_cpu is 0, which finish_task() writes after the switch. So if the sum
 * is read first, then on_cpu is 0, then the stack is read: a thread that got onto a CPU afterwards
 * must have been switched out again before the stop, because in the stop the stopper threads have
 * all the CPUs; then the sum has moved. If it has not, the thread has not run since, and what was
 * read is what is there. The records hold references, so a task_struct cannot come back as another.
 *
 * Threads that are not on the task list. A dying thread takes itself off the list in
 * exit_notify() and runs on to the end of do_exit(); those that lived at the first look are found
 * through their records. One that is born and dies between look and stop, and is preempted in that
 * stretch, is not seen; undo therefore waits with synchronize_rcu_tasks(), which covers just that
 * stretch (exit_tasks_rcu_start()), before the code may go.
 *
 * NMI handlers cannot be seen either: code that runs in them must not be patched.
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

#include "core.h"

#define MAX_ENTRIES		256	/* frames; deeper stacks are read word by word */
#define MAX_CURRENT_ENTRIES	32	/* a stopper's stack is shallow */

struct thread_record {
	struct task_struct *task;
	unsigned long switches;
	bool valid;	/* was off its CPU and not in the way when it had been switched so often */
	bool listed;	/* seen on the task list in the stop */
};

struct stack_check {
	struct stack_range *ranges;	/* sorted */
	u32 nr_ranges;
	unsigned long lowest;		/* no address at or below it counts, nor one above highest */
	unsigned long highest;
	struct thread_record *records;
	u32 nr_records;
	u32 *table;			/* open addressing: 1 + index into records, 0: free */
	unsigned int table_bits;
	unsigned long entries[MAX_ENTRIES];
	u32 max_busy;
	atomic_t nr_busy;		/* may exceed max_busy */
	struct splice_busy *busy;
};

static const struct stack_range *find_range(const struct stack_check *check, unsigned long address)
{
	u32 low = 0, high = check->nr_ranges;
	const struct stack_range *range;

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

/* Claims a place in the report; NULL if it is full. Several CPUs may ask at once. */
static struct splice_busy *new_busy(struct stack_check *check, struct task_struct *task,
				    const struct stack_range *range)
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

static bool check_entries(struct stack_check *check, struct task_struct *task,
			  const unsigned long *entries, unsigned int nr_entries)
{
	const struct stack_range *range = NULL;
	struct splice_busy *busy;
	unsigned int i;

	for (i = 0; i < nr_entries && !range; i++)
		range = find_range(check, entries[i]);
	if (!range)
		return false;
	busy = new_busy(check, task, range);
	if (busy) {
		busy->depth = min_t(unsigned int, nr_entries, SPLICE_MAX_STACK);
		for (i = 0; i < busy->depth; i++)
			busy->stack[i] = entries[i];
	}
	return true;
}

static void add_address(struct splice_busy *busy, unsigned long address)
{
	if (busy->depth < SPLICE_MAX_STACK && kernel_call(__kernel_text_address)(address))
		busy->stack[busy->depth++] = address;
}

/*
 * Calls visit for each return address that a tracer has taken off the stack. In the stop, or for a
 * task that does not run; the lists are the task's own and nobody else writes them.
 */
static void for_each_hidden(struct task_struct *task,
			    void (*visit)(unsigned long address, void *data), void *data)
{
#ifdef CONFIG_FUNCTION_GRAPH_TRACER
	struct ftrace_ret_stack *frame;
	int i;

	for (i = 0; task->ret_stack; i++) {
		frame = kernel_call(ftrace_graph_get_ret_stack)(task, i);
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

struct hidden_search {
	struct stack_check *check;
	const struct stack_range *found;
	struct splice_busy *busy;
};

static void search_hidden(unsigned long address, void *data)
{
	struct hidden_search *search = data;

	if (!search->found)
		search->found = find_range(search->check, address);
}

static void report_hidden(unsigned long address, void *data)
{
	struct hidden_search *search = data;

	add_address(search->busy, address);
}

/* Every word between the stack pointer and the stack's end. The caller holds the stack. */
static bool check_words(struct stack_check *check, struct task_struct *task)
{
	unsigned long base = (unsigned long)task_stack_page(task);
	unsigned long end = base + THREAD_SIZE;
	unsigned long top = task == current ? (unsigned long)__builtin_frame_address(0) :
					      READ_ONCE(task->thread.sp);
	struct hidden_search search = { .check = check };
	unsigned long place;

	if (top < base || top >= end)
		top = base;
	top = ALIGN_DOWN(top, sizeof(long));
	for (place = top; place < end && !search.found; place += sizeof(long))
		search.found = find_range(check, READ_ONCE_NOCHECK(*(unsigned long *)place));
	for_each_hidden(task, search_hidden, &search);
	if (!search.found)
		return false;
	search.busy = new_busy(check, task, search.found);
	if (!search.busy)
		return true;
	search.busy->conservative = 1;
	for (place = top; place < end; place += sizeof(long))
		add_address(search.busy, READ_ONCE_NOCHECK(*(unsigned long *)place));
	for_each_hidden(task, report_hidden, &search);
	return true;
}

/*
 * rethook_find_ret_addr(), which the unwinder asks for return addresses that a return probe has
 * hidden, warns about tasks in state TASK_RUNNING, even if they do not run: they are read by words.
 */
static bool unwinder_may_warn(const struct task_struct *task)
{
#ifdef CONFIG_RETHOOK
	return task != current && READ_ONCE(task->rethooks.first) && task_is_running(task);
#else
	return false;
#endif
}

/* True if the task is in the way; it is in the report then. The task must not run elsewhere. */
static bool check_task(struct stack_check *check, struct task_struct *task, unsigned long *entries,
		       unsigned int max_entries)
{
	int nr = -EINVAL;
	bool found;

	if (kernel_has(stack_trace_save_tsk_reliable) && !unwinder_may_warn(task))
		nr = kernel_call(stack_trace_save_tsk_reliable)(task, entries, max_entries);
	if (nr >= 0)
		return check_entries(check, task, entries, nr);
	/* A task that is dead and has given its stack back is nowhere. */
	if (!try_get_task_stack(task))
		return false;
	found = check_words(check, task);
	/* In the stop this never is the last reference: nobody else could have dropped one. */
	kernel_call(put_task_stack)(task);
	return found;
}

static unsigned long switches_of(const struct task_struct *task)
{
	return READ_ONCE(task->nvcsw) + READ_ONCE(task->nivcsw);
}

static bool is_on_cpu(const struct task_struct *task)
{
#ifdef CONFIG_SMP
	return smp_load_acquire(&task->on_cpu);
#else
	return task == current;
#endif
}

static void table_insert(struct stack_check *check, u32 index)
{
	u32 mask = (1U << check->table_bits) - 1;
	u32 slot = hash_ptr(check->records[index].task, check->table_bits);

	while (check->table[slot])
		slot = (slot + 1) & mask;
	check->table[slot] = index + 1;
}

static struct thread_record *table_find(const struct stack_check *check,
					const struct task_struct *task)
{
	u32 mask = (1U << check->table_bits) - 1;
	u32 slot = hash_ptr(task, check->table_bits);

	for (; check->table[slot]; slot = (slot + 1) & mask) {
		struct thread_record *record = &check->records[check->table[slot] - 1];

		if (record->task == task)
			return record;
	}
	return NULL;
}

/* References to all threads. Those that come later have no record and are unwound in the stop. */
static int collect_threads(struct stack_check *check)
{
	struct task_struct *process, *thread;
	u32 capacity = 0, i;

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

	rcu_read_lock();
	for_each_process_thread(process, thread) {
		if (check->nr_records == capacity)
			goto full;
		get_task_struct(thread);
		check->records[check->nr_records++].task = thread;
	}
full:
	rcu_read_unlock();
	for (i = 0; i < check->nr_records; i++)
		table_insert(check, i);
	return 0;
}

/* Looks at one thread while the machine runs. */
static void look_at(struct stack_check *check, struct thread_record *record)
{
	struct task_struct *task = record->task;
	unsigned long switches = switches_of(task);
	u32 nr_busy = atomic_read(&check->nr_busy);
	bool found;

	smp_rmb();	/* the count first: see the essay above */
	if (is_on_cpu(task))
		return;
	/* It might start to run at any moment, and the unwinder might warn: left for the stop. */
#ifdef CONFIG_RETHOOK
	if (READ_ONCE(task->rethooks.first))
		return;
#endif
	found = check_task(check, task, check->entries, MAX_ENTRIES);
	smp_rmb();
	if (is_on_cpu(task) || switches_of(task) != switches) {
		/* It ran meanwhile: what was read means nothing. */
		atomic_set(&check->nr_busy, nr_busy);
		if (nr_busy < check->max_busy)
			memset(&check->busy[nr_busy], 0, sizeof(check->busy[nr_busy]));
		return;
	}
	record->switches = switches;
	record->valid = !found;
}

/* Before the stop. -EBUSY: sleeping threads are in the way, so it is no use stopping. */
int stack_check_running(struct stack_check *check)
{
	int error;
	u32 i;

	if (!check->nr_ranges)
		return 0;
	error = collect_threads(check);
	if (error)
		return error;
	for (i = 0; i < check->nr_records; i++) {
		look_at(check, &check->records[i]);
		cond_resched();
	}
	return atomic_read(&check->nr_busy) ? -EBUSY : 0;
}

/*
 * In the stop, on one CPU: all threads and idle tasks that do not run now. Those that do are the
 * stoppers, which look after themselves with stack_check_current().
 */
void stack_check_stopped(struct stack_check *check)
{
	struct task_struct *process, *thread;
	struct thread_record *record;
	unsigned int cpu;
	u32 i;

	if (!check->nr_ranges)
		return;
	/* Nobody can change the list now, but on PREEMPT_RT a writer may stand in the middle of it. */
	rcu_read_lock();
	for_each_process_thread(process, thread) {
		record = check->nr_records ? table_find(check, thread) : NULL;
		if (record) {
			record->listed = true;
			if (record->valid && record->switches == switches_of(thread))
				continue;
		}
		if (!is_on_cpu(thread))
			check_task(check, thread, check->entries, MAX_ENTRIES);
	}
	for (i = 0; i < check->nr_records; i++) {
		record = &check->records[i];
		if (!record->listed && !is_on_cpu(record->task))
			check_task(check, record->task, check->entries, MAX_ENTRIES);
	}
	for_each_online_cpu(cpu)
		check_task(check, kernel_call(idle_task)(cpu), check->entries, MAX_ENTRIES);
	rcu_read_unlock();
}

/* In the stop, on every CPU: the stopper thread itself. */
void stack_check_current(struct stack_check *check)
{
	unsigned long entries[MAX_CURRENT_ENTRIES];

	if (check->nr_ranges)
		check_task(check, current, entries, MAX_CURRENT_ENTRIES);
}

/* How many are in the way; *busy holds the first of them, up to the max_busy of stack_check_new(). */
u32 stack_check_busy(const struct stack_check *check, struct splice_busy **busy)
{
	*busy = check->busy;
	return atomic_read(&check->nr_busy);
}

/*
 * Takes over the ranges (kvfree), sorted by start and end. Two may share one address, the end of the
 * one and the first of the other. Without any, nobody is in the way (an update of hooks alone).
 */
struct stack_check *stack_check_new(struct stack_range *ranges, u32 nr_ranges, u32 max_busy)
{
	struct stack_check *check = kvzalloc(sizeof(*check), GFP_KERNEL);

	if (!check) {
		kvfree(ranges);
		return NULL;
	}
	check->ranges = ranges;
	check->nr_ranges = nr_ranges;
	if (nr_ranges) {
		check->lowest = ranges[0].start;
		check->highest = ranges[nr_ranges - 1].end;
	}
	check->max_busy = min_t(u32, max_busy, SPLICE_MAX_BUSY);
	check->busy = kvcalloc(max_t(u32, check->max_busy, 1), sizeof(*check->busy), GFP_KERNEL);
	if (!check->busy) {
		stack_check_free(check);
		return NULL;
	}
	return check;
}

void stack_check_free(struct stack_check *check)
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
