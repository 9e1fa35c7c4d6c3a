/*
 * Coherent memory of NVIDIA Grace GPUs on the virt machine
 *
 * The machine's part of plugging one: the device has described it
 * (hw/mem/nvgrace-memory.c), here it gets its NUMA nodes
 * (hw/mem/nvgrace-numa.c) and its place (virt-nvgrace-place.c), and ACPI
 * describes the result (virt-acpi-nvgrace.c).
 *
 * In: an nvgrace-memory that is being realized.  Out: it is mapped, and its
 * nodes and addresses are set.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qapi/error.h"
#include "hw/arm/virt.h"
#include "hw/arm/virt-nvgrace.h"
#include "hw/core/boards.h"
#include "hw/mem/nvgrace-numa.h"
#include "system/address-spaces.h"
#include "virt-nvgrace-place.h"

static bool check_machine(VirtMachineState *vms, Error **errp)
{
    ERRP_GUARD();

    if (!virt_is_acpi_enabled(vms)) {
        error_setg(errp, "coherent GPU memory is described by ACPI, which "
                   "acpi=off switches off");
        error_append_hint(errp, "Use -machine virt,acpi=on.\n");
        return false;
    }
    if (vms->mte) {
        error_setg(errp, "coherent GPU memory has no MTE tags, but the machine "
                   "has mte=on");
        error_append_hint(errp, "Use -machine virt,mte=off.\n");
        return false;
    }
    if (MACHINE(vms)->cgs) {
        error_setg(errp, "coherent GPU memory cannot be private to a "
                   "confidential guest");
        error_append_hint(errp, "Leave confidential-guest-support= out of "
                          "-machine.\n");
        return false;
    }
    if (MACHINE(vms)->kernel_filename && !vms->bootinfo.firmware_loaded) {
        warn_report_once("-kernel without firmware boots by device tree, which "
                         "does not describe coherent GPU memory: the guest "
                         "will not find it; with firmware, such as -bios "
                         "QEMU_EFI.fd, it will");
    }
    return true;
}

static bool place(VirtMachineState *vms, NVGraceMemory *mem, Error **errp)
{
    return (nvgrace_memory_is_mapped(mem)
            ? virt_nvgrace_place(vms, mem, errp)
            : virt_nvgrace_check_bars(vms, mem, errp)) &&
           (mem->egm_node == NVGRACE_EGM_NONE ||
            virt_nvgrace_place_egm(vms, mem, errp));
}

void virt_nvgrace_pre_plug(VirtMachineState *vms, NVGraceMemory *mem,
                           Error **errp)
{
    if (!check_machine(vms, errp) || !nvgrace_numa_add(mem, errp)) {
        return;
    }
    if (!place(vms, mem, errp)) {
        nvgrace_numa_remove();
    }
}

void virt_nvgrace_plug(VirtMachineState *vms, NVGraceMemory *mem)
{
    MemoryRegion *system = get_system_memory();

    if (nvgrace_memory_is_mapped(mem)) {
        memory_region_add_subregion(system, mem->addr, &mem->container);
    }
    if (mem->egm_node != NVGRACE_EGM_NONE) {
        memory_region_add_subregion(system, mem->egm_retired_addr,
                                    &mem->egm_retired);
    }
}

void virt_nvgrace_unplug(VirtMachineState *vms, NVGraceMemory *mem)
{
    MemoryRegion *system = get_system_memory();

    if (mem->egm_node != NVGRACE_EGM_NONE) {
        memory_region_del_subregion(system, &mem->egm_retired);
    }
    if (nvgrace_memory_is_mapped(mem)) {
        memory_region_del_subregion(system, &mem->container);
    }
    nvgrace_numa_remove();
}
