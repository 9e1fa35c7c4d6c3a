/*
 * VFIO device of an NVIDIA Grace GPU with coherent memory
 *
 * The GPU of a Grace Hopper or Grace Blackwell superchip is a PCI function with
 * ordinary BARs, and memory that the CPU reaches over a cache-coherent link.
 * That memory is no BAR on bare metal: firmware describes it in ACPI and the OS
 * onlines it as a NUMA node.  The host driver nvgrace-region-vfio-pci therefore
 * exposes it as what it is, device-specific regions, and this device gives it
 * to the guest in the same way: outside of every PCI window, described in ACPI.
 * All the rest of the device is vfio-pci's, or vfio-user-pci's
 * (nvgrace-user.c).
 *
 * In: properties.  Out: a child "memory" (nvgrace-regions.c) that is plugged.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/module.h"
#include "qapi/error.h"
#include "hw/core/qdev-properties.h"
#include "nvgrace.h"
#include "nvgrace-dmabuf.h"
#include "nvgrace-hide.h"
#include "nvgrace-regions.h"
#include "pci.h"
#include "types.h"

static VFIONVGraceMemory *memory_of(Object *obj)
{
    return VFIO_NVGRACE_MEMORY(object_resolve_path_component(obj, "memory"));
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
    if (vfio_nvgrace_dmabufs(memory_of(OBJECT(pdev))) &&
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
    VFIONVGraceClass *klass = VFIO_NVGRACE_GET_CLASS(pdev);
    VFIONVGraceMemory *mem = memory_of(OBJECT(pdev));
    uint32_t host = for_host(pdev, addr, val, len);

    if (host == val) {
        klass->parent_config_write(pdev, addr, val, len);
    } else {
        /* Nobody sees BARs that the guest has not enabled, if for a moment. */
        memory_region_transaction_begin();
        klass->parent_config_write(pdev, addr, host, len);
        pci_default_write_config(pdev, addr, val, len);
        memory_region_transaction_commit();
    }

    if (vfio_nvgrace_dmabufs(mem) && resets(pdev, addr, val, len)) {
        vfio_nvgrace_dmabufs_restore(mem, &VFIO_PCI_DEVICE(pdev)->vbasedev);
    }
}

/* What for_host() keeps back, the guest reads as it has written it. */
static void emulate_config(PCIDevice *pdev)
{
    uint8_t *emulated = VFIO_PCI_DEVICE(pdev)->emulated_config_bits;

    if (pdev->pm_cap) {
        pci_word_test_and_set_mask(emulated + pdev->pm_cap + PCI_PM_CTRL,
                                   PCI_PM_CTRL_STATE_MASK);
    }
    if (vfio_nvgrace_dmabufs(memory_of(OBJECT(pdev)))) {
        pci_word_test_and_set_mask(emulated + PCI_COMMAND, PCI_COMMAND_MEMORY);
    }
}

static void vfio_nvgrace_reset(DeviceState *dev)
{
    VFIONVGraceMemory *mem = memory_of(OBJECT(dev));

    VFIO_NVGRACE_GET_CLASS(dev)->parent_reset(dev);
    if (vfio_nvgrace_dmabufs(mem)) {
        vfio_nvgrace_dmabufs_restore(mem, &VFIO_PCI_DEVICE(dev)->vbasedev);
    }
}

