/*
 * ACPI properties of an NVIDIA Grace GPU: _DSD
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_MEM_NVGRACE_DSD_H
#define HW_MEM_NVGRACE_DSD_H

#include "hw/acpi/acpi_aml_interface.h"
#include "hw/mem/nvgrace-memory.h"

/**
 * nvgrace_append_dsd() - describe a memory, unless it is in BARs
 * @scope: the Device node of its GPU
 * @mem: the memory, plugged
 */
void nvgrace_append_dsd(Aml *scope, const NVGraceMemory *mem);

/**
 * nvgrace_build_dev_aml() - the GPU's part of the DSDT
 * @adev: the PCI function
 * @scope: its Device node
 */
void nvgrace_build_dev_aml(AcpiDevAmlIf *adev, Aml *scope);

#endif /* HW_MEM_NVGRACE_DSD_H */
