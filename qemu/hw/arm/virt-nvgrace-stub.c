/*
 * Machines without coherent GPU memory
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/arm/virt-nvgrace.h"
#include "hw/core/boards.h"
#include "hw/mem/nvgrace-numa.h"
#include "qapi/qapi-commands-nvgrace.h"
#include "system/numa.h"

hwaddr virt_nvgrace_reserve(VirtMachineState *vms, hwaddr base, int pa_bits)
{
    return base;
}

void virt_nvgrace_pre_plug(VirtMachineState *vms, NVGraceMemory *mem,
                           Error **errp)
{
    g_assert_not_reached();
}

void virt_nvgrace_plug(VirtMachineState *vms, NVGraceMemory *mem)
{
    g_assert_not_reached();
}

void virt_nvgrace_unplug(VirtMachineState *vms, NVGraceMemory *mem)
{
    g_assert_not_reached();
}

void virt_nvgrace_build_dsdt(Aml *dsdt, Aml *pci0, VirtMachineState *vms)
{
}

void virt_nvgrace_build_srat(GArray *table)
{
}

bool virt_nvgrace_canwbs(void)
{
    return false;
}

int nvgrace_numa_last_node(void)
{
    return MACHINE(qdev_get_machine())->numa_state->num_nodes - 1;
}

NvgraceGpuInfoList *qmp_query_nvgrace_gpus(Error **errp)
{
    return NULL;
}
