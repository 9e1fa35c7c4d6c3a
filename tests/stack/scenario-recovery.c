/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The link to the GPU fails, and the kernel's recovery resets it, which no
 * reset_prepare announces: a process that touches the memory waits, and never
 * sees the GPU in reset.  The error is injected into the root port.
 *
 * The GPU uses nearly all of its time.  A second one is there whose config space reads as all ones.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent.h"
#include "child.h"
#include "gpu-sysfs.h"
#include "host-agent.h"
#include "pages.h"
#include "kernel-log.h"
#include "pattern.h"
#include "scenario.h"

#define READY_MS 5000	/* and some, from a reset on */

/* What /dev/aer_inject takes. */
struct aer_error {
	guint8 bus, dev, fn;
	guint32 uncorrectable, correctable;
	guint32 header_log[4];
	guint32 domain;
};

static gboolean inject_fatal(const char *bdf)
{
	g_autofree char *link = g_strdup_printf("/sys/bus/pci/devices/%s", bdf);
	g_autofree char *path = g_file_read_link(link, NULL);
	g_autofree char *parent = path ? g_path_get_dirname(path) : NULL;
	g_autofree char *port = parent ? g_path_get_basename(parent) : NULL;
	struct aer_error error = { .uncorrectable = PCI_ERR_UNC_DLP };
	guint domain, bus, dev, fn;
	gboolean ok;
	int fd;

	if (!port || sscanf(port, "%x:%x:%x.%x", &domain, &bus, &dev, &fn) != 4)
		return FALSE;
	error.domain = domain;
	error.bus = bus;
	error.dev = dev;
	error.fn = fn;
	fd = open("/dev/aer_inject", O_WRONLY | O_CLOEXEC);
	ok = fd >= 0 && write(fd, &error, sizeof(error)) == sizeof(error);
	if (fd >= 0)
		close(fd);
	return ok;
}

/* The user's own notice of errors: -1 if he cannot have it. */
static int error_eventfd(const struct vfio_client *client)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	g_autofree struct vfio_irq_set *set = g_malloc0(sizeof(*set) + sizeof(fd));

	set->argsz = sizeof(*set) + sizeof(fd);
	set->flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
	set->index = VFIO_PCI_ERR_IRQ_INDEX;
	set->count = 1;
	memcpy(set->data, &fd, sizeof(fd));
	return vfio_client_ioctl(client, VFIO_DEVICE_SET_IRQS, set) ? -1 : fd;
}

static void check_recovery(const char *bdf)
{
	const char *const recovered[] = { "device recovery successful", NULL };
	static const char *const modules[] = { "aer_inject", NULL };
	struct vfio_client client;
	struct gpu_regions regions;
	g_autofree char *line = NULL;
	guint64 word, noticed = 0;
	guint loads = 0, wrong = 0, signals = 0;
	gboolean injected;
	int event;
	char *map;

	if (!open_gpu(bdf, &client, &regions))
		return;
	/* The open has reset it. */
	g_usleep(READY_MS * 1000);
	map = vfio_client_map(&client, &regions.usemem, 0, PIECE, PROT_READ | PROT_WRITE, TRUE);
	if (!map) {
		report_check("recovery", FALSE, "cannot map: %s", g_strerror(errno));
		return;
	}
	write_pattern(&client, &regions.usemem, 0, PIECE, 1);
	event = error_eventfd(&client);
	kernel_log_mark();
	injected = touch_pattern(map, PIECE, 1, 0) == 0 && agent_load_modules(modules) &&
		   agent_wait_path("/dev/aer_inject", 5000) && inject_fatal(bdf);
	report_check("recovery-inject", injected, "a fatal error at the root port");

	/* From before the kernel knows of it until it is over. */
	for (guint ms = 0; injected && ms < 60000 && !line; ms++) {
		for (guint i = 0; i < 64; i++) {
			guint64 at = (loads * 4104) & (PIECE - 8);
			int signal_number = touch_copy(&word, map + at, sizeof(word));

			loads++;
			signals += signal_number != 0;
			wrong += !signal_number && word != pattern_word(1, at);
		}
		line = kernel_log_find(recovered);
		g_usleep(1000);
	}
	report_check("recovery-over", line && event >= 0 &&
		     read(event, &noticed, sizeof(noticed)) == sizeof(noticed) && noticed,
		     "the user is told; %s", line ?: "no recovery");
	wrong += touch_pattern(map, PIECE, 1, 0) != 0;
	report_check("recovery", !wrong && !signals && loads,
		     "%u loads meanwhile, %u wrong, %u signals; the content is the same", loads,
		     wrong, signals);
	vfio_client_unmap(map, PIECE);
	vfio_client_close(&client);
}

static void check_gone(const char *bdf)
{
	static const char *const words[] = { EXPORTER, "all ones", "0xffff", "power-cycle", NULL };
	g_autofree char *line = NULL;
	gboolean bound;

	kernel_log_mark();
	bound = gpu_bind(bdf, EXPORTER);
	line = kernel_log_find(words);
	report_check("gone", !bound && line, "%s", line ?: "not refused with a reason");
}

void scenario_recovery(const char *bdf)
{
	g_auto(GStrv) all = gpu_list();

	report_check("gpus", g_strv_length(all) == 2, "%u GPUs", g_strv_length(all));
	if (g_strv_length(all) != 2 || !bind_gpu(bdf, EXPORTER))
		return;
	check_recovery(bdf);
	report_stage("recovery");
	check_gone(all[1]);
}
