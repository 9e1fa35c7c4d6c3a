/*
 * Hiding a BAR of a VFIO device
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VFIO_NVGRACE_HIDE_H
#define HW_VFIO_NVGRACE_HIDE_H

#include "pci.h"

/**
 * vfio_nvgrace_hide_bar() - a BAR that the device has, the guest does not see
 * @vdev: a device that is just being realized: its BARs are registered, but no
 *        guest has seen them
 * @nr: an even number; with the BAR behind it when that is one of its own
 * @errp: what needs the BAR, and what to type instead
 *
 * Afterwards it may be registered anew.  Nothing happens when there is none.
 *
 * Returns: true on success.
 */
bool vfio_nvgrace_hide_bar(VFIOPCIDevice *vdev, int nr, Error **errp);

#endif /* HW_VFIO_NVGRACE_HIDE_H */
