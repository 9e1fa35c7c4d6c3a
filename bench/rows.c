/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine below is shared and emulates: a figure by itself says nothing, only
 * a relation of two that were measured in turns.  A mark of "at most the peer's"
 * counts as held up to 5 % above it, which is less than two runs of the same differ; of
 * what is counted, up to 0.5 % above.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rows.h"

#define NOISE 1.05
#define COUNTED_NOISE 1.005
#define LARGE 64u	/* GiB */

enum mark {
	NO_MARK,
	EXTRA,		/* over a guest without GPU: ours at most .limit of the peer's */
	EXTRA_LARGE,	/* the same, of GPUs that have LARGE or more */
	EXTRA_PLAIN,	/* over a guest with the GPU, but without its memory: no mark, just so */
	AT_MOST,	/* ours at most .limit times the peer's */
	AT_LEAST,	/* ours at least .limit times the peer's */
	OF_NONE,	/* ours at least .limit times that of a guest without GPU */
	OWN_RATIO,	/* ours at least .limit times the ours of .other */
	ABSOLUTE,	/* ours at most .limit */
	PER_GPU,	/* ours at most .limit for each GPU */
	GROWTH,		/* extra over no GPU, of each GPU: at most .limit times that of the smallest */
};

static const struct row {
	const char *measure;
	const char *label;
	const char *text;	/* of the mark */
	enum mark mark;
	gdouble limit;
	const char *other;
} rows[] = {
	{ "boot-s", "exec of QEMU to the guest's first kernel line (s)",
	  "extra over no GPU at most a tenth of the peer's, from 64 GiB on", EXTRA_LARGE, 0.1,
	  NULL },
	{ "boot-s", "the same, what the memory costs beside the GPU",
	  "", EXTRA_PLAIN, 0, NULL },
	{ "boot-s", "the same, growth with size and number",
	  "extra over no GPU, per GPU: at most 1.2 times that of 1 x 4 GiB", GROWTH, 1.2, NULL },
	{ "ram-map-s", "floor of these: VFIO takes the RAM of such a guest (s)", "", NO_MARK, 0,
	  NULL },
	{ "boot-tables-kib", "QEMU's page tables then (KiB)", "at most the peer's", AT_MOST, 1,
	  NULL },
	{ "reboot-touched-s",
	  "guest reboot to the first kernel line, after a touch of every 2 MiB (s)",
	  "extra over no GPU at most a tenth of the peer's", EXTRA, 0.1, NULL },
	{ "reboot-s", "guest reboot to the first kernel line, 1 GiB used (s)",
	  "extra over no GPU at most a tenth of the peer's", EXTRA, 0.1, NULL },
	{ "reboot-s", "the same, what the memory costs beside the GPU",
	  "", EXTRA_PLAIN, 0, NULL },
	{ "exit-s", "end of QEMU (s)", "", NO_MARK, 0, NULL },
	{ "guest-tables-kib", "page tables of KVM and IOMMU, guest running (KiB)",
	  "at most the peer's", AT_MOST, 1, NULL },
	{ "touch-usemem-faults", "faults to touch every 2 MiB of usemem", "at most the peer's",
	  AT_MOST, 1, NULL },
	{ "touch-usemem-tables-kib", "page tables for that (KiB)", "at most the peer's", AT_MOST,
	  1, NULL },
	{ "touch-usemem-s", "time for that (s)", "", NO_MARK, 0, NULL },
	{ "touch-resmem-faults", "faults to touch every 2 MiB of resmem", "at most the peer's",
	  AT_MOST, 1, NULL },
	{ "touch-resmem-tables-kib", "page tables for that (KiB)", "at most the peer's", AT_MOST,
	  1, NULL },
	{ "unmap-usemem-s", "munmap of usemem (s)", "", NO_MARK, 0, NULL },
	{ "stage2-faults", "guest: faults at stage 2 to touch every 2 MiB of usemem",
	  "at most the peer's", AT_MOST, 1, NULL },
	{ "stage2-touched", "that was so often (a quick run: 16 GiB)", "", NO_MARK, 0, NULL },
	{ "stage2-tables-kib", "page tables of KVM and IOMMU for that (KiB)", "at most the peer's",
	  AT_MOST, 1, NULL },
	{ "copy-gpu-mib-per-s", "guest: copy in GPU memory (MiB/s; RAM is the row below)",
	  "at least 0.98 of RAM", OWN_RATIO, 0.98, "copy-ram-mib-per-s" },
	{ "copy-ram-mib-per-s", "guest: copy in RAM (MiB/s)", "", NO_MARK, 0, NULL },
	{ "triad-gpu-mib-per-s", "guest: triad in GPU memory (MiB/s)", "at least 0.98 of RAM",
	  OWN_RATIO, 0.98, "triad-ram-mib-per-s" },
	{ "triad-ram-mib-per-s", "guest: triad in RAM (MiB/s)", "", NO_MARK, 0, NULL },
	{ "random-gpu-million-per-s", "guest: random 8 bytes in GPU memory (million/s)",
	  "at least 0.98 of RAM", OWN_RATIO, 0.98, "random-ram-million-per-s" },
	{ "random-ram-million-per-s", "guest: random 8 bytes in RAM (million/s)", "", NO_MARK, 0,
	  NULL },
	{ "disk-gpu-mib-per-s", "guest: virtio-blk into GPU memory (MiB/s; 0: does not end)",
	  "at least 0.9 of RAM", OWN_RATIO, 0.9, "disk-ram-mib-per-s" },
	{ "disk-ram-mib-per-s", "guest: virtio-blk into RAM (MiB/s)", "", NO_MARK, 0, NULL },
	{ "disk-small-per-s", "guest: virtio-blk into RAM, cache=none, requests of 4 KiB per s",
	  "at least 0.9 of no GPU", OF_NONE, 0.9, NULL },
	{ "usemem-pread-4k-mib-per-s", "pread of usemem, 4 KiB (MiB/s)", "", NO_MARK, 0,
	  NULL },
	{ "usemem-pwrite-4k-mib-per-s", "pwrite of usemem, 4 KiB (MiB/s)", "", NO_MARK, 0,
	  NULL },
	{ "memfd-pread-4k-mib-per-s", "to compare: pread of a memfd, 4 KiB (MiB/s)", "",
	  NO_MARK, 0, NULL },
	{ "usemem-pread-1024k-mib-per-s", "pread of usemem, 1 MiB (MiB/s)", "", NO_MARK, 0,
	  NULL },
	{ "usemem-pwrite-1024k-mib-per-s", "pwrite of usemem, 1 MiB (MiB/s)", "", NO_MARK, 0,
	  NULL },
	{ "resmem-pread-4k-mib-per-s", "pread of resmem, 4 KiB (MiB/s)", "", NO_MARK, 0,
	  NULL },
	{ "resmem-pwrite-4k-mib-per-s", "pwrite of resmem, 4 KiB (MiB/s)", "", NO_MARK, 0,
	  NULL },
	{ "resmem-pread-1024k-mib-per-s", "pread of resmem, 1 MiB (MiB/s)", "", NO_MARK, 0,
	  NULL },
	{ "resmem-pwrite-1024k-mib-per-s", "pwrite of resmem, 1 MiB (MiB/s)", "", NO_MARK, 0,
	  NULL },
	{ "open-s", "open (s)", "at most the peer's", AT_MOST, 1, NULL },
	{ "reset-s", "reset (s)", "at most the peer's", AT_MOST, 1, NULL },
	{ "close-s", "close (s)", "at most the peer's", AT_MOST, 1, NULL },
	{ "scrub-gib-per-s", "scrub, on all CPUs (GiB/s)", "", NO_MARK, 0, NULL },
	{ "scrub-gib-per-s-per-cpu", "scrub, per CPU (GiB/s)", "", NO_MARK, 0, NULL },
	{ "counted-usemem-pread-4k-instructions", "pread of usemem, 4 KiB (instructions)", "",
	  NO_MARK, 0, NULL },
	{ "counted-usemem-pwrite-4k-instructions", "pwrite of usemem, 4 KiB (instructions)", "",
	  NO_MARK, 0, NULL },
	{ "counted-memfd-pread-4k-instructions",
	  "to compare: pread of a memfd, 4 KiB (instructions)", "", NO_MARK, 0, NULL },
	{ "counted-usemem-pread-1024k-instructions",
	  "pread of usemem, 1 MiB, all but the copy (instructions)", "", NO_MARK, 0, NULL },
	{ "counted-usemem-pwrite-1024k-instructions",
	  "pwrite of usemem, 1 MiB, all but the copy (instructions)", "", NO_MARK, 0, NULL },
	{ "counted-resmem-pread-4k-instructions", "pread of resmem, 4 KiB (instructions)", "",
	  NO_MARK, 0, NULL },
	{ "counted-resmem-pwrite-4k-instructions", "pwrite of resmem, 4 KiB (instructions)", "",
	  NO_MARK, 0, NULL },
	{ "counted-touch-usemem-instructions",
	  "a fault on usemem, and the access that makes it (instructions)", "at most the peer's",
	  AT_MOST, 1, NULL },
	{ "counted-touch-resmem-instructions",
	  "a fault on resmem, and the access that makes it (instructions)", "at most the peer's",
	  AT_MOST, 1, NULL },
	{ "counted-open-instructions", "open (instructions)", "", NO_MARK, 0, NULL },
	{ "counted-reset-instructions", "reset (instructions)", "", NO_MARK, 0, NULL },
	{ "counted-close-instructions", "close (instructions)", "", NO_MARK, 0, NULL },
	{ "counted-scrub-kib-instructions", "scrub of 1 KiB, all CPUs (instructions)", "", NO_MARK,
	  0, NULL },
	{ "online-s", "exec of QEMU to GPU memory online (s)", "at most the peer's", AT_MOST, 1,
	  NULL },
	{ "online-driver-s", "of that, the guest's driver (s)", "", NO_MARK, 0, NULL },
	{ "space-gib", "guest physical space of a GPU (GiB)", "at most the peer's", AT_MOST, 1,
	  NULL },
	{ "window-gib", "highmem-mmio-size that has to be typed (GiB; 0: none)", "none", ABSOLUTE,
	  0, NULL },
	{ "typed-options", "options typed for the GPUs, root ports among them",
	  "1 for each GPU, and its root port", PER_GPU, 2, NULL },
	{ "typed-characters", "characters typed for the GPUs", "", NO_MARK, 0, NULL },
	{ "driver-code-lines", "kernel driver, lines of code", "at most 600", ABSOLUTE, 600,
	  NULL },
	{ "upstream-code-lines", "the same on a patched vfio-pci-core (docs/upstream)",
	  "at most 500", ABSOLUTE, 500, NULL },
	{ "scrub-code-lines", "scrubbing, lines of code (the peer does not)", "", NO_MARK, 0,
	  NULL },
	{ "compat-code-lines", "other kernel versions, lines of code", "", NO_MARK, 0, NULL },
	{ "qemu-patch-lines", "lines added to QEMU's own files", "under 60", ABSOLUTE, 59,
	  NULL },
	{ "qemu-patch-lines-removed", "lines taken from them (a type that moves to a header)", "",
	  NO_MARK, 0, NULL },
};

