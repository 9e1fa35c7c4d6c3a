/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Process 1 of a guest that is measured.  It says on the console
 *
 *	bench: sample MEASURE VALUE
 *	bench: stamp MEASURE		measured by whoever reads this, from exec of QEMU
 *	bench: touch-begins		a byte of every 2 MiB of what is not onlined...
 *	bench: touch-ends		... has been touched
 *	bench: done			what follows is not waited for
 *	bench: reboot			... and now it does
 *
 *	nvgrace.limit_mib=N	online only so much of the GPU's memory (0: all)
 *	bench.inside=LIST	what is done then: of touch, memory, disk, with commas between
 *	bench.touch_gib=N	touch only so much behind that (0: all)
 */
#define _GNU_SOURCE	/* O_DIRECT */
#include <errno.h>
#include <fcntl.h>
#include <numaif.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "disk.h"
#include "../tests/guest/module/nvgrace-guest-uapi.h"
#include "../tests/stack/gpu-sysfs.h"

#define MIB (1ul << 20)
#define PAGE 4096ul
#define AUTO_ONLINE "/sys/devices/system/memory/auto_online_blocks"

/* Three of these are moved about; often rather than long, for medians */
#define ARRAY (16 * MIB)
#define MEMORY_REPEAT 11
#define RANDOM_ACCESSES (1u << 18)

/* The only one; and how long it may take for all */
#define DISK "/dev/vda"
#define DISK_REPEAT 5
#define DISK_MS 5000
#define SMALL_REQUESTS 1000u

static gdouble now(void)
{
	return g_get_monotonic_time() / (gdouble)G_USEC_PER_SEC;
}

static void say_sample(const char *measure, gdouble value)
{
	printf("bench: sample %s %.9g\n", measure, value);
}

/* "copy", "gpu", "mib-per-s" */
static void say_memory(const char *what, const char *where, const char *unit, gdouble value)
{
	g_autofree char *measure = g_strdup_printf("%s-%s-%s", what, where, unit);

	say_sample(measure, value);
}

/*
 * The GPU's memory onlined, and the module's device opened; negative: this guest has
 * none.  Caller closes.
 */
static int online_memory(struct nvgrace_guest_info *info)
{
	g_autofree char *limit = agent_cmdline("nvgrace.limit_mib");
	g_autofree char *module = g_strdup_printf("nvgrace-guest limit_mib=%s", limit ?: "0");
	const char *const modules[] = { module, NULL };
	g_autofree char *bdf = gpu_find();
	g_autofree char *path = g_strdup_printf("/dev/nvgrace-gpu-%s", bdf);
	int fd = open(AUTO_ONLINE, O_WRONLY | O_CLOEXEC);
	gdouble start = now();

	if (fd < 0 || write(fd, "online_movable", strlen("online_movable")) < 0 || !bdf)
		return -1;
	close(fd);
	if (!agent_load_modules(modules))
		return -1;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, NVGRACE_GUEST_INFO, info))
		return -1;
	printf("bench: stamp online-s\n");
	say_sample("online-driver-s", now() - start);
	say_sample("online-gib", info->online_size / 1073741824.0);
	return fd;
}

/* One page at a time: only stage 2 is what this is about. */
static void touch_rest(int fd, const struct nvgrace_guest_info *info)
{
	g_autofree char *gib = agent_cmdline("bench.touch_gib");
	guint64 most = gib ? g_ascii_strtoull(gib, NULL, 10) << 30 : 0;
	guint64 end = most ? MIN(info->online_size + most, info->usemem_size) : info->usemem_size;
	guint touched = 0;

	printf("bench: touch-begins\n");
	/* whoever reads that begins to count */
	g_usleep(G_USEC_PER_SEC / 2);
	for (guint64 at = info->online_size; at < end; at += 2 * MIB) {
		volatile const char *page = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, at);

		if (page == MAP_FAILED)
			break;
		(void)*page;
		munmap((char *)page, PAGE);
		touched++;
	}
	printf("bench: touch-ends\n");
	say_sample("stage2-touched", touched);
}

/* Bytes on a node, all of them touched; NULL if that is not possible. */
static void *area_on(int node, gsize length)
{
	unsigned long mask = 1ul << node;
	void *area = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (area == MAP_FAILED)
		return NULL;
	madvise(area, length, MADV_HUGEPAGE);
	if (mbind(area, length, MPOL_BIND, &mask, sizeof(mask) * 8 + 1, 0)) {
		munmap(area, length);
		return NULL;
	}
	memset(area, 1, length);
	return area;
}

