/*
 * How far the NUMA nodes of an NVIDIA Grace GPU's coherent memory are
 *
 * In: what each of the machine's nodes is.  Out: what the user left open of the
 * distances (SLIT) in the machine's NumaState.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "nvgrace-nodes.h"

/*
 * Distances of Grace machines, as "numactl -H" shows them on a GB200 with two
 * CPUs and four GPUs.  Memory of a socket that is a domain of its own, without
 * CPUs, is as far as firmware says of EGM: one more than local, where the
 * socket's own memory would be local, and as far as that elsewhere
 * (NumaInfoLib.c of edk2-nvidia).
 */
#define DISTANCE_SAME_SOCKET    11
#define DISTANCE_CPU_CPU        40
#define DISTANCE_CPU_OWN_GPU    80
#define DISTANCE_CPU_OTHER_GPU  120
#define DISTANCE_SAME_GPU       11
#define DISTANCE_GPU_GPU        40

static uint8_t distance(const NVGraceNode *a, const NVGraceNode *b)
{
    bool near = bitmap_intersects(a->sockets, b->sockets, MAX_NODES);
    const NVGraceMemory *gpu = a->gpu ?: b->gpu;

    if (a == b) {
        return NUMA_DISTANCE_MIN;
    }
    if (a->gpu && b->gpu) {
        return a->gpu == b->gpu ? DISTANCE_SAME_GPU : DISTANCE_GPU_GPU;
    }
    if (gpu) {
        return gpu->distance != NVGRACE_DISTANCE_AUTO ? gpu->distance :
               near ? DISTANCE_CPU_OWN_GPU : DISTANCE_CPU_OTHER_GPU;
    }
    if (near) {
        return DISTANCE_SAME_SOCKET;
    }
    /* A node of which nobody knows where it is keeps what it has without us. */
    return bitmap_empty(a->sockets, MAX_NODES) ||
           bitmap_empty(b->sockets, MAX_NODES) ? NUMA_DISTANCE_DEFAULT
                                               : DISTANCE_CPU_CPU;
}

/* Distances from -numa dist are not 0. */
void nvgrace_distances_fill(NumaState *numa, const NumaState *user,
                            const NVGraceNode nodes[MAX_NODES])
{
    for (int a = 0; a < numa->num_nodes; a++) {
        for (int b = 0; b < numa->num_nodes; b++) {
            numa->nodes[a].distance[b] = user->nodes[a].distance[b] ?:
                                         distance(&nodes[a], &nodes[b]);
        }
    }
    numa->have_numa_distance = true;
}
