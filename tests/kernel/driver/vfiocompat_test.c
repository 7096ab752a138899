// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiocompat_test - virtual mdev parents with a migration version attribute
 *
 * A test driver: no hardware is behind it.  Each parent stands for one host's
 * card of one hardware generation.  Every mdev type, and every mdev device
 * made from it, carries one read/write attribute (named "version" unless the
 * attr_name parameter says otherwise):
 *
 *   read   the version string of the type, or -ENODEV if the type has no
 *          migration support
 *   write  the version string of a migration source; the number of bytes
 *          written if that source may migrate to here, -EINVAL if it may not,
 *          -ENODEV if the type has no migration support
 *
 * attr_name=get_version splits the two: "get_version" (0444) is read and
 * "check_version" (0200) is written.
 *
 * String: 8 hex digits (VFIO_DEVICE_FLAGS_PCI << 16 | PCI vendor), '-', PCI
 * device in hex, '-', then the driver's own part "vct-gen<G>_<N>".  Written to
 * a type of generation T and slice N, gen<G>_<N> is compatible if G <= T and
 * the slice is the same.
 *
 * Written for the mdev API of Linux 6.1; the ifdefs are for up to 6.12.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/kernel.h>
#include <linux/mdev.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/version.h>
#include <linux/vfio.h>

#include "config_space.h"

#define VCT_MAX_PARENTS	8
#define VCT_MAX_SLICES	4
#define VCT_VERSION_MAX	80

static int generations[VCT_MAX_PARENTS] = { 4, 5 };
static unsigned int nr_generations = 2;
module_param_array_named(generations, generations, int, &nr_generations, 0444);
MODULE_PARM_DESC(generations, "hardware generation of each parent, e.g. 4,5");

static char *attr_name = "version";
module_param(attr_name, charp, 0444);
MODULE_PARM_DESC(attr_name, "version, migration_version, or get_version for the pair with check_version");

static bool type_attr = true;
module_param(type_attr, bool, 0444);
MODULE_PARM_DESC(type_attr, "put the attribute onto the mdev types");

static bool device_attr = true;
module_param(device_attr, bool, 0444);
MODULE_PARM_DESC(device_attr, "put the attribute onto the mdev devices");

static bool strict_newline;
module_param(strict_newline, bool, 0444);
MODULE_PARM_DESC(strict_newline, "refuse a write that does not end in exactly one newline");

/* Faults to order, for both the reads and the writes of every type. */
static int fail_errno;
module_param(fail_errno, int, 0644);
MODULE_PARM_DESC(fail_errno, "if not 0, each access fails with this errno");

static unsigned int delay_ms;
module_param(delay_ms, uint, 0644);
MODULE_PARM_DESC(delay_ms, "each access first sleeps so long (a signal ends it)");

static unsigned int hold_ms;
module_param(hold_ms, uint, 0644);
MODULE_PARM_DESC(hold_ms, "each access first holds its caller so long (nothing ends it)");

static unsigned int mig_flags = VFIO_MIGRATION_STOP_COPY;
module_param(mig_flags, uint, 0444);
MODULE_PARM_DESC(mig_flags, "VFIO_MIGRATION_* of the types that can migrate; 3 is with P2P");

static bool log_dirty;
module_param(log_dirty, bool, 0444);
MODULE_PARM_DESC(log_dirty, "the types that can migrate track the pages that they write");

/* Only tests that write one after the other look at it, so it may race. */
static unsigned int writes;
module_param(writes, uint, 0444);
MODULE_PARM_DESC(writes, "how many writes have reached the driver");

struct vct_type {
	struct mdev_type type;
	char name[32];
	char pretty[48];
	int generation;
	unsigned int slices;	/* of the parent's VCT_MAX_SLICES */
	bool migratable;
};

#define VCT_NR_TYPES 4

struct vct_parent {
	struct device dev;
	struct mdev_parent parent;
	struct vct_type types[VCT_NR_TYPES];
	struct mdev_type *type_ptrs[VCT_NR_TYPES];
	atomic_t free_slices;
	bool dev_up, parent_up;
};

struct vct_state {
	struct vfio_device vdev;
	struct vct_type *vtype;
	struct vct_parent *vparent;
	struct mutex lock;
	enum vfio_device_mig_state mig_state;
	struct vct_config config;
};

