/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For patches that were written for kpatch: its macros, as hooks of ours. splice.h(3),
 * COMING FROM KPATCH, says which means what.
 *
 *	static int check_state(patch_object *obj)
 *	{
 *		return obj->mod ? 0 : -ENODEV;
 *	}
 *	KPATCH_PRE_PATCH_CALLBACK(check_state);
 *
 * A callback gets an object that says what is patched: its name and struct module, both
 * NULL for the kernel itself. It lives for the call alone.
 */
#ifndef SPLICE_KPATCH_MACROS_H
#define SPLICE_KPATCH_MACROS_H

#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <splice.h>

#define patch_object struct klp_object

#ifdef MODULE
#define __SPLICE_PATCH_OBJECT	{ .name = KBUILD_MODNAME, .mod = THIS_MODULE }
#else
#define __SPLICE_PATCH_OBJECT	{ }
#endif

/*
 * The wrappers' names are read by splice-create: one that begins with splice_pre_unpatch_
 * never refuses, so the kernel's livepatch can carry it.
 */
#define __SPLICE_ASKING_CALLBACK(kind, fn)				\
	static int splice_##kind##_##fn(void)				\
	{								\
		struct klp_object object = __SPLICE_PATCH_OBJECT;	\
									\
		return fn(&object);					\
	}
#define __SPLICE_CALLBACK(kind, fn)					\
	static void splice_##kind##_##fn(void)				\
	{								\
		struct klp_object object = __SPLICE_PATCH_OBJECT;	\
									\
		fn(&object);						\
	}

#define KPATCH_PRE_PATCH_CALLBACK(fn)					\
	__SPLICE_ASKING_CALLBACK(pre_patch, fn)				\
	SPLICE_PRE_APPLY(splice_pre_patch_##fn)
#define KPATCH_POST_PATCH_CALLBACK(fn)					\
	__SPLICE_CALLBACK(post_patch, fn)				\
	SPLICE_POST_APPLY(splice_post_patch_##fn)
#define KPATCH_PRE_UNPATCH_CALLBACK(fn)					\
	static int splice_pre_unpatch_##fn(void)			\
	{								\
		struct klp_object object = __SPLICE_PATCH_OBJECT;	\
									\
		fn(&object);						\
		return 0;						\
	}								\
	SPLICE_PRE_UNDO(splice_pre_unpatch_##fn)
#define KPATCH_POST_UNPATCH_CALLBACK(fn)				\
	__SPLICE_CALLBACK(post_unpatch, fn)				\
	SPLICE_POST_UNDO(splice_post_unpatch_##fn)

/* What kpatch-build is told about sections and functions, splice-create finds out by itself. */
#define KPATCH_IGNORE_SECTION(name)	static_assert(1)
#define KPATCH_IGNORE_FUNCTION(fn)	static_assert(1)
/* The check of the stacks is never left out: such a patch is for --engine livepatch. */
#define KPATCH_FORCE_UNSAFE(fn)		static_assert(1)
#define KPATCH_PRINTK			printk
/* Static calls and keys work as they are, those of modules too. */
#define KPATCH_STATIC_CALL(name)	static_call(name)

#endif
