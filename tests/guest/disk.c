/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disks that QEMU emulates read and write coherent memory: direct I/O with
 * buffers on the GPU's node.  QEMU's own accesses take the same way as DMA of
 * any other device that it emulates; where the host's disk is opened with
 * O_DIRECT, the host's kernel has to take the data from there or bring it there.
 */
#define _GNU_SOURCE	/* O_DIRECT */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "agent.h"
#include "guest.h"
#include "../stack/disk.h"
#include "../stack/pattern.h"

#define SECTOR 512ul
/* How often RAM and coherent memory take turns in one request */
#define PIECES 64u
#define PIECE (DISK_MIXED / PIECES)

/* Where virtio-blk, SCSI and NVMe disks have what their serial number is in. */
static const char *const serial_files[] = { "serial", "device/vpd_pg80", "device/serial" };

static gboolean has_serial(const char *disk, const char *serial)
{
	for (gsize i = 0; i < G_N_ELEMENTS(serial_files); i++) {
		g_autofree char *path = g_build_filename("/sys/block", disk, serial_files[i],
							 NULL);
		g_autofree char *text = NULL;
		gsize length, header = i == 1 ? 4 : 0;

		if (g_file_get_contents(path, &text, &length, NULL) && length > header &&
		    strcmp(g_strstrip(text + header), serial) == 0)
			return TRUE;
	}
	return FALSE;
}

static char *find_disk(const char *serial)
{
	for (guint ms = 0; ms < 5000; ms += 50) {
		g_autoptr(GDir) dir = g_dir_open("/sys/block", 0, NULL);
		const char *name;

		while (dir && (name = g_dir_read_name(dir)))
			if (has_serial(name, serial))
				return g_build_filename("/dev", name, NULL);
		g_usleep(50000);
	}
	report_check("disk-found", FALSE, "no disk has the serial number %s", serial);
	return NULL;
}

static const char *const virtio_blk[] = { "virtio_blk", NULL };

