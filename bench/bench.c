/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * make bench: boots emulated hosts with GPUs of several sizes and numbers, which
 * measure (host-bench.c), and writes what came of it:
 *
 *	raw.json	every value
 *	table.md	medians, relations, marks
 *	index.html	the same with plots
 *
 * bench OUTPUT-DIRECTORY quick|full [GPUSxGIB...]: all machines, or only those.  The
 * three are written anew after each guest: of a run that is stopped is there what
 * it had measured.  The exit status says whether everything was measured, not
 * whether the marks hold.
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
	guint seconds;		/* no round begins that would end later, but for the first; 0:
				 * what is left of FULL_SECONDS */
	guint touch_gib;	/* of what is touched in the guest, 0: all */
	const char *what;	/* of host-bench.c, or NULL: all */
	const char *ways;	/* likewise */
	gboolean counted;	/* its clock goes by instructions */
};

static const struct machine quick[] = {
	{ 4, 1, 1, 0, 0, "vfio,scrub,typing", "ours,peer", TRUE },
	{ 64, 1, 1, 0, 16, "guest,touch,memory,disk", "none,ours,peer", FALSE },
	{ 0 },
};

/*
 * Idle, a round of those that are not counted is reckoned to take about 130, 220 (with a
 * touch 270), 310, 300, 190 and 560 s.  A scrub writes all: for that of more than 4 GiB
 * the machine below would have to give as much.  What a GPU without its memory costs does
 * not change with that: it is not measured again.
 */
#define MEMORY_WAYS "none,ours,peer"

static const struct machine full[] = {
	{ 4, 1, 3, 0, 0, "vfio,scrub", NULL, TRUE },
	{ 96, 1, 3, 0, 0, "vfio", MEMORY_WAYS, TRUE },
	{ 192, 1, 3, 0, 0, "vfio", MEMORY_WAYS, TRUE },
	{ 4, 1, 3, 600, 0, "vfio,scrub,typing,guest,touch", NULL, FALSE },
	{ 96, 1, 5, 1500, 0, "vfio,typing,guest,touch,memory,disk", MEMORY_WAYS, FALSE },
	{ 192, 1, 3, 1200, 0, "vfio,typing,guest", MEMORY_WAYS, FALSE },
	{ 96, 2, 3, 1200, 0, "typing,guest", MEMORY_WAYS, FALSE },
	{ 4, 8, 3, 600, 0, "typing,guest", NULL, FALSE },
	{ 96, 4, 3, 0, 0, "typing,guest", MEMORY_WAYS, FALSE },
	{ 0 },
};

/* What all of them may take, for the last one has no limit of its own. */
#define FULL_SECONDS 5100

/* So much of the memory the guest onlines and fills: the machine below has no more. */
#define LIMIT_MIB 1024

#define SAMPLE "text sample "

struct bench {
	const char *directory;
	const char *mode;
	struct bench_samples *samples;
	const struct machine *machine;	/* the one that runs */
	gint64 start;
	gboolean ok;			/* all was measured, so far */
};

