/*
 * The gaps in the virt machine's memory map
 *
 * The base of the high PCIe MMIO window is aligned to its size, so there is a
 * gap between it and what comes before.  The high regions begin at 256 GiB, so
 * there is another one if RAM ends before that.  Both are inside the IPA size
 * that KVM is asked for, and nothing else uses them; by default:
 *
 *     1 GiB           256 GiB                256.5 GiB  512 GiB       1 TiB
 *     | RAM |   low   | redistributors, ECAM |   high   | PCIe MMIO     |
 *           ^                                ^
 *           '-- then here                    '-- usemem and resmem go here
 *
 * highmem-mmio-size= makes the high one larger: it ends at that size.  A memory
 * is aligned to the next power of two of its size if that fits, so that stage 2
 * gets the largest blocks and the guest's driver the alignment of a BAR, and to
 * 1 GiB, the largest block of 4 KiB granules, otherwise.  It goes to the low
 * one only if there is no room in the high one, and there not below 4 GiB:
 * what is there is for devices that reach no further.
 *
 * A memory in the "bar" view has no part of a gap, but of the window.
 *
 * In: sizes.  Out: an address, or how large highmem-mmio-size= has to be.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qemu/host-utils.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "hw/arm/virt.h"
#include "hw/core/boards.h"
#include "kvm_arm.h"
#include "system/kvm.h"
#include "target/arm/cpu-qom.h"
#include "target/arm/internals.h"
#include "virt-nvgrace-gap.h"

/* How many bits the largest guest physical address can have at most. */
static int largest_pa_bits(VirtMachineState *vms)
{
    bool fixed_ipa;

    return kvm_enabled() ? kvm_arm_get_max_vm_ipa_size(MACHINE(vms), &fixed_ipa)
                         : arm_pamax(ARM_CPU(first_cpu));
}

static bool in_gap(const NVGraceMemory *mem)
{
    return mem->view == NVGRACE_GUEST_VIEW_ACPI;
}

static AddressRange retired_range(uint64_t base)
{
    return (AddressRange) { base, NVGRACE_EGM_RETIRED_SIZE };
}

typedef struct Gap {
    uint64_t lo;
    uint64_t hi;    /* the first byte that is not of it */
} Gap;

typedef struct Gaps {
    Gap high;
    Gap low;
} Gaps;

/*
 * The lowest address in @gap for @size bytes that is a multiple of @align and
 * in none of @taken; NVGRACE_ADDR_AUTO if there is no such address.
 */
static uint64_t lowest_free(const GArray *taken, Gap gap, uint64_t size,
                            uint64_t align)
{
    AddressRange try = { ROUND_UP(gap.lo, align), size };

    for (int i = 0; i < taken->len; i++) {
        AddressRange other = g_array_index(taken, AddressRange, i);

        if (overlap(try, other)) {
            try.base = ROUND_UP(other.base + other.size, align);
            i = -1;
        }
    }
    return try.base < gap.hi && size <= gap.hi - try.base ? try.base
                                                          : NVGRACE_ADDR_AUTO;
}

static uint64_t find_room(const GArray *taken, const Gaps *gaps, uint64_t size)
{
    const uint64_t large = MAX(pow2ceil(size), GiB);
    const struct {
        Gap gap;
        uint64_t align;
    } tries[] = {
        { gaps->high, large }, { gaps->high, GiB },
        { gaps->low, large }, { gaps->low, GiB },
    };
    uint64_t addr = NVGRACE_ADDR_AUTO;

    for (int i = 0; i < ARRAY_SIZE(tries) && addr == NVGRACE_ADDR_AUTO; i++) {
        addr = lowest_free(taken, tries[i].gap, size, tries[i].align);
    }
    return addr;
}

static uint64_t find_retired(const GArray *taken, Gap gap)
{
    return lowest_free(taken, gap, NVGRACE_EGM_RETIRED_SIZE,
                       NVGRACE_EGM_RETIRED_SIZE);
}

