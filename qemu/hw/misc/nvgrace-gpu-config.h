/*
 * Configuration space of the emulated Grace GPU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_MISC_NVGRACE_GPU_CONFIG_H
#define HW_MISC_NVGRACE_GPU_CONFIG_H

#include "hw/pci/pci_device.h"

/* Where the MSI-X capability fits */
#define NVGRACE_CONFIG_MSIX     0xb0

/**
 * struct NVGraceConfig - what the configuration space shall look like
 * @device_id:      PCI device id
 * @cached_resmem:  NVIDIA's DVSEC says that the GPU lacks the MIG defect
 * @dvsec:          NVIDIA's DVSEC exists
 * @dvsec_ones:     its data read as all ones, as if the device had gone
 * @cxl_dvsec:      a CXL device DVSEC reports readiness
 * @cxl_info_valid: it reports the memory's size as known
 * @cxl_timeout:    time that it asks for, 0..4 for 1, 4, 16, 64, 256 s
 */
typedef struct NVGraceConfig {
    uint16_t device_id;
    bool cached_resmem;
    bool dvsec;
    bool dvsec_ones;
    bool cxl_dvsec;
    bool cxl_info_valid;
    uint8_t cxl_timeout;
} NVGraceConfig;

/**
 * nvgrace_config_init() - ids and capabilities, all but MSI-X
 * @pdev: the GPU
 * @config: what it shall look like
 * @errp: what is wrong
 *
 * Undone by pcie_cap_exit().
 *
 * Returns: true on success.
 */
bool nvgrace_config_init(PCIDevice *pdev, const NVGraceConfig *config,
                         Error **errp);

/**
 * nvgrace_config_set_active() - report in the CXL DVSEC, if there is one,
 * whether the memory can be reached
 */
void nvgrace_config_set_active(PCIDevice *pdev, const NVGraceConfig *config,
                               bool active);

#endif /* HW_MISC_NVGRACE_GPU_CONFIG_H */
