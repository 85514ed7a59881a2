// SPDX-License-Identifier: GPL-2.0-only
/* Values for variables of target.c, with records that are right, and others. */
#include <linux/module.h>

#include "splice_abi.h"

struct target_table {
	int (*first)(void);
	int (*second)(void);
};

extern const struct target_table target_table;
extern u32 target_setting;
int v_second(void);
int v_third(void);

noinline __attribute__((noipa)) int v_second(void)
{
	barrier();
	return 7;
}

noinline __attribute__((noipa)) int v_third(void)
{
	barrier();
	return 9;
}

static int (*const v_none)(void);
static int (*const v_second_address)(void) = v_second;
static int (*const v_third_address)(void) = v_third;
static const u32 v_old_setting = 1000, v_new_setting = 500;
static u64 v_own;

#define RECORD(name, where, old, new, length, mark)				\
	extern const struct splice_value_record name;				\
	const struct splice_value_record name = {				\
		.address = (u64)(where), .before = (u64)(old), .after = (u64)(new),	\
		.size = (length), .flags = (mark),				\
	}

RECORD(v_table, &target_table.second, &v_none, &v_second_address, 8, 0);
RECORD(v_stacked, &target_table.second, &v_second_address, &v_third_address, 8, 0);
RECORD(v_setting, &target_setting, &v_old_setting, &v_new_setting, 4, SPLICE_VALUE_DEFAULT);

RECORD(v_empty, &target_table.second, &v_none, &v_second_address, 0, 0);
RECORD(v_large, &target_table.second, &v_none, &v_second_address, SPLICE_MAX_VALUE + 1, 0);
RECORD(v_flagged, &target_table.second, &v_none, &v_second_address, 8, 2);
RECORD(v_in_text, _printk, &v_none, &v_second_address, 8, 0);
RECORD(v_in_itself, &v_own, &v_none, &v_second_address, 8, 0);
RECORD(v_in_user_space, 0x400000, &v_none, &v_second_address, 8, 0);
RECORD(v_before_outside, &target_table.second, &target_table.second, &v_second_address, 8, 0);
RECORD(v_after_outside, &target_table.second, &v_none, &target_table.first, 8, 0);
RECORD(v_overlapping, (u64)&target_table.second + 4, &v_none, &v_second_address, 4, 0);

MODULE_DESCRIPTION("Values in place for the core module's tests");
MODULE_LICENSE("GPL");
