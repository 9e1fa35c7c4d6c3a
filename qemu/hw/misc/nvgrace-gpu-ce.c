/*
 * Copy engine of the emulated Grace GPU
 *
 * Moves bytes between coherent memory and DMA addresses, in chunks, so that
 * neither the main loop nor a VCPU waits for a long copy.  It exists to let
 * tests see a GPU that reaches its own memory and, through the IOMMU, the
 * memory of its owner.  NVIDIA's copy engines look nothing like it.
 *
 * In: register accesses from nvgrace-gpu.c.  Out: memory, one MSI-X vector.
 * docs/emulated-gpu.md describes the registers.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/log.h"
#include "qemu/units.h"
#include "hw/misc/nvgrace-gpu-regs.h"
#include "hw/pci/msix.h"
#include "nvgrace-gpu-ce.h"
#include "trace.h"

/*
 * One chunk for every step of virtual time.  The step keeps BUSY visible for a
 * moment even in the shortest job; the chunk keeps the BQL hold time well below
 * a millisecond.
 */
#define NVGRACE_CE_CHUNK    (1 * MiB)
#define NVGRACE_CE_STEP_NS  (10 * SCALE_US)

static bool nvgrace_ce_busy(const NVGraceCE *ce)
{
    return ce->status & NVGRACE_CE_STATUS_BUSY;
}

static void nvgrace_ce_schedule(NVGraceCE *ce)
{
    timer_mod(&ce->timer,
              qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + NVGRACE_CE_STEP_NS);
}

/* @cause: NVGRACE_CE_CAUSE_x, or 0 when all bytes were copied */
static void nvgrace_ce_finish(NVGraceCE *ce, unsigned cause)
{
    ce->status = NVGRACE_CE_STATUS_DONE;
    if (cause) {
        ce->status |= NVGRACE_CE_STATUS_ERROR |
                      cause << NVGRACE_CE_STATUS_CAUSE_SHIFT;
    }
    ce->count++;
    trace_nvgrace_gpu_copy_end(ce->pdev->name, ce->done, cause);

    if (ce->ctrl & NVGRACE_CE_CTRL_IRQ && msix_enabled(ce->pdev)) {
        msix_notify(ce->pdev, 0);
    }
}

static MemTxResult nvgrace_ce_rw(NVGraceCE *ce, bool coherent, uint64_t addr,
                                 uint8_t *buf, uint64_t len, bool is_write)
{
    if (coherent) {
        return address_space_rw(ce->mem_as, addr, MEMTXATTRS_UNSPECIFIED,
                                buf, len, is_write);
    }
    return is_write ? pci_dma_write(ce->pdev, addr, buf, len) :
                      pci_dma_read(ce->pdev, addr, buf, len);
}

static void nvgrace_ce_advance(NVGraceCE *ce, uint64_t len, MemTxResult result)
{
    if (result != MEMTX_OK) {
        nvgrace_ce_finish(ce, NVGRACE_CE_CAUSE_DMA);
        return;
    }
    ce->done += len;
    if (ce->done == ce->len) {
        nvgrace_ce_finish(ce, 0);
    } else {
        nvgrace_ce_schedule(ce);
    }
}

static void nvgrace_ce_step(void *opaque)
{
    NVGraceCE *ce = opaque;
    PCIDevice *pdev = ce->pdev;
    MemReentrancyGuard *guard = &DEVICE(pdev)->mem_reentrancy_guard;
    uint64_t len = MIN(ce->len - ce->done, NVGRACE_CE_CHUNK);
    g_autofree uint8_t *buf = g_malloc(len);
    MemTxResult result;

    /*
     * A job must not program the engine that runs it: refuse our own BARs.  It
     * can still reach, through ECAM, our configuration space and that of the
     * port above: FLR ends the job, switching the slot off ends the device.
     */
    guard->engaged_in_io = true;
    object_ref(OBJECT(pdev));
    result = nvgrace_ce_rw(ce, ce->ctrl & NVGRACE_CE_CTRL_SRC_MEM,
                           ce->src + ce->done, buf, len, false);
    if (result == MEMTX_OK && nvgrace_ce_busy(ce)) {
        result = nvgrace_ce_rw(ce, ce->ctrl & NVGRACE_CE_CTRL_DST_MEM,
                               ce->dst + ce->done, buf, len, true);
    }
    guard->engaged_in_io = false;

    if (nvgrace_ce_busy(ce)) {
        nvgrace_ce_advance(ce, len, result);
    }
    object_unref(OBJECT(pdev));
}

/* Does [addr, addr + len) exist? */
static bool nvgrace_ce_range_ok(NVGraceCE *ce, bool coherent, uint64_t addr)
{
    /* The very last byte of the DMA address space cannot be part of a job. */
    uint64_t limit = coherent ? ce->mem_size : UINT64_MAX;

    return ce->len && addr < limit && ce->len <= limit - addr;
}

