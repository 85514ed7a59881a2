// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finds the functions and locks that the kernel has but does not export.
 *
 * register_kprobe() takes a symbol's name and tells its address, exported or not; through it comes
 * kallsyms_lookup_name(), and through that everything else. What counts is whether a symbol is
 * there, never which version the kernel calls itself.
 *
 * Each prototype is the header's own (typeof in core.h), so a kernel in which a function takes
 * other arguments does not compile instead of crashing.
 *
 * Invariant: after kernel_symbols_find() has given 0, every needed member of `kernel` is set.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "core.h"

struct splice_kernel kernel;

struct wanted_symbol {
	const char *name;
	void *slot;
	bool needed;
};

#define WANTED(symbol, condition)	{ #symbol, &kernel.symbol, condition }
#define NEEDED(symbol)			WANTED(symbol, true)

static const struct wanted_symbol wanted_symbols[] = {
	NEEDED(text_poke_kgdb),
	NEEDED(stop_machine_cpuslocked),
	NEEDED(find_module),
	NEEDED(__module_text_address),
	NEEDED(core_kernel_text),
	NEEDED(__kernel_text_address),
	NEEDED(kallsyms_lookup_size_offset),
	NEEDED(idle_task),
	NEEDED(put_task_stack),
	NEEDED(get_kprobe),
	NEEDED(text_mutex),
	NEEDED(kprobe_mutex),
	WANTED(alternatives_text_reserved, IS_ENABLED(CONFIG_SMP)),
	WANTED(jump_label_lock, IS_ENABLED(CONFIG_JUMP_LABEL)),
	WANTED(jump_label_unlock, IS_ENABLED(CONFIG_JUMP_LABEL)),
	WANTED(jump_label_text_reserved, IS_ENABLED(CONFIG_JUMP_LABEL)),
	WANTED(static_call_text_reserved, IS_ENABLED(CONFIG_HAVE_STATIC_CALL_INLINE)),
	WANTED(ftrace_location_range, IS_ENABLED(CONFIG_DYNAMIC_FTRACE)),
#ifdef CONFIG_FUNCTION_GRAPH_TRACER
	NEEDED(ftrace_graph_get_ret_stack),
#endif
	WANTED(stack_trace_save_tsk_reliable, false),
};

typedef unsigned long (*lookup_function)(const char *name);

static lookup_function find_lookup(void)
{
	static const u8 endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	struct kprobe probe = { .symbol_name = "kallsyms_lookup_name" };
	u8 *address;

	if (register_kprobe(&probe))
		return NULL;
	address = (u8 *)probe.addr;
	unregister_kprobe(&probe);
	/*
	 * Where functions open with endbr64, kprobes steps over it (arch_adjust_kprobe_addr()); an
	 * indirect call has to land on it.
	 */
	if (IS_ENABLED(CONFIG_X86_KERNEL_IBT) &&
	    !memcmp(address - sizeof(endbr64), endbr64, sizeof(endbr64)))
		address -= sizeof(endbr64);
	return (lookup_function)address;
}

int kernel_symbols_find(void)
{
	lookup_function lookup = find_lookup();
	unsigned long address;
	size_t i;

	if (!lookup) {
		pr_err("this kernel has no kallsyms_lookup_name, or kprobes cannot tell where it is\n");
		return -ENOSYS;
	}
	for (i = 0; i < ARRAY_SIZE(wanted_symbols); i++) {
		address = lookup(wanted_symbols[i].name);
		if (!address && wanted_symbols[i].needed) {
			pr_err("this kernel has no %s, which is needed\n", wanted_symbols[i].name);
			return -ENOSYS;
		}
		memcpy(wanted_symbols[i].slot, &address, sizeof(address));
	}
	return 0;
}
