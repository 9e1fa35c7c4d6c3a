/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the scenarios that use the exporter by VFIO have in common. */
#ifndef TESTS_STACK_SCENARIO_H
#define TESTS_STACK_SCENARIO_H

#include <glib.h>

#include "vfio-client.h"

/* Of a result that is negative on error: its text. */
const char *error_text(gint64 result);

/* The regions of a GPU; resmem has size 0 where there is none. */
struct gpu_regions {
	struct vfio_client_region usemem;
	struct vfio_client_region resmem;
};

/* Find them; FALSE if there is no usemem. */
gboolean find_gpu_regions(const struct vfio_client *client, struct gpu_regions *regions);

/*
 * Open and find the regions.  FALSE, and a failed check, if that is not possible.
 * Another check, "open-cdev", is there if a device's own file should be what is open.
 */
gboolean open_gpu(const char *bdf, struct vfio_client *client, struct gpu_regions *regions);

/* The same for a process that has its own way to tell: 0 or a negative errno. */
int open_gpu_quietly(const char *bdf, struct vfio_client *client, struct gpu_regions *regions);

/*
 * The number that an argument of the kernel's command line gives, in the unit of
 * its name, or else @otherwise.
 */
guint64 number_argument(const char *name, guint64 otherwise);

/* Give a part of a region a known content (pattern.h), and see whether it has it. */
gboolean write_pattern(const struct vfio_client *client, const struct vfio_client_region *region,
		       guint64 offset, gsize length, guint64 seed);
gboolean read_pattern(const struct vfio_client *client, const struct vfio_client_region *region,
		      guint64 offset, gsize length, guint64 seed);

/* The same of a mapping of what begins at @offset.  0, a signal, or -1: wrong content. */
int touch_pattern(const void *map, gsize length, guint64 seed, guint64 offset);

/* The exporter's parameter "scrub": "0" or "1". */
gboolean set_scrub(const char *value);

/* And "scrub_sparse", which the tests have on. */
gboolean set_scrub_sparse(const char *value);

/* Page faults of this thread so far. */
guint64 thread_faults(void);

#endif
