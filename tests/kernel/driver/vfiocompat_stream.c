// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiocompat_stream - mdevs whose driver checks the head of a migration stream
 *
 * A test driver: no hardware is behind it.  It speaks version 2 of the VFIO
 * migration protocol, with the families of heads and the types that are in
 * stream_families.h.  Each family has an mdev driver (vcs_mtty, vcs_hisi,
 * vcs_qat, vcs_xe), two parents (mtty0, mtty1, ...) and types (vcs-mtty_1, ...).
 *
 * Every device has a folder "vcs" in sysfs:
 *
 *   counters  what has been done with the device since it was made (see
 *             vcs_counters); "loads" is how often RESUMING was left for
 *             another state, "crashes" what would have crashed the kernel
 *             under the driver that the family stands for
 *   offered   in hex what was written in the last session of RESUMING,
 *             whether taken or not
 *   fault     written "STEP WHAT": from now on STEP (see vcs_steps) gives an
 *             errno (a number), or does half of what it is asked for ("short":
 *             read, write and taken), or waits: "killable" until a signal
 *             kills its caller, "hang" until there is another order.  "none"
 *             takes all orders back.
 *
 * Written for Linux 6.1, where the VFIO core hands PRE_COPY and what belongs to
 * it through without knowing them; the ifdefs are for up to 6.12.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/anon_inodes.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/mdev.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/version.h>
#include <linux/vfio.h>
#include <linux/wait.h>

#include "config_space.h"
#include "stream_families.h"

#define VCS_PARENTS	2	/* of each family */
#define VCS_INSTANCES	64	/* of each parent */

#define VCS_FAMILIES	ARRAY_SIZE(vcs_families)

static char *drivers[VCS_FAMILIES] = {
	"vcs_mtty", "vcs_hisi", "vcs_qat", "vcs_xe"
};
module_param_array(drivers, charp, NULL, 0444);
MODULE_PARM_DESC(drivers, "names of the mdev drivers, in the order mtty, hisi, qat, xe");

/* ---- what can be counted and ordered ------------------------------------ */

enum { VCS_OPENS, VCS_READS, VCS_WRITES, VCS_RESETS, VCS_LOADS, VCS_OVERREADS,
       VCS_CRASHES, VCS_NR_COUNTERS };

static const char *const vcs_counters[VCS_NR_COUNTERS] = {
	"opens", "reads", "writes", "resets", "loads",
	"overreads",		/* reads that ask for more than the head */
	"crashes",
};

/* A migration state's number is that of the step that enters it. */
enum { VCS_OPEN = 7, VCS_STATE, VCS_INFO, VCS_READ, VCS_WRITE, VCS_TAKEN,
       VCS_RESET, VCS_NR_STEPS };

static const char *const vcs_steps[VCS_NR_STEPS] = {
	[VFIO_DEVICE_STATE_STOP] = "stop",
	[VFIO_DEVICE_STATE_RUNNING] = "running",
	[VFIO_DEVICE_STATE_STOP_COPY] = "stop_copy",
	[VFIO_DEVICE_STATE_RESUMING] = "resuming",
	[VFIO_DEVICE_STATE_PRE_COPY] = "pre_copy",
	[VCS_OPEN] = "open",
	[VCS_STATE] = "state",	/* asking for it */
	[VCS_INFO] = "info",	/* VFIO_MIG_GET_PRECOPY_INFO */
	[VCS_READ] = "read",
	[VCS_WRITE] = "write",	/* before anything is checked */
	[VCS_TAKEN] = "taken",	/* a write that the checks let pass */
	[VCS_RESET] = "reset",
};

/* What is ordered for a step: an errno, 0 for nothing, or one of these. */
enum { VCS_SHORT = -1, VCS_HANG = -2, VCS_KILLABLE = -3 };

struct vcs_device {
	struct vfio_device vdev;
	const struct vcs_family *family;
	const struct vcs_type *type;
	struct vct_config config;
	u8 stream[VCS_MAX_STREAM];	/* what it sends */
	u8 total;

