/*
 * Coherent memory of an NVIDIA Grace GPU, as the guest sees it
 *
 * The CPU of a Grace Hopper or Grace Blackwell superchip reaches the GPU's
 * memory over a cache-coherent link.  It is no PCI BAR and no RAM at boot:
 * firmware describes it in ACPI and the GPU's driver onlines it later.  This
 * object is one GPU's worth of such memory in a virtual machine, whoever
 * provides it: a VFIO device or the emulated GPU.
 *
 *            container, at mem->addr
 *     +----------------------------------+-----------+
 *     |              usemem              |  resmem   |
 *     +----------------------------------+-----------+
 *     0                          usemem_size   usemem_size + resmem_size
 *
 * The two are contiguous and in this order, as on the hardware: a guest that
 * passes the GPU on to its own guest computes the same split.
 *
 * In: MemoryRegions, sizes and properties of a PCI device.  Out: NUMA nodes
 * (nvgrace-numa.c), a guest physical address (hw/arm/virt-nvgrace.c), and the
 * list that the ACPI code (hw/arm/virt-acpi-nvgrace.c) describes.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qemu/module.h"
#include "qapi/error.h"
#include "hw/arm/virt-nvgrace.h"
#include "hw/mem/nvgrace-memory.h"
#include "hw/pci/pci_bridge.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pcie.h"
#include "system/address-spaces.h"
#include "nvgrace-numa.h"
#include "trace.h"

static QTAILQ_HEAD(, NVGraceMemory) plugged =
    QTAILQ_HEAD_INITIALIZER(plugged);

NVGraceMemory *nvgrace_memory_first(void)
{
    return QTAILQ_FIRST(&plugged);
}

NVGraceMemory *nvgrace_memory_next(NVGraceMemory *mem)
{
    return QTAILQ_NEXT(mem, next);
}

void nvgrace_memory_describe(ObjectClass *oc)
{
    object_class_property_set_description(oc, "mem-addr",
        "Guest physical address of the coherent memory, a multiple of 512 MiB; "
        "left out, QEMU finds one");
    object_class_property_set_description(oc, "pxm-start",
        "First NUMA node of the coherent memory: one declared without memory "
        "and CPUs; left out, the next free one");
    object_class_property_set_description(oc, "pxm-count",
        "Number of NUMA nodes of the coherent memory, 1 to 8");
    object_class_property_set_description(oc, "egm-node",
        "NUMA node whose RAM is extended GPU memory (EGM) of this GPU; left "
        "out, there is none");
}

static bool below_pcie_port(PCIDevice *pdev)
{
    PCIDevice *port = pci_get_bus(pdev)->parent_dev;

    if (pci_bus_is_root(pci_get_bus(pdev)) || !pci_is_express(port)) {
        return false;
    }
    switch (pcie_cap_get_type(port)) {
    case PCI_EXP_TYPE_ROOT_PORT:
    case PCI_EXP_TYPE_DOWNSTREAM:
        return true;
    default:
        return false;
    }
}

bool nvgrace_memory_check(NVGraceMemory *mem, PCIDevice *pdev, Error **errp)
{
    ERRP_GUARD();

    if (!virt_nvgrace_check(errp)) {
        return false;
    }

    /* NVIDIA's driver looks for Generic Initiators of function 00.0 only. */
    if (!below_pcie_port(pdev) || pdev->devfn) {
        error_setg(errp, "a Grace GPU is function 0 of device 0 behind a PCIe "
                   "root port, not %02x.%x of bus '%s'", PCI_SLOT(pdev->devfn),
                   PCI_FUNC(pdev->devfn), BUS(pci_get_bus(pdev))->name);
        error_append_hint(errp, "Use -device pcie-root-port,id=rp0,chassis=1 "
                          "and bus=rp0,addr=0 for the GPU.\n");
        return false;
    }

    if (mem->pxm_count < 1 || mem->pxm_count > NVGRACE_PXM_COUNT_MAX) {
        error_setg(errp, "pxm-count=%" PRIu32 " is not between 1 and %d",
                   mem->pxm_count, NVGRACE_PXM_COUNT_MAX);
        error_append_hint(errp, "Bare metal has %d per GPU; 1 is enough "
                          "without MIG.\n", NVGRACE_PXM_COUNT_MAX);
        return false;
    }
    return true;
}

static bool check_size(const char *what, uint64_t size, Error **errp)
{
    ERRP_GUARD();
    uint64_t page = qemu_real_host_page_size();

    if (!size || !QEMU_IS_ALIGNED(size, page)) {
        error_setg(errp, "%s of 0x%" PRIx64 " bytes is not a positive multiple "
                   "of the page size 0x%" PRIx64, what, size, page);
        error_append_hint(errp, "Give it 0x%" PRIx64 " bytes.\n",
                          ROUND_UP(MAX(size, 1), page));
        return false;
    }
    return true;
}