/* As STREAM does: copy, and triad; then reading and writing 8 bytes at random. */
static void measure_memory(double *a, const char *where, guint64 seed)
{
	gsize n = ARRAY / sizeof(*a);
	double *b = a + n, *c = b + n;
	gdouble start = now();

	memcpy(a, b, ARRAY);
	/* the loops must not be left out, nor turned into one */
	__asm__ volatile("" : : "r"(a) : "memory");
	say_memory("copy", where, "mib-per-s", 2 * ARRAY / MIB / (now() - start));

	start = now();
	for (gsize i = 0; i < n; i++)
		a[i] = b[i] + 3.0 * c[i];
	__asm__ volatile("" : : "r"(a) : "memory");
	say_memory("triad", where, "mib-per-s", 3 * ARRAY / MIB / (now() - start));

	start = now();
	for (guint i = 0; i < RANDOM_ACCESSES; i++) {
		/* xorshift */
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		a[seed % n] += 1;
	}
	__asm__ volatile("" : : "r"(a) : "memory");
	say_memory("random", where, "million-per-s", RANDOM_ACCESSES / 1e6 / (now() - start));
}

/* RAM and the GPU's in turns, so that what disturbs one of them disturbs both. */
static void compare_memory(int node)
{
	double *ram = area_on(0, 3 * ARRAY), *gpu = area_on(node, 3 * ARRAY);

	for (guint r = 0; ram && gpu && r < MEMORY_REPEAT; r++) {
		measure_memory(ram, "ram", 88172645463325252ull + r);
		measure_memory(gpu, "gpu", 88172645463325252ull + r);
	}
	if (ram)
		munmap(ram, 3 * ARRAY);
	if (gpu)
		munmap(gpu, 3 * ARRAY);
}

/* ------------------------------------------------------------------------------ disk */

static int open_disk(void)
{
	static const char *const modules[] = { "virtio_blk", NULL };

	if (!agent_load_modules(modules) || !agent_wait_path(DISK, 5000))
		return -1;
	return open(DISK, O_RDONLY | O_DIRECT | O_CLOEXEC);
}

/* All of the disk once. */
static gboolean read_disk(int fd, unsigned char *buffer)
{
	buffer[BENCH_DISK_SIZE - 1] = 0;
	return pread(fd, buffer, BENCH_DISK_SIZE, 0) == (ssize_t)BENCH_DISK_SIZE &&
	       buffer[BENCH_DISK_SIZE - 1] == BENCH_DISK_BYTE;
}

/* Of one page each, where most of the time is not the copy's: in any guest. */
static void measure_small_requests(void)
{
	unsigned char *page = area_on(0, PAGE);
	int fd = open_disk();
	gboolean ok = page && fd >= 0;

	for (guint r = 0; ok && r < DISK_REPEAT; r++) {
		gdouble start = now();

		for (guint i = 0; ok && i < SMALL_REQUESTS; i++)
			ok = pread(fd, page, PAGE, i * PAGE) == (ssize_t)PAGE &&
			     page[PAGE - 1] == BENCH_DISK_BYTE;
		say_sample("disk-small-per-s", ok ? SMALL_REQUESTS / (now() - start) : 0);
	}
	if (fd >= 0)
		close(fd);
	if (page)
		munmap(page, PAGE);
}

/* In a process of its own: a read that the disk does not end cannot be killed. */
static void compare_disk(int node)
{
	pid_t pid;
	int waited = 0;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		unsigned char *ram = area_on(0, BENCH_DISK_SIZE);
		unsigned char *gpu = area_on(node, BENCH_DISK_SIZE);
		int fd = open_disk();
		gboolean ok = ram && gpu && fd >= 0;

		for (guint r = 0; ok && r < DISK_REPEAT; r++) {
			gdouble start = now();

			ok = read_disk(fd, ram);
			say_memory("disk", "ram", "mib-per-s",
				   ok ? BENCH_DISK_SIZE / MIB / (now() - start) : 0);
			start = now();
			ok = ok && read_disk(fd, gpu);
			say_memory("disk", "gpu", "mib-per-s",
				   ok ? BENCH_DISK_SIZE / MIB / (now() - start) : 0);
		}
		fflush(stdout);
		_exit(0);
	}
	for (guint ms = 0; pid > 0 && !waited && ms < DISK_MS; ms += 100) {
		waited = waitpid(pid, NULL, WNOHANG);
		g_usleep(100000);
	}
	if (!waited)
		say_memory("disk", "gpu", "mib-per-s", 0);
}

static gboolean wanted(const char *what)
{
	g_autofree char *list = agent_cmdline("bench.inside");
	g_auto(GStrv) words = g_strsplit(list ?: "", ",", -1);

	return g_strv_contains((const char *const *)words, what);
}

int main(void)
{
	struct nvgrace_guest_info info;
	int fd;

	agent_boot();
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("bench: stamp userspace-s\n");
	fd = online_memory(&info);
	if (fd >= 0 && wanted("touch"))
		touch_rest(fd, &info);
	if (fd >= 0 && wanted("memory"))
		compare_memory(info.node);
	if (wanted("disk"))
		measure_small_requests();
	if (fd >= 0 && wanted("disk"))
		compare_disk(info.node);
	printf("bench: done\n");
	printf("bench: reboot\n");
	fflush(stdout);
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}
