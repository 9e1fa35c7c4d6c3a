/*
 * Room for coherent GPU memory in the range that the virt machine keeps for it
 *
 * A memory is aligned to the next power of two of its size, so that stage 2
 * gets the largest blocks and the guest's driver the alignment of a BAR.  Where
 * that would leave too little for the GPUs that are still to come, it is
 * aligned to 1 GiB, the largest block of 4 KiB granules.
 *
 * In: sizes, and the memory map (virt-nvgrace-map.c).  Out: an address, or what
 * is missing.
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
#include "virt-nvgrace-map.h"
#include "virt-nvgrace-room.h"

/* Architecture: the largest address size there is, FEAT_LPA and FEAT_LPA2 */
#define PA_BITS_MAX 52

/* How many bits the largest guest physical address can have at most. */
static int largest_pa_bits(VirtMachineState *vms)
{
    bool fixed_ipa;

    return kvm_enabled() ? kvm_arm_get_max_vm_ipa_size(MACHINE(vms), &fixed_ipa)
                         : arm_pamax(ARM_CPU(first_cpu));
}

static AddressRange retired_range(uint64_t base)
{
    return (AddressRange) { base, NVGRACE_EGM_RETIRED_SIZE };
}

static AddressRange range_of(const NVGraceMemory *mem)
{
    return (AddressRange) { mem->addr, nvgrace_memory_size(mem) };
}

/*
 * The lowest address of a map's range for @size bytes that is a multiple of
 * @align and in none of @taken; NVGRACE_ADDR_AUTO if there is no such address.
 */
static uint64_t lowest_free(const GArray *taken, const GPUMap *map,
                            uint64_t size, uint64_t align)
{
    AddressRange try = { ROUND_UP(map->lo, align), size };

    for (int i = 0; i < taken->len; i++) {
        AddressRange other = g_array_index(taken, AddressRange, i);

        if (overlap(try, other)) {
            try.base = ROUND_UP(other.base + other.size, align);
            i = -1;
        }
    }
    return try.base < map->hi && size <= map->hi - try.base
           ? try.base : NVGRACE_ADDR_AUTO;
}

/* How many more of @size bytes have room beside one at @addr, @most at most */
static unsigned count_more(const GArray *taken, const GPUMap *map,
                           uint64_t addr, uint64_t size, unsigned most)
{
    g_autoptr(GArray) all = g_array_copy((GArray *)taken);
    unsigned n;

    for (n = 0; n <= most && addr != NVGRACE_ADDR_AUTO; n++) {
        AddressRange range = { addr, size };

        g_array_append_val(all, range);
        addr = lowest_free(all, map, size, GiB);
    }
    return n;
}

/* How many GPUs the command line has after one that comes after @others */
static unsigned count_coming(unsigned others)
{
    unsigned all = virt_nvgrace_count().acpi;

    return all > others ? all - others - 1 : 0;
}

/* @coming: how many GPUs there will be after this one */
static uint64_t find_room(const GArray *taken, const GPUMap *map, uint64_t size,
                          unsigned coming)
{
    uint64_t natural = lowest_free(taken, map, size, MAX(pow2ceil(size), GiB));
    uint64_t packed = lowest_free(taken, map, size, GiB);

    return count_more(taken, map, natural, size, coming) <
           count_more(taken, map, packed, size, coming) ? packed : natural;
}

static uint64_t find_retired(const GArray *taken, const GPUMap *map)
{
    return lowest_free(taken, map, NVGRACE_EGM_RETIRED_SIZE,
                       NVGRACE_EGM_RETIRED_SIZE);
}

/*
 * When no -device looked like a GPU, there is no range, but nothing is between
 * the ECAM and the window either, which is aligned to its size.
 */
static GPUMap map_of(VirtMachineState *vms)
{
    const MemMapEntry *range = &vms->memmap[VIRT_HIGH_GPU_MEM];
    const MemMapEntry *window = &vms->memmap[VIRT_HIGH_PCIE_MMIO];

    return (GPUMap) {
        .lo = range->base,
        .hi = range->size ? range->base + range->size
                          : MAX(range->base, window->base),
        .window = window->size,
    };
}

