/*
 * Coherent memory of an NVIDIA Grace GPU as BARs: the "bar" view
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_MEM_NVGRACE_BARS_H
#define HW_MEM_NVGRACE_BARS_H

#include "hw/mem/nvgrace-memory.h"

/**
 * nvgrace_bars_add() - register the BARs of a memory
 * @mem: @pdev, whose BARs of these numbers do not exist, @usemem and @resmem
 */
void nvgrace_bars_add(NVGraceMemory *mem);

/**
 * nvgrace_bars_remove() - undo nvgrace_bars_add(), while the device is being
 * unrealized
 */
void nvgrace_bars_remove(NVGraceMemory *mem);

#endif /* HW_MEM_NVGRACE_BARS_H */
