/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the scenarios share: which machine it is, and what confines QEMU on it. */
#ifndef TESTS_LIBVIRT_CONFINEMENT_H
#define TESTS_LIBVIRT_CONFINEMENT_H

#define EXPORTER "nvgrace_region_vfio_pci"
/* What stands for NVIDIA's driver: it puts the GPU's memory online */
#define HOST_DRIVER "nvgrace_guest"

/* For domains.  The second one shares its group with another function. */
#define GPU "0000:01:00.0"
/* ... and for virsh nodedev-* */
#define NODE_GPU "pci_0000_01_00_0"
#define SHARED_GPU "0000:02:00.0"
#define NO_GPU "0000:02:00.1"

/* As on the page. */
#define GUEST_RAM_MIB 2048u
#define GUEST_OPTIONS "nvgrace.touch_mib=64 nvgrace.button=1"

/* Who QEMU of that domain is, what it may open, and what it may lock. */
void check_confinement(const char *domain);

#endif
