/*
 * Room for coherent GPU memory in the range that the virt machine keeps for it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_ARM_VIRT_NVGRACE_ROOM_H
#define HW_ARM_VIRT_NVGRACE_ROOM_H

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
 * virt_nvgrace_room_check() - does the machine have the range at all?
 * @vms: the machine
 * @errp: what is switched off
 */
bool virt_nvgrace_room_check(VirtMachineState *vms, Error **errp);

/**
 * virt_nvgrace_room_find() - find room for a memory
 * @vms: the machine
 * @mem: its sizes are set, it is not plugged yet
 * @addr: where to put the address
 * @errp: why there is no room and what to type instead
 *
 * Returns: true on success.
 */
bool virt_nvgrace_room_find(VirtMachineState *vms, const NVGraceMemory *mem,
                            uint64_t *addr, Error **errp);

/**
 * virt_nvgrace_room_find_retired() - find room for a list of retired EGM pages,
 * %NVGRACE_EGM_RETIRED_SIZE bytes
 * @vms: the machine
 * @mem: whose list it is; it has its own place, but is not plugged yet
 *
 * Returns: the address, or %NVGRACE_ADDR_AUTO if there is no room.
 */
uint64_t virt_nvgrace_room_find_retired(VirtMachineState *vms,
                                        const NVGraceMemory *mem);

/**
 * virt_nvgrace_room_hint_window() - how to have a window of a given size
 * @vms: the machine
 * @size: bytes, a power of two
 * @errp: the error that gets the hint
 */
void virt_nvgrace_room_hint_window(VirtMachineState *vms, uint64_t size,
                                   Error **errp);

#endif /* HW_ARM_VIRT_NVGRACE_ROOM_H */
