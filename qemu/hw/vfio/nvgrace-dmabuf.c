/*
 * Coherent memory of an NVIDIA Grace GPU as dma-bufs
 *
 * Linux' iommufd maps no mappings of device memory for DMA, but dma-bufs of
 * vfio-pci.  Those are the kernel's to take back: a device that is reset,
 * asleep or does not decode memory has none that could be mapped, and what was
 * mapped is unmapped, for good, without a word.  A dma-buf that is usable again
 * has to be mapped again.
 *
 * In: a region of a VFIODevice.  Out: a dma-buf behind its MemoryRegion's RAM,
 * which the container maps for DMA instead of the RAM's own address.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/vfio.h>

#include "qemu/error-report.h"
#include "qapi/error.h"
#include "hw/pci/pci.h"
#include "hw/vfio/vfio-container.h"
#include "system/iommufd.h"
#include "system/ramblock.h"
#include "nvgrace-dmabuf.h"
#include "trace.h"
#include "vfio-iommufd.h"

/* A dma-buf of a device that decodes no memory cannot be mapped. */
static bool decode_memory(VFIODevice *vbasedev, Error **errp)
{
    ERRP_GUARD();
    uint16_t command;
    int ret;

    ret = vbasedev->io_ops->region_read(vbasedev, VFIO_PCI_CONFIG_REGION_INDEX,
                                        PCI_COMMAND, sizeof(command), &command);
    if (ret == sizeof(command)) {
        command |= cpu_to_le16(PCI_COMMAND_MEMORY);
        ret = vbasedev->io_ops->region_write(vbasedev,
                                             VFIO_PCI_CONFIG_REGION_INDEX,
                                             PCI_COMMAND, sizeof(command),
                                             &command, false);
    }
    if (ret != sizeof(command)) {
        error_setg(errp, "the host device cannot be told to decode memory: %s",
                   ret < 0 ? strerror(-ret) : "its config space is cut short");
        error_append_hint(errp, "The host's kernel log may say why.\n");
        return false;
    }
    return true;
}

static int get_dmabuf(VFIODevice *vbasedev, uint32_t index, uint64_t offset,
                      uint64_t size)
{
    struct vfio_device_feature_dma_buf *dma_buf;
    size_t argsz = sizeof(struct vfio_device_feature) + sizeof(*dma_buf) +
                   sizeof(struct vfio_region_dma_range);
    g_autofree struct vfio_device_feature *feature = g_malloc0(argsz);
    int ret;

    feature->argsz = argsz;
    feature->flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF;
    dma_buf = (void *)feature->data;
    dma_buf->region_index = index;
    dma_buf->open_flags = O_RDWR | O_CLOEXEC;
    dma_buf->nr_ranges = 1;
    dma_buf->dma_ranges[0].offset = offset;
    dma_buf->dma_ranges[0].length = size;

    ret = vfio_device_get_feature(vbasedev, feature);
    trace_vfio_nvgrace_dmabuf(vbasedev->name, index, offset, size, ret);
    return ret;
}

/*
 * Does this iommufd map dma-bufs at all?  Linux made them before it did.  In an
 * address space that no device is attached to, nothing else can be in the way.
 */
static bool can_map(IOMMUFDBackend *be, int fd, uint64_t size)
{
    uint32_t ioas;
    int ret = -1;

    if (!iommufd_backend_connect(be, NULL)) {
        return false;
    }
    if (iommufd_backend_alloc_ioas(be, &ioas, NULL)) {
        ret = iommufd_backend_map_file_dma(be, ioas, 0, size, fd, 0, false);
        iommufd_backend_free_id(be, ioas);
    }
    iommufd_backend_disconnect(be);
    return ret == 0;
}

static int is_iommufd(Object *obj, void *opaque)
{
    Object **be = opaque;

    *be = object_dynamic_cast(obj, TYPE_IOMMUFD_BACKEND);
    return *be != NULL;
}

/* The device's own, or one that other devices may have now or later. */
static IOMMUFDBackend *find_iommufd(VFIODevice *vbasedev)
{
    Object *be = NULL;

    if (vbasedev->iommufd) {
        return vbasedev->iommufd;
    }
    object_child_foreach(object_get_objects_root(), is_iommufd, &be);
    return be ? IOMMUFD_BACKEND(be) : NULL;
}

static int get_mappable(VFIODevice *vbasedev, IOMMUFDBackend *be,
                        const struct vfio_region_info *info)
{
    int fd = get_dmabuf(vbasedev, info->index, 0, info->size);

    if (fd < 0) {
        /*
         * vfio-pci-core passes on the indices of BARs only.  With that of BAR
         * 0, the host driver takes offsets as those of the device's file.
         */
        fd = get_dmabuf(vbasedev, VFIO_PCI_BAR0_REGION_INDEX, info->offset,
                        info->size);
    }
    if (fd >= 0 && !can_map(be, fd, info->size)) {
        close(fd);
        fd = -1;
    }
    return fd < 0 ? -1 : fd;
}

