/*
 * VFIO device of an NVIDIA Grace GPU with coherent memory
 *
 * The GPU of a Grace Hopper or Grace Blackwell superchip is a PCI function with
 * ordinary BARs, and memory that the CPU reaches over a cache-coherent link.
 * That memory is no BAR on bare metal: firmware describes it in ACPI and the OS
 * onlines it as a NUMA node.  The host driver nvgrace-region-vfio-pci therefore
 * exposes it as what it is, device-specific regions, and this gives it to the
 * guest in the same way: outside of every PCI window, described in ACPI; or as
 * BARs, where the guest's drivers look for them.  All the rest of the device is
 * vfio-pci's, or vfio-user-pci's.
 *
 * Those call vfio_nvgrace_realize() and vfio_nvgrace_exit() for each of their
 * devices.  One without such regions stays as it is.
 *
 * In: a VFIOPCIDevice that is just being realized.  Out: its memory
 * (nvgrace-regions.c), plugged.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qemu/error-report.h"
#include "qapi/error.h"
#include "nvgrace.h"
#include "nvgrace-dmabuf.h"
#include "nvgrace-hide.h"
#include "nvgrace-regions.h"
#include "hw/vfio/vfio-nvgrace.h"
#include "pci.h"

VFIONVGraceMemory *vfio_nvgrace_memory_new(VFIOPCIDevice *vdev)
{
    Object *mem = object_new(TYPE_VFIO_NVGRACE_MEMORY);

    object_property_add_child(OBJECT(vdev), "memory", mem);
    object_unref(mem);
    vdev->nvgrace = VFIO_NVGRACE_MEMORY(mem);
    return vdev->nvgrace;
}

/* Is it of a class that exists for such memory? */
static bool insists(VFIOPCIDevice *vdev)
{
    return object_dynamic_cast(OBJECT(vdev), TYPE_VFIO_NVGRACE);
}

/*
 * BAR 2/3 is what NVIDIA calls BAR1.  It exists on Hopper, too, which has the
 * resmem, but is not used there: the CPU reaches all memory by the link.  No
 * GPU has anything in BAR 4/5; if one had, usemem would have to take its place.
 */
static bool hide_bars(VFIONVGraceMemory *mem, VFIOPCIDevice *vdev, Error **errp)
{
    bool bars = NVGRACE_MEMORY(mem)->view == NVGRACE_GUEST_VIEW_BAR;

    return (!mem->info_resmem ||
            vfio_nvgrace_hide_bar(vdev, NVGRACE_BAR_RESMEM, errp)) &&
           (!bars || vfio_nvgrace_hide_bar(vdev, NVGRACE_BAR_USEMEM, errp));
}

/*
 * What of a write to config space the host does not get, though the guest sees
 * it as done:
 *
 * The GPU stays in D0.  In D3hot the host's driver lets nobody reach the
 * memory, which is RAM to the guest: a vCPU that touches it would end QEMU, and
 * so would a listener that has to map it for DMA, as for a guest's IOMMU
 * whenever that is bypassed.
 *
 * The GPU decodes memory if it has dma-bufs, which vfio-pci revokes otherwise.
 * The memory is behind no BAR, and BARs are out of the guest's reach by QEMU's
 * doing.
 */
static uint32_t for_host(PCIDevice *pdev, uint32_t addr, uint32_t val, int len)
{
    uint32_t pmcsr = pdev->pm_cap + PCI_PM_CTRL;

    if (pdev->pm_cap && range_covers_byte(addr, len, pmcsr)) {
        val &= ~(PCI_PM_CTRL_STATE_MASK << (pmcsr - addr) * 8);
    }
    if (vfio_nvgrace_dmabufs(VFIO_PCI_DEVICE(pdev)->nvgrace) &&
        range_covers_byte(addr, len, PCI_COMMAND)) {
        val |= PCI_COMMAND_MEMORY << (PCI_COMMAND - addr) * 8;
    }
    return val;
}

/* Of the byte at @at: is it written, with any of these bits set? */
static bool sets(uint32_t addr, uint32_t val, int len, uint32_t at,
                 uint8_t bits)
{
    return range_covers_byte(addr, len, at) && val >> (at - addr) * 8 & bits;
}

static bool resets(PCIDevice *pdev, uint32_t addr, uint32_t val, int len)
{
    uint8_t af = pci_find_capability(pdev, PCI_CAP_ID_AF);
    uint8_t exp = pdev->exp.exp_cap;

    return (exp && sets(addr, val, len, exp + PCI_EXP_DEVCTL + 1,
                        PCI_EXP_DEVCTL_BCR_FLR >> 8)) ||
           (af && sets(addr, val, len, af + PCI_AF_CTRL, PCI_AF_CTRL_FLR));
}

