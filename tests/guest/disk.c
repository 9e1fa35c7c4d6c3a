/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A disk that QEMU emulates reads and writes coherent memory: direct I/O with
 * buffers on the GPU's node.  QEMU's own accesses take the same way as DMA of
 * any other device that it emulates.
 */
#define _GNU_SOURCE	/* O_DIRECT */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"
#include "guest.h"
#include "../stack/disk.h"
#include "../stack/pattern.h"

char *disk_find(const char *serial)
{
	static const char *const modules[] = { "virtio_blk", NULL };

	if (!agent_load_modules(modules))
		return NULL;
	for (guint ms = 0; ms < 5000; ms += 50) {
		for (char letter = 'a'; letter <= 'z'; letter++) {
			g_autofree char *path = g_strdup_printf("/sys/block/vd%c/serial", letter);
			g_autofree char *text = NULL;

			if (g_file_get_contents(path, &text, NULL, NULL) &&
			    strcmp(g_strchomp(text), serial) == 0)
				return g_strdup_printf("/dev/vd%c", letter);
		}
		g_usleep(50000);
	}
	report_check("disk-found", FALSE, "no disk has the serial number %s", serial);
	return NULL;
}

/* All of it in one call; the kernel makes of it what the disk takes. */
static gboolean direct(int fd, char *buffer, guint64 offset, gboolean write)
{
	ssize_t ret = write ? pwrite(fd, buffer, DISK_AREA, offset) :
		      pread(fd, buffer, DISK_AREA, offset);

	return ret == (ssize_t)DISK_AREA;
}

/* The host's area, into coherent memory. */
static void check_read(int fd, char *buffer)
{
	gboolean ok;
	gsize good;

	memset(buffer, 0, DISK_AREA);
	ok = direct(fd, buffer, 0, FALSE);
	good = pattern_match(buffer, DISK_AREA, DISK_SEED_HOST, 0);
	report_check("disk-read", ok && good == DISK_AREA, "%s; %zu of %lu bytes are the host's",
		     ok ? "read" : g_strerror(errno), good, DISK_AREA);
}

/* Our own area, out of coherent memory and back. */
static void check_write(int fd, char *buffer, guint area)
{
	guint64 offset = area * DISK_AREA;
	gboolean ok;
	gsize good;

	pattern_fill(buffer, DISK_AREA, DISK_SEED_GUEST(area), offset);
	ok = direct(fd, buffer, offset, TRUE) && fsync(fd) == 0;
	memset(buffer, 0, DISK_AREA);
	ok = ok && direct(fd, buffer, offset, FALSE);
	good = pattern_match(buffer, DISK_AREA, DISK_SEED_GUEST(area), offset);
	report_check("disk-write", ok && good == DISK_AREA,
		     "%s; %zu of %lu bytes are read back right",
		     ok ? "written and read" : g_strerror(errno), good, DISK_AREA);
}

/* The buffer has not been moved out of coherent memory for the I/O. */
static void check_pages(const struct gpu *gpu, const char *buffer)
{
	const struct nvgrace_guest_info *info = &gpu->info;
	gsize page = sysconf(_SC_PAGESIZE), count = DISK_AREA / page, outside = 0;
	g_autofree guint64 *pages = g_new0(guint64, count);

	physical_pages(buffer, count, pages);
	for (gsize i = 0; i < count; i++)
		outside += pages[i] < info->base || pages[i] - info->base >= info->online_size;
	report_check("disk-buffer", !outside, "%zu of %zu pages are not the GPU's", outside, count);
}

gboolean step_disk(struct gpu *gpu, const struct guest *guest)
{
	guint area = 1 + (gpu - (struct gpu *)guest->gpus->data);
	char *buffer = (char *)gpu->memory;
	g_autofree char *path = NULL;
	int fd;

	if (!guest->disk)
		return TRUE;
	path = disk_find(DISK_SERIAL);
	if (!path)
		return FALSE;
	fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (fd < 0) {
		report_check("disk-open", FALSE, "%s: %s", path, g_strerror(errno));
		return FALSE;
	}
	check_read(fd, buffer);
	check_write(fd, buffer, area);
	check_pages(gpu, buffer);
	close(fd);
	return TRUE;
}
