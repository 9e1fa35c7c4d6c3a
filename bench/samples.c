/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "samples.h"

struct bench_samples {
	GPtrArray *series;	/* of struct bench_series, in the order of their first value */
};

static void series_free(gpointer p)
{
	struct bench_series *series = p;

	g_free(series->measure);
	g_free(series->way);
	g_array_unref(series->values);
	g_free(series);
}

struct bench_samples *bench_samples_new(void)
{
	struct bench_samples *samples = g_new(struct bench_samples, 1);

	samples->series = g_ptr_array_new_with_free_func(series_free);
	return samples;
}

void bench_samples_free(struct bench_samples *samples)
{
	g_ptr_array_unref(samples->series);
	g_free(samples);
}

const struct bench_series *bench_samples_find(const struct bench_samples *samples,
					      const char *measure, const char *way, guint gib,
					      guint gpus)
{
	for (guint i = 0; i < samples->series->len; i++) {
		const struct bench_series *series = samples->series->pdata[i];

		if (series->gib == gib && series->gpus == gpus &&
		    !strcmp(series->measure, measure) && !strcmp(series->way, way))
			return series;
	}
	return NULL;
}

gboolean bench_samples_take(struct bench_samples *samples, guint gib, guint gpus, const char *line)
{
	g_auto(GStrv) word = g_strsplit(line, " ", -1);
	struct bench_series *series;
	gdouble value;
	char *end;

	if (g_strv_length(word) != 3)
		return FALSE;
	value = g_ascii_strtod(word[2], &end);
	if (end == word[2] || *end)
		return FALSE;
	series = (struct bench_series *)bench_samples_find(samples, word[0], word[1], gib, gpus);
	if (!series) {
		series = g_new(struct bench_series, 1);
		*series = (struct bench_series){
			.measure = g_strdup(word[0]), .way = g_strdup(word[1]), .gib = gib,
			.gpus = gpus, .values = g_array_new(FALSE, FALSE, sizeof(gdouble)),
		};
		g_ptr_array_add(samples->series, series);
	}
	g_array_append_val(series->values, value);
	return TRUE;
}

void bench_samples_machines(const struct bench_samples *samples, const char *measure,
			    void (*next)(guint gib, guint gpus, gpointer opaque), gpointer opaque)
{
	for (guint i = 0; i < samples->series->len; i++) {
		const struct bench_series *series = samples->series->pdata[i];
		gboolean seen = FALSE;

		if (strcmp(series->measure, measure))
			continue;
		for (guint j = 0; j < i; j++) {
			const struct bench_series *other = samples->series->pdata[j];

			seen |= !strcmp(other->measure, measure) && other->gib == series->gib &&
				other->gpus == series->gpus;
		}
		if (!seen)
			next(series->gib, series->gpus, opaque);
	}
}

static int compare(const void *a, const void *b)
{
	gdouble x = *(const gdouble *)a, y = *(const gdouble *)b;

	return (x > y) - (x < y);
}

gdouble bench_summary(const struct bench_series *series)
{
	g_autofree gdouble *sorted = NULL;
	guint n = series ? series->values->len : 0;

	if (!n)
		return NAN;
	sorted = g_memdup2(series->values->data, n * sizeof(gdouble));
	qsort(sorted, n, sizeof(gdouble), compare);
	if (g_str_has_prefix(series->measure, BENCH_COUNTED))
		return sorted[0];
	return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

static void add_string(GString *json, const char *text)
{
	g_string_append_c(json, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			g_string_append_c(json, '\\');
		/* nothing here has other control characters than the end of a line */
		if (*text == '\n')
			g_string_append(json, "\\n");
		else
			g_string_append_c(json, *text);
	}
	g_string_append_c(json, '"');
}

char *bench_samples_json(const struct bench_samples *samples, const char *const *about)
{
	GString *json = g_string_new("{\n  \"about\": {");

	for (guint i = 0; about[i]; i += 2) {
		g_string_append(json, i ? ",\n    " : "\n    ");
		add_string(json, about[i]);
		g_string_append(json, ": ");
		add_string(json, about[i + 1]);
	}
	g_string_append(json, "\n  },\n  \"series\": [");
	for (guint i = 0; i < samples->series->len; i++) {
		const struct bench_series *series = samples->series->pdata[i];

		g_string_append(json, i ? ",\n    {" : "\n    {");
		g_string_append(json, "\"measure\": ");
		add_string(json, series->measure);
		g_string_append(json, ", \"way\": ");
		add_string(json, series->way);
		g_string_append_printf(json, ", \"gib\": %u, \"gpus\": %u, \"values\": [",
				       series->gib, series->gpus);
		for (guint v = 0; v < series->values->len; v++) {
			char number[G_ASCII_DTOSTR_BUF_SIZE];

			g_ascii_formatd(number, sizeof(number), "%.9g",
					g_array_index(series->values, gdouble, v));
			g_string_append_printf(json, "%s%s", v ? ", " : "", number);
		}
		g_string_append(json, "]}");
	}
	g_string_append(json, "\n  ]\n}\n");
	return g_string_free(json, FALSE);
}