void vfio_nvgrace_dmabufs_put(VFIONVGraceMemory *mem)
{
    int *const fds[] = { &mem->dmabuf_usemem, &mem->dmabuf_resmem };

    for (int i = 0; i < ARRAY_SIZE(fds); i++) {
        if (*fds[i] >= 0) {
            close(*fds[i]);
        }
        *fds[i] = -1;
    }
}

bool vfio_nvgrace_dmabufs_get(VFIONVGraceMemory *mem, VFIODevice *vbasedev,
                              Error **errp)
{
    IOMMUFDBackend *be = find_iommufd(vbasedev);

    if (!be || vbasedev->proxy) {
        return true;
    }
    if (!decode_memory(vbasedev, errp)) {
        return false;
    }
    mem->dmabuf_usemem = get_mappable(vbasedev, be, mem->info_usemem);
    if (mem->dmabuf_usemem >= 0 && mem->info_resmem) {
        mem->dmabuf_resmem = get_mappable(vbasedev, be, mem->info_resmem);
        if (mem->dmabuf_resmem < 0) {
            vfio_nvgrace_dmabufs_put(mem);
        }
    }
    return true;
}

struct remap_range {
    const MemoryRegion *mr;
    VFIOContainer *bcontainer;
    int ret;
};

static bool remap_range(Int128 start, Int128 len, const MemoryRegion *mr,
                        hwaddr offset, void *opaque)
{
    struct remap_range *remap = opaque;
    MemoryRegion *found = (MemoryRegion *)mr;
    hwaddr iova;
    uint64_t size;
    int ret;

    if (mr != remap->mr) {
        return false;
    }
    iova = int128_get64(start);
    size = int128_get64(len);
    /* What is in the way there is the mapping that nothing is behind now. */
    ret = vfio_container_dma_unmap(remap->bcontainer, iova, size, NULL, false);
    if (!ret) {
        ret = vfio_container_dma_map(remap->bcontainer, iova, size,
                                     memory_region_get_ram_ptr(found) + offset,
                                     false, found);
    }
    trace_vfio_nvgrace_dmabuf_remap(memory_region_name(mr), iova, size, ret);
    remap->ret = remap->ret ?: ret;
    return false;
}

static int remap_in(VFIOContainer *bcontainer, const MemoryRegion *mr)
{
    struct remap_range remap = { .mr = mr, .bcontainer = bcontainer };

    RCU_READ_LOCK_GUARD();
    flatview_for_each_range(address_space_to_flatview(bcontainer->space->as),
                            remap_range, &remap);
    return remap.ret;
}

/*
 * The memory stays in its address spaces: to KVM, it is RAM that a vCPU may be
 * using right now.  Only the DMA mapping in each container is made anew.
 */
static void remap(const MemoryRegion *mr)
{
    VFIODevice *vbasedev;
    int ret = 0;

    QLIST_FOREACH(vbasedev, &vfio_device_list, global_next) {
        VFIOContainer *bcontainer = vbasedev->bcontainer;

        if (object_dynamic_cast(OBJECT(bcontainer), TYPE_VFIO_IOMMU_IOMMUFD) &&
            vbasedev == QLIST_FIRST(&bcontainer->device_list)) {
            ret = remap_in(bcontainer, mr) ?: ret;
        }
    }
    if (ret) {
        warn_report_once("coherent GPU memory cannot be mapped for DMA after "
                         "a reset (%s): until the next one, devices cannot "
                         "read or write it", strerror(-ret));
    }
}

/*
 * This container has nothing but what the guest's IOMMU maps.  What of that is
 * coherent memory is not known here, so all of it is made anew: a device that
 * was just reset is using none of it.
 */
static void replay(VFIODevice *vbasedev)
{
    VFIOContainer *bcontainer = vbasedev->bcontainer;
    VFIOGuestIOMMU *giommu;

    if (QLIST_EMPTY(&bcontainer->giommu_list) || !vbasedev->iommufd) {
        return;
    }
    vfio_container_dma_unmap(bcontainer, 0, 0, NULL, true);
    QLIST_FOREACH(giommu, &bcontainer->giommu_list, giommu_next) {
        memory_region_iommu_replay(giommu->iommu_mr, &giommu->n);
    }
}

void vfio_nvgrace_dmabufs_restore(VFIONVGraceMemory *mem, VFIODevice *vbasedev)
{
    Error *err = NULL;

    if (!decode_memory(vbasedev, &err)) {
        warn_report_err_once(err);
        return;
    }
    remap(&mem->usemem);
    if (mem->info_resmem) {
        remap(&mem->resmem);
    }
    replay(vbasedev);
}
