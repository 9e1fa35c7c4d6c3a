/*
 * Which NUMA nodes an NVIDIA Grace GPU's coherent memory gets
 *
 * They are consecutive, have neither memory nor CPUs at boot and are nobody
 * else's.  Whoever writes acpi-generic-initiator objects for the GPU, by hand
 * or as libvirt does, has chosen them by that; otherwise pxm-start= is where
 * they begin, or they are the next that nobody has.  There may be a gap before
 * them: a node without memory, CPUs and initiator is not in the SRAT.
 *
 * Each hint is checked before it is given: whoever follows it has this GPU's
 * nodes right.
 *
 * In: pxm-start= and pxm-count=, the objects, and who has which node already.
 * Out: numbers for pxm-start and pxm-count.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/acpi/generic-initiator.h"
#include "hw/mem/nvgrace-numa.h"
#include "hw/pci/pci.h"
#include "nvgrace-nodes.h"

/* Which nodes acpi-generic-initiator objects name */
typedef struct Named {
    Object *device;
    DECLARE_BITMAP(here, MAX_NODES);        /* for @device */
    DECLARE_BITMAP(elsewhere, MAX_NODES);   /* for others */
    bool describe;                          /* those of @device are ours now */
} Named;

static int find_named(Object *obj, void *opaque)
{
    Named *named = opaque;
    AcpiGenericInitiator *gi = (AcpiGenericInitiator *)
        object_dynamic_cast(obj, TYPE_ACPI_GENERIC_INITIATOR);

    if (!gi || !gi->pci_dev || gi->node >= MAX_NODES) {
        return 0;
    }
    if (object_resolve_path_type(gi->pci_dev, TYPE_PCI_DEVICE, NULL) !=
        named->device) {
        set_bit(gi->node, named->elsewhere);
        return 0;
    }
    set_bit(gi->node, named->here);
    gi->described |= named->describe;
    return 0;
}

static Named named_for(const NVGraceMemory *mem, bool describe)
{
    Named named = { .device = OBJECT(mem->pdev), .describe = describe };

    object_child_foreach_recursive(object_get_objects_root(), find_named,
                                   &named);
    return named;
}

bool nvgrace_nodes_named(const NVGraceMemory *mem)
{
    Named named = named_for(mem, false);

    return !bitmap_empty(named.here, MAX_NODES);
}

void nvgrace_nodes_describe(const NVGraceMemory *mem)
{
    named_for(mem, true);
}

/* Why a node cannot be one of another GPU; NULL if it can */
static char *occupant(MachineState *ms, uint32_t node)
{
    const NVGraceMemory *owner = nvgrace_numa_owner(node);
    bool memory = nvgrace_numa_has_memory(ms, node);
    bool cpus = nvgrace_numa_has_cpu(ms, node);

    if (owner) {
        return g_strdup_printf("belongs to GPU '%s'",
                               owner->pdev->qdev.id ?: owner->pdev->name);
    }
    return memory || cpus ? g_strdup_printf("has %s", memory && cpus ?
                                            "memory and CPUs" : memory ?
                                            "memory" : "CPUs") : NULL;
}

static bool is_free(MachineState *ms, const Named *named, uint32_t node)
{
    g_autofree char *why = occupant(ms, node);

    return !why && !test_bit(node, named->elsewhere);
}

/* The first of @count free nodes from @from on; MAX_NODES if there are none */
static uint32_t find_free(MachineState *ms, const Named *named, uint32_t from,
                          uint32_t count)
{
    uint32_t found = 0;

    for (uint32_t n = from; n < MAX_NODES; n++) {
        found = is_free(ms, named, n) ? found + 1 : 0;
        if (found == count) {
            return n - count + 1;
        }
    }
    return MAX_NODES;
}

/*
 * Nodes that the user declared may be meant for something, so they are taken
 * only when there are no others.
 */
static uint32_t find_room(MachineState *ms, const Named *named, uint32_t count)
{
    uint32_t next = MAX(ms->numa_state->num_nodes, 1);
    uint32_t start = find_free(ms, named, next, count);

    return start < MAX_NODES ? start : find_free(ms, named, 1, count);
}

