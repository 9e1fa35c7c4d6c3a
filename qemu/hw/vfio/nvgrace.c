/*
 * VFIO device of an NVIDIA Grace GPU with coherent memory
 *
 * The GPU of a Grace Hopper or Grace Blackwell superchip is a PCI function with
 * ordinary BARs, and memory that the CPU reaches over a cache-coherent link.
 * That memory is no BAR on bare metal: firmware describes it in ACPI and the OS
 * onlines it as a NUMA node.  The host driver nvgrace-region-vfio-pci therefore
 * exposes it as what it is, one or two device-specific regions, and this device
 * gives it to the guest in the same way: outside of every PCI window, described
 * in ACPI.  All the rest of the device is vfio-pci's.
 *
 *     usemem   Normal cacheable; what the guest onlines
 *     resmem   Normal-NC; kept back for MIG on Hopper, absent later
 *
 * In: the two regions, found by their type.  Out: a plugged nvgrace-memory.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/vfio_nvgrace.h>
#include <sys/mman.h>

#include "qemu/error-report.h"
#include "qemu/module.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "hw/core/qdev-properties.h"
#include "hw/mem/nvgrace-memory.h"
#include "hw/pci/pci_device.h"
#include "hw/vfio/vfio-device.h"
#include "nvgrace-kvm.h"
#include "pci.h"
#include "trace.h"
#include "types.h"

#define TYPE_VFIO_PCI_NVGRACE "vfio-pci-nvgrace"
OBJECT_DECLARE_TYPE(VFIONVGrace, VFIONVGraceClass, VFIO_PCI_NVGRACE)

/* sysfs has the name of the driver with underscores, modprobe takes both. */
#define HOST_MODULE "nvgrace-region-vfio-pci"
#define HOST_DRIVER "nvgrace_region_vfio_pci"

/* No GPU has as much: a larger size is a mistake of the kernel or firmware. */
#define NVGRACE_REGION_SIZE_MAX (1 * TiB)

/*
 * The largest block of stage 2 with 4 KiB granules: host virtual and guest
 * physical addresses are congruent modulo this.
 */
#define NVGRACE_BLOCK_SIZE (1 * GiB)

/**
 * struct VFIONVGrace - the device
 * @memory: the coherent memory as the guest sees it
 * @usemem: the mapping of the region of that name
 * @resmem: likewise; not initialised when @info_resmem is NULL
 * @info_usemem: the kernel's description of the region; owned by vfio-device
 * @info_resmem: likewise, NULL when there is no such region
 * @map: where both regions are mapped in QEMU, contiguously; NULL if nowhere
 * @map_size: how many bytes
 */
struct VFIONVGrace {
    VFIOPCIDevice parent_obj;

    NVGraceMemory memory;
    MemoryRegion usemem;
    MemoryRegion resmem;
    struct vfio_region_info *info_usemem;
    struct vfio_region_info *info_resmem;
    void *map;
    size_t map_size;
};

struct VFIONVGraceClass {
    PCIDeviceClass parent_class;

    void (*parent_realize)(PCIDevice *pdev, Error **errp);
    void (*parent_exit)(PCIDevice *pdev);
};

/* The host driver of the device, or NULL: only for messages. */
static char *host_driver(VFIODevice *vbasedev)
{
    g_autofree char *link = NULL;
    g_autofree char *target = NULL;

    if (!vbasedev->sysfsdev) {
        return NULL;
    }
    link = g_build_filename(vbasedev->sysfsdev, "driver", NULL);
    target = g_file_read_link(link, NULL);
    return target ? g_path_get_basename(target) : NULL;
}

static void report_no_usemem(VFIODevice *vbasedev, Error **errp)
{
    g_autofree char *driver = host_driver(vbasedev);
    const char *name = vbasedev->name;

    if (!g_strcmp0(driver, HOST_DRIVER)) {
        error_setg(errp, "the host device has no coherent memory: its firmware "
                   "describes none");
        error_append_hint(errp, "The host's kernel log says what " HOST_DRIVER
                          " missed.  Without such memory use -device "
                          "vfio-pci.\n");
        return;
    }

    error_setg(errp, "the host device offers no coherent memory: it is bound "
               "to %s%s%s, not to '" HOST_DRIVER "'", driver ? "'" : "",
               driver ?: "another driver", driver ? "'" : "");
    error_append_hint(errp, "As root on the host:\n"
                      "  modprobe " HOST_MODULE "\n"
                      "  echo " HOST_DRIVER
                      " > /sys/bus/pci/devices/%s/driver_override\n"
                      "  echo %s > /sys/bus/pci/devices/%s/driver/unbind\n"
                      "  echo %s > /sys/bus/pci/drivers_probe\n",
                      name, name, name, name);
}

