/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Plots, as SVG inside a page of HTML. */
#include "report.h"

/* Of the values of a row, in pixels: names, dots, median */
#define ROW_HEIGHT 16
#define NAMES 40
#define DOTS 300
#define VALUES_WIDTH (NAMES + DOTS + 80)

/* Of growth: the axes' rectangle, and what is around it for their labels */
#define LEFT 50
#define TOP 30
#define WIDTH 230
#define HEIGHT 120
#define RIGHT 50
#define BOTTOM 36

static gdouble largest_of(const struct bench_series *series, gdouble max)
{
	for (guint v = 0; series && v < series->values->len; v++)
		max = MAX(max, g_array_index(series->values, gdouble, v));
	return max;
}

void bench_plot_values(GString *html, const struct bench_samples *samples,
		       const struct bench_result *r)
{
	const struct bench_series *series[BENCH_REPORT_WAYS];
	gdouble max = 0, scale;
	int y = 0;

	for (guint w = 0; w < BENCH_REPORT_WAYS; w++) {
		series[w] = bench_samples_find(samples, r->measure, bench_report_ways[w].way,
					       r->gib, r->gpus);
		max = largest_of(series[w], max);
		y += series[w] ? ROW_HEIGHT : 0;
	}
	scale = max > 0 ? DOTS / max : 0;
	g_string_append_printf(html, "<svg width=\"%d\" height=\"%d\"><path class=\"axis\" "
			       "d=\"M%d 0v%d\"/>", VALUES_WIDTH, MAX(y, 1), NAMES, y);
	y = ROW_HEIGHT / 2;
	for (guint w = 0; w < BENCH_REPORT_WAYS; w++) {
		const struct bench_report_way *way = &bench_report_ways[w];
		gdouble median = bench_summary(series[w]);

		if (!series[w])
			continue;
		g_string_append_printf(html, "<g fill=\"%s\" stroke=\"%s\">", way->colour,
				       way->colour);
		for (guint v = 0; v < series[w]->values->len; v++)
			g_string_append_printf(html, "<circle cx=\"%d\" cy=\"%d\" r=\"3\" "
				"fill-opacity=\"0.4\" stroke=\"none\"/>", NAMES +
				(int)(g_array_index(series[w]->values, gdouble, v) * scale), y);
		g_string_append_printf(html, "<path d=\"M%d %dv12\" stroke-width=\"2\"/>"
			"<text y=\"%d\" stroke=\"none\">%s</text>"
			"<text x=\"%d\" y=\"%d\" stroke=\"none\">%s</text></g>",
			NAMES + (int)(median * scale), y - 6, y + 4, way->way,
			NAMES + DOTS + 10, y + 4, bench_number(median));
		y += ROW_HEIGHT;
	}
	g_string_append(html, "</svg>");
}

/* What one plot of growth is over: of GPUs of the same size, or of so many GPUs. */
struct growth {
	guint gib;		/* or 0: any */
	guint gpus;		/* or 0: any */
	GArray *at;		/* of guint: the size, or the number, ascending */
};

static int compare(gconstpointer a, gconstpointer b)
{
	guint x = *(const guint *)a, y = *(const guint *)b;

	return (x > y) - (x < y);
}

static void add_machine(guint gib, guint gpus, gpointer opaque)
{
	struct growth *growth = opaque;
	guint at = growth->gib ? gpus : gib;

	if ((growth->gib ? growth->gib == gib : growth->gpus == gpus) && at)
		g_array_append_val(growth->at, at);
}

static const struct bench_series *series_at(const struct bench_samples *samples,
					    const char *measure, const char *way,
					    const struct growth *growth, guint at)
{
	return bench_samples_find(samples, measure, way, growth->gib ?: at, growth->gpus ?: at);
}

