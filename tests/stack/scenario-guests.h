/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the scenarios with guests have in common. */
#ifndef TESTS_STACK_SCENARIO_GUESTS_H
#define TESTS_STACK_SCENARIO_GUESTS_H

#include "host-vm.h"

/*
 * Run the guest to its end.  What it reports begins with its name; whether it
 * ended well, and whether QEMU said what it must and no more, is reported here.
 */
void run_guest(struct host_vm *vm);

/*
 * QEMU has warned of nothing, or in one line of what it must; and it has said
 * what it did, line by line.  A line more is of each machine that has a Grace
 * Hopper GPU in the "acpi" view.
 */
gboolean warned_as_wanted(const struct host_vm *vm);

/* With the addresses of the GPUs in place of @0 and @1; caller frees. */
GStrv with_addresses(const char *const *args, const char *const *gpus);

#endif
