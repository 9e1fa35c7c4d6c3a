/*
 * What does not let coherent memory of an NVIDIA Grace GPU be as it should
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VFIO_NVGRACE_LIMITS_H
#define HW_VFIO_NVGRACE_LIMITS_H

#include "nvgrace-regions.h"

/**
 * vfio_nvgrace_hint_at_limits() - for a mapping that QEMU could not make
 * @err: the errno of that
 * @size: what there was to be mapped, in bytes
 * @errp: an error, which gets the hint which limit of the process it was, what
 *        it is, and what it must be; nothing if it was none
 */
void vfio_nvgrace_hint_at_limits(int err, uint64_t size, Error **errp);

/**
 * vfio_nvgrace_hint_at_memlock() - the same for RLIMIT_MEMLOCK alone
 *
 * Returns: false if there is no such limit, and so no hint.
 */
bool vfio_nvgrace_hint_at_memlock(uint64_t size, Error **errp);

/**
 * vfio_nvgrace_warn_of_limits() - say what will not work, or not well
 * @mem: the memory, mapped into QEMU, not yet into the guest
 * @vbasedev: its device
 *
 * Each warning is printed once, for however many devices.
 */
void vfio_nvgrace_warn_of_limits(const VFIONVGraceMemory *mem,
                                 VFIODevice *vbasedev);

#endif /* HW_VFIO_NVGRACE_LIMITS_H */
