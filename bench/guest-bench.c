/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Process 1 of a guest that is measured.  It says on the console
 *
 *	bench: sample MEASURE VALUE
 *	bench: stamp MEASURE		measured by whoever reads this, from exec of QEMU
 *	bench: done			what follows is not waited for
 *	bench: reboot			... and now it does
 *
 *	nvgrace.limit_mib=N	online only so much of the GPU's memory (0: all)
 */
#include <errno.h>
#include <fcntl.h>
#include <numaif.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "agent.h"
#include "../tests/guest/module/nvgrace-guest-uapi.h"
#include "../tests/stack/gpu-sysfs.h"

#define MIB (1ul << 20)
#define AUTO_ONLINE "/sys/devices/system/memory/auto_online_blocks"

/* Three of these are moved about; far larger than any cache of the machine below */
#define ARRAY (32 * MIB)
#define REPEAT 3
#define RANDOM_ACCESSES (1u << 20)

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

/* The node that has the GPU's memory, or -1: this guest has none. */
static int online_memory(void)
{
	g_autofree char *limit = agent_cmdline("nvgrace.limit_mib");
	g_autofree char *module = g_strdup_printf("nvgrace-guest limit_mib=%s", limit ?: "0");
	const char *const modules[] = { module, NULL };
	g_autofree char *bdf = gpu_find();
	g_autofree char *path = g_strdup_printf("/dev/nvgrace-gpu-%s", bdf);
	struct nvgrace_guest_info info;
	int fd = open(AUTO_ONLINE, O_WRONLY | O_CLOEXEC);
	gdouble start = now();

	if (fd < 0 || write(fd, "online_movable", strlen("online_movable")) < 0 || !bdf)
		return -1;
	close(fd);
	if (!agent_load_modules(modules))
		return -1;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, NVGRACE_GUEST_INFO, &info))
		return -1;
	close(fd);
	printf("bench: stamp online-s\n");
	say_sample("online-driver-s", now() - start);
	say_sample("online-gib", info.online_size / 1073741824.0);
	return info.node;
}

/* Three arrays on a node (-1: wherever), all of them touched; NULL if that is not possible. */
static double *arrays_on(int node)
{
	gsize length = 3 * ARRAY;
	unsigned long mask = 1ul << (node < 0 ? 0 : node);
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
static void measure_memory(int node, const char *where)
{
	double *a = arrays_on(node), *b, *c;
	gsize n = ARRAY / sizeof(*a);

	if (!a)
		return;
	b = a + n;
	c = b + n;
	for (guint r = 0; r < REPEAT; r++) {
		guint64 seed = 88172645463325252ull + r;
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
		say_memory("random", where, "million-per-s",
			   RANDOM_ACCESSES / 1e6 / (now() - start));
	}
	munmap(a, 3 * ARRAY);
}

int main(void)
{
	int node;

	agent_boot();
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("bench: stamp userspace-s\n");
	node = online_memory();
	if (node >= 0) {
		measure_memory(0, "ram");
		measure_memory(node, "gpu");
	}
	printf("bench: done\n");
	printf("bench: reboot\n");
	fflush(stdout);
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}