/* What rows belong to, from that measure on. */
static const struct {
	const char *measure;
	const char *group;
} groups[] = {
	{ "boot-s", "Boot, reboot, end" },
	{ "guest-tables-kib", "Page tables and faults" },
	{ "copy-gpu-mib-per-s", "Memory in the guest" },
	{ "usemem-pread-4k-mib-per-s", "Reading and writing through VFIO" },
	{ "open-s", "Open, reset, close, scrub" },
	{ "counted-usemem-pread-4k-instructions", "The same, by a clock of instructions" },
	{ "online-s", "What the user and the guest see" },
	{ "driver-code-lines", "Code" },
};

/* What limits a measure, or what to know of it. */
static const struct {
	const char *measure;
	const char *text;
} notes[] = {
	{ "ram-map-s", "No guest with any VFIO device starts without." },
	{ "reboot-touched-s", "The touched memory is mapped at stage 2 as well. A quick run "
	  "touches 16 GiB." },
	{ "reboot-s", "Of a GPU with little memory most of it is what any VFIO device costs: "
	  "\"plain\" is a GPU without that memory." },
	{ "triad-gpu-mib-per-s", "Single values differ by 20 %, as the dots show: medians of few "
	  "of them by more than the mark." },
	{ "random-gpu-million-per-s", "Single values differ by 10 times, of either memory and either "
	  "way: medians by more than the mark." },
	{ "exit-s", "One unmapping of the memory by the type1 container, 4 KiB at a time. The peer "
	  "pays that at boot and at each reboot, as its guest turns the decoding of BARs off." },
	{ "copy-gpu-mib-per-s", "GPU memory and RAM are both RAM of the machine below: this shows "
	  "that both are mapped alike, and nothing of HBM." },
	{ "disk-small-per-s", "QEMU looks where the buffer of each request is, if the machine has "
	  "memory that the host cannot pin." },
	{ "disk-gpu-mib-per-s", "0: the read into the peer's BAR has not ended after 5 s." },
	{ "usemem-pread-4k-mib-per-s", "For debuggers: no guest reads or writes it that way. Ours maps "
	  "each page anew and copies it through a buffer." },
	{ "driver-code-lines", "What keeps users from the memory in resets, sleep and low power, and "
	  "dma-bufs by a detour are 130 of these; the peer has none of it." },
	{ "counted-usemem-pread-4k-instructions", "Of the calling thread, in the kernel as well, "
	  "and the least of all values: what comes in between only adds. A copy is a few "
	  "instructions, whatever its length." },
	{ "counted-open-instructions", "Without the waits for the device, which are more than 0.1 s: "
	  "the latency and its mark are above." },
	{ "stage2-tables-kib", "Of the whole host: 4 KiB more may be a table of RAM that the guest "
	  "uses for the first time." },
	{ "window-gib", "Ours asks KVM for the addresses that its GPUs may need: the machine looks at "
	  "the -device options before." },
	{ "memfd-pread-4k-mib-per-s", "A system call and a copy, the same for all: by what its "
	  "columns differ, others may differ too." },
};

