/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * make bench: boots emulated hosts with GPUs of several sizes and numbers, which
 * measure (host-bench.c), and writes what came of it:
 *
 *	raw.json	every value
 *	table.md	medians, relations, marks
 *	index.html	the same with plots
 *
 * bench OUTPUT-DIRECTORY quick|full.  The exit status says whether everything
 * was measured, not whether the marks hold.
 */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "report.h"
#include "../tests/stack/stack.h"

/* Between two machines the last one's memory has to be given back. */
struct machine {
	guint gib;
	guint gpus;
	guint rounds;
	const char *what;	/* of host-bench.c, or NULL: all */
	const char *ways;	/* likewise */
};

static const struct machine quick[] = {
	{ 4, 1, 1, "vfio,scrub,typing", "ours,peer" },
	{ 96, 1, 1, "guest", "none,ours,peer" },
	{ 0 },
};

static const struct machine full[] = {
	{ 4, 1, 5, NULL, NULL },
	{ 96, 1, 5, NULL, NULL },
	{ 192, 1, 3, NULL, NULL },
	{ 96, 2, 3, "guest,typing", NULL },
	{ 96, 4, 3, "guest,typing", NULL },
	{ 4, 8, 3, "guest,typing", NULL },
	{ 0 },
};

/* So much of the memory the guest onlines and fills: the machine below has no more. */
#define LIMIT_MIB 1024

struct progress {
	const struct machine *machine;
	gint64 start;
};

static void show(const char *line, gpointer opaque)
{
	const struct progress *p = opaque;
	gdouble at = (g_get_monotonic_time() - p->start) / (gdouble)G_USEC_PER_SEC;

	if (g_str_has_prefix(line, "text sample ") || strstr(line, " FAIL "))
		printf("%6.1f s  %u x %3u GiB  %s\n", at, p->machine->gpus, p->machine->gib,
		       line + strlen(line[0] == 't' ? "text sample " : "check "));
	fflush(stdout);
}

/* FALSE if a part of it was not measured. */
static gboolean run_machine(const struct machine *m, struct bench_samples *samples, gint64 start)
{
	g_autofree char *name = g_strdup_printf("bench-%ux%u", m->gpus, m->gib);
	g_autofree char *memory = g_strdup_printf("%uG", m->gib);
	g_autofree char *append = g_strdup_printf(
		"bench.rounds=%u%s%s%s%s bench.gib=%u bench.guest=nvgrace.limit_mib=%u", m->rounds,
		m->what ? " bench.what=" : "", m->what ?: "", m->ways ? " bench.ways=" : "",
		m->ways ?: "", m->gib, LIMIT_MIB);
	g_autoptr(GPtrArray) more = g_ptr_array_new();
	struct stack_options options = {
		.name = name, .scenario = "bench", .model = "gh200", .memory = memory,
		.more_memory = memory, .append = append, .gpu = m->gpus > 1 ? "pxm-count=1" : NULL,
		.seconds = 3 * 3600,
	};
	struct progress progress = { m, start };
	struct stack_run *run;
	GString *text;
	gboolean ok;

	for (guint i = 1; i < m->gpus; i++)
		g_ptr_array_add(more, "model=gh200");
	g_ptr_array_add(more, NULL);
	options.more_gpus = (const char *const *)more->pdata;

	run = stack_run(&options, show, &progress);
	text = g_hash_table_lookup(run->texts, "sample");
	if (text) {
		g_auto(GStrv) lines = g_strsplit(text->str, "\n", -1);

		for (guint i = 0; lines[i]; i++)
			if (*lines[i] && !bench_samples_take(samples, m->gib, m->gpus, lines[i]))
				printf("not understood: %s\n", lines[i]);
	}
	ok = run->ended && run->ok;
	if (!ok)
		printf("%u x %u GiB: not everything was measured; the console is %s\n", m->gpus,
		       m->gib, run->log);
	stack_run_free(run);
	return ok;
}

