// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/splice/ID/: what is applied, for people and for splice-view.
 *
 * The two lists are binary attributes, which may be of any length; their text is made once, when
 * the update comes. Readers take no lock: sysfs_remove() waits until the last of them is gone
 * (kobject_del() drains the files), and what they read does not change but for the state.
 */
#include <linux/fs.h>
#include <linux/kobject.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include "core.h"

#define MAX_LINE	(7 * 19 + SPLICE_NAME_LEN)	/* seven numbers "0x... ", the name, its end */

static struct kobject *splice_folder;

static struct splice_update *to_update(struct kobject *kobject)
{
	return container_of(kobject, struct splice_update, kobject);
}

static ssize_t state_show(struct kobject *kobject, struct kobj_attribute *attribute, char *out)
{
	return sysfs_emit(out, "%s\n", READ_ONCE(to_update(kobject)->state));
}

static ssize_t pause_ns_show(struct kobject *kobject, struct kobj_attribute *attribute, char *out)
{
	return sysfs_emit(out, "%llu\n", to_update(kobject)->pause_ns);
}

static ssize_t applied_at_show(struct kobject *kobject, struct kobj_attribute *attribute, char *out)
{
	return sysfs_emit(out, "%lld\n", to_update(kobject)->applied_at);
}

static ssize_t sequence_show(struct kobject *kobject, struct kobj_attribute *attribute, char *out)
{
	return sysfs_emit(out, "%llu\n", to_update(kobject)->sequence);
}

static ssize_t modules_read(struct file *file, struct kobject *kobject,
			    struct bin_attribute *attribute, char *out, loff_t offset, size_t count)
{
	const struct splice_update *update = to_update(kobject);

	return memory_read_from_buffer(out, count, &offset, update->modules_text,
				       update->modules_text_size);
}

static ssize_t functions_read(struct file *file, struct kobject *kobject,
			      struct bin_attribute *attribute, char *out, loff_t offset,
			      size_t count)
{
	const struct splice_update *update = to_update(kobject);

	return memory_read_from_buffer(out, count, &offset, update->functions_text,
				       update->functions_text_size);
}

static struct kobj_attribute state_attribute = __ATTR_RO(state);
static struct kobj_attribute pause_ns_attribute = __ATTR_RO(pause_ns);
static struct kobj_attribute applied_at_attribute = __ATTR_RO(applied_at);
static struct kobj_attribute sequence_attribute = __ATTR_RO(sequence);
static struct bin_attribute modules_attribute = __BIN_ATTR(modules, 0444, modules_read, NULL, 0);
static struct bin_attribute functions_attribute =
	__BIN_ATTR(functions, 0400, functions_read, NULL, 0);

static struct attribute *update_attributes[] = {
	&state_attribute.attr,
	&pause_ns_attribute.attr,
	&applied_at_attribute.attr,
	&sequence_attribute.attr,
	NULL,
};

static struct bin_attribute *update_bin_attributes[] = {
	&modules_attribute,
	&functions_attribute,
	NULL,
};

static const struct attribute_group update_group = {
	.attrs = update_attributes,
	.bin_attrs = update_bin_attributes,
};

static const struct attribute_group *update_groups[] = { &update_group, NULL };

static void release_update(struct kobject *kobject)
{
	complete(&to_update(kobject)->released);
}

static const struct kobj_type update_type = {
	.release = release_update,
	.sysfs_ops = &kobj_sysfs_ops,
	.default_groups = update_groups,
};

static int write_texts(struct splice_update *update)
{
	size_t modules_room = (size_t)update->nr_modules * (MODULE_NAME_LEN + 1) + 1;
	size_t functions_room = (size_t)update->nr_functions * MAX_LINE + 1;
	u32 i;

	update->modules_text = kvzalloc(modules_room, GFP_KERNEL);
	update->functions_text = kvzalloc(functions_room, GFP_KERNEL);
	if (!update->modules_text || !update->functions_text)
		return -ENOMEM;
	for (i = 0; i < update->nr_modules; i++)
		update->modules_text_size +=
			scnprintf(update->modules_text + update->modules_text_size,
				  modules_room - update->modules_text_size, "%s\n",
				  update->modules[i]->name);
	for (i = 0; i < update->nr_functions; i++) {
		const struct splice_patch *patch = &update->functions[i];

		update->functions_text_size +=
			scnprintf(update->functions_text + update->functions_text_size,
				  functions_room - update->functions_text_size,
				  "0x%lx 0x%lx 0x%x 0x%lx 0x%x 0x%lx 0x%lx %s\n", patch->old_entry,
				  patch->old_code, patch->old_size, patch->new_code,
				  patch->new_size, patch->site, patch->hop, patch->name);
	}
	return 0;
}

/* On failure nothing remains but the texts, which update_free() frees. */
int sysfs_add(struct splice_update *update)
{
	int error = write_texts(update);

	if (error)
		return error;
	init_completion(&update->released);
	error = kobject_init_and_add(&update->kobject, &update_type, splice_folder, "%s", update->id);
	if (error) {
		kobject_put(&update->kobject);
		wait_for_completion(&update->released);
	}
	return error;
}

void sysfs_remove(struct splice_update *update)
{
	kobject_del(&update->kobject);
	kobject_put(&update->kobject);
	wait_for_completion(&update->released);
}

int sysfs_start(void)
{
	splice_folder = kobject_create_and_add("splice", kernel_kobj);
	return splice_folder ? 0 : -ENOMEM;
}

void sysfs_stop(void)
{
	kobject_put(splice_folder);
}
