/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For patches that need code of their own: what must happen when the update is applied or undone,
 * and members that live structures lack. splice.h(3) has worked examples.
 *
 * The patched .c file of the kernel says `#include <splice.h>`; splice-create finds this file.
 *
 *	static int no_user_is_waiting(void)
 *	{
 *		return waitqueue_active(&queue) ? -EBUSY : 0;
 *	}
 *	SPLICE_CHECK_APPLY(no_user_is_waiting);
 *
 * Each macro puts a pointer to the function into a section .splice.KIND, where splice-create finds
 * it; the section itself never gets into the kernel.
 */
#ifndef SPLICE_HOOKS_H	/* SPLICE_H is that of linux/splice.h */
#define SPLICE_HOOKS_H

#include <linux/compiler.h>
#include <linux/kconfig.h>
#include <linux/types.h>

/* 0, or a negative errno, which refuses. -EBUSY and -EAGAIN mean that trying again may help. */
typedef int (*splice_ask_t)(void);
typedef void (*splice_call_t)(void);

/*
 * A function of another type does not compile (the kernel is built with
 * -Werror=incompatible-pointer-types). Without no_reorder gcc gives variables any order; hooks of
 * one kind run in the order in which they stand in the file.
 */
#define __SPLICE_HOOK(kind, type, function)				\
	static type const __splice_##kind##_##function __used		\
	__section(".splice." #kind) __attribute__((no_reorder)) = (function)

/* Before the stop. May sleep. May run again in each attempt, if the kernel was busy. */
#define SPLICE_PRE_APPLY(function)	__SPLICE_HOOK(pre_apply, splice_ask_t, function)
/* In the stop: every other CPU spins, interrupts are off; nothing is written yet. Must not wait. */
#define SPLICE_CHECK_APPLY(function)	__SPLICE_HOOK(check_apply, splice_ask_t, function)
/* In the stop, when all jumps are written. Must not wait. */
#define SPLICE_APPLY(function)		__SPLICE_HOOK(apply, splice_call_t, function)
/* After the stop: the new code runs. May sleep. */
#define SPLICE_POST_APPLY(function)	__SPLICE_HOOK(post_apply, splice_call_t, function)
/*
 * The apply came to nothing, and a pre_apply hook of this file had given 0: take back what it did.
 * May sleep. When it has returned the code goes away.
 */
#define SPLICE_FAIL_APPLY(function)	__SPLICE_HOOK(fail_apply, splice_call_t, function)

/* The same for undo, where hooks of one kind run in reverse order. The new code runs. May sleep. */
#define SPLICE_PRE_UNDO(function)	__SPLICE_HOOK(pre_undo, splice_ask_t, function)
/* In the stop, and nobody is in the new code, but it has not been left. Must not wait. */
#define SPLICE_CHECK_UNDO(function)	__SPLICE_HOOK(check_undo, splice_ask_t, function)
/* In the stop, when the old bytes are back. Must not wait. */
#define SPLICE_UNDO(function)		__SPLICE_HOOK(undo, splice_call_t, function)
/* After the stop, when nobody uses the new code any more; then it goes away. May sleep. */
#define SPLICE_POST_UNDO(function)	__SPLICE_HOOK(post_undo, splice_call_t, function)
/* The undo came to nothing, and a pre_undo hook of this file had given 0. May sleep. */
#define SPLICE_FAIL_UNDO(function)	__SPLICE_HOOK(fail_undo, splice_call_t, function)

/*
 * Shadow data: a member that the running kernel's structure has not got, kept beside the object in
 * the kernel's own shadow variables (kernel/livepatch/shadow.c), found by the object's address.
 *
 *	SPLICE_SHADOW(pipe_writes, struct pipe_inode_info, u64);
 *
 * makes
 *
 *	u64 *pipe_writes_get(const struct pipe_inode_info *object);
 *		NULL if it has none. Objects from before the update have none: the code must cope.
 *	u64 *pipe_writes_get_or_alloc(struct pipe_inode_info *object, gfp_t flags);
 *		Zeros when it is new. NULL: no memory.
 *	void pipe_writes_free(struct pipe_inode_info *object);
 *		Does nothing if it has none. The function that frees the object must call it, or the
 *		next object at that address inherits the member.
 *
 * and a post_undo hook that frees what is left. What get returned lives until the member is freed
 * here. None of these sleeps (but for flags that let the allocation do so), and all may be called
 * wherever a spinlock may be taken. On PREEMPT_RT a spinlock sleeps, so there none may be called in
 * the stop.
 *
 * SPLICE_SHADOW_WITH() names a function that is called before the memory of a member goes, with
 * interrupts off, as `destroy(object, member)`. SPLICE_SHADOW_EXTERN() makes the same functions in
 * another file of the patch; the one with SPLICE_SHADOW() owns the member.
 *
 * The kernel tells members apart by a number. Here it is the address of a variable of the update,
 * so no two updates share one; it goes out of use, and all members with it, when the update is
 * undone.
 */
#if IS_ENABLED(CONFIG_LIVEPATCH)
#include <linux/livepatch.h>

#define SPLICE_SHADOW(name, owner, type)	SPLICE_SHADOW_WITH(name, owner, type, NULL)

#define SPLICE_SHADOW_WITH(name, owner, type, destroy)			\
	SPLICE_SHADOW_EXTERN(name, owner, type);			\
	char name##_shadow;						\
	static void name##_destroy(void *object, void *member)		\
	{								\
		void (*hook)(void *, void *) = destroy;			\
									\
		if (hook)						\
			hook(object, member);				\
	}								\
	void name##_free(owner *object)					\
	{								\
		klp_shadow_free(object, (unsigned long)&name##_shadow,	\
				name##_destroy);			\
	}								\
	static void name##_free_all(void)				\
	{								\
		klp_shadow_free_all((unsigned long)&name##_shadow,	\
				    name##_destroy);			\
	}								\
	SPLICE_POST_UNDO(name##_free_all)

#define SPLICE_SHADOW_EXTERN(name, owner, type)				\
	extern char name##_shadow;					\
	void name##_free(owner *object);				\
	static inline __maybe_unused type *name##_get(const owner *object) \
	{								\
		return klp_shadow_get((void *)object,			\
				      (unsigned long)&name##_shadow);	\
	}								\
	static inline __maybe_unused type *				\
	name##_get_or_alloc(owner *object, gfp_t flags)			\
	{								\
		return klp_shadow_get_or_alloc(object,			\
					       (unsigned long)&name##_shadow, \
					       sizeof(type), flags,	\
					       NULL, NULL);		\
	}								\
	static_assert(1)

#else	/* a patch with hooks alone is none the worse */
#define SPLICE_SHADOW(name, owner, type) \
	static_assert(0, "shadow data needs a kernel with CONFIG_LIVEPATCH")
#define SPLICE_SHADOW_WITH(name, owner, type, destroy)	SPLICE_SHADOW(name, owner, type)
#define SPLICE_SHADOW_EXTERN(name, owner, type)		SPLICE_SHADOW(name, owner, type)
#endif

#endif
