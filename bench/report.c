/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was measured, as a table in Markdown. */
#include <math.h>

#include "report.h"

const char *bench_number(gdouble value)
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

char *bench_machine(const struct bench_result *result)
{
	if (!result->gpus)
		return g_strdup("");
	return g_strdup_printf("%u x %u GiB", result->gpus, result->gib);
}

char *bench_markdown(const GArray *results, const char *const *about)
{
	GString *out = g_string_new("<!-- SPDX-License-Identifier: GPL-2.0-or-later -->\n"
		"<!-- Made by make bench; medians of n interleaved runs under emulation\n"
		"     (of instructions, the least): only relations mean anything. -->\n\n");

	for (guint i = 0; about[i]; i += 2)
		g_string_append_printf(out, "- %s: %s\n", about[i], about[i + 1]);
	g_string_append_printf(out, "- marks: %u held, %u missed, %u not measured\n",
			       bench_count(results, "held"), bench_count(results, "MISSED"),
			       bench_count(results, "not measured"));
	g_string_append(out, "\n| measure | GPUs | n | no GPU | plain GPU | ours | peer "
			     "| relation | mark | |\n|---|---|---|---|---|---|---|---|---|---|\n");
	for (guint i = 0; i < results->len; i++) {
		const struct bench_result *r = &g_array_index(results, struct bench_result, i);
		g_autofree char *gpus = bench_machine(r);

		g_string_append_printf(out, "| %s | %s | %u | %s | %s | %s | %s | %s | %s | %s |\n",
				       r->label, gpus, r->n, bench_number(r->none),
				       bench_number(r->plain), bench_number(r->ours),
				       bench_number(r->peer), bench_number(r->ratio), r->mark,
				       r->verdict);
	}
	return g_string_free(out, FALSE);
}