/* As it would be with a highmem-mmio-size and an address limit */
static GPUMap map_with(VirtMachineState *vms, uint64_t mmio_size,
                       uint64_t limit)
{
    const MemMapEntry *ecam = &vms->memmap[VIRT_HIGH_PCIE_ECAM];

    return virt_nvgrace_map_for(ecam->base + ecam->size, limit, mmio_size,
                                virt_nvgrace_count());
}

/* Place a memory and its list of retired pages, and add both to @taken. */
static bool place_anew(GArray *taken, const NVGraceMemory *mem,
                       bool addr_chosen, const GPUMap *map, unsigned coming)
{
    AddressRange range = range_of(mem);

    if (addr_chosen) {
        for (int i = 0; i < taken->len; i++) {
            if (overlap(range, g_array_index(taken, AddressRange, i))) {
                return false;
            }
        }
    } else {
        range.base = find_room(taken, map, range.size, coming);
        if (range.base == NVGRACE_ADDR_AUTO) {
            return false;
        }
    }
    g_array_append_val(taken, range);

    if (mem->egm_node != NVGRACE_EGM_NONE) {
        range = retired_range(find_retired(taken, map));
        if (range.base == NVGRACE_ADDR_AUTO) {
            return false;
        }
        g_array_append_val(taken, range);
    }
    return true;
}

/*
 * Would all memories plugged so far, and then @mem unless it is NULL, have room
 * in such a map, placed anew in the same order?
 */
static bool fits_in(const GPUMap *map, uint64_t limit, const NVGraceMemory *mem)
{
    g_autoptr(GArray) taken = g_array_new(false, false, sizeof(AddressRange));
    AddressRange window = { map->hi, map->window };
    unsigned others = 0;

    if (window.base + window.size > limit) {
        return false;
    }
    g_array_append_val(taken, window);
    for (NVGraceMemory *m = nvgrace_memory_first(); m;
         m = nvgrace_memory_next(m)) {
        if (nvgrace_memory_is_mapped(m) &&
            !place_anew(taken, m, m->chosen.addr != NVGRACE_ADDR_AUTO, map,
                        count_coming(others++))) {
            return false;
        }
    }
    return !mem || place_anew(taken, mem, false, map, count_coming(others));
}

static void hint_at_bits(VirtMachineState *vms, int bits, Error **errp)
{
    int present = largest_pa_bits(vms);

    if (bits > PA_BITS_MAX) {
        error_append_hint(errp, "Use fewer GPUs, or leave their mem-addr= "
                          "out.\n");
    } else if (kvm_enabled()) {
        error_append_hint(errp, "This takes %d bits of guest physical address, "
                          "and KVM on this host has %d: use fewer GPUs or "
                          "less RAM.\n", bits, present);
    } else {
        error_append_hint(errp, "This takes %d bits of guest physical address, "
                          "and this CPU has %d: use fewer GPUs or less RAM, "
                          "or a CPU with more.\n", bits, present);
    }
}

static void hint_at_room(VirtMachineState *vms, const NVGraceMemory *mem,
                         Error **errp)
{
    uint64_t window = vms->memmap[VIRT_HIGH_PCIE_MMIO].size;
    int bits = largest_pa_bits(vms);
    uint64_t limit = BIT_ULL(bits);

    /* The range ends where the window begins, at a multiple of its size. */
    for (uint64_t size = window * 2; size < limit; size *= 2) {
        GPUMap map = map_with(vms, size, limit);

        if (fits_in(&map, limit, mem)) {
            error_append_hint(errp, "Use -machine virt,highmem-mmio-size=%"
                              PRIu64 "G.\n", size / GiB);
            return;
        }
    }
    for (bits++; bits <= PA_BITS_MAX; bits++) {
        for (uint64_t size = window; size < BIT_ULL(bits); size *= 2) {
            GPUMap map = map_with(vms, size, BIT_ULL(bits));

            if (fits_in(&map, BIT_ULL(bits), mem)) {
                hint_at_bits(vms, bits, errp);
                return;
            }
        }
    }
    hint_at_bits(vms, bits, errp);
}

