/*
 * What the NVIDIA Grace VFIO device needs to know from KVM
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/kvm.h>

#include "system/kvm.h"
#include "nvgrace-kvm.h"

bool vfio_nvgrace_kvm_cacheable(void)
{
    /* the capability is the VM's: asked of /dev/kvm itself it is never there */
    return !kvm_enabled() ||
           kvm_vm_ioctl(kvm_state, KVM_CHECK_EXTENSION,
                        KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED) > 0;
}
