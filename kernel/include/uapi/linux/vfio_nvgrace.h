/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * VFIO regions of an NVIDIA Grace GPU's coherent memory.
 *
 * The GPU of a Grace Hopper or Grace Blackwell superchip has memory that the
 * CPU reaches over a cache-coherent link.  It is no PCI BAR: firmware describes
 * it in ACPI.  The driver nvgrace-region-vfio-pci gives it to user space as
 * device-specific regions, which VFIO_DEVICE_GET_REGION_INFO identifies by
 * VFIO_REGION_INFO_CAP_TYPE.
 */
#ifndef _UAPI_LINUX_VFIO_NVGRACE_H
#define _UAPI_LINUX_VFIO_NVGRACE_H

#include <linux/vfio.h>

/* The type of both regions: the PCI vendor id of NVIDIA. */
#define VFIO_REGION_TYPE_NVGRACE \
	((__u32)VFIO_REGION_TYPE_PCI_VENDOR_TYPE | 0x10de)

/*
 * The subtypes.  Subtype 1 of this vendor belonged to NVLink2; these are high
 * numbers ("GH") so that whatever upstream assigns next does not collide.
 *
 * usemem: the memory the guest onlines and uses; Normal cacheable.
 * resmem: the memory kept back for the GPU's multi-instance mode on Hopper;
 *	   Normal-NC.  It begins where usemem ends.  GPUs without the hardware
 *	   defect that requires it have no such region.
 */
#define VFIO_REGION_SUBTYPE_NVGRACE_USEMEM	0x47480001
#define VFIO_REGION_SUBTYPE_NVGRACE_RESMEM	0x47480002

/*
 * A capability of both regions, so that user space needs no sysfs.  Its header's
 * version is 1.  Later ones may append members, and give meaning to other flags;
 * those that are here stay.
 *
 * flags:      MIG_DEFECT: the GPU has the hardware defect that requires resmem.
 * vendor,
 * device:     PCI ids of the GPU.
 * offset:     where this region begins in the GPU's coherent memory, bytes.
 *	       The regions are contiguous: the guest finds one in them, or
 *	       divides one range itself, and has to see the same.
 * total_size: of the coherent memory, all regions together, bytes.
 * map_align:  the largest unit that the kernel maps at once, bytes, a power of
 *	       two.  It does so where the virtual address is equal to the offset
 *	       in this region modulo this; the same for guest addresses in KVM.
 */
#define VFIO_REGION_INFO_CAP_NVGRACE	0x4748

struct vfio_region_info_cap_nvgrace {
	struct vfio_info_cap_header header;
	__u32 flags;
#define VFIO_REGION_NVGRACE_MIG_DEFECT	0x1
	__u16 vendor;
	__u16 device;
	__aligned_u64 offset;
	__aligned_u64 total_size;
	__aligned_u64 map_align;
};

#endif /* _UAPI_LINUX_VFIO_NVGRACE_H */