static void add_line(GString *html, const struct bench_samples *samples, const char *measure,
		     const struct bench_report_way *way, const struct growth *growth,
		     gdouble max)
{
	guint last = g_array_index(growth->at, guint, growth->at->len - 1);
	g_autoptr(GString) path = g_string_new(NULL);
	g_autoptr(GString) dots = g_string_new(NULL);
	int x = 0, y = 0;

	for (guint i = 0; i < growth->at->len; i++) {
		guint at = g_array_index(growth->at, guint, i);
		const struct bench_series *series =
			series_at(samples, measure, way->way, growth, at);

		if (!series)
			continue;
		x = LEFT + (int)(at * WIDTH / last);
		y = TOP + HEIGHT - (int)(bench_summary(series) / max * HEIGHT);
		g_string_append_printf(path, "%s%d %d", path->len ? "L" : "M", x, y);
		g_string_append_printf(dots, "<circle cx=\"%d\" cy=\"%d\" r=\"3\" stroke=\"none\"/>",
				       x, y);
	}
	if (!path->len)
		return;
	g_string_append_printf(html, "<g fill=\"%s\" stroke=\"%s\"><path fill=\"none\" d=\"%s\"/>%s"
			       "<text x=\"%d\" y=\"%d\" stroke=\"none\">%s</text></g>",
			       way->colour, way->colour, path->str, dots->str, x + 14,
			       /* no GPU is nearly what ours is: one name above, one below */
			       y + (way == bench_report_ways ? 10 : 0), way->way);
}

static void add_growth(GString *html, const struct bench_samples *samples, const char *measure,
		       const char *title, const char *unit, struct growth *growth)
{
	gdouble max = 0;

	growth->at = g_array_new(FALSE, FALSE, sizeof(guint));
	bench_samples_machines(samples, measure, add_machine, growth);
	g_array_sort(growth->at, compare);
	for (guint i = 0; i < growth->at->len; i++)
		for (guint w = 0; w < BENCH_REPORT_WAYS; w++) {
			guint at = g_array_index(growth->at, guint, i);
			const struct bench_series *series = series_at(samples, measure,
				bench_report_ways[w].way, growth, at);

			max = series ? MAX(max, bench_summary(series)) : max;
		}
	/* a single one grows to nowhere */
	if (growth->at->len > 1 && max > 0) {
		g_string_append_printf(html, "<svg width=\"%d\" height=\"%d\">"
			"<text x=\"%d\" y=\"14\" font-weight=\"bold\">%s</text>"
			"<path class=\"axis\" d=\"M%d %dv%dh%d\"/>"
			"<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s s</text>"
			"<text x=\"%d\" y=\"%d\" text-anchor=\"end\">0</text>",
			LEFT + WIDTH + RIGHT, TOP + HEIGHT + BOTTOM, LEFT, title, LEFT, TOP, HEIGHT,
			WIDTH, LEFT - 6, TOP + 8, bench_number(max), LEFT - 6, TOP + HEIGHT);
		for (guint i = 0; i < growth->at->len; i++) {
			guint at = g_array_index(growth->at, guint, i);
			guint last = g_array_index(growth->at, guint, growth->at->len - 1);

			g_string_append_printf(html, "<text x=\"%u\" y=\"%d\" "
				"text-anchor=\"middle\">%u</text>", LEFT + at * WIDTH / last,
				TOP + HEIGHT + 14, at);
		}
		g_string_append_printf(html, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>",
				       LEFT + WIDTH / 2, TOP + HEIGHT + 29, unit);
		for (guint w = 0; w < BENCH_REPORT_WAYS; w++)
			add_line(html, samples, measure, &bench_report_ways[w], growth, max);
		g_string_append(html, "</svg>\n");
	}
	g_array_unref(growth->at);
}

void bench_plot_growth(GString *html, const struct bench_samples *samples, const char *measure,
		       const char *title)
{
	struct growth size = { .gpus = 1 }, number = { .gib = 96 };

	add_growth(html, samples, measure, title, "GiB of one GPU", &size);
	add_growth(html, samples, measure, title, "GPUs of 96 GiB", &number);
}