	struct mutex lock;		/* all that follows but the faults */
	unsigned int state;
	struct file *data;		/* of the session; only compared */
	size_t pos;			/* in the stream, of either direction */
	u8 offered[VCS_MAX_STREAM];
	size_t nr_offered;		/* pos, and what was refused */
	size_t part;			/* of a head, of an earlier session */
	bool stale;			/* another opener left this state */
	bool matched;
	unsigned int counts[VCS_NR_COUNTERS];

	wait_queue_head_t ordered;
	int faults[VCS_NR_STEPS];
};

/* What is ordered for a step happens: it waits, or gives an errno. */
static int vcs_fault(struct vcs_device *vd, unsigned int step)
{
	int fault = READ_ONCE(vd->faults[step]);

	if (fault == VCS_HANG)
		wait_event(vd->ordered, READ_ONCE(vd->faults[step]) != fault);
	if (fault == VCS_KILLABLE &&
	    wait_event_killable(vd->ordered,
				READ_ONCE(vd->faults[step]) != fault))
		return -EINTR;
	return fault > 0 ? -fault : 0;
}

/* ---- the stream --------------------------------------------------------- */

static u64 vcs_get(const u8 *stream, const struct vcs_field *field)
{
	u64 value = 0;
	int i;

	for (i = field->width - 1; i >= 0; i--)
		value = value << 8 | stream[field->offset + i];
	return value;
}

static void vcs_put(u8 *stream, const struct vcs_field *field, u64 value)
{
	int i;

	for (i = 0; i < field->width; i++, value >>= 8)
		stream[field->offset + i] = value;
}

static void vcs_fill(struct vcs_device *vd)
{
	const struct vcs_family *family = vd->family;
	int i;

	memcpy(vd->stream, family->base, sizeof(vd->stream));
	for (i = 0; i < VCS_MAX_FIELDS; i++)
		vcs_put(vd->stream, &family->fields[i],
			vd->type->values[i] ?: family->fields[i].value);
	vd->total = vd->type->total ?: family->total;
}

/* Compares the fields between two offsets of what was offered. */
static int vcs_check(struct vcs_device *vd, unsigned int from, unsigned int to)
{
	const struct vcs_field *field = vd->family->fields;
	u64 own, other;
	bool fits;

	for (; field < vd->family->fields + VCS_MAX_FIELDS; field++) {
		if (field->offset < from || field->offset >= to)
			continue;
		own = vcs_get(vd->stream, field);
		other = vcs_get(vd->offered, field);
		fits = field->rule == VCS_NOT_ABOVE ? other <= own :
		       field->rule == VCS_SUBSET ? !(other & ~own) :
		       other == own;
		if (!fits && field->crash)
			vd->counts[VCS_CRASHES]++;
		if (!fits)
			return -field->err;
	}
	return 0;
}

static ssize_t vcs_data_read(struct file *file, char __user *buf, size_t count,
			     loff_t *ppos)
{
	struct vcs_device *vd = file->private_data;
	size_t end;
	ssize_t ret = vcs_fault(vd, VCS_READ);

	if (ret)
		return ret;
	mutex_lock(&vd->lock);
	vd->counts[VCS_READS]++;
	if (vd->pos + count > vd->family->head)
		vd->counts[VCS_OVERREADS]++;
	end = vd->state == VFIO_DEVICE_STATE_STOP_COPY ? vd->total :
							 vd->family->head;
	count = min(count, end - vd->pos);
	if (READ_ONCE(vd->faults[VCS_READ]) == VCS_SHORT)
		count /= 2;
	if (vd->data != file)
		ret = -ENODEV;
	else if (!count && vd->state != VFIO_DEVICE_STATE_STOP_COPY)
		ret = -ENOMSG;
	else if (copy_to_user(buf, vd->stream + vd->pos, count))
		ret = -EFAULT;
	else
		ret = count;
	if (ret > 0)
		vd->pos += ret;
	mutex_unlock(&vd->lock);
	return ret;
}

