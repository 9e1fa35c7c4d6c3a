/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * make demo: the main job once, told to a person.  One GH200 GPU goes from the
 * firmware of an emulated Grace host through the exporter and QEMU into a guest
 * that onlines its memory; then what the guest saw is shown.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "picture.h"
#include "stack.h"

#define GIB (1024.0 * 1024 * 1024)

static const struct stack_options options = {
	.name = "demo",
	.scenario = "guest",
	.model = "gh200",
	/* A real one has 96 GiB, with which this took 116 s. */
	.memory = "48G",
	.guest_ram = "3G",
	/* Under emulation, to find that all is zero would take long. */
	.append = "nvgrace_region_vfio_pci.scrub=0",
};

static gint64 started;

/* One line for each step, as it happens. */
static void progress(const char *line, gpointer unused G_GNUC_UNUSED)
{
	g_auto(GStrv) word = g_strsplit(line, " ", 4);

	if (g_strv_length(word) < 3 || strcmp(word[0], "check"))
		return;
	printf("  %5.1f s  %-4s  %-22s %s\n",
	       (g_get_monotonic_time() - started) / (gdouble)G_USEC_PER_SEC, word[2], word[1],
	       word[3] ?: "");
	fflush(stdout);
}

static void heading(const char *text)
{
	printf("\n%s\n", text);
	for (gsize i = 0; i < strlen(text); i++)
		putchar('-');
	putchar('\n');
}

static void show_text(const struct stack_run *run, const char *title, const char *name)
{
	GString *text = g_hash_table_lookup(run->texts, name);

	heading(title);
	fputs(text ? text->str : "(the guest did not get there)\n", stdout);
}

static void show_stages(const struct stack_run *run)
{
	guint host_before = 0, guest_before = 0;

	heading("Time of each stage (ms since the previous one, emulated: real hardware is far quicker)");
	for (guint i = 0; i < run->stages->len; i++) {
		const struct stack_stage *stage = run->stages->pdata[i];
		gboolean guest = g_str_has_prefix(stage->name, "guest.");
		guint *before = guest ? &guest_before : &host_before;

		printf("  %-24s %8u\n", stage->name, stage->ms - MIN(*before, stage->ms));
		*before = stage->ms;
	}
}

int main(void)
{
	struct stack_run *run;
	guint held = 0, failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("One %s GPU with %s of coherent memory, from firmware to a process in a guest\n\n",
	       options.model, options.memory);
	started = g_get_monotonic_time();
	run = stack_run(&options, progress, NULL);

	show_text(run, "NUMA nodes of the guest", "guest.nodes");
	heading("The guest's physical memory");
	picture_memory(run);
	heading("The GPU in the guest's DSDT");
	picture_dsdt(run);
	show_stages(run);

	for (guint i = 0; i < run->checks->len; i++) {
		const struct stack_check *check = run->checks->pdata[i];

		if (check->ok)
			held++;
		else
			failed++;
	}
	heading("Result");
	printf("  %u checks held, %u did not; %.0f s, at most %.1f GiB of memory in use by the emulated host\n",
	       held, failed, run->seconds, run->peak_kib * 1024 / GIB);
	if (failed || !run->ended || !run->ok) {
		for (guint i = 0; i < run->checks->len; i++) {
			const struct stack_check *check = run->checks->pdata[i];

			if (!check->ok)
				printf("  FAILED: %s: %s\n", check->name, check->detail);
		}
		if (!run->ended)
			printf("  FAILED: the host stopped before its report was complete\n");
		printf("  The console of host and guest is in %s\n", run->log);
	}
	failed += !run->ended || !run->ok;
	stack_run_free(run);
	return failed ? 1 : 0;
}
