/*
 * NUMA nodes of an NVIDIA Grace GPU's coherent memory
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_MEM_NVGRACE_NUMA_H
#define HW_MEM_NVGRACE_NUMA_H

#include "hw/mem/nvgrace-memory.h"

/**
 * nvgrace_numa_add() - give the machine the nodes of one GPU
 * @mem: @pdev, @pxm_start (or %NVGRACE_PXM_AUTO) and @pxm_count are set
 * @errp: which node is the problem and what to type instead
 *
 * Appends memory-less nodes to the machine, or adopts those that the user
 * declared at @pxm_start, and fills in the distances that the user left open.
 * On success @pxm_start is the first node; on failure nothing has changed.
 *
 * Returns: true on success.
 */
bool nvgrace_numa_add(NVGraceMemory *mem, Error **errp);

/**
 * nvgrace_numa_remove() - undo nvgrace_numa_add()
 * @mem: the memory, already off the list of plugged ones
 * @last: no memory was plugged after this one
 *
 * Node numbers are in use by whatever came later, so only the last memory gives
 * its nodes back; those of another one stay behind, empty.
 */
void nvgrace_numa_remove(NVGraceMemory *mem, bool last);

#endif /* HW_MEM_NVGRACE_NUMA_H */