/* Takes what was written up to `end`, or says why not. */
static int vcs_take(struct vcs_device *vd, size_t end)
{
	const struct vcs_family *family = vd->family;
	int ret;

	/* Only a head that is whole is looked at, and only once. */
	if (vd->pos >= family->head || end < family->head || vd->matched ||
	    vd->type->flags & (VCS_LATE | VCS_BLIND))
		return 0;
	ret = vcs_check(vd, 0, family->head);
	if (!ret && vd->type->flags & VCS_REMEMBERS)
		vd->matched = true;
	return ret;
}

static ssize_t vcs_data_write(struct file *file, const char __user *buf,
			      size_t count, loff_t *ppos)
{
	struct vcs_device *vd = file->private_data;
	ssize_t ret = vcs_fault(vd, VCS_WRITE);
	unsigned int step = VCS_WRITE;

	mutex_lock(&vd->lock);
	vd->counts[VCS_WRITES]++;
	if (!ret && vd->data != file)
		ret = -ENODEV;
	if (!ret && vd->pos + count > vd->total)
		ret = -ENOMEM;
	if (!ret && copy_from_user(vd->offered + vd->pos, buf, count))
		ret = -EFAULT;
	if (!ret) {
		vd->nr_offered = vd->pos + count;
		if (READ_ONCE(vd->faults[step]) != VCS_SHORT) {
			step = VCS_TAKEN;
			ret = vcs_take(vd, vd->pos + count);
		}
	}
	mutex_unlock(&vd->lock);

	if (!ret && step == VCS_TAKEN)
		ret = vcs_fault(vd, step);
	if (ret)
		return ret;

	mutex_lock(&vd->lock);
	ret = READ_ONCE(vd->faults[step]) == VCS_SHORT ? count / 2 : count;
	if (vd->data == file)
		vd->pos += ret;
	else
		ret = -ENODEV;
	mutex_unlock(&vd->lock);
	return ret;
}

