/*
 * How far the NUMA nodes of an NVIDIA Grace GPU's coherent memory are
 *
 * In: whose node each of the machine's is.  Out: what the user left open of the
 * distances (SLIT) and, if there is an HMAT, of latencies and bandwidths in the
 * machine's NumaState.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/units.h"
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

/*
 * HMAT, if the machine has hmat=on.  Grace firmware has three tables of all
 * initiators and targets, read latency, write latency and access bandwidth, in
 * units of 1000 ps and 1000 MB/s.  Its numbers come from a device tree that is
 * not public: ours say what the SLIT says, the ratios to local memory, for
 * which the latency and bandwidth below stand.  With -numa hmat-lb it is the
 * user who describes the machine, and nothing is added.
 */
#define LOCAL_LATENCY    100    /* ns */
#define LOCAL_BANDWIDTH  500    /* thousands of MB/s */

static const struct {
    int type;
    uint64_t base;              /* of HMAT_LB_Info: ns, or bytes per second */
} localities[] = {
    { HMAT_LB_DATA_READ_LATENCY, 1 },
    { HMAT_LB_DATA_WRITE_LATENCY, 1 },
    { HMAT_LB_DATA_ACCESS_BANDWIDTH, 1000 * MiB },
};

/* Those that we made, by index of @localities; the others are the user's. */
static HMAT_LB_Info *our_localities[ARRAY_SIZE(localities)];

static bool user_has_localities(const NumaState *numa)
{
    for (int level = 0; level < HMAT_LB_LEVELS; level++) {
        for (int type = 0; type < HMAT_LB_TYPES; type++) {
            bool ours = false;

            for (int i = 0; i < ARRAY_SIZE(localities); i++) {
                ours |= numa->hmat_lb[level][type] == our_localities[i];
            }
            if (numa->hmat_lb[level][type] && !ours) {
                return true;
            }
        }
    }
    return false;
}

static uint64_t locality(int index, uint8_t distance)
{
    if (localities[index].type == HMAT_LB_DATA_ACCESS_BANDWIDTH) {
        return LOCAL_BANDWIDTH * NUMA_DISTANCE_MIN / distance *
               localities[index].base;
    }
    return LOCAL_LATENCY * distance / NUMA_DISTANCE_MIN;
}

/* Make our tables, or make them anew after nodes have come or gone. */
static void fill_localities(NumaState *numa)
{
    if (!numa->hmat_enabled || user_has_localities(numa)) {
        return;
    }
    for (int i = 0; i < ARRAY_SIZE(localities); i++) {
        HMAT_LB_Info *info = our_localities[i];

        if (!info) {
            info = g_new0(HMAT_LB_Info, 1);
            info->hierarchy = HMAT_LB_MEM_MEMORY;
            info->data_type = localities[i].type;
            info->base = localities[i].base;
            info->list = g_array_new(false, true, sizeof(HMAT_LB_Data));
            our_localities[i] = info;
        }
        numa->hmat_lb[HMAT_LB_MEM_MEMORY][localities[i].type] = info;

        g_array_set_size(info->list, 0);
        for (int from = 0; from < numa->num_nodes; from++) {
            if (!numa->nodes[from].has_cpu && !numa->nodes[from].has_gi) {
                continue;
            }
            for (int to = 0; to < numa->num_nodes; to++) {
                uint8_t distance = numa->nodes[from].distance[to];
                HMAT_LB_Data data = {
                    .initiator = from,
                    .target = to,
                    .data = locality(i, distance),
                };

                if (distance != NUMA_DISTANCE_UNREACHABLE) {
                    g_array_append_val(info->list, data);
                }
            }
        }
    }
}

void nvgrace_distances_drop(void)
{
    for (int i = 0; i < ARRAY_SIZE(localities); i++) {
        HMAT_LB_Info *info = our_localities[i];

        if (info) {
            g_array_unref(info->list);
            g_free(info);
            our_localities[i] = NULL;
        }
    }
}

void nvgrace_distances_fill(NumaState *numa, const NumaState *user,
                            const NVGraceMemory *mem)
{
    fill_distances(numa, user, mem);
    fill_localities(numa);
}
