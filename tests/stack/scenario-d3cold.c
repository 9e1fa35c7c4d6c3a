/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The GPU without power.  The emulated host's firmware has a power resource for it
 * (x-power-resource=on), so Linux puts it into D3cold when nobody has it open, and
 * when its user allows that.  The emulated GPU loses what its memory holds, takes
 * DELAY_MS to be ready when the power is back, and counts how often the power was
 * off and how often somebody accessed memory that was not there.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent.h"
#include "child.h"
#include "gpu-sysfs.h"
#include "host-agent.h"
#include "hw/misc/nvgrace-gpu-regs.h"
#include "kernel-log.h"
#include "pattern.h"
#include "scenario.h"

#define AREA (4ul << 20)
#define DELAY_MS 500
#define STATE_MS 10000	/* to wait for a power state */

enum { USEMEM, RESMEM, REGIONS };

struct gpu {
	const char *bdf;
	struct vfio_client client;
	struct vfio_client_region region[REGIONS];
	struct vfio_client_region bar0;
	char *map[REGIONS];	/* AREA bytes at the start of each */
};

static gboolean gpu_open(struct gpu *gpu)
{
	struct gpu_regions regions;
	guint32 command;

	if (!open_gpu(gpu->bdf, &gpu->client, &regions) ||
	    vfio_client_region(&gpu->client, VFIO_PCI_BAR0_REGION_INDEX, &gpu->bar0))
		return FALSE;
	command = vfio_client_config_read(&gpu->client, PCI_COMMAND, 2);
	vfio_client_config_write(&gpu->client, PCI_COMMAND, command | PCI_COMMAND_MEMORY, 2);
	gpu->region[USEMEM] = regions.usemem;
	gpu->region[RESMEM] = regions.resmem;
	for (guint i = 0; i < REGIONS; i++) {
		gpu->map[i] = vfio_client_map(&gpu->client, &gpu->region[i], 0, AREA,
					      PROT_READ | PROT_WRITE, FALSE);
		if (!gpu->map[i])
			return FALSE;
	}
	return TRUE;
}

static void gpu_close(struct gpu *gpu)
{
	for (guint i = 0; i < REGIONS; i++)
		vfio_client_munmap(gpu->map[i], AREA);
	vfio_client_close(&gpu->client);
}

/* One of the GPU's counters, ~0 on error. */
static guint32 gpu_count(const struct gpu *gpu, guint64 reg)
{
	guint32 value;

	if (vfio_client_read(&gpu->client, &gpu->bar0, reg, &value, sizeof(value)) !=
	    sizeof(value))
		return G_MAXUINT32;
	return value;
}

static guint ms_since(gint64 start)
{
	return (g_get_monotonic_time() - start) / 1000;
}

/* Asking for it does not wake the device. */
static gboolean in_d3cold(const char *bdf)
{
	g_autofree char *state = gpu_attribute(bdf, "power_state");

	return g_strcmp0(state, "D3cold") == 0;
}

static gboolean wait_d3cold(const char *bdf)
{
	gint64 start = g_get_monotonic_time();

	while (!in_d3cold(bdf)) {
		if (ms_since(start) > STATE_MS)
			return FALSE;
		g_usleep(5000);
	}
	return TRUE;
}

static int low_power(const struct gpu *gpu, gboolean entry)
{
	return vfio_client_set_feature(&gpu->client,
				       entry ? VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY :
					       VFIO_DEVICE_FEATURE_LOW_POWER_EXIT, NULL, 0);
}

static void write_both(const struct gpu *gpu, guint64 seed)
{
	for (guint i = 0; i < REGIONS; i++) {
		write_pattern(&gpu->client, &gpu->region[i], 0, AREA, seed + i);
		touch_read(gpu->map[i]);
	}
}

static gboolean all_zero(const char *bytes, gsize length)
{
	return !bytes[0] && memcmp(bytes, bytes + 1, length - 1) == 0;
}

/* What is left after the power was off: 0, a signal, or -1 if it is anything else. */
static int touch_zero(const char *map)
{
	g_autofree char *buf = g_malloc(AREA);
	int signal_number = touch_copy(buf, map, AREA);

	return signal_number ?: all_zero(buf, AREA) ? 0 : -1;
}

