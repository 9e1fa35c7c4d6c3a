/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the machine looks like, for any program that is process 1 of a guest. */
#ifndef TESTS_GUEST_SYSTEM_H
#define TESTS_GUEST_SYSTEM_H

#include <glib.h>

struct guest;

/* One line of /proc/iomem; addresses inclusive as there */
struct iomem {
	guint64 start;
	guint64 end;
	char *name;
};

/* All lines, in order; free with g_array_unref(). */
GArray *iomem_read(void);
/* As a text of the report; a file that cannot be read is a failed check. */
void report_file(const char *name, const char *path);

/* A check that the kernel has logged nothing bad.  A step of guest-agent.c; needs no guest. */
gboolean step_kernel_log(struct guest *guest);

#endif /* TESTS_GUEST_SYSTEM_H */
