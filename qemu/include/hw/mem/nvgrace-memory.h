/*
 * Coherent memory of an NVIDIA Grace GPU, as the guest sees it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_MEM_NVGRACE_MEMORY_H
#define HW_MEM_NVGRACE_MEMORY_H

#include "hw/pci/pci_device.h"
#include "qapi/qapi-types-nvgrace.h"
#include "hw/core/qdev-properties.h"
#include "qom/object.h"
#include "system/memory.h"

#define TYPE_NVGRACE_MEMORY "nvgrace-memory"
OBJECT_DECLARE_SIMPLE_TYPE(NVGraceMemory, NVGRACE_MEMORY)

/* Firmware describes eight proximity domains per GPU, one per MIG instance. */
#define NVGRACE_PXM_COUNT_MAX 8

/* The list of retired EGM pages fills a page of the largest kind, 64 KiB. */
#define NVGRACE_EGM_RETIRED_SIZE 0x10000

/* "nobody chose one": the placement or the NUMA code chooses */
#define NVGRACE_ADDR_AUTO UINT64_MAX
#define NVGRACE_PXM_AUTO  UINT32_MAX
#define NVGRACE_DISTANCE_AUTO UINT32_MAX

/* Where the memory is in the "bar" view, as Linux' nvgrace-gpu has it */
#define NVGRACE_BAR_RESMEM 2
#define NVGRACE_BAR_USEMEM 4

/* no extended GPU memory */
#define NVGRACE_EGM_NONE  UINT32_MAX

/*
 * Properties of _DSD: nvidia,gpu-mem-base-pa, both nvidia,gpu-mem-pxm-x,
 * nvidia,gpu-mem-size
 */
#define NVGRACE_DSD_BASE  (1u << 0)
#define NVGRACE_DSD_PXM   (1u << 1)
#define NVGRACE_DSD_SIZE  (1u << 2)

/**
 * struct NVGraceMemory - one GPU's coherent memory
 *
 * A child of the PCI device it belongs to, whatever the transport of that
 * device.  The device fills it by nvgrace_memory_plug(); the machine gives it
 * nodes and an address; the ACPI code describes it, from what is here alone.
 *
 * @view:        how the guest sees the memory
 * @addr:        guest physical address of @container (bytes); before plug what
 *               the user asked for or %NVGRACE_ADDR_AUTO, which it stays in the
 *               "bar" view
 * @pxm_start:   first proximity domain; before plug what the user asked for or
 *               %NVGRACE_PXM_AUTO
 * @pxm_count:   how many consecutive proximity domains, 1..8; before plug what
 *               the user asked for or %NVGRACE_PXM_AUTO
 * @egm_node:    the node whose RAM is the GPU's extended GPU memory (EGM), or
 *               %NVGRACE_EGM_NONE
 * @distance:    of its nodes from all that are no GPU's, 11..254, or
 *               %NVGRACE_DISTANCE_AUTO
 * @dump:        the memory is part of memory dumps
 * @usemem_size: bytes of cacheable memory, at offset 0 of @container
 * @resmem_size: bytes of reserved memory right behind, 0 when there is none
 * @pdev:        the PCI function, NULL while not plugged
 * @usemem:      the memories themselves, owned by whoever plugged them; @resmem
 * @resmem:      is NULL when there is none
 * @container:   "acpi" view: what is mapped at @addr: both, contiguous
 * @bars:        "bar" view: what is registered as BAR: usemem, resmem
 * @chosen:      @addr, @pxm_start and @pxm_count as the user had them, to go
 *               back to when unplugged
 * @egm_base:    guest physical address of that RAM, and how many bytes it is;
 * @egm_size:    set by placement if there is EGM
 * @egm_retired: the list of its retired pages: { u64 count; u64 addr[count] },
 *               with a count of 0
 * @egm_retired_addr: where that is in the guest
 * @blocker:     why the machine cannot be migrated
 * @canwbs:      the machine is a Grace host: what the GPU's root complex does
 *               is coherent whatever the attributes of a page are, and the IORT
 *               says so
 * @dsd_omit:    set of NVGRACE_DSD_x: missing in _DSD; with all of them missing
 *               there is no _DSD.  This and the next three are 0 but for tests
 *               of those who read firmware that is wrong
 * @dsd_replace: set of NVGRACE_DSD_BASE and NVGRACE_DSD_SIZE: not the truth but
 *               @dsd_base or @dsd_size
 * @dsd_base:    reported instead of @addr (bytes)
 * @dsd_size:    reported instead of the size of both memories (bytes)
 */
struct NVGraceMemory {
    DeviceState parent_obj;

    NvgraceGuestView view;
    uint64_t addr;
    uint32_t pxm_start;
    uint32_t pxm_count;
    uint32_t egm_node;
    uint32_t distance;
    bool dump;

    uint64_t usemem_size;
    uint64_t resmem_size;
    PCIDevice *pdev;
    MemoryRegion *usemem;
    MemoryRegion *resmem;
    MemoryRegion container;
    MemoryRegion bars[2];

