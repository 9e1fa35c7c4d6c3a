/*
 * vfio-user device of an NVIDIA Grace GPU with coherent memory
 *
 * The same device as nvgrace.c has, on the transport of vfio-user-pci: a server
 * process provides the GPU and offers its memory as regions with file
 * descriptors.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/module.h"
#include "nvgrace.h"

static const TypeInfo vfio_user_nvgrace_types[] = {
    {
        .name          = "vfio-user-pci-nvgrace",
        .parent        = "vfio-user-pci",
        .instance_init = vfio_nvgrace_instance_init,
        .class_init    = vfio_nvgrace_class_init,
        .class_data    = "VFIO over socket assignment of an NVIDIA Grace GPU "
                         "with its coherent memory",
        .interfaces    = vfio_nvgrace_interfaces,
    },
};

DEFINE_TYPES(vfio_user_nvgrace_types)
