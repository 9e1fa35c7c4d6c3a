/*
 * Power of the emulated Grace GPU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_MISC_NVGRACE_GPU_POWER_H
#define HW_MISC_NVGRACE_GPU_POWER_H

#include "hw/acpi/aml-build.h"
#include "hw/pci/pci_device.h"

/**
 * struct NVGracePower - power of the GPU's slot
 * @resource: an OS finds that it can switch it
 * @off:      it is switched off
 * @offs:     how often that has been
 * @up:       when the GPU has done what it does after a power-on (ms of the
 *            virtual clock)
 */
typedef struct NVGracePower {
    bool resource;
    bool off;
    uint32_t offs;
    int64_t up;
} NVGracePower;

/**
 * nvgrace_power_reset() - the GPU is reset: is it by its power?
 * @power: is brought up to date
 * @pdev: the GPU
 * @ready_delay: what a power-on takes, ms
 *
 * Returns: true if this is a power-on, by a system reset or the slot's power.
 */
bool nvgrace_power_reset(NVGracePower *power, PCIDevice *pdev,
                         uint32_t ready_delay);

/**
 * nvgrace_power_check() - can the GPU's power be switched at all?
 * @pdev: the GPU, behind a PCIe port
 * @errp: what is wrong and what to type instead
 *
 * Returns: true if its slot has a power controller.
 */
bool nvgrace_power_check(PCIDevice *pdev, Error **errp);

/**
 * nvgrace_power_build_aml() - have an OS find that it can switch it
 * @pdev: the GPU; nvgrace_power_check() has passed
 * @scope: its Device node
 */
void nvgrace_power_build_aml(PCIDevice *pdev, Aml *scope);

#endif /* HW_MISC_NVGRACE_GPU_POWER_H */
