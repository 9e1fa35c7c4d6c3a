/*
 * Where coherent memory of NVIDIA Grace GPUs is in the virt machine
 *
 * The base of the high PCIe MMIO window is aligned to its size, so there is a
 * gap between it and what comes before.  The gap is inside the IPA size that
 * KVM is asked for, and nothing else uses it; by default:
 *
 *     256 GiB                256.5 GiB                     512 GiB       1 TiB
 *     | redistributors, ECAM |            gap              | PCIe MMIO     |
 *                            ^---- usemem and resmem go here
 *
 * highmem-mmio-size= makes the gap larger: it ends at that size.  The memory is
 * aligned to the next power of two of its size if that fits, so that stage 2
 * gets the largest blocks and the guest's driver the alignment of a BAR, and to
 * 1 GiB, the largest block of 4 KiB granules, otherwise.
 *
 * In: the sizes of a memory, and mem-addr=.  Out: its address, not mapped yet.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qemu/host-utils.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "hw/arm/virt.h"
#include "hw/arm/virt-nvgrace.h"
#include "hw/core/boards.h"
#include "hw/mem/memory-device.h"
#include "kvm_arm.h"
#include "system/address-spaces.h"
#include "system/kvm.h"
#include "system/numa.h"
#include "target/arm/cpu-qom.h"
#include "target/arm/internals.h"
#include "trace.h"

/*
 * Memory is onlined in blocks of 512 MiB by a guest with 64 KiB pages, the
 * largest on arm64 (SECTION_SIZE_BITS is 29); NVIDIA's firmware splits usemem
 * and resmem at a multiple of the same size.
 */
#define NVGRACE_MEM_ALIGN (512 * MiB)

typedef struct AddressRange {
    uint64_t base;
    uint64_t size;
} AddressRange;

bool virt_nvgrace_check(Error **errp)
{
    ERRP_GUARD();
    Object *machine = qdev_get_machine();
    VirtMachineState *vms;

    if (!object_dynamic_cast(machine, TYPE_VIRT_MACHINE)) {
        error_setg(errp, "machine '%s' has no place for coherent GPU memory",
                   MACHINE_GET_CLASS(machine)->name ?:
                   object_get_typename(machine));
        error_append_hint(errp, "Use -machine virt of qemu-system-aarch64.\n");
        return false;
    }

    vms = VIRT_MACHINE(machine);
    if (!virt_is_acpi_enabled(vms)) {
        error_setg(errp, "coherent GPU memory is described by ACPI, which "
                   "acpi=off switches off");
        error_append_hint(errp, "Use -machine virt,acpi=on.\n");
        return false;
    }
    if (vms->mte) {
        error_setg(errp, "coherent GPU memory has no MTE tags, but the machine "
                   "has mte=on");
        error_append_hint(errp, "Use -machine virt,mte=off.\n");
        return false;
    }
    if (MACHINE(vms)->cgs) {
        error_setg(errp, "coherent GPU memory cannot be private to a "
                   "confidential guest");
        error_append_hint(errp, "Leave confidential-guest-support= out of "
                          "-machine.\n");
        return false;
    }
    return true;
}

/* How many bits the largest guest physical address can have at most. */
static int largest_pa_bits(VirtMachineState *vms)
{
    bool fixed_ipa;

    return kvm_enabled() ? kvm_arm_get_max_vm_ipa_size(MACHINE(vms), &fixed_ipa)
                         : arm_pamax(ARM_CPU(first_cpu));
}

/*
 * How many bits it has: KVM's IPA size was chosen from the highest address of
 * the memory map before any device existed, see virt_kvm_type().
 */
static int pa_bits(VirtMachineState *vms)
{
    return kvm_enabled() ? MAX(64 - clz64(vms->highest_gpa), 32)
                         : arm_pamax(ARM_CPU(first_cpu));
}

static bool overlap(AddressRange a, AddressRange b)
{
    return a.base < b.base + b.size && b.base < a.base + a.size;
}

/*
 * The lowest address in [@lo, @hi) for @size bytes that is a multiple of @align
 * and in none of @taken; NVGRACE_ADDR_AUTO if there is no such address.
 */
