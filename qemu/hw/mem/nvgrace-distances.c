/*
 * How far the NUMA nodes of an NVIDIA Grace GPU's coherent memory are
 *
 * In: whose node each of the machine's is.  Out: what the user left open of the
 * distances (SLIT) in the machine's NumaState.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/core/boards.h"
#include "system/numa.h"
#include "hw/mem/nvgrace-numa.h"

/*
 * Distances of Grace machines, as "numactl -H" shows them on a GB200 with two
 * CPUs and four GPUs.
 */
#define DISTANCE_CPU_CPU        40
#define DISTANCE_CPU_OWN_GPU    80
#define DISTANCE_CPU_OTHER_GPU  120
#define DISTANCE_SAME_GPU       11
#define DISTANCE_GPU_GPU        40

static uint8_t distance(int a, int b, const NVGraceMemory *mem)
{
    const NVGraceMemory *gpu_a = nvgrace_numa_owner(a, mem);
    const NVGraceMemory *gpu_b = nvgrace_numa_owner(b, mem);

    if (a == b) {
        return NUMA_DISTANCE_MIN;
    }
    if (gpu_a && gpu_b) {
        return gpu_a == gpu_b ? DISTANCE_SAME_GPU : DISTANCE_GPU_GPU;
    }
    if (gpu_a) {
        return nvgrace_numa_socket(gpu_a) == b ? DISTANCE_CPU_OWN_GPU
                                               : DISTANCE_CPU_OTHER_GPU;
    }
    if (gpu_b) {
        return nvgrace_numa_socket(gpu_b) == a ? DISTANCE_CPU_OWN_GPU
                                               : DISTANCE_CPU_OTHER_GPU;
    }
    if (nvgrace_numa_has_cpu(a) && nvgrace_numa_has_cpu(b)) {
        return DISTANCE_CPU_CPU;
    }
    return NUMA_DISTANCE_DEFAULT;
}

/* Distances from -numa dist are not 0. */
static void fill_distances(NumaState *numa, const NumaState *user,
                           const NVGraceMemory *mem)
{
    for (int a = 0; a < numa->num_nodes; a++) {
        for (int b = 0; b < numa->num_nodes; b++) {
            numa->nodes[a].distance[b] = user->nodes[a].distance[b] ?:
                                         distance(a, b, mem);
        }
    }
    numa->have_numa_distance = true;
}

void nvgrace_distances_fill(NumaState *numa, const NumaState *user,
                            const NVGraceMemory *mem)
{
    fill_distances(numa, user, mem);
}
