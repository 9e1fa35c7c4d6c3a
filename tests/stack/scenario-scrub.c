/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a user leaves in the GPU's memory, the next one must not find, however
 * the first one ends.
 */
#define _GNU_SOURCE	/* pipe2 */
#include <fcntl.h>
#include <linux/vfio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "child.h"
#include "gpu-sysfs.h"
#include "host-agent.h"
#include "kernel-log.h"
#include "pages.h"
#include "pattern.h"
#include "scenario.h"

#define PLACES 67	/* pages of each region that are written, the last one included */

struct user {
	const char *bdf;
	int ready;	/* the pipe's end that it writes to when it has left its traces */
};

static guint64 place(const struct vfio_client_region *region, guint i)
{
	guint64 pages = region->size / PAGE;

	return i == PLACES - 1 ? (pages - 1) * PAGE : pages / PLACES * i * PAGE;
}

/* Write to a page of each place, through a mapping, and wait to be killed. */
static int leave_traces(void *data)
{
	const struct user *user = data;
	struct vfio_client client;
	struct gpu_regions regions;
	const struct vfio_client_region *each[] = { &regions.usemem, &regions.resmem };

	if (open_gpu_quietly(user->bdf, &client, &regions))
		return 1;
	for (guint r = 0; r < G_N_ELEMENTS(each); r++) {
		char *map = vfio_client_map(&client, each[r], 0, each[r]->size,
					    PROT_READ | PROT_WRITE, TRUE);

		if (!map)
			return 2;
		for (guint i = 0; i < PLACES; i++) {
			g_autofree char *page = g_malloc(PAGE);

			pattern_fill(page, PAGE, 40 + r, place(each[r], i));
			if (touch_copy(map + place(each[r], i), page, PAGE))
				return 3;
		}
	}
	if (write(user->ready, "", 1) != 1)
		return 4;
	pause();
	return 0;
}

/* A user who writes, and whom SIGKILL ends.  FALSE if he did not get to write. */
static gboolean write_and_die(const char *bdf)
{
	struct user user = { .bdf = bdf };
	gboolean ready;
	char byte;
	int ends[2], result;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return FALSE;
	user.ready = ends[1];
	pid = child_start(leave_traces, &user);
	close(ends[1]);
	ready = read(ends[0], &byte, 1) == 1;
	close(ends[0]);
	result = child_kill(pid, 10);
	return ready && WIFSIGNALED(result) && WTERMSIG(result) == SIGKILL;
}

/* How many of the places hold what the killed user wrote, and how many only zeroes. */
static gboolean count_traces(const char *bdf, guint *left, guint *zero)
{
	g_autofree char *zeroes = g_malloc0(PAGE), *page = g_malloc(PAGE);
	struct vfio_client client;
	struct gpu_regions regions;
	const struct vfio_client_region *each[] = { &regions.usemem, &regions.resmem };

	*left = *zero = 0;
	if (!open_gpu(bdf, &client, &regions))
		return FALSE;
	for (guint r = 0; r < G_N_ELEMENTS(each); r++) {
		for (guint i = 0; i < PLACES; i++) {
			if (vfio_client_read(&client, each[r], place(each[r], i), page, PAGE) !=
			    (ssize_t)PAGE)
				continue;
			*zero += memcmp(page, zeroes, PAGE) == 0;
			*left += pattern_match(page, PAGE, 40 + r, place(each[r], i)) == PAGE;
		}
	}
	vfio_client_close(&client);
	return TRUE;
}

static void check_zero(const char *check, const char *bdf)
{
	gint64 start = g_get_monotonic_time();
	guint left, zero;
	gboolean ok = count_traces(bdf, &left, &zero);

	report_check(check, ok && zero == 2 * PLACES,
		     "of %d pages that the last user wrote, the next one finds %u zero and %u as they were, after %u ms",
		     2 * PLACES, zero, left, (guint)((g_get_monotonic_time() - start) / 1000));
}

/* The kernel's log from now on. */
static int log_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	lseek(fd, 0, SEEK_END);
	return fd;
}

