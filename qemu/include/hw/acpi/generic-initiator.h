/*
 * acpi-generic-initiator: a PCI device that the user calls an initiator of a
 * NUMA node
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_ACPI_GENERIC_INITIATOR_H
#define HW_ACPI_GENERIC_INITIATOR_H

#include "qom/object.h"

#define TYPE_ACPI_GENERIC_INITIATOR "acpi-generic-initiator"
OBJECT_DECLARE_SIMPLE_TYPE(AcpiGenericInitiator, ACPI_GENERIC_INITIATOR)

/**
 * struct AcpiGenericInitiator - the object
 * @pci_dev: id or QOM path of the device, which need not exist yet
 * @node:    the node; beyond the machine's last one until that is declared
 * @described: the SRAT has this from whoever realized the device
 */
struct AcpiGenericInitiator {
    Object parent;

    char *pci_dev;
    uint32_t node;
    bool described;
};

#endif /* HW_ACPI_GENERIC_INITIATOR_H */
