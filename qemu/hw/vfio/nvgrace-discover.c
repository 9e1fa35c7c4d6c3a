/*
 * Finding the regions of an NVIDIA Grace GPU's coherent memory
 *
 * The host driver nvgrace-region-vfio-pci, or a vfio-user server in its place,
 * exposes the memory as one or two device-specific regions:
 *
 *     usemem   Normal cacheable; what the guest onlines
 *     resmem   Normal-NC; kept back for MIG on Hopper, absent later
 *
 * Whatever describes them may be of another version, or wrong: nothing of it
 * is believed before it was checked.
 *
 * In: a VFIODevice, its io_ops.  Out: the descriptions of the two regions.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/vfio_nvgrace.h>

#include "qemu/units.h"
#include "qapi/error.h"
#include "hw/vfio/vfio-nvgrace.h"
#include "nvgrace-regions.h"
#include "trace.h"

#define HOST_MODULE VFIO_NVGRACE_HOST_MODULE
#define HOST_DRIVER VFIO_NVGRACE_HOST_DRIVER

/* No GPU has as much: a larger size is a mistake of the kernel or firmware. */
#define NVGRACE_REGION_SIZE_MAX (1 * TiB)

static void report_no_usemem(VFIODevice *vbasedev, Error **errp)
{
    g_autofree char *driver = vbasedev->sysfsdev ?
        vfio_nvgrace_host_driver(vbasedev->sysfsdev) : NULL;
    /* A file that was opened by somebody else has no address. */
    const char *name = vbasedev->sysfsdev ? vbasedev->name : "ADDRESS";

    if (vbasedev->proxy) {
        error_setg(errp, "the vfio-user server offers no coherent memory: none "
                   "of its %u regions has type 0x%x and subtype 0x%x",
                   vbasedev->num_initial_regions, VFIO_REGION_TYPE_NVGRACE,
                   VFIO_REGION_SUBTYPE_NVGRACE_USEMEM);
        error_append_hint(errp, "For a device without such memory use "
                          "vfio-user-pci.\n");
        return;
    }
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
                      " > /sys/bus/pci/devices/%s/driver_override\n", name);
    /* Where no driver is bound, there is no such file. */
    if (driver || !vbasedev->sysfsdev) {
        error_append_hint(errp, "  echo %s > /sys/bus/pci/devices/%s/driver/"
                          "unbind\n", name, name);
    }
    error_append_hint(errp, "  echo %s > /sys/bus/pci/drivers_probe\n", name);
}

void vfio_nvgrace_hint_at_provider(VFIODevice *vbasedev, Error **errp)
{
    error_append_hint(errp, vbasedev->proxy ?
                      "This is a mistake of the vfio-user server.\n" :
                      "Use " HOST_MODULE " of the same release as this "
                      "QEMU.\n");
}

/*
 * What type is the region of?  All zeroes if its description does not say.
 *
 * The chain is followed here because vfio_get_region_info_cap() believes it:
 * each capability has the offset of the next one, from the start of @info, and
 * may have it beyond the end or in a circle.
 */
static bool read_type(const struct vfio_region_info *info,
                      struct vfio_region_info_cap_type *type, Error **errp)
{
    uint32_t most = info->argsz / sizeof(struct vfio_info_cap_header);
    uint32_t at = info->cap_offset;

    memset(type, 0, sizeof(*type));
    if (!(info->flags & VFIO_REGION_INFO_FLAG_CAPS)) {
        return true;
    }
    for (uint32_t n = 0; at; n++) {
        struct vfio_info_cap_header header;

        if (n == most) {
            error_setg(errp, "the capabilities of the host's region %u are "
                       "chained in a circle: more than %u in %u bytes",
                       info->index, most, info->argsz);
            return false;
        }
        if (at < sizeof(*info) || at > info->argsz ||
            info->argsz - at < sizeof(header)) {
            goto beyond;
        }
        memcpy(&header, (const char *)info + at, sizeof(header));
        if (header.id == VFIO_REGION_INFO_CAP_TYPE) {
            if (info->argsz - at < sizeof(*type)) {
                goto beyond;
            }
            memcpy(type, (const char *)info + at, sizeof(*type));
            return true;
        }
        at = header.next;
    }
    return true;

beyond:
    error_setg(errp, "the host's region %u has a capability at offset %u, not "
               "between %zu and %u, where its description ends", info->index,
               at, sizeof(*info), info->argsz);
    return false;
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
    return false;
}

static bool take_region(VFIODevice *vbasedev, const char *what,
                        struct vfio_region_info *info,
                        struct vfio_region_info **taken, Error **errp)
{
    if (*taken) {
        error_setg(errp, "the host has two regions of %s, %u and %u", what,
                   (*taken)->index, info->index);
        return false;
    }
    *taken = info;
    return check_region(vbasedev, what, info, errp);
}

/* Device-specific regions are behind those that every PCI device has. */
static bool look_at_regions(VFIONVGraceMemory *mem, VFIODevice *vbasedev,
                            Error **errp)
{
    for (unsigned int i = VFIO_PCI_NUM_REGIONS;
         i < vbasedev->num_initial_regions; i++) {
        struct vfio_region_info_cap_type type;
        struct vfio_region_info *info;
        int ret = vfio_device_get_region_info(vbasedev, i, &info);

        if (ret) {
            error_setg_errno(errp, -ret, "the host does not describe its "
                             "region %u of %u", i,
                             vbasedev->num_initial_regions);
            return false;
        }
        if (!read_type(info, &type, errp)) {
            return false;
        }
        if (type.type != VFIO_REGION_TYPE_NVGRACE) {
            continue;
        }
        switch (type.subtype) {
        case VFIO_REGION_SUBTYPE_NVGRACE_USEMEM:
            if (!take_region(vbasedev, "usemem", info, &mem->info_usemem,
                             errp)) {
                return false;
            }
            break;
        case VFIO_REGION_SUBTYPE_NVGRACE_RESMEM:
            if (!take_region(vbasedev, "resmem", info, &mem->info_resmem,
                             errp)) {
                return false;
            }
            break;
        default:
            break;
        }
    }
    return true;
}

bool vfio_nvgrace_memory_offered(VFIODevice *vbasedev)
{
    for (unsigned int i = VFIO_PCI_NUM_REGIONS;
         i < vbasedev->num_initial_regions; i++) {
        struct vfio_region_info_cap_type type;
        struct vfio_region_info *info;

        if (!vfio_device_get_region_info(vbasedev, i, &info) &&
            read_type(info, &type, NULL) &&
            type.type == VFIO_REGION_TYPE_NVGRACE &&
            (type.subtype == VFIO_REGION_SUBTYPE_NVGRACE_USEMEM ||
             type.subtype == VFIO_REGION_SUBTYPE_NVGRACE_RESMEM)) {
            return true;
        }
    }
    return false;
}

bool vfio_nvgrace_memory_find(VFIONVGraceMemory *mem, VFIODevice *vbasedev,
                              Error **errp)
{
    ERRP_GUARD();

    if (!look_at_regions(mem, vbasedev, errp)) {
        vfio_nvgrace_hint_at_provider(vbasedev, errp);
        return false;
    }
    if (!mem->info_usemem && mem->info_resmem) {
        error_setg(errp, "the host device offers resmem (region %u), but no "
                   "usemem before it", mem->info_resmem->index);
        vfio_nvgrace_hint_at_provider(vbasedev, errp);
        return false;
    }
    if (!mem->info_usemem) {
        report_no_usemem(vbasedev, errp);
        return false;
    }
    return true;
}
