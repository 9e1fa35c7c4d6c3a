/*
 * Coherent memory of the emulated Grace GPU
 *
 * The memory keeps its content across every reset, as HBM does, and loses it
 * with the power.  From the start of a reset until the GPU is ready it cannot
 * be reached:
 *
 *   NVGraceMemory.container     priority
 *   +---------------------------+
 *   | in_reset: reads ~0,       |  2, enabled while out of reach
 *   |           drops writes    |
 *   +------+--------+-----------+
 *          | poison |              1, a page, only with x-poison=
 *   +------+--------+--+--------+
 *   | usemem           | resmem |  0, aliases of the backend
 *   +------------------+--------+
 *
 * In: a memory backend, and what firmware shall get wrong.  Out: a plugged
 * NVGraceMemory, the same object that a passed-through GPU fills for its guest.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/error-report.h"
#include "qemu/log.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "hw/acpi/ghes.h"
#include "hw/pci/pci_device.h"
#include "system/ramblock.h"
#include "nvgrace-gpu-mem.h"

/*
 * Split of the memory on GPUs with the MIG defect: "hardwired" between their
 * firmware and the drivers (nvgrace-gpu in Linux, NVIDIA's driver), which both
 * compute it from the size alone.
 */
#define NVGRACE_RESMEM_MIN      (1 * GiB)
#define NVGRACE_USEMEM_ALIGN    (512 * MiB)

/* What x-poison= covers */
#define NVGRACE_POISON_SIZE     (4 * KiB)

static uint64_t nvgrace_in_reset_read(void *opaque, hwaddr addr, unsigned size)
{
    NVGraceGPUMem *gpu_mem = opaque;

    gpu_mem->out_of_reach++;
    return UINT64_MAX;
}

static void nvgrace_in_reset_write(void *opaque, hwaddr addr, uint64_t val,
                                   unsigned size)
{
    NVGraceGPUMem *gpu_mem = opaque;

    gpu_mem->out_of_reach++;
    qemu_log_mask(LOG_GUEST_ERROR, "%s: write to coherent memory at 0x%"
                  HWADDR_PRIx " dropped: the GPU is in reset\n",
                  gpu_mem->mem.pdev->name, addr);
}

static const MemoryRegionOps nvgrace_in_reset_ops = {
    .read = nvgrace_in_reset_read,
    .write = nvgrace_in_reset_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
    .impl = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
};

/*
 * A page with an error that the memory cannot correct: reading it is an
 * external abort, however often it is written.  On a machine with ras=on,
 * firmware has put the error on record by then, for whoever takes the abort.
 */
static MemTxResult nvgrace_poison_read(void *opaque, hwaddr addr,
                                       uint64_t *val, unsigned size,
                                       MemTxAttrs attrs)
{
    NVGraceGPUMem *gpu_mem = opaque;
    AcpiGhesState *ghes = acpi_ghes_get_state();
    Error *err = NULL;

    if (ghes && !acpi_ghes_memory_errors(ghes, ACPI_HEST_SRC_ID_SYNC,
                                         gpu_mem->mem.addr +
                                         gpu_mem->poison_offset + addr, &err)) {
        warn_report_err(err);
    }
    *val = UINT64_MAX;
    return MEMTX_ERROR;
}

static MemTxResult nvgrace_poison_write(void *opaque, hwaddr addr,
                                        uint64_t val, unsigned size,
                                        MemTxAttrs attrs)
{
    NVGraceGPUMem *gpu_mem = opaque;
    MemoryRegion *backend = host_memory_backend_get_memory(gpu_mem->memdev);
    uint8_t *page = memory_region_get_ram_ptr(backend);

    stn_le_p(page + gpu_mem->poison_offset + addr, size, val);
    return MEMTX_OK;
}

static const MemoryRegionOps nvgrace_poison_ops = {
    .read_with_attrs = nvgrace_poison_read,
    .write_with_attrs = nvgrace_poison_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
    .impl = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
};

bool nvgrace_gpu_mem_check(const NVGraceGPUMem *gpu_mem, const char *model,
                           bool mig_defect, Error **errp)
{
    ERRP_GUARD();
    uint64_t min = NVGRACE_RESMEM_MIN + NVGRACE_USEMEM_ALIGN;
    uint64_t size;

    if (!gpu_mem->memdev) {
        error_setg(errp, "'memdev' property is required");
        error_append_hint(errp, "Add -object memory-backend-ram,id=ID,size=96G,"
                          "reserve=off and memdev=ID, each GPU with an ID of "
                          "its own.\n");
        return false;
    }
    if (host_memory_backend_is_mapped(gpu_mem->memdev)) {
        g_autofree char *name = host_memory_backend_get_name(gpu_mem->memdev);

        error_setg(errp, "memory backend '%s' is in use already", name);
        error_append_hint(errp, "Every GPU needs a memory backend of its "
                          "own.\n");
        return false;
    }
    size = memory_region_size(host_memory_backend_get_memory(gpu_mem->memdev));
    if (mig_defect && size < min) {
        error_setg(errp, "the memory backend has 0x%" PRIx64 " bytes, model "
                   "%s needs 0x%" PRIx64 " at least", size, model, min);
        error_append_hint(errp, "Its last 1 GiB or more is resmem and usemem "
                          "is a multiple of 512 MiB: use size=1536M or "
                          "more.\n");
        return false;
    }
    if (gpu_mem->poison_offset != NVGRACE_POISON_NONE &&
        (gpu_mem->poison_offset % NVGRACE_POISON_SIZE ||
         gpu_mem->poison_offset >= size)) {
        error_setg(errp, "x-poison=0x%" PRIx64 " is no page of the 0x%" PRIx64
                   " bytes of the memory backend", gpu_mem->poison_offset,
                   size);
        error_append_hint(errp, "Use a multiple of 0x%x below that.\n",
                          (unsigned)NVGRACE_POISON_SIZE);
        return false;
    }
    return true;
}

