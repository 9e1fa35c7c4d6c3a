/*
 * What others may ask about VFIO devices of NVIDIA Grace GPUs
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VFIO_VFIO_NVGRACE_H
#define HW_VFIO_VFIO_NVGRACE_H

#include "qobject/qdict.h"

/*
 * The host driver: sysfs has its name with underscores, modprobe takes both.
 */
#define VFIO_NVGRACE_HOST_DRIVER "nvgrace_region_vfio_pci"
#define VFIO_NVGRACE_HOST_MODULE "nvgrace-region-vfio-pci"

/**
 * vfio_nvgrace_may_have_memory() - is that going to be a GPU with coherent
 * memory?
 * @driver: the device's type, as in -device
 * @opts: its options, all of them strings or what JSON makes of them; nothing
 *        is taken from it
 * @acpi: set to whether the memory may be outside of all BARs
 * @bar: set to whether it may be in BARs
 *
 * For a machine that has to fix its memory map before it creates devices.  It
 * is a hint, from the name of the host's driver: only the regions of the device
 * say, later, what memory it has and how much.  For a plain vfio-pci whose view
 * nobody has chosen, both @acpi and @bar are true.  What -global sets is not
 * seen, and of a vfio-user server nothing is known before QEMU connects to it,
 * but for a view that somebody has chosen.
 *
 * Returns: true if it may have memory; at least one of @acpi and @bar is true
 * then, and none otherwise.
 */
bool vfio_nvgrace_may_have_memory(const char *driver, const QDict *opts,
                                  bool *acpi, bool *bar);

/**
 * vfio_nvgrace_host_driver() - the driver that a device of the host is bound to
 * @device: the device's directory in sysfs
 *
 * Returns: its name as sysfs has it, to be freed by g_free(); NULL if there is
 * none, or no such device.
 */
char *vfio_nvgrace_host_driver(const char *device);

/**
 * vfio_nvgrace_device_driver() - the same of a device that is open
 * @sysfsdev: the device's directory in sysfs, NULL if it has none
 * @fd: its file, which tells then
 *
 * Returns: as vfio_nvgrace_host_driver().
 */
char *vfio_nvgrace_device_driver(const char *sysfsdev, int fd);

#endif /* HW_VFIO_VFIO_NVGRACE_H */
