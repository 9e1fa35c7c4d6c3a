/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was measured, as one page that needs no other file. */
#include <string.h>

#include "report.h"

const struct bench_report_way bench_report_ways[BENCH_REPORT_WAYS] = {
	{ "none", "#777777", "a guest without GPU" },
	{ "plain", "#3a7d44", "vfio-pci: a GPU without coherent memory, what VFIO itself costs" },
	{ "ours", "#1b6ca8", "nvgrace-region-vfio-pci and -device vfio-pci-nvgrace" },
	{ "peer", "#b5541c", "nvgrace-gpu and -device vfio-pci-nohotplug: memory as fake BARs" },
};

static const char head[] =
	"<!DOCTYPE html>\n<!-- SPDX-License-Identifier: GPL-2.0-or-later -->\n"
	"<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>nvgrace: make bench</title>\n"
	"<style>\n"
	"body{font:14px sans-serif;max-width:78em;margin:2em auto;padding:0 1em}\n"
	"table{border-collapse:collapse;width:100%}\n"
	"td,th{padding:.3em .6em;border-bottom:1px solid #ddd;text-align:left;vertical-align:top}\n"
	"th{background:#f4f4f4}small{color:#555;display:block;max-width:26em}\n"
	"svg text{font-size:11px}svg .axis{stroke:#999;fill:none}\n"
	".held{color:#2a6b2f}.MISSED{color:#fff;background:#b00020;font-weight:bold}\n"
	".absent{color:#7a5200;background:#fff3cd}\n"
	"</style></head>\n<body>\n<h1>Ours and the BAR way</h1>\n";

static const char how_to_read[] =
	"<p>Ways to give a GPU to a guest, measured in turns on the same emulated Grace hosts, each "
	"in one boot of one kernel. <b>The machine is emulated</b>: no time here is one of "
	"hardware, only relations of values in one row mean anything. Counts (faults, page "
	"tables, lines, characters) are exact but for the notes. A dot is one value, a tick and "
	"the figure beside it are the median, the line at the left is 0. <b>n</b> is the number of values of ours: "
	"with 1, only a difference of 2 times or more says something, but of what is counted in "
	"instructions: there the tick is the least.</p>\n"
	"<p><b>Relation</b> is what the mark is about: ours to the peer's; where the mark says "
	"\"extra\", of what each takes more than the guest without GPU; where it says \"of "
	"RAM\", ours to the guest's RAM. Marks against the peer count as held up to 5 % beyond, "
	"as two runs of the same differ by more; of instructions, up to 0.5 %.</p>\n";

static const char limits[] =
	"<h2>What this cannot show</h2>\n<p>Bandwidth and latency of HBM and of the C2C link, ATS, "
	"caches: there is no such hardware in it. GPU memory and the guest's RAM are both RAM of "
	"the machine below. Real hardware has other relations of a system call to a fault to a "
	"page walk than emulation has.</p>\n";

static void add_ways(GString *out)
{
	g_string_append(out, "<ul>\n");
	for (guint w = 0; w < BENCH_REPORT_WAYS; w++)
		g_string_append_printf(out, "<li><b style=\"color:%s\">%s</b>: %s\n",
				       bench_report_ways[w].colour, bench_report_ways[w].way,
				       bench_report_ways[w].about);
	g_string_append(out, "</ul>\n");
}

static const char *class_of(const struct bench_result *r)
{
	return strcmp(r->verdict, "not measured") ? r->verdict : "absent";
}

/* How many marks hold, and which do not. */
static void add_summary(GString *out, const GArray *results)
{
	guint held = bench_count(results, "held"), missed = bench_count(results, "MISSED");
	guint absent = bench_count(results, "not measured");

	g_string_append_printf(out, "<h2>Marks</h2>\n<p><span class=\"held\">%u held</span>, "
			       "<span class=\"%s\">%u missed</span>, %u not measured.</p>\n", held,
			       missed ? "MISSED" : "", missed, absent);
	if (!missed && !absent)
		return;
	g_string_append(out, "<ul>\n");
	for (guint i = 0; i < results->len; i++) {
		const struct bench_result *r = &g_array_index(results, struct bench_result, i);
		g_autofree char *gpus = bench_machine(r);
		g_autofree char *label = g_markup_escape_text(r->label, -1);
		g_autofree char *mark = g_markup_escape_text(r->mark, -1);

		if (!strcmp(r->verdict, "MISSED") || !strcmp(r->verdict, "not measured"))
			g_string_append_printf(out, "<li><a href=\"#r%u\">%s</a> %s: %s; "
					       "<span class=\"%s\">%s: %s</span>\n", i, label, gpus,
					       mark, class_of(r), r->verdict,
					       bench_number(r->ratio));
	}
	g_string_append(out, "</ul>\n");
}

static void add_about(GString *out, const char *const *about)
{
	g_string_append(out, "<h2>The run</h2>\n<table>\n");
	for (guint i = 0; about[i]; i += 2) {
		g_autofree char *text = g_markup_escape_text(about[i + 1], -1);

		g_string_append_printf(out, "<tr><th>%s<td>%s\n", about[i], text);
	}
	g_string_append(out, "</table>\n");
}

static void add_row(GString *out, const struct bench_samples *samples,
		    const struct bench_result *r, guint i)
{
	g_autofree char *gpus = bench_machine(r);
	g_autofree char *label = g_markup_escape_text(r->label, -1);
	g_autofree char *note = g_markup_escape_text(r->note ?: "", -1);
	g_autofree char *mark = g_markup_escape_text(r->mark, -1);

	g_string_append_printf(out, "<tr id=\"r%u\"><td>%s<small>%s</small><td>%s<td>%u<td>", i,
			       label, note, gpus, r->n);
	bench_plot_values(out, samples, r);
	g_string_append_printf(out, "<td>%s<td>%s<td class=\"%s\">%s\n", bench_number(r->ratio),
			       mark, class_of(r), r->verdict);
}

char *bench_html(const struct bench_samples *samples, const GArray *results,
		 const char *const *about)
{
	GString *out = g_string_new(head);
	const char *group = NULL;

	g_string_append(out, how_to_read);
	add_ways(out);
	add_summary(out, results);
	g_string_append(out, "<p>\n");
	bench_plot_growth(out, samples, "boot-s", "exec of QEMU to first kernel line");
	bench_plot_growth(out, samples, "reboot-s", "guest reboot, 1 GiB used");
	bench_plot_growth(out, samples, "exit-s", "end of QEMU");
	g_string_append(out, "</p>\n");
	for (guint i = 0; i < results->len; i++) {
		const struct bench_result *r = &g_array_index(results, struct bench_result, i);

		if (g_strcmp0(group, r->group))
			g_string_append_printf(out, "%s<h2>%s</h2>\n<table>\n<tr><th>measure<th>GPUs"
					       "<th>n<th>values<th>relation<th>mark<th>\n",
					       group ? "</table>\n" : "", r->group);
		group = r->group;
		add_row(out, samples, r, i);
	}
	g_string_append(out, group ? "</table>\n" : "");
	g_string_append(out, limits);
	add_about(out, about);
	g_string_append(out, "</body></html>\n");
	return g_string_free(out, FALSE);
}