/* A description that cannot be right must not become a mapping. */
static bool check_region(VFIODevice *vbasedev, const char *what,
                         const struct vfio_region_info *info, Error **errp)
{
    const uint32_t needed = VFIO_REGION_INFO_FLAG_READ |
                            VFIO_REGION_INFO_FLAG_WRITE |
                            VFIO_REGION_INFO_FLAG_MMAP;
    uint64_t page = qemu_real_host_page_size();

    if ((info->flags & needed) != needed) {
        error_setg(errp, "the host's %s (region %u) cannot be read, written "
                   "and mapped: its flags are 0x%x, 0x%x are needed", what,
                   info->index, info->flags, needed);
    } else if (!info->size || !QEMU_IS_ALIGNED(info->size, page) ||
               info->size > NVGRACE_REGION_SIZE_MAX) {
        error_setg(errp, "the host's %s (region %u) has 0x%" PRIx64 " bytes, "
                   "not a multiple of the page size 0x%" PRIx64 " from there "
                   "to 0x%" PRIx64, what, info->index, (uint64_t)info->size,
                   page, (uint64_t)NVGRACE_REGION_SIZE_MAX);
    } else {
        trace_vfio_nvgrace_region(vbasedev->name, what, info->index,
                                  info->size);
        return true;
    }
    error_append_hint(errp, "Use " HOST_MODULE " of the same release as this "
                      "QEMU.\n");
    return false;
}

static bool find_regions(VFIONVGrace *dev, Error **errp)
{
    VFIODevice *vbasedev = &VFIO_PCI_DEVICE(dev)->vbasedev;

    vfio_device_get_region_info_type(vbasedev, VFIO_REGION_TYPE_NVGRACE,
                                     VFIO_REGION_SUBTYPE_NVGRACE_USEMEM,
                                     &dev->info_usemem);
    vfio_device_get_region_info_type(vbasedev, VFIO_REGION_TYPE_NVGRACE,
                                     VFIO_REGION_SUBTYPE_NVGRACE_RESMEM,
                                     &dev->info_resmem);
    if (!dev->info_usemem && dev->info_resmem) {
        error_setg(errp, "the host device offers resmem (region %u), but no "
                   "usemem before it", dev->info_resmem->index);
        error_append_hint(errp, "Use " HOST_MODULE " of the same release as "
                          "this QEMU.\n");
        return false;
    }
    if (!dev->info_usemem) {
        report_no_usemem(vbasedev, errp);
        return false;
    }
    return check_region(vbasedev, "usemem", dev->info_usemem, errp) &&
           (!dev->info_resmem ||
            check_region(vbasedev, "resmem", dev->info_resmem, errp));
}

static bool map_region(VFIODevice *vbasedev, const char *what,
                       const struct vfio_region_info *info, void *at,
                       Error **errp)
{
    if (mmap(at, info->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
             vfio_device_get_region_fd(vbasedev, info->index),
             info->offset) == MAP_FAILED) {
        error_setg_errno(errp, errno, "cannot map 0x%" PRIx64 " bytes of %s "
                         "(region %u)", (uint64_t)info->size, what,
                         info->index);
        return false;
    }
    return true;
}

/*
 * Map both regions into one reservation, so that they are contiguous here as
 * they are in the guest.  The guest address is a multiple of the block size
 * unless the user chose another one.
 */
