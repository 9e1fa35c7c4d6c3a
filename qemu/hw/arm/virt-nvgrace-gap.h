/*
 * The gaps in the virt machine's memory map
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_ARM_VIRT_NVGRACE_GAP_H
#define HW_ARM_VIRT_NVGRACE_GAP_H

#include "hw/arm/virt-nvgrace.h"

/** struct AddressRange - @size bytes at a guest physical address */
typedef struct AddressRange {
    uint64_t base;
    uint64_t size;
} AddressRange;

/** overlap() - do they have a byte in common? */
static inline bool overlap(AddressRange a, AddressRange b)
{
    return a.base < b.base + b.size && b.base < a.base + a.size;
}

/**
 * virt_nvgrace_gap_find() - find room for a memory in one of the gaps
 * @vms: the machine
 * @mem: its sizes are set, it is not plugged yet
 * @addr: where to put the address
 * @errp: why there is no room and what to type instead
 *
 * Returns: true on success.
 */
bool virt_nvgrace_gap_find(VirtMachineState *vms, NVGraceMemory *mem,
                           uint64_t *addr, Error **errp);

/**
 * virt_nvgrace_gap_find_retired() - find room for a list of retired EGM pages,
 * %NVGRACE_EGM_RETIRED_SIZE bytes, in what the memories leave of the high gap
 * @vms: the machine
 * @mem: whose list it is; it has its own place, but is not plugged yet
 * @addr: where to put the address
 * @errp: why there is no room and what to type instead
 *
 * Returns: true on success.
 */
bool virt_nvgrace_gap_find_retired(VirtMachineState *vms, NVGraceMemory *mem,
                                   uint64_t *addr, Error **errp);

#endif /* HW_ARM_VIRT_NVGRACE_GAP_H */
