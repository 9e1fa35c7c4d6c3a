/*
 * Coherent memory of NVIDIA Grace GPUs on the virt machine
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_ARM_VIRT_NVGRACE_H
#define HW_ARM_VIRT_NVGRACE_H

#include "hw/acpi/aml-build.h"
#include "hw/mem/nvgrace-memory.h"

typedef struct VirtMachineState VirtMachineState;

/**
 * virt_nvgrace_check() - can this machine have coherent GPU memory?
 * @errp: what is wrong and what to type instead
 *
 * Returns: true for an arm virt machine with ACPI and without MTE and
 * confidential guest support.
 */
bool virt_nvgrace_check(Error **errp);

/**
 * virt_nvgrace_place() - find the guest physical address of a memory
 * @mem: its sizes are set; @addr is what the user chose or %NVGRACE_ADDR_AUTO
 * @errp: what is in the way and what to type instead
 *
 * On success @addr is where the memory is to be mapped; on failure it is
 * unchanged.
 *
 * Returns: true on success.
 */
bool virt_nvgrace_place(NVGraceMemory *mem, Error **errp);

/**
 * virt_nvgrace_check_bars() - is there room for a memory's BARs?
 * @mem: its sizes are set, it is in the "bar" view and not plugged yet
 * @errp: how much room there is and what to type instead
 *
 * Firmware places them, with all other BARs, in the high PCIe MMIO window.
 *
 * Returns: false if they certainly do not fit.
 */
bool virt_nvgrace_check_bars(NVGraceMemory *mem, Error **errp);

/**
 * virt_nvgrace_place_egm() - find a memory's extended GPU memory (EGM)
 * @mem: @egm_node is set, and the memory itself has its place, if it is to have
 *       one
 * @errp: what is wrong and what to type instead
 *
 * EGM is the RAM of a node.  On success @egm_base and @egm_size say where it
 * is, and @egm_retired_addr is free for the list of its retired pages.
 *
 * Returns: true on success.
 */
bool virt_nvgrace_place_egm(NVGraceMemory *mem, Error **errp);

/**
 * virt_nvgrace_build_dsdt() - what no PCI device can add to the DSDT itself
 * @dsdt: the table
 * @pci0: the scope of the host bridge of pcie.0
 * @vms: the machine
 *
 * Adds nothing when there is no coherent GPU memory.
 */
void virt_nvgrace_build_dsdt(Aml *dsdt, Aml *pci0, VirtMachineState *vms);

/**
 * virt_nvgrace_build_srat() - the proximity domains of all plugged memories
 * @table: the SRAT
 *
 * Adds nothing when there is no coherent GPU memory.
 */
void virt_nvgrace_build_srat(GArray *table);

#endif /* HW_ARM_VIRT_NVGRACE_H */
