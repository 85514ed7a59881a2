// SPDX-License-Identifier: GPL-2.0-only
/*
 * Alters one byte of a function while it is loaded: what a rootkit or a bad memory cell does, and
 * what splice-apply must notice.
 *
 *	insmod alter.ko function=cmdline_proc_show offset=20
 */
#include <linux/kprobes.h>
#include <linux/memory.h>
#include <linux/module.h>

static char *function;
module_param(function, charp, 0400);
static unsigned int offset;
module_param(offset, uint, 0400);

static unsigned long (*lookup)(const char *name);
static void *(*poke)(void *address, const void *bytes, size_t length);
static struct mutex *poke_mutex;
static u8 *place;

/* Not exported, but a probe on it tells its address. */
static int find_lookup(void)
{
	struct kprobe probe = { .symbol_name = "kallsyms_lookup_name" };
	int error = register_kprobe(&probe);

	if (error)
		return error;
	lookup = (void *)probe.addr;
	unregister_kprobe(&probe);
	return 0;
}

static void flip(void)
{
	u8 byte = *place ^ 0x01;

	mutex_lock(poke_mutex);
	poke(place, &byte, 1);
	mutex_unlock(poke_mutex);
}

static int __init alter_init(void)
{
	int error = find_lookup();

	if (error)
		return error;
	poke = (void *)lookup("text_poke");
	poke_mutex = (void *)lookup("text_mutex");
	place = (u8 *)lookup(function);
	if (!poke || !poke_mutex || !place)
		return -ENOENT;
	place += offset;
	flip();
	return 0;
}

static void __exit alter_exit(void)
{
	flip();
}

module_init(alter_init);
module_exit(alter_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Alters one byte of a function");
