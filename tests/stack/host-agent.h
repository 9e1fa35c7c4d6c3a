/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the scenarios of the emulated host share: see host-agent.c. */
#ifndef TESTS_STACK_HOST_AGENT_H
#define TESTS_STACK_HOST_AGENT_H

#include <glib.h>

/* kbuild turns the dashes of a module's name into underscores for the driver's */
#define EXPORTER_MODULE "nvgrace-region-vfio-pci"
#define EXPORTER "nvgrace_region_vfio_pci"

/* Bind, and report whether it is. */
gboolean bind_gpu(const char *bdf, const char *driver);

struct host_vm;

/*
 * Run the guest to its end.  What it reports begins with its name; whether it
 * ended well, and whether QEMU had something to say, is reported here.  What QEMU
 * says of Grace Hopper in ACPI is no matter for the latter.
 */
void run_guest(struct host_vm *vm);

/* The scenarios with guests. */
void scenario_guest_poison(const char *bdf);
void scenario_guest_poison_ends(const char *bdf);
void scenario_guest(const char *bdf);
void scenario_guests(const char *bdf);
void scenario_lives(const char *bdf);
void scenario_guest_iommufd(const char *bdf);
void scenario_guests_iommufd(const char *bdf);
void scenario_dropin(const char *bdf);
void scenario_dropin_fd(const char *bdf);
void scenario_mixture(const char *bdf);
void scenario_disks(const char *bdf);
void scenario_disks_iommufd(const char *bdf);

/* The scenarios that use the exporter without a guest. */
void scenario_regions(const char *bdf);
void scenario_parallel(const char *bdf);
void scenario_reset(const char *bdf);
void scenario_sleep(const char *bdf);
void scenario_d3cold(const char *bdf);
void scenario_scrub(const char *bdf);
void scenario_capability(const char *bdf);
void scenario_lifetime(const char *bdf);
void scenario_leaves(const char *bdf);
void scenario_random(const char *bdf);
void scenario_firmware(const char *bdf);
void scenario_poison(const char *bdf);
void scenario_recovery(const char *bdf);
void scenario_dmabuf(const char *bdf);
void scenario_iommufd(const char *bdf);
void scenario_selftests(const char *bdf);

/* Machines without a guest. */
void scenario_machines(const char *bdf);

/* With one. */
void scenario_old_kvm(const char *bdf);

/* What QEMU says of huge pages that are off, where that matters and where not. */
void scenario_small_pages(const char *bdf);

/* A guest that passes its GPU on. */
void scenario_nested(const char *bdf);

#endif