/* The next line that the exporter has logged of scrubbing, or NULL; caller frees. */
static char *log_next(int fd)
{
	char line[1024];
	ssize_t len;

	while ((len = read(fd, line, sizeof(line) - 1)) > 0) {
		const char *text;

		line[len] = '\0';
		text = strstr(line, "scrubbed");
		if (text)
			return g_strdup(g_strchomp(line));
	}
	return NULL;
}

static guint64 log_number(const char *line, const char *before)
{
	const char *at = line ? strstr(line, before) : NULL;

	return at ? strtoull(at + strlen(before), NULL, 10) : 0;
}

static int open_only(void *data)
{
	struct vfio_client client;
	struct gpu_regions regions;

	return open_gpu_quietly(data, &client, &regions) ? 1 : 0;
}

static guint64 resmem_size(const char *bdf)
{
	struct vfio_client client;
	struct gpu_regions regions = { 0 };

	if (!open_gpu_quietly(bdf, &client, &regions))
		vfio_client_close(&client);
	return regions.resmem.size;
}

/* The machine's owner can see and limit what works there: it has a name of its own. */
static void check_threads(const char *bdf)
{
	g_autofree char *path = g_strdup_printf("/sys/devices/virtual/workqueue/nvgrace-scrub-%s/max_active",
						bdf);
	g_autofree char *text = NULL;

	g_file_get_contents(path, &text, NULL, NULL);
	report_check("scrub-threads", text && atoi(text) == 8, "%s: at most %s", path,
		     text ? g_strchomp(text) : "not there");
}

/* The memory is scrubbed once more, from a close that this makes. */
static gboolean begin_scrub(const char *bdf)
{
	return child_run(open_only, (void *)bdf, 120) == 0;
}

/*
 * Of usemem, exactly what was written is written again: a sparse memory stays
 * sparse.  resmem is written as a whole.
 */
static void check_log(const char *bdf, int log)
{
	g_autofree char *first = log_next(log);
	g_autofree char *line = log_next(log);
	guint64 mib = log_number(line, "scrubbed "), ms = log_number(line, "memory in ");
	guint64 kib = log_number(line, " ms, "), resmem = resmem_size(bdf);

	report_check("scrub-log-first", first != NULL, "at the first open: %s", first ?: "nothing");
	report_check("scrub-log", line && mib && resmem &&
		     kib == (PLACES * PAGE + resmem) / 1024,
		     "after the kill: %s; %.2f GiB/s", line ?: "nothing",
		     mib / 1024.0 / MAX(ms, 1) * 1000);
}

static void check_killable(const char *bdf)
{
	gboolean begun = begin_scrub(bdf);
	int log = log_open();
	pid_t pid = child_start(open_only, (void *)bdf);
	g_autofree char *line = NULL, *text = NULL;
	gint64 start;
	int result;

	/* long enough to get there, and a small part of what the scrub takes */
	g_usleep(50 * 1000);
	start = g_get_monotonic_time();
	result = child_kill(pid, 10);
	text = child_text(result);
	start = g_get_monotonic_time() - start;
	line = log_next(log);
	close(log);
	report_check("scrub-killable", begun && result == SIGKILL && !line,
		     "killed while it waits for the scrub: %s after %u ms, %s", text,
		     (guint)(start / 1000), line ?: "the scrub goes on");
}

static void check_reset(const char *bdf)
{
	g_autofree char *path = g_strdup_printf("/sys/bus/pci/devices/%s/reset", bdf);
	gboolean ok = write_and_die(bdf);
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	ok = ok && fd >= 0 && write(fd, "1", 1) == 1;
	close(fd);
	report_check("scrub-under-reset", ok, "reset by sysfs while the memory is scrubbed");
	check_zero("scrub-under-reset-zero", bdf);
}

static int unbind(void *bdf)
{
	return !gpu_unbind(bdf);
}

