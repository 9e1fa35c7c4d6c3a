/*
 * Coherent memory of NVIDIA Grace GPUs in memory dumps
 *
 * A dump of the guest's memory is as large as the RAM that the user gave it,
 * and is put where there is room for that.  Memory of a GPU is left out unless
 * it is asked for: of dump-guest-memory, and of QEMU's own core.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/madvise.h"
#include "hw/core/boards.h"
#include "hw/mem/nvgrace-memory.h"

void nvgrace_memory_set_dump(MemoryRegion *mr, bool dump)
{
    /* What dump-guest-memory leaves out is what is non-volatile. */
    memory_region_set_nonvolatile(mr, !dump);

    /* The kernel leaves mappings of VFIO out of a core anyhow. */
    if (!dump || !machine_dump_guest_core(MACHINE(qdev_get_machine()))) {
        qemu_madvise(memory_region_get_ram_ptr(mr), memory_region_size(mr),
                     QEMU_MADV_DONTDUMP);
    }
}