static long vcs_data_ioctl(struct file *file, unsigned int cmd,
			   unsigned long arg)
{
	unsigned long minsz = offsetofend(struct vfio_precopy_info, dirty_bytes);
	struct vcs_device *vd = file->private_data;
	struct vfio_precopy_info info;
	long ret = vcs_fault(vd, VCS_INFO);

	if (ret)
		return ret;
	if (cmd != VFIO_MIG_GET_PRECOPY_INFO)
		return -ENOTTY;
	if (copy_from_user(&info, (void __user *)arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	mutex_lock(&vd->lock);
	if (vd->data != file)
		ret = -ENODEV;
	else if (vd->state != VFIO_DEVICE_STATE_PRE_COPY)
		ret = -EINVAL;
	info.flags = 0;
	info.initial_bytes = vd->family->head - vd->pos;
	info.dirty_bytes = 0;
	mutex_unlock(&vd->lock);
	if (!ret && copy_to_user((void __user *)arg, &info, minsz))
		ret = -EFAULT;
	return ret;
}

static int vcs_data_release(struct inode *inode, struct file *file)
{
	struct vcs_device *vd = file->private_data;

	mutex_lock(&vd->lock);
	if (vd->data == file)
		vd->data = NULL;
	mutex_unlock(&vd->lock);
	vfio_put_device(&vd->vdev);
	return 0;
}

static const struct file_operations vcs_save_fops = {
	.owner = THIS_MODULE,
	.read = vcs_data_read,
	.unlocked_ioctl = vcs_data_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.release = vcs_data_release,
};

static const struct file_operations vcs_resume_fops = {
	.owner = THIS_MODULE,
	.write = vcs_data_write,
	.release = vcs_data_release,
};

/* ---- the states --------------------------------------------------------- */

static void vcs_end_session(struct vcs_device *vd)
{
	if (vd->state == VFIO_DEVICE_STATE_RESUMING && vd->family->keeps_parts)
		vd->part = vd->pos < vd->family->head ? vd->pos : 0;
	vd->data = NULL;
}

/* Loads what was offered, checking what has not been checked before. */
static int vcs_load(struct vcs_device *vd)
{
	bool late = vd->type->flags & VCS_LATE;

	vd->counts[VCS_LOADS]++;
	if (vd->pos < vd->family->head)
		return -EINVAL;
	if (vd->type->flags & VCS_BLIND)
		return 0;
	return vcs_check(vd, late ? 0 : vd->family->head, vd->pos);
}

static int vcs_leave(struct vcs_device *vd, unsigned int state)
{
	int ret = 0;

	switch (vd->state) {
	case VFIO_DEVICE_STATE_ERROR:
		return -EINVAL;
	case VFIO_DEVICE_STATE_RESUMING:
		ret = vcs_load(vd);
		break;
	case VFIO_DEVICE_STATE_STOP_COPY:
		if (state == VFIO_DEVICE_STATE_PRE_COPY)
			return -EINVAL;
		if (vd->family->no_stop) {
			vcs_end_session(vd);
			vd->state = VFIO_DEVICE_STATE_ERROR;
			return -EIO;
		}
		break;
	case VFIO_DEVICE_STATE_PRE_COPY:
		if (state == VFIO_DEVICE_STATE_STOP_COPY)
			return 0;	/* the session goes on */
		break;
	}
	if (!ret)
		vcs_end_session(vd);
	return ret;
}

static struct file *vcs_enter(struct vcs_device *vd, unsigned int state)
{
	bool resume = state == VFIO_DEVICE_STATE_RESUMING;
	struct file *file;

	if (vd->data || !(resume || state == VFIO_DEVICE_STATE_STOP_COPY ||
			  state == VFIO_DEVICE_STATE_PRE_COPY))
		return NULL;
	file = anon_inode_getfile("vcs_data",
				  resume ? &vcs_resume_fops : &vcs_save_fops,
				  vd, resume ? O_WRONLY : O_RDONLY);
	if (IS_ERR(file))
		return file;
	get_device(&vd->vdev.device);	/* released with the file */
	stream_open(file_inode(file), file);
	vd->data = file;
	vd->pos = resume ? vd->part : 0;
	if (resume)
		vd->nr_offered = 0;
	return file;
}

static struct file *vcs_set_state(struct vfio_device *vdev,
				  enum vfio_device_mig_state to)
{
	struct vcs_device *vd = container_of(vdev, struct vcs_device, vdev);
	unsigned int state = to;
	struct file *file = NULL;
	int ret;

	if (state >= VCS_OPEN || !vcs_steps[state] ||
	    (state == VFIO_DEVICE_STATE_PRE_COPY &&
	     !(vdev->migration_flags & VFIO_MIGRATION_PRE_COPY)))
		return ERR_PTR(-EINVAL);
	ret = vcs_fault(vd, state);
	if (ret)
		return ERR_PTR(ret);

	mutex_lock(&vd->lock);
	/* mtty then uses the session that its last opener took with it. */
	if (vd->stale && vd->state == VFIO_DEVICE_STATE_RESUMING)
		vd->counts[VCS_CRASHES]++;
	if (state != vd->state) {
		ret = vcs_leave(vd, state);
		file = ret ? ERR_PTR(ret) : vcs_enter(vd, state);
		if (!IS_ERR(file))
			vd->state = state;
	}
	mutex_unlock(&vd->lock);
	return file;
}

static int vcs_get_state(struct vfio_device *vdev,
			 enum vfio_device_mig_state *state)
{
	struct vcs_device *vd = container_of(vdev, struct vcs_device, vdev);
	int ret = vcs_fault(vd, VCS_STATE);

	mutex_lock(&vd->lock);
	*state = vd->state;
	mutex_unlock(&vd->lock);
	return ret;
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
static int vcs_get_data_size(struct vfio_device *vdev, unsigned long *size)
{
	*size = container_of(vdev, struct vcs_device, vdev)->total;
	return 0;
}
#else
/* What the core does not know of yet, it leaves to the driver. */
static int vcs_device_feature(struct vfio_device *vdev, u32 flags,
			      void __user *arg, size_t argsz)
{
	u64 size = container_of(vdev, struct vcs_device, vdev)->total;
	int ret;

	if ((flags & VFIO_DEVICE_FEATURE_MASK) !=
	    VFIO_DEVICE_FEATURE_MIG_DATA_SIZE)
		return -ENOTTY;
	ret = vfio_check_feature(flags, argsz, VFIO_DEVICE_FEATURE_GET,
				 sizeof(size));
	if (ret != 1)
		return ret;
	return copy_to_user(arg, &size, sizeof(size)) ? -EFAULT : 0;
}
#endif

static const struct vfio_migration_ops vcs_mig_ops = {
	.migration_set_state = vcs_set_state,
	.migration_get_state = vcs_get_state,
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
	.migration_get_data_size = vcs_get_data_size,
#endif
};

static int vcs_reset(struct vcs_device *vd)
{
	int ret = vcs_fault(vd, VCS_RESET);

	mutex_lock(&vd->lock);
	vd->counts[VCS_RESETS]++;
	if (!ret) {
		vcs_end_session(vd);
		vd->stale = false;
		vd->state = vd->type->flags & VCS_STUCK ?
			    VFIO_DEVICE_STATE_STOP : VFIO_DEVICE_STATE_RUNNING;
	}
	mutex_unlock(&vd->lock);
	return ret;
}

/* ---- vfio device -------------------------------------------------------- */

static int vcs_open(struct vfio_device *vdev)
{
	struct vcs_device *vd = container_of(vdev, struct vcs_device, vdev);
	int ret;

	mutex_lock(&vd->lock);
	vd->counts[VCS_OPENS]++;
	mutex_unlock(&vd->lock);
	ret = vcs_fault(vd, VCS_OPEN);
	if (ret)
		return ret;
	mutex_lock(&vd->lock);
	if (vd->type->flags & VCS_STICKY)
		vd->stale = vd->state != VFIO_DEVICE_STATE_RUNNING;
	else
		vd->state = VFIO_DEVICE_STATE_RUNNING;
	mutex_unlock(&vd->lock);
	return 0;
}

static void vcs_close(struct vfio_device *vdev)
{
	struct vcs_device *vd = container_of(vdev, struct vcs_device, vdev);

	mutex_lock(&vd->lock);
	vcs_end_session(vd);
	mutex_unlock(&vd->lock);
}

static long vcs_ioctl(struct vfio_device *vdev, unsigned int cmd,
		      unsigned long arg)
{
	struct vcs_device *vd = container_of(vdev, struct vcs_device, vdev);
	bool silent = vd->type->flags & VCS_NO_FLAG;

	if (cmd == VFIO_DEVICE_RESET)
		return vcs_reset(vd);
	return vct_config_ioctl(cmd, arg, silent ? 0 : VFIO_DEVICE_FLAGS_RESET);
}

static ssize_t vcs_read(struct vfio_device *vdev, char __user *buf,
			size_t count, loff_t *ppos)
{
	struct vcs_device *vd = container_of(vdev, struct vcs_device, vdev);

	return vct_config_read(&vd->config, buf, count, ppos);
}

struct vcs_mdev_type {
	struct mdev_type type;
	const struct vcs_type *row;
	const struct vcs_family *family;
};

static int vcs_init_dev(struct vfio_device *vdev)
{
	struct vcs_device *vd = container_of(vdev, struct vcs_device, vdev);
	struct vcs_mdev_type *type = container_of(to_mdev_device(vdev->dev)->type,
						  struct vcs_mdev_type, type);

	vd->family = type->family;
	vd->type = type->row;
	mutex_init(&vd->lock);
	init_waitqueue_head(&vd->ordered);
	vd->state = VFIO_DEVICE_STATE_RUNNING;
	vct_config_init(&vd->config);
	vcs_fill(vd);
	vdev->mig_ops = &vcs_mig_ops;
	vdev->migration_flags = vd->family->migration_flags;
	if (vd->type->flags & VCS_NO_PRE_COPY)
		vdev->migration_flags &= ~VFIO_MIGRATION_PRE_COPY;
	return 0;
}

static void vcs_release_dev(struct vfio_device *vdev)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
	vfio_free_device(vdev);		/* since then the core's own to do */
#endif
}

static const struct vfio_device_ops vcs_dev_ops = {
	.name = "vfio-vcs",
	.init = vcs_init_dev,
	.release = vcs_release_dev,
	.open_device = vcs_open,
	.close_device = vcs_close,
	.ioctl = vcs_ioctl,
	.read = vcs_read,
	.write = vct_config_write,
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
	.device_feature = vcs_device_feature,
#endif
#if IS_ENABLED(CONFIG_IOMMUFD) && LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	.bind_iommufd = vfio_iommufd_emulated_bind,
	.unbind_iommufd = vfio_iommufd_emulated_unbind,
	.attach_ioas = vfio_iommufd_emulated_attach_ioas,
	.detach_ioas = vfio_iommufd_emulated_detach_ioas,
#endif
};

/* ---- sysfs -------------------------------------------------------------- */

static ssize_t counters_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	struct vcs_device *vd = dev_get_drvdata(dev);
	ssize_t len = 0;
	int i;

	mutex_lock(&vd->lock);
	for (i = 0; i < VCS_NR_COUNTERS; i++)
		len += sysfs_emit_at(buf, len, "%s %u\n", vcs_counters[i],
				     vd->counts[i]);
	mutex_unlock(&vd->lock);
	return len;
}
static DEVICE_ATTR_RO(counters);

static ssize_t offered_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	struct vcs_device *vd = dev_get_drvdata(dev);
	char *end;

	mutex_lock(&vd->lock);
	end = bin2hex(buf, vd->offered, vd->nr_offered);
	mutex_unlock(&vd->lock);
	*end++ = '\n';
	return end - buf;
}
static DEVICE_ATTR_RO(offered);

