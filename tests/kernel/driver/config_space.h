/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the test drivers' mdevs are as PCI devices: a configuration space and
 * nothing else, which is enough for QEMU's vfio-pci to take one.
 */
#ifndef VCT_CONFIG_SPACE_H
#define VCT_CONFIG_SPACE_H

#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/pci.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#define VCT_VENDOR	0x8086
#define VCT_DEVICE	0xc104
#define VCT_REGION_SHIFT	40

struct vct_config {
	__le16 words[PCI_CFG_SPACE_SIZE / 2];
};

static inline void vct_config_init(struct vct_config *config)
{
	config->words[PCI_VENDOR_ID / 2] = cpu_to_le16(VCT_VENDOR);
	config->words[PCI_DEVICE_ID / 2] = cpu_to_le16(VCT_DEVICE);
	config->words[PCI_CLASS_DEVICE / 2] = cpu_to_le16(PCI_CLASS_SYSTEM_OTHER);
}

/* The configuration space is the one region with bytes; no interrupt exists. */
static inline long vct_get_info(void __user *arg, u32 flags)
{
	unsigned long minsz = offsetofend(struct vfio_device_info, num_irqs);
	struct vfio_device_info info;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	info.flags = VFIO_DEVICE_FLAGS_PCI | flags;
	info.num_regions = VFIO_PCI_NUM_REGIONS;
	info.num_irqs = VFIO_PCI_NUM_IRQS;
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

static inline long vct_get_region_info(void __user *arg)
{
	unsigned long minsz = offsetofend(struct vfio_region_info, offset);
	struct vfio_region_info info;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz || info.index >= VFIO_PCI_NUM_REGIONS)
		return -EINVAL;
	info.offset = (u64)info.index << VCT_REGION_SHIFT;
	info.flags = 0;
	info.size = 0;
	if (info.index == VFIO_PCI_CONFIG_REGION_INDEX) {
		info.flags = VFIO_REGION_INFO_FLAG_READ |
			     VFIO_REGION_INFO_FLAG_WRITE;
		info.size = PCI_CFG_SPACE_SIZE;
	}
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

static inline long vct_get_irq_info(void __user *arg)
{
	unsigned long minsz = offsetofend(struct vfio_irq_info, count);
	struct vfio_irq_info info;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz || info.index >= VFIO_PCI_NUM_IRQS)
		return -EINVAL;
	info.flags = 0;
	info.count = 0;
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

/* The ioctls that only tell what the device is; -ENOTTY to all others. */
static inline long vct_config_ioctl(unsigned int cmd, unsigned long arg,
				    u32 flags)
{
	switch (cmd) {
	case VFIO_DEVICE_GET_INFO:
		return vct_get_info((void __user *)arg, flags);
	case VFIO_DEVICE_GET_REGION_INFO:
		return vct_get_region_info((void __user *)arg);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return vct_get_irq_info((void __user *)arg);
	}
	return -ENOTTY;
}

/* Turns a file position into one in the configuration space. */
static inline int vct_config_pos(loff_t *pos)
{
	*pos -= (loff_t)VFIO_PCI_CONFIG_REGION_INDEX << VCT_REGION_SHIFT;
	return *pos < 0 || *pos >= PCI_CFG_SPACE_SIZE ? -EINVAL : 0;
}

static inline ssize_t vct_config_read(const struct vct_config *config,
				      char __user *buf, size_t count,
				      loff_t *ppos)
{
	loff_t pos = *ppos;
	ssize_t done;

	if (vct_config_pos(&pos))
		return -EINVAL;
	done = simple_read_from_buffer(buf, count, &pos, config->words,
				       sizeof(config->words));
	if (done > 0)
		*ppos += done;
	return done;
}

/* All of it is read-only, which PCI does not tell the writer. */
static inline ssize_t vct_config_write(struct vfio_device *vdev,
				       const char __user *buf, size_t count,
				       loff_t *ppos)
{
	loff_t pos = *ppos;

	if (vct_config_pos(&pos))
		return -EINVAL;
	*ppos += count;
	return count;
}

#endif
