/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The marks: what must have which relation to what. */
#ifndef BENCH_ROWS_H
#define BENCH_ROWS_H

#include "samples.h"

/* One measure on one machine, judged. */
struct bench_result {
	const char *group;	/* what it belongs to: the same for rows in sequence */
	const char *label;
	const char *note;	/* what limits it, or what to know; NULL: nothing */
	const char *mark;	/* "" if there is none */
	const char *measure;
	guint gib, gpus;
	gdouble none, plain, ours, peer;	/* medians; NAN: not measured */
	guint n;		/* values of ours, or of what there is */
	gdouble ratio;		/* what the mark is about; NAN: one side is missing */
	const char *verdict;	/* "held", "MISSED", "not measured" or "" */
};

/* All of them, in the order of the table; g_array_unref(). */
GArray *bench_results(const struct bench_samples *samples);

/* How many have that verdict. */
guint bench_count(const GArray *results, const char *verdict);

#endif
