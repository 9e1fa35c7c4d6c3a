/*
 * VFIO device of an NVIDIA Grace GPU, whatever its transport
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VFIO_NVGRACE_H
#define HW_VFIO_NVGRACE_H

#include "hw/acpi/acpi_aml_interface.h"
#include "hw/pci/pci_device.h"
#include "qom/object.h"

/*
 * An interface of the classes, without state: that is in the child "memory",
 * because the instance of a vfio-user device has no known size.
 */
#define TYPE_VFIO_NVGRACE "vfio-nvgrace"
typedef struct VFIONVGraceClass VFIONVGraceClass;
DECLARE_CLASS_CHECKERS(VFIONVGraceClass, VFIO_NVGRACE, TYPE_VFIO_NVGRACE)

struct VFIONVGraceClass {
    InterfaceClass parent_class;

    void (*parent_realize)(PCIDevice *pdev, Error **errp);
    void (*parent_exit)(PCIDevice *pdev);
    PCIConfigWriteFunc *parent_config_write;
    DeviceReset parent_reset;
};

/**
 * vfio_nvgrace_interfaces - the .interfaces of such a type, on top of those of
 * its parent, which derives from TYPE_VFIO_PCI_DEVICE
 */
extern const InterfaceInfo vfio_nvgrace_interfaces[];

/** vfio_nvgrace_instance_init() - the .instance_init of such a type */
void vfio_nvgrace_instance_init(Object *obj);

/** vfio_nvgrace_class_init() - the .class_init of such a type */
void vfio_nvgrace_class_init(ObjectClass *oc, const void *data);

#endif /* HW_VFIO_NVGRACE_H */
