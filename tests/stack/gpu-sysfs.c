/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "gpu-sysfs.h"

#define PCI_DEVICES "/sys/bus/pci/devices"

static char *device_path(const char *bdf, const char *name)
{
	return g_build_filename(PCI_DEVICES, bdf, name, NULL);
}

/* sysfs wants one write, and says by its result whether it took it. */
static gboolean write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	gboolean ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

char *gpu_attribute(const char *bdf, const char *name)
{
	g_autofree char *path = bdf ? device_path(bdf, name) : NULL;
	char *text = NULL;

	if (!path || !g_file_get_contents(path, &text, NULL, NULL))
		return NULL;
	return g_strchomp(text);
}

char *gpu_link(const char *bdf, const char *name)
{
	g_autofree char *path = bdf ? device_path(bdf, name) : NULL;
	g_autofree char *target = path ? g_file_read_link(path, NULL) : NULL;

	return target ? g_path_get_basename(target) : NULL;
}

char *gpu_find(void)
{
	g_autoptr(GDir) dir = g_dir_open(PCI_DEVICES, 0, NULL);
	const char *bdf;

	while (dir && (bdf = g_dir_read_name(dir))) {
		g_autofree char *vendor = gpu_attribute(bdf, "vendor");
		g_autofree char *class = gpu_attribute(bdf, "class");

		if (g_strcmp0(vendor, "0x10de") == 0 && g_strcmp0(class, "0x030200") == 0)
			return g_strdup(bdf);
	}
	return NULL;
}

gboolean gpu_bind(const char *bdf, const char *driver)
{
	g_autofree char *override = device_path(bdf, "driver_override");
	g_autofree char *unbind = device_path(bdf, "driver/unbind");
	g_autofree char *now = NULL;

	if (access(unbind, F_OK) == 0 && !write_file(unbind, bdf))
		return FALSE;
	if (!write_file(override, driver) || !write_file("/sys/bus/pci/drivers_probe", bdf))
		return FALSE;
	now = gpu_link(bdf, "driver");
	return g_strcmp0(now, driver) == 0;
}