void virt_nvgrace_room_hint_window(VirtMachineState *vms, uint64_t size,
                                   Error **errp)
{
    int bits = largest_pa_bits(vms);
    GPUMap map = map_with(vms, size, BIT_ULL(bits));

    if (fits_in(&map, BIT_ULL(bits), NULL)) {
        error_append_hint(errp, "Use -machine virt,highmem-mmio-size=%" PRIu64
                          "G.\n", size / GiB);
        return;
    }
    do {
        map = map_with(vms, size, BIT_ULL(++bits));
    } while (bits <= PA_BITS_MAX && !fits_in(&map, BIT_ULL(bits), NULL));
    hint_at_bits(vms, bits, errp);
}

bool virt_nvgrace_room_check(VirtMachineState *vms, Error **errp)
{
    ERRP_GUARD();
    const char *off = !vms->highmem ? "highmem" :
                      !vms->highmem_ecam ? "highmem-ecam" :
                      !vms->highmem_mmio ? "highmem-mmio" : NULL;

    if (off) {
        error_setg(errp, "coherent GPU memory has its place between the high "
                   "PCIe ECAM and MMIO window, but %s is off", off);
        error_append_hint(errp, "Use -machine virt,%s=on; if it is not off "
                          "there, %d bits of guest physical address are too "
                          "few for it: leave highmem-mmio-size= out, or use "
                          "less RAM.\n", off, largest_pa_bits(vms));
    }
    return !off;
}

/* What the memories plugged so far have of the range; returns their number */
static unsigned append_taken(GArray *taken)
{
    unsigned count = 0;

    for (NVGraceMemory *m = nvgrace_memory_first(); m;
         m = nvgrace_memory_next(m)) {
        AddressRange range = range_of(m);
        AddressRange retired = retired_range(m->egm_retired_addr);

        if (nvgrace_memory_is_mapped(m)) {
            g_array_append_val(taken, range);
            count++;
        }
        if (m->egm_node != NVGRACE_EGM_NONE) {
            g_array_append_val(taken, retired);
        }
    }
    return count;
}

bool virt_nvgrace_room_find(VirtMachineState *vms, const NVGraceMemory *mem,
                            uint64_t *addr, Error **errp)
{
    ERRP_GUARD();
    uint64_t size = nvgrace_memory_size(mem);
    g_autoptr(GArray) taken = g_array_new(false, false, sizeof(AddressRange));
    g_autofree char *size_str = size_to_str(size);
    unsigned others = append_taken(taken);
    GPUMap map = map_of(vms);

    if (!virt_nvgrace_room_check(vms, errp)) {
        return false;
    }

    *addr = find_room(taken, &map, size, count_coming(others));
    if (*addr != NVGRACE_ADDR_AUTO) {
        return true;
    }
    if (map.hi > map.lo) {
        error_setg(errp, "no room for %s of coherent GPU memory between 0x%"
                   PRIx64 " and 0x%" PRIx64 ", where %u other GPUs have theirs",
                   size_str, map.lo, map.hi - 1, others);
    } else {
        error_setg(errp, "no room for %s of coherent GPU memory between the "
                   "high PCIe ECAM and MMIO window", size_str);
    }
    hint_at_room(vms, mem, errp);
    return false;
}

uint64_t virt_nvgrace_room_find_retired(VirtMachineState *vms,
                                        const NVGraceMemory *mem)
{
    g_autoptr(GArray) taken = g_array_new(false, false, sizeof(AddressRange));
    AddressRange self = range_of(mem);
    GPUMap map = map_of(vms);

    append_taken(taken);
    if (nvgrace_memory_is_mapped(mem)) {
        g_array_append_val(taken, self);
    }
    return find_retired(taken, &map);
}
