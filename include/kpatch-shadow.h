/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For patches that were written for kpatch: shadow data that are found by an object's
 * address and a name, kept in the kernel's own shadow variables
 * (kernel/livepatch/shadow.c). The kernel wants a number in place of the name.
 *
 * SPLICE_SHADOW() (splice.h) is the better choice for what is new: it has a type, and its
 * members go with the update.
 */
#ifndef SPLICE_KPATCH_SHADOW_H
#define SPLICE_KPATCH_SHADOW_H

#include <linux/jhash.h>
#include <linux/livepatch.h>
#include <linux/string.h>

static inline unsigned long __splice_shadow_number(const char *name)
{
	return jhash(name, strlen(name), 0);
}

/* Zeros, or NULL: no memory, or the object has one. */
static inline void *kpatch_shadow_alloc(void *object, char *name, size_t size, gfp_t flags)
{
	return klp_shadow_alloc(object, __splice_shadow_number(name), size, flags, NULL, NULL);
}

static inline void *kpatch_shadow_get(void *object, char *name)
{
	return klp_shadow_get(object, __splice_shadow_number(name));
}

static inline void kpatch_shadow_free(void *object, char *name)
{
	klp_shadow_free(object, __splice_shadow_number(name), NULL);
}

#endif
