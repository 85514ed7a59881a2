// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/splice/ID/: what is applied, for people and for splice-view.
 *
 * The lists are binary attributes, which may be of any length; their text is made before the
 * update becomes visible, and again when a part of it comes or goes, under a mutex that readers
 * take. The state and the three numbers change under their readers, each in one aligned store, and
 * the numbers are set before the state becomes "applied".
 *
 * Readers take no lock that is held for long: splice_sysfs_remove() waits for the last of them
 * (kobject_del() drains the files). It also waits for the last reference to the kobject, so that
 * the update is freed, and its modules are released, before the ioctl returns and not whenever that
 * reference is dropped.
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
static DEFINE_MUTEX(splice_texts_mutex);	/* over the texts of all updates */

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

static ssize_t splice_text_read(const struct splice_text *text, char *out, loff_t offset,
				size_t count)
{
	ssize_t size;

	mutex_lock(&splice_texts_mutex);
	size = memory_read_from_buffer(out, count, &offset, text->text, text->size);
	mutex_unlock(&splice_texts_mutex);
	return size;
}

static ssize_t splice_modules_read(struct file *file, struct kobject *kobject,
				   struct bin_attribute *attribute, char *out, loff_t offset,
				   size_t count)
{
	return splice_text_read(&splice_to_update(kobject)->modules_text, out, offset, count);
}

static ssize_t splice_functions_read(struct file *file, struct kobject *kobject,
				     struct bin_attribute *attribute, char *out, loff_t offset,
				     size_t count)
{
	return splice_text_read(&splice_to_update(kobject)->functions_text, out, offset, count);
}

static ssize_t splice_values_show(struct file *file, struct kobject *kobject,
				  struct bin_attribute *attribute, char *out, loff_t offset,
				  size_t count)
{
	return splice_text_read(&splice_to_update(kobject)->values_text, out, offset, count);
}

/* Made anew for each reader: it changes with each load. */
static ssize_t splice_awaits_read(struct file *file, struct kobject *kobject,
				  struct bin_attribute *attribute, char *out, loff_t offset,
				  size_t count)
{
	size_t room = SPLICE_MAX_AWAITS * (SPLICE_NAME_LEN + 16);
	char *text = kvzalloc(room, GFP_KERNEL);
	ssize_t size;

	if (!text)
		return -ENOMEM;
	room = splice_awaited_text(splice_to_update(kobject), text, room);
	size = memory_read_from_buffer(out, count, &offset, text, room);
	kvfree(text);
	return size;
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
static struct bin_attribute splice_awaits_attribute =
	__BIN_ATTR(awaits, 0444, splice_awaits_read, NULL, 0);

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
	&splice_awaits_attribute,
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

static void splice_text_add(struct splice_text *text, const char *format, ...) __printf(2, 3);

static void splice_text_add(struct splice_text *text, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	text->size += vscnprintf(text->text + text->size, text->room - text->size, format,
				 arguments);
	va_end(arguments);
}

static void splice_write_texts(struct splice_update *update)
{
	u32 i;

	lockdep_assert_held(&splice_texts_mutex);
	update->modules_text.size = 0;
	for (i = 0; i < update->nr_modules; i++)
		splice_text_add(&update->modules_text, "%s\n", update->modules[i]->name);
	update->functions_text.size = 0;
	for (i = 0; i < update->nr_functions; i++) {
		const struct splice_patch *patch = &update->functions[i];

		splice_text_add(&update->functions_text,
				"0x%lx 0x%lx 0x%x 0x%lx 0x%x 0x%lx 0x%lx 0x%x %s\n",
				patch->old_entry, patch->old_code, patch->old_size, patch->new_code,
				patch->new_size, patch->site, patch->hop,
				patch->at_ftrace_site ? SPLICE_FUNCTION_AT_FTRACE : 0, patch->name);
	}
	update->values_text.size = 0;
	/* Which values have been written is known after the switch. */
	for (i = 0; update->sequence && i < update->nr_values; i++) {
		const struct splice_live_value *value = &update->values[i];

		splice_text_add(&update->values_text, "0x%lx 0x%x %s %s\n", value->address,
				value->size, value->written ? "written" : "left", value->name);
	}
}

static bool splice_text_make(struct splice_text *text, size_t room)
{
	text->room = room + 1;
	text->text = kvzalloc(text->room, GFP_KERNEL);
	return text->text;
}

/* Room in the texts for so many of each, at least as many as there are. */
int splice_sysfs_reserve(struct splice_update *update, size_t modules, size_t functions,
			 size_t values)
{
	struct splice_text texts[3] = { };
	int error = 0, i;

	if (!splice_text_make(&texts[0], modules * (MODULE_NAME_LEN + 1)) ||
	    !splice_text_make(&texts[1], functions * SPLICE_MAX_LINE) ||
	    !splice_text_make(&texts[2], values * SPLICE_MAX_LINE)) {
		error = -ENOMEM;
	} else {
		mutex_lock(&splice_texts_mutex);
		swap(texts[0], update->modules_text);
		swap(texts[1], update->functions_text);
		swap(texts[2], update->values_text);
		splice_write_texts(update);
		mutex_unlock(&splice_texts_mutex);
	}
	for (i = 0; i < 3; i++)
		kvfree(texts[i].text);
	return error;
}

/* After a change of what they tell, for which there is room. */
void splice_sysfs_rewrite(struct splice_update *update)
{
	mutex_lock(&splice_texts_mutex);
	splice_write_texts(update);
	mutex_unlock(&splice_texts_mutex);
}

/* On failure nothing remains but the texts, which splice_update_free() frees. */
int splice_sysfs_add(struct splice_update *update)
{
	int error = splice_sysfs_reserve(update, update->nr_modules, update->nr_functions,
					 update->nr_values);

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
