/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest with the GPUs, from exec to exit. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "measure.h"
#include "vm.h"
#include "../tests/stack/stage2.h"

/* the first that is more than informational: what is less takes time to print */
#define FIRST_LINE "] Linux version "
/* The slowest step seen, with much else to do for the machine below, took 322 */
#define GUEST_SECONDS 600
#define ABOVE_4_GIB (4ull << 30)

/* To read it adds what each CPU has counted by itself to what the others can see. */
#define REFRESH "/proc/sys/vm/stat_refresh"

/* KiB of page tables of KVM and IOMMUs. */
static guint64 secondary_tables_kib(void)
{
	g_autofree char *nothing = NULL;
	g_autoptr(GError) error = NULL;

	if (!g_file_get_contents(REFRESH, &nothing, NULL, &error))
		report_check("tables", FALSE, "%s", error->message);
	return agent_kib("/proc/meminfo", "SecPageTables");
}

/* The guest touches memory that it has not touched before, between two lines. */
struct touch {
	struct stage2_counter *faults;
	guint64 tables;
};

static void touch_begins(struct touch *touch, const struct bench_way *way)
{
	touch->tables = secondary_tables_kib();
	touch->faults = stage2_count(ABOVE_4_GIB, G_MAXINT64);
	if (!touch->faults)
		report_check("stage2", FALSE, "%s: faults cannot be counted: %s", way->name,
			     g_strerror(errno));
}

static void touch_ends(struct touch *touch, const struct bench_way *way)
{
	if (touch->faults)
		sample("stage2-faults", way, stage2_end(touch->faults));
	touch->faults = NULL;
	sample("stage2-tables-kib", way, secondary_tables_kib() - touch->tables);
}

/*
 * What guest-bench.c says, up to "bench: done".  FALSE if that does not come.
 * @online: it has the GPU's memory.
 */
static gboolean pass_samples(const struct bench_way *way, struct bench_vm *vm, gboolean *online)
{
	struct touch touch = { NULL, 0 };

	*online = FALSE;
	for (;;) {
		g_autofree char *line = NULL;
		g_auto(GStrv) word = NULL;
		gdouble at = bench_vm_wait(vm, "bench: ", GUEST_SECONDS, &line);

		if (at < 0)
			return FALSE;
		word = g_strsplit(strstr(line, "bench: "), " ", -1);
		if (g_strcmp0(word[1], "done") == 0)
			return TRUE;
		if (g_strv_length(word) == 4 && strcmp(word[1], "sample") == 0) {
			sample(word[2], way, g_ascii_strtod(word[3], NULL));
		} else if (g_strv_length(word) == 3 && strcmp(word[1], "stamp") == 0) {
			sample(word[2], way, at);
			*online |= strcmp(word[2], "online-s") == 0;
		} else if (g_strcmp0(word[1], "touch-begins") == 0) {
			touch_begins(&touch, way);
		} else if (g_strcmp0(word[1], "touch-ends") == 0) {
			touch_ends(&touch, way);
		} else {
			report_check("guest", FALSE, "%s: %s", way->name, line);
		}
	}
}

/* Which the guest does now.  A guest without the memory can have touched none of it. */
static void measure_reboot(const struct bench_way *way, struct bench_vm *vm, gboolean touched,
			   gboolean online)
{
	gdouble done = bench_vm_wait(vm, "bench: reboot", GUEST_SECONDS, NULL);
	gdouble again = bench_vm_wait(vm, FIRST_LINE, GUEST_SECONDS, NULL);

	if (done < 0 || again < 0) {
		report_check("guest", FALSE, "%s: does not reboot", way->name);
		return;
	}
	if (touched)
		sample("reboot-touched-s", way, again - done);
	if (!touched || !online)
		sample("reboot-s", way, again - done);
}

void measure_guest(const struct bench_way *way, const char *const *bdfs, guint gib,
		   const char *inside)
{
	g_autofree char *more = agent_cmdline("bench.guest");
	g_autofree char *append = g_strdup_printf("%s bench.inside=%s",
						  more ? g_strdelimit(more, ",", ' ') : "", inside);
	g_autoptr(GPtrArray) args = NULL;
	guint64 tables = secondary_tables_kib();
	struct bench_vm *vm;
	gboolean touched = strstr(inside, "touch") != NULL, online;
	gdouble first;

	args = bench_way_arguments(way, bdfs, gib, append);
	vm = bench_vm_start((const char *const *)args->pdata);
	if (!vm) {
		report_check("guest", FALSE, "%s: QEMU cannot be started", way->name);
		return;
	}
	first = bench_vm_wait(vm, FIRST_LINE, GUEST_SECONDS, NULL);
	if (first < 0) {
		report_check("guest", FALSE, "%s: no kernel line in %u s", way->name,
			     GUEST_SECONDS);
	} else {
		sample("boot-s", way, first);
		sample("boot-tables-kib", way, bench_vm_status_kib(vm, "VmPTE"));
		if (pass_samples(way, vm, &online)) {
			/* of a guest that has used little of it there is nothing to compare */
			if (online && touched)
				sample("guest-tables-kib", way, secondary_tables_kib() - tables);
			measure_reboot(way, vm, touched, online);
		} else {
			report_check("guest", FALSE, "%s: ended before it was done", way->name);
		}
	}
	sample("exit-s", way, bench_vm_stop(vm));
}

/* Beside what a guest without GPU has.  The value of -M counts where it differs. */
void measure_typing(const struct bench_way *way, const char *const *bdfs, guint gib)
{
	g_autoptr(GPtrArray) args = bench_way_arguments(way, bdfs, gib, "");
	g_autoptr(GPtrArray) plain = bench_way_arguments(&bench_ways[0], bdfs, gib, "");
	gint words = 0, letters = 0, options = 0;

	for (guint i = 0; args->pdata[i]; i++) {
		words++;
		options += ((char *)args->pdata[i])[0] == '-';
		letters += strlen(args->pdata[i]) + 1;
	}
	for (guint i = 0; plain->pdata[i]; i++) {
		words--;
		options -= ((char *)plain->pdata[i])[0] == '-';
		letters -= strlen(plain->pdata[i]) + 1;
	}
	sample("window-gib", way, way->window(g_strv_length((char **)bdfs), gib));
	sample("typed-options", way, options);
	sample("typed-words", way, words);
	sample("typed-characters", way, letters);
}