static struct vct_parent *parents[VCT_MAX_PARENTS];

/* ---- the rule ---------------------------------------------------------- */

static int vct_fault(void)
{
	unsigned int ms = READ_ONCE(delay_ms);
	unsigned int hold = READ_ONCE(hold_ms);
	int err = READ_ONCE(fail_errno);

	if (hold)
		msleep(hold);
	if (ms && msleep_interruptible(ms))
		return -EINTR;
	return err > 0 && err < MAX_ERRNO ? -err : 0;
}

static int vct_format(const struct vct_type *vt, char *buf, size_t len)
{
	return scnprintf(buf, len, "%04x%04x-%04x-vct-gen%d_%u",
			 VFIO_DEVICE_FLAGS_PCI, VCT_VENDOR, VCT_DEVICE,
			 vt->generation, vt->slices);
}

static ssize_t vct_version_show(const struct vct_type *vt, char *buf)
{
	char str[VCT_VERSION_MAX];
	int ret = vct_fault();

	if (ret)
		return ret;
	if (!vt->migratable)
		return -ENODEV;
	vct_format(vt, str, sizeof(str));
	return sysfs_emit(buf, "%s\n", str);
}

static ssize_t vct_version_store(const struct vct_type *vt, const char *buf,
				 size_t count)
{
	char str[VCT_VERSION_MAX], want[VCT_VERSION_MAX];
	unsigned int flags_vendor, device, slices;
	size_t len = count;
	struct vct_type src;
	int generation, ret;

	writes++;
	ret = vct_fault();
	if (ret)
		return ret;
	if (!vt->migratable)
		return -ENODEV;
	if (len && buf[len - 1] == '\n')
		len--;
	else if (strict_newline)
		return -EINVAL;
	if (!len || len >= sizeof(str) || memchr(buf, '\0', len))
		return -EINVAL;
	memcpy(str, buf, len);
	str[len] = '\0';

	if (sscanf(str, "%8x-%4x-vct-gen%d_%u", &flags_vendor, &device,
		   &generation, &slices) != 4)
		return -EINVAL;
	/* Only the one spelling that a read gives is a version string. */
	src.generation = generation;
	src.slices = slices;
	vct_format(&src, want, sizeof(want));
	if (strcmp(want, str))
		return -EINVAL;

	if (slices != vt->slices || generation < 1 || generation > vt->generation)
		return -EINVAL;
	return count;
}

/* ---- names and modes ---------------------------------------------------- */

/* One attribute to read and write, or one to read and one to write. */
enum { VCT_ATTR_FIRST, VCT_ATTR_CHECK, VCT_NR_ATTRS };

#define VCT_ATTR_GET_NAME	"get_version"
#define VCT_ATTR_CHECK_NAME	"check_version"

static unsigned int nr_attrs;

/* ---- the attribute on types -------------------------------------------- */

/*
 * The mdev core calls show and store of every attribute of a type's kobject
 * through a structure of this layout (drivers/vfio/mdev/mdev_sysfs.c), which
 * it keeps to itself.
 */
struct vct_type_attribute {
	struct attribute attr;
	ssize_t (*show)(struct mdev_type *mtype,
			struct vct_type_attribute *attr, char *buf);
	ssize_t (*store)(struct mdev_type *mtype,
			 struct vct_type_attribute *attr, const char *buf,
			 size_t count);
};

static ssize_t type_version_show(struct mdev_type *mtype,
				 struct vct_type_attribute *attr, char *buf)
{
	return vct_version_show(container_of(mtype, struct vct_type, type), buf);
}

static ssize_t type_version_store(struct mdev_type *mtype,
				  struct vct_type_attribute *attr,
				  const char *buf, size_t count)
{
	return vct_version_store(container_of(mtype, struct vct_type, type),
				 buf, count);
}

/* vct_name_attrs() fills in names and modes at load. */
static struct vct_type_attribute vct_type_attrs[VCT_NR_ATTRS] = {
	[VCT_ATTR_FIRST] = {
		.show = type_version_show,
		.store = type_version_store,
	},
	[VCT_ATTR_CHECK] = {
		.store = type_version_store,
	},
};

/* ---- the attribute on devices ------------------------------------------ */

