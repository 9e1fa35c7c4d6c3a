/*
 * The virt machine's tables without coherent GPU memory
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/arm/virt.h"
#include "hw/arm/virt-nvgrace.h"
#include "system/numa.h"

void virt_nvgrace_build_dsdt(Aml *dsdt, Aml *pci0, VirtMachineState *vms)
{
}

void virt_nvgrace_build_srat(GArray *table)
{
}

int virt_nvgrace_device_memory_node(VirtMachineState *vms)
{
    return MACHINE(vms)->numa_state->num_nodes - 1;
}