/* What needs no machine. */
static gboolean measure_code(struct bench_samples *samples)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	char *argv[] = { (char *)g_getenv("NVGRACE_CODE_SIZE"), NULL };
	gint status;

	if (!argv[0] || !g_spawn_sync(NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &text, NULL,
				      &status, NULL) || status)
		return FALSE;
	lines = g_strsplit(g_strchomp(text), "\n", -1);
	for (guint i = 0; lines[i]; i++)
		if (!bench_samples_take(samples, 0, 0, lines[i]))
			return FALSE;
	return TRUE;
}

/* Of /proc/cpuinfo: the first value of that name; caller frees. */
static char *cpu_model(void)
{
	g_autofree char *text = NULL;
	const char *at;

	if (!g_file_get_contents("/proc/cpuinfo", &text, NULL, NULL))
		return g_strdup("?");
	at = strstr(text, "model name");
	at = at ? strchr(at, ':') : NULL;
	return at ? g_strndup(at + 2, strcspn(at + 2, "\n")) : g_strdup("?");
}

static gboolean write_file(const char *directory, const char *name, const char *text)
{
	g_autofree char *path = g_build_filename(directory, name, NULL);
	g_autoptr(GError) error = NULL;

	if (g_file_set_contents(path, text, -1, &error))
		return TRUE;
	fprintf(stderr, "bench: %s\n", error->message);
	return FALSE;
}

static gboolean write_reports(const char *directory, const struct bench_samples *samples,
			      const char *mode, gdouble seconds, gboolean complete)
{
	g_autofree char *cpu = cpu_model();
	g_autofree char *cpus = g_strdup_printf("%s, %ld CPUs", cpu, sysconf(_SC_NPROCESSORS_ONLN));
	g_autofree char *took = g_strdup_printf("%s, %.0f s%s", mode, seconds,
						complete ? "" : ", INCOMPLETE");
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *date = g_date_time_format(now, "%Y-%m-%d %H:%M UTC");
	double load[3] = { 0 };
	g_autofree char *busy = NULL;
	const char *about[15] = { NULL };
	g_autoptr(GArray) results = bench_results(samples);
	g_autofree char *json = NULL, *table = NULL, *page = NULL;
	struct utsname uts;

	uname(&uts);
	getloadavg(load, 3);
	busy = g_strdup_printf("%.1f; this alone makes about 2", load[2]);
	about[0] = "date", about[1] = date;
	about[2] = "machine", about[3] = cpus;
	about[4] = "its kernel", about[5] = uts.release;
	about[6] = "emulated host", about[7] = "QEMU TCG, 2 CPUs, Debian's kernel as in the tests";
	about[8] = "peer", about[9] = "nvgrace-gpu of the same kernel version, vfio-pci-nohotplug";
	about[10] = "run", about[11] = took;
	about[12] = "load of the last 15 minutes", about[13] = busy;

	json = bench_samples_json(samples, about);
	table = bench_markdown(results, about);
	page = bench_html(samples, results, about);
	printf("\n%s\n", table);
	return write_file(directory, "raw.json", json) & write_file(directory, "table.md", table) &
	       write_file(directory, "index.html", page);
}

int main(int argc, char **argv)
{
	struct bench_samples *samples = bench_samples_new();
	gint64 start = g_get_monotonic_time();
	const struct machine *m;
	gboolean ok;

	if (argc != 3 || (strcmp(argv[2], "quick") && strcmp(argv[2], "full"))) {
		fprintf(stderr, "Usage: bench OUTPUT-DIRECTORY quick|full\n");
		return 2;
	}
	g_mkdir_with_parents(argv[1], 0777);
	ok = measure_code(samples);
	for (m = strcmp(argv[2], "full") ? quick : full; m->gib; m++) {
		ok &= run_machine(m, samples, start);
		/* what there is so far, should the next one not end */
		ok &= write_reports(argv[1], samples, argv[2],
				    (g_get_monotonic_time() - start) / (gdouble)G_USEC_PER_SEC, ok);
	}
	bench_samples_free(samples);
	return ok ? 0 : 1;
}
