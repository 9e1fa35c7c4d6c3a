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
	(VFIO_REGION_TYPE_PCI_VENDOR_TYPE | 0x10de)

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

#endif /* _UAPI_LINUX_VFIO_NVGRACE_H */
