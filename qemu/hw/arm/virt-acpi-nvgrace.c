/*
 * ACPI description of NVIDIA Grace GPUs' coherent memory on the virt machine
 *
 * What a guest finds is what Grace firmware gives a bare-metal OS:
 *
 *     Device (PC10) {                      host bridge
 *         Name (_PXM, 0)                   the node of the CPUs
 *         Device (RP00) { Name (_ADR, ...) root port, and switch ports if any
 *             Device (GPU0) {              the GPU
 *                 Name (_ADR, 0)
 *                 Name (_DSD, Package () {
 *                     ToUUID ("daffd814-6eba-4d8c-8a91-bc9bbf4aa301"),
 *                     Package () {
 *                         Package () { "nvidia,gpu-mem-base-pa", ... },
 *                         Package () { "nvidia,gpu-mem-pxm-start", ... },
 *                         Package () { "nvidia,gpu-mem-pxm-count", ... },
 *                         Package () { "nvidia,gpu-mem-size", ... } } })
 *
 * and, in the SRAT, for each proximity domain an empty hot-pluggable Memory
 * Affinity structure and a Generic Initiator that names the GPU.  The range
 * itself is not in the SRAT: the driver adds it to the node it wants.
 *
 * The nodes of pcie.0 and below come from QEMU's generic PCI code, which calls
 * nvgrace_build_dev_aml() in the GPU's node.  Their names are S08, S00 and the
 * like: methods of ACPI's PCI hotplug refer to them, and an OS goes by _ADR.
 * It does not call for a device of a class that most often is no such GPU, as
 * vfio-pci: virt_nvgrace_build_dsdt() adds to the node of such a device.
 * QEMU does not describe what is behind a pxb-pcie, so
 * virt_nvgrace_build_dsdt() describes the way to the GPU there, and nothing
 * beside it.
 *
 * In: the plugged nvgrace-memory objects.  Out: AML and SRAT structures.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/acpi/acpi_aml_interface.h"
#include "hw/acpi/aml-build.h"
#include "hw/arm/virt.h"
#include "hw/arm/virt-nvgrace.h"
#include "hw/core/boards.h"
#include "hw/mem/nvgrace-dsd.h"
#include "hw/mem/nvgrace-numa.h"
#include "hw/pci/pci.h"
#include "hw/pci/pci_bridge.h"
#include "hw/pci/pci_bus.h"
#include "system/numa.h"

/* Is a GPU with coherent memory on a bus or below? */
static bool bus_has_memory(PCIBus *bus)
{
    for (NVGraceMemory *mem = nvgrace_memory_first(); mem;
         mem = nvgrace_memory_next(mem)) {
        PCIBus *above = pci_get_bus(mem->pdev);

        while (above != bus && !pci_bus_is_root(above)) {
            above = pci_get_bus(above->parent_dev);
        }
        if (above == bus) {
            return true;
        }
    }
    return false;
}

/* The name of a device's node, as seen from its root bus: "S08.S00" */
static char *node_path(PCIDevice *pdev)
{
    g_autofree char *above = NULL;

    if (pci_bus_is_root(pci_get_bus(pdev))) {
        return g_strdup_printf("S%.02X", pdev->devfn);
    }
    above = node_path(pci_get_bus(pdev)->parent_dev);
    return g_strdup_printf("%s.S%.02X", above, pdev->devfn);
}

/* GPUs on pcie.0 or below, to whose nodes nobody has added anything */
static void append_to_nodes(Aml *pci0, PCIBus *bus)
{
    for (NVGraceMemory *mem = nvgrace_memory_first(); mem;
         mem = nvgrace_memory_next(mem)) {
        if (nvgrace_memory_is_mapped(mem) &&
            pci_device_root_bus(mem->pdev) == bus &&
            !get_dev_aml_func(DEVICE(mem->pdev))) {
            g_autofree char *path = node_path(mem->pdev);
            Aml *node = aml_scope("%s", path);

            nvgrace_append_dsd(node, mem);
            aml_append(pci0, node);
        }
    }
}

/*
 * The devices of a bus that lead to a GPU, under their bare-metal names: RP00
 * for a root port, SW00, SW01, ... for switch ports from the top down, GPU0.
 * Siblings count on.  @depth is the number of bridges above.
 */
