/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What it costs to have all of a large GPU's memory mapped: one fault for each
 * 2 MiB, and no page tables below the PMDs.
 *
 *	nvgrace.memory=SIZE	the GPU's coherent memory
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "agent.h"
#include "child.h"
#include "host-agent.h"
#include "scenario.h"

#define PAGE 4096ul
#define PMD (2ul << 20)
#define PUD (1ul << 30)

/* Bytes of page tables of this process. */
static guint64 table_bytes(void)
{
	g_autofree char *status = NULL;
	const char *line;

	if (!g_file_get_contents("/proc/self/status", &status, NULL, NULL))
		return 0;
	line = strstr(status, "VmPTE:");
	return line ? g_ascii_strtoull(line + strlen("VmPTE:"), NULL, 10) * 1024 : 0;
}

/* Touch a byte of each 2 MiB of a region, and report what that took. */
static void check_leaves(const char *name, const struct vfio_client *client,
			 const struct vfio_client_region *region)
{
	guint64 size = region->size & ~(PMD - 1);
	guint64 leaves = size / PMD;
	guint64 most = (size / PUD + 3) * PAGE;
	guint64 tables, faults, wrong = 0;
	g_autofree char *check = g_strdup_printf("leaves-%s-faults", name);
	g_autofree char *memory = g_strdup_printf("leaves-%s-tables", name);
	g_autofree char *unmap = g_strdup_printf("leaves-%s-unmap", name);
	gint64 start;
	char *map;

	tables = table_bytes();
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
		     "%" G_GUINT64_FORMAT " faults for %" G_GUINT64_FORMAT " MiB, one each 2 MiB "
		     "are %" G_GUINT64_FORMAT "; %" G_GINT64_FORMAT " us each", faults, size >> 20,
		     leaves, start / (gint64)MAX(leaves, 1));

	/* and again, at another place: nothing is left to fault */
	faults = thread_faults();
	for (guint64 at = PMD / 2; at < size; at += PMD)
		wrong += touch_read(map + at) != 0;
	faults = thread_faults() - faults;
	tables = table_bytes() - tables;
	report_check(memory, tables <= most && !faults && !wrong,
		     "%" G_GUINT64_FORMAT " KiB of page tables, PMDs take up to %" G_GUINT64_FORMAT
		     " KiB; %" G_GUINT64_FORMAT " faults elsewhere", tables / 1024, most / 1024,
		     faults);

	start = g_get_monotonic_time();
	munmap(map - PAGE, size + 2 * PAGE);
	start = g_get_monotonic_time() - start;
	report_check(unmap, start < G_USEC_PER_SEC, "%" G_GINT64_FORMAT " us", start);
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