static ssize_t device_version_show(struct device *dev,
				   struct device_attribute *attr, char *buf)
{
	return vct_version_show(container_of(to_mdev_device(dev)->type,
					     struct vct_type, type), buf);
}

static ssize_t device_version_store(struct device *dev,
				    struct device_attribute *attr,
				    const char *buf, size_t count)
{
	return vct_version_store(container_of(to_mdev_device(dev)->type,
					      struct vct_type, type), buf, count);
}

static struct device_attribute vct_dev_attrs[VCT_NR_ATTRS] = {
	[VCT_ATTR_FIRST] = {
		.show = device_version_show,
		.store = device_version_store,
	},
	[VCT_ATTR_CHECK] = {
		.store = device_version_store,
	},
};

static struct attribute *vct_dev_attr_ptrs[VCT_NR_ATTRS + 1];

static umode_t vct_dev_attr_visible(struct kobject *kobj,
				    struct attribute *attr, int n)
{
	return device_attr ? attr->mode : 0;
}

static const struct attribute_group vct_dev_group = {
	.attrs = vct_dev_attr_ptrs,
	.is_visible = vct_dev_attr_visible,
};

static const struct attribute_group *vct_dev_groups[] = {
	&vct_dev_group,
	NULL,
};

/* Once, before anything is registered. */
static void vct_name_attrs(void)
{
	bool pair = !strcmp(attr_name, VCT_ATTR_GET_NAME);
	unsigned int i;

	nr_attrs = pair ? 2 : 1;
	for (i = 0; i < nr_attrs; i++) {
		const char *name = i == VCT_ATTR_CHECK ? VCT_ATTR_CHECK_NAME :
							 attr_name;
		umode_t mode = !pair ? 0644 : i == VCT_ATTR_CHECK ? 0200 : 0444;

		vct_type_attrs[i].attr.name = name;
		vct_type_attrs[i].attr.mode = mode;
		vct_dev_attrs[i].attr.name = name;
		vct_dev_attrs[i].attr.mode = mode;
		vct_dev_attr_ptrs[i] = &vct_dev_attrs[i].attr;
	}
}

/* ---- migration v2, as far as VFIO_DEVICE_FEATURE can ask ---------------- */

static struct file *vct_set_state(struct vfio_device *vdev,
				  enum vfio_device_mig_state new_state)
{
	struct vct_state *st = container_of(vdev, struct vct_state, vdev);
	struct file *res = NULL;

	mutex_lock(&st->lock);
	/* RUNNING <-> STOP only: this device has no data stream. */
	if (new_state == VFIO_DEVICE_STATE_RUNNING ||
	    new_state == VFIO_DEVICE_STATE_STOP)
		st->mig_state = new_state;
	else
		res = ERR_PTR(-EOPNOTSUPP);
	mutex_unlock(&st->lock);
	return res;
}

static int vct_get_state(struct vfio_device *vdev,
			 enum vfio_device_mig_state *cur)
{
	struct vct_state *st = container_of(vdev, struct vct_state, vdev);

