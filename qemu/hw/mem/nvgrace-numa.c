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
 * In: a memory's properties and its place in the PCI hierarchy, and the list of
 * plugged memories.  Out: nodes in the machine's NumaState, from which QEMU
 * builds SRAT and, with nvgrace-distances.c, SLIT.  nvgrace-nodes.c chooses
 * which nodes they are.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/host-utils.h"
#include "qapi/error.h"
#include "hw/mem/nvgrace-numa.h"
#include "hw/pci/pci.h"
#include "hw/pci/pci_bus.h"
#include "system/system.h"
#include "nvgrace-nodes.h"
#include "trace.h"

/* Linux' CONFIG_NODES_SHIFT for arm64 is 4 unless a distributor changes it. */
#define LINUX_DEFAULT_NODES     16

/* 255 is "unreachable" in a SLIT */
#define DISTANCE_MAX            254

/* The machine's state without any GPU; NULL while there is none */
static NumaState *without_gpus;

static bool owns(const NVGraceMemory *mem, uint32_t node)
{
    return node >= mem->pxm_start && node - mem->pxm_start < mem->pxm_count;
}

NVGraceMemory *nvgrace_numa_owner(uint32_t node)
{
    NVGraceMemory *mem = nvgrace_memory_first();

    while (mem && !owns(mem, node)) {
        mem = nvgrace_memory_next(mem);
    }
    return mem;
}

/* A CPU of a machine without -numa has no node, and ACPI says that it is 0. */
bool nvgrace_numa_has_cpu(MachineState *ms, uint32_t node)
{
    const CPUArchIdList *cpus =
        MACHINE_GET_CLASS(ms)->possible_cpu_arch_ids(ms);

    for (int i = 0; i < cpus->len; i++) {
        const CpuInstanceProperties *props = &cpus->cpus[i].props;

        if ((props->has_node_id ? props->node_id : 0) == node) {
            return true;
        }
    }
    return false;
}

bool nvgrace_numa_has_memory(const MachineState *ms, uint32_t node)
{
    const NumaState *numa = ms->numa_state;

    return numa->num_nodes ? node < numa->num_nodes &&
                             numa->nodes[node].node_mem : !node;
}

int nvgrace_numa_first_socket(MachineState *ms)
{
    uint32_t node = 0;

    while (!nvgrace_numa_has_cpu(ms, node)) {
        node++;
    }
    return node;
}

int nvgrace_numa_socket(const NVGraceMemory *mem)
{
    int node = pci_bus_numa_node(pci_device_root_bus(mem->pdev));

    return node == NUMA_NODE_UNASSIGNED ?
        nvgrace_numa_first_socket(MACHINE(qdev_get_machine())) : node;
}

/* "0, 1 or 2": those of the machine's nodes of which @has is true */
static char *list_nodes(MachineState *ms,
                        bool (*has)(MachineState *ms, uint32_t node))
{
    GString *list = g_string_new(NULL);
    int last = -1;

    for (int n = 0; n < MAX(ms->numa_state->num_nodes, 1); n++) {
        if (!has(ms, n)) {
            continue;
        }
        if (last >= 0) {
            g_string_append_printf(list, "%s%d", list->len ? ", " : "", last);
        }
        last = n;
    }
    g_string_append_printf(list, "%s%d", list->len ? " or " : "", last);
    return g_string_free(list, false);
}

static bool has_memory(MachineState *ms, uint32_t node)
{
    return nvgrace_numa_has_memory(ms, node);
}

/*
 * The socket whose GPU it is may be one whose CPUs the guest does not have.
 * Then what stands for it is a node with memory alone.
 */
static bool check_socket(MachineState *ms, const NVGraceMemory *mem,
                         Error **errp)
{
    ERRP_GUARD();
    uint32_t node = nvgrace_numa_socket(mem);
    const NVGraceMemory *owner = nvgrace_numa_owner(node);
    g_autofree char *sockets = NULL;

    if (nvgrace_numa_has_cpu(ms, node) || nvgrace_numa_has_memory(ms, node)) {
        return true;
    }
    error_setg(errp, "the GPU is behind pxb '%s' with numa_node=%" PRIu32
               ", which is no socket: %s%s%s",
               BUS(pci_device_root_bus(mem->pdev))->name, node,
               owner ? "it belongs to GPU '" : "it has neither CPUs nor memory",
               owner ? owner->pdev->qdev.id ?: owner->pdev->name : "",
               owner ? "'" : "");
    sockets = list_nodes(ms, nvgrace_numa_has_cpu);
    error_append_hint(errp, "Give the pxb numa_node=%s, whichever the GPU is "
                      "next to, or none at all.\n", sockets);
    return false;
}

