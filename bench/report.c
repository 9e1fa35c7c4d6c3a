/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was measured, for people: a table in Markdown, and a page with every value. */
#include <math.h>
#include <string.h>

#include "rows.h"

/* Of a plot, in pixels */
#define PLOT_WIDTH 420
#define PLOT_ROW 16

static const struct {
	const char *way;
	const char *colour;
} ways[] = {
	{ "none", "#777777" },
	{ "plain", "#3a7d44" },
	{ "ours", "#1b6ca8" },
	{ "peer", "#b5541c" },
};

/* Three digits that matter; a dash for none.  Of the same buffers in turn: up to 8 at once. */
static const char *number(gdouble value)
{
	static char text[8][32];
	static guint next;
	char *to = text[next++ % G_N_ELEMENTS(text)];

	if (isnan(value))
		return "-";
	if (value == floor(value) && fabs(value) < 1e7)
		g_snprintf(to, sizeof(text[0]), "%.0f", value);
	else if (fabs(value) >= 100)
		g_snprintf(to, sizeof(text[0]), "%.0f", value);
	else
		g_snprintf(to, sizeof(text[0]), "%.3g", value);
	return to;
}

static char *machine(const struct bench_result *result)
{
	if (!result->gpus)
		return g_strdup("");
	return g_strdup_printf("%u x %u GiB", result->gpus, result->gib);
}

char *bench_markdown(const GArray *results, const char *const *about)
{
	GString *out = g_string_new("<!-- SPDX-License-Identifier: GPL-2.0-or-later -->\n"
		"<!-- Made by make bench; medians of n interleaved runs under emulation:\n"
		"     only relations mean anything. -->\n\n");

	for (guint i = 0; about[i]; i += 2)
		g_string_append_printf(out, "- %s: %s\n", about[i], about[i + 1]);
	g_string_append(out, "\n| measure | GPUs | n | no GPU | plain GPU | ours | peer | relation | mark | |\n"
			     "|---|---|---|---|---|---|---|---|---|---|\n");
	for (guint i = 0; i < results->len; i++) {
		const struct bench_result *r = &g_array_index(results, struct bench_result, i);
		g_autofree char *gpus = machine(r);

		g_string_append_printf(out, "| %s | %s | %u | %s | %s | %s | %s | %s | %s | %s |\n",
				       r->label, gpus, r->n, number(r->none), number(r->plain),
				       number(r->ours), number(r->peer), number(r->ratio),
				       r->mark, r->verdict);
	}
	return g_string_free(out, FALSE);
}

static gdouble largest(const struct bench_samples *samples, const struct bench_result *r)
{
	gdouble max = 0;

	for (guint w = 0; w < G_N_ELEMENTS(ways); w++) {
		const struct bench_series *series =
			bench_samples_find(samples, r->measure, ways[w].way, r->gib, r->gpus);

		for (guint v = 0; series && v < series->values->len; v++)
			max = MAX(max, g_array_index(series->values, gdouble, v));
	}
	return max;
}

/* A dot for each value, and a tick at the median, from 0 on. */
static void add_plot(GString *out, const struct bench_samples *samples,
		     const struct bench_result *r)
{
	gdouble max = largest(samples, r), scale = max > 0 ? (PLOT_WIDTH - 120) / max : 0;

	g_string_append_printf(out, "<svg width=\"%d\" height=\"%d\">", PLOT_WIDTH,
			       (int)G_N_ELEMENTS(ways) * PLOT_ROW);
	for (guint w = 0; w < G_N_ELEMENTS(ways); w++) {
		const struct bench_series *series =
			bench_samples_find(samples, r->measure, ways[w].way, r->gib, r->gpus);
		int y = w * PLOT_ROW + PLOT_ROW / 2;

		if (!series)
			continue;
		g_string_append_printf(out, "<g fill=\"%s\" stroke=\"%s\">", ways[w].colour,
				       ways[w].colour);
		for (guint v = 0; v < series->values->len; v++)
			g_string_append_printf(out, "<circle cx=\"%d\" cy=\"%d\" r=\"3\" "
				"fill-opacity=\"0.4\" stroke=\"none\"/>",
				40 + (int)(g_array_index(series->values, gdouble, v) * scale), y);
		g_string_append_printf(out, "<path d=\"M%d %dv12\" stroke-width=\"2\"/>",
				       40 + (int)(bench_median(series) * scale), y - 6);
		g_string_append_printf(out, "<text x=\"0\" y=\"%d\" stroke=\"none\">%s</text>"
			"<text x=\"%d\" y=\"%d\" stroke=\"none\">%s</text></g>", y + 4,
			ways[w].way, PLOT_WIDTH - 70, y + 4, number(bench_median(series)));
	}
	g_string_append(out, "</svg>");
}

char *bench_html(const struct bench_samples *samples, const GArray *results,
		 const char *const *about)
{
	GString *out = g_string_new(
		"<!DOCTYPE html>\n<!-- SPDX-License-Identifier: GPL-2.0-or-later -->\n"
		"<html lang=\"en\"><meta charset=\"utf-8\"><title>nvgrace: make bench</title>\n"
		"<style>body{font:14px sans-serif;max-width:70em;margin:2em auto}"
		"td,th{padding:.3em .6em;border-bottom:1px solid #ddd;text-align:left;"
		"vertical-align:top}svg text{font-size:11px}.MISSED{color:#a00;font-weight:bold}"
		"</style>\n<h1>Ours and the BAR way</h1>\n"
		"<p>Every dot is one run, a tick is the median. The machine is emulated: only "
		"relations of the rows of one plot mean anything.</p>\n<dl>\n");

	for (guint i = 0; about[i]; i += 2) {
		g_autofree char *text = g_markup_escape_text(about[i + 1], -1);

		g_string_append_printf(out, "<dt>%s<dd>%s\n", about[i], text);
	}
	g_string_append(out, "</dl>\n<table><tr><th>measure<th>GPUs<th>values<th>relation<th>mark<th>\n");
	for (guint i = 0; i < results->len; i++) {
		const struct bench_result *r = &g_array_index(results, struct bench_result, i);
		g_autofree char *gpus = machine(r);
		g_autofree char *label = g_markup_escape_text(r->label, -1);
		g_autofree char *mark = g_markup_escape_text(r->mark, -1);

		g_string_append_printf(out, "<tr><td>%s<td>%s<td>", label, gpus);
		add_plot(out, samples, r);
		g_string_append_printf(out, "<td>%s<td>%s<td class=\"%s\">%s\n", number(r->ratio),
				       mark, r->verdict, r->verdict);
	}
	g_string_append(out, "</table></html>\n");
	return g_string_free(out, FALSE);
}