bool nvgrace_gpu_mem_set_dsd(NVGraceGPUMem *gpu_mem, bool link_up,
                             Error **errp)
{
    ERRP_GUARD();
    static const struct {
        const char *name;
        uint32_t omit;
    } modes[] = {
        { "on", 0 },
        { "off", NVGRACE_DSD_BASE | NVGRACE_DSD_PXM | NVGRACE_DSD_SIZE },
        { "base-only", NVGRACE_DSD_SIZE },
        { "size-only", NVGRACE_DSD_BASE },
    };
    NVGraceMemory *mem = &gpu_mem->mem;

    if (gpu_mem->dsd_base != NVGRACE_DSD_TRUTH) {
        mem->dsd_replace |= NVGRACE_DSD_BASE;
        mem->dsd_base = gpu_mem->dsd_base;
    }
    if (gpu_mem->dsd_size != NVGRACE_DSD_TRUTH) {
        mem->dsd_replace |= NVGRACE_DSD_SIZE;
        mem->dsd_size = gpu_mem->dsd_size;
    }

    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        if (!g_strcmp0(gpu_mem->dsd ?: "on", modes[i].name)) {
            mem->dsd_omit = modes[i].omit;
            /* Firmware leaves the size out when the link did not come up. */
            if (!link_up) {
                mem->dsd_omit |= NVGRACE_DSD_SIZE;
            }
            return true;
        }
    }
    error_setg(errp, "x-dsd=%s does not exist", gpu_mem->dsd);
    error_append_hint(errp, "Use on, off, base-only or size-only.\n");
    return false;
}

bool nvgrace_gpu_mem_plug(NVGraceGPUMem *gpu_mem, PCIDevice *pdev,
                          bool mig_defect, Error **errp)
{
    MemoryRegion *backend = host_memory_backend_get_memory(gpu_mem->memdev);
    MemoryRegion *container = &gpu_mem->mem.container;
    uint64_t size = memory_region_size(backend);
    uint64_t usemem_size = size;

    if (mig_defect) {
        usemem_size = QEMU_ALIGN_DOWN(size - NVGRACE_RESMEM_MIN,
                                      NVGRACE_USEMEM_ALIGN);
        memory_region_init_alias(&gpu_mem->resmem, OBJECT(pdev),
                                 "nvgrace-gpu-resmem", backend, usemem_size,
                                 size - usemem_size);
    }
    memory_region_init_alias(&gpu_mem->usemem, OBJECT(pdev),
                             "nvgrace-gpu-usemem", backend, 0, usemem_size);

    gpu_mem->mem.canwbs = true;
    if (!nvgrace_memory_plug(&gpu_mem->mem, pdev, &gpu_mem->usemem,
                             mig_defect ? &gpu_mem->resmem : NULL, errp)) {
        return false;
    }
    memory_region_init_io(&gpu_mem->in_reset, OBJECT(pdev),
                          &nvgrace_in_reset_ops, gpu_mem,
                          "nvgrace-gpu-in-reset", size);
    memory_region_add_subregion_overlap(container, 0, &gpu_mem->in_reset, 2);
    if (gpu_mem->poison_offset != NVGRACE_POISON_NONE) {
        memory_region_init_io(&gpu_mem->poison, OBJECT(pdev),
                              &nvgrace_poison_ops, gpu_mem,
                              "nvgrace-gpu-poison", NVGRACE_POISON_SIZE);
        memory_region_add_subregion_overlap(container, gpu_mem->poison_offset,
                                            &gpu_mem->poison, 1);
    }
    nvgrace_memory_set_dump(backend, gpu_mem->mem.dump);
    host_memory_backend_set_mapped(gpu_mem->memdev, true);
    return true;
}

void nvgrace_gpu_mem_unplug(NVGraceGPUMem *gpu_mem)
{
    MemoryRegion *container = &gpu_mem->mem.container;

    host_memory_backend_set_mapped(gpu_mem->memdev, false);
    memory_region_set_nonvolatile(
        host_memory_backend_get_memory(gpu_mem->memdev), false);
    if (gpu_mem->poison_offset != NVGRACE_POISON_NONE) {
        memory_region_del_subregion(container, &gpu_mem->poison);
    }
    memory_region_del_subregion(container, &gpu_mem->in_reset);
    nvgrace_memory_unplug(&gpu_mem->mem);
}

void nvgrace_gpu_mem_set_reachable(NVGraceGPUMem *gpu_mem, bool reachable)
{
    memory_region_set_enabled(&gpu_mem->in_reset, !reachable);
}

void nvgrace_gpu_mem_power_off(NVGraceGPUMem *gpu_mem)
{
    MemoryRegion *backend = host_memory_backend_get_memory(gpu_mem->memdev);

    if (!ram_block_discard_is_disabled()) {
        ram_block_discard_range(backend->ram_block, 0,
                                memory_region_size(backend));
    }
}