/*
 * EGM itself is RAM of the machine.  What is missing is the list of its retired
 * pages, which firmware has in reserved memory.  It is empty, as QEMU does not
 * give a guest pages that the host has retired.
 */
static bool map_egm(NVGraceMemory *mem, Error **errp)
{
    if (mem->egm_node == NVGRACE_EGM_NONE) {
        return true;
    }
    if (!virt_nvgrace_place_egm(mem, errp) ||
        !memory_region_init_rom(&mem->egm_retired, OBJECT(mem->pdev),
                                "nvgrace-egm-retired", NVGRACE_EGM_RETIRED_SIZE,
                                errp)) {
        return false;
    }
    memory_region_add_subregion(get_system_memory(), mem->egm_retired_addr,
                                &mem->egm_retired);
    return true;
}

bool nvgrace_memory_plug(NVGraceMemory *mem, PCIDevice *pdev,
                         MemoryRegion *usemem, MemoryRegion *resmem,
                         Error **errp)
{
    uint32_t pxm_start = mem->pxm_start;
    uint64_t addr;

    mem->usemem_size = memory_region_size(usemem);
    mem->resmem_size = resmem ? memory_region_size(resmem) : 0;
    if (!check_size("usemem", mem->usemem_size, errp) ||
        (resmem && !check_size("resmem", mem->resmem_size, errp))) {
        return false;
    }

    mem->pdev = pdev;
    if (!nvgrace_numa_add(mem, errp)) {
        mem->pdev = NULL;
        return false;
    }
    addr = mem->addr;
    mem->addr_chosen = addr != NVGRACE_ADDR_AUTO;
    if (!virt_nvgrace_place(mem, errp) || !map_egm(mem, errp)) {
        nvgrace_numa_remove(mem, true);
        mem->addr = addr;
        mem->pxm_start = pxm_start;
        mem->pdev = NULL;
        return false;
    }

    memory_region_init(&mem->container, OBJECT(pdev), "nvgrace-memory",
                       nvgrace_memory_size(mem));
    memory_region_add_subregion(&mem->container, 0, usemem);
    if (resmem) {
        memory_region_add_subregion(&mem->container, mem->usemem_size, resmem);
    }
    memory_region_add_subregion(get_system_memory(), mem->addr,
                                &mem->container);

    QTAILQ_INSERT_TAIL(&plugged, mem, next);
    trace_nvgrace_memory_plug(pdev->qdev.id ?: pdev->name, mem->addr,
                              mem->usemem_size, mem->resmem_size);
    return true;
}

void nvgrace_memory_unplug(NVGraceMemory *mem)
{
    MemoryRegion *mr, *next;
    bool last;

    if (!mem->pdev) {
        return;
    }
    trace_nvgrace_memory_unplug(mem->pdev->qdev.id ?: mem->pdev->name,
                                mem->addr);

    last = !QTAILQ_NEXT(mem, next);
    QTAILQ_REMOVE(&plugged, mem, next);

    memory_region_del_subregion(get_system_memory(), &mem->container);
    QTAILQ_FOREACH_SAFE(mr, &mem->container.subregions, subregions_link, next) {
        memory_region_del_subregion(&mem->container, mr);
    }
    object_unparent(OBJECT(&mem->container));
    if (mem->egm_node != NVGRACE_EGM_NONE) {
        memory_region_del_subregion(get_system_memory(), &mem->egm_retired);
        object_unparent(OBJECT(&mem->egm_retired));
    }

    nvgrace_numa_remove(mem, last);
    if (!mem->addr_chosen) {
        mem->addr = NVGRACE_ADDR_AUTO;
    }
    mem->pdev = NULL;
}

/*
 * The same defaults as DEFINE_NVGRACE_MEMORY_PROPERTIES(): those are applied to
 * the device before its instance_init creates, and so zeroes, this object.
 */
static void nvgrace_memory_init(Object *obj)
{
    NVGraceMemory *mem = NVGRACE_MEMORY(obj);

    mem->addr = NVGRACE_ADDR_AUTO;
    mem->pxm_start = NVGRACE_PXM_AUTO;
    mem->pxm_count = NVGRACE_PXM_COUNT_MAX;
    mem->egm_node = NVGRACE_EGM_NONE;
}

static const TypeInfo nvgrace_memory_types[] = {
    {
        .name          = TYPE_NVGRACE_MEMORY,
        .parent        = TYPE_OBJECT,
        .instance_size = sizeof(NVGraceMemory),
        .instance_init = nvgrace_memory_init,
    },
};

DEFINE_TYPES(nvgrace_memory_types)