/* For which GROWTH is that of others */
static const struct bench_result smallest = { .gib = 4, .gpus = 1 };

static gboolean is_smallest(const struct bench_result *result)
{
	return result->gib == smallest.gib && result->gpus == smallest.gpus;
}

static gdouble summary_of(const struct bench_samples *samples, const char *measure,
			 const char *way, const struct bench_result *on, guint *n)
{
	const struct bench_series *series =
		bench_samples_find(samples, measure, way, on->gib, on->gpus);

	if (series)
		*n = series->values->len;
	return bench_summary(series);
}

/* What each GPU costs, beyond a guest without. */
static gdouble extra_of_gpu(const struct bench_samples *samples, const char *measure,
			    const struct bench_result *on)
{
	guint n;

	return (summary_of(samples, measure, "ours", on, &n) -
		summary_of(samples, measure, "none", on, &n)) / on->gpus;
}

/* NAN where a side is missing, or what is compared with is lost in the noise. */
static gdouble extra_ratio(gdouble extra, gdouble of)
{
	return of > 0 ? extra / of : NAN;
}

/* NAN likewise. */
static gdouble relation(const struct row *row, const struct bench_samples *samples,
			const struct bench_result *result)
{
	guint n;

	switch (row->mark) {
	case EXTRA:
	case EXTRA_LARGE:
		return extra_ratio(result->ours - result->none, result->peer - result->none);
	case EXTRA_PLAIN:
		return extra_ratio(result->ours - result->plain, result->peer - result->plain);
	case OF_NONE:
		return result->ours / result->none;
	case OWN_RATIO:
		return result->ours / summary_of(samples, row->other, "ours", result, &n);
	case ABSOLUTE:
		return result->ours;
	case GROWTH:
		return extra_ratio(extra_of_gpu(samples, row->measure, result),
				   extra_of_gpu(samples, row->measure, &smallest));
	case PER_GPU:
		return result->ours / result->gpus;
	default:
		/* nothing is at most nothing */
		return result->ours == result->peer ? 1 : result->ours / result->peer;
	}
}