/* As they are with a highmem-mmio-size; the low one may be empty. */
static Gaps gaps_with(VirtMachineState *vms, uint64_t mmio_size)
{
    const MachineState *ms = MACHINE(vms);
    const MemMapEntry *ecam = &vms->memmap[VIRT_HIGH_PCIE_ECAM];
    uint64_t high = ecam->base + ecam->size;
    uint64_t low = ms->device_memory ?
        ms->device_memory->base + memory_region_size(&ms->device_memory->mr) :
        vms->memmap[VIRT_MEM].base + ms->ram_size;
    /* the first of the high regions: at 256 GiB, or at the end of all RAM */
    uint64_t low_end = vms->memmap[VIRT_HIGH_GIC_REDIST2].base;

    return (Gaps) {
        .high = { high, ROUND_UP(high, mmio_size) },
        .low = { MIN(MAX(ROUND_UP(low, GiB), 4 * GiB), low_end), low_end },
    };
}

static Gaps gaps_of(VirtMachineState *vms)
{
    return gaps_with(vms, vms->memmap[VIRT_HIGH_PCIE_MMIO].size);
}

/* Place a memory and its list of retired pages, and add both to @taken. */
static bool place_anew(GArray *taken, const NVGraceMemory *mem,
                       bool addr_chosen, const Gaps *gaps)
{
    AddressRange range = { mem->addr, nvgrace_memory_size(mem) };

    if (addr_chosen) {
        for (int i = 0; i < taken->len; i++) {
            if (overlap(range, g_array_index(taken, AddressRange, i))) {
                return false;
            }
        }
    } else {
        range.base = find_room(taken, gaps, range.size);
        if (range.base == NVGRACE_ADDR_AUTO) {
            return false;
        }
    }
    g_array_append_val(taken, range);

    if (mem->egm_node != NVGRACE_EGM_NONE) {
        range = retired_range(find_retired(taken, gaps->high));
        if (range.base == NVGRACE_ADDR_AUTO) {
            return false;
        }
        g_array_append_val(taken, range);
    }
    return true;
}

/*
 * Would all memories plugged so far and @mem have room with this
 * highmem-mmio-size, placed anew in the same order?
 */
static bool fits_with(VirtMachineState *vms, NVGraceMemory *mem,
                      uint64_t mmio_size)
{
    g_autoptr(GArray) taken = g_array_new(false, false, sizeof(AddressRange));
    Gaps gaps = gaps_with(vms, mmio_size);
    AddressRange window = { gaps.high.hi, mmio_size };

    g_array_append_val(taken, window);
    for (NVGraceMemory *m = nvgrace_memory_first(); m;
         m = nvgrace_memory_next(m)) {
        if (in_gap(m) &&
            !place_anew(taken, m, m->chosen.addr != NVGRACE_ADDR_AUTO,
                        &gaps)) {
            return false;
        }
    }
    return place_anew(taken, mem, false, &gaps);
}

/* Does a highmem-mmio-size leave all of the window below @limit? */
static bool window_exists(VirtMachineState *vms, uint64_t mmio_size,
                          uint64_t limit)
{
    return gaps_with(vms, mmio_size).high.hi + mmio_size <= limit;
}

static void hint_at_mmio_size(VirtMachineState *vms, uint64_t size,
                              Error **errp)
{
    int bits = largest_pa_bits(vms);

    if (size && window_exists(vms, size, BIT_ULL(bits))) {
        error_append_hint(errp, "Use -machine virt,highmem-mmio-size=%" PRIu64
                          "G.\n", size / GiB);
    } else {
        error_append_hint(errp, "No highmem-mmio-size= makes enough room in "
                          "%d physical address bits: use fewer GPUs.\n", bits);
    }
}

/* The smallest highmem-mmio-size that does; 0 if there is none. */
static uint64_t highmem_mmio_size_for(VirtMachineState *vms, NVGraceMemory *mem)
{
    uint64_t limit = BIT_ULL(largest_pa_bits(vms));
    uint64_t size = vms->memmap[VIRT_HIGH_PCIE_MMIO].size * 2;

    for (; window_exists(vms, size, limit); size *= 2) {
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
        error_setg(errp, "coherent GPU memory has its place beside the high "
                   "PCIe ECAM and MMIO window, but %s is off", off);
        error_append_hint(errp, "Use -machine virt,%s=on; if it is not off "
                          "there, the CPU's %d physical address bits are too "
                          "few.\n", off, largest_pa_bits(vms));
    }
    return !off;
}

