// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/splice, the only way in. splice_abi.h describes the calls.
 *
 * One process has it open at a time, so that no other update comes between its look at the
 * running code and its APPLY. CAP_SYS_MODULE is needed at open, because a process that has it can
 * load any code anyway; and at every call, because a descriptor can be passed to a process that
 * does not have it.
 *
 * splice_mutex may be held for long: a hook of an update may sleep. Whoever waits for it can be
 * killed meanwhile.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/compat.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "core.h"

/* Of the one open file; under splice_mutex. */
static bool splice_is_open;
static LIST_HEAD(splice_session_pins);

static int splice_open(struct inode *inode, struct file *file)
{
	int error = 0;

	if (!capable(CAP_SYS_MODULE))
		return -EPERM;
	if (mutex_lock_killable(&splice_mutex))
		return -EINTR;
	if (splice_is_open)
		error = -EBUSY;
	splice_is_open = true;
	mutex_unlock(&splice_mutex);
	return error ?: nonseekable_open(inode, file);
}

static int splice_release(struct inode *inode, struct file *file)
{
	mutex_lock(&splice_mutex);
	splice_pins_free(&splice_session_pins);
	splice_awaited_forget(NULL);
	splice_is_open = false;
	mutex_unlock(&splice_mutex);
	return 0;
}

static int splice_ioctl_info(void __user *user)
{
	struct splice_info info = {
		.abi_version = SPLICE_ABI_VERSION,
		.updates = splice_update_count(),
	};

	return copy_to_user(user, &info, sizeof(info)) ? -EFAULT : 0;
}

/* A module is held once, however often a process pins it. */
static int splice_ioctl_pin(const void __user *user)
{
	struct splice_pinned *pin, *other;
	struct splice_pin asked;

	if (copy_from_user(&asked, user, sizeof(asked)))
		return -EFAULT;
	if (!asked.module[0] || strnlen(asked.module, sizeof(asked.module)) == sizeof(asked.module))
		return -EINVAL;
	pin = kzalloc(sizeof(*pin), GFP_KERNEL);
	if (!pin)
		return -ENOMEM;
	pin->module = splice_module_hold(asked.module);
	if (!pin->module) {
		kfree(pin);
		return -ENOENT;
	}
	list_for_each_entry(other, &splice_session_pins, list) {
		if (other->module == pin->module) {
			module_put(pin->module);
			kfree(pin);
			return 0;
		}
	}
	list_add_tail(&pin->list, &splice_session_pins);
	return 0;
}

static int splice_ioctl_await(const void __user *user)
{
	struct splice_await asked;

	if (copy_from_user(&asked, user, sizeof(asked)))
		return -EFAULT;
	return splice_await_module(&asked);
}

/*
 * The out fields are copied back on success and on failure. Whether that can be done is tried
 * before anything is: afterwards, "failed" would be wrong.
 */
static int splice_ioctl_apply(void __user *user)
{
	struct splice_apply asked;
	int error;

	if (copy_from_user(&asked, user, sizeof(asked)) ||
	    copy_to_user(user, &asked, sizeof(asked)))
		return -EFAULT;
	error = splice_update_apply(&asked, &splice_session_pins);
	if (copy_to_user(user, &asked, sizeof(asked)))
		pr_warn("%s: only the errno, %d, could be answered\n", asked.id, error);
	return error;
}

static int splice_ioctl_undo(void __user *user)
{
	struct splice_undo asked;
	int error;

	if (copy_from_user(&asked, user, sizeof(asked)) ||
	    copy_to_user(user, &asked, sizeof(asked)))
		return -EFAULT;
	error = splice_update_undo(&asked);
	if (copy_to_user(user, &asked, sizeof(asked)))
		pr_warn("%s: only the errno, %d, could be answered\n", asked.id, error);
	return error;
}

static long splice_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	void __user *user = (void __user *)argument;
	int error;

	if (!capable(CAP_SYS_MODULE))
		return -EPERM;
	if (mutex_lock_killable(&splice_mutex))
		return -EINTR;
	switch (command) {
	case SPLICE_IOC_INFO:
		error = splice_ioctl_info(user);
		break;
	case SPLICE_IOC_PIN:
		error = splice_ioctl_pin(user);
		break;
	case SPLICE_IOC_AWAIT:
		error = splice_ioctl_await(user);
		break;
	case SPLICE_IOC_APPLY:
		error = splice_ioctl_apply(user);
		break;
	case SPLICE_IOC_UNDO:
		error = splice_ioctl_undo(user);
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

int splice_device_start(void)
{
	return misc_register(&splice_device);
}

void splice_device_stop(void)
{
	misc_deregister(&splice_device);
}