static const char *judge(const struct row *row, guint gib, gdouble ratio)
{
	gdouble noise = g_str_has_prefix(row->measure, BENCH_COUNTED) ? COUNTED_NOISE : NOISE;
	gboolean held;

	if (row->mark == NO_MARK || row->mark == EXTRA_PLAIN ||
	    (row->mark == EXTRA_LARGE && gib && gib < LARGE))
		return "";
	if (isnan(ratio))
		return "not measured";
	switch (row->mark) {
	case AT_MOST:
		held = ratio <= row->limit * noise;
		break;
	case AT_LEAST:
		held = ratio >= row->limit / noise;
		break;
	case OF_NONE:
	case OWN_RATIO:
		held = ratio >= row->limit;
		break;
	default:
		held = ratio <= row->limit;
	}
	return held ? "held" : "MISSED";
}

static const char *note_of(const char *measure)
{
	for (guint i = 0; i < G_N_ELEMENTS(notes); i++)
		if (!strcmp(notes[i].measure, measure))
			return notes[i].text;
	return NULL;
}

struct collect {
	const struct bench_samples *samples;
	const struct row *row;
	const char *group;
	GArray *results;
};

static void add_result(guint gib, guint gpus, gpointer opaque)
{
	struct collect *c = opaque;
	struct bench_result result = {
		.group = c->group, .label = c->row->label, .note = note_of(c->row->measure),
		.mark = c->row->text, .measure = c->row->measure, .gib = gib, .gpus = gpus,
	};

	result.none = summary_of(c->samples, c->row->measure, "none", &result, &result.n);
	result.plain = summary_of(c->samples, c->row->measure, "plain", &result, &result.n);
	result.peer = summary_of(c->samples, c->row->measure, "peer", &result, &result.n);
	result.ours = summary_of(c->samples, c->row->measure, "ours", &result, &result.n);
	/* without a GPU to compare with, and of what is compared with, there is no row */
	if ((c->row->mark == EXTRA_PLAIN && isnan(result.plain)) ||
	    (c->row->mark == GROWTH && is_smallest(&result)))
		return;
	result.ratio = relation(c->row, c->samples, &result);
	result.verdict = judge(c->row, gib, result.ratio);
	g_array_append_val(c->results, result);
}

