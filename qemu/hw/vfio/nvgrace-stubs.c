/*
 * VFIO devices where none is an NVIDIA Grace GPU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/vfio/vfio-nvgrace.h"
#include "pci.h"

bool vfio_nvgrace_may_have_memory(const char *driver, const QDict *opts,
                                  bool *acpi, bool *bar)
{
    *acpi = *bar = false;
    return false;
}

bool vfio_nvgrace_realize(VFIOPCIDevice *vdev, Error **errp)
{
    return true;
}

void vfio_nvgrace_exit(VFIOPCIDevice *vdev)
{
}

void vfio_nvgrace_add_property(ObjectClass *oc)
{
}