static void vfio_nvgrace_write_config(PCIDevice *pdev, uint32_t addr,
                                      uint32_t val, int len)
{
    VFIOPCIDevice *vdev = VFIO_PCI_DEVICE(pdev);
    uint32_t host = for_host(pdev, addr, val, len);

    if (host == val) {
        vfio_pci_write_config(pdev, addr, val, len);
    } else {
        /* Nobody sees BARs that the guest has not enabled, if for a moment. */
        memory_region_transaction_begin();
        vfio_pci_write_config(pdev, addr, host, len);
        pci_default_write_config(pdev, addr, val, len);
        memory_region_transaction_commit();
    }

    if (vfio_nvgrace_dmabufs(vdev->nvgrace) && resets(pdev, addr, val, len)) {
        vfio_nvgrace_dmabufs_restore(vdev->nvgrace, &vdev->vbasedev);
    }
}

static void vfio_nvgrace_reset(VFIOPCIDevice *vdev, VFIOQuirk *quirk)
{
    vfio_nvgrace_dmabufs_restore(vdev->nvgrace, &vdev->vbasedev);
}

/* What for_host() keeps back, the guest reads as it has written it. */
static void take_over(VFIOPCIDevice *vdev)
{
    PCIDevice *pdev = PCI_DEVICE(vdev);
    uint8_t *emulated = vdev->emulated_config_bits;

    pdev->config_write = vfio_nvgrace_write_config;
    if (pdev->pm_cap) {
        pci_word_test_and_set_mask(emulated + pdev->pm_cap + PCI_PM_CTRL,
                                   PCI_PM_CTRL_STATE_MASK);
    }
    if (vfio_nvgrace_dmabufs(vdev->nvgrace)) {
        /* of no BAR's, but they are reset all together */
        VFIOQuirk *quirk = vfio_quirk_alloc(0);

        quirk->reset = vfio_nvgrace_reset;
        QLIST_INSERT_HEAD(&vdev->bars[0].quirks, quirk, next);
        pci_word_test_and_set_mask(emulated + PCI_COMMAND, PCI_COMMAND_MEMORY);
    }
}

/* For classes that are hotpluggable without such memory. */
static void block_unplug(VFIOPCIDevice *vdev)
{
    DeviceState *dev = DEVICE(vdev);

    if (DEVICE_GET_CLASS(dev)->hotpluggable) {
        error_setg(&vdev->nvgrace->unplug_blocker, "GPU '%s' cannot be "
                   "unplugged" NVGRACE_HOTPLUG_HINT,
                   dev->id ?: vdev->vbasedev.name);
        qdev_add_unplug_blocker(dev, vdev->nvgrace->unplug_blocker);
    }
}

static void unblock_unplug(VFIOPCIDevice *vdev)
{
    if (vdev->nvgrace->unplug_blocker) {
        qdev_del_unplug_blocker(DEVICE(vdev), vdev->nvgrace->unplug_blocker);
        error_free(vdev->nvgrace->unplug_blocker);
        vdev->nvgrace->unplug_blocker = NULL;
    }
}

bool vfio_nvgrace_check(VFIOPCIDevice *vdev, Error **errp)
{
    ERRP_GUARD();

    if (!nvgrace_memory_check(NVGRACE_MEMORY(vdev->nvgrace), PCI_DEVICE(vdev),
                              errp)) {
        return false;
    }
    if (vdev->vbasedev.no_mmap) {
        error_setg(errp, "x-no-mmap=on leaves no way to coherent memory, which "
                   "exists as a mapping only");
        error_append_hint(errp, "Leave x-no-mmap= out.\n");
        return false;
    }
    return true;
}

/* What the drivers of its guests know, unless the user has chosen. */
static NvgraceGuestView view_of(VFIOPCIDevice *vdev)
{
    switch (vdev->nvgrace_view) {
    case NVGRACE_VFIO_VIEW_ACPI:
        return NVGRACE_GUEST_VIEW_ACPI;
    case NVGRACE_VFIO_VIEW_BAR:
        return NVGRACE_GUEST_VIEW_BAR;
    default:
        return vdev->nvgrace->info_resmem && !insists(vdev)
               ? NVGRACE_GUEST_VIEW_BAR : NVGRACE_GUEST_VIEW_ACPI;
    }
}

static bool attach(VFIOPCIDevice *vdev, Error **errp)
{
    VFIONVGraceMemory *mem = vdev->nvgrace;
    VFIODevice *vbasedev = &vdev->vbasedev;

    if (!vfio_nvgrace_memory_find(mem, vbasedev, errp)) {
        return false;
    }
    NVGRACE_MEMORY(mem)->view = view_of(vdev);
    if (!hide_bars(mem, vdev, errp) ||
        !vfio_nvgrace_memory_plug(mem, PCI_DEVICE(vdev), vbasedev, errp)) {
        return false;
    }
    take_over(vdev);
    block_unplug(vdev);
    return true;
}

