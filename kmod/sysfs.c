// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/splice/ID/: what is applied, for people and for splice-view.
 *
 * The two lists are binary attributes, which may be of any length; their text is made once, before
 * the update becomes visible. The state and the three numbers change under their readers, each in
 * one aligned store, and the numbers are set before the state becomes "applied".
 *
 * Readers take no lock: splice_sysfs_remove() waits for the last of them (kobject_del() drains the
 * files). It also waits for the last reference to the kobject, so that the update is freed, and its
 * modules are released, before the ioctl returns and not whenever that reference is dropped.
 */
#include <linux/fs.h>
#include <linux/kobject.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include "core.h"

/* Seven numbers "0x... ", the name, its end. */
#define SPLICE_MAX_LINE	(8 * 19 + SPLICE_NAME_LEN)

static struct kobject *splice_root;

static struct splice_update *splice_to_update(struct kobject *kobject)
{
	return container_of(kobject, struct splice_update, kobject);
}

static ssize_t splice_state_show(struct kobject *kobject, struct kobj_attribute *attribute,
				 char *out)
{
	return sysfs_emit(out, "%s\n", READ_ONCE(splice_to_update(kobject)->state));
}

static ssize_t splice_pause_ns_show(struct kobject *kobject, struct kobj_attribute *attribute,
				    char *out)
{
	return sysfs_emit(out, "%llu\n", splice_to_update(kobject)->pause_ns);
}

static ssize_t splice_applied_at_show(struct kobject *kobject, struct kobj_attribute *attribute,
				      char *out)
{
	return sysfs_emit(out, "%lld\n", splice_to_update(kobject)->applied_at);
}

static ssize_t splice_sequence_show(struct kobject *kobject, struct kobj_attribute *attribute,
				    char *out)
{
	return sysfs_emit(out, "%llu\n", splice_to_update(kobject)->sequence);
}

static ssize_t splice_modules_read(struct file *file, struct kobject *kobject,
				   struct bin_attribute *attribute, char *out, loff_t offset,
				   size_t count)
{
	const struct splice_update *update = splice_to_update(kobject);

	return memory_read_from_buffer(out, count, &offset, update->modules_text,
				       update->modules_text_size);
}

static ssize_t splice_functions_read(struct file *file, struct kobject *kobject,
				     struct bin_attribute *attribute, char *out, loff_t offset,
				     size_t count)
{
	const struct splice_update *update = splice_to_update(kobject);

	return memory_read_from_buffer(out, count, &offset, update->functions_text,
				       update->functions_text_size);
}

static ssize_t splice_values_show(struct file *file, struct kobject *kobject,
				  struct bin_attribute *attribute, char *out, loff_t offset,
				  size_t count)
{
	const struct splice_update *update = splice_to_update(kobject);
	size_t size = smp_load_acquire(&update->values_text_size);	/* 0 until all is written */

	return memory_read_from_buffer(out, count, &offset, update->values_text, size);
}

static struct kobj_attribute splice_state_attribute = __ATTR(state, 0444, splice_state_show, NULL);
static struct kobj_attribute splice_pause_ns_attribute =
	__ATTR(pause_ns, 0444, splice_pause_ns_show, NULL);
static struct kobj_attribute splice_applied_at_attribute =
	__ATTR(applied_at, 0444, splice_applied_at_show, NULL);
static struct kobj_attribute splice_sequence_attribute =
	__ATTR(sequence, 0444, splice_sequence_show, NULL);
static struct bin_attribute splice_modules_attribute =
	__BIN_ATTR(modules, 0444, splice_modules_read, NULL, 0);
static struct bin_attribute splice_functions_attribute =
	__BIN_ATTR(functions, 0400, splice_functions_read, NULL, 0);

static struct bin_attribute splice_values_attribute =
	__BIN_ATTR(values, 0400, splice_values_show, NULL, 0);

static struct attribute *splice_update_attributes[] = {
	&splice_state_attribute.attr,
	&splice_pause_ns_attribute.attr,
	&splice_applied_at_attribute.attr,
	&splice_sequence_attribute.attr,
	NULL,
};

static struct bin_attribute *splice_update_bin_attributes[] = {
	&splice_modules_attribute,
	&splice_functions_attribute,
	&splice_values_attribute,
	NULL,
};

static const struct attribute_group splice_update_group = {
	.attrs = splice_update_attributes,
	.bin_attrs = splice_update_bin_attributes,
};

static const struct attribute_group *splice_update_groups[] = { &splice_update_group, NULL };

static void splice_release_update(struct kobject *kobject)
{
	complete(&splice_to_update(kobject)->released);
}

static const struct kobj_type splice_update_type = {
	.release = splice_release_update,
	.sysfs_ops = &kobj_sysfs_ops,
	.default_groups = splice_update_groups,
};

static int splice_write_texts(struct splice_update *update)
{
	size_t modules_room = (size_t)update->nr_modules * (MODULE_NAME_LEN + 1) + 1;
	size_t functions_room = (size_t)update->nr_functions * SPLICE_MAX_LINE + 1;
	size_t values_room = (size_t)update->nr_values * SPLICE_MAX_LINE + 1;
	u32 i;

	update->modules_text = kvzalloc(modules_room, GFP_KERNEL);
	update->functions_text = kvzalloc(functions_room, GFP_KERNEL);
	update->values_text = kvzalloc(values_room, GFP_KERNEL);
	if (!update->modules_text || !update->functions_text || !update->values_text)
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
				  "0x%lx 0x%lx 0x%x 0x%lx 0x%x 0x%lx 0x%lx 0x%x %s\n",
				  patch->old_entry, patch->old_code, patch->old_size,
				  patch->new_code, patch->new_size, patch->site, patch->hop,
				  patch->at_ftrace_site ? SPLICE_FUNCTION_AT_FTRACE : 0,
				  patch->name);
	}
	return 0;
}

/* Which values have been written is known after the switch. */
void splice_sysfs_tell_values(struct splice_update *update)
{
	size_t room = (size_t)update->nr_values * SPLICE_MAX_LINE + 1, size = 0;
	u32 i;

	for (i = 0; i < update->nr_values; i++) {
		const struct splice_live_value *value = &update->values[i];

		size += scnprintf(update->values_text + size, room - size, "0x%lx 0x%x %s %s\n",
				  value->address, value->size, value->written ? "written" : "left",
				  value->name);
	}
	smp_store_release(&update->values_text_size, size);	/* after the text itself */
}

/* On failure nothing remains but the texts, which splice_update_free() frees. */
int splice_sysfs_add(struct splice_update *update)
{
	int error = splice_write_texts(update);

	if (error)
		return error;
	init_completion(&update->released);
	error = kobject_init_and_add(&update->kobject, &splice_update_type, splice_root, "%s",
				     update->id);
	if (error) {
		kobject_put(&update->kobject);
		wait_for_completion(&update->released);
	}
	return error;
}

void splice_sysfs_remove(struct splice_update *update)
{
	kobject_del(&update->kobject);
	kobject_put(&update->kobject);
	wait_for_completion(&update->released);
}

int splice_sysfs_start(void)
{
	splice_root = kobject_create_and_add("splice", kernel_kobj);
	return splice_root ? 0 : -ENOMEM;
}

void splice_sysfs_stop(void)
{
	kobject_put(splice_root);
}