static void append_gpu_path(Aml *scope, PCIBus *bus, int depth)
{
    int bridges = 0;

    for (int devfn = 0; devfn < ARRAY_SIZE(bus->devices); devfn++) {
        PCIDevice *pdev = bus->devices[devfn];
        PCIBus *below = pdev && IS_PCI_BRIDGE(pdev)
                        ? pci_bridge_get_sec_bus(PCI_BRIDGE(pdev)) : NULL;
        Aml *dev;

        if (below && bus_has_memory(below)) {
            dev = depth ? aml_device("SW%02X", depth - 1 + bridges)
                        : aml_device("RP%02X", bridges);
            bridges++;
        } else if (pdev && nvgrace_memory_of(pdev)) {
            dev = aml_device("GPU0");
        } else {
            continue;
        }
        /* ACPI 6.5, table 6.2: PCI device in the high word, function below */
        aml_append(dev, aml_name_decl("_ADR", aml_int(PCI_SLOT(devfn) << 16 |
                                                      PCI_FUNC(devfn))));
        if (below) {
            append_gpu_path(dev, below, depth + 1);
        } else if (get_dev_aml_func(DEVICE(pdev))) {
            call_dev_aml_func(DEVICE(pdev), dev);
        } else {
            nvgrace_append_dsd(dev, nvgrace_memory_of(pdev));
        }
        aml_append(scope, dev);
    }
}

void virt_nvgrace_build_dsdt(Aml *dsdt, Aml *pci0, VirtMachineState *vms)
{
    const int socket = nvgrace_numa_first_socket(MACHINE(vms));
    PCIBus *bus;

    if (!nvgrace_memory_first()) {
        return;
    }

    /* Firmware has _PXM here only; what is below inherits it. */
    aml_append(pci0, aml_name_decl("_PXM", aml_int(socket)));
    append_to_nodes(pci0, vms->bus);

    QLIST_FOREACH(bus, &vms->bus->child, sibling) {
        Aml *scope;

        if (!pci_bus_is_root(bus) || !bus_has_memory(bus)) {
            continue;
        }
        scope = aml_scope("\\_SB.PC%.02X", pci_bus_num(bus));
        if (pci_bus_numa_node(bus) == NUMA_NODE_UNASSIGNED) {
            aml_append(scope, aml_name_decl("_PXM", aml_int(socket)));
        }
        append_gpu_path(scope, bus, 0);
        aml_append(dsdt, scope);
    }
}

/*
 * ACPI 6.5, 5.2.16.6 Generic Initiator Affinity Structure, with a PCI device
 * handle (table 5-67).
 */
static void build_generic_initiator(GArray *table, uint32_t pxm,
                                    PCIDevice *pdev)
{
    build_append_int_noprefix(table, 5, 1);   /* Type */
    build_append_int_noprefix(table, 32, 1);  /* Length */
    build_append_int_noprefix(table, 0, 1);   /* Reserved */
    build_append_int_noprefix(table, 1, 1);   /* Device Handle Type: PCI */
    build_append_int_noprefix(table, pxm, 4); /* Proximity Domain */
    build_append_int_noprefix(table, 0, 2);   /* PCI Segment */
    build_append_int_noprefix(table, pci_dev_bus_num(pdev), 1);
    build_append_int_noprefix(table, pdev->devfn, 1);
    build_append_int_noprefix(table, 0, 12);  /* Reserved */
    /* Flags: Enabled, Architectural Transactions, as firmware has them */
    build_append_int_noprefix(table, 0x3, 4);
    build_append_int_noprefix(table, 0, 4);   /* Reserved */
}

/*
 * In the order of their domains, in which Linux numbers its nodes, whoever
 * asked for these and in which order.
 */
void virt_nvgrace_build_srat(GArray *table)
{
    for (uint32_t pxm = 0; pxm < MAX_NODES; pxm++) {
        if (nvgrace_numa_owner(pxm)) {
            build_srat_memory(table, 0, 0, pxm, MEM_AFFINITY_ENABLED |
                              MEM_AFFINITY_HOTPLUGGABLE);
        }
    }
    for (uint32_t pxm = 0; pxm < MAX_NODES; pxm++) {
        const NVGraceMemory *mem = nvgrace_numa_owner(pxm);

        if (mem) {
            build_generic_initiator(table, pxm, mem->pdev);
        }
    }
}

bool virt_nvgrace_canwbs(void)
{
    NVGraceMemory *mem;

    for (mem = nvgrace_memory_first(); mem; mem = nvgrace_memory_next(mem)) {
        if (mem->canwbs) {
            return true;
        }
    }
    return false;
}
