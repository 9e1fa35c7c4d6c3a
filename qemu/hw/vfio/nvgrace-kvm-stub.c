/*
 * The NVIDIA Grace VFIO device without KVM
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "nvgrace-kvm.h"

bool vfio_nvgrace_kvm_cacheable(void)
{
    return true;
}