static ssize_t fault_store(struct device *dev, struct device_attribute *attr,
			   const char *buf, size_t count)
{
	struct vcs_device *vd = dev_get_drvdata(dev);
	char step[16], what[16];
	int fault, i;

	if (sysfs_streq(buf, "none")) {
		for (i = 0; i < VCS_NR_STEPS; i++)
			WRITE_ONCE(vd->faults[i], 0);
		wake_up_all(&vd->ordered);
		return count;
	}
	if (sscanf(buf, "%15s %15s", step, what) != 2)
		return -EINVAL;
	if (!strcmp(what, "short"))
		fault = VCS_SHORT;
	else if (!strcmp(what, "hang"))
		fault = VCS_HANG;
	else if (!strcmp(what, "killable"))
		fault = VCS_KILLABLE;
	else if (kstrtoint(what, 10, &fault) || fault < 0 || fault >= MAX_ERRNO)
		return -EINVAL;
	for (i = 0; i < VCS_NR_STEPS; i++) {
		if (!vcs_steps[i] || strcmp(step, vcs_steps[i]))
			continue;
		WRITE_ONCE(vd->faults[i], fault);
		wake_up_all(&vd->ordered);
		return count;
	}
	return -EINVAL;
}
static DEVICE_ATTR_WO(fault);

