/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What it costs to have all of a large GPU's memory mapped: one fault for each
 * PMD, that is 2 MiB or 512 MiB, and no page tables below these.
 *
 *	nvgrace.memory=SIZE	the GPU's coherent memory
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "agent.h"
#include "child.h"
#include "host-agent.h"
#include "pages.h"
#include "scenario.h"

/* KiB of page tables of this process. */
static guint64 table_kib(void)
{
	return agent_kib("/proc/self/status", "VmPTE");
}

/* Touch a byte of what each PMD of a region maps, and report what that took. */
static void check_leaves(const char *name, const struct vfio_client *client,
			 const struct vfio_client_region *region)
{
	guint64 size = region->size & ~(PMD - 1);
	guint64 leaves = size / PMD;
	guint64 most = (size / PUD + 3) * PAGE / 1024;
	guint64 before, tables, faults, wrong = 0;
	g_autofree char *check = g_strdup_printf("leaves-%s-faults", name);
	g_autofree char *memory = g_strdup_printf("leaves-%s-tables", name);
	g_autofree char *unmap = g_strdup_printf("leaves-%s-unmap", name);
	gint64 start;
	char *map;

	before = table_kib();
	map = vfio_client_map(client, region, 0, size, PROT_READ, TRUE);
	if (!map) {
		report_check(check, FALSE, "cannot map: %s", g_strerror(errno));
		return;
	}
	start = g_get_monotonic_time();
	faults = thread_faults();
	for (guint64 at = 0; at < size; at += PMD)
		wrong += touch_read(map + at + at / PMD % PAGE) != 0;
	faults = thread_faults() - faults;
	start = g_get_monotonic_time() - start;
	report_check(check, faults == leaves && !wrong,
		     "%" G_GUINT64_FORMAT " faults for %" G_GUINT64_FORMAT " MiB, one each %zu MiB "
		     "are %" G_GUINT64_FORMAT "; %" G_GINT64_FORMAT " us each", faults, size >> 20,
		     PMD >> 20, leaves, start / (gint64)MAX(leaves, 1));

	/* and again, at another place: nothing is left to fault */
	faults = thread_faults();
	for (guint64 at = PMD / 2; at < size; at += PMD)
		wrong += touch_read(map + at) != 0;
	faults = thread_faults() - faults;
	tables = table_kib() - before;
	report_check(memory, before && tables <= most && !faults && !wrong,
		     "%" G_GUINT64_FORMAT " KiB of page tables, PMDs take up to %" G_GUINT64_FORMAT
		     " KiB; %" G_GUINT64_FORMAT " faults elsewhere", tables, most, faults);

	start = g_get_monotonic_time();
	vfio_client_unmap(map, size);
	start = g_get_monotonic_time() - start;
	tables = table_kib();
	report_check(unmap, tables <= before + PAGE / 1024,
		     "%" G_GINT64_FORMAT " us; %" G_GUINT64_FORMAT " KiB of page tables, %"
		     G_GUINT64_FORMAT " before", start, tables, before);
}

void scenario_leaves(const char *bdf)
{
	struct vfio_client client;
	struct gpu_regions regions;

	if (!bind_gpu(bdf, EXPORTER) || !open_gpu(bdf, &client, &regions))
		return;
	check_leaves("usemem", &client, &regions.usemem);
	check_leaves("resmem", &client, &regions.resmem);
	vfio_client_close(&client);
	report_stage("leaves");
}
