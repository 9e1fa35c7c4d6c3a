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
 * @mem: @pdev, @pxm_start, @pxm_count, @egm_node and @distance are set; not on
 *       the list of plugged memories yet
 * @errp: which node is the problem and what to type instead
 *
 * Appends memory-less nodes to the machine, or adopts those that the user
 * declared at @pxm_start or named in acpi-generic-initiator objects of this
 * device, and fills in the distances that the user left open.  On success
 * @pxm_start and @pxm_count are numbers; on failure nothing has changed.
 *
 * Returns: true on success.
 */
bool nvgrace_numa_add(NVGraceMemory *mem, Error **errp);

/**
 * nvgrace_numa_remove() - undo nvgrace_numa_add() of a memory that is not on
 * the list of plugged ones, or not any more
 *
 * The nodes of all others keep their numbers: a guest knows them.  Where that
 * needs nodes in between, those stay behind without memory, CPUs and initiator.
 */
void nvgrace_numa_remove(void);

/**
 * nvgrace_numa_owner() - whose node is it?
 *
 * Returns: a plugged memory, NULL if the node is no GPU's.
 */
NVGraceMemory *nvgrace_numa_owner(uint32_t node);

/**
 * nvgrace_numa_first_socket() - the first node with CPUs, which a host bridge
 * is next to of which nobody says where it is
 */
int nvgrace_numa_first_socket(MachineState *ms);

/**
 * nvgrace_numa_socket() - the node that stands for the socket which a memory's
 * GPU is next to
 */
int nvgrace_numa_socket(const NVGraceMemory *mem);

/**
 * nvgrace_numa_last_node() - the machine's last NUMA node that is and was no
 * GPU's; -1 if it has none
 */
int nvgrace_numa_last_node(void);

#endif /* HW_MEM_NVGRACE_NUMA_H */
