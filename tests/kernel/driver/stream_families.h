/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Heads of migration streams as data: families that are laid out as those of
 * mtty, of HiSilicon's accelerators, of Intel's QAT and of Intel's Xe, and the
 * types of each: values in the head that differ from the family's, and how the
 * type behaves unlike a good driver.
 */
#ifndef VCS_STREAM_FAMILIES_H
#define VCS_STREAM_FAMILIES_H

#include <linux/bits.h>
#include <linux/types.h>
#include <linux/version.h>
#include <linux/vfio.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define VFIO_MIGRATION_PRE_COPY			(1 << 2)
#define VFIO_DEVICE_STATE_PRE_COPY		6
#define VFIO_DEVICE_FEATURE_MIG_DATA_SIZE	9
#define VFIO_MIG_GET_PRECOPY_INFO		_IO(VFIO_TYPE, VFIO_BASE + 21)
struct vfio_precopy_info {
	__u32 argsz;
	__u32 flags;
	__aligned_u64 initial_bytes;
	__aligned_u64 dirty_bytes;
};
#endif

#define VCS_MAX_FIELDS	8
#define VCS_MAX_TYPES	10
#define VCS_MAX_STREAM	128

/* How a destination compares a field with its own. */
enum vcs_rule {
	VCS_EQUAL,
	VCS_NOT_ABOVE,		/* the source's is no higher number */
	VCS_SUBSET,		/* every bit of the source's is there */
};

/* A number in the stream, little-endian.  Beyond the head: checked at STOP. */
struct vcs_field {
	u8 offset, width;
	enum vcs_rule rule;
	int err;		/* of a write that it refuses */
	bool crash;		/* the real driver would crash here */
	u64 value;
};

/* How a type behaves unlike a good driver. */
#define VCS_LATE	BIT(0)	/* checks the head at STOP, not at the write */
#define VCS_BLIND	BIT(1)	/* checks nothing, ever */
#define VCS_REMEMBERS	BIT(2)	/* after one match, takes all that comes */
#define VCS_STICKY	BIT(3)	/* keeps its state over close */
#define VCS_STUCK	BIT(4)	/* a reset leaves it in STOP */
#define VCS_NO_FLAG	BIT(5)	/* can be reset and does not say so */
#define VCS_NO_PRE_COPY	BIT(6)	/* lacks what its family has */

struct vcs_type {
	const char *name;
	unsigned int flags;
	u64 values[VCS_MAX_FIELDS];	/* by field; 0: the field's own */
	u8 total;			/* bytes of a stream; 0: the family's */
};

struct vcs_family {
	const char *name;
	u32 migration_flags;
	u8 head, total;
	bool no_stop;		/* STOP_COPY can be left by a reset only */
	bool keeps_parts;	/* of a head, for the next session */
	u8 base[VCS_MAX_STREAM];
	struct vcs_field fields[VCS_MAX_FIELDS];
	struct vcs_type types[VCS_MAX_TYPES];
};