static gboolean read_zero(const struct gpu *gpu, guint i)
{
	g_autofree char *buf = g_malloc(AREA);

	return vfio_client_read(&gpu->client, &gpu->region[i], 0, buf, AREA) == (ssize_t)AREA &&
	       all_zero(buf, AREA);
}

/* ------------------------------------------------------- one after the other */

static void check_entry(const struct gpu *gpu)
{
	int entry, mapped[REGIONS];
	gboolean ok, cold;
	gint64 start;
	guint ms;

	write_both(gpu, 10);
	ok = touch_pattern(gpu->map[USEMEM], AREA, 10, 0) == 0 &&
	     touch_pattern(gpu->map[RESMEM], AREA, 11, 0) == 0;
	entry = low_power(gpu, TRUE);
	cold = wait_d3cold(gpu->bdf);
	report_check("d3cold-entry", ok && !entry && cold, "entry: %s, %s in D3cold",
		     error_text(entry), cold ? "then" : "never");

	for (guint i = 0; i < REGIONS; i++)
		mapped[i] = touch_read(gpu->map[i]);
	cold = in_d3cold(gpu->bdf);
	report_check("d3cold-mmap", mapped[USEMEM] == SIGBUS && mapped[RESMEM] == SIGBUS && cold,
		     "access: signals %d and %d, which %s the device", mapped[USEMEM],
		     mapped[RESMEM], cold ? "does not wake" : "wakes");

	start = g_get_monotonic_time();
	ok = read_zero(gpu, USEMEM);
	ms = ms_since(start);
	report_check("d3cold-read", ok && ms >= DELAY_MS,
		     "pread wakes the device, and waits until it is ready: %u ms", ms);
	cold = wait_d3cold(gpu->bdf);
	mapped[USEMEM] = touch_read(gpu->map[USEMEM]);
	ok = read_zero(gpu, RESMEM);
	report_check("d3cold-again", cold && mapped[USEMEM] == SIGBUS && ok,
		     "%s in D3cold again, access: signal %d, pread of resmem: %s",
		     cold ? "then" : "never", mapped[USEMEM], ok ? "zeroes" : "not so");
	cold = wait_d3cold(gpu->bdf);
	start = g_get_monotonic_time();
	ok = write_pattern(&gpu->client, &gpu->region[USEMEM], 0, AREA, 12);
	ms = ms_since(start);
	report_check("d3cold-write", cold && ok && ms >= DELAY_MS,
		     "pwrite likewise: %u ms", ms);
}

static void check_exit(const struct gpu *gpu)
{
	gboolean cold = wait_d3cold(gpu->bdf), ok;
	gint64 start = g_get_monotonic_time();
	int ret = low_power(gpu, FALSE), after = touch_zero(gpu->map[USEMEM]);
	guint ms = ms_since(start);

	report_check("d3cold-exit", cold && !ret && !after && ms >= DELAY_MS,
		     "exit: %s, the first access (%d) waits until the device is ready: %u ms",
		     error_text(ret), after, ms);
	after = touch_zero(gpu->map[RESMEM]);
	write_both(gpu, 20);
	ok = touch_pattern(gpu->map[USEMEM], AREA, 20, 0) == 0 &&
	     touch_pattern(gpu->map[RESMEM], AREA, 21, 0) == 0 &&
	     read_pattern(&gpu->client, &gpu->region[USEMEM], 0, AREA, 20);
	report_check("d3cold-exit-works", !after && ok, "mapping and pwrite %s",
		     ok ? "agree" : "do not agree");

	ret = low_power(gpu, TRUE);
	cold = wait_d3cold(gpu->bdf);
	start = g_get_monotonic_time();
	ret = ret ?: low_power(gpu, FALSE);
	ok = read_zero(gpu, RESMEM);
	ms = ms_since(start);
	report_check("d3cold-exit-read", cold && !ret && ok && ms >= DELAY_MS,
		     "exit: %s, pread waits, too: %u ms", error_text(ret), ms);
}

