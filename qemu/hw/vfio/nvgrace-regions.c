/*
 * Coherent memory of an NVIDIA Grace GPU from the regions of a VFIO device
 *
 * Maps what nvgrace-discover.c found, one range for both regions, and puts it
 * into the guest.
 *
 * In: descriptions of usemem and resmem.  Out: a plugged nvgrace-memory.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/mman.h>

#include "qemu/madvise.h"
#include "qemu/module.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "hw/vfio/vfio-container.h"
#include "system/ramblock.h"
#include "nvgrace-dmabuf.h"
#include "nvgrace-limits.h"
#include "nvgrace-regions.h"
#include "trace.h"

/*
 * The largest block of stage 2 with 4 KiB granules: host virtual and guest
 * physical addresses are congruent modulo this.
 */
#define NVGRACE_BLOCK_SIZE (1 * GiB)

/* A file that ends before the region does would be SIGBUS at some later time */
static bool check_file(int fd, const char *what,
                       const struct vfio_region_info *info, Error **errp)
{
    struct stat st;

    if (fstat(fd, &st) || !S_ISREG(st.st_mode) ||
        (st.st_size >= info->offset &&
         st.st_size - info->offset >= info->size)) {
        return true;
    }
    error_setg(errp, "0x%" PRIx64 " bytes of %s (region %u) are at offset 0x%"
               PRIx64 " of a file of 0x%" PRIx64 " bytes",
               (uint64_t)info->size, what, info->index, (uint64_t)info->offset,
               (uint64_t)st.st_size);
    return false;
}

static bool map_region(VFIODevice *vbasedev, const char *what,
                       const struct vfio_region_info *info, void *at,
                       Error **errp)
{
    int fd = vfio_device_get_region_fd(vbasedev, info->index);

    if (!check_file(fd, what, info, errp)) {
        vfio_nvgrace_hint_at_provider(vbasedev, errp);
        return false;
    }
    if (mmap(at, info->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
             fd, info->offset) == MAP_FAILED) {
        int err = errno;

        error_setg_errno(errp, err, "cannot map 0x%" PRIx64 " bytes of %s "
                         "(region %u)", (uint64_t)info->size, what,
                         info->index);
        if (err == EAGAIN || err == ENOMEM) {
            vfio_nvgrace_hint_at_limits(err, info->size, errp);
        } else {
            vfio_nvgrace_hint_at_provider(vbasedev, errp);
        }
        return false;
    }
    /* Where huge pages are for those who ask, so are huge mappings. */
    qemu_madvise(at, info->size, QEMU_MADV_HUGEPAGE);
    return true;
}

static bool bars(const VFIONVGraceMemory *mem)
{
    return NVGRACE_MEMORY(mem)->view == NVGRACE_GUEST_VIEW_BAR;
}

/*
 * Map both regions into one reservation, contiguous as they are in the guest.
 * The guest address is a multiple of the block size unless the user chose
 * another one.  As BARs each has an address of its own, a multiple of its size.
 */