static struct attribute *vcs_attrs[] = {
	&dev_attr_counters.attr,
	&dev_attr_offered.attr,
	&dev_attr_fault.attr,
	NULL,
};

static const struct attribute_group vcs_group = {
	.name = "vcs",
	.attrs = vcs_attrs,
};

static const struct attribute_group *vcs_groups[] = { &vcs_group, NULL };

/* ---- mdev drivers and parents ------------------------------------------- */

static int vcs_probe(struct mdev_device *mdev)
{
	struct vcs_device *vd;
	int ret;

	vd = vfio_alloc_device(vcs_device, vdev, &mdev->dev, &vcs_dev_ops);
	if (IS_ERR(vd))
		return PTR_ERR(vd);
	dev_set_drvdata(&mdev->dev, vd);
	ret = vfio_register_emulated_iommu_dev(&vd->vdev);
	if (ret)
		vfio_put_device(&vd->vdev);
	return ret;
}

static void vcs_remove(struct mdev_device *mdev)
{
	struct vcs_device *vd = dev_get_drvdata(&mdev->dev);

	vfio_unregister_group_dev(&vd->vdev);
	vfio_put_device(&vd->vdev);
}

struct vcs_parent {
	struct device dev;
	struct mdev_parent parent;
	struct vcs_mdev_type types[VCS_MAX_TYPES];
	struct mdev_type *pointers[VCS_MAX_TYPES];
	bool dev_up, parent_up;
};