/* The user is told when something else has woken the device: here, the host. */
static void check_wakeup(const struct gpu *gpu)
{
	struct vfio_device_low_power_entry_with_wakeup wakeup = {
		.wakeup_eventfd = eventfd(0, EFD_CLOEXEC),
	};
	struct pollfd told = { .fd = wakeup.wakeup_eventfd, .events = POLLIN };
	int entry, asleep, before, after;
	gboolean cold;
	gint64 start;
	guint ms;

	write_both(gpu, 30);
	entry = vfio_client_set_feature(&gpu->client,
					VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP, &wakeup,
					sizeof(wakeup));
	cold = wait_d3cold(gpu->bdf);
	asleep = touch_read(gpu->map[USEMEM]);
	before = poll(&told, 1, 0);
	start = g_get_monotonic_time();
	gpu_write(gpu->bdf, "power/control", "on");
	after = poll(&told, 1, STATE_MS) == 1 ? touch_zero(gpu->map[USEMEM]) : -2;
	ms = ms_since(start);
	gpu_write(gpu->bdf, "power/control", "auto");
	report_check("d3cold-wakeup", !entry && cold && asleep == SIGBUS && !before && !after &&
		     ms >= DELAY_MS,
		     "entry: %s, access: signal %d; told %d before the device was woken; then the first access (%d) waits: %u ms",
		     error_text(entry), asleep, before, after, ms);
	close(wakeup.wakeup_eventfd);
}

/* ------------------------------------------------------------- all at once */

#define CYCLES 12u
#define WORKERS 3u	/* one of each region by its mapping, and one by pread */

struct worker {
	const struct gpu *gpu;
	guint number;
	const gboolean *stop;
	guint64 done, wrong, signals, errors;
};

/* A word is what was written last, or 0: it has been lost. */
static gpointer mapper(gpointer opaque)
{
	struct worker *me = opaque;
	char *word = me->gpu->map[me->number] + AREA / 2;
	guint64 wrote = 0, value;

	while (!g_atomic_int_get(me->stop)) {
		int signal_number = touch_copy(&value, word, sizeof(value));

		if (!signal_number) {
			me->wrong += value && value != wrote;
			value = wrote + 1;
			signal_number = touch_copy(word, &value, sizeof(value));
			if (!signal_number)
				wrote = value;
		}
		me->done += !signal_number;
		me->signals += signal_number != 0;
		g_usleep(100);
	}
	return NULL;
}

/* Now and then, so that the device sleeps in between. */
static gpointer reader(gpointer opaque)
{
	struct worker *me = opaque;
	guint64 value;

	while (!g_atomic_int_get(me->stop)) {
		ssize_t n = vfio_client_read(&me->gpu->client, &me->gpu->region[USEMEM], 0,
					     &value, sizeof(value));

		me->errors += n != sizeof(value);
		me->wrong += n == sizeof(value) && value == G_MAXUINT64;
		me->done += n == sizeof(value);
		g_usleep(1500000);
	}
	return NULL;
}

static void check_storm(const struct gpu *gpu)
{
	gboolean stop = FALSE;
	struct worker workers[WORKERS] = { 0 };
	GThread *threads[WORKERS];
	guint cold = 0, refused = 0;
	guint64 before, signals;

	for (guint i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){ .gpu = gpu, .number = i, .stop = &stop };
		threads[i] = g_thread_new("worker", i < REGIONS ? mapper : reader, &workers[i]);
	}
	agent_watchdog("d3cold-storm", 240);
	for (guint i = 0; i < CYCLES; i++) {
		refused += low_power(gpu, TRUE) != 0;
		cold += wait_d3cold(gpu->bdf);
		refused += low_power(gpu, FALSE) != 0;
		/* Mapped again, or already gone while it is waited for. */
		g_usleep(i % 2 * 700000);
	}
	g_atomic_int_set(&stop, TRUE);
	for (guint i = 0; i < WORKERS; i++)
		g_thread_join(threads[i]);
	agent_watchdog("d3cold", 0);

	before = MIN(workers[USEMEM].done, workers[RESMEM].done);
	signals = MIN(workers[USEMEM].signals, workers[RESMEM].signals);
	report_check("d3cold-storm", cold == CYCLES && !refused,
		     "%u times in D3cold, of %u; %u calls refused", cold, CYCLES, refused);
	report_check("d3cold-storm-mmap", before && signals && !workers[USEMEM].wrong &&
		     !workers[RESMEM].wrong,
		     "at least %" G_GUINT64_FORMAT " loads with stores and %" G_GUINT64_FORMAT
		     " signals by each thread; wrong: %" G_GUINT64_FORMAT, before, signals,
		     workers[USEMEM].wrong + workers[RESMEM].wrong);
	report_check("d3cold-storm-rw", workers[REGIONS].done && !workers[REGIONS].errors &&
		     !workers[REGIONS].wrong,
		     "%" G_GUINT64_FORMAT " reads, %" G_GUINT64_FORMAT " errors, %"
		     G_GUINT64_FORMAT " of the GPU without power", workers[REGIONS].done,
		     workers[REGIONS].errors, workers[REGIONS].wrong);
}