static uint64_t lowest_free(const GArray *taken, uint64_t lo, uint64_t hi,
                            uint64_t size, uint64_t align)
{
    AddressRange try = { ROUND_UP(lo, align), size };

    for (int i = 0; i < taken->len; i++) {
        AddressRange other = g_array_index(taken, AddressRange, i);

        if (overlap(try, other)) {
            try.base = ROUND_UP(other.base + other.size, align);
            i = -1;
        }
    }
    return try.base < hi && size <= hi - try.base ? try.base
                                                  : NVGRACE_ADDR_AUTO;
}

static uint64_t find_room(const GArray *taken, uint64_t lo, uint64_t hi,
                          uint64_t size)
{
    uint64_t addr = lowest_free(taken, lo, hi, size, MAX(pow2ceil(size), GiB));

    return addr == NVGRACE_ADDR_AUTO ? lowest_free(taken, lo, hi, size, GiB)
                                     : addr;
}

static uint64_t gap_start(VirtMachineState *vms)
{
    const MemMapEntry *ecam = &vms->memmap[VIRT_HIGH_PCIE_ECAM];

    return ecam->base + ecam->size;
}

/*
 * Would all memories plugged so far and @mem have room with this
 * highmem-mmio-size, placed anew in the same order?
 */
static bool fits_with(VirtMachineState *vms, NVGraceMemory *mem,
                      uint64_t mmio_size)
{
    g_autoptr(GArray) taken = g_array_new(false, false, sizeof(AddressRange));
    uint64_t lo = gap_start(vms);
    uint64_t hi = ROUND_UP(lo, mmio_size);
    AddressRange window = { hi, mmio_size };

    g_array_append_val(taken, window);
    for (NVGraceMemory *m = nvgrace_memory_first(); m;
         m = nvgrace_memory_next(m)) {
        AddressRange range = { m->addr, nvgrace_memory_size(m) };

        if (m->addr_chosen) {
            for (int i = 0; i < taken->len; i++) {
                if (overlap(range, g_array_index(taken, AddressRange, i))) {
                    return false;
                }
            }
        } else {
            range.base = find_room(taken, lo, hi, range.size);
            if (range.base == NVGRACE_ADDR_AUTO) {
                return false;
            }
        }
        g_array_append_val(taken, range);
    }
    return find_room(taken, lo, hi, nvgrace_memory_size(mem)) !=
           NVGRACE_ADDR_AUTO;
}

/* The smallest highmem-mmio-size that does; 0 if there is none. */
static uint64_t highmem_mmio_size_for(VirtMachineState *vms, NVGraceMemory *mem)
{
    uint64_t lo = gap_start(vms);
    uint64_t limit = BIT_ULL(largest_pa_bits(vms));
    uint64_t size = vms->memmap[VIRT_HIGH_PCIE_MMIO].size * 2;

    for (; ROUND_UP(lo, size) + size <= limit; size *= 2) {
        if (fits_with(vms, mem, size)) {
            return size;
        }
    }
    return 0;
}

static bool check_highmem(VirtMachineState *vms, Error **errp)
{
    const char *off = !vms->highmem ? "highmem" :
                      !vms->highmem_ecam ? "highmem-ecam" :
                      !vms->highmem_mmio ? "highmem-mmio" : NULL;

    if (off) {
        error_setg(errp, "coherent GPU memory goes between the high PCIe ECAM "
                   "and the high PCIe MMIO window, but %s is off", off);
        error_append_hint(errp, "Use -machine virt,%s=on; if it is not off "
                          "there, the CPU's %d physical address bits are too "
                          "few.\n", off, largest_pa_bits(vms));
    }
    return !off;
}

static unsigned plugged_count(void)
{
    unsigned count = 0;

    for (NVGraceMemory *m = nvgrace_memory_first(); m;
         m = nvgrace_memory_next(m)) {
        count++;
    }
    return count;
}

/* What the memories plugged so far have of the gap */
static void append_taken(GArray *taken)
{
    for (NVGraceMemory *m = nvgrace_memory_first(); m;
         m = nvgrace_memory_next(m)) {
        AddressRange range = { m->addr, nvgrace_memory_size(m) };
        AddressRange retired = { m->egm_retired_addr,
                                 NVGRACE_EGM_RETIRED_SIZE };

        g_array_append_val(taken, range);
        if (m->egm_node != NVGRACE_EGM_NONE) {
            g_array_append_val(taken, retired);
        }
    }
}