/* What the memories plugged so far have of the gaps; returns their number */
static unsigned append_taken(GArray *taken)
{
    unsigned count = 0;

    for (NVGraceMemory *m = nvgrace_memory_first(); m;
         m = nvgrace_memory_next(m)) {
        AddressRange range = { m->addr, nvgrace_memory_size(m) };
        AddressRange retired = retired_range(m->egm_retired_addr);

        if (in_gap(m)) {
            g_array_append_val(taken, range);
            count++;
        }
        if (m->egm_node != NVGRACE_EGM_NONE) {
            g_array_append_val(taken, retired);
        }
    }
    return count;
}

bool virt_nvgrace_gap_find(VirtMachineState *vms, NVGraceMemory *mem,
                           uint64_t *addr, Error **errp)
{
    ERRP_GUARD();
    uint64_t size = nvgrace_memory_size(mem);
    g_autoptr(GArray) taken = g_array_new(false, false, sizeof(AddressRange));
    g_autofree char *size_str = size_to_str(size);
    unsigned others = append_taken(taken);
    g_autofree char *low = NULL;
    Gaps gaps = gaps_of(vms);

    if (!check_highmem(vms, errp)) {
        return false;
    }

    *addr = find_room(taken, &gaps, size);
    if (*addr != NVGRACE_ADDR_AUTO) {
        return true;
    }

    low = gaps.low.lo == gaps.low.hi ? g_strdup("") : g_strdup_printf(
        " or 0x%" PRIx64 " and 0x%" PRIx64, gaps.low.lo, gaps.low.hi - 1);
    error_setg(errp, "no room for %s of coherent GPU memory between 0x%" PRIx64
               " and 0x%" PRIx64 "%s, where %u other GPUs have theirs",
               size_str, gaps.high.lo, gaps.high.hi - 1, low, others);
    hint_at_mmio_size(vms, highmem_mmio_size_for(vms, mem), errp);
    return false;
}

bool virt_nvgrace_gap_find_retired(VirtMachineState *vms, NVGraceMemory *mem,
                                   uint64_t *addr, Error **errp)
{
    ERRP_GUARD();
    g_autoptr(GArray) taken = g_array_new(false, false, sizeof(AddressRange));
    AddressRange self = { mem->addr, nvgrace_memory_size(mem) };

    if (!check_highmem(vms, errp)) {
        return false;
    }

    append_taken(taken);
    if (in_gap(mem)) {
        g_array_append_val(taken, self);
    }
    *addr = find_retired(taken, gaps_of(vms).high);
    if (*addr == NVGRACE_ADDR_AUTO) {
        error_setg(errp, "no room for the list of retired EGM pages, 0x%x "
                   "bytes, below the high PCIe MMIO window",
                   NVGRACE_EGM_RETIRED_SIZE);
        error_append_hint(errp, "Leave mem-addr= of the GPUs out, or "
                          "egm-node=.\n");
        return false;
    }
    return true;
}

static uint64_t bars_size(const NVGraceMemory *mem)
{
    return pow2ceil(mem->usemem_size) +
           (mem->resmem_size ? pow2ceil(mem->resmem_size) : 0);
}

bool virt_nvgrace_check_bars(NVGraceMemory *mem, Error **errp)
{
    ERRP_GUARD();
    VirtMachineState *vms = VIRT_MACHINE(qdev_get_machine());
    uint64_t window = vms->memmap[VIRT_HIGH_PCIE_MMIO].size;
    uint64_t total = bars_size(mem);

    if (!check_highmem(vms, errp)) {
        return false;
    }
    for (NVGraceMemory *m = nvgrace_memory_first(); m;
         m = nvgrace_memory_next(m)) {
        total += in_gap(m) ? 0 : bars_size(m);
    }
    if (total <= window) {
        return true;
    }
    error_setg(errp, "BARs of 0x%" PRIx64 " bytes for coherent GPU memory do "
               "not fit in the high PCIe MMIO window of 0x%" PRIx64 " bytes",
               total, window);
    hint_at_mmio_size(vms, pow2ceil(total), errp);
    return false;
}