char *disk_find(const char *serial)
{
	return agent_load_modules(virtio_blk) ? find_disk(serial) : NULL;
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

/*
 * Every other piece is in RAM: a request that fails at its second piece may pass
 * for a short one.  Even pieces are those of @even.
 */
static gsize mixed(int fd, char *even, char *odd, gboolean write)
{
	struct iovec iov[PIECES];
	gsize good = 0;
	ssize_t ret;

	for (guint i = 0; i < PIECES; i++) {
		iov[i].iov_base = (i % 2 ? odd : even) + i * PIECE;
		iov[i].iov_len = PIECE;
		if (write)
			pattern_fill(iov[i].iov_base, PIECE, DISK_SEED_MIXED,
				     DISK_MIXED_OFFSET + i * PIECE);
		else
			memset(iov[i].iov_base, 0xff, PIECE);
	}
	ret = write ? pwritev(fd, iov, PIECES, DISK_MIXED_OFFSET) :
	      preadv(fd, iov, PIECES, DISK_MIXED_OFFSET);
	for (guint i = 0; ret == (ssize_t)DISK_MIXED && i < PIECES; i++)
		good += pattern_match(iov[i].iov_base, PIECE, DISK_SEED_MIXED,
				      DISK_MIXED_OFFSET + i * PIECE);
	return good;
}

static void check_mixed(int fd, char *memory, char *ram)
{
	gsize written = mixed(fd, ram, memory, TRUE);
	gsize one = mixed(fd, ram, memory, FALSE), other = mixed(fd, memory, ram, FALSE);

	report_check("disk-mixed", written == DISK_MIXED && one == DISK_MIXED &&
		     other == DISK_MIXED,
		     "%zu bytes written, %zu and %zu of %lu read right", written, one, other,
		     DISK_MIXED);
}

/* Three sectors, at a place in a page where no page of the host's disk begins. */
static void check_odd(int fd, char *buffer)
{
	char *at = buffer + SECTOR;
	ssize_t ret;
	gsize good;

	memset(buffer, 0, 8 * SECTOR);
	ret = pread(fd, at, 3 * SECTOR, 5 * SECTOR);
	good = pattern_match(at, 3 * SECTOR, DISK_SEED_HOST, 5 * SECTOR);
	report_check("disk-odd", ret == 3 * (ssize_t)SECTOR && good == 3 * SECTOR && !buffer[0] &&
		     !at[3 * SECTOR],
		     "%s; %zu of %lu bytes are the host's", ret < 0 ? g_strerror(errno) : "read",
		     good, 3 * SECTOR);
}

/* Zeroed and discarded; what is zeroed, coherent memory gets as zeroes. */
static void check_zero(int fd, char *buffer)
{
	guint64 zero[2] = { DISK_ZERO_OFFSET, DISK_ZERO };
	guint64 discard[2] = { DISK_ZERO_OFFSET + DISK_ZERO, DISK_ZERO };
	gboolean ok;
	gsize wrong = 0;

	memset(buffer, 0xff, DISK_AREA);
	ok = direct(fd, buffer, DISK_MIXED_OFFSET, TRUE) && !ioctl(fd, BLKZEROOUT, zero);
	/* a disk may say that it does not discard */
	ok = ok && (!ioctl(fd, BLKDISCARD, discard) || errno == EOPNOTSUPP) && !fsync(fd);
	ok = ok && pread(fd, buffer, DISK_ZERO, DISK_ZERO_OFFSET) == (ssize_t)DISK_ZERO;
	for (gsize i = 0; i < DISK_ZERO; i++)
		wrong += buffer[i] != 0;
	report_check("disk-zero", ok && !wrong, "%s; %zu of %lu bytes are not zero",
		     ok ? "zeroed, discarded and read" : g_strerror(errno), wrong, DISK_ZERO);
}

static int open_disk(const char *path)
{
	int fd = path ? open(path, O_RDWR | O_DIRECT | O_CLOEXEC) : -1;

	if (path && fd < 0)
		report_check("disk-open", FALSE, "%s: %s", path, g_strerror(errno));
	return fd;
}

/* One of several disks: all that a disk can do. */
static void use_disk(const struct gpu *gpu, const char *serial, char *ram)
{
	g_autofree char *scope = g_strdup_printf("%s.", serial);
	g_autofree char *path = NULL;
	char *buffer = (char *)gpu->memory;
	int fd;

	report_scope(scope);
	path = find_disk(serial);
	fd = open_disk(path);
	if (fd >= 0) {
		check_read(fd, buffer);
		check_write(fd, buffer, 1);
		check_odd(fd, buffer);
		check_zero(fd, buffer);
		check_mixed(fd, buffer, ram);
		check_pages(gpu, buffer);
		close(fd);
	}
	report_scope(NULL);
}

static gboolean use_disks(const struct gpu *gpu, const char *list)
{
	static const char *const modules[] = {
		"virtio_blk", "virtio_scsi", "sd_mod", "nvme", NULL
	};
	g_auto(GStrv) disks = g_strsplit(list, ",", -1);
	char *ram = mmap(NULL, DISK_MIXED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);

	if (ram == MAP_FAILED || !agent_load_modules(modules))
		return FALSE;
	for (guint i = 0; disks[i]; i++) {
		agent_watchdog(disks[i], 120);
		use_disk(gpu, disks[i], ram);
	}
	munmap(ram, DISK_MIXED);
	return TRUE;
}

gboolean step_disk(struct gpu *gpu, const struct guest *guest)
{
	guint area = 1 + (gpu - (struct gpu *)guest->gpus->data);
	g_autofree char *disks = agent_cmdline("nvgrace.disks");
	g_autofree char *quiet = agent_cmdline("nvgrace.virtio_blk");
	char *buffer = (char *)gpu->memory;
	g_autofree char *path = NULL;
	int fd;

	if (quiet && !agent_load_modules(virtio_blk))
		return FALSE;
	if (disks && area == 1 && !use_disks(gpu, disks))
		return FALSE;
	if (!guest->disk)
		return TRUE;
	path = disk_find(DISK_SERIAL);
	fd = open_disk(path);
	if (fd < 0)
		return FALSE;
	check_read(fd, buffer);
	check_write(fd, buffer, area);
	check_pages(gpu, buffer);
	close(fd);
	return TRUE;
}
