/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux' own selftests of VFIO, as they are in the kernel's source, with the GPU on
 * the exporter.  Each of their tests becomes a check.  They are for any PCI device:
 * those left out want a driver of theirs in user space, or virtual functions.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "host-agent.h"

#define DIRECTORY "/share/selftests/"
#define SECONDS 300

/* Some tests map huge pages of 2 MiB, a few at a time */
#define HUGE_PAGES "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
/* ... and others of 1 GiB, which arm64 has with pages of 4 KiB only */
#define LARGE_PAGES "hugetlb_1gb"
/* The GPU has MSI-X, and no MSI */
#define MSI "vfio_pci_irq_test.msi."

static const char *const programs[] = {
	"vfio_iommufd_setup_test", "vfio_pci_device_test", "vfio_dma_mapping_test",
	"vfio_dma_mapping_mmio_test", "vfio_pci_device_init_perf_test",
};

struct tally {
	guint passed, failed, excused;
	GString *skipped;	/* the others */
};

static gboolean excused(const char *test)
{
	return g_str_has_prefix(test, MSI) ||
	       (strstr(test, LARGE_PAGES) && sysconf(_SC_PAGESIZE) != 4096);
}

/* A line of TAP: "ok 3 NAME", "not ok 3 NAME", "ok 3 NAME # SKIP WHY". */
static void take_line(const char *line, struct tally *tally)
{
	gboolean ok = g_str_has_prefix(line, "ok ");
	g_auto(GStrv) words = NULL;
	g_autofree char *check = NULL;

	if (!ok && !g_str_has_prefix(line, "not ok "))
		return;
	words = g_strsplit(line + (ok ? 3 : 7), " ", 3);
	if (g_strv_length(words) < 2)
		return;
	if (ok && words[2] && strstr(words[2], "SKIP")) {
		if (excused(words[1]))
			tally->excused++;
		else
			g_string_append_printf(tally->skipped, "; %s", line);
		return;
	}
	tally->passed += ok;
	tally->failed += !ok;
	check = g_strdup_printf("selftest.%s", words[1]);
	report_check(check, ok, "%s", line);
}

static void run(const char *program, const char *bdf, struct tally *tally)
{
	g_autofree char *path = g_strconcat(DIRECTORY, program, NULL);
	const char *const args[] = { path, bdf, NULL };
	g_autoptr(GError) error = NULL;
	g_autofree char *out = NULL, *err = NULL;
	g_auto(GStrv) lines = NULL;
	int status = -1;

	agent_watchdog(program, SECONDS);
	g_spawn_sync(NULL, (char **)args, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out, &err, &status,
		     &error);
	agent_watchdog(program, 0);
	report_check(program, !error && WIFEXITED(status) && !WEXITSTATUS(status),
		     "%s, status 0x%x", error ? error->message : "ran", status);
	lines = g_strsplit(out ?: "", "\n", -1);
	for (guint i = 0; lines[i]; i++)
		take_line(lines[i], tally);
	if (error || status) {
		report_text(program, out ?: "");
		report_text(program, err ?: "");
	}
	report_stage(program);
}

void scenario_selftests(const char *bdf)
{
	struct tally tally = { .skipped = g_string_new(NULL) };
	int fd = open(HUGE_PAGES, O_WRONLY | O_CLOEXEC);

	report_check("huge-pages", fd >= 0 && write(fd, "16", 2) == 2, "16 to " HUGE_PAGES ": %s",
		     fd >= 0 ? "done" : g_strerror(errno));
	if (fd >= 0)
		close(fd);
	if (!bind_gpu(bdf, EXPORTER))
		return;
	for (gsize i = 0; i < G_N_ELEMENTS(programs); i++)
		run(programs[i], bdf, &tally);
	report_check("selftests", tally.passed && !tally.failed && !tally.skipped->len,
		     "%u passed, %u failed, %u skipped for what is not there%s", tally.passed,
		     tally.failed, tally.excused, tally.skipped->str);
	g_string_free(tally.skipped, TRUE);
}
