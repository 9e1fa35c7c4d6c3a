/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE	/* RUSAGE_THREAD */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio_nvgrace.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent.h"
#include "child.h"
#include "host-agent.h"
#include "pattern.h"
#include "scenario.h"

const char *error_text(gint64 result)
{
	return result < 0 ? g_strerror(-result) : "no error";
}

gboolean find_gpu_regions(const struct vfio_client *client, struct gpu_regions *regions)
{
	*regions = (struct gpu_regions){ 0 };
	vfio_client_find(client, VFIO_REGION_TYPE_NVGRACE, VFIO_REGION_SUBTYPE_NVGRACE_RESMEM,
			 &regions->resmem);
	return vfio_client_find(client, VFIO_REGION_TYPE_NVGRACE,
				VFIO_REGION_SUBTYPE_NVGRACE_USEMEM, &regions->usemem);
}

int open_gpu_quietly(const char *bdf, struct vfio_client *client, struct gpu_regions *regions)
{
	int ret = vfio_client_open(client, bdf);

	if (ret)
		return ret;
	if (find_gpu_regions(client, regions))
		return 0;
	vfio_client_close(client);
	return -ENODEV;
}

gboolean open_gpu(const char *bdf, struct vfio_client *client, struct gpu_regions *regions)
{
	int ret = open_gpu_quietly(bdf, client, regions);
	g_autofree char *file = vfio_client_file(client);

	report_check("open", ret == 0, "%s, as %s: %s", bdf, file ?: "nothing", error_text(ret));
	if (!ret && vfio_client_wants_cdev())
		report_check("open-cdev", g_str_has_prefix(file, "/dev/vfio/devices/"), "%s", file);
	return ret == 0;
}

guint64 number_argument(const char *name, guint64 otherwise)
{
	g_autofree char *text = agent_cmdline(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

gboolean write_pattern(const struct vfio_client *client, const struct vfio_client_region *region,
		       guint64 offset, gsize length, guint64 seed)
{
	g_autofree char *buf = g_malloc(length);

	pattern_fill(buf, length, seed, offset);
	return vfio_client_write(client, region, offset, buf, length) == (ssize_t)length;
}

gboolean read_pattern(const struct vfio_client *client, const struct vfio_client_region *region,
		      guint64 offset, gsize length, guint64 seed)
{
	g_autofree char *buf = g_malloc0(length);

	return vfio_client_read(client, region, offset, buf, length) == (ssize_t)length &&
	       pattern_match(buf, length, seed, offset) == length;
}

int touch_pattern(const void *map, gsize length, guint64 seed, guint64 offset)
{
	g_autofree char *buf = g_malloc0(length);
	int signal_number = touch_copy(buf, map, length);

	if (signal_number)
		return signal_number;
	return pattern_match(buf, length, seed, offset) == length ? 0 : -1;
}

static gboolean set_parameter(const char *name, const char *value)
{
	g_autofree char *path = g_strdup_printf("/sys/module/" EXPORTER "/parameters/%s", name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	gboolean ok = fd >= 0 && write(fd, value, 1) == 1;

	if (fd >= 0)
		close(fd);
	return ok;
}

gboolean set_scrub(const char *value)
{
	return set_parameter("scrub", value);
}

gboolean set_scrub_sparse(const char *value)
{
	return set_parameter("scrub_sparse", value);
}

guint64 thread_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_minflt + usage.ru_majflt;
}
