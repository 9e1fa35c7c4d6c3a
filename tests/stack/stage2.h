/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults at stage 2 of the guests of this host, as KVM's tracepoint tells of them. */
#ifndef TESTS_STACK_STAGE2_H
#define TESTS_STACK_STAGE2_H

#include <glib.h>

struct stage2_counter;

/*
 * Count from now on, on all CPUs, those at guest physical addresses from @from to
 * before @to.  An access to a device that QEMU or KVM emulates is one, too.  NULL,
 * with errno, if the kernel has no such tracepoint.
 */
struct stage2_counter *stage2_count(guint64 from, guint64 to);

/* How many there were; frees.  Negative if they cannot be read. */
gint64 stage2_end(struct stage2_counter *counter);

#endif
