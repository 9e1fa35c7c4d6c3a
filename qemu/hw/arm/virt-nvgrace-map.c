/*
 * Address space for coherent GPU memory in the virt machine's memory map
 *
 * KVM is told how many address bits a machine needs before any device exists,
 * and how much memory a GPU has is known only when it is opened.  So the
 * machine looks at its -device options, and takes for each GPU what the largest
 * may need:
 *
 *     256 GiB, or the end of RAM
 *     | redistributors, ECAM | range of the GPUs      | PCIe MMIO window  |
 *                              512 GiB for each GPU     1 TiB for each GPU
 *                              in the "acpi" view       in the "bar" view
 *
 * A host with fewer address bits has a smaller range, and whether the GPUs fit
 * turns out when they come (virt-nvgrace-place.c).
 *
 * In: the command line.  Out: VIRT_HIGH_GPU_MEM, and a larger
 * VIRT_HIGH_PCIE_MMIO.  A machine without such a GPU keeps its memory map.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "qemu/units.h"
#include "hw/arm/virt.h"
#include "hw/misc/nvgrace-gpu-regs.h"
#include "hw/vfio/vfio-nvgrace.h"
#include "qobject/qdict.h"
#include "system/system.h"
#include "virt-nvgrace-map.h"

/*
 * The largest GPU has 288 GiB, a GB300, and such a memory is best aligned to
 * the next power of two.
 */
#define GPU_SIZE    (512 * GiB)

/*
 * As a BAR it has that size, and firmware gives the root port above it a window
 * whose size is a multiple of the largest BAR: the GPU's other BARs double it.
 */
#define GPU_WINDOW  (2 * GPU_SIZE)

static void count_device(const QDict *options, void *opaque)
{
    GPUCount *count = opaque;
    const char *driver = qdict_get_try_str(options, "driver");
    bool acpi, bar;

    if (!driver) {
        return;
    }
    if (g_str_equal(driver, TYPE_NVGRACE_GPU)) {
        count->acpi++;
    } else if (vfio_nvgrace_may_have_memory(driver, options, &acpi, &bar)) {
        count->acpi += acpi;
        count->bar += bar;
    }
}

/* Kept, because an option is gone as soon as its device exists */
static GPUCount all_gpus;

GPUCount virt_nvgrace_count(void)
{
    return all_gpus;
}

/* The largest window up to @wanted that leaves the range all it needs */
static uint64_t window_for(uint64_t end, uint64_t limit, uint64_t least,
                           uint64_t wanted)
{
    uint64_t window = MAX(least, wanted);

    while (window > least && ROUND_UP(end, window) + window > limit) {
        window /= 2;
    }
    return window;
}

GPUMap virt_nvgrace_map_for(uint64_t base, uint64_t limit, uint64_t window,
                            GPUCount count)
{
    GPUMap map = { .lo = base };
    /* More than the GPUs need: there are other devices in the window, too. */
    uint64_t wanted = count.bar ? pow2ceil(count.bar * GPU_WINDOW + 1) : 0;
    /* The list of retired EGM pages has its place in the range in any view. */
    uint64_t end = count.acpi
                   ? ROUND_UP(map.lo, GPU_SIZE) + count.acpi * GPU_SIZE
                   : map.lo + GiB;

    map.window = window_for(end, limit, window, wanted);
    map.hi = ROUND_UP(end, map.window);
    if (map.hi + map.window > limit && limit > map.window) {
        map.hi = ROUND_DOWN(limit - map.window, map.window);
    }
    map.hi = MAX(map.hi, map.lo);
    return map;
}

hwaddr virt_nvgrace_reserve(VirtMachineState *vms, hwaddr base, int pa_bits)
{
    MemMapEntry *window = &vms->memmap[VIRT_HIGH_PCIE_MMIO];
    MemMapEntry *range = &vms->memmap[VIRT_HIGH_GPU_MEM];
    uint64_t limit = BIT_ULL(pa_bits);
    GPUMap map;

    all_gpus = (GPUCount) { 0 };
    qemu_device_options_foreach(count_device, &all_gpus);

    *range = (MemMapEntry) { base, 0 };
    if (!all_gpus.acpi && !all_gpus.bar) {
        return base;
    }
    map = virt_nvgrace_map_for(base, limit, window->size, all_gpus);
    if (map.hi > limit) {
        return base;
    }
    *range = (MemMapEntry) { map.lo, map.hi - map.lo };
    window->size = map.window;
    vms->highest_gpa = MAX(vms->highest_gpa, map.hi - 1);
    return map.hi;
}
