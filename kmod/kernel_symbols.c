// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finds the functions and locks that the kernel has but does not export.
 *
 * register_kprobe() takes a symbol's name and fills in its address, exported or not: that finds
 * kallsyms_lookup_name(), which finds everything else. What counts is whether a symbol is there,
 * never which version the kernel calls itself.
 *
 * They are called through static calls, which are direct once their target is known. An indirect
 * call has to land on an endbr64 where the processor tracks indirect branches, and the kernel takes
 * the endbr64 out of functions to which it has no pointer itself (apply_seal_endbr() in
 * arch/x86/kernel/alternative.c): a pointer of ours to one would be a fault.
 *
 * Each prototype is the header's own (core.h): against a kernel in which a function takes other
 * arguments, this does not compile.
 *
 * Invariant: after splice_kernel_symbols_find() has returned 0, every needed function may be
 * called, and every member of splice_kernel is set.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "core.h"

struct splice_kernel splice_kernel;

#define SPLICE_DEFINE_KERNEL_FUNCTION(name, needed)					\
	DEFINE_STATIC_CALL_NULL(splice_##name, name);
SPLICE_FOR_EACH_KERNEL_FUNCTION(SPLICE_DEFINE_KERNEL_FUNCTION)
DEFINE_STATIC_CALL_NULL(splice_kallsyms_lookup_name, kallsyms_lookup_name);

/*
 * Where functions open with endbr64, kprobes steps over it (arch_adjust_kprobe_addr()); for a
 * direct call that is as good an entry.
 */
static int splice_find_lookup(void)
{
	/* Disabled: the address is filled in, and no text is touched. */
	struct kprobe probe = {
		.symbol_name = "kallsyms_lookup_name",
		.flags = KPROBE_FLAG_DISABLED,
	};
	int error = register_kprobe(&probe);

	if (error)
		return error;
	static_call_update(splice_kallsyms_lookup_name, (typeof(kallsyms_lookup_name) *)probe.addr);
	unregister_kprobe(&probe);
	return 0;
}

static unsigned long splice_find_symbol(const char *name, bool needed)
{
	unsigned long address = splice_kernel_call(kallsyms_lookup_name)(name);

	if (!address && needed)
		pr_err("this kernel has no %s, which is needed\n", name);
	return address;
}

/*
 * Which of them a kernel has depends on how it starts its processors (head_64.S), and on whether
 * ret_from_fork() is assembly (entry_64.S in arch/x86/entry).
 */
static void splice_find_stack_ends(void)
{
	static const char *const names[] = { "ret_from_fork", "ret_from_fork_asm",
					     "secondary_startup_64",
					     "secondary_startup_64_no_verify",
					     "common_startup_64", "start_cpu0" };
	unsigned long address, size, offset;
	size_t i;

	BUILD_BUG_ON(ARRAY_SIZE(names) > SPLICE_MAX_STACK_ENDS);
	splice_kernel.nr_stack_ends = 0;
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		address = splice_find_symbol(names[i], false);
		if (!address ||
		    !splice_kernel_call(kallsyms_lookup_size_offset)(address, &size, &offset))
			continue;
		splice_kernel.stack_ends[splice_kernel.nr_stack_ends++] =
			(struct splice_bounds){ address, address + size };
	}
}

/* kernel/sched/core.c has it where kernel code may be preempted. */
static void splice_find_preemption(void)
{
	unsigned long address = splice_find_symbol("preempt_schedule_irq", false), size, offset;

	if (address && splice_kernel_call(kallsyms_lookup_size_offset)(address, &size, &offset))
		splice_kernel.preempted = (struct splice_bounds){ address, address + size };
}

#define SPLICE_FIND_KERNEL_FUNCTION(name, needed)						\
	address = splice_find_symbol(#name, needed);					\
	if (address)									\
		static_call_update(splice_##name, (typeof(name) *)address);		\
	else if (needed)								\
		return -ENOSYS;

int splice_kernel_symbols_find(void)
{
	unsigned long address;

	if (splice_find_lookup()) {
		pr_err("this kernel has no kallsyms_lookup_name, or kprobes cannot find it\n");
		return -ENOSYS;
	}
	SPLICE_FOR_EACH_KERNEL_FUNCTION(SPLICE_FIND_KERNEL_FUNCTION)
	splice_kernel.text_mutex = (struct mutex *)splice_find_symbol("text_mutex", true);
	splice_kernel.kprobe_mutex = (struct mutex *)splice_find_symbol("kprobe_mutex", true);
	if (IS_ENABLED(CONFIG_LIVEPATCH)) {
		splice_kernel.klp_mutex = (struct mutex *)splice_find_symbol("klp_mutex", true);
		if (!splice_kernel.klp_mutex)
			return -ENOSYS;
	}
	splice_kernel.entry_text.start = splice_find_symbol("__entry_text_start", true);
	splice_kernel.entry_text.end = splice_find_symbol("__entry_text_end", true);
	/* arch/x86/kernel/vmlinux.lds.S. */
	splice_kernel.data[0] = (struct splice_bounds){ splice_find_symbol("_etext", true),
							splice_find_symbol("__init_begin", true) };
	splice_kernel.data[1] = (struct splice_bounds){ splice_find_symbol("__init_end", true),
							splice_find_symbol("_end", true) };
	splice_kernel.process_exit =
		(struct tracepoint *)splice_find_symbol("__tracepoint_sched_process_exit", true);
	splice_find_stack_ends();
	splice_find_preemption();
	return splice_kernel.text_mutex && splice_kernel.kprobe_mutex &&
			       splice_kernel.process_exit && splice_kernel.entry_text.start &&
			       splice_kernel.entry_text.end ?
		       0 :
		       -ENOSYS;
}
