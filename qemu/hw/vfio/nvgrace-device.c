/*
 * -device vfio-pci-nvgrace: a VFIO device that has to have coherent memory
 *
 * A plain vfio-pci device gives the guest such memory when it finds any
 * (nvgrace.c).  This one fails when there is none, and has properties that say
 * where the memory is to be.
 *
 * In: properties.  Out: an nvgrace-memory, not plugged yet.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/module.h"
#include "qapi/error.h"
#include "hw/core/qdev-properties.h"
#include "nvgrace.h"
#include "nvgrace-regions.h"
#include "pci.h"
#include "types.h"

/*
 * Errors that need no look at the host's device: opening and closing it can
 * take long, as the host clears the memory of one user for the next.
 */
static void vfio_nvgrace_device_realize(PCIDevice *pdev, Error **errp)
{
    VFIOPCIDevice *vdev = VFIO_PCI_DEVICE(pdev);

    if (vdev->nvgrace_view == NVGRACE_VFIO_VIEW_OFF) {
        error_setg(errp, "nvgrace-view=off leaves a %s device nothing to do",
                   object_get_typename(OBJECT(pdev)));
        error_append_hint(errp, "Use -device vfio-pci,nvgrace-view=off.\n");
        return;
    }
    if (vfio_nvgrace_check(vdev, errp)) {
        VFIO_NVGRACE_GET_CLASS(pdev)->parent_realize(pdev, errp);
    }
}

void vfio_nvgrace_instance_init(Object *obj)
{
    vfio_nvgrace_memory_new(VFIO_PCI_DEVICE(obj));
}

/* The properties of the device are those of its child: offsets are there. */
static const Property memory_properties[] = {
    DEFINE_NVGRACE_MEMORY_PROPERTIES(VFIONVGraceMemory, parent_obj),
};

static void get_memory_property(Object *obj, Visitor *v, const char *name,
                                void *opaque, Error **errp)
{
    const Property *prop = opaque;

    prop->info->get(OBJECT(VFIO_PCI_DEVICE(obj)->nvgrace), v, name, opaque,
                    errp);
}

static void set_memory_property(Object *obj, Visitor *v, const char *name,
                                void *opaque, Error **errp)
{
    const Property *prop = opaque;

    if (DEVICE(obj)->realized) {
        qdev_prop_set_after_realize(DEVICE(obj), name, errp);
        return;
    }
    prop->info->set(OBJECT(VFIO_PCI_DEVICE(obj)->nvgrace), v, name, opaque,
                    errp);
}

static int get_guest_view(Object *obj, Error **errp)
{
    return VFIO_PCI_DEVICE(obj)->nvgrace_view == NVGRACE_VFIO_VIEW_BAR
           ? NVGRACE_GUEST_VIEW_BAR : NVGRACE_GUEST_VIEW_ACPI;
}

static void set_guest_view(Object *obj, int view, Error **errp)
{
    if (DEVICE(obj)->realized) {
        qdev_prop_set_after_realize(DEVICE(obj), "guest-view", errp);
        return;
    }
    VFIO_PCI_DEVICE(obj)->nvgrace_view = view == NVGRACE_GUEST_VIEW_BAR
                                         ? NVGRACE_VFIO_VIEW_BAR
                                         : NVGRACE_VFIO_VIEW_ACPI;
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

static int get_view(Object *obj, Error **errp)
{
    return VFIO_PCI_DEVICE(obj)->nvgrace_view;
}

static void set_view(Object *obj, int view, Error **errp)
{
    if (DEVICE(obj)->realized) {
        qdev_prop_set_after_realize(DEVICE(obj), "nvgrace-view", errp);
        return;
    }
    VFIO_PCI_DEVICE(obj)->nvgrace_view = view;
}

void vfio_nvgrace_add_property(ObjectClass *oc)
{
    object_class_property_add_enum(oc, "nvgrace-view", "NvgraceVfioView",
                                   &NvgraceVfioView_lookup, get_view, set_view);
    object_class_property_set_description(oc, "nvgrace-view",
        "Coherent memory of an NVIDIA Grace GPU, where the host device offers "
        "it: auto (default), acpi: as on bare metal, bar: as BAR 2 and BAR 4, "
        "off: not at all.  auto is bar for a GPU with reserved memory (Hopper) "
        "and acpi otherwise");
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

    VFIO_NVGRACE_CLASS(oc)->parent_realize = pdc->realize;
    pdc->realize = vfio_nvgrace_device_realize;

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
