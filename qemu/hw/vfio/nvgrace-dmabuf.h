/*
 * Coherent memory of an NVIDIA Grace GPU as dma-bufs
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VFIO_NVGRACE_DMABUF_H
#define HW_VFIO_NVGRACE_DMABUF_H

#include "nvgrace-regions.h"

/**
 * vfio_nvgrace_dmabufs_get() - have the regions as dma-bufs
 * @mem: the memory; its regions are mapped into QEMU
 * @vbasedev: the device; it decodes memory afterwards
 * @errp: why that cannot be
 *
 * Where the machine has no iommufd, which this device need not use, the kernel
 * makes no dma-bufs, or its iommufd maps none, there are none: no error.
 *
 * Returns: true on success.
 */
bool vfio_nvgrace_dmabufs_get(VFIONVGraceMemory *mem, VFIODevice *vbasedev,
                              Error **errp);

/** vfio_nvgrace_dmabufs_put() - close those that there are */
void vfio_nvgrace_dmabufs_put(VFIONVGraceMemory *mem);

/**
 * vfio_nvgrace_dmabufs() - can the kernel take the memory from DMA?
 * @mem: the memory
 *
 * Returns: true if it is mapped for DMA by dma-bufs.  Those are revoked when
 * the device is reset, and while it does not decode memory on the host.
 */
static inline bool vfio_nvgrace_dmabufs(const VFIONVGraceMemory *mem)
{
    return mem->dmabuf_usemem >= 0;
}

/**
 * vfio_nvgrace_dmabufs_restore() - map for DMA what a reset has unmapped
 * @mem: the memory, plugged, with dma-bufs
 * @vbasedev: the device, after the reset; it decodes memory afterwards
 *
 * Behind an IOMMU of the guest that is done for this device only: what others
 * had of the memory is not mapped again before the guest does that.
 *
 * Never fails: warns, once, if devices cannot reach the memory.
 */
void vfio_nvgrace_dmabufs_restore(VFIONVGraceMemory *mem, VFIODevice *vbasedev);

#endif /* HW_VFIO_NVGRACE_DMABUF_H */