/* What to type if no object names a node for this GPU */
static void hint_at_room(MachineState *ms, const Named *named, uint32_t count,
                         Error **errp)
{
    uint32_t start = find_room(ms, named, count);

    if (start < MAX_NODES) {
        error_append_hint(errp, "Use pxm-start=%" PRIu32 ", or leave "
                          "pxm-start= out.\n", start);
        return;
    }
    while (--count && find_room(ms, named, count) == MAX_NODES) {
        continue;
    }
    if (count) {
        error_append_hint(errp, "Use pxm-count=%" PRIu32 " without "
                          "pxm-start=.\n", count);
    } else if (nvgrace_memory_first()) {
        error_append_hint(errp, "Use a smaller pxm-count= for the GPUs before "
                          "this one: 1 is enough without MIG.\n");
    } else {
        error_append_hint(errp, "Declare fewer NUMA nodes.\n");
    }
}

/*
 * What to type if objects name nodes for this GPU: those of them that can be
 * its nodes, with what is missing in between, or others
 */
static void hint_at_names(MachineState *ms, const Named *named,
                          const NVGraceMemory *mem, Error **errp)
{
    uint32_t last = find_last_bit(named->here, MAX_NODES);
    uint32_t count = MIN(bitmap_count_one(named->here, MAX_NODES),
                         NVGRACE_PXM_COUNT_MAX);
    uint32_t start = find_first_bit(named->here, MAX_NODES);

    while (start < MAX_NODES && !is_free(ms, named, start)) {
        start = find_next_bit(named->here, MAX_NODES, start + 1);
    }
    if (start < MAX_NODES) {
        count = 1;
        while (count < NVGRACE_PXM_COUNT_MAX && start + count <= last &&
               is_free(ms, named, start + count)) {
            count++;
        }
    } else {
        start = find_room(ms, named, count);
    }

    if (mem->pxm_start != NVGRACE_PXM_AUTO ||
        mem->pxm_count != NVGRACE_PXM_AUTO) {
        error_append_hint(errp, "Leave pxm-start= and pxm-count= out.\n");
    }
    if (start < MAX_NODES) {
        g_autofree char *nodes = count == 1 ?
            g_strdup_printf("node %" PRIu32, start) :
            g_strdup_printf("nodes %" PRIu32 " to %" PRIu32, start,
                            start + count - 1);

        error_append_hint(errp, "Let these objects name %s and no other%s.\n",
                          nodes,
                          find_room(ms, named, NVGRACE_PXM_COUNT_MAX) ==
                          MAX_NODES ? "" :
                          ", or leave them out: QEMU then makes the nodes");
    } else {
        error_append_hint(errp, "Leave these objects out.\n");
        hint_at_room(ms, named, NVGRACE_PXM_COUNT_MAX, errp);
    }
}

/* What the objects name has to be right by itself. */
static bool check_names(MachineState *ms, const Named *named,
                        const NVGraceMemory *mem, Error **errp)
{
    ERRP_GUARD();
    uint32_t first = find_first_bit(named->here, MAX_NODES);
    uint32_t last = find_last_bit(named->here, MAX_NODES);
    uint32_t count = bitmap_count_one(named->here, MAX_NODES);
    uint32_t missing = find_next_zero_bit(named->here, MAX_NODES, first);

    for (uint32_t n = first; n <= last; n++) {
        g_autofree char *why = test_bit(n, named->here) ? occupant(ms, n)
                                                        : NULL;

        if (why) {
            error_setg(errp, "an acpi-generic-initiator object names NUMA node "
                       "%" PRIu32 " for this GPU, but that node %s", n, why);
            hint_at_names(ms, named, mem, errp);
            return false;
        }
    }
    if (count > NVGRACE_PXM_COUNT_MAX) {
        error_setg(errp, "the acpi-generic-initiator objects of this GPU name "
                   "%" PRIu32 " NUMA nodes, %d are the most", count,
                   NVGRACE_PXM_COUNT_MAX);
        hint_at_names(ms, named, mem, errp);
        return false;
    }
    if (mem->pxm_start == NVGRACE_PXM_AUTO && missing < last) {
        error_setg(errp, "the acpi-generic-initiator objects of this GPU name "
                   "NUMA nodes %" PRIu32 " and %" PRIu32 ", but not %" PRIu32
                   " in between: its nodes are consecutive", first, last,
                   missing);
        hint_at_names(ms, named, mem, errp);
        return false;
    }
    return true;
}

