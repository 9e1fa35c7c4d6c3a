/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All that was measured, by what, in which way and on which machine. */
#ifndef BENCH_SAMPLES_H
#define BENCH_SAMPLES_H

#include <glib.h>

struct bench_series {
	char *measure;		/* its unit is the end of the name, as in "boot-s" */
	char *way;		/* as in way.c */
	guint gib;		/* of each GPU; 0: does not matter */
	guint gpus;		/* 0: does not matter */
	GArray *values;		/* of gdouble, in the order in which they came */
};

/* Begins the name of a measure whose clock goes by instructions, see measure.h */
#define BENCH_COUNTED "counted-"

struct bench_samples;

struct bench_samples *bench_samples_new(void);
void bench_samples_free(struct bench_samples *samples);

/* "MEASURE WAY VALUE".  FALSE if it is not of that form. */
gboolean bench_samples_take(struct bench_samples *samples, guint gib, guint gpus, const char *line);

/* NULL if there is none. */
const struct bench_series *bench_samples_find(const struct bench_samples *samples,
					      const char *measure, const char *way, guint gib,
					      guint gpus);

/* The machines (gib, gpus) for which there is something of a measure: @next(…) for each. */
void bench_samples_machines(const struct bench_samples *samples, const char *measure,
			    void (*next)(guint gib, guint gpus, gpointer opaque),
			    gpointer opaque);

/*
 * What stands for all values: their median; of a measure that is counted, the least, as
 * whatever comes in between only ever adds.  NAN of none.
 */
gdouble bench_summary(const struct bench_series *series);

/* Every value, as a JSON document; @about are pairs of name and value.  Caller frees. */
char *bench_samples_json(const struct bench_samples *samples, const char *const *about);

#endif
