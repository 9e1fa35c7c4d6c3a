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
 * In: a memory's pxm-start and pxm-count, acpi-generic-initiator objects that
 * name its device.  Out: nodes in the machine's NumaState, from which QEMU
 * builds SRAT, and by nvgrace-distances.c SLIT.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/bitmap.h"
#include "qapi/error.h"
#include "hw/acpi/generic-initiator.h"
#include "hw/core/boards.h"
#include "hw/pci/pci.h"
#include "hw/pci/pci_bus.h"
#include "system/numa.h"
#include "hw/mem/nvgrace-numa.h"
#include "trace.h"

/* Linux' CONFIG_NODES_SHIFT for arm64 is 4 unless a distributor changes it. */
#define LINUX_DEFAULT_NODES     16

/* The machine's state without any GPU; NULL while there is none */
static NumaState *without_gpus;

static NumaState *numa_state(void)
{
    return MACHINE(qdev_get_machine())->numa_state;
}

int nvgrace_numa_socket(const NVGraceMemory *mem)
{
    int node = pci_bus_numa_node(pci_device_root_bus(mem->pdev));

    return node == NUMA_NODE_UNASSIGNED ? 0 : node;
}

static bool owns(const NVGraceMemory *mem, uint32_t node)
{
    return node >= mem->pxm_start && node - mem->pxm_start < mem->pxm_count;
}

