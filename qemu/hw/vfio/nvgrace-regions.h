/*
 * Coherent memory of an NVIDIA Grace GPU from the regions of a VFIO device:
 * finding them (nvgrace-discover.c), mapping them (nvgrace-regions.c)
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VFIO_NVGRACE_REGIONS_H
#define HW_VFIO_NVGRACE_REGIONS_H

#include "hw/mem/nvgrace-memory.h"
#include "hw/vfio/vfio-device.h"

#define TYPE_VFIO_NVGRACE_MEMORY "vfio-nvgrace-memory"
OBJECT_DECLARE_SIMPLE_TYPE(VFIONVGraceMemory, VFIO_NVGRACE_MEMORY)

/**
 * struct VFIONVGraceMemory - coherent memory that VFIO regions provide
 * @usemem: the mapping of the region of that name
 * @resmem: likewise; not initialised when @info_resmem is NULL
 * @info_usemem: the server's or the kernel's description of the region; owned
 *               by the VFIODevice
 * @info_resmem: likewise, NULL when there is no such region
 * @map: where both regions are mapped in QEMU; NULL if nowhere
 * @map_size: how many bytes, with what is in between
 * @resmem_offset: where resmem is in them
 * @dmabuf_usemem: its dma-buf, by which iommufd maps it for DMA; -1: none
 * @dmabuf_resmem: likewise; where there is a region, either both are or none
 * @unplug_blocker: why the device cannot be unplugged, if its class could
 */
struct VFIONVGraceMemory {
    NVGraceMemory parent_obj;

    MemoryRegion usemem;
    MemoryRegion resmem;
    struct vfio_region_info *info_usemem;
    struct vfio_region_info *info_resmem;
    void *map;
    size_t map_size;
    size_t resmem_offset;
    int dmabuf_usemem;
    int dmabuf_resmem;
    Error *unplug_blocker;
};

/**
 * vfio_nvgrace_memory_offered() - has a device any such region?
 * @vbasedev: the device, attached to its container
 *
 * Asks only about regions that not every PCI device has.
 */
bool vfio_nvgrace_memory_offered(VFIODevice *vbasedev);

/**
 * vfio_nvgrace_memory_find() - find the regions
 * @mem: the memory, without @info_usemem and @info_resmem
 * @vbasedev: the device, attached to its container; only its io_ops are used,
 *            so any transport will do
 * @errp: what is wrong and what to type instead
 *
 * Returns: true if there is a region of usemem; resmem is optional.
 */
bool vfio_nvgrace_memory_find(VFIONVGraceMemory *mem, VFIODevice *vbasedev,
                              Error **errp);

/**
 * vfio_nvgrace_hint_at_provider() - for what cannot be if both sides are right
 * @vbasedev: the device
 * @errp: an error, which gets the hint whose mistake it may be
 */
void vfio_nvgrace_hint_at_provider(VFIODevice *vbasedev, Error **errp);

/**
 * vfio_nvgrace_memory_plug() - put the regions into the guest
 * @mem: the memory; nvgrace_memory_check() and vfio_nvgrace_memory_find() have
 *       passed
 * @pdev: the PCI function it belongs to
 * @vbasedev: the same function as a VFIO device
 * @errp: what is wrong and what to type instead
 *
 * On failure the memory is in the guest no longer; what was mapped into QEMU
 * remains so until @mem is finalized.  nvgrace_memory_unplug() takes it out.
 *
 * Returns: true on success.
 */
bool vfio_nvgrace_memory_plug(VFIONVGraceMemory *mem, PCIDevice *pdev,
                              VFIODevice *vbasedev, Error **errp);

#endif /* HW_VFIO_NVGRACE_REGIONS_H */