    struct {
        uint64_t addr;
        uint32_t pxm_start;
        uint32_t pxm_count;
    } chosen;
    uint64_t egm_base;
    uint64_t egm_size;
    MemoryRegion egm_retired;
    uint64_t egm_retired_addr;
    Error *blocker;
    bool canwbs;

    uint32_t dsd_omit;
    uint32_t dsd_replace;
    uint64_t dsd_base;
    uint64_t dsd_size;

    QTAILQ_ENTRY(NVGraceMemory) next;
};

/* The properties of every device that has such a memory. */
#define DEFINE_NVGRACE_MEMORY_PROPERTIES(_state, _field)                   \
    DEFINE_PROP_UINT64("mem-addr", _state, _field.addr, NVGRACE_ADDR_AUTO), \
    DEFINE_PROP_UINT32("pxm-start", _state, _field.pxm_start,              \
                       NVGRACE_PXM_AUTO),                                  \
    DEFINE_PROP_UINT32("pxm-count", _state, _field.pxm_count,              \
                       NVGRACE_PXM_AUTO),                                  \
    DEFINE_PROP_UINT32("egm-node", _state, _field.egm_node,                \
                       NVGRACE_EGM_NONE),                                  \
    DEFINE_PROP_UINT32("distance", _state, _field.distance,                \
                       NVGRACE_DISTANCE_AUTO),                             \
    DEFINE_PROP_BOOL("dump", _state, _field.dump, false)

/*
 * DeviceClass::hotplug_hint of every device that has such a memory, none of
 * which is hotpluggable
 */
#define NVGRACE_HOTPLUG_HINT                                                \
    ": ACPI describes its coherent memory once, at boot; add it with -device " \
    "and remove it while the machine is off"

/**
 * nvgrace_memory_class_init() - what the classes of such devices share
 * @oc: the class, after the properties above were added to it
 *
 * The help of these properties; one more, "coherent-memory", which is what
 * query-nvgrace-gpus says of the device; and how ACPI describes it.
 */
void nvgrace_memory_class_init(ObjectClass *oc);

/**
 * nvgrace_memory_of() - the memory of a device
 *
 * Returns: the plugged memory of @pdev, NULL if it has none.
 */
NVGraceMemory *nvgrace_memory_of(PCIDevice *pdev);

/**
 * nvgrace_memory_check() - can this device have coherent memory at all?
 * @mem: the memory's properties
 * @pdev: the PCI function
 * @errp: what is wrong and what to type instead
 *
 * To be called at the start of realize, before anything is set up: the machine
 * takes such memory, the device is function 0 behind a root port (or a switch),
 * pxm-count is 1..8.
 *
 * Returns: true if all of it holds.
 */
bool nvgrace_memory_check(NVGraceMemory *mem, PCIDevice *pdev, Error **errp);

/**
 * nvgrace_memory_plug() - put the memory into the guest
 * @mem: the memory; nvgrace_memory_check() has passed
 * @pdev: the PCI function it belongs to
 * @usemem: cacheable memory, not mapped anywhere yet
 * @resmem: reserved memory or NULL; not mapped anywhere yet
 * @errp: what is wrong and what to type instead
 *
 * Blocks migration and realizes @mem, by which the machine gives it NUMA nodes.
 * In the "acpi" view the machine also finds an address and maps @usemem and,
 * right behind it, @resmem there; in the "bar" view each is registered as a BAR
 * of @pdev, which has none of that number.
 * On failure all of that is undone.
 *
 * Returns: true on success.
 */
bool nvgrace_memory_plug(NVGraceMemory *mem, PCIDevice *pdev,
                         MemoryRegion *usemem, MemoryRegion *resmem,
                         Error **errp);

/**
 * nvgrace_memory_unplug() - take the memory out of the guest
 * @mem: the memory; nothing happens when it is not plugged
 */
void nvgrace_memory_unplug(NVGraceMemory *mem);

/**
 * nvgrace_memory_first(), nvgrace_memory_next() - all plugged memories, in the
 * order in which they were plugged
 */
NVGraceMemory *nvgrace_memory_first(void);
NVGraceMemory *nvgrace_memory_next(NVGraceMemory *mem);

/**
 * nvgrace_memory_is_mapped() - is the memory outside every BAR, at @addr?
 *
 * In the "bar" view it is not.
 */
static inline bool nvgrace_memory_is_mapped(const NVGraceMemory *mem)
{
    return mem->view == NVGRACE_GUEST_VIEW_ACPI;
}

/**
 * nvgrace_memory_set_dump() - is this memory part of memory dumps?
 * @mr: RAM, no alias of any
 * @dump: NVGraceMemory.dump
 */
void nvgrace_memory_set_dump(MemoryRegion *mr, bool dump);

/** nvgrace_memory_size() - bytes of usemem and resmem together */
static inline uint64_t nvgrace_memory_size(const NVGraceMemory *mem)
{
    return mem->usemem_size + mem->resmem_size;
}

#endif /* HW_MEM_NVGRACE_MEMORY_H */