/* Machines by the number of their GPUs, then by size. */
static int compare(const void *a, const void *b)
{
	const struct bench_result *x = a, *y = b;

	return x->gpus != y->gpus ? (x->gpus > y->gpus) - (x->gpus < y->gpus) :
				    (x->gib > y->gib) - (x->gib < y->gib);
}

GArray *bench_results(const struct bench_samples *samples)
{
	GArray *results = g_array_new(FALSE, FALSE, sizeof(struct bench_result));
	struct collect c = { samples, NULL, NULL, results };

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		guint before = results->len;

		for (guint g = 0; g < G_N_ELEMENTS(groups); g++)
			if (!strcmp(groups[g].measure, rows[i].measure))
				c.group = groups[g].group;
		c.row = &rows[i];
		bench_samples_machines(samples, rows[i].measure, add_result, &c);
		qsort(&g_array_index(results, struct bench_result, before), results->len - before,
		      sizeof(struct bench_result), compare);
		/* a mark that nothing was measured for is not left out */
		if (results->len == before && rows[i].mark != NO_MARK)
			add_result(0, 0, &c);
	}
	return results;
}

guint bench_count(const GArray *results, const char *verdict)
{
	guint n = 0;

	for (guint i = 0; i < results->len; i++)
		n += !strcmp(g_array_index(results, struct bench_result, i).verdict, verdict);
	return n;
}