static void nvgrace_ce_start(NVGraceCE *ce, uint32_t ctrl)
{
    ce->ctrl = ctrl;
    ce->done = 0;
    trace_nvgrace_gpu_copy_start(ce->pdev->name, ce->src, ce->dst, ce->len,
                                 ctrl);

    if (!ce->ready) {
        nvgrace_ce_finish(ce, NVGRACE_CE_CAUSE_NOT_READY);
    } else if (!nvgrace_ce_range_ok(ce, ctrl & NVGRACE_CE_CTRL_SRC_MEM,
                                    ce->src) ||
               !nvgrace_ce_range_ok(ce, ctrl & NVGRACE_CE_CTRL_DST_MEM,
                                    ce->dst)) {
        nvgrace_ce_finish(ce, NVGRACE_CE_CAUSE_RANGE);
    } else {
        ce->status = NVGRACE_CE_STATUS_BUSY;
        nvgrace_ce_schedule(ce);
    }
}

uint32_t nvgrace_ce_read(NVGraceCE *ce, hwaddr reg)
{
    switch (reg) {
    case NVGRACE_CE_ID:
        return NVGRACE_CE_ID_VALUE;
    case NVGRACE_CE_STATUS:
        return ce->status;
    case NVGRACE_CE_SRC_LO:
        return extract64(ce->src, 0, 32);
    case NVGRACE_CE_SRC_HI:
        return extract64(ce->src, 32, 32);
    case NVGRACE_CE_DST_LO:
        return extract64(ce->dst, 0, 32);
    case NVGRACE_CE_DST_HI:
        return extract64(ce->dst, 32, 32);
    case NVGRACE_CE_LEN_LO:
        return extract64(ce->len, 0, 32);
    case NVGRACE_CE_LEN_HI:
        return extract64(ce->len, 32, 32);
    case NVGRACE_CE_COUNT:
        return ce->count;
    case NVGRACE_CE_MEM_LO:
        return extract64(ce->mem_size, 0, 32);
    case NVGRACE_CE_MEM_HI:
        return extract64(ce->mem_size, 32, 32);
    default:
        return 0;
    }
}

void nvgrace_ce_write(NVGraceCE *ce, hwaddr reg, uint32_t val)
{
    if (nvgrace_ce_busy(ce)) {
        if (reg == NVGRACE_CE_CTRL && val & NVGRACE_CE_CTRL_ABORT) {
            timer_del(&ce->timer);
            nvgrace_ce_finish(ce, NVGRACE_CE_CAUSE_ABORTED);
        } else {
            qemu_log_mask(LOG_GUEST_ERROR, "%s: write of 0x%" PRIx32 " to 0x%"
                          HWADDR_PRIx " ignored: the copy engine is busy\n",
                          ce->pdev->name, val, reg);
        }
        return;
    }

    switch (reg) {
    case NVGRACE_CE_STATUS:
        ce->status &= ~(val & (NVGRACE_CE_STATUS_DONE |
                               NVGRACE_CE_STATUS_ERROR));
        if (!(ce->status & NVGRACE_CE_STATUS_ERROR)) {
            ce->status &= ~NVGRACE_CE_STATUS_CAUSE_MASK;
        }
        break;
    case NVGRACE_CE_SRC_LO:
        ce->src = deposit64(ce->src, 0, 32, val);
        break;
    case NVGRACE_CE_SRC_HI:
        ce->src = deposit64(ce->src, 32, 32, val);
        break;
    case NVGRACE_CE_DST_LO:
        ce->dst = deposit64(ce->dst, 0, 32, val);
        break;
    case NVGRACE_CE_DST_HI:
        ce->dst = deposit64(ce->dst, 32, 32, val);
        break;
    case NVGRACE_CE_LEN_LO:
        ce->len = deposit64(ce->len, 0, 32, val);
        break;
    case NVGRACE_CE_LEN_HI:
        ce->len = deposit64(ce->len, 32, 32, val);
        break;
    case NVGRACE_CE_CTRL:
        if (val & NVGRACE_CE_CTRL_START && !(val & NVGRACE_CE_CTRL_ABORT)) {
            nvgrace_ce_start(ce, val);
        }
        break;
    }
}

void nvgrace_ce_reset(NVGraceCE *ce)
{
    if (nvgrace_ce_busy(ce)) {
        trace_nvgrace_gpu_copy_reset(ce->pdev->name, ce->done, ce->len);
    }
    timer_del(&ce->timer);
    ce->ready = false;
    ce->src = ce->dst = ce->len = 0;
    ce->status = ce->count = 0;
}

void nvgrace_ce_set_ready(NVGraceCE *ce)
{
    ce->ready = true;
}

void nvgrace_ce_init(NVGraceCE *ce, PCIDevice *pdev, MemoryRegion *mem)
{
    ce->pdev = pdev;
    ce->mem_as = g_new0(AddressSpace, 1);
    address_space_init(ce->mem_as, mem, "nvgrace-gpu-ce");
    ce->mem_size = memory_region_size(mem);
    timer_init_ns(&ce->timer, QEMU_CLOCK_VIRTUAL, nvgrace_ce_step, ce);
}

void nvgrace_ce_cleanup(NVGraceCE *ce)
{
    nvgrace_ce_reset(ce);
    address_space_destroy_free(g_steal_pointer(&ce->mem_as));
}
