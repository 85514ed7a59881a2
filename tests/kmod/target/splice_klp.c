// SPDX-License-Identifier: GPL-2.0-only
/* A live patch of the kernel's own kind, on target_value(). */
#include <linux/livepatch.h>
#include <linux/module.h>

static int klp_value(void)
{
	return 5;
}

static struct klp_func functions[] = {
	{ .old_name = "target_value", .new_func = klp_value },
	{ }
};

static struct klp_object objects[] = {
	{ .name = "splice_target", .funcs = functions },
	{ }
};

static struct klp_patch patch = { .mod = THIS_MODULE, .objs = objects };

static int __init klp_init(void)
{
	return klp_enable_patch(&patch);
}

static void __exit klp_exit(void)
{
}

module_init(klp_init);
module_exit(klp_exit);

MODULE_DESCRIPTION("A live patch for the core module's tests");
MODULE_LICENSE("GPL");
MODULE_INFO(livepatch, "Y");
