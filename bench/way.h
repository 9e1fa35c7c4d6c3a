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
	guint64 space;	/* bytes of guest physical addresses that they take */
};

struct bench_way {
	const char *name;	/* "none", "plain", "ours" or "peer" */
	const char *driver;	/* of the host that takes the GPU; NULL: has no GPU */
	/* GiB of highmem-mmio-size that so many GPUs of @gib each need; 0: no flag */
	guint (*window)(guint gpus, guint gib);
	/* What the user types for these GPUs */
	void (*add_gpus)(GPtrArray *args, const char *const *bdfs);
	/* NULL: has none of the memory */
	gboolean (*find)(const struct vfio_client *client, struct bench_regions *regions);
};

/* All of them, none first. */
#define BENCH_WAYS 4
extern const struct bench_way bench_ways[BENCH_WAYS];

/*
 * The whole command line after the program, of a guest with these GPUs, of @gib each;
 * g_ptr_array_unref().
 */
GPtrArray *bench_way_arguments(const struct bench_way *way, const char *const *bdfs, guint gib,
			       const char *append);

#endif