const NVGraceMemory *nvgrace_numa_owner(uint32_t node,
                                        const NVGraceMemory *mem)
{
    if (mem && owns(mem, node)) {
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

bool nvgrace_numa_has_cpu(int node)
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

static void append_node(NumaState *numa, uint64_t size)
{
    NodeInfo *node = &numa->nodes[numa->num_nodes++];

    *node = (NodeInfo) {
        .present = true,
        .node_mem = size,
        .initiator = MAX_NODES,
    };
}

/* Nodes that exist from the first GPU on, whoever's they are */
static void add_common_nodes(MachineState *ms, NumaState *numa, int count)
{
    if (!numa->num_nodes) {
        /* As QEMU does for maxmem=: all there is so far is one node. */
        append_node(numa, ms->ram_size);
        if (numa->hmat_enabled) {
            numa->nodes[0].has_cpu = true;
            numa->nodes[0].initiator = 0;
        }
    }
    while (numa->num_nodes < count) {
        append_node(numa, 0);
    }
}

static void take_nodes(MachineState *ms, NumaState *numa,
                       const NVGraceMemory *mem)
{
    uint32_t end = mem->pxm_start + mem->pxm_count;

    add_common_nodes(ms, numa, end);
    for (uint32_t n = mem->pxm_start; n < end; n++) {
        numa->nodes[n].has_gi = true;
    }
}

typedef struct GivenNodes {
    PCIDevice *pdev;
    unsigned long nodes[BITS_TO_LONGS(MAX_NODES)];
} GivenNodes;

static int find_given_node(Object *obj, void *opaque)
{
    GivenNodes *given = opaque;
    AcpiGenericInitiator *gi = (AcpiGenericInitiator *)
        object_dynamic_cast(obj, TYPE_ACPI_GENERIC_INITIATOR);

    if (gi && gi->pci_dev && gi->node < MAX_NODES &&
        object_resolve_path_type(gi->pci_dev, TYPE_PCI_DEVICE, NULL) ==
        OBJECT(given->pdev)) {
        set_bit(gi->node, given->nodes);
    }
    return 0;
}

static void find_given_nodes(GivenNodes *given, PCIDevice *pdev)
{
    *given = (GivenNodes) { .pdev = pdev };
    object_child_foreach_recursive(object_get_objects_root(), find_given_node,
                                   given);
}

bool nvgrace_numa_initiator_given(PCIDevice *pdev, uint32_t node)
{
    GivenNodes given;

    find_given_nodes(&given, pdev);
    return node < MAX_NODES && test_bit(node, given.nodes);
}

/*
 * Whoever writes acpi-generic-initiator objects for the device, by hand or as
 * libvirt does, has chosen its nodes by that.
 */
static bool choose_by_initiators(NVGraceMemory *mem, Error **errp)
{
    GivenNodes given;
    unsigned long first, last, count;

    find_given_nodes(&given, mem->pdev);
    first = find_first_bit(given.nodes, MAX_NODES);
    if (first == MAX_NODES) {
        return true;
    }
    last = find_last_bit(given.nodes, MAX_NODES);
    count = bitmap_count_one(given.nodes, MAX_NODES);

    if (count > NVGRACE_PXM_COUNT_MAX) {
        error_setg(errp, "the acpi-generic-initiator objects of this GPU name "
                   "%lu NUMA nodes, %d are the most", count,
                   NVGRACE_PXM_COUNT_MAX);
        error_append_hint(errp, "Leave some of them out.\n");
        return false;
    }
    if (mem->pxm_start == NVGRACE_PXM_AUTO) {
        if (count != last - first + 1) {
            error_setg(errp, "the acpi-generic-initiator objects of this GPU "
                       "name %lu of the NUMA nodes %lu to %lu, but its nodes "
                       "are consecutive", count, first, last);
            error_append_hint(errp, "Name all of them, or say which they are "
                              "by pxm-start=%lu,pxm-count=%lu.\n", first,
                              last - first + 1);
            return false;
        }
        mem->pxm_start = first;
    }
    if (mem->pxm_count == NVGRACE_PXM_AUTO && last >= mem->pxm_start) {
        mem->pxm_count = last - mem->pxm_start + 1;
    }
    if (first >= mem->pxm_start &&
        (mem->pxm_count == NVGRACE_PXM_AUTO ||
         last - mem->pxm_start < mem->pxm_count)) {
        return true;
    }

    if (first < mem->pxm_start) {
        error_setg(errp, "an acpi-generic-initiator object names NUMA node %lu "
                   "for this GPU, before pxm-start=%" PRIu32, first,
                   mem->pxm_start);
    } else {
        error_setg(errp, "an acpi-generic-initiator object names NUMA node %lu "
                   "for this GPU, beyond the pxm-count=%" PRIu32 " nodes from "
                   "%" PRIu32 " on", last, mem->pxm_count, mem->pxm_start);
    }
    error_append_hint(errp, "Leave pxm-start= and pxm-count= out, then its "
                      "nodes are those that the objects name.\n");
    return false;
}

static bool choose_nodes(MachineState *ms, NVGraceMemory *mem, Error **errp)
{
    NumaState *numa = ms->numa_state;
    int next = MAX(numa->num_nodes, 1);
    bool named = mem->pxm_start == NVGRACE_PXM_AUTO;
    uint64_t end;

    if (!choose_by_initiators(mem, errp)) {
        return false;
    }
    named &= mem->pxm_start != NVGRACE_PXM_AUTO;
    if (mem->pxm_count == NVGRACE_PXM_AUTO) {
        mem->pxm_count = NVGRACE_PXM_COUNT_MAX;
    }

    if (mem->pxm_start == NVGRACE_PXM_AUTO) {
        mem->pxm_start = next;
    }
    if (mem->pxm_start > next) {
        error_setg(errp, "pxm-start=%" PRIu32 " leaves a gap: NUMA nodes are "
                   "numbered without gaps and the next free one is %d",
                   mem->pxm_start, next);
        error_append_hint(errp, named ?
                          "Declare those before it by -numa node, or name "
                          "nodes from %d on in its acpi-generic-initiator "
                          "objects.\n" :
                          "Use pxm-start=%d, or leave pxm-start= out.\n", next);
        return false;
    }

    end = (uint64_t)mem->pxm_start + mem->pxm_count;
    if (end > MAX_NODES) {
        error_setg(errp, "pxm-count=%" PRIu32 " needs NUMA nodes %" PRIu32
                   " to %" PRIu64 ", but the last one that QEMU can have is %d",
                   mem->pxm_count, mem->pxm_start, end - 1, MAX_NODES - 1);
        if (mem->pxm_start < MAX_NODES) {
            error_append_hint(errp, "Use pxm-count=%d or less, here or for "
                              "other GPUs.\n",
                              MAX_NODES - (int)mem->pxm_start);
        } else {
            error_append_hint(errp, "Use a smaller pxm-count= for the GPUs "
                              "before this one.\n");
        }
        return false;
    }

    for (uint32_t n = mem->pxm_start; n < MIN(end, next); n++) {
        const char *why = NULL;

        if (nvgrace_numa_owner(n, NULL)) {
            why = "belongs to another GPU";
        } else if (!numa->num_nodes || numa->nodes[n].node_mem) {
            why = "has memory";
        } else if (nvgrace_numa_has_cpu(n)) {
            why = "has CPUs";
        }
        if (why) {
            error_setg(errp, "pxm-start=%" PRIu32 ",pxm-count=%" PRIu32
                       " takes NUMA node %" PRIu32 ", which %s",
                       mem->pxm_start, mem->pxm_count, n, why);
            error_append_hint(errp, named ?
                              "Name nodes from %d on in its "
                              "acpi-generic-initiator objects.\n" :
                              "Use pxm-start=%d, or leave pxm-start= out.\n",
                              next);
            return false;
        }
    }
    return true;
}

bool nvgrace_numa_add(NVGraceMemory *mem, Error **errp)
{
    ERRP_GUARD();
    MachineState *ms = MACHINE(qdev_get_machine());
    NumaState *numa = ms->numa_state;
    uint32_t start = mem->pxm_start, count = mem->pxm_count;

    if (!choose_nodes(ms, mem, errp)) {
        mem->pxm_start = start;
        mem->pxm_count = count;
        return false;
    }
    if (!without_gpus) {
        without_gpus = g_memdup2(numa, sizeof(*numa));
    }
    take_nodes(ms, numa, mem);
    nvgrace_distances_fill(numa, without_gpus, mem);
    trace_nvgrace_numa_add(mem->pxm_start, mem->pxm_count,
                           nvgrace_numa_socket(mem));

    if (numa->num_nodes > LINUX_DEFAULT_NODES) {
        warn_report_once("%d NUMA nodes are more than the %d of a Linux guest "
                         "with CONFIG_NODES_SHIFT=4, arm64's default; it will "
                         "ignore the rest (pxm-count= makes them fewer)",
                         numa->num_nodes, LINUX_DEFAULT_NODES);
    }
    return true;
}

void nvgrace_numa_remove(void)
{
    MachineState *ms = MACHINE(qdev_get_machine());
    NumaState *numa = ms->numa_state;

    *numa = *without_gpus;
    if (!nvgrace_memory_first()) {
        g_clear_pointer(&without_gpus, g_free);
        return;
    }
    for (NVGraceMemory *m = nvgrace_memory_first(); m;
         m = nvgrace_memory_next(m)) {
        take_nodes(ms, numa, m);
    }
    nvgrace_distances_fill(numa, without_gpus, NULL);
}

int nvgrace_numa_last_node(void)
{
    const NumaState *numa = without_gpus ?: numa_state();
    int node = MAX(numa->num_nodes, without_gpus ? 1 : 0) - 1;

    while (node > 0 && nvgrace_numa_owner(node, NULL)) {
        node--;
    }
    return node;
}
