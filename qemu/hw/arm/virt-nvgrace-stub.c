/*
 * Machines without coherent GPU memory
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/arm/virt-nvgrace.h"
#include "hw/core/boards.h"
#include "qapi/qapi-commands-nvgrace.h"
#include "system/numa.h"

void virt_nvgrace_build_dsdt(Aml *dsdt, Aml *pci0, VirtMachineState *vms)
{
}

void virt_nvgrace_build_srat(GArray *table)
{
}

int nvgrace_numa_last_node(void)
{
    return MACHINE(qdev_get_machine())->numa_state->num_nodes - 1;
}

NvgraceGpuInfoList *qmp_query_nvgrace_gpus(Error **errp)
{
    return NULL;
}
