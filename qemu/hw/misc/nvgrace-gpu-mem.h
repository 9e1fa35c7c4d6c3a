/*
 * Coherent memory of the emulated Grace GPU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_MISC_NVGRACE_GPU_MEM_H
#define HW_MISC_NVGRACE_GPU_MEM_H

#include "hw/mem/nvgrace-memory.h"
#include "system/hostmem.h"

/* Default of @dsd_base and @dsd_size: firmware reports the right value */
#define NVGRACE_DSD_TRUTH       UINT64_MAX
/* Default of @poison_offset: no page has an error */
#define NVGRACE_POISON_NONE     UINT64_MAX

/**
 * struct NVGraceGPUMem - coherent memory of one GPU
 *
 * @mem:           as firmware describes it
 * @memdev:        where its bytes are
 * @dsd:           what firmware leaves out of the _DSD, NULL for nothing
 * @dsd_base:      what it says of the base
 * @dsd_size:      what it says of the size, bytes
 * @poison_offset: of the page that cannot be read
 * @usemem:        first part of @memdev
 * @resmem:        the rest of @memdev, if there is a resmem
 * @in_reset:      covers both while they cannot be reached
 * @poison:        covers the page at @poison_offset
 * @out_of_reach:  accesses that found @in_reset
 */
typedef struct NVGraceGPUMem {
    NVGraceMemory mem;
    HostMemoryBackend *memdev;
    char *dsd;
    uint64_t dsd_base;
    uint64_t dsd_size;
    uint64_t poison_offset;

    MemoryRegion usemem;
    MemoryRegion resmem;
    MemoryRegion in_reset;
    MemoryRegion poison;
    uint32_t out_of_reach;
} NVGraceGPUMem;

/**
 * nvgrace_gpu_mem_check() - can the memory be made of what the user gave?
 * @gpu_mem: the memory, its properties are set
 * @model: name of the GPU's model
 * @mig_defect: a part of the memory is resmem
 * @errp: what is wrong and what to type instead
 *
 * Returns: true if so.
 */
bool nvgrace_gpu_mem_check(const NVGraceGPUMem *gpu_mem, const char *model,
                           bool mig_defect, Error **errp);

/**
 * nvgrace_gpu_mem_set_dsd() - have firmware say what the user wants it to
 * @gpu_mem: the memory, its properties are set
 * @link_up: the link to the CPU has come up
 * @errp: what is wrong and what to type instead
 *
 * Returns: true on success.
 */
bool nvgrace_gpu_mem_set_dsd(NVGraceGPUMem *gpu_mem, bool link_up,
                             Error **errp);

/**
 * nvgrace_gpu_mem_plug() - put the memory into the machine, out of reach
 * @gpu_mem: the memory; nvgrace_memory_check() and nvgrace_gpu_mem_check() have
 *           passed
 * @pdev: the GPU
 * @mig_defect: a part of the memory is resmem
 * @errp: what is wrong and what to type instead
 *
 * Returns: true on success; on failure nothing has changed.
 */
bool nvgrace_gpu_mem_plug(NVGraceGPUMem *gpu_mem, PCIDevice *pdev,
                          bool mig_defect, Error **errp);

/** nvgrace_gpu_mem_unplug() - undo nvgrace_gpu_mem_plug() */
void nvgrace_gpu_mem_unplug(NVGraceGPUMem *gpu_mem);

/** nvgrace_gpu_mem_set_reachable() - whether the CPU finds the memory or ~0 */
void nvgrace_gpu_mem_set_reachable(NVGraceGPUMem *gpu_mem, bool reachable);

/**
 * nvgrace_gpu_mem_power_off() - lose what the memory holds, unless a device of
 * the machine has it pinned for DMA
 */
void nvgrace_gpu_mem_power_off(NVGraceGPUMem *gpu_mem);

#endif /* HW_MISC_NVGRACE_GPU_MEM_H */
