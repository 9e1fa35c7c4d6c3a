/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "picture.h"

#define KIB 1024ull
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define TIB (1024 * GIB)

struct range {
	guint64 start;
	guint64 end;	/* the last byte */
	const char *what;
};

static char *human(guint64 bytes)
{
	static const struct { guint64 size; const char *name; } units[] = {
		{ TIB, "TiB" }, { GIB, "GiB" }, { MIB, "MiB" }, { KIB, "KiB" },
	};

	for (guint i = 0; i < G_N_ELEMENTS(units); i++)
		if (bytes >= units[i].size)
			return bytes % units[i].size ?
			       g_strdup_printf("%.1f %s", (gdouble)bytes / units[i].size, units[i].name) :
			       g_strdup_printf("%" G_GUINT64_FORMAT " %s", bytes / units[i].size,
					       units[i].name);
	return g_strdup_printf("%u bytes", (guint)bytes);
}

/* The words of /proc/iomem, in ours; NULL for what the picture leaves out. */
static const char *kind(const char *name)
{
	if (strcmp(name, "System RAM") == 0)
		return "RAM";
	if (strcmp(name, "System RAM (NVIDIA)") == 0)
		return "coherent memory of the GPU (usemem)";
	if (g_str_has_prefix(name, "PCI ECAM"))
		return "PCI configuration space";
	if (g_str_has_prefix(name, "PCI Bus"))
		return "PCI window";
	return NULL;
}

/* Top-level ranges of /proc/iomem that have a kind; neighbours of one kind merged. */
static GArray *ranges_of(const char *iomem)
{
	GArray *ranges = g_array_new(FALSE, FALSE, sizeof(struct range));
	g_auto(GStrv) lines = g_strsplit(iomem, "\n", -1);

	for (guint i = 0; lines[i]; i++) {
		char *colon = strstr(lines[i], " : ");
		struct range range, *last;
		char *end;

		if (!colon || lines[i][0] == ' ')
			continue;
		range.start = g_ascii_strtoull(lines[i], &end, 16);
		if (*end != '-')
			continue;
		range.end = g_ascii_strtoull(end + 1, NULL, 16);
		range.what = kind(colon + 3);
		if (!range.what)
			continue;
		last = ranges->len ? &g_array_index(ranges, struct range, ranges->len - 1) : NULL;
		/* firmware keeps holes in RAM for itself */
		if (last && last->what == range.what && range.start - last->end <= 64 * MIB)
			last->end = range.end;
		else
			g_array_append_val(ranges, range);
	}
	return ranges;
}

static void row(guint64 address, const char *what, guint64 size, char fill)
{
	g_autofree char *text = human(size);

	printf("  0x%012" G_GINT64_MODIFIER "x  |%c %-38s %10s %c|\n", address, fill, what, text, fill);
}

void picture_memory(const struct stack_run *run)
{
	GString *iomem = g_hash_table_lookup(run->texts, "guest.iomem");
	const char *base = g_hash_table_lookup(run->facts, "guest.coherent-base");
	const char *size = g_hash_table_lookup(run->facts, "guest.coherent-size");
	guint64 total_end = base && size ? g_ascii_strtoull(base, NULL, 0) +
					   g_ascii_strtoull(size, NULL, 0) : 0;
	g_autoptr(GArray) ranges = NULL;

	if (!iomem) {
		printf("  (the guest did not get there)\n");
		return;
	}
	ranges = ranges_of(iomem->str);
	for (guint i = ranges->len; i-- > 0;) {
		const struct range *range = &g_array_index(ranges, struct range, i);
		gboolean gpu = strstr(range->what, "coherent") != NULL;
		guint64 next = i + 1 < ranges->len ? range[1].start : range->end + 1;
		guint64 end = range->end + 1;

		if (i + 1 == ranges->len)
			printf("  0x%012" G_GINT64_MODIFIER "x  +%.*s+\n", end, 53,
			       "-----------------------------------------------------------");
		if (gpu && total_end > end) {
			if (next > total_end)
				row(total_end, "", next - total_end, ' ');
			row(end, "coherent memory kept back (resmem)", total_end - end, ':');
		} else if (next > end) {
			row(end, "", next - end, ' ');
		}
		row(range->start, range->what, end - range->start, gpu ? '#' : ' ');
	}
}

/* The innermost Device that has the word in it, with its outer scopes as a path. */
static void print_device(const char *asl, const char *word)
{
	const char *hit = strstr(asl, word), *open = NULL;
	g_auto(GStrv) lines = NULL;
	guint first = 0, depth, n = 0;

	if (!hit) {
		printf("  (no %s in the DSDT)\n", word);
		return;
	}
	for (const char *p = asl; (p = strstr(p, "Device (")) && p < hit; p++)
		open = p;
	for (const char *p = asl; p && p < open; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
		n++;
	lines = g_strsplit(asl, "\n", -1);
	first = n - 1;
	depth = strspn(lines[first], " ");
	for (guint i = first; lines[i]; i++) {
		printf("  %s\n", lines[i] + MIN(depth, strspn(lines[i], " ")));
		if (i > first && strspn(lines[i], " ") == depth && lines[i][depth] == '}')
			break;
	}
}

void picture_dsdt(const struct stack_run *run)
{
	GByteArray *dsdt = g_hash_table_lookup(run->blobs, "guest.DSDT");
	g_autofree char *dir = g_dir_make_tmp("nvgrace-XXXXXX", NULL);
	g_autofree char *aml = g_build_filename(dir ?: "/tmp", "dsdt.aml", NULL);
	g_autofree char *dsl = g_build_filename(dir ?: "/tmp", "dsdt.dsl", NULL);
	g_autofree char *asl = NULL, *out = NULL, *err = NULL;
	const char *argv[] = { "iasl", "-d", aml, NULL };
	const struct stack_check *path = stack_find(run, "guest.gpu-acpi-path");

	if (path)
		printf("  %s\n\n", path->detail);
	if (dsdt && g_file_set_contents(aml, (char *)dsdt->data, dsdt->len, NULL) &&
	    g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, &err,
			 NULL, NULL) &&
	    g_file_get_contents(dsl, &asl, NULL, NULL))
		print_device(asl, "nvidia,gpu-mem-base-pa");
	else
		printf("  (no DSDT to show)\n");
	g_unlink(aml);
	g_unlink(dsl);
	g_rmdir(dir);
}
