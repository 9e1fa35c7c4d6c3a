/*
 * Coherent memory of an NVIDIA Grace GPU as BARs: the "bar" view
 *
 * Some drivers take the address of usemem and resmem from BAR 4 and BAR 2, as
 * Linux' nvgrace-gpu makes them up for VFIO.  Here it is QEMU that does so, by
 * its own PCI code, for a guest that needs it; the rest of the stack does not
 * know.
 *
 *     BAR, its size a power of two
 *     +------------------------------+------------------------+
 *     |      usemem or resmem        |  reads ~0, drops writes |
 *     +------------------------------+------------------------+
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "hw/pci/pci.h"
#include "nvgrace-bars.h"

static uint64_t beyond_read(void *opaque, hwaddr addr, unsigned size)
{
    return UINT64_MAX;
}

static void beyond_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
}

static const MemoryRegionOps beyond_ops = {
    .read = beyond_read,
    .write = beyond_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
    .impl = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
};

static void add_bar(NVGraceMemory *mem, MemoryRegion *bar, const char *name,
                    int number, MemoryRegion *memory)
{
    memory_region_init_io(bar, OBJECT(mem->pdev), &beyond_ops, mem, name,
                          pow2ceil(memory_region_size(memory)));
    memory_region_add_subregion(bar, 0, memory);
    pci_register_bar(mem->pdev, number, PCI_BASE_ADDRESS_SPACE_MEMORY |
                     PCI_BASE_ADDRESS_MEM_TYPE_64 |
                     PCI_BASE_ADDRESS_MEM_PREFETCH, bar);
}

void nvgrace_bars_add(NVGraceMemory *mem)
{
    add_bar(mem, &mem->bars[0], "nvgrace-bar-usemem", NVGRACE_BAR_USEMEM,
            mem->usemem);
    if (mem->resmem) {
        add_bar(mem, &mem->bars[1], "nvgrace-bar-resmem", NVGRACE_BAR_RESMEM,
                mem->resmem);
    }
}

/* PCI core has unmapped them. */
void nvgrace_bars_remove(NVGraceMemory *mem)
{
    memory_region_del_subregion(&mem->bars[0], mem->usemem);
    object_unparent(OBJECT(&mem->bars[0]));
    if (mem->resmem) {
        memory_region_del_subregion(&mem->bars[1], mem->resmem);
        object_unparent(OBJECT(&mem->bars[1]));
    }
}