static void report(VFIOPCIDevice *vdev)
{
    const NVGraceMemory *mem = NVGRACE_MEMORY(vdev->nvgrace);
    g_autofree char *usemem = size_to_str(mem->usemem_size);
    g_autofree char *resmem = size_to_str(mem->resmem_size);
    g_autofree char *place = NULL;

    if (mem->view == NVGRACE_GUEST_VIEW_ACPI) {
        place = g_strdup_printf("at 0x%" PRIx64 ", described by ACPI",
                                mem->addr);
    } else {
        place = g_strdup_printf("in BAR %d%s", NVGRACE_BAR_USEMEM,
                                mem->resmem ? " and 2" : "");
    }
    info_report(VFIO_MSG_PREFIX "coherent memory of a Grace GPU: %s%s%s %s, "
                "NUMA nodes %" PRIu32 " to %" PRIu32 "; nvgrace-view= chooses",
                vdev->vbasedev.name, usemem, mem->resmem ? " and " : "",
                mem->resmem ? resmem : "", place, mem->pxm_start,
                mem->pxm_start + mem->pxm_count - 1);
}

/* A device on which nobody has said that it has such memory */
static bool attach_found(VFIOPCIDevice *vdev, Error **errp)
{
    ERRP_GUARD();

    if (vdev->nvgrace_view == NVGRACE_VFIO_VIEW_OFF) {
        info_report(VFIO_MSG_PREFIX "nvgrace-view=off keeps the coherent "
                    "memory of a Grace GPU from the guest",
                    vdev->vbasedev.name);
        return true;
    }

    vfio_nvgrace_memory_new(vdev);
    if (DEVICE(vdev)->hotplugged) {
        error_setg(errp, "this Grace GPU cannot be hotplugged"
                   NVGRACE_HOTPLUG_HINT);
    } else if (vfio_nvgrace_check(vdev, errp) && attach(vdev, errp)) {
        report(vdev);
        return true;
    }
    error_append_hint(errp, "With nvgrace-view=off the guest gets the GPU "
                      "without that memory.  A property that %s does not have "
                      "is one of vfio-pci-nvgrace, which has all others, "
                      "too.\n", object_get_typename(OBJECT(vdev)));
    return false;
}

/* GPUs that have such memory: the same as in the host driver's table. */
static bool is_grace_gpu(VFIOPCIDevice *vdev)
{
    switch (vdev->device_id) {
    case 0x2342: /* GH200 120GB */
    case 0x2345: /* GH200 480GB */
    case 0x2348: /* GH200 */
    case 0x2941: /* GB200 */
    case 0x31c2: /* GB300 */
        return true;
    default:
        return false;
    }
}

/*
 * Nothing else would tell: such a guest boots.  A driver other than vfio-pci
 * may have the memory in a way of its own.
 */
static void warn_of_loss(VFIOPCIDevice *vdev)
{
    VFIODevice *vbasedev = &vdev->vbasedev;
    g_autofree char *driver = NULL;

    if (vdev->nvgrace_view == NVGRACE_VFIO_VIEW_OFF || !is_grace_gpu(vdev)) {
        return;
    }
    driver = vfio_nvgrace_device_driver(vbasedev->sysfsdev, vbasedev->fd);
    if (g_strcmp0(driver, "vfio-pci")) {
        return;
    }
    warn_report(VFIO_MSG_PREFIX "this Grace GPU is bound to 'vfio-pci', so "
                "the guest does not get its coherent memory. Bind it to '"
                VFIO_NVGRACE_HOST_DRIVER "' (in libvirt: <driver name='vfio' "
                "model='" VFIO_NVGRACE_HOST_DRIVER "'/>), or have it so by "
                "nvgrace-view=off.", vbasedev->name);
}

bool vfio_nvgrace_realize(VFIOPCIDevice *vdev, Error **errp)
{
    if (insists(vdev)) {
        return attach(vdev, errp);
    }
    /* No call to a device that cannot be one, whatever regions it has. */
    if (vdev->vendor_id != PCI_VENDOR_ID_NVIDIA) {
        return true;
    }
    if (!vfio_nvgrace_memory_offered(&vdev->vbasedev)) {
        warn_of_loss(vdev);
        return true;
    }
    return attach_found(vdev, errp);
}

void vfio_nvgrace_exit(VFIOPCIDevice *vdev)
{
    if (!vdev->nvgrace) {
        return;
    }
    unblock_unplug(vdev);
    PCI_DEVICE(vdev)->config_write = vfio_pci_write_config;
    nvgrace_memory_unplug(NVGRACE_MEMORY(vdev->nvgrace));
}