static bool check_distance(const NVGraceMemory *mem, Error **errp)
{
    ERRP_GUARD();

    if (mem->distance == NVGRACE_DISTANCE_AUTO ||
        (mem->distance > NUMA_DISTANCE_MIN && mem->distance <= DISTANCE_MAX)) {
        return true;
    }
    error_setg(errp, "distance=%" PRIu32 " is not between %d and %d",
               mem->distance, NUMA_DISTANCE_MIN + 1, DISTANCE_MAX);
    error_append_hint(errp, "Use distance=%d to keep memory of others out of "
                      "the GPU as long as possible, or leave distance= out.\n",
                      DISTANCE_MAX);
    return false;
}

static bool check_egm_node(MachineState *ms, const NVGraceMemory *mem,
                           Error **errp)
{
    ERRP_GUARD();
    g_autofree char *nodes = NULL;

    if (mem->egm_node == NVGRACE_EGM_NONE ||
        nvgrace_numa_has_memory(ms, mem->egm_node)) {
        return true;
    }
    nodes = list_nodes(ms, has_memory);
    error_setg(errp, "egm-node=%" PRIu32 " is not a NUMA node with memory",
               mem->egm_node);
    error_append_hint(errp, "Use egm-node=%s, or leave egm-node= out.\n",
                      nodes);
    return false;
}

/* What of it is already there stays: initiators of other devices, gaps. */
static void append_node(NumaState *numa, uint64_t size)
{
    NodeInfo *node = &numa->nodes[numa->num_nodes++];

    node->present = true;
    node->node_mem = size;
    node->initiator = MAX_NODES;
}

static void take_nodes(MachineState *ms, const NVGraceMemory *mem)
{
    NumaState *numa = ms->numa_state;
    uint32_t end = mem->pxm_start + mem->pxm_count;

    if (!numa->num_nodes) {
        /* As QEMU does for maxmem=: all there is so far is one node. */
        append_node(numa, ms->ram_size);
        if (numa->hmat_enabled) {
            numa->nodes[0].has_cpu = true;
            numa->nodes[0].initiator = 0;
        }
    }
    while (numa->num_nodes < end) {
        append_node(numa, 0);
    }
    for (uint32_t n = mem->pxm_start; n < end; n++) {
        numa->nodes[n].has_gi = true;
    }
}

static GPtrArray *all_gpus(NVGraceMemory *adding)
{
    GPtrArray *gpus = g_ptr_array_new();

    for (NVGraceMemory *m = nvgrace_memory_first(); m;
         m = nvgrace_memory_next(m)) {
        g_ptr_array_add(gpus, m);
    }
    if (adding) {
        g_ptr_array_add(gpus, adding);
    }
    return gpus;
}

/*
 * A node with CPUs stands for a socket, and so does one that a GPU's pxb names.
 * Memory without CPUs is of the socket whose GPU has it as EGM or, if there is
 * an HMAT, of the initiator that the user gave it.
 */
static void fill_distances(MachineState *ms, NVGraceMemory *adding)
{
    g_autoptr(GPtrArray) gpus = all_gpus(adding);
    g_autofree NVGraceNode *nodes = g_new0(NVGraceNode, MAX_NODES);
    NumaState *numa = ms->numa_state;

    for (int n = 0; n < numa->num_nodes; n++) {
        if (nvgrace_numa_has_cpu(ms, n)) {
            set_bit(n, nodes[n].sockets);
        } else if (numa->nodes[n].node_mem &&
                   numa->nodes[n].initiator < MAX_NODES) {
            set_bit(numa->nodes[n].initiator, nodes[n].sockets);
        }
    }
    for (guint i = 0; i < gpus->len; i++) {
        const NVGraceMemory *mem = gpus->pdata[i];
        int socket = nvgrace_numa_socket(mem);

        set_bit(socket, nodes[socket].sockets);
        if (mem->egm_node != NVGRACE_EGM_NONE &&
            !nvgrace_numa_has_cpu(ms, mem->egm_node)) {
            set_bit(socket, nodes[mem->egm_node].sockets);
        }
    }
    for (guint i = 0; i < gpus->len; i++) {
        const NVGraceMemory *mem = gpus->pdata[i];
        const NVGraceNode *socket = &nodes[nvgrace_numa_socket(mem)];

        for (uint32_t n = 0; n < mem->pxm_count; n++) {
            NVGraceNode *node = &nodes[mem->pxm_start + n];

            node->gpu = mem;
            bitmap_copy(node->sockets, socket->sockets, MAX_NODES);
        }
    }
    nvgrace_distances_fill(numa, without_gpus, nodes);
}

