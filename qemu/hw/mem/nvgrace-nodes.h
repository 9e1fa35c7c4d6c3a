/*
 * What the files that deal with NUMA nodes of Grace GPUs share
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_MEM_NVGRACE_NODES_H
#define HW_MEM_NVGRACE_NODES_H

#include "qemu/bitmap.h"
#include "hw/core/boards.h"
#include "hw/mem/nvgrace-memory.h"
#include "system/numa.h"

/** nvgrace_numa_has_cpu() - does a NUMA node have CPUs? */
bool nvgrace_numa_has_cpu(MachineState *ms, uint32_t node);

/** nvgrace_numa_has_memory() - does a NUMA node have memory at boot? */
bool nvgrace_numa_has_memory(const MachineState *ms, uint32_t node);

/**
 * nvgrace_nodes_choose() - which nodes a GPU gets (nvgrace-nodes.c)
 * @ms: the machine; nothing of it changes
 * @mem: as for nvgrace_numa_add(), likewise
 * @errp: which node is the problem and what to type instead
 */
bool nvgrace_nodes_choose(MachineState *ms, NVGraceMemory *mem, Error **errp);

/** nvgrace_nodes_named() - has the user named a GPU's nodes by objects? */
bool nvgrace_nodes_named(const NVGraceMemory *mem);

/**
 * nvgrace_nodes_describe() - from now on it is us who describe a GPU as the
 * initiator of its nodes, and not the user's acpi-generic-initiator objects
 */
void nvgrace_nodes_describe(const NVGraceMemory *mem);

/**
 * struct NVGraceNode - what a NUMA node is, as far as distances depend on it
 * @gpu:     whose node it is, NULL if it is no GPU's
 * @sockets: those that it is a part of or next to, by the nodes that stand for
 *           them; empty if nobody knows
 */
typedef struct NVGraceNode {
    const NVGraceMemory *gpu;
    DECLARE_BITMAP(sockets, MAX_NODES);
} NVGraceNode;

/**
 * nvgrace_distances_fill() - make all distances anew
 * @numa: the machine's state, complete but for these
 * @user: what it is without GPUs; the distances in it stay
 * @nodes: what each node is
 */
void nvgrace_distances_fill(NumaState *numa, const NumaState *user,
                            const NVGraceNode nodes[MAX_NODES]);

#endif /* HW_MEM_NVGRACE_NODES_H */
