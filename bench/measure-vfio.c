/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's drivers as any user of VFIO meets them. */
#define _GNU_SOURCE	/* memfd_create */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent.h"
#include "measure.h"
#include "../tests/stack/host-agent.h"

#define NS_PER_SEC 1000000000ll
#define KIB_OF_GIB (1ul << 20)
#define PAGE 4096ul
#define PMD (2ul << 20)
#define SCRUB_PARAMETER "/sys/module/" EXPORTER "/parameters/scrub"

/* How much is read and written of either region, in pieces of either size */
#define SMALL (4ul << 10)
#define LARGE (1ul << 20)
#define MOVED_USEMEM (64ul << 20)
#define MOVED_RESMEM (16ul << 20)

/* The two are that near each other in it: for a median */
#define USEMEM_REPEAT 3

/* As much as a guest's RAM in way.c */
#define RAM (2ul << 30)
#define IOVA (4ull << 30)

static guint64 faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt + usage.ru_majflt;
}

static guint64 table_kib(void)
{
	return agent_kib("/proc/self/status", "VmPTE");
}

/* Where instructions are counted, only those of this thread: it may wait for the device. */
static gint64 now_ns(void)
{
	struct timespec now;

	clock_gettime(counted() ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_SEC + now.tv_nsec;
}

/* Since @start, of now_ns(): seconds, or the instructions of each of @n where they are counted. */
static void took(const struct bench_way *way, gint64 start, guint64 n, const char *what)
{
	gdouble ns = now_ns() - start;
	g_autofree char *name = g_strdup_printf(counted() ? "%s-instructions" : "%s-s", what);

	clock_sample(name, way, counted() ? ns / n : ns / NS_PER_SEC);
}

/* The same of moving @length bytes, piece by piece; but MiB/s, where it is time. */
static void moved(const struct bench_way *way, gint64 start, guint64 length, gsize piece,
		  const char *what)
{
	gdouble ns = now_ns() - start;
	g_autofree char *name = g_strdup_printf("%s-%zuk-%s", what, piece >> 10,
						counted() ? "instructions" : "mib-per-s");

	clock_sample(name, way, counted() ? ns / (length / piece) :
					    length / 1048576.0 / (ns / NS_PER_SEC));
}

/* A short transfer is a failed check. */
static void move(const struct bench_way *way, const struct vfio_client *client,
		 const struct vfio_client_region *region, const char *name,
		 guint64 length, gsize piece, gboolean write)
{
	g_autofree char *what = g_strdup_printf("%s-%s", name, write ? "pwrite" : "pread");
	g_autofree char *buf = g_malloc0(piece);
	ssize_t done = piece;
	gint64 start = now_ns();

	for (guint64 at = 0; done == (ssize_t)piece && at < length; at += piece)
		done = write ? vfio_client_write(client, region, at, buf, piece) :
			       vfio_client_read(client, region, at, buf, piece);
	if (done != (ssize_t)piece)
		report_check("moved", FALSE, "%s: %s of %zu bytes gives %zd", way->name, what, piece,
			     done);
	moved(way, start, length, piece, what);
}

/* A byte of each 2 MiB. */
static void touch(const struct bench_way *way, const struct vfio_client *client,
		  const struct vfio_client_region *region, const char *name)
{
	g_autofree char *touching = g_strdup_printf("touch-%s", name);
	g_autofree char *count = g_strdup_printf("touch-%s-faults", name);
	g_autofree char *kib = g_strdup_printf("touch-%s-tables-kib", name);
	g_autofree char *unmapping = g_strdup_printf("unmap-%s", name);
	guint64 size = region->size & ~(PMD - 1), tables = table_kib(), before;
	gint64 start;
	volatile const char *map = vfio_client_map(client, region, 0, size, PROT_READ, TRUE);

	if (!map) {
		report_check("mapped", FALSE, "%s: %s cannot be mapped", way->name, name);
		return;
	}
	before = faults();
	start = now_ns();
	for (guint64 at = 0; at < size; at += PMD)
		(void)map[at];
	took(way, start, size / PMD, touching);
	sample(count, way, faults() - before);
	sample(kib, way, table_kib() - tables);
	start = now_ns();
	munmap((char *)map - PAGE, size + 2 * PAGE);
	took(way, start, 1, unmapping);
}

static void measure_region(const struct bench_way *way, const struct vfio_client *client,
			   const struct vfio_client_region *region, const char *name,
			   guint64 length, guint repeat)
{
	static const gsize pieces[] = { SMALL, LARGE };

	if (!region->size)
		return;
	/* the first access maps, and the sparse backing is filled: not measured */
	move(way, client, region, "warm", length, LARGE, TRUE);
	for (guint i = 0; i < repeat * G_N_ELEMENTS(pieces); i++) {
		gsize piece = pieces[i % G_N_ELEMENTS(pieces)];

		move(way, client, region, name, length, piece, TRUE);
		move(way, client, region, name, length, piece, FALSE);
	}
	touch(way, client, region, name);
}

/* To compare a pread with: of a memfd, so a system call, a file system and a copy. */
static void measure_memfd(const struct bench_way *way)
{
	g_autofree char *buf = g_malloc0(SMALL);
	int fd = memfd_create("bench", MFD_CLOEXEC);
	ssize_t done = SMALL;

	for (guint64 at = 0; done == (ssize_t)SMALL && at < MOVED_USEMEM; at += SMALL)
		done = pwrite(fd, buf, SMALL, at);
	for (guint i = 0; done == (ssize_t)SMALL && i < USEMEM_REPEAT; i++) {
		gint64 start = now_ns();

		for (guint64 at = 0; done == (ssize_t)SMALL && at < MOVED_USEMEM; at += SMALL)
			done = pread(fd, buf, SMALL, at);
		moved(way, start, MOVED_USEMEM, SMALL, "memfd-pread");
	}
	if (done != (ssize_t)SMALL)
		report_check("memfd", FALSE, "%s: 4 KiB of a memfd give %zd", way->name, done);
	if (fd >= 0)
		close(fd);
}

/*
 * What it takes to give a guest's RAM to a device, by itself: each way that has
 * one does it before the guest starts.  Nothing has touched it before.
 */
static void measure_ram(const struct bench_way *way, const struct vfio_client *client)
{
	char *area = mmap(NULL, RAM + PMD, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *ram = (char *)(((gsize)area + PMD - 1) & ~(PMD - 1));
	gint64 start;
	int ret;

	if (area == MAP_FAILED) {
		report_check("ram", FALSE, "%s: no memory", way->name);
		return;
	}
	madvise(ram, RAM, MADV_HUGEPAGE);
	start = now_ns();
	ret = vfio_client_map_dma(client, ram, RAM, IOVA);
	took(way, start, 1, "ram-map");
	ret = ret ?: vfio_client_unmap_dma(client, IOVA, RAM);
	if (ret)
		report_check("ram", FALSE, "%s: %s", way->name, g_strerror(-ret));
	munmap(area, RAM + PMD);
}

void measure_vfio(const struct bench_way *way, const char *bdf)
{
	struct bench_regions regions = { 0 };
	struct vfio_client client;
	gint64 start = now_ns();
	int ret = vfio_client_open(&client, bdf);

	if (!ret)
		took(way, start, 1, "open");
	if (ret || (way->find && !way->find(&client, &regions))) {
		report_check("opened", FALSE, "%s: %s", way->name, g_strerror(-ret));
		return;
	}
	start = now_ns();
	ret = vfio_client_reset(&client);
	took(way, start, 1, "reset");
	if (ret)
		report_check("reset", FALSE, "%s: %s", way->name, g_strerror(-ret));
	if (way->find)
		sample("space-gib", way, regions.space / 1073741824.0);
	measure_ram(way, &client);
	measure_memfd(way);
	measure_region(way, &client, &regions.usemem, "usemem", MOVED_USEMEM, USEMEM_REPEAT);
	measure_region(way, &client, &regions.resmem, "resmem", MOVED_RESMEM, 1);
	start = now_ns();
	vfio_client_close(&client);
	took(way, start, 1, "close");
}

static void set_scrub(const char *value)
{
	int fd = open(SCRUB_PARAMETER, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, 1) != 1)
		report_check("scrub", FALSE, "cannot set scrub=%s", value);
	if (fd >= 0)
		close(fd);
}

/* How long an open takes, of all CPUs where instructions are counted; negative: it fails. */
static gdouble open_seconds(const char *bdf, struct vfio_client *client)
{
	gint64 start = g_get_monotonic_time();

	return vfio_client_open(client, bdf) ? -1 : seconds_since(start);
}

/*
 * With the parameter set, an open of what is not clean scrubs first.  It is closed
 * without, so that no other measure waits for a scrub.
 */
void measure_scrub(const struct bench_way *way, const char *bdf)
{
	struct bench_regions regions = { 0 };
	struct vfio_client client;
	gdouble gib, scrub, plain = open_seconds(bdf, &client);

	if (plain < 0) {
		report_check("scrub", FALSE, "%s cannot be opened", bdf);
		return;
	}
	vfio_client_close(&client);
	set_scrub("1");
	scrub = open_seconds(bdf, &client) - plain;
	set_scrub("0");
	if (scrub <= 0 || !way->find(&client, &regions)) {
		report_check("scrub", FALSE, "%s was not scrubbed", bdf);
		return;
	}
	vfio_client_close(&client);
	gib = (regions.usemem.size + regions.resmem.size) / 1073741824.0;
	clock_sample("scrub-s", way, scrub);
	if (counted()) {
		clock_sample("scrub-kib-instructions", way, scrub * NS_PER_SEC / (gib * KIB_OF_GIB));
	} else {
		clock_sample("scrub-gib-per-s", way, gib / scrub);
		clock_sample("scrub-gib-per-s-per-cpu", way, gib / scrub / g_get_num_processors());
	}
}
