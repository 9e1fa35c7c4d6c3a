/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System sleep, as far as the devices: they are suspended and woken again by the
 * kernel's own test of it (pm_test).  The emulated GPU is in D3hot meanwhile, cannot
 * be reached in it, and counts who tries.
 */
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent.h"
#include "child.h"
#include "host-agent.h"
#include "hw/misc/nvgrace-gpu-regs.h"
#include "kernel-log.h"
#include "pattern.h"
#include "scenario.h"

#define AREA (4ul << 20)
#define SCRUB_MS 60000

static gboolean put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	gboolean ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* It lasts as long as suspend.pm_test_delay= says. */
static gboolean sleep_and_wake(void)
{
	gboolean ok;

	report_pause();
	ok = put("/sys/power/pm_test", "platform") && put("/sys/power/state", "freeze");
	report_resume();
	return ok;
}

/* How often somebody accessed memory that was not there; ~0 on error. */
static guint32 out_of_reach(const struct vfio_client *client)
{
	guint32 command = vfio_client_config_read(client, PCI_COMMAND, 2), value;
	struct vfio_client_region bar0;

	vfio_client_config_write(client, PCI_COMMAND, command | PCI_COMMAND_MEMORY, 2);
	if (vfio_client_region(client, VFIO_PCI_BAR0_REGION_INDEX, &bar0) ||
	    vfio_client_read(client, &bar0, NVGRACE_REG_OUT_OF_REACH, &value, sizeof(value)) !=
	    sizeof(value))
		return G_MAXUINT32;
	return value;
}

static void check_mapping(const struct vfio_client *client, const struct vfio_client_region *usemem)
{
	char *map = vfio_client_map(client, usemem, 0, AREA, PROT_READ | PROT_WRITE, FALSE);
	gboolean slept;
	guint64 faults;
	int before, after;

	if (!map) {
		report_check("sleep-mmap", FALSE, "cannot map usemem");
		return;
	}
	write_pattern(client, usemem, 0, AREA, 1);
	before = touch_pattern(map, AREA, 1, 0);
	slept = sleep_and_wake();
	faults = thread_faults();
	after = touch_read(map);
	faults = thread_faults() - faults;
	after = after ?: touch_pattern(map, AREA, 1, 0);
	report_check("sleep-mmap", slept && !before && !after && faults,
		     "%s; the first access after it faults (%" G_GUINT64_FORMAT
		     "), the content is %s", slept ? "slept" : "did not sleep", faults,
		     after ? "not the same" : "the same");
	munmap(map, AREA);
}

void scenario_sleep(const char *bdf)
{
	const char *const words[] = { EXPORTER, "scrubbed ", NULL };
	g_autofree char *early = NULL, *line = NULL;
	struct vfio_client client;
	struct gpu_regions regions;
	gboolean slept;

	set_scrub("0");
	if (!bind_gpu(bdf, EXPORTER) || !open_gpu(bdf, &client, &regions))
		return;
	check_mapping(&client, &regions.usemem);

	/* all of it is written, so that there is time to sleep */
	set_scrub_sparse("0");
	set_scrub("1");
	kernel_log_mark();
	vfio_client_close(&client);
	slept = sleep_and_wake();
	early = kernel_log_find(words);
	for (guint ms = 0; ms < SCRUB_MS && !line; ms += 50) {
		line = kernel_log_find(words);
		g_usleep(50000);
	}
	set_scrub("0");
	report_check("sleep-scrub", slept && !early && line, "slept, %s; %s",
		     early ? "the scrub was over before" : "and the scrub went on after it",
		     line ?: "never done");
	if (!open_gpu(bdf, &client, &regions))
		return;
	report_check("sleep-in-reach", out_of_reach(&client) == 0,
		     "%u accesses to memory that was not there", out_of_reach(&client));
	vfio_client_close(&client);
	report_stage("sleep");
}