static struct mdev_driver vcs_drivers[VCS_FAMILIES];
static struct vcs_parent *vcs_parents[VCS_FAMILIES * VCS_PARENTS];
static struct class *vcs_class;
static unsigned int vcs_nr_drivers;

static void vcs_parent_release(struct device *dev)
{
	kfree(container_of(dev, struct vcs_parent, dev));
}

static void vcs_parent_destroy(struct vcs_parent *vp)
{
	if (vp->parent_up)
		mdev_unregister_parent(&vp->parent);
	if (vp->dev_up)
		device_del(&vp->dev);
	put_device(&vp->dev);
}

static int vcs_parent_create(unsigned int nr)
{
	const struct vcs_family *family = &vcs_families[nr / VCS_PARENTS];
	struct vcs_parent *vp = kzalloc(sizeof(*vp), GFP_KERNEL);
	unsigned int i;
	int ret;

	if (!vp)
		return -ENOMEM;
	device_initialize(&vp->dev);
	vp->dev.class = vcs_class;
	vp->dev.release = vcs_parent_release;
	for (i = 0; i < VCS_MAX_TYPES && family->types[i].name; i++) {
		vp->types[i].family = family;
		vp->types[i].row = &family->types[i];
		vp->types[i].type.sysfs_name = family->types[i].name;
		vp->types[i].type.pretty_name = family->types[i].name;
		vp->pointers[i] = &vp->types[i].type;
	}
	ret = dev_set_name(&vp->dev, "%s%u", family->name, nr % VCS_PARENTS);
	if (!ret)
		ret = device_add(&vp->dev);
	vp->dev_up = !ret;
	if (!ret)
		ret = mdev_register_parent(&vp->parent, &vp->dev,
					   &vcs_drivers[nr / VCS_PARENTS],
					   vp->pointers, i);
	vp->parent_up = !ret;
	if (ret)
		vcs_parent_destroy(vp);
	else
		vcs_parents[nr] = vp;
	return ret;
}

static void vcs_cleanup(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vcs_parents); i++)
		if (vcs_parents[i])
			vcs_parent_destroy(vcs_parents[i]);
	for (i = 0; i < vcs_nr_drivers; i++)
		mdev_unregister_driver(&vcs_drivers[i]);
	class_destroy(vcs_class);
}

static int __init vcs_init(void)
{
	unsigned int i;
	int ret = 0;

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
	vcs_class = class_create("vcs");
#else
	vcs_class = class_create(THIS_MODULE, "vcs");
#endif
	if (IS_ERR(vcs_class))
		return PTR_ERR(vcs_class);
	for (i = 0; !ret && i < VCS_FAMILIES; i++) {
		vcs_drivers[i] = (struct mdev_driver) {
			.device_api = VFIO_DEVICE_API_PCI_STRING,
			.max_instances = VCS_INSTANCES,
			.probe = vcs_probe,
			.remove = vcs_remove,
			.driver = {
				.name = drivers[i],
				.owner = THIS_MODULE,
				.mod_name = KBUILD_MODNAME,
				.dev_groups = vcs_groups,
			},
		};
		ret = mdev_register_driver(&vcs_drivers[i]);
		vcs_nr_drivers += !ret;
	}
	for (i = 0; !ret && i < ARRAY_SIZE(vcs_parents); i++)
		ret = vcs_parent_create(i);
	if (ret)
		vcs_cleanup();
	return ret;
}

static void __exit vcs_exit(void)
{
	vcs_cleanup();
}

module_init(vcs_init)
module_exit(vcs_exit)

MODULE_LICENSE("GPL v2");
MODULE_DESCRIPTION("Test driver: mdevs that check the head of a migration stream");
