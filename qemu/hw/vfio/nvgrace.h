/*
 * VFIO device of an NVIDIA Grace GPU, whatever its transport
 *
 * What pci.c and hw/vfio-user/pci.c call is in pci.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VFIO_NVGRACE_H
#define HW_VFIO_NVGRACE_H

#include "hw/acpi/acpi_aml_interface.h"
#include "hw/pci/pci_device.h"
#include "nvgrace-regions.h"
#include "pci.h"
#include "qom/object.h"

/* An interface of the classes that have to have such memory */
#define TYPE_VFIO_NVGRACE "vfio-nvgrace"
typedef struct VFIONVGraceClass VFIONVGraceClass;
DECLARE_CLASS_CHECKERS(VFIONVGraceClass, VFIO_NVGRACE, TYPE_VFIO_NVGRACE)

struct VFIONVGraceClass {
    InterfaceClass parent_class;

    void (*parent_realize)(PCIDevice *pdev, Error **errp);
};

/**
 * vfio_nvgrace_memory_new() - let a device have an nvgrace-memory
 * @vdev: the device, which has none
 *
 * Returns: the memory, a child of the device, which ends with it; so is what it
 * had when it was not plugged.
 */
VFIONVGraceMemory *vfio_nvgrace_memory_new(VFIOPCIDevice *vdev);

/**
 * vfio_nvgrace_check() - can this device have coherent memory at all?
 * @vdev: the device, with an nvgrace-memory; the host's device need not be open
 * @errp: what is wrong and what to type instead
 *
 * Returns: true if machine, place and options allow it.
 */
bool vfio_nvgrace_check(VFIOPCIDevice *vdev, Error **errp);

/**
 * vfio_nvgrace_interfaces - the .interfaces of a type that has to have such
 * memory, on top of those of its parent, which derives from
 * TYPE_VFIO_PCI_DEVICE
 */
extern const InterfaceInfo vfio_nvgrace_interfaces[];

/** vfio_nvgrace_instance_init() - the .instance_init of such a type */
void vfio_nvgrace_instance_init(Object *obj);

/** vfio_nvgrace_class_init() - the .class_init of such a type */
void vfio_nvgrace_class_init(ObjectClass *oc, const void *data);

#endif /* HW_VFIO_NVGRACE_H */
