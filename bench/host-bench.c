/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Process 1 of the emulated host when it measures: the ways one after the other,
 * again and again, so that what disturbs one of them disturbs all.
 *
 *	bench.rounds=N		how often (3)
 *	bench.seconds=N		no round begins that would end later if it takes as long as
 *				the one before; the first one does (0: as long as it takes)
 *	bench.what=LIST		of vfio, scrub, typing, guest and what that does inside,
 *				touch, memory, disk; with commas between (all)
 *	bench.ways=LIST		of the ways' names, with commas between (all)
 *	bench.guest=LIST	arguments for the guest's kernel, with commas between
 *	bench.gib=N		what each GPU has
 *	bench.counted=1		the clock goes by instructions, see measure.h
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "agent.h"
#include "disk.h"
#include "measure.h"
#include "samples.h"
#include "../tests/stack/gpu-sysfs.h"

#define ROUND_SECONDS (25 * 60)

/* More than a guest's RAM, less than this host's */
#define WARM (5ul << 29)

gdouble seconds_since(gint64 start)
{
	return (g_get_monotonic_time() - start) / (gdouble)G_USEC_PER_SEC;
}

gboolean counted(void)
{
	static int answer = -1;

	if (answer < 0) {
		g_autofree char *text = agent_cmdline("bench.counted");

		answer = text != NULL;
	}
	return answer;
}

void sample(const char *measure, const struct bench_way *way, gdouble value)
{
	g_autofree char *line = g_strdup_printf("%s %s %.9g", measure, way->name, value);

	report_text("sample", line);
}

void clock_sample(const char *measure, const struct bench_way *way, gdouble value)
{
	g_autofree char *name = g_strdup_printf("%s%s", counted() ? BENCH_COUNTED : "", measure);

	sample(name, way, value);
}

static gboolean wanted(const char *argument, const char *what)
{
	g_autofree char *list = agent_cmdline(argument);
	g_auto(GStrv) words = g_strsplit(list ?: what, ",", -1);

	return g_strv_contains((const char *const *)words, what);
}

static gboolean take_gpus(const struct bench_way *way, GStrv bdfs)
{
	for (guint i = 0; bdfs[i]; i++) {
		if (!gpu_bind(bdfs[i], way->driver)) {
			report_check("bind", FALSE, "%s does not go to %s", bdfs[i], way->driver);
			return FALSE;
		}
	}
	return TRUE;
}

/*
 * Put together the huge pages that a guest's RAM is made of.  Without that, who
 * comes first after something that has scattered the memory pays for it, with
 * seconds; so does who is the first to use it at all, as the machine below has not
 * given it yet.
 */
static void settle_memory(void)
{
	char *area = mmap(NULL, WARM, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (area != MAP_FAILED && !madvise(area, WARM, MADV_HUGEPAGE) &&
	    !madvise(area, WARM, MADV_POPULATE_WRITE) && !munmap(area, WARM))
		return;
	report_check("settle", FALSE, "%s", g_strerror(errno));
}

static gboolean make_disk(void)
{
	g_autofree char *data = g_malloc(BENCH_DISK_SIZE);

	memset(data, BENCH_DISK_BYTE, BENCH_DISK_SIZE);
	return g_file_set_contents(BENCH_DISK, data, BENCH_DISK_SIZE, NULL);
}

/*
 * A touch takes long, and its counts are the same each time; but a guest takes longer
 * to reboot after one: so every other time.
 */
static char *inside_guest(guint round)
{
	return g_strdup_printf("%s%s%s", wanted("bench.what", "memory") ? "memory," : "",
			       wanted("bench.what", "disk") ? "disk," : "",
			       wanted("bench.what", "touch") && round % 2 == 0 ? "touch" : "");
}

static void measure(const struct bench_way *way, GStrv bdfs, guint gib, guint round)
{
	static char *none[] = { NULL };
	g_autofree char *inside = inside_guest(round);
	char **mine = way->driver ? bdfs : none;
	gboolean alone = way->driver && wanted("bench.what", "vfio");

	if (!wanted("bench.ways", way->name) || (way->driver && !take_gpus(way, bdfs)))
		return;
	if (alone) {
		settle_memory();
		measure_vfio(way, bdfs[0]);
	}
	if (strcmp(way->name, "ours") == 0 && wanted("bench.what", "scrub"))
		measure_scrub(way, bdfs[0]);
	if (way->driver && !round && wanted("bench.what", "typing"))
		measure_typing(way, (const char *const *)mine, gib);
	if (wanted("bench.what", "guest")) {
		settle_memory();
		measure_guest(way, (const char *const *)mine, gib, inside);
	}
	report_stage(way->name);
}

static guint number(const char *argument, guint otherwise)
{
	g_autofree char *text = agent_cmdline(argument);

	return text ? atoi(text) : (int)otherwise;
}

int main(void)
{
	static const char *const modules[] = {
		"vfio", "vfio_iommu_type1", "vfio-pci", "nvgrace-gpu-vfio-pci",
		/* the peer does not scrub: what that takes is measured apart */
		"nvgrace-region-vfio-pci scrub=0", NULL
	};
	g_auto(GStrv) bdfs = NULL;
	guint rounds, seconds, gib;
	gdouble last = 0;
	gint64 start;

	agent_boot();
	report_open("org.nvgrace.report");
	rounds = number("bench.rounds", 3);
	seconds = number("bench.seconds", 0);
	gib = number("bench.gib", 0);
	bdfs = gpu_list();
	report_check("modules", agent_load_modules(modules), "VFIO and both drivers");
	report_check("disk", make_disk(), BENCH_DISK);
	report_check("gpus", bdfs[0] != NULL, "%u", g_strv_length(bdfs));

	start = g_get_monotonic_time();
	for (guint round = 0; bdfs[0] && round < rounds; round++) {
		gdouble begin = seconds_since(start);

		if (round && seconds && begin + last > seconds)
			break;
		agent_watchdog("a round", ROUND_SECONDS);
		/* another one begins in each round */
		for (guint i = 0; i < BENCH_WAYS; i++)
			measure(&bench_ways[(i + round) % BENCH_WAYS], bdfs, gib, round);
		last = seconds_since(start) - begin;
	}
	agent_finish();
}
