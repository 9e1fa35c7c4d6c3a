/*
 * Configuration space of the emulated Grace GPU
 *
 *   0x060  Power Management, no reset on the way from D3hot to D0
 *   0x070  PCI Express endpoint with FLR
 *   0x0b0  MSI-X (nvgrace-gpu.c)
 *   0x100  NVIDIA's DVSEC 3, CXL device DVSEC, as far as they are there
 *
 * The two DVSECs are what Linux' nvgrace-gpu reads.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/misc/nvgrace-gpu-regs.h"
#include "hw/pci/pcie.h"
#include "nvgrace-gpu-config.h"

#define NVGRACE_CONFIG_PM       0x60
#define NVGRACE_CONFIG_EXP      0x70
#define NVGRACE_CONFIG_DVSEC    PCI_CONFIG_SPACE_SIZE

#define NVGRACE_DVSEC_SIZE      (NVGRACE_DVSEC_MIG + 2)

static uint16_t nvgrace_config_cxl_pos(const NVGraceConfig *config)
{
    return NVGRACE_CONFIG_DVSEC + (config->dvsec ? NVGRACE_DVSEC_SIZE : 0);
}

/* Both start with the header of PCIe r6.0, 7.9.6. */
static void nvgrace_config_add_dvsec(PCIDevice *pdev, uint16_t pos,
                                     uint16_t vendor, uint16_t id,
                                     uint16_t size)
{
    pcie_add_capability(pdev, PCI_EXT_CAP_ID_DVSEC, 1, pos, size);
    pci_set_long(pdev->config + pos + PCI_DVSEC_HEADER1, vendor | size << 20);
    pci_set_word(pdev->config + pos + PCI_DVSEC_HEADER2, id);
}

bool nvgrace_config_init(PCIDevice *pdev, const NVGraceConfig *config,
                         Error **errp)
{
    int pos;

    if (config->cxl_timeout > NVGRACE_CXL_TIMEOUT_MAX) {
        error_setg(errp, "x-cxl-timeout=%u is above %d", config->cxl_timeout,
                   NVGRACE_CXL_TIMEOUT_MAX);
        error_append_hint(errp, "It is a field of 3 bits; 0..4 stand for 1, 4, "
                          "16, 64 and 256 s.\n");
        return false;
    }
    pci_config_set_device_id(pdev->config, config->device_id);

    pos = pci_pm_init(pdev, NVGRACE_CONFIG_PM, errp);
    if (pos < 0) {
        return false;
    }
    pci_set_word(pdev->config + pos + PCI_PM_PMC, 3 /* PM r1.2 */);
    pci_set_word(pdev->config + pos + PCI_PM_CTRL, PCI_PM_CTRL_NO_SOFT_RESET);
    pci_set_word(pdev->wmask + pos + PCI_PM_CTRL, PCI_PM_CTRL_STATE_MASK);

    pos = pcie_endpoint_cap_init(pdev, NVGRACE_CONFIG_EXP);
    if (pos < 0) {
        error_setg(errp, "no room for the PCI Express capability");
        return false;
    }
    pcie_cap_deverr_init(pdev);
    pcie_cap_flr_init(pdev);

    if (config->dvsec) {
        nvgrace_config_add_dvsec(pdev, NVGRACE_CONFIG_DVSEC, NVGRACE_VENDOR_ID,
                                 NVGRACE_DVSEC_ID, NVGRACE_DVSEC_SIZE);
        if (config->dvsec_ones) {
            pci_set_word(pdev->config + NVGRACE_CONFIG_DVSEC +
                         NVGRACE_DVSEC_MIG, UINT16_MAX);
        } else if (config->cached_resmem) {
            pci_set_word(pdev->config + NVGRACE_CONFIG_DVSEC +
                         NVGRACE_DVSEC_MIG, NVGRACE_DVSEC_MIG_CACHED_RESMEM);
        }
    }
    if (config->cxl_dvsec) {
        nvgrace_config_add_dvsec(pdev, nvgrace_config_cxl_pos(config),
                                 NVGRACE_CXL_DVSEC_VENDOR_ID,
                                 NVGRACE_CXL_DVSEC_ID, NVGRACE_CXL_DVSEC_SIZE);
    }
    return true;
}

void nvgrace_config_set_active(PCIDevice *pdev, const NVGraceConfig *config,
                               bool active)
{
    if (!config->cxl_dvsec) {
        return;
    }
    pci_set_long(pdev->config + nvgrace_config_cxl_pos(config) +
                 NVGRACE_CXL_DVSEC_MEM,
                 (config->cxl_info_valid ? NVGRACE_CXL_MEM_INFO_VALID : 0) |
                 (active ? NVGRACE_CXL_MEM_ACTIVE : 0) |
                 config->cxl_timeout << NVGRACE_CXL_TIMEOUT_SHIFT);
}
