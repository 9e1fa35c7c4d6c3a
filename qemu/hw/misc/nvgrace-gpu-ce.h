/*
 * Copy engine of the emulated Grace GPU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_MISC_NVGRACE_GPU_CE_H
#define HW_MISC_NVGRACE_GPU_CE_H

#include "hw/pci/pci_device.h"
#include "qemu/timer.h"
#include "system/memory.h"

/**
 * struct NVGraceCE - copy engine of one GPU
 *
 * All of it is protected by the BQL.
 *
 * @pdev:     the GPU: DMA and interrupts are in its name
 * @mem_as:   the coherent memory as the GPU itself addresses it, from 0
 * @mem_size: bytes of coherent memory
 * @timer:    the next chunk of the running job; virtual clock, so that a
 *            stopped machine has no DMA
 * @ready:    the GPU is not in reset
 * @src:      register: offset or DMA address
 * @dst:      register: offset or DMA address
 * @len:      register: bytes
 * @status:   register
 * @count:    register: jobs that ended since reset
 * @ctrl:     what the running job was started with
 * @done:     bytes that the running job has copied
 */
typedef struct NVGraceCE {
    PCIDevice *pdev;
    AddressSpace *mem_as;
    uint64_t mem_size;
    QEMUTimer timer;

    bool ready;
    uint64_t src;
    uint64_t dst;
    uint64_t len;
    uint32_t status;
    uint32_t count;

    uint32_t ctrl;
    uint64_t done;
} NVGraceCE;

/**
 * nvgrace_ce_init() - set up the engine, in reset
 * @ce: the engine
 * @pdev: the GPU
 * @mem: the coherent memory
 */
void nvgrace_ce_init(NVGraceCE *ce, PCIDevice *pdev, MemoryRegion *mem);

/** nvgrace_ce_cleanup() - undo nvgrace_ce_init(); a running job is dropped */
void nvgrace_ce_cleanup(NVGraceCE *ce);

/**
 * nvgrace_ce_reset() - drop a running job without a trace, clear the registers
 * and refuse jobs until nvgrace_ce_set_ready()
 */
void nvgrace_ce_reset(NVGraceCE *ce);

/** nvgrace_ce_set_ready() - the GPU is up: accept jobs */
void nvgrace_ce_set_ready(NVGraceCE *ce);

/**
 * nvgrace_ce_read() - read a register
 * @reg: offset in BAR0, a multiple of 4
 *
 * Returns: its value, 0 where no register is.
 */
uint32_t nvgrace_ce_read(NVGraceCE *ce, hwaddr reg);

/**
 * nvgrace_ce_write() - write a register
 * @reg: offset in BAR0, a multiple of 4
 * @val: what to write; ignored where no writable register is
 */
void nvgrace_ce_write(NVGraceCE *ce, hwaddr reg, uint32_t val);

#endif /* HW_MISC_NVGRACE_GPU_CE_H */
