/*
 * What the NVIDIA Grace VFIO device needs to know from KVM
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VFIO_NVGRACE_KVM_H
#define HW_VFIO_NVGRACE_KVM_H

/**
 * vfio_nvgrace_kvm_cacheable() - can the guest map usemem as Normal cacheable?
 *
 * Returns: false if KVM is in use and maps memory that is no host RAM as Device
 * memory, whatever the host's own mapping of it.
 */
bool vfio_nvgrace_kvm_cacheable(void);

#endif /* HW_VFIO_NVGRACE_KVM_H */
