/*
 * What the virt machine's memory map has for coherent GPU memory
 *
 *     | ECAM |     VIRT_HIGH_GPU_MEM     |   VIRT_HIGH_PCIE_MMIO   |
 *            lo                          hi                        hi + window
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_ARM_VIRT_NVGRACE_MAP_H
#define HW_ARM_VIRT_NVGRACE_MAP_H

#include "hw/arm/virt-nvgrace.h"

/** struct GPUCount - how many GPUs the command line has, by view */
typedef struct GPUCount {
    unsigned acpi;
    unsigned bar;
} GPUCount;

/**
 * struct GPUMap - the range for GPUs and the window behind it
 * @lo:     first byte of the range
 * @hi:     first byte behind it, and of the window
 * @window: bytes of the high PCIe MMIO window
 */
typedef struct GPUMap {
    uint64_t lo;
    uint64_t hi;
    uint64_t window;
} GPUMap;

/**
 * virt_nvgrace_count() - the GPUs that the command line had
 *
 * One whose view is not known yet counts in both.
 */
GPUCount virt_nvgrace_count(void);

/**
 * virt_nvgrace_map_for() - how the map is divided
 * @base: the first free byte behind the ECAM
 * @limit: the first byte that no address reaches
 * @window: bytes of the window without GPUs, a power of two
 * @count: the GPUs
 *
 * With all that @count may need, or if that does not fit below @limit, with the
 * window as it is and as large a range as there is room for.
 *
 * Returns: the map; one that does not fit at all goes beyond @limit.
 */
GPUMap virt_nvgrace_map_for(uint64_t base, uint64_t limit, uint64_t window,
                            GPUCount count);

#endif /* HW_ARM_VIRT_NVGRACE_MAP_H */
