/*
 * NUMA nodes of an NVIDIA Grace GPU's coherent memory
 *
 * Firmware describes several proximity domains per GPU, normally eight: the
 * driver onlines all memory on the first one and, when the GPU is partitioned
 * (MIG), one part on each.  They have neither CPUs nor memory at boot.  QEMU's
 * name for such a thing is a NUMA node without memory; asking the user to type
 * eight of them per GPU, and all the distances, is no help to anybody, so the
 * device brings its own.
 *
 * In: a memory's pxm-start and pxm-count.  Out: nodes, distances and latencies
 * in the machine's NumaState, from which QEMU builds SRAT, SLIT and HMAT.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "hw/core/boards.h"
#include "hw/pci/pci.h"
#include "hw/pci/pci_bus.h"
#include "system/numa.h"
#include "nvgrace-numa.h"
#include "trace.h"

/*
 * Distances of Grace machines, as "numactl -H" shows them on a GB200 with two
 * CPUs and four GPUs.
 */
#define DISTANCE_CPU_CPU        40
#define DISTANCE_CPU_OWN_GPU    80
#define DISTANCE_CPU_OTHER_GPU  120
#define DISTANCE_SAME_GPU       11
#define DISTANCE_GPU_GPU        40

/* Linux' CONFIG_NODES_SHIFT for arm64 is 4 unless a distributor changes it. */
#define LINUX_DEFAULT_NODES     16

static NumaState *numa_state(void)
{
    return MACHINE(qdev_get_machine())->numa_state;
}

/* The node of the CPUs that the GPU is next to. */
static int socket_of(const NVGraceMemory *mem)
{
    int node = pci_bus_numa_node(pci_device_root_bus(mem->pdev));

    return node == NUMA_NODE_UNASSIGNED ? 0 : node;
}

static bool owns(const NVGraceMemory *mem, uint32_t node)
{
    return node >= mem->pxm_start && node - mem->pxm_start < mem->pxm_count;
}

/* Whose node is it, @mem being plugged right now?  NULL: no GPU's. */
static const NVGraceMemory *owner_of(uint32_t node, const NVGraceMemory *mem)
{
    if (owns(mem, node)) {
        return mem;
    }
    for (NVGraceMemory *m = nvgrace_memory_first(); m;
         m = nvgrace_memory_next(m)) {
        if (owns(m, node)) {
            return m;
        }
    }
    return NULL;
}

static bool node_has_cpu(int node)
{
    MachineState *ms = MACHINE(qdev_get_machine());
    MachineClass *mc = MACHINE_GET_CLASS(ms);
    const CPUArchIdList *cpus = mc->possible_cpu_arch_ids(ms);

    for (int i = 0; i < cpus->len; i++) {
        if (cpus->cpus[i].props.has_node_id &&
            cpus->cpus[i].props.node_id == node) {
            return true;
        }
    }
    return false;
}

static uint8_t distance(int a, int b, const NVGraceMemory *mem)
{
    const NVGraceMemory *gpu_a = owner_of(a, mem);
    const NVGraceMemory *gpu_b = owner_of(b, mem);

    if (a == b) {
        return NUMA_DISTANCE_MIN;
    }
    if (gpu_a && gpu_b) {
        return gpu_a == gpu_b ? DISTANCE_SAME_GPU : DISTANCE_GPU_GPU;
    }
    if (gpu_a) {
        return socket_of(gpu_a) == b ? DISTANCE_CPU_OWN_GPU
                                     : DISTANCE_CPU_OTHER_GPU;
    }
    if (gpu_b) {
        return socket_of(gpu_b) == a ? DISTANCE_CPU_OWN_GPU
                                     : DISTANCE_CPU_OTHER_GPU;
    }
    return node_has_cpu(a) && node_has_cpu(b) ? DISTANCE_CPU_CPU
                                              : NUMA_DISTANCE_DEFAULT;
}