/*
 * Linux makes nodes of all domains in the SRAT.  If these are more than it can
 * have it takes nothing of it (bad_srat()).
 */
static void warn_of_nodes(Notifier *notifier, void *opaque)
{
    MachineState *ms = MACHINE(qdev_get_machine());
    const NumaState *numa = ms->numa_state;
    g_autoptr(GPtrArray) gpus = all_gpus(NULL);
    g_autofree char *remedy = NULL;
    int domains = 0, others = 0, each;
    bool named = false;

    for (int n = 0; n < numa->num_nodes; n++) {
        bool gpu = nvgrace_numa_owner(n);

        domains += gpu;
        others += !gpu && (nvgrace_numa_has_cpu(ms, n) ||
                           numa->nodes[n].node_mem || numa->nodes[n].has_gi);
    }
    domains += others;
    if (!gpus->len || domains <= LINUX_DEFAULT_NODES) {
        return;
    }

    for (guint i = 0; i < gpus->len; i++) {
        named |= nvgrace_nodes_named(gpus->pdata[i]);
    }
    each = (LINUX_DEFAULT_NODES - others) / (int)gpus->len;
    if (each < 1) {
        remedy = g_strdup("not even one for each GPU fits, so it needs");
    } else if (named) {
        remedy = g_strdup_printf("name %d for each GPU in "
                                 "acpi-generic-initiator objects, or give it",
                                 each);
    } else {
        remedy = g_strdup_printf("use pxm-count=%d for each GPU, or give it",
                                 each);
    }
    warn_report("%d NUMA nodes are more than the %d of a Linux guest with "
                "CONFIG_NODES_SHIFT=4, arm64's default, which then ignores all "
                "that ACPI says of NUMA, and no GPU's memory has a node; "
                "%s a kernel with CONFIG_NODES_SHIFT=%d or more", domains,
                LINUX_DEFAULT_NODES, remedy, ctz32(pow2ceil(domains)));
}

/* When all GPUs are there the warning can have the final numbers. */
static void check_nodes_at_end(void)
{
    static Notifier done = { .notify = warn_of_nodes };
    static bool added;

    if (!added) {
        added = true;
        qemu_add_machine_init_done_notifier(&done);
    }
}

bool nvgrace_numa_add(NVGraceMemory *mem, Error **errp)
{
    MachineState *ms = MACHINE(qdev_get_machine());

    if (!check_socket(ms, mem, errp) || !check_distance(mem, errp) ||
        !check_egm_node(ms, mem, errp) ||
        !nvgrace_nodes_choose(ms, mem, errp)) {
        return false;
    }
    if (!without_gpus) {
        without_gpus = g_memdup2(ms->numa_state, sizeof(*ms->numa_state));
    }
    nvgrace_nodes_describe(mem);
    take_nodes(ms, mem);
    fill_distances(ms, mem);
    check_nodes_at_end();
    trace_nvgrace_numa_add(mem->pxm_start, mem->pxm_count,
                           nvgrace_numa_socket(mem));
    return true;
}

void nvgrace_numa_remove(void)
{
    MachineState *ms = MACHINE(qdev_get_machine());

    *ms->numa_state = *without_gpus;
    if (!nvgrace_memory_first()) {
        g_clear_pointer(&without_gpus, g_free);
        return;
    }
    for (NVGraceMemory *m = nvgrace_memory_first(); m;
         m = nvgrace_memory_next(m)) {
        take_nodes(ms, m);
    }
    fill_distances(ms, NULL);
}

int nvgrace_numa_last_node(void)
{
    const NumaState *numa = without_gpus ?:
                            MACHINE(qdev_get_machine())->numa_state;
    int node = MAX(numa->num_nodes, without_gpus ? 1 : 0) - 1;

    while (node > 0 && nvgrace_numa_owner(node)) {
        node--;
    }
    return node;
}
