/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is measured in the emulated host.  Each value goes out at once as a line
 * of the report,
 *
 *	text sample MEASURE WAY VALUE
 *
 * in the unit that the measure's name ends with; bench.c knows the rest.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include "way.h"

/* Since that moment of g_get_monotonic_time(). */
gdouble seconds_since(gint64 start);

/*
 * With bench.counted=1 the clock goes by instructions, 1 ns each (stack.h): it is not
 * the machine below that is measured then.  What comes in between, as an interrupt, only
 * ever adds: the least of several values is what counts.
 */
gboolean counted(void);

void sample(const char *measure, const struct bench_way *way, gdouble value);

/* The same of what is measured by a clock: "counted-MEASURE", if that is such a one. */
void clock_sample(const char *measure, const struct bench_way *way, gdouble value);

/* With VFIO alone: latencies, reading and writing, faults and page tables. */
void measure_vfio(const struct bench_way *way, const char *bdf);

/* A scrub of everything; for ours only: the others have none. */
void measure_scrub(const struct bench_way *way, const char *bdf);

/*
 * With a guest: to its first kernel line, reboot, exit, and what it measures itself;
 * @inside: of touch, memory, disk, with commas between.
 */
void measure_guest(const struct bench_way *way, const char *const *bdfs, guint gib,
		   const char *inside);

/* What a user types for the GPUs. */
void measure_typing(const struct bench_way *way, const char *const *bdfs, guint gib);

#endif
