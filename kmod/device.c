// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/splice: the only door. See splice_abi.h for what is said through it.
 *
 * One process has it open at a time, so that no other update comes between its look at the
 * running code and its APPLY. It needs CAP_SYS_MODULE at open and at every call, since who has it
 * can load any code anyway, and a descriptor may be handed on to somebody who has not.
 */
#include <linux/capability.h>
#include <linux/compat.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "core.h"

DEFINE_MUTEX(splice_mutex);

/* The one open file's; under splice_mutex. */
static bool is_open;
static LIST_HEAD(session_pins);

static int splice_open(struct inode *inode, struct file *file)
{
	int error = 0;

	if (!capable(CAP_SYS_MODULE))
		return -EPERM;
	mutex_lock(&splice_mutex);
	if (is_open)
		error = -EBUSY;
	is_open = true;
	mutex_unlock(&splice_mutex);
	return error ?: nonseekable_open(inode, file);
}

static int splice_release(struct inode *inode, struct file *file)
{
	struct splice_pinned *pin, *next;

	mutex_lock(&splice_mutex);
	list_for_each_entry_safe(pin, next, &session_pins, list) {
		list_del(&pin->list);
		module_put(pin->module);
		kfree(pin);
	}
	is_open = false;
	mutex_unlock(&splice_mutex);
	return 0;
}

static int info(void __user *user)
{
	struct splice_info info = { .abi_version = SPLICE_ABI_VERSION, .updates = update_count() };

	return copy_to_user(user, &info, sizeof(info)) ? -EFAULT : 0;
}

/* A module is held once, however often it is asked for. */
static int pin(const void __user *user)
{
	struct splice_pinned *pin, *other;
	struct splice_pin asked;

	if (copy_from_user(&asked, user, sizeof(asked)))
		return -EFAULT;
	if (!asked.module[0] || strnlen(asked.module, sizeof(asked.module)) == sizeof(asked.module))
		return -EINVAL;
	pin = kmalloc(sizeof(*pin), GFP_KERNEL);
	if (!pin)
		return -ENOMEM;
	pin->module = module_hold(asked.module);
	if (!pin->module) {
		kfree(pin);
		return -ENOENT;
	}
	list_for_each_entry(other, &session_pins, list) {
		if (other->module == pin->module) {
			module_put(pin->module);
			kfree(pin);
			return 0;
		}
	}
	list_add_tail(&pin->list, &session_pins);
	return 0;
}

/* The out fields go back whatever came of it. */
static int apply(void __user *user)
{
	struct splice_apply asked;
	int error;

	if (copy_from_user(&asked, user, sizeof(asked)))
		return -EFAULT;
	error = update_apply(&asked, &session_pins);
	if (copy_to_user(user, &asked, sizeof(asked)) && !error)
		error = -EFAULT;
	return error;
}

static int undo(void __user *user)
{
	struct splice_undo asked;
	int error;

	if (copy_from_user(&asked, user, sizeof(asked)))
		return -EFAULT;
	error = update_undo(&asked);
	if (copy_to_user(user, &asked, sizeof(asked)) && !error)
		error = -EFAULT;
	return error;
}

static long splice_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	void __user *user = (void __user *)argument;
	int error;

	if (!capable(CAP_SYS_MODULE))
		return -EPERM;
	mutex_lock(&splice_mutex);
	switch (command) {
	case SPLICE_IOC_INFO:
		error = info(user);
		break;
	case SPLICE_IOC_PIN:
		error = pin(user);
		break;
	case SPLICE_IOC_APPLY:
		error = apply(user);
		break;
	case SPLICE_IOC_UNDO:
		error = undo(user);
		break;
	default:
		error = -ENOTTY;
	}
	mutex_unlock(&splice_mutex);
	return error;
}

/* The structures are the same for 32-bit programs. */
static const struct file_operations splice_operations = {
	.owner = THIS_MODULE,
	.open = splice_open,
	.release = splice_release,
	.unlocked_ioctl = splice_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice splice_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "splice",
	.mode = 0600,
	.fops = &splice_operations,
};

int device_start(void)
{
	return misc_register(&splice_device);
}

void device_stop(void)
{
	misc_deregister(&splice_device);
}