static gdouble seconds_since(gint64 start)
{
	return (g_get_monotonic_time() - start) / (gdouble)G_USEC_PER_SEC;
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

/* "QEMU emulator version 11.1.1" to its end of line; caller frees. */
static char *qemu_version(void)
{
	char *argv[] = { (char *)g_getenv("NVGRACE_QEMU"), "--version", NULL };
	char *text = NULL;

	if (!argv[0] || !g_spawn_sync(NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &text, NULL,
				      NULL, NULL))
		return g_strdup("?");
	text[strcspn(text, "\n")] = 0;
	return text;
}

/* Of …/lib/modules/VERSION/vmlinuz; caller frees. */
static char *kernel_version(void)
{
	g_autofree char *directory = g_path_get_dirname(g_getenv("NVGRACE_KERNEL") ?: "");

	return g_path_get_basename(directory);
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

/* What there is so far; to standard output as well, when that is all. */
static void write_reports(struct bench *bench, gboolean all)
{
	g_autofree char *cpu = cpu_model();
	g_autofree char *cpus = g_strdup_printf("%s, %ld CPUs", cpu, sysconf(_SC_NPROCESSORS_ONLN));
	g_autofree char *qemu = qemu_version(), *kernel = kernel_version();
	g_autofree char *emulated = g_strdup_printf("%s, TCG, 2 CPUs, 4 GiB", qemu);
	g_autofree char *guest = g_strdup_printf("%s, KVM, 1 CPU, 2 GiB", qemu);
	g_autofree char *took = g_strdup_printf("%s, %.0f s%s%s", bench->mode,
						seconds_since(bench->start),
						all ? "" : ", not at its end",
						bench->ok ? "" : ", INCOMPLETE");
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *date = g_date_time_format(now, "%Y-%m-%d %H:%M UTC");
	double load[3] = { 0 };
	g_autofree char *busy = NULL;
	g_autoptr(GArray) results = bench_results(bench->samples);
	g_autofree char *json = NULL, *table = NULL, *page = NULL;
	struct utsname uts;

	uname(&uts);
	getloadavg(load, 3);
	busy = g_strdup_printf("%.1f; this alone makes about 2", load[2]);
	const char *about[] = {
		"date", date,
		"machine", cpus,
		"its kernel", uts.release,
		"emulated host", emulated,
		"guest, in it", guest,
		"kernel of host and guest", kernel,
		"peer", "nvgrace-gpu of Debian's source of that kernel, vfio-pci-nohotplug",
		"run", took,
		"load of the last 15 minutes", busy,
		NULL
	};

	json = bench_samples_json(bench->samples, about);
	table = bench_markdown(results, about);
	page = bench_html(bench->samples, results, about);
	if (all)
		printf("\n%s\n", table);
	bench->ok &= write_file(bench->directory, "raw.json", json) &
		     write_file(bench->directory, "table.md", table) &
		     write_file(bench->directory, "index.html", page);
}

/* A line of the host's report, as it comes. */
static void take_line(const char *line, gpointer opaque)
{
	struct bench *bench = opaque;
	const struct machine *m = bench->machine;
	const char *sample = g_str_has_prefix(line, SAMPLE) ? line + strlen(SAMPLE) : NULL;

	if (sample || strstr(line, " FAIL "))
		printf("%6.1f s  %u x %3u GiB  %s\n", seconds_since(bench->start), m->gpus, m->gib,
		       sample ?: line);
	if (sample && !bench_samples_take(bench->samples, m->gib, m->gpus, sample)) {
		printf("not understood: %s\n", sample);
		bench->ok = FALSE;
	}
	/* a guest has ended */
	if (g_str_has_prefix(line, "stage "))
		write_reports(bench, FALSE);
	fflush(stdout);
}

static void run_machine(struct bench *bench, const struct machine *m)
{
	g_autofree char *name = g_strdup_printf("bench-%ux%u%s", m->gpus, m->gib,
						m->counted ? "-counted" : "");
	g_autofree char *memory = g_strdup_printf("%uG", m->gib);
	gdouble left = FULL_SECONDS - seconds_since(bench->start);
	guint seconds = m->seconds ?: MAX(left, 1);
	g_autofree char *append = g_strdup_printf(
		"bench.rounds=%u bench.seconds=%u%s%s%s%s%s bench.gib=%u "
		"bench.guest=nvgrace.limit_mib=%u,bench.touch_gib=%u",
		m->rounds, seconds, m->what ? " bench.what=" : "", m->what ?: "",
		m->ways ? " bench.ways=" : "", m->ways ?: "",
		m->counted ? " bench.counted=1" : "", m->gib, LIMIT_MIB, m->touch_gib);
	g_autoptr(GPtrArray) more = g_ptr_array_new_with_free_func(g_free);
	struct stack_options options = {
		.name = name, .scenario = "bench", .model = "gh200", .memory = memory,
		.more_memory = memory, .append = append, .gpu = m->gpus > 1 ? "pxm-count=1" : NULL,
		.seconds = 3 * 3600, .counted = m->counted,
	};
	struct stack_run *run;

	for (guint i = 1; i < m->gpus; i++)
		g_ptr_array_add(more, g_strdup("model=gh200,pxm-count=1"));
	g_ptr_array_add(more, NULL);
	options.more_gpus = (const char *const *)more->pdata;

	bench->machine = m;
	run = stack_run(&options, take_line, bench);
	if (!run->ended || !run->ok) {
		printf("%u x %u GiB: not everything was measured; the console is %s\n", m->gpus,
		       m->gib, run->log);
		bench->ok = FALSE;
	}
	stack_run_free(run);
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

/* "4x96", if that is one of the names; all, if there are none. */
static gboolean wanted(const struct machine *m, char **names)
{
	g_autofree char *name = g_strdup_printf("%ux%u", m->gpus, m->gib);

	return !*names || g_strv_contains((const char *const *)names, name);
}

int main(int argc, char **argv)
{
	struct bench bench = { .start = g_get_monotonic_time() };
	const struct machine *m;

	if (argc < 3 || (strcmp(argv[2], "quick") && strcmp(argv[2], "full"))) {
		fprintf(stderr, "Usage: bench OUTPUT-DIRECTORY quick|full [GPUSxGIB...]\n");
		return 2;
	}
	bench.directory = argv[1];
	bench.mode = argv[2];
	bench.samples = bench_samples_new();
	g_mkdir_with_parents(bench.directory, 0777);
	bench.ok = measure_code(bench.samples);
	for (m = strcmp(bench.mode, "full") ? quick : full; m->gib; m++)
		if (wanted(m, argv + 3))
			run_machine(&bench, m);
	write_reports(&bench, TRUE);
	bench_samples_free(bench.samples);
	return bench.ok ? 0 : 1;
}