/* The next driver finds nothing either: unbinding waits for the scrub. */
static void check_unbind(const char *bdf)
{
	g_autofree char *line = NULL, *left = NULL, *driver = NULL;
	gboolean ok = write_and_die(bdf);
	int log = log_open();

	ok = ok && gpu_unbind(bdf);
	line = log_next(log);
	left = log_next(log);
	close(log);
	driver = gpu_link(bdf, "driver");
	report_check("scrub-unbind", ok && !driver && line && strstr(line, "scrubbed ") && !left,
		     "unbound while the memory is scrubbed: %s; %s", line ?: "nothing is logged",
		     left ?: "nothing else");
	bind_gpu(bdf, EXPORTER);
}

/* Unless who unbinds it is killed. */
static void check_unbind_kill(const char *bdf)
{
	g_autofree char *line = NULL, *left = NULL, *text = NULL;
	gboolean ok = write_and_die(bdf);
	int log = log_open(), result;
	pid_t pid = child_start(unbind, (void *)bdf);

	/* long enough to get there, and a small part of what the scrub takes */
	g_usleep(100 * 1000);
	result = child_kill(pid, 10);
	text = child_text(result);
	line = log_next(log);
	left = log_next(log);
	close(log);
	report_check("scrub-unbind-kill", ok && result == SIGKILL && line &&
		     strstr(line, "not scrubbed") && left && strstr(left, "left unscrubbed"),
		     "killed (%s): %s; %s", text, line ?: "nothing is logged", left ?: "nothing");
	if (bind_gpu(bdf, EXPORTER))
		check_zero("scrub-rebind-zero", bdf);
}

/* Whether unbinding it now, with no scrub in progress, says that something is left. */
static char *unbind_says(const char *bdf)
{
	const char *const words[] = { EXPORTER, "left unscrubbed", NULL };

	kernel_log_mark();
	gpu_unbind(bdf);
	return kernel_log_find(words);
}

/* One at the open, one after the close. */
static gboolean scrub_to_the_end(const char *bdf)
{
	const char *const words[] = { EXPORTER, "scrubbed ", NULL };
	guint found = 0;

	kernel_log_mark();
	if (!begin_scrub(bdf))
		return FALSE;
	for (guint ms = 0; ms < 60000 && found < 2; ms += 20) {
		g_autofree char *line = kernel_log_find(words);

		found += line != NULL;
		g_usleep(20000);
	}
	return found == 2;
}

static void check_unbind_idle(const char *bdf)
{
	g_autofree char *never = NULL, *off = NULL, *clean = NULL;
	gboolean ok;

	/* bound, and never opened */
	gpu_unbind(bdf);
	ok = gpu_bind(bdf, EXPORTER);
	never = unbind_says(bdf);
	ok = ok && gpu_bind(bdf, EXPORTER) && set_scrub("0") && begin_scrub(bdf);
	off = unbind_says(bdf);
	ok = ok && set_scrub("1") && gpu_bind(bdf, EXPORTER) && scrub_to_the_end(bdf);
	clean = unbind_says(bdf);
	report_check("scrub-unbind-idle", ok && never && off && !clean,
		     "never opened: %s; scrub=0: %s; scrubbed: %s", never ?: "nothing",
		     off ?: "nothing", clean ?: "nothing");
	bind_gpu(bdf, EXPORTER);
}

void scenario_scrub(const char *bdf)
{
	guint left = 0, zero;
	gboolean ok;
	int log = log_open();

	if (!bind_gpu(bdf, EXPORTER))
		return;

	ok = write_and_die(bdf);
	report_check("scrub-write", ok, "a user writes %d pages, and is killed", 2 * PLACES);
	check_zero("scrub-zero", bdf);
	check_log(bdf, log);
	close(log);
	check_threads(bdf);
	check_killable(bdf);
	check_reset(bdf);
	check_unbind(bdf);
	check_unbind_kill(bdf);
	check_unbind_idle(bdf);

	ok = set_scrub("0") && write_and_die(bdf) && count_traces(bdf, &left, &zero);
	report_check("scrub-off", ok && left == 2 * PLACES, "with scrub=0, %u pages of %d are left",
		     left, 2 * PLACES);
	ok = set_scrub("1");
	report_check("scrub-on", ok, "scrub=1 again");
	check_zero("scrub-on-zero", bdf);
	report_stage("scrub");
}
