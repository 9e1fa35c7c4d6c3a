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
 * virt_nvgrace_reserve() - keep address space for the GPUs that will come
 * @vms: the machine, whose memory map is complete up to the high ECAM
 * @base: guest physical address of what is free behind that
 * @pa_bits: bits of the largest address that there can be
 *
 * Called before the accelerator learns how many address bits the machine needs,
 * and so before any device exists: the command line tells which may come.
 * Without any, nothing changes.  Otherwise the entry VIRT_HIGH_GPU_MEM is set,
 * and that of the high PCIe MMIO window may become larger.
 *
 * Returns: where the memory map goes on.
 */
hwaddr virt_nvgrace_reserve(VirtMachineState *vms, hwaddr base, int pa_bits);

/**
 * virt_nvgrace_pre_plug() - find NUMA nodes and an address for a memory
 * @vms: the machine
 * @mem: the memory, described by its device
 * @errp: what is wrong and what to type instead
 *
 * On failure nothing has changed.
 */
void virt_nvgrace_pre_plug(VirtMachineState *vms, NVGraceMemory *mem,
                           Error **errp);

/** virt_nvgrace_plug() - map a memory where virt_nvgrace_pre_plug() has said */
void virt_nvgrace_plug(VirtMachineState *vms, NVGraceMemory *mem);

/** virt_nvgrace_unplug() - undo virt_nvgrace_plug() and all before it */
void virt_nvgrace_unplug(VirtMachineState *vms, NVGraceMemory *mem);

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

/**
 * virt_nvgrace_canwbs() - does the root complex say so in the IORT?
 *
 * Without this bit (IORT E.f, memory access flags), Linux lets no user of an
 * SMMUv3 without S2FWB have translations nested.
 *
 * Returns: true for an emulated Grace host.
 */
bool virt_nvgrace_canwbs(void);

#endif /* HW_ARM_VIRT_NVGRACE_H */