static bool map_regions(VFIONVGrace *dev, Error **errp)
{
    VFIODevice *vbasedev = &VFIO_PCI_DEVICE(dev)->vbasedev;
    uint64_t addr = dev->memory.addr;
    uint64_t offset = addr == NVGRACE_ADDR_AUTO ? 0 : addr % NVGRACE_BLOCK_SIZE;
    size_t usemem = dev->info_usemem->size;
    size_t size = usemem + (dev->info_resmem ? dev->info_resmem->size : 0);
    size_t slack = 2 * NVGRACE_BLOCK_SIZE;
    char *reserved, *start;

    reserved = mmap(NULL, size + slack, PROT_NONE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (reserved == MAP_FAILED) {
        error_setg_errno(errp, errno, "cannot reserve 0x%zx bytes of address "
                         "space for coherent memory", size + slack);
        return false;
    }
    start = (char *)ROUND_UP((uintptr_t)reserved, NVGRACE_BLOCK_SIZE) + offset;
    if (start != reserved) {
        munmap(reserved, start - reserved);
    }
    munmap(start + size, reserved + slack - start);
    dev->map = start;
    dev->map_size = size;
    trace_vfio_nvgrace_mmap(vbasedev->name, size, addr, start);

    return map_region(vbasedev, "usemem", dev->info_usemem, start, errp) &&
           (!dev->info_resmem ||
            map_region(vbasedev, "resmem", dev->info_resmem, start + usemem,
                       errp));
}

static void init_memory_region(VFIONVGrace *dev, MemoryRegion *mr,
                               const char *name, uint64_t size, void *ptr)
{
    /*
     * As a ram_device, emulated devices could only reach it through a 4 KiB
     * bounce buffer, and virtio-blk fails on requests from a page of memory
     * that the guest onlined.  But a RAM region that VFIO cannot map for DMA is
     * fatal, and iommufd cannot map what is no page of host memory.
     */
    if (VFIO_PCI_DEVICE(dev)->vbasedev.iommufd) {
        memory_region_init_ram_device_ptr(mr, OBJECT(dev), name, size, ptr);
    } else {
        memory_region_init_ram_ptr(mr, OBJECT(dev), name, size, ptr);
    }
}

static void warn_of_limits(VFIODevice *vbasedev)
{
    if (vbasedev->iommufd) {
        warn_report_once("iommufd cannot map coherent GPU memory for DMA: "
                         "devices cannot read or write it, and emulated disks "
                         "fail with buffers in it; without iommufd= they work");
    }
    if (!vfio_nvgrace_kvm_cacheable()) {
        warn_report_once("KVM gives the guest coherent GPU memory as Device "
                         "memory, slow and without unaligned access: that "
                         "takes Linux 6.17 or newer on the host, and a CPU "
                         "with FEAT_S2FWB and CTR_EL0.DIC");
    }
}

static void vfio_nvgrace_realize(PCIDevice *pdev, Error **errp)
{
    ERRP_GUARD();
    VFIONVGrace *dev = VFIO_PCI_NVGRACE(pdev);
    VFIONVGraceClass *klass = VFIO_PCI_NVGRACE_GET_CLASS(dev);
    VFIODevice *vbasedev = &VFIO_PCI_DEVICE(dev)->vbasedev;

    if (!nvgrace_memory_check(&dev->memory, pdev, errp)) {
        return;
    }
    if (vbasedev->no_mmap) {
        error_setg(errp, "x-no-mmap=on leaves no way to coherent memory, which "
                   "exists as a mapping only");
        error_append_hint(errp, "Leave x-no-mmap= out.\n");
        return;
    }

    klass->parent_realize(pdev, errp);
    if (*errp) {
        return;
    }

    if (!find_regions(dev, errp) || !map_regions(dev, errp)) {
        goto exit_parent;
    }
    init_memory_region(dev, &dev->usemem, "usemem", dev->info_usemem->size,
                       dev->map);
    if (dev->info_resmem) {
        init_memory_region(dev, &dev->resmem, "resmem", dev->info_resmem->size,
                           (char *)dev->map + dev->info_usemem->size);
    }
    if (!nvgrace_memory_plug(&dev->memory, pdev, &dev->usemem,
                             dev->info_resmem ? &dev->resmem : NULL, errp)) {
        goto exit_parent;
    }
    warn_of_limits(vbasedev);
    return;

exit_parent:
    /* PCI core does not when realize fails; finalize undoes the mapping. */
    klass->parent_exit(pdev);
    error_prepend(errp, VFIO_MSG_PREFIX, vbasedev->name);
}

static void vfio_nvgrace_exit(PCIDevice *pdev)
{
    VFIONVGrace *dev = VFIO_PCI_NVGRACE(pdev);

    nvgrace_memory_unplug(&dev->memory);
    VFIO_PCI_NVGRACE_GET_CLASS(dev)->parent_exit(pdev);
}

static void vfio_nvgrace_instance_init(Object *obj)
{
    VFIONVGrace *dev = VFIO_PCI_NVGRACE(obj);

    object_initialize_child(obj, "memory", &dev->memory, TYPE_NVGRACE_MEMORY);
}

/* The MemoryRegions are children of the device and gone by now. */
static void vfio_nvgrace_instance_finalize(Object *obj)
{
    VFIONVGrace *dev = VFIO_PCI_NVGRACE(obj);

    if (dev->map) {
        munmap(dev->map, dev->map_size);
    }
}

static const Property vfio_nvgrace_properties[] = {
    DEFINE_NVGRACE_MEMORY_PROPERTIES(VFIONVGrace, memory),
};

static void vfio_nvgrace_class_init(ObjectClass *oc, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);
    PCIDeviceClass *pdc = PCI_DEVICE_CLASS(oc);
    VFIONVGraceClass *klass = VFIO_PCI_NVGRACE_CLASS(oc);

    klass->parent_realize = pdc->realize;
    klass->parent_exit = pdc->exit;
    pdc->realize = vfio_nvgrace_realize;
    pdc->exit = vfio_nvgrace_exit;

    dc->desc = "VFIO-based assignment of an NVIDIA Grace GPU with its "
               "coherent memory";
    dc->hotpluggable = false;
    device_class_set_props(dc, vfio_nvgrace_properties);
    nvgrace_memory_describe(oc);
    ACPI_DEV_AML_IF_CLASS(oc)->build_dev_aml = nvgrace_build_dev_aml;
}

static const TypeInfo vfio_nvgrace_types[] = {
    {
        .name              = TYPE_VFIO_PCI_NVGRACE,
        .parent            = TYPE_VFIO_PCI,
        .instance_size     = sizeof(VFIONVGrace),
        .instance_init     = vfio_nvgrace_instance_init,
        .instance_finalize = vfio_nvgrace_instance_finalize,
        .class_size        = sizeof(VFIONVGraceClass),
        .class_init        = vfio_nvgrace_class_init,
        .interfaces        = (const InterfaceInfo[]) {
            { TYPE_ACPI_DEV_AML_IF },
            { }
        },
    },
};

DEFINE_TYPES(vfio_nvgrace_types)
