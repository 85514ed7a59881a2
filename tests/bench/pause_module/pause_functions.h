/* SPDX-License-Identifier: GPL-2.0-only */
/* clang-format off */
/* Ten functions of one kind, named PREFIX_0 to PREFIX_9, and a table of them. */
#ifndef PAUSE_FUNCTIONS_H
#define PAUSE_FUNCTIONS_H

#include <linux/compiler.h>
#include <linux/types.h>

#define NR_PAUSE_FUNCTIONS	10

typedef int (*pause_function)(int value);

extern const pause_function pause_new[NR_PAUSE_FUNCTIONS];

/* As splice_pause gives it to user space: enough for a struct splice_function. */
struct pause_record {
	__u64 old_entry;
	__u64 new_code;
	__u32 old_size;
	__u32 new_size;
	__u8 code[256];
};

#define PAUSE_FUNCTION(prefix, n)						\
	static noinline __attribute__((noipa)) int prefix##_##n(int value)	\
	{									\
		barrier();							\
		return value * (n + 3) + 0x12345;				\
	}

#define PAUSE_FUNCTIONS(prefix)							\
	PAUSE_FUNCTION(prefix, 0) PAUSE_FUNCTION(prefix, 1)			\
	PAUSE_FUNCTION(prefix, 2) PAUSE_FUNCTION(prefix, 3)			\
	PAUSE_FUNCTION(prefix, 4) PAUSE_FUNCTION(prefix, 5)			\
	PAUSE_FUNCTION(prefix, 6) PAUSE_FUNCTION(prefix, 7)			\
	PAUSE_FUNCTION(prefix, 8) PAUSE_FUNCTION(prefix, 9)

#define PAUSE_TABLE(prefix)							\
	{ prefix##_0, prefix##_1, prefix##_2, prefix##_3, prefix##_4,		\
	  prefix##_5, prefix##_6, prefix##_7, prefix##_8, prefix##_9 }

#endif
