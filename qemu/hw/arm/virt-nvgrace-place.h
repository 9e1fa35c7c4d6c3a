/*
 * Where in the virt machine's memory map coherent GPU memory goes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_ARM_VIRT_NVGRACE_PLACE_H
#define HW_ARM_VIRT_NVGRACE_PLACE_H

#include "hw/arm/virt-nvgrace.h"

/**
 * virt_nvgrace_place() - find the guest physical address of a memory
 * @vms: the machine
 * @mem: its sizes are set; @addr is what the user chose or %NVGRACE_ADDR_AUTO
 * @errp: what is in the way and what to type instead
 *
 * On success @addr is where the memory is to be mapped; on failure it is
 * unchanged.
 *
 * Returns: true on success.
 */
bool virt_nvgrace_place(VirtMachineState *vms, NVGraceMemory *mem,
                        Error **errp);

/**
 * virt_nvgrace_check_bars() - is there room for a memory's BARs?
 * @vms: the machine
 * @mem: its sizes are set, it is in the "bar" view and not plugged yet
 * @errp: how much room there is and what to type instead
 *
 * Firmware places them, with all other BARs, in the high PCIe MMIO window.
 *
 * Returns: false if they do not fit.
 */
bool virt_nvgrace_check_bars(VirtMachineState *vms, NVGraceMemory *mem,
                             Error **errp);

/**
 * virt_nvgrace_place_egm() - find a memory's extended GPU memory (EGM)
 * @vms: the machine
 * @mem: @egm_node is a node with memory, and the memory itself has its place,
 *       if it is to have one
 * @errp: what is wrong and what to type instead
 *
 * EGM is the RAM of a node.  On success @egm_base and @egm_size say where it
 * is, and @egm_retired_addr is free for the list of its retired pages.
 *
 * Returns: true on success.
 */
bool virt_nvgrace_place_egm(VirtMachineState *vms, NVGraceMemory *mem,
                            Error **errp);

#endif /* HW_ARM_VIRT_NVGRACE_PLACE_H */
