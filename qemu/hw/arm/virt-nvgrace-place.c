/*
 * Where in the virt machine's memory map coherent GPU memory goes
 *
 * In the "acpi" view it is in the range that is kept for it
 * (virt-nvgrace-room.c), or where the user wants it; in the "bar" view it is
 * in the high PCIe MMIO window, and firmware says where.
 *
 * In: the sizes of a memory, and mem-addr=.  Out: its address, not mapped yet.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "hw/arm/virt.h"
#include "hw/core/boards.h"
#include "hw/mem/memory-device.h"
#include "hw/pci/pci.h"
#include "kvm_arm.h"
#include "system/address-spaces.h"
#include "system/kvm.h"
#include "system/numa.h"
#include "target/arm/cpu-qom.h"
#include "target/arm/internals.h"
#include "trace.h"
#include "virt-nvgrace-place.h"
#include "virt-nvgrace-room.h"

/*
 * Memory is onlined in blocks of 512 MiB by a guest with 64 KiB pages, the
 * largest on arm64 (SECTION_SIZE_BITS is 29); NVIDIA's firmware splits usemem
 * and resmem at a multiple of the same size.
 */
#define NVGRACE_MEM_ALIGN (512 * MiB)

/* What is left of the window for all BARs that are no GPU's */
#define OTHER_BARS (1 * GiB)

/*
 * How many bits it has: KVM's IPA size was chosen from the highest address of
 * the memory map before any device existed, see virt_kvm_type().
 */
static int pa_bits(VirtMachineState *vms)
{
    return kvm_enabled() ? MAX(64 - clz64(vms->highest_gpa), 32)
                         : arm_pamax(ARM_CPU(first_cpu));
}

/* What is mapped at @range, or may be later: its name and where it is. */
static char *occupant(VirtMachineState *vms, AddressRange range,
                      AddressRange *where)
{
    MachineState *ms = MACHINE(vms);
    const struct {
        const char *name;
        AddressRange range;
    } known[] = {
        { "guest RAM", { vms->memmap[VIRT_MEM].base, ms->ram_size } },
        { "the memory hotplug range", {
            ms->device_memory ? ms->device_memory->base : 0,
            ms->device_memory ? memory_region_size(&ms->device_memory->mr) : 0
        } },
        { "the PCIe MMIO window", { vms->memmap[VIRT_PCIE_MMIO].base,
                                    vms->memmap[VIRT_PCIE_MMIO].size } },
        { "the high PCIe ECAM", {
            vms->memmap[VIRT_HIGH_PCIE_ECAM].base,
            vms->highmem_ecam ? vms->memmap[VIRT_HIGH_PCIE_ECAM].size : 0
        } },
        { "the high PCIe MMIO window", {
            vms->memmap[VIRT_HIGH_PCIE_MMIO].base,
            vms->highmem_mmio ? vms->memmap[VIRT_HIGH_PCIE_MMIO].size : 0
        } },
    };
    MemoryRegionSection section;
    char *name;

    for (int i = 0; i < ARRAY_SIZE(known); i++) {
        if (known[i].range.size && overlap(range, known[i].range)) {
            *where = known[i].range;
            return g_strdup(known[i].name);
        }
    }
    for (NVGraceMemory *m = nvgrace_memory_first(); m;
         m = nvgrace_memory_next(m)) {
        *where = (AddressRange) { m->addr, nvgrace_memory_size(m) };
        if (nvgrace_memory_is_mapped(m) && overlap(range, *where)) {
            return g_strdup_printf("the coherent memory of GPU '%s'",
                                   m->pdev->qdev.id ?: m->pdev->name);
        }
    }

    section = memory_region_find(get_system_memory(), range.base, range.size);
    if (!section.mr) {
        return NULL;
    }
    *where = (AddressRange) { section.offset_within_address_space,
                              int128_get64(section.size) };
    name = g_strdup_printf("memory region '%s'",
                           memory_region_name(section.mr));
    memory_region_unref(section.mr);
    return name;
}

/* Name an address that would do, if the one we have in mind does. */
static void hint_at_addr(VirtMachineState *vms, AddressRange range,
                         const char *use, Error **errp)
{
    uint64_t limit = BIT_ULL(pa_bits(vms));
    g_autofree char *name = NULL;
    AddressRange where;

    if (range.size <= limit && range.base <= limit - range.size) {
        name = occupant(vms, range, &where);
        if (!name) {
            error_append_hint(errp, "Use %smem-addr=0x%" PRIx64
                              ", or leave mem-addr= out.\n", use, range.base);
            return;
        }
    }
    error_append_hint(errp, "Leave mem-addr= out, then QEMU finds a free "
                      "address.\n");
}