static bool map_regions(VFIONVGraceMemory *mem, VFIODevice *vbasedev,
                        Error **errp)
{
    uint64_t addr = NVGRACE_MEMORY(mem)->addr;
    uint64_t offset = addr == NVGRACE_ADDR_AUTO ? 0 : addr % NVGRACE_BLOCK_SIZE;
    size_t usemem = mem->info_usemem->size;
    size_t slack = 2 * NVGRACE_BLOCK_SIZE;
    size_t size;
    char *reserved, *start;

    mem->resmem_offset = bars(mem) ? ROUND_UP(usemem, NVGRACE_BLOCK_SIZE)
                                   : usemem;
    size = mem->info_resmem ? mem->resmem_offset + mem->info_resmem->size
                            : usemem;

    reserved = mmap(NULL, size + slack, PROT_NONE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (reserved == MAP_FAILED) {
        int err = errno;

        error_setg_errno(errp, err, "cannot reserve 0x%zx bytes of address "
                         "space for coherent memory", size + slack);
        vfio_nvgrace_hint_at_limits(err, size + slack, errp);
        return false;
    }
    /* With mem-lock=on it counts as locked, and what replaces it would, too. */
    munlock(reserved, size + slack);
    start = (char *)ROUND_UP((uintptr_t)reserved, NVGRACE_BLOCK_SIZE) + offset;
    if (start != reserved) {
        munmap(reserved, start - reserved);
    }
    munmap(start + size, reserved + slack - start);
    mem->map = start;
    mem->map_size = size;
    trace_vfio_nvgrace_mmap(vbasedev->name, size, addr, start);

    return map_region(vbasedev, "usemem", mem->info_usemem, start, errp) &&
           (!mem->info_resmem ||
            map_region(vbasedev, "resmem", mem->info_resmem,
                       start + mem->resmem_offset, errp));
}

static void init_memory_region(VFIONVGraceMemory *mem, VFIODevice *vbasedev,
                               MemoryRegion *mr, const char *name,
                               uint64_t size, void *ptr, int dmabuf)
{
    /*
     * As a ram_device, emulated devices could only reach it through a 4 KiB
     * bounce buffer, and virtio-blk fails on requests from a page of memory
     * that the guest onlined.  But the host has it mapped without pages.
     */
    memory_region_init_ram_ptr(mr, OBJECT(mem), name, size, ptr);
    qemu_ram_set_unpinnable(mr->ram_block);
    /* As "info ramblock" has it; it is no RAM that would be migrated. */
    qemu_ram_set_idstr(mr->ram_block, name, vbasedev->dev);
    nvgrace_memory_set_dump(mr, NVGRACE_MEMORY(mem)->dump);
    if (dmabuf >= 0) {
        /* Not shared: nobody but iommufd can map a dma-buf of vfio-pci. */
        mr->ram_block->fd = dmabuf;
    }
}

/*
 * A memory listener that cannot map RAM for DMA ends QEMU, but only when its
 * container is in use; while the container is being set up, it keeps the error
 * for the realize function of the device.  This is just such a time, for all
 * containers: each of them is about to map the new memory.
 */
static void set_containers_initialized(bool initialized)
{
    VFIODevice *vbasedev;

    QLIST_FOREACH(vbasedev, &vfio_device_list, global_next) {
        vbasedev->bcontainer->initialized = initialized;
    }
}

/* What a container could not map: a limit of locked memory, or of addresses? */
static void hint_at_dma_map(VFIONVGraceMemory *mem, VFIODevice *vbasedev,
                            uint64_t last_iova, Error **errp)
{
    uint64_t size = nvgrace_memory_size(NVGRACE_MEMORY(mem));
    uint64_t addr = NVGRACE_MEMORY(mem)->addr;

    /* Who has mapped keeps no errno. */
    if (strstr(error_get_pretty(*errp), strerror(ENOMEM)) &&
        vfio_nvgrace_hint_at_memlock(size, errp)) {
        return;
    }
    if (!bars(mem) && addr + size - 1 > last_iova && size <= last_iova) {
        error_append_hint(errp, "The memory is at 0x%" PRIx64 ", and the IOMMU "
                          "translates no address above 0x%" PRIx64 ": use at "
                          "most mem-addr=0x%" PRIx64 " of -device "
                          "vfio-pci-nvgrace.\n", addr, last_iova,
                          ROUND_DOWN(last_iova - size + 1, 512 * MiB));
    } else if (vbasedev->proxy) {
        vfio_nvgrace_hint_at_provider(vbasedev, errp);
    } else {
        error_append_hint(errp, "The host's kernel log may say why.\n");
    }
}

static bool check_dma_maps(VFIONVGraceMemory *mem, VFIODevice *of,
                           Error **errp)
{
    ERRP_GUARD();
    uint64_t last_iova = UINT64_MAX;
    VFIODevice *vbasedev;
    Error *first = NULL;

    QLIST_FOREACH(vbasedev, &vfio_device_list, global_next) {
        GList *range = g_list_last(vbasedev->bcontainer->iova_ranges);

        if (vbasedev->bcontainer->error && range) {
            last_iova = MIN(last_iova, range_upb(range->data));
        }
        /* keeps the first, frees others */
        error_propagate(&first, vbasedev->bcontainer->error);
        vbasedev->bcontainer->error = NULL;
    }
    if (!first) {
        return true;
    }
    error_propagate_prepend(errp, first,
                            "coherent memory cannot be mapped for DMA: ");
    hint_at_dma_map(mem, of, last_iova, errp);
    return false;
}

static bool plug(VFIONVGraceMemory *mem, PCIDevice *pdev, VFIODevice *vbasedev,
                 Error **errp)
{
    bool ok;

    set_containers_initialized(false);
    ok = nvgrace_memory_plug(NVGRACE_MEMORY(mem), pdev, &mem->usemem,
                             mem->info_resmem ? &mem->resmem : NULL, errp);
    set_containers_initialized(true);

    if (ok && !check_dma_maps(mem, vbasedev, errp)) {
        nvgrace_memory_unplug(NVGRACE_MEMORY(mem));
        ok = false;
    }
    return ok;
}

bool vfio_nvgrace_memory_plug(VFIONVGraceMemory *mem, PCIDevice *pdev,
                              VFIODevice *vbasedev, Error **errp)
{
    ERRP_GUARD();

    if (!map_regions(mem, vbasedev, errp) ||
        !vfio_nvgrace_dmabufs_get(mem, vbasedev, errp)) {
        return false;
    }
    init_memory_region(mem, vbasedev, &mem->usemem, "usemem",
                       mem->info_usemem->size, mem->map, mem->dmabuf_usemem);
    if (mem->info_resmem) {
        init_memory_region(mem, vbasedev, &mem->resmem, "resmem",
                           mem->info_resmem->size,
                           (char *)mem->map + mem->resmem_offset,
                           mem->dmabuf_resmem);
    }
    /* Before the memory gets mapped: QEMU ends if KVM refuses that. */
    vfio_nvgrace_warn_of_limits(mem, vbasedev);
    return plug(mem, pdev, vbasedev, errp);
}

static void vfio_nvgrace_memory_init(Object *obj)
{
    VFIONVGraceMemory *mem = VFIO_NVGRACE_MEMORY(obj);

    mem->dmabuf_usemem = -1;
    mem->dmabuf_resmem = -1;
}

/* The MemoryRegions are children of this object and gone by now. */
static void vfio_nvgrace_memory_finalize(Object *obj)
{
    VFIONVGraceMemory *mem = VFIO_NVGRACE_MEMORY(obj);

    vfio_nvgrace_dmabufs_put(mem);
    if (mem->map) {
        munmap(mem->map, mem->map_size);
    }
}

static const TypeInfo vfio_nvgrace_memory_types[] = {
    {
        .name              = TYPE_VFIO_NVGRACE_MEMORY,
        .parent            = TYPE_NVGRACE_MEMORY,
        .instance_size     = sizeof(VFIONVGraceMemory),
        .instance_init     = vfio_nvgrace_memory_init,
        .instance_finalize = vfio_nvgrace_memory_finalize,
    },
};

DEFINE_TYPES(vfio_nvgrace_memory_types)
