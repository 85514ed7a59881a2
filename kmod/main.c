// SPDX-License-Identifier: GPL-2.0-only
/*
 * Splice's core module: switches functions of the running kernel to new code, and back.
 *
 * User space (splice-apply) has proved which code runs, and has loaded the new code as ordinary
 * modules. What is left needs stop_machine(): compare the bytes once more, see that no thread is in
 * the functions, write a jump into each. This module does that, and checks every argument itself
 * (arguments.c).
 *
 * It does not unload while an update is applied: every update holds it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "core.h"

static int __init splice_init(void)
{
	int error;

	error = splice_kernel_symbols_find();
	if (error)
		return error;
	error = splice_text_write_start();
	if (error)
		return error;
	error = splice_exiting_start();
	if (error)
		goto text_write;
	error = splice_live_patches_start();
	if (error)
		goto exiting;
	error = splice_sysfs_start();
	if (error)
		goto live_patches;
	error = splice_coming_start();
	if (error)
		goto sysfs;
	error = splice_device_start();
	if (error)
		goto coming;
	return 0;

coming:
	splice_coming_stop();
sysfs:
	splice_sysfs_stop();
live_patches:
	splice_live_patches_stop();
exiting:
	splice_exiting_stop();
text_write:
	splice_text_write_stop();
	return error;
}

static void __exit splice_exit(void)
{
	splice_device_stop();
	splice_coming_stop();
	splice_retire_stop();
	splice_sysfs_stop();
	splice_live_patches_stop();
	splice_exiting_stop();
	splice_text_write_stop();
}

module_init(splice_init);
module_exit(splice_exit);

MODULE_DESCRIPTION("Switches functions of the running kernel to new code, and back");
MODULE_LICENSE("GPL");