static bool place_in_gap(VirtMachineState *vms, NVGraceMemory *mem,
                         uint64_t *addr, Error **errp)
{
    uint64_t size = nvgrace_memory_size(mem);
    g_autoptr(GArray) taken = g_array_new(false, false, sizeof(AddressRange));
    g_autofree char *size_str = size_to_str(size);
    uint64_t lo, hi, mmio_size;

    if (!check_highmem(vms, errp)) {
        return false;
    }

    append_taken(taken);
    lo = gap_start(vms);
    hi = vms->memmap[VIRT_HIGH_PCIE_MMIO].base;
    *addr = find_room(taken, lo, hi, size);
    if (*addr != NVGRACE_ADDR_AUTO) {
        return true;
    }

    error_setg(errp, "no room for %s of coherent GPU memory between 0x%" PRIx64
               " and 0x%" PRIx64 ", where %u other GPUs have theirs", size_str,
               lo, hi - 1, plugged_count());
    mmio_size = highmem_mmio_size_for(vms, mem);
    if (mmio_size) {
        error_append_hint(errp, "Use -machine virt,highmem-mmio-size=%" PRIu64
                          "G.\n", mmio_size / GiB);
    } else {
        error_append_hint(errp, "No highmem-mmio-size= makes enough room in "
                          "%d physical address bits: use fewer GPUs.\n",
                          largest_pa_bits(vms));
    }
    return false;
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
        if (overlap(range, *where)) {
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

static bool check_addr(VirtMachineState *vms, AddressRange range, Error **errp)
{
    uint64_t limit = BIT_ULL(pa_bits(vms));
    g_autofree char *name = NULL;
    AddressRange where;

    if (!QEMU_IS_ALIGNED(range.base, NVGRACE_MEM_ALIGN)) {
        error_setg(errp, "mem-addr=0x%" PRIx64 " is not a multiple of 512 MiB "
                   "(0x%" PRIx64 "), the memory block of a guest with 64 KiB "
                   "pages", range.base, (uint64_t)NVGRACE_MEM_ALIGN);
        error_append_hint(errp, "Use mem-addr=0x%" PRIx64 ".\n",
                          ROUND_DOWN(range.base, NVGRACE_MEM_ALIGN));
        return false;
    }
    if (range.base > limit || range.size > limit - range.base) {
        error_setg(errp, "0x%" PRIx64 " bytes at mem-addr=0x%" PRIx64 " go "
                   "beyond the guest's last physical address 0x%" PRIx64,
                   range.size, range.base, limit - 1);
        if (range.size <= limit) {
            error_append_hint(errp, "Use at most mem-addr=0x%" PRIx64
                              ", or leave mem-addr= out.\n",
                              ROUND_DOWN(limit - range.size,
                                         NVGRACE_MEM_ALIGN));
        }
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

bool virt_nvgrace_place(NVGraceMemory *mem, Error **errp)
{
    ERRP_GUARD();
    VirtMachineState *vms = VIRT_MACHINE(qdev_get_machine());
    AddressRange range = { mem->addr, nvgrace_memory_size(mem) };

    if (range.base == NVGRACE_ADDR_AUTO &&
        !place_in_gap(vms, mem, &range.base, errp)) {
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

bool virt_nvgrace_place_egm(NVGraceMemory *mem, Error **errp)
{
    ERRP_GUARD();
    VirtMachineState *vms = VIRT_MACHINE(qdev_get_machine());
    const NumaState *numa = MACHINE(vms)->numa_state;
    g_autoptr(GArray) taken = g_array_new(false, false, sizeof(AddressRange));
    AddressRange self = { mem->addr, nvgrace_memory_size(mem) };
    uint64_t addr;

    if (mem->egm_node >= numa->num_nodes ||
        !numa->nodes[mem->egm_node].node_mem) {
        error_setg(errp, "egm-node=%" PRIu32 " is not a NUMA node with memory",
                   mem->egm_node);
        error_append_hint(errp, "Use -numa node,nodeid=%" PRIu32 ",memdev=..., "
                          "or leave egm-node= out.\n", mem->egm_node);
        return false;
    }
    if (!check_highmem(vms, errp)) {
        return false;
    }

    append_taken(taken);
    g_array_append_val(taken, self);
    addr = lowest_free(taken, gap_start(vms),
                       vms->memmap[VIRT_HIGH_PCIE_MMIO].base,
                       NVGRACE_EGM_RETIRED_SIZE, NVGRACE_EGM_RETIRED_SIZE);
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
