/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Firmware and GPUs that are wrong, each in its own way: the exporter refuses
 * them with a message that names the value, and leaves them to vfio-pci.
 *
 * The GPUs come in the order of firmware_gpus in stack-test.c.
 */
#include <errno.h>
#include <linux/vfio.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "child.h"
#include "gpu-sysfs.h"
#include "host-agent.h"
#include "kernel-log.h"
#include "pages.h"
#include "scenario.h"

#define GIB (1ull << 30)
#define READY_MS 30000	/* that the exporter waits for a GPU without CXL */

/* The ones that must be refused: what the message names, and how long it has waited before. */
static const struct refused_gpu {
	const char *name;
	const char *words[4];
	guint least_ms;
} refused_gpus[] = {
	{ "c2c-down", { "nvidia,gpu-mem-size is missing", "C2C link" }, 0 },
	{ "base-missing", { "nvidia,gpu-mem-base-pa is missing", "firmware" }, 0 },
	{ "base-unaligned", { "0x8000000123", "not aligned", "firmware" }, 0 },
	{ "base-overflow", { "0xfffffffff0000000", "beyond", "firmware" }, 0 },
	{ "base-in-use", { "0x50000000", "in use by the host", "/proc/iomem" }, 0 },
	{ "size-zero", { "nvidia,gpu-mem-size is 0", "C2C link is down" }, 0 },
	{ "size-unaligned", { "0x80000123", "not aligned", "firmware" }, 0 },
	{ "size-small", { "0x40000000", "reserved", "0x60000000" }, 0 },
	{ "size-large", { "0x20000000000", "0x10000000000" }, 0 },
	/* this one has no properties: without regions it is waited for, too */
	{ "cxl-no-info", { "not ready after 1000 ms", "reset" }, 1000 },
	{ "cxl-never-ready", { "not ready after 1000 ms", "reset" }, 1000 },
};

/* Those that follow. */
enum { NEVER_READY = G_N_ELEMENTS(refused_gpus), SLOW, NO_PROPERTIES, ALL };

/* It works as any PCI device does: with vfio-pci's regions, and no others. */
static gboolean is_plain(const char *bdf, guint *regions)
{
	struct vfio_client client;

	*regions = 0;
	if (vfio_client_open(&client, bdf))
		return FALSE;
	*regions = client.num_regions;
	vfio_client_close(&client);
	return *regions == VFIO_PCI_NUM_REGIONS;
}

static void check_refused(const struct refused_gpu *gpu, const char *bdf)
{
	g_autofree char *probe = g_strdup_printf("refuse-%s", gpu->name);
	g_autofree char *plain = g_strdup_printf("plain-%s", gpu->name);
	g_autofree char *line = NULL;
	const char *words[G_N_ELEMENTS(gpu->words) + 2] = { EXPORTER, bdf };
	gint64 start = g_get_monotonic_time();
	gboolean bound, works;
	guint ms, regions;

	for (guint i = 0; i < G_N_ELEMENTS(gpu->words) && gpu->words[i]; i++)
		words[i + 2] = gpu->words[i];
	kernel_log_mark();
	bound = gpu_bind(bdf, EXPORTER);
	ms = (g_get_monotonic_time() - start) / 1000;
	line = kernel_log_find(words);
	report_check(probe, !bound && line && ms >= gpu->least_ms,
		     "%u ms: %s", ms, line ?: "no message that names the value and the remedy");

	bound = gpu_bind(bdf, "vfio-pci");
	works = is_plain(bdf, &regions);
	report_check(plain, bound && works, "vfio-pci %s it, %u regions",
		     bound ? "takes" : "does not take", regions);
}

static int bind_it(void *bdf)
{
	return !gpu_bind(bdf, EXPORTER);
}

/*
 * Its 30 s need not be waited for.  But the kernel probes a device that has a node
 * in a worker on that node, which no signal reaches: it must not have one.
 */
static void check_never_ready(const char *bdf)
{
	int homeless = gpu_write(bdf, "numa_node", "-1");
	pid_t pid = child_start(bind_it, (void *)bdf);
	g_autofree char *driver = NULL, *text = NULL;
	gboolean waits;
	gint64 start;
	int result;
	guint ms;

	g_usleep(700000);
	waits = kill(pid, 0) == 0;
	start = g_get_monotonic_time();
	result = child_kill(pid, 40);
	ms = (g_get_monotonic_time() - start) / 1000;
	text = child_text(result);
	driver = gpu_link(bdf, "driver");
	report_check("never-ready-kill", !homeless && waits && result == SIGKILL &&
		     ms < READY_MS - 1000 && !driver,
		     "who binds it waits, and ends %u ms after a kill: %s; driver: %s", ms, text,
		     driver ?: "none");
}

static void check_slow(const char *bdf)
{
	gint64 start = g_get_monotonic_time();
	int ret = gpu_write(bdf, "reset", "1");
	gboolean bound = gpu_bind(bdf, EXPORTER);
	guint ms = (g_get_monotonic_time() - start) / 1000;
	struct vfio_client client;
	struct gpu_regions regions = { 0 };

	report_check("slow-bind", !ret && bound && ms >= 2000,
		     "bound %u ms after a reset", ms);
	ret = open_gpu_quietly(bdf, &client, &regions);
	report_check("slow-open", !ret && regions.usemem.size == GIB, "%s", error_text(ret));
	if (!ret)
		vfio_client_close(&client);
}

static void check_fallback(const char *bdf)
{
	const char *const words[] = { EXPORTER, bdf, "no ACPI property nvidia,gpu-mem-base-pa",
				      NULL };
	g_autofree char *line = NULL;
	gboolean bound, plain;
	guint regions;

	kernel_log_mark();
	bound = gpu_bind(bdf, EXPORTER);
	line = kernel_log_find(words);
	report_check("fallback-log", line != NULL, "%s", line ?: "no message");
	plain = is_plain(bdf, &regions);
	report_check("fallback", bound && plain, "%u regions", regions);
}

/* The first GPU tells by CXL, with a reserved timeout, and that it has no defect. */
static void check_cxl(const char *bdf)
{
	struct vfio_client client;
	struct gpu_regions regions;

	if (!bind_gpu(bdf, EXPORTER) || !open_gpu(bdf, &client, &regions))
		return;
	report_check("cxl", regions.usemem.size == 2 * GIB && !regions.resmem.size &&
		     write_pattern(&client, &regions.usemem, 0, PAGE, 1) &&
		     read_pattern(&client, &regions.usemem, 0, PAGE, 1),
		     "ready by its CXL DVSEC");
	vfio_client_close(&client);
}

void scenario_firmware(const char *bdf)
{
	g_auto(GStrv) all = gpu_list();
	guint count = g_strv_length(all);

	report_check("gpus", count == 1 + ALL, "%u of %u GPUs", count, 1 + ALL);
	if (count != 1 + ALL)
		return;
	check_cxl(bdf);
	for (guint i = 0; i < G_N_ELEMENTS(refused_gpus); i++)
		check_refused(&refused_gpus[i], all[1 + i]);
	report_stage("refused");
	check_never_ready(all[1 + NEVER_READY]);
	check_slow(all[1 + SLOW]);
	check_fallback(all[1 + NO_PROPERTIES]);
	report_stage("firmware");
}
