/*
 * ACPI properties of an NVIDIA Grace GPU: _DSD
 *
 * In: the plugged memory of a PCI function.  Out: AML in its Device node.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/acpi/aml-build.h"
#include "hw/mem/nvgrace-memory.h"
#include "hw/mem/nvgrace-dsd.h"

/* "Device Properties UUID For _DSD", UEFI forum */
#define DSD_DEVICE_PROPERTIES "DAFFD814-6EBA-4D8C-8A91-BC9BBF4AA301"

static void append_property(Aml *properties, const char *name, uint64_t value)
{
    Aml *pair = aml_package(2);

    aml_append(pair, aml_string("%s", name));
    aml_append(pair, aml_int(value));
    aml_append(properties, pair);
}

void nvgrace_append_dsd(Aml *scope, const NVGraceMemory *mem)
{
    Aml *dsd, *properties;
    bool acpi, base, pxm, size, egm;

    /* With any of it, drivers that the other view is for look no further. */
    acpi = mem->view == NVGRACE_GUEST_VIEW_ACPI;
    base = acpi && !(mem->dsd_omit & NVGRACE_DSD_BASE);
    pxm = acpi && !(mem->dsd_omit & NVGRACE_DSD_PXM);
    size = acpi && !(mem->dsd_omit & NVGRACE_DSD_SIZE);
    egm = mem->egm_node != NVGRACE_EGM_NONE;
    if (!base && !pxm && !size && !egm) {
        return;
    }

    /* Names and order: NVIDIA's edk2 for TH500, GpuDsdAmlGeneration.c */
    properties = aml_package(base + 2 * pxm + size + 4 * egm);
    if (base) {
        append_property(properties, "nvidia,gpu-mem-base-pa",
                        mem->dsd_replace & NVGRACE_DSD_BASE ? mem->dsd_base
                                                            : mem->addr);
    }
    if (pxm) {
        append_property(properties, "nvidia,gpu-mem-pxm-start",
                        mem->pxm_start);
        append_property(properties, "nvidia,gpu-mem-pxm-count",
                        mem->pxm_count);
    }
    if (size) {
        append_property(properties, "nvidia,gpu-mem-size",
                        mem->dsd_replace & NVGRACE_DSD_SIZE
                        ? mem->dsd_size : nvgrace_memory_size(mem));
    }
    if (egm) {
        append_property(properties, "nvidia,egm-base-pa", mem->egm_base);
        append_property(properties, "nvidia,egm-size", mem->egm_size);
        append_property(properties, "nvidia,egm-pxm", mem->egm_node);
        append_property(properties, "nvidia,egm-retired-pages-data-base",
                        mem->egm_retired_addr);
    }

    dsd = aml_package(2);
    aml_append(dsd, aml_touuid(DSD_DEVICE_PROPERTIES));
    aml_append(dsd, properties);
    aml_append(scope, aml_name_decl("_DSD", dsd));
}

void nvgrace_build_dev_aml(AcpiDevAmlIf *adev, Aml *scope)
{
    const NVGraceMemory *mem = nvgrace_memory_of(PCI_DEVICE(adev));

    if (mem) {
        nvgrace_append_dsd(scope, mem);
    }
}