/* Distances from -numa dist, and those set for an earlier GPU, are not 0. */
static void fill_distances(NumaState *numa, const NVGraceMemory *mem)
{
    for (int a = 0; a < numa->num_nodes; a++) {
        for (int b = 0; b < numa->num_nodes; b++) {
            if (!numa->nodes[a].distance[b]) {
                numa->nodes[a].distance[b] = distance(a, b, mem);
            }
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

/* What is in @numa is from before the first GPU. */
static void drop_localities(NumaState *numa)
{
    for (int i = 0; i < ARRAY_SIZE(localities); i++) {
        HMAT_LB_Info *info = our_localities[i];

        if (info && !numa->hmat_lb[HMAT_LB_MEM_MEMORY][info->data_type]) {
            g_array_unref(info->list);
            g_free(info);
            our_localities[i] = NULL;
        }
    }
}

static void append_node(NumaState *numa, uint64_t size)
{
    NodeInfo *node = &numa->nodes[numa->num_nodes++];

    *node = (NodeInfo) {
        .present = true,
        .node_mem = size,
        .initiator = MAX_NODES,
    };
}

static bool add_nodes(MachineState *ms, NVGraceMemory *mem, Error **errp)
{
    NumaState *numa = ms->numa_state;
    uint32_t start, end;

    if (!numa->num_nodes) {
        /* As QEMU does for maxmem=: all there is so far is one node. */
        append_node(numa, ms->ram_size);
        if (numa->hmat_enabled) {
            numa->nodes[0].has_cpu = true;
            numa->nodes[0].initiator = 0;
        }
    }

    start = mem->pxm_start == NVGRACE_PXM_AUTO ? numa->num_nodes
                                               : mem->pxm_start;
    if (start > numa->num_nodes) {
        error_setg(errp, "pxm-start=%" PRIu32 " leaves a gap: NUMA nodes are "
                   "numbered without gaps and the next free one is %d",
                   start, numa->num_nodes);
        error_append_hint(errp, "Use pxm-start=%d, or leave pxm-start= out.\n",
                          numa->num_nodes);
        return false;
    }

    end = start + mem->pxm_count;
    if (end > MAX_NODES) {
        error_setg(errp, "pxm-count=%" PRIu32 " needs NUMA nodes %" PRIu32
                   " to %" PRIu32 ", but the last one that QEMU can have is %d",
                   mem->pxm_count, start, end - 1, MAX_NODES - 1);
        if (start < MAX_NODES) {
            error_append_hint(errp, "Use pxm-count=%d or less, here or for "
                              "other GPUs.\n", MAX_NODES - (int)start);
        } else {
            error_append_hint(errp, "Use a smaller pxm-count= for the GPUs "
                              "before this one.\n");
        }
        return false;
    }

    mem->gi_given = 0;
    for (uint32_t n = start; n < end; n++) {
        if (n == numa->num_nodes) {
            append_node(numa, 0);
        } else {
            const char *why = NULL;

            for (NVGraceMemory *m = nvgrace_memory_first(); m;
                 m = nvgrace_memory_next(m)) {
                if (owns(m, n)) {
                    why = "belongs to another GPU";
                }
            }
            if (numa->nodes[n].node_mem) {
                why = "has memory";
            } else if (node_has_cpu(n)) {
                why = "has CPUs";
            }
            if (why) {
                error_setg(errp, "pxm-start=%" PRIu32 ",pxm-count=%" PRIu32
                           " takes NUMA node %" PRIu32 ", which %s",
                           start, mem->pxm_count, n, why);
                error_append_hint(errp, "Use pxm-start=%d, or leave pxm-start= "
                                  "out.\n", numa->num_nodes);
                return false;
            }
            if (numa->nodes[n].has_gi) {
                mem->gi_given |= 1u << (n - start);
            }
        }
        numa->nodes[n].has_gi = true;
    }

    mem->pxm_start = start;
    return true;
}

bool nvgrace_numa_add(NVGraceMemory *mem, Error **errp)
{
    ERRP_GUARD();
    MachineState *ms = MACHINE(qdev_get_machine());
    NumaState *numa = ms->numa_state;

    mem->numa_before = g_memdup2(numa, sizeof(*numa));
    if (!add_nodes(ms, mem, errp)) {
        nvgrace_numa_remove(mem, true);
        return false;
    }
    fill_distances(numa, mem);
    fill_localities(numa);
    trace_nvgrace_numa_add(mem->pxm_start, mem->pxm_count, socket_of(mem));

    if (numa->num_nodes > LINUX_DEFAULT_NODES) {
        warn_report_once("%d NUMA nodes are more than the %d of a Linux guest "
                         "with CONFIG_NODES_SHIFT=4, arm64's default; it will "
                         "ignore the rest (pxm-count= makes them fewer)",
                         numa->num_nodes, LINUX_DEFAULT_NODES);
    }
    return true;
}

void nvgrace_numa_remove(NVGraceMemory *mem, bool last)
{
    if (last) {
        *numa_state() = *mem->numa_before;
        drop_localities(numa_state());
        if (our_localities[0]) {
            fill_localities(numa_state());
        }
    }
    g_clear_pointer(&mem->numa_before, g_free);
}