static const struct vcs_family vcs_families[] = {
	{
		/* As struct mtty_data of samples/vfio-mdev/mtty.c, Linux 6.12. */
		.name = "mtty",
		.migration_flags = VFIO_MIGRATION_STOP_COPY |
				   VFIO_MIGRATION_PRE_COPY,
		.head = 24,
		.total = 60,
		.fields = {
			{ 0, 8, VCS_EQUAL, EFAULT, false, 0x7e9d09898c3e2c4e },
			{ 8, 4, VCS_EQUAL, EFAULT, false, 1 },	/* major */
			{ 12, 4, VCS_EQUAL, EFAULT },		/* minor */
			{ 16, 4, VCS_EQUAL, EFAULT, false, 1 },	/* ports */
			{ 20, 4, VCS_EQUAL, EFAULT },		/* flags */
		},
		.types = {
			{ "mtty_1" },
			{ "mtty_2", 0, { [3] = 2 }, 96 },
			{ "mtty_late", VCS_LATE },
			{ "mtty_blind", VCS_BLIND },
			{ "mtty_remembers", VCS_REMEMBERS },
			{ "mtty_sticky", VCS_STICKY | VCS_NO_FLAG },
			{ "mtty_stuck", VCS_STUCK },
			{ "mtty_stuck_noflag", VCS_STUCK | VCS_NO_FLAG },
			{ "mtty_noprecopy", VCS_NO_PRE_COPY },
		},
	}, {
		/* As struct acc_vf_data of hisi_acc_vfio_pci.h, Linux 6.12. */
		.name = "hisi",
		.migration_flags = VFIO_MIGRATION_STOP_COPY |
				   VFIO_MIGRATION_PRE_COPY,
		.head = 40,
		.total = 120,
		.fields = {
			{ 0, 8, VCS_EQUAL, EFAULT, false, 0xaaccfeeddecadede },
			{ 8, 4, VCS_EQUAL, EFAULT, false, 8 },	/* queue pairs */
			{ 12, 4, VCS_EQUAL, EFAULT, false, 0xa251 },
			{ 16, 4, VCS_EQUAL, EFAULT },		/* isolation */
			{ 28, 2, VCS_EQUAL, EFAULT, false, 1 },	/* major */
		},
		.types = {
			{ "hisi_zip8" },
			{ "hisi_zip16", 0, { [1] = 16 } },
			{ "hisi_sec8", 0, { [2] = 0xa256 } },
			{ "hisi_remembers", VCS_REMEMBERS },
		},
	}, {
		/* As adf_gen4_vf_mig.c, Linux 6.12, begins what it saves. */
		.name = "qat",
		.migration_flags = VFIO_MIGRATION_STOP_COPY |
				   VFIO_MIGRATION_PRE_COPY,
		.head = 90,
		.total = 122,
		.base = {
			[8] = 16, [10] = 5,
			[16] = 'C', 'O', 'N', 'F', 'I', 'G', [24] = 58, [28] = 3,
			[32] = 'g', 'e', 'n', 'c', 'a', 'p', [40] = 4,
			[52] = 's', 'v', 'c', 'm', 'a', 'p', [60] = 2,
			[70] = 'e', 'x', 't', 'd', 'c', [78] = 4,
		},
		.fields = {
			{ 0, 4, VCS_EQUAL, EINVAL, false, 0xadf5caea },
			{ 4, 4, VCS_NOT_ABOVE, EINVAL, false, 1 },
			{ 48, 4, VCS_SUBSET, EINVAL, false, 0x3f },
			{ 68, 2, VCS_EQUAL, EINVAL, false, 0x4924 },
			{ 86, 4, VCS_SUBSET, EINVAL, false, 0x3 },
			{ 90, 4, VCS_NOT_ABOVE, EINVAL, false, 10 }, /* a rate */
		},
		.types = {
			{ "qat_1" },
			{ "qat_more", 0, { [2] = 0x7f } },
			{ "qat_services", 0, { [3] = 0x4925 } },
			{ "qat_fast", 0, { [5] = 20 } },
		},
	}, {
		/* As struct xe_sriov_packet_hdr and its descriptor, Linux 7.0. */
		.name = "xe",
		.migration_flags = VFIO_MIGRATION_STOP_COPY,
		.head = 40,
		.total = 72,
		.no_stop = true,
		.keeps_parts = true,
		.base = {
			[1] = 1, [16] = 16,
			[24] = 4, [26] = 1, [32] = 4, [34] = 2,
		},
		.fields = {
			{ 0, 1, VCS_EQUAL, EINVAL, true, 1 },	/* version */
			{ 28, 4, VCS_EQUAL, ENODEV, false, 0xe211 },
			{ 36, 4, VCS_EQUAL, ENODEV },		/* revision */
			{ 40, 4, VCS_EQUAL, EINVAL, false, 256 }, /* GGTT */
		},
		.types = {
			{ "xe_1" },
			{ "xe_device", 0, { [1] = 0xb080 } },
			{ "xe_revision", 0, { [2] = 1 } },
			{ "xe_ggtt", 0, { [3] = 512 } },
		},
	},
};

#endif