/* ------------------------------------------------------- closed, and scrubbed */

/* From D3cold the open has to wake the device; so has the scrub. */
static void check_scrub(struct gpu *gpu)
{
	const char *const scrubbed[] = { gpu->bdf, "scrubbed", NULL };
	g_autofree char *first = NULL, *second = NULL;
	gboolean cold = wait_d3cold(gpu->bdf), ok;
	gint64 start = g_get_monotonic_time();
	int after;
	guint ms;

	set_scrub("1");
	kernel_log_mark();
	if (!gpu_open(gpu))
		return;
	first = kernel_log_find(scrubbed);
	ms = ms_since(start);
	after = touch_zero(gpu->map[RESMEM]);
	ok = write_pattern(&gpu->client, &gpu->region[RESMEM], 0, AREA, 40) &&
	     touch_pattern(gpu->map[RESMEM], AREA, 40, 0) == 0;
	report_check("d3cold-scrub-open", cold && first && !after && ok && ms >= DELAY_MS,
		     "an open in D3cold, %u ms: %s", ms, first ?: "no scrub");

	/* A user that ends while the device sleeps: the close wakes it, and the scrub again. */
	kernel_log_mark();
	cold = !low_power(gpu, TRUE) && wait_d3cold(gpu->bdf);
	gpu_close(gpu);
	for (start = g_get_monotonic_time(); !second && ms_since(start) < 12 * STATE_MS;
	     g_usleep(50000))
		second = kernel_log_find(scrubbed);
	cold = cold && wait_d3cold(gpu->bdf);
	report_check("d3cold-scrub-close", second && cold,
		     "after a close in D3cold: %s; %s in D3cold again", second ?: "no scrub",
		     cold ? "then" : "not");
	set_scrub("0");
	if (!gpu_open(gpu))
		return;
	report_check("d3cold-scrub-in-reach", !gpu_count(gpu, NVGRACE_REG_OUT_OF_REACH),
		     "%u accesses to memory that was not there",
		     gpu_count(gpu, NVGRACE_REG_OUT_OF_REACH));
	gpu_close(gpu);
}

void scenario_d3cold(const char *bdf)
{
	static const char *const complaint[] = { "power state", NULL };
	struct gpu gpu = { .bdf = bdf };
	g_autofree char *said = NULL;
	gboolean cold;
	guint32 offs, out;

	kernel_log_mark();
	if (!bind_gpu(bdf, EXPORTER))
		return;
	cold = wait_d3cold(bdf);
	report_check("d3cold-idle", cold, "bound and not open: %s in D3cold",
		     cold ? "then" : "never");
	cold = gpu_open(&gpu);
	report_check("d3cold-map", cold, "both regions are mapped");
	if (!cold)
		return;
	offs = gpu_count(&gpu, NVGRACE_REG_POWER_OFFS);
	check_entry(&gpu);
	check_exit(&gpu);
	check_wakeup(&gpu);
	report_stage("d3cold-each");
	check_storm(&gpu);
	report_stage("d3cold-storm");

	out = gpu_count(&gpu, NVGRACE_REG_OUT_OF_REACH);
	report_check("d3cold-in-reach", out == 0, "%u accesses to memory that was not there", out);
	/* four in check_entry() and check_exit(), one more in each of the latter and the next */
	out = gpu_count(&gpu, NVGRACE_REG_POWER_OFFS);
	report_check("d3cold-offs", offs >= 1 && out != G_MAXUINT32 && out - offs >= 6 + CYCLES,
		     "the power was off %u times before the open, %u times since", offs, out - offs);
	gpu_close(&gpu);
	said = kernel_log_find(complaint);
	report_check("d3cold-quiet", !said, "%s", said ?: "no complaint of the kernel's");
	check_scrub(&gpu);
	report_stage("d3cold-scrub");
}
