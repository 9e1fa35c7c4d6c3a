/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was measured, for people: a table, and a page with plots of every value. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "rows.h"

/* The ways, as in way.h. */
#define BENCH_REPORT_WAYS 4
extern const struct bench_report_way {
	const char *way;
	const char *colour;	/* in plots */
	const char *about;
} bench_report_ways[BENCH_REPORT_WAYS];

/* The table, in Markdown; @about are pairs of name and value.  Caller frees. */
char *bench_markdown(const GArray *results, const char *const *about);

/* One page, which needs no other file, with every value of every series; caller frees. */
char *bench_html(const struct bench_samples *samples, const GArray *results,
		 const char *const *about);

/* Plots of it, as elements of HTML: the values of one row, a dot for each... */
void bench_plot_values(GString *html, const struct bench_samples *samples,
		       const struct bench_result *result);
/* ... and medians of a measure over the GPU's size, and over the number of GPUs. */
void bench_plot_growth(GString *html, const struct bench_samples *samples, const char *measure,
		       const char *title);

/*
 * Three digits that matter; a dash for NAN.  Of the same buffers in turn: up to 8 at
 * once.
 */
const char *bench_number(gdouble value);

/* "2 x 96 GiB", or "" where it does not matter; caller frees. */
char *bench_machine(const struct bench_result *result);

#endif