	mutex_lock(&st->lock);
	*cur = st->mig_state;
	mutex_unlock(&st->lock);
	return 0;
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
static int vct_get_data_size(struct vfio_device *vdev, unsigned long *len)
{
	*len = 0;
	return 0;
}
#endif

static const struct vfio_migration_ops vct_mig_ops = {
	.migration_set_state = vct_set_state,
	.migration_get_state = vct_get_state,
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
	.migration_get_data_size = vct_get_data_size,
#endif
};

/* Nothing writes any page, so there is none to report. */
static int vct_log_start(struct vfio_device *vdev,
			 struct rb_root_cached *ranges, u32 nnodes,
			 u64 *page_size)
{
	return 0;
}

static int vct_log_stop(struct vfio_device *vdev)
{
	return 0;
}

static int vct_log_read_and_clear(struct vfio_device *vdev, unsigned long iova,
				  unsigned long length,
				  struct iova_bitmap *dirty)
{
	return 0;
}

static const struct vfio_log_ops vct_log_ops = {
	.log_start = vct_log_start,
	.log_stop = vct_log_stop,
	.log_read_and_clear = vct_log_read_and_clear,
};

/* ---- vfio device -------------------------------------------------------- */

static int vct_init_dev(struct vfio_device *vdev)
{
	struct vct_state *st = container_of(vdev, struct vct_state, vdev);
	struct mdev_device *mdev = to_mdev_device(vdev->dev);
	int avail;

	st->vtype = container_of(mdev->type, struct vct_type, type);
	st->vparent = container_of(mdev->type->parent, struct vct_parent, parent);
	avail = atomic_read(&st->vparent->free_slices);
	do {
		if (avail < (int)st->vtype->slices)
			return -ENOSPC;
	} while (!atomic_try_cmpxchg(&st->vparent->free_slices, &avail,
				     avail - (int)st->vtype->slices));
	mutex_init(&st->lock);
	st->mig_state = VFIO_DEVICE_STATE_RUNNING;
	vct_config_init(&st->config);
	if (st->vtype->migratable) {
		vdev->migration_flags = mig_flags;
		vdev->mig_ops = &vct_mig_ops;
		if (log_dirty)
			vdev->log_ops = &vct_log_ops;
	}
	return 0;
}

static void vct_release_dev(struct vfio_device *vdev)
{
	struct vct_state *st = container_of(vdev, struct vct_state, vdev);

	atomic_add(st->vtype->slices, &st->vparent->free_slices);
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
	vfio_free_device(vdev);		/* since then the core's own to do */
#endif
}

static long vct_ioctl(struct vfio_device *vdev, unsigned int cmd,
		      unsigned long arg)
{
	if (cmd == VFIO_DEVICE_RESET)
		return 0;
	return vct_config_ioctl(cmd, arg, VFIO_DEVICE_FLAGS_RESET);
}

static ssize_t vct_read(struct vfio_device *vdev, char __user *buf,
			size_t count, loff_t *ppos)
{
	struct vct_state *st = container_of(vdev, struct vct_state, vdev);

	return vct_config_read(&st->config, buf, count, ppos);
}

static const struct vfio_device_ops vct_dev_ops = {
	.name = "vfio-vct",
	.init = vct_init_dev,
	.release = vct_release_dev,
	.ioctl = vct_ioctl,
	.read = vct_read,
	.write = vct_config_write,
#if IS_ENABLED(CONFIG_IOMMUFD) && LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	.bind_iommufd = vfio_iommufd_emulated_bind,
	.unbind_iommufd = vfio_iommufd_emulated_unbind,
	.attach_ioas = vfio_iommufd_emulated_attach_ioas,
	.detach_ioas = vfio_iommufd_emulated_detach_ioas,
#endif
};

/* ---- mdev driver -------------------------------------------------------- */

static int vct_probe(struct mdev_device *mdev)
{
	struct vct_state *st;
	int ret;

	st = vfio_alloc_device(vct_state, vdev, &mdev->dev, &vct_dev_ops);
	if (IS_ERR(st))
		return PTR_ERR(st);
	ret = vfio_register_emulated_iommu_dev(&st->vdev);
	if (ret) {
		vfio_put_device(&st->vdev);
		return ret;
	}
	dev_set_drvdata(&mdev->dev, st);
	return 0;
}

static void vct_remove(struct mdev_device *mdev)
{
	struct vct_state *st = dev_get_drvdata(&mdev->dev);

	vfio_unregister_group_dev(&st->vdev);
	vfio_put_device(&st->vdev);
}

static unsigned int vct_get_available(struct mdev_type *mtype)
{
	struct vct_type *vt = container_of(mtype, struct vct_type, type);
	struct vct_parent *vp = container_of(mtype->parent, struct vct_parent,
					     parent);

	return atomic_read(&vp->free_slices) / vt->slices;
}

static ssize_t vct_show_description(struct mdev_type *mtype, char *buf)
{
	struct vct_type *vt = container_of(mtype, struct vct_type, type);

	return sysfs_emit(buf, "generation: %d\nslices: %u of %d\nmigration: %s\n",
			  vt->generation, vt->slices, VCT_MAX_SLICES,
			  vt->migratable ? "yes" : "no");
}

static struct mdev_driver vct_driver = {
	.device_api = VFIO_DEVICE_API_PCI_STRING,
	.driver = {
		.name = "vct",
		.owner = THIS_MODULE,
		.mod_name = KBUILD_MODNAME,
		.dev_groups = vct_dev_groups,
	},
	.probe = vct_probe,
	.remove = vct_remove,
	.get_available = vct_get_available,
	.show_description = vct_show_description,
};

/* ---- parents ------------------------------------------------------------ */

static struct class *vct_class;

static void vct_parent_release(struct device *dev)
{
	kfree(container_of(dev, struct vct_parent, dev));
}

static void vct_parent_destroy(struct vct_parent *vp)
{
	unsigned int i, a;

	if (vp->parent_up) {
		for (i = 0; type_attr && i < VCT_NR_TYPES; i++)
			for (a = 0; a < nr_attrs; a++)
				sysfs_remove_file(&vp->types[i].type.kobj,
						  &vct_type_attrs[a].attr);
		mdev_unregister_parent(&vp->parent);
	}
	if (vp->dev_up)
		device_del(&vp->dev);
	put_device(&vp->dev);
}

static int vct_parent_create(unsigned int nr, int generation)
{
	struct vct_parent *vp = kzalloc(sizeof(*vp), GFP_KERNEL);
	unsigned int i, a;
	int ret;

	if (!vp)
		return -ENOMEM;
	device_initialize(&vp->dev);
	vp->dev.class = vct_class;
	vp->dev.release = vct_parent_release;
	atomic_set(&vp->free_slices, VCT_MAX_SLICES);
	ret = dev_set_name(&vp->dev, "vct%u", nr);
	if (ret)
		goto err;

	/* gen<G>_1, gen<G>_2, gen<G>_4 can migrate; nomig_1 cannot */
	for (i = 0; i < VCT_NR_TYPES; i++) {
		struct vct_type *vt = &vp->types[i];

		vt->generation = generation;
		vt->migratable = i < 3;
		vt->slices = vt->migratable ? 1u << i : 1;
		if (vt->migratable)
			snprintf(vt->name, sizeof(vt->name), "gen%d_%u",
				 generation, vt->slices);
		else
			snprintf(vt->name, sizeof(vt->name), "nomig_%u",
				 vt->slices);
		snprintf(vt->pretty, sizeof(vt->pretty),
			 "Test vGPU gen%d, %u slice(s)%s", generation,
			 vt->slices, vt->migratable ? "" : ", no migration");
		vt->type.sysfs_name = vt->name;
		vt->type.pretty_name = vt->pretty;
		vp->type_ptrs[i] = &vt->type;
	}

	ret = device_add(&vp->dev);
	if (ret)
		goto err;
	vp->dev_up = true;
	ret = mdev_register_parent(&vp->parent, &vp->dev, &vct_driver,
				   vp->type_ptrs, VCT_NR_TYPES);
	if (ret)
		goto err;
	vp->parent_up = true;
	for (i = 0; type_attr && i < VCT_NR_TYPES; i++) {
		for (a = 0; a < nr_attrs; a++) {
			ret = sysfs_create_file(&vp->types[i].type.kobj,
						&vct_type_attrs[a].attr);
			if (ret)
				goto err;
		}
	}
	parents[nr] = vp;
	return 0;
err:
	vct_parent_destroy(vp);
	return ret;
}

static void vct_cleanup(void)
{
	int i;

	for (i = VCT_MAX_PARENTS - 1; i >= 0; i--)
		if (parents[i])
			vct_parent_destroy(parents[i]);
	mdev_unregister_driver(&vct_driver);
	class_destroy(vct_class);
}

static int __init vct_init(void)
{
	unsigned int i;
	int ret;

	if (!*attr_name || strchr(attr_name, '/'))
		return -EINVAL;
	vct_name_attrs();

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
	vct_class = class_create("vct");
#else
	vct_class = class_create(THIS_MODULE, "vct");
#endif
	if (IS_ERR(vct_class))
		return PTR_ERR(vct_class);
	ret = mdev_register_driver(&vct_driver);
	if (ret) {
		class_destroy(vct_class);
		return ret;
	}
	for (i = 0; i < nr_generations; i++) {
		ret = vct_parent_create(i, generations[i]);
		if (ret) {
			vct_cleanup();
			return ret;
		}
	}
	pr_info("%u parent(s), attribute '%s'\n", nr_generations, attr_name);
	return 0;
}

static void __exit vct_exit(void)
{
	vct_cleanup();
}

module_init(vct_init)
module_exit(vct_exit)

MODULE_LICENSE("GPL v2");
MODULE_DESCRIPTION("Test driver: mdev types and devices with a migration version attribute");
