/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
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
static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

int gpu_write(const char *bdf, const char *name, const char *text)
{
	g_autofree char *path = device_path(bdf, name);

	return write_file(path, text);
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

static int compare(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

GStrv gpu_list(void)
{
	g_autoptr(GPtrArray) found = g_ptr_array_new();
	g_autoptr(GDir) dir = g_dir_open(PCI_DEVICES, 0, NULL);
	const char *bdf;

	while (dir && (bdf = g_dir_read_name(dir))) {
		g_autofree char *vendor = gpu_attribute(bdf, "vendor");
		g_autofree char *class = gpu_attribute(bdf, "class");

		if (g_strcmp0(vendor, "0x10de") == 0 && g_strcmp0(class, "0x030200") == 0)
			g_ptr_array_add(found, g_strdup(bdf));
	}
	g_ptr_array_sort(found, compare);
	g_ptr_array_add(found, NULL);
	return (GStrv)g_ptr_array_steal(found, NULL);
}

char *gpu_find(void)
{
	g_auto(GStrv) all = gpu_list();

	return g_strdup(all[0]);
}

gboolean gpu_unbind(const char *bdf)
{
	g_autofree char *unbind = device_path(bdf, "driver/unbind");

	return access(unbind, F_OK) != 0 || !write_file(unbind, bdf);
}

gboolean gpu_bind(const char *bdf, const char *driver)
{
	g_autofree char *now = NULL;

	if (!gpu_unbind(bdf) || gpu_write(bdf, "driver_override", driver) ||
	    write_file("/sys/bus/pci/drivers_probe", bdf))
		return FALSE;
	now = gpu_link(bdf, "driver");
	return g_strcmp0(now, driver) == 0;
}
