/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the machine looks like, before anything of ours is loaded. */
#include <stdio.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "agent.h"
#include "guest.h"

#define ACPI_TABLES "/sys/firmware/acpi/tables"

#define SYSLOG_ACTION_READ_ALL 3
#define SYSLOG_ACTION_SIZE_BUFFER 10

static void clear_iomem(gpointer entry)
{
	g_free(((struct iomem *)entry)->name);
}

GArray *iomem_read(void)
{
	GArray *entries = g_array_new(FALSE, FALSE, sizeof(struct iomem));
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	char **line;

	g_array_set_clear_func(entries, clear_iomem);
	if (!g_file_get_contents("/proc/iomem", &text, NULL, NULL))
		return entries;

	lines = g_strsplit(text, "\n", -1);
	for (line = lines; *line; line++) {
		struct iomem entry;
		int name = 0;

		if (sscanf(*line, " %" G_GINT64_MODIFIER "x-%" G_GINT64_MODIFIER "x : %n",
			   &entry.start, &entry.end, &name) == 2 && name) {
			entry.name = g_strdup(*line + name);
			g_array_append_val(entries, entry);
		}
	}
	return entries;
}

void report_file(const char *name, const char *path)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;

	if (g_file_get_contents(path, &text, NULL, &error))
		report_text(name, text);
	else
		report_check(name, FALSE, "%s", error->message);
}

static void report_table(const char *name)
{
	g_autofree char *path = g_build_filename(ACPI_TABLES, name, NULL);
	g_autoptr(GError) error = NULL;
	g_autofree char *data = NULL;
	g_autofree char *check = g_strdup_printf("table-%s", name);
	gsize len;

	if (!g_file_get_contents(path, &data, &len, &error)) {
		report_check(check, FALSE, "%s", error->message);
		return;
	}
	report_check(check, len > 36 && !memcmp(data, name, 4),
		     "%s has %zu bytes", name, len);
	report_blob(name, data, len);
}

gboolean step_system(struct guest *guest)
{
	guint page_kib = sysconf(_SC_PAGESIZE) / 1024;
	struct utsname uts;

	uname(&uts);
	report_fact("kernel", "%s", uts.release);
	report_check("page-size", page_kib == guest->page_kib, "%u KiB, wanted %u", page_kib,
		     guest->page_kib);
	report_fact("cpus", "%ld", sysconf(_SC_NPROCESSORS_ONLN));
	report_file("iomem-boot", "/proc/iomem");
	report_table("DSDT");
	report_table("SRAT");
	report_table("SLIT");
	return TRUE;
}

/* The kernel's log up to now; caller frees. */
static char *kernel_log(void)
{
	int size = klogctl(SYSLOG_ACTION_SIZE_BUFFER, NULL, 0);
	char *log = g_malloc0(MAX(size, 0) + 1);

	if (size > 0 && klogctl(SYSLOG_ACTION_READ_ALL, log, size) < 0)
		*log = 0;
	return log;
}

gboolean step_kernel_log(struct guest *guest)
{
	static const char *const bad[] = {
		"WARNING:", "BUG:", "Oops", "Unable to handle kernel", "Internal error:",
		"Call trace:", "Hardware Error", "blocked for more than",
	};
	g_autofree char *log = kernel_log();
	g_auto(GStrv) lines = g_strsplit(log, "\n", -1);
	g_autoptr(GString) found = g_string_new(NULL);
	char **line;
	gsize i;

	for (line = lines; *line; line++) {
		for (i = 0; i < G_N_ELEMENTS(bad); i++) {
			/* Of a page that has failed that is what it should say. */
			if (guest && guest->poison && !strcmp(bad[i], "Hardware Error"))
				continue;
			if (strstr(*line, bad[i])) {
				g_string_append_printf(found, "%s%s", found->len ? "; " : "", *line);
				break;
			}
		}
	}
	report_check("kernel-log", *log && !found->len, "%s",
		     !*log ? "empty" : found->len ? found->str :
		     "no warning, oops or hardware error");
	if (!report_ok())
		report_text("kernel-log", log);
	return TRUE;
}
