// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which text may be read and jumped to: the kernel's own, and that of loaded modules.
 *
 *	struct module *module = splice_module_hold("tun");	NULL if it is not in service
 *	splice_text_hold(entry, size, &owner)			true: *owner holds it in memory
 *
 * Only the core part of a module counts, as its init text is freed after start-up. So does the
 * kernel's: core_kernel_text() is true of init text only while the system boots
 * (kernel/extable.c).
 *
 * Invariant: text that splice_text_hold() has accepted stays readable until *owner is put.
 */
#include <linux/string.h>

#include "core.h"

const struct module *splice_coming;

/* Is it in service, or is a part applied to it before its init runs (coming.c)? */
bool splice_module_serves(const struct module *module)
{
	return module->state == MODULE_STATE_LIVE || module == splice_coming;
}

/* The executable part of a loaded module's core memory. */
unsigned long splice_module_text(const struct module *module, unsigned long *size)
{
#ifdef for_each_mod_mem_type	/* kernels whose struct module has an array of memory types */
	*size = module->mem[MOD_TEXT].size;
	return (unsigned long)module->mem[MOD_TEXT].base;
#else
	*size = module->core_layout.text_size;
	return (unsigned long)module->core_layout.base;
#endif
}

/* A reference to a module that is loaded and in service; NULL if none has that name. */
struct module *splice_module_hold(const char *name)
{
	struct module *module;

	/* find_module() wants RCU or preemption off, depending on the kernel. */
	rcu_read_lock();
	preempt_disable();
	module = splice_kernel_call(find_module)(name);
	if (module && (!splice_module_serves(module) || !try_module_get(module)))
		module = NULL;
	preempt_enable();
	rcu_read_unlock();
	return module;
}

/*
 * Does [start, start + size) lie in text that stays? If so, *owner is the module that it belongs
 * to, with a reference, or NULL for the kernel itself.
 */
bool splice_text_hold(unsigned long start, unsigned long size, struct module **owner)
{
	unsigned long last = start + size - 1;
	struct module *module;
	bool held = false;

	*owner = NULL;
	if (!size || last < start)
		return false;
	if (splice_kernel_call(core_kernel_text)(start))
		return splice_kernel_call(core_kernel_text)(last);

	rcu_read_lock();
	preempt_disable();
	module = splice_kernel_call(__module_text_address)(start);
	if (module && splice_module_serves(module))
		held = splice_in_module_text(module, start, size) && try_module_get(module);
	preempt_enable();
	rcu_read_unlock();
	if (held)
		*owner = module;
	return held;
}

/*
 * Code that the processor enters on its own, or one of the thunks that indirect calls and returns
 * go through (arch/x86/lib/retpoline.S).
 */
bool splice_is_entry_text(unsigned long address)
{
	static const char *const thunks[] = { "__x86_indirect_", "__x86_return_thunk", "srso_",
					      "retbleed_", "its_return_thunk",
					      "call_depth_return_thunk" };
	char name[KSYM_SYMBOL_LEN];
	size_t i;

	if (address >= splice_kernel.entry_text.start && address < splice_kernel.entry_text.end)
		return true;
	sprint_symbol_no_offset(name, address);
	for (i = 0; i < ARRAY_SIZE(thunks); i++) {
		if (strstarts(name, thunks[i]))
			return true;
	}
	return false;
}

bool splice_in_module_text(const struct module *module, unsigned long start, unsigned long size)
{
	unsigned long text_size, text = splice_module_text(module, &text_size);

	return size && start >= text && start - text < text_size &&
	       size <= text_size - (start - text);
}

/* Does [start, start + size) lie in one of the modules that carry the update's new code? */
bool splice_in_own_text(const struct splice_update *update, unsigned long start, unsigned long size)
{
	u32 i;

	for (i = 0; i < update->nr_modules; i++) {
		if (splice_in_module_text(update->modules[i], start, size))
			return true;
	}
	return false;
}

bool splice_names_own_module(const struct splice_update *update, const struct module *module)
{
	u32 i;

	for (i = 0; i < update->nr_modules; i++) {
		if (update->modules[i] == module)
			return true;
	}
	return false;
}
