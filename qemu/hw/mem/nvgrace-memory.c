/*
 * Coherent memory of an NVIDIA Grace GPU, as the guest sees it
 *
 * The CPU of a Grace Hopper or Grace Blackwell superchip reaches the GPU's
 * memory over a cache-coherent link.  It is no PCI BAR and no RAM at boot:
 * firmware describes it in ACPI and the GPU's driver onlines it later.  This
 * object is one GPU's worth of such memory in a virtual machine, whoever
 * provides it: a VFIO device or the emulated GPU.
 *
 *            container, at mem->addr, in the "acpi" view
 *     +----------------------------------+-----------+
 *     |              usemem              |  resmem   |
 *     +----------------------------------+-----------+
 *     0                          usemem_size   usemem_size + resmem_size
 *
 * The two are contiguous and in this order, as on the hardware: a guest that
 * passes the GPU on to its own guest computes the same split.  In the "bar"
 * view there are two BARs instead (nvgrace-bars.c).
 *
 * It is a device without a bus: realizing it asks the machine, which gives it
 * NUMA nodes and an address in its pre_plug handler and maps it in its plug
 * handler (hw/arm/virt-nvgrace.c).
 *
 * In: MemoryRegions, sizes and properties of a PCI device.  Out: the list that
 * the ACPI code (hw/arm/virt-acpi-nvgrace.c) describes and query-nvgrace-gpus
 * (nvgrace-qmp.c) returns.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qemu/module.h"
#include "qapi/error.h"
#include "hw/core/boards.h"
#include "hw/core/hotplug.h"
#include "hw/mem/nvgrace-memory.h"
#include "hw/pci/pci_bridge.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pcie.h"
#include "migration/blocker.h"
#include "nvgrace-bars.h"
#include "hw/mem/nvgrace-dsd.h"
#include "nvgrace-qmp.h"
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

NVGraceMemory *nvgrace_memory_of(PCIDevice *pdev)
{
    NVGraceMemory *mem = nvgrace_memory_first();

    while (mem && mem->pdev != pdev) {
        mem = nvgrace_memory_next(mem);
    }
    return mem;
}

void nvgrace_memory_class_init(ObjectClass *oc)
{
    object_class_property_add(oc, "coherent-memory", "NvgraceGpuInfo",
                              nvgrace_get_info, NULL, NULL, NULL);
    object_class_property_set_description(oc, "coherent-memory",
        "What query-nvgrace-gpus says of this device");
    object_class_property_set_description(oc, "mem-addr",
        "Guest physical address of the coherent memory, a multiple of 512 MiB; "
        "left out, QEMU finds one");
    object_class_property_set_description(oc, "pxm-start",
        "First NUMA node of the coherent memory: one declared without memory "
        "and CPUs; left out, the first that an acpi-generic-initiator names "
        "for this device, or the next free one");
    object_class_property_set_description(oc, "pxm-count",
        "Number of NUMA nodes of the coherent memory, 1 to 8; left out, those "
        "that acpi-generic-initiator objects name, or 8");
    object_class_property_set_description(oc, "egm-node",
        "NUMA node whose RAM is extended GPU memory (EGM) of this GPU; left "
        "out, there is none");
    object_class_property_set_description(oc, "distance",
        "Distance between the NUMA nodes of the coherent memory and all that "
        "are no GPU's, 11 to 254; left out, 80 to those of its own socket and "
        "120 to others");
    object_class_property_set_description(oc, "dump",
        "Have the coherent memory in memory dumps; off by default");
    ACPI_DEV_AML_IF_CLASS(oc)->build_dev_aml = nvgrace_build_dev_aml;
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

    if (!qdev_get_hotplug_handler(DEVICE(mem))) {
        MachineClass *mc = MACHINE_GET_CLASS(qdev_get_machine());

        error_setg(errp, "machine '%s' has no place for coherent GPU memory",
                   mc->name ?: object_get_typename(qdev_get_machine()));
        error_append_hint(errp, "Use -machine virt of qemu-system-aarch64.\n");
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
    if (mem->pxm_count != NVGRACE_PXM_AUTO &&
        (mem->pxm_count < 1 || mem->pxm_count > NVGRACE_PXM_COUNT_MAX)) {
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
static bool init_egm(NVGraceMemory *mem, Error **errp)
{
    return mem->egm_node == NVGRACE_EGM_NONE ||
           memory_region_init_rom(&mem->egm_retired, OBJECT(mem->pdev),
                                  "nvgrace-egm-retired",
                                  NVGRACE_EGM_RETIRED_SIZE, errp);
}

static void cleanup_egm(NVGraceMemory *mem)
{
    if (mem->egm_node != NVGRACE_EGM_NONE) {
        object_unparent(OBJECT(&mem->egm_retired));
    }
}

/* What is mapped at @addr: both, in the "acpi" view */
static void init_container(NVGraceMemory *mem)
{
    if (!nvgrace_memory_is_mapped(mem)) {
        return;
    }
    memory_region_init(&mem->container, OBJECT(mem->pdev), "nvgrace-memory",
                       nvgrace_memory_size(mem));
    memory_region_add_subregion(&mem->container, 0, mem->usemem);
    if (mem->resmem) {
        memory_region_add_subregion(&mem->container, mem->usemem_size,
                                    mem->resmem);
    }
}