static bool check_addr(VirtMachineState *vms, AddressRange range, Error **errp)
{
    uint64_t limit = BIT_ULL(pa_bits(vms));
    g_autofree char *name = NULL;
    AddressRange where;

    if (!QEMU_IS_ALIGNED(range.base, NVGRACE_MEM_ALIGN)) {
        error_setg(errp, "mem-addr=0x%" PRIx64 " is not a multiple of 512 MiB "
                   "(0x%" PRIx64 "), the memory block of a guest with 64 KiB "
                   "pages", range.base, (uint64_t)NVGRACE_MEM_ALIGN);
        range.base = ROUND_DOWN(range.base, NVGRACE_MEM_ALIGN);
        hint_at_addr(vms, range, "", errp);
        return false;
    }
    if (range.base > limit || range.size > limit - range.base) {
        error_setg(errp, "0x%" PRIx64 " bytes at mem-addr=0x%" PRIx64 " go "
                   "beyond the guest's last physical address 0x%" PRIx64,
                   range.size, range.base, limit - 1);
        range.base = ROUND_DOWN(limit - MIN(range.size, limit),
                                NVGRACE_MEM_ALIGN);
        hint_at_addr(vms, range, "at most ", errp);
        return false;
    }

    name = occupant(vms, range, &where);
    if (name) {
        error_setg(errp, "0x%" PRIx64 " bytes at mem-addr=0x%" PRIx64
                   " overlap %s at 0x%" PRIx64 "-0x%" PRIx64, range.size,
                   range.base, name, where.base, where.base + where.size - 1);
        error_append_hint(errp, "Leave mem-addr= out, then QEMU finds a free "
                          "address.\n");
        return false;
    }
    return true;
}

bool virt_nvgrace_place(VirtMachineState *vms, NVGraceMemory *mem,
                        Error **errp)
{
    ERRP_GUARD();
    AddressRange range = { mem->addr, nvgrace_memory_size(mem) };

    if (range.base == NVGRACE_ADDR_AUTO &&
        !virt_nvgrace_room_find(vms, mem, &range.base, errp)) {
        return false;
    }
    if (!check_addr(vms, range, errp)) {
        return false;
    }

    mem->addr = range.base;
    trace_virt_nvgrace_place(range.base, range.size,
                             MIN(range.base & -range.base,
                                 pow2ceil(range.size)));
    return true;
}

/* Bytes of the window of the port above a GPU, as firmware makes it */
static uint64_t port_window(const NVGraceMemory *mem)
{
    const int prefetchable = PCI_BASE_ADDRESS_MEM_TYPE_64 |
                             PCI_BASE_ADDRESS_MEM_PREFETCH;
    uint64_t largest = pow2ceil(MAX(mem->usemem_size, mem->resmem_size));
    uint64_t total = pow2ceil(mem->usemem_size) +
                     (mem->resmem_size ? pow2ceil(mem->resmem_size) : 0);

    for (int i = 0; i < PCI_ROM_SLOT; i++) {
        const PCIIORegion *bar = &mem->pdev->io_regions[i];

        if (i == NVGRACE_BAR_USEMEM || i == NVGRACE_BAR_RESMEM || !bar->size ||
            (bar->type & prefetchable) != prefetchable) {
            continue;
        }
        largest = MAX(largest, bar->size);
        total += bar->size;
    }
    /* It is aligned to the largest BAR, and so is its size. */
    return ROUND_UP(total, largest);
}

bool virt_nvgrace_check_bars(VirtMachineState *vms, NVGraceMemory *mem,
                             Error **errp)
{
    ERRP_GUARD();
    uint64_t window = vms->memmap[VIRT_HIGH_PCIE_MMIO].size;
    uint64_t total = port_window(mem);
    unsigned gpus = 1;

    if (!virt_nvgrace_room_check(vms, errp)) {
        return false;
    }
    for (NVGraceMemory *m = nvgrace_memory_first(); m;
         m = nvgrace_memory_next(m)) {
        if (!nvgrace_memory_is_mapped(m)) {
            total += port_window(m);
            gpus++;
        }
    }
    if (total + OTHER_BARS <= window) {
        return true;
    }
    error_setg(errp, "the BARs of %u GPUs take 0x%" PRIx64 " bytes behind "
               "their root ports, and with those of other devices that does "
               "not fit in the high PCIe MMIO window of 0x%" PRIx64 " bytes",
               gpus, total, window);
    virt_nvgrace_room_hint_window(vms, pow2ceil(total + OTHER_BARS), errp);
    return false;
}

bool virt_nvgrace_place_egm(VirtMachineState *vms, NVGraceMemory *mem,
                            Error **errp)
{
    ERRP_GUARD();
    const NumaState *numa = MACHINE(vms)->numa_state;
    uint64_t addr;

    if (!virt_nvgrace_room_check(vms, errp)) {
        return false;
    }
    addr = virt_nvgrace_room_find_retired(vms, mem);
    if (addr == NVGRACE_ADDR_AUTO) {
        error_setg(errp, "no room for the list of retired EGM pages, 0x%x "
                   "bytes, below the high PCIe MMIO window",
                   NVGRACE_EGM_RETIRED_SIZE);
        error_append_hint(errp, "Leave mem-addr= of the GPUs out, or "
                          "egm-node=.\n");
        return false;
    }

    /* The RAM of the nodes is contiguous and in their order, see SRAT. */
    mem->egm_base = vms->memmap[VIRT_MEM].base;
    for (uint32_t n = 0; n < mem->egm_node; n++) {
        mem->egm_base += numa->nodes[n].node_mem;
    }
    mem->egm_size = numa->nodes[mem->egm_node].node_mem;
    mem->egm_retired_addr = addr;
    return true;
}