static void vfio_nvgrace_realize(PCIDevice *pdev, Error **errp)
{
    ERRP_GUARD();
    VFIONVGraceClass *klass = VFIO_NVGRACE_GET_CLASS(pdev);
    VFIONVGraceMemory *mem = memory_of(OBJECT(pdev));
    VFIOPCIDevice *vdev = VFIO_PCI_DEVICE(pdev);
    VFIODevice *vbasedev = &vdev->vbasedev;

    if (!nvgrace_memory_check(NVGRACE_MEMORY(mem), pdev, errp)) {
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
    if (!vfio_nvgrace_memory_find(mem, vbasedev, errp) ||
        !hide_bars(mem, vdev, errp) ||
        !vfio_nvgrace_memory_plug(mem, pdev, vbasedev, errp)) {
        /* PCI core does not when realize fails. */
        klass->parent_exit(pdev);
        error_prepend(errp, VFIO_MSG_PREFIX, vbasedev->name);
        return;
    }
    emulate_config(pdev);
}

static void vfio_nvgrace_exit(PCIDevice *pdev)
{
    nvgrace_memory_unplug(NVGRACE_MEMORY(memory_of(OBJECT(pdev))));
    VFIO_NVGRACE_GET_CLASS(pdev)->parent_exit(pdev);
}

void vfio_nvgrace_instance_init(Object *obj)
{
    Object *mem = object_new(TYPE_VFIO_NVGRACE_MEMORY);

    object_property_add_child(obj, "memory", mem);
    object_unref(mem);
}

/* The properties of the device are those of its child: offsets are there. */
static const Property memory_properties[] = {
    DEFINE_NVGRACE_MEMORY_PROPERTIES(VFIONVGraceMemory, parent_obj),
};

static void get_memory_property(Object *obj, Visitor *v, const char *name,
                                void *opaque, Error **errp)
{
    const Property *prop = opaque;

    prop->info->get(OBJECT(memory_of(obj)), v, name, opaque, errp);
}

static void set_memory_property(Object *obj, Visitor *v, const char *name,
                                void *opaque, Error **errp)
{
    const Property *prop = opaque;

    if (DEVICE(obj)->realized) {
        qdev_prop_set_after_realize(DEVICE(obj), name, errp);
        return;
    }
    prop->info->set(OBJECT(memory_of(obj)), v, name, opaque, errp);
}

static int get_guest_view(Object *obj, Error **errp)
{
    return NVGRACE_MEMORY(memory_of(obj))->view;
}

static void set_guest_view(Object *obj, int view, Error **errp)
{
    if (DEVICE(obj)->realized) {
        qdev_prop_set_after_realize(DEVICE(obj), "guest-view", errp);
        return;
    }
    NVGRACE_MEMORY(memory_of(obj))->view = view;
}

static void add_memory_properties(ObjectClass *oc)
{
    for (int i = 0; i < ARRAY_SIZE(memory_properties); i++) {
        const Property *prop = &memory_properties[i];

        object_class_property_add(oc, prop->name, prop->info->type,
                                  get_memory_property, set_memory_property,
                                  NULL, (void *)prop);
    }
    object_class_property_add_enum(oc, "guest-view", "NvgraceGuestView",
                                   &NvgraceGuestView_lookup, get_guest_view,
                                   set_guest_view);
    object_class_property_set_description(oc, "guest-view",
        "acpi (default): the coherent memory is as on bare metal; bar: it is "
        "BAR 2 and BAR 4, for guest drivers that look there");
    nvgrace_memory_class_init(oc);
}

const InterfaceInfo vfio_nvgrace_interfaces[] = {
    { TYPE_VFIO_NVGRACE },
    { TYPE_ACPI_DEV_AML_IF },
    { }
};

void vfio_nvgrace_class_init(ObjectClass *oc, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);
    PCIDeviceClass *pdc = PCI_DEVICE_CLASS(oc);
    VFIONVGraceClass *klass = VFIO_NVGRACE_CLASS(oc);

    klass->parent_realize = pdc->realize;
    klass->parent_exit = pdc->exit;
    klass->parent_config_write = pdc->config_write;
    klass->parent_reset = dc->legacy_reset;
    pdc->realize = vfio_nvgrace_realize;
    pdc->exit = vfio_nvgrace_exit;
    pdc->config_write = vfio_nvgrace_write_config;
    device_class_set_legacy_reset(dc, vfio_nvgrace_reset);

    dc->desc = data;
    dc->hotpluggable = false;
    dc->hotplug_hint = NVGRACE_HOTPLUG_HINT;
    add_memory_properties(oc);
}

static const TypeInfo vfio_nvgrace_types[] = {
    {
        .name          = TYPE_VFIO_NVGRACE,
        .parent        = TYPE_INTERFACE,
        .class_size    = sizeof(VFIONVGraceClass),
    }, {
        .name          = "vfio-pci-nvgrace",
        .parent        = TYPE_VFIO_PCI,
        .instance_init = vfio_nvgrace_instance_init,
        .class_init    = vfio_nvgrace_class_init,
        .class_data    = "VFIO-based assignment of an NVIDIA Grace GPU with "
                         "its coherent memory",
        .interfaces    = vfio_nvgrace_interfaces,
    },
};

DEFINE_TYPES(vfio_nvgrace_types)