static void cleanup_container(NVGraceMemory *mem)
{
    MemoryRegion *mr, *next;

    if (!nvgrace_memory_is_mapped(mem)) {
        return;
    }
    QTAILQ_FOREACH_SAFE(mr, &mem->container.subregions, subregions_link, next) {
        memory_region_del_subregion(&mem->container, mr);
    }
    object_unparent(OBJECT(&mem->container));
}

static bool block_migration(NVGraceMemory *mem, Error **errp)
{
    error_setg(&mem->blocker, "the coherent memory of GPU '%s' cannot be "
               "migrated: it is in a GPU of this host",
               mem->pdev->qdev.id ?: mem->pdev->name);
    return !migrate_add_blocker(&mem->blocker, errp);
}

static void forget(NVGraceMemory *mem)
{
    mem->addr = mem->chosen.addr;
    mem->pxm_start = mem->chosen.pxm_start;
    mem->pxm_count = mem->chosen.pxm_count;
    mem->pdev = NULL;
}

bool nvgrace_memory_plug(NVGraceMemory *mem, PCIDevice *pdev,
                         MemoryRegion *usemem, MemoryRegion *resmem,
                         Error **errp)
{
    mem->usemem = usemem;
    mem->usemem_size = memory_region_size(usemem);
    mem->resmem = resmem;
    mem->resmem_size = resmem ? memory_region_size(resmem) : 0;
    if (!check_size("usemem", mem->usemem_size, errp) ||
        (resmem && !check_size("resmem", mem->resmem_size, errp))) {
        return false;
    }

    mem->pdev = pdev;
    mem->chosen.addr = mem->addr;
    mem->chosen.pxm_start = mem->pxm_start;
    mem->chosen.pxm_count = mem->pxm_count;
    if (!block_migration(mem, errp)) {
        goto err_forget;
    }
    if (!init_egm(mem, errp)) {
        goto err_migration;
    }
    init_container(mem);
    if (!qdev_realize(DEVICE(mem), NULL, errp)) {
        goto err_container;
    }
    if (!nvgrace_memory_is_mapped(mem)) {
        nvgrace_bars_add(mem);
    }

    QTAILQ_INSERT_TAIL(&plugged, mem, next);
    trace_nvgrace_memory_plug(pdev->qdev.id ?: pdev->name, mem->addr,
                              mem->usemem_size, mem->resmem_size);
    return true;

err_container:
    cleanup_container(mem);
    cleanup_egm(mem);
err_migration:
    migrate_del_blocker(&mem->blocker);
err_forget:
    forget(mem);
    return false;
}

void nvgrace_memory_unplug(NVGraceMemory *mem)
{
    if (!mem->pdev) {
        return;
    }
    trace_nvgrace_memory_unplug(mem->pdev->qdev.id ?: mem->pdev->name,
                                mem->addr);

    QTAILQ_REMOVE(&plugged, mem, next);
    if (!nvgrace_memory_is_mapped(mem)) {
        nvgrace_bars_remove(mem);
    }
    hotplug_handler_unplug(qdev_get_hotplug_handler(DEVICE(mem)), DEVICE(mem),
                           &error_abort);
    qdev_unrealize(DEVICE(mem));
    cleanup_container(mem);
    cleanup_egm(mem);
    migrate_del_blocker(&mem->blocker);
    forget(mem);
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
    mem->pxm_count = NVGRACE_PXM_AUTO;
    mem->egm_node = NVGRACE_EGM_NONE;
    mem->distance = NVGRACE_DISTANCE_AUTO;
}

static void nvgrace_memory_device_class_init(ObjectClass *oc, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);

    dc->desc = "Coherent memory of an NVIDIA Grace GPU";
    /* a part of the GPU, which fills it */
    dc->user_creatable = false;
}

static const TypeInfo nvgrace_memory_types[] = {
    {
        .name          = TYPE_NVGRACE_MEMORY,
        .parent        = TYPE_DEVICE,
        .instance_size = sizeof(NVGraceMemory),
        .instance_init = nvgrace_memory_init,
        .class_init    = nvgrace_memory_device_class_init,
    },
};

DEFINE_TYPES(nvgrace_memory_types)
