/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ways that are measured side by side: a guest without GPU; one that gets the
 * GPU without its coherent memory, which is what VFIO itself costs; ours; and the
 * peer's: upstream's driver, whose fake BARs plain vfio-pci-nohotplug passes on.
 */
#ifndef BENCH_WAY_H
#define BENCH_WAY_H

#include <glib.h>

#include "../tests/stack/vfio-client.h"

/* Regions of one GPU; resmem has size 0 where there is none. */
struct bench_regions {
	struct vfio_client_region usemem;
	struct vfio_client_region resmem;
};

struct bench_way {
	const char *name;	/* "none", "plain", "ours" or "peer" */
	const char *driver;	/* of the host that takes the GPU; NULL: has no GPU */
	/* What the user types as -M, and the arguments for these GPUs */
	char *(*machine)(guint gpus);
	void (*add_gpus)(GPtrArray *args, const char *const *bdfs);
	/* NULL: has none of the memory */
	gboolean (*find)(const struct vfio_client *client, struct bench_regions *regions);
};

/* All of them, none first. */
#define BENCH_WAYS 4
extern const struct bench_way bench_ways[BENCH_WAYS];

/* The whole command line after the program, of a guest with these GPUs; g_ptr_array_unref(). */
GPtrArray *bench_way_arguments(const struct bench_way *way, const char *const *bdfs,
			       const char *append);

#endif