/* With pxm-start= and pxm-count= there may be nodes beside the named ones. */
static bool check_named_in(MachineState *ms, const Named *named,
                           const NVGraceMemory *mem, uint32_t start,
                           uint32_t count, Error **errp)
{
    ERRP_GUARD();
    uint32_t first = find_first_bit(named->here, MAX_NODES);
    uint32_t last = find_last_bit(named->here, MAX_NODES);

    if (first >= start && last - start < count) {
        return true;
    }
    error_setg(errp, "an acpi-generic-initiator object names NUMA node %" PRIu32
               " for this GPU, which is none of the pxm-count=%" PRIu32
               " nodes from %" PRIu32 " on", first < start ? first : last,
               count, start);
    hint_at_names(ms, named, mem, errp);
    return false;
}

static bool check_range(MachineState *ms, const Named *named,
                        const NVGraceMemory *mem, uint32_t start,
                        uint32_t count, Error **errp)
{
    ERRP_GUARD();
    uint64_t end = (uint64_t)start + count;

    if (end > MAX_NODES) {
        error_setg(errp, "pxm-start=%" PRIu32 ",pxm-count=%" PRIu32 " takes "
                   "NUMA nodes up to %" PRIu64 ", but the last one that QEMU "
                   "can have is %d", start, count, end - 1, MAX_NODES - 1);
        goto hint;
    }
    for (uint32_t n = start; n < end; n++) {
        g_autofree char *why = occupant(ms, n);

        if (why) {
            error_setg(errp, "pxm-start=%" PRIu32 ",pxm-count=%" PRIu32
                       " takes NUMA node %" PRIu32 ", which %s", start, count,
                       n, why);
            goto hint;
        }
    }
    return true;

hint:
    if (bitmap_empty(named->here, MAX_NODES)) {
        hint_at_room(ms, named, count, errp);
    } else {
        hint_at_names(ms, named, mem, errp);
    }
    return false;
}

bool nvgrace_nodes_choose(MachineState *ms, NVGraceMemory *mem, Error **errp)
{
    ERRP_GUARD();
    Named named = named_for(mem, false);
    uint32_t first = find_first_bit(named.here, MAX_NODES);
    uint32_t last = find_last_bit(named.here, MAX_NODES);
    bool any = first < MAX_NODES;
    uint32_t start = mem->pxm_start, count = mem->pxm_count;

    if (any && !check_names(ms, &named, mem, errp)) {
        return false;
    }
    if (any && start == NVGRACE_PXM_AUTO) {
        start = first;
    }
    if (count == NVGRACE_PXM_AUTO) {
        count = any && last >= start ? MIN(last - start + 1,
                                           NVGRACE_PXM_COUNT_MAX)
                                     : NVGRACE_PXM_COUNT_MAX;
    }
    if (start == NVGRACE_PXM_AUTO) {
        start = find_room(ms, &named, count);
        if (start == MAX_NODES) {
            error_setg(errp, "pxm-count=%" PRIu32 " needs as many consecutive "
                       "NUMA nodes, which are not left of the %d that QEMU can "
                       "have", count, MAX_NODES);
            hint_at_room(ms, &named, count, errp);
            return false;
        }
    }
    if (any && !check_named_in(ms, &named, mem, start, count, errp)) {
        return false;
    }
    if (!check_range(ms, &named, mem, start, count, errp)) {
        return false;
    }
    mem->pxm_start = start;
    mem->pxm_count = count;
    return true;
}
