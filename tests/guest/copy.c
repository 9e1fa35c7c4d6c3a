/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The copy engine moves data between guest RAM, through DMA, and coherent
 * memory.  Both sides are compared with what the CPU wrote and reads there, so
 * that the device and the CPU are known to mean the same bytes.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <hw/misc/nvgrace-gpu-regs.h>

#include "agent.h"
#include "guest.h"
#include "../stack/pattern.h"

/* More than two jobs, the last one of another length */
#define COPY_LEN (2 * NVGRACE_GUEST_COPY_CHUNK + 0x5000)
#define TIMEOUT_MS 10000

#define SEED_TO 2
#define SEED_FROM 3
#define SEED_ROUND 4
#define SEED_WITHIN 5
#define SEED_OTHER 40

int copy_run(struct gpu *gpu, guint64 src, guint64 dst, gsize len, guint32 flags,
	     struct nvgrace_guest_copy *copy)
{
	int ret;

	*copy = (struct nvgrace_guest_copy){
		.src = src, .dst = dst, .len = len, .flags = flags, .timeout_ms = TIMEOUT_MS,
	};
	ret = ioctl(gpu->fd, NVGRACE_GUEST_COPY, copy) ? errno : 0;
	gpu->jobs += copy->jobs;
	gpu->interrupts += copy->interrupts;
	return ret;
}

/* Bytes from @memory that are physically contiguous, and their offset. */
static gsize contiguous(struct gpu *gpu, const char *memory, gsize len, guint64 *offset)
{
	gsize page = sysconf(_SC_PAGESIZE);
	gsize count = (len + page - 1) / page, i = 1;
	g_autofree guint64 *pages = g_new0(guint64, count);

	/* 0, if it fails, is no offset the engine accepts after this */
	physical_pages(memory, count, pages);
	while (i < count && pages[i] == pages[0] + i * page)
		i++;
	*offset = pages[0] - gpu->info.base;
	return MIN(i * page, len);
}

gboolean copy_pages(struct gpu *gpu, const char *check, char *ram, char *memory, gsize len,
		    gboolean to_memory)
{
	struct nvgrace_guest_copy copy;
	gsize done, run;
	guint64 offset;
	int error;

	for (done = 0; done < len; done += run) {
		run = contiguous(gpu, memory + done, len - done, &offset);
		error = to_memory ?
			copy_run(gpu, (guintptr)ram + done, offset, run,
				 NVGRACE_GUEST_COPY_DST_MEM, &copy) :
			copy_run(gpu, offset, (guintptr)ram + done, run,
				 NVGRACE_GUEST_COPY_SRC_MEM, &copy);
		if (error) {
			report_check(check, FALSE,
				     "offset 0x%" G_GINT64_MODIFIER "x, 0x%zx bytes: %s, status 0x%x, %u interrupts of %u jobs",
				     offset, run, g_strerror(error), copy.status,
				     copy.interrupts, copy.jobs);
			return FALSE;
		}
	}
	return TRUE;
}

static void compare(const char *check, const void *words, guint64 seed, const char *what)
{
	gsize good = pattern_match(words, COPY_LEN, seed, 0);

	report_check(check, good == COPY_LEN, "%s: %zu of %u bytes are right", what, good,
		     COPY_LEN);
}

/* The CPU's stores are seen by the engine, the engine's by the CPU. */
static void check_coherence(struct gpu *gpu, void *ram)
{
	char *memory = (char *)gpu->memory;
	guint64 before = 0, after = 0;

	pattern_fill(ram, COPY_LEN, SEED_TO, 0);
	memset(memory, 0, COPY_LEN);
	physical_pages(memory, 1, &before);
	if (copy_pages(gpu, "engine-to-cpu", ram, memory, COPY_LEN, TRUE))
		compare("engine-to-cpu", memory, SEED_TO, "RAM to coherent memory, CPU reads it");

	pattern_fill(memory, COPY_LEN, SEED_FROM, 0);
	memset(ram, 0, COPY_LEN);
	if (copy_pages(gpu, "cpu-to-engine", ram, memory, COPY_LEN, FALSE))
		compare("cpu-to-engine", ram, SEED_FROM, "CPU writes coherent memory, to RAM");

	physical_pages(memory, 1, &after);
	report_check("pages-stay", before && before == after,
		     "first page was at 0x%" G_GINT64_MODIFIER "x, is at 0x%"
		     G_GINT64_MODIFIER "x", before, after);
}

static void check_round_trip(struct gpu *gpu, void *ram)
{
	char *memory = (char *)gpu->memory;

	memset(memory, 0, COPY_LEN);
	pattern_fill(ram, COPY_LEN, SEED_ROUND, 0);
	if (!copy_pages(gpu, "round-trip", ram, memory, COPY_LEN, TRUE))
		return;
	memset(ram, 0, COPY_LEN);
	if (copy_pages(gpu, "round-trip", ram, memory, COPY_LEN, FALSE))
		compare("round-trip", ram, SEED_ROUND, "RAM to coherent memory to RAM");
}

void check_within(struct gpu *gpu, const char *check, guint32 source)
{
	gsize page = sysconf(_SC_PAGESIZE);
	char *from = (char *)gpu->memory, *to = from + page;
	guint64 pages[2] = { 0 };
	struct nvgrace_guest_copy copy;
	gsize good;
	int error;

	pattern_fill(from, page, SEED_WITHIN + source, 0);
	memset(to, 0, page);
	physical_pages(from, G_N_ELEMENTS(pages), pages);
	error = copy_run(gpu, pages[0] - gpu->info.base, pages[1] - gpu->info.base, page,
			 source | NVGRACE_GUEST_COPY_DST_MEM, &copy);
	good = pattern_match(to, page, SEED_WITHIN + source, 0);
	report_check(check, !error && good == page,
		     "%zu of %zu bytes are right, %s, status 0x%x", good, page,
		     g_strerror(error), copy.status);
}

/* One page of another GPU's memory, as a device of any kind would read it. */
static void check_other(struct gpu *gpu, const struct gpu *other)
{
	gsize page = sysconf(_SC_PAGESIZE);
	char *from = (char *)other->memory, *to = (char *)gpu->memory;
	struct nvgrace_guest_copy copy;
	guint64 source = 0, target = 0;
	gsize good;
	int error;

	pattern_fill(from, page, SEED_OTHER, 0);
	memset(to, 0, page);
	physical_pages(from, 1, &source);
	physical_pages(to, 1, &target);
	error = copy_run(gpu, source, target - gpu->info.base, page,
			 NVGRACE_GUEST_COPY_SRC_PHYS | NVGRACE_GUEST_COPY_DST_MEM, &copy);
	good = pattern_match(to, page, SEED_OTHER, 0);
	report_check("dma-other", !error && good == page,
		     "%zu of %zu bytes of the other GPU's are right, %s, status 0x%x", good, page,
		     g_strerror(error), copy.status);
}

/* One byte too far is refused, with the reason and an interrupt. */
static void check_bounds(struct gpu *gpu, void *ram)
{
	struct nvgrace_guest_copy copy;
	int error = copy_run(gpu, gpu->info.size - 0x1000 + 1, (guintptr)ram, 0x1000,
			     NVGRACE_GUEST_COPY_SRC_MEM, &copy);
	guint cause = (copy.status & NVGRACE_CE_STATUS_CAUSE_MASK) >> NVGRACE_CE_STATUS_CAUSE_SHIFT;

	report_check("bounds", error == EIO && cause == NVGRACE_CE_CAUSE_RANGE &&
		     copy.interrupts == 1,
		     "a copy 1 byte past the end: %s, cause %u, %u interrupts",
		     g_strerror(error), cause, copy.interrupts);
}

static void check_interrupts(struct gpu *gpu)
{
	struct nvgrace_guest_info now;

	if (ioctl(gpu->fd, NVGRACE_GUEST_INFO, &now)) {
		report_check("interrupts", FALSE, "%s", g_strerror(errno));
		return;
	}
	report_check("interrupts",
		     gpu->jobs && gpu->interrupts == gpu->jobs &&
		     now.interrupts - gpu->info.interrupts == gpu->jobs,
		     "%u for %u jobs, %u in the driver's count", gpu->interrupts, gpu->jobs,
		     now.interrupts - gpu->info.interrupts);
	report_fact("engine-jobs", "%u", now.jobs - gpu->info.jobs);
}

gboolean step_copy(struct gpu *gpu, const struct guest *guest)
{
	unsigned long page = sysconf(_SC_PAGESIZE);
	gsize len = (COPY_LEN + page - 1) / page * page;
	void *ram = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (ram == MAP_FAILED) {
		report_check("copy-buffer", FALSE, "%zu bytes of RAM: %s", len, g_strerror(errno));
		return FALSE;
	}

	check_coherence(gpu, ram);
	check_round_trip(gpu, ram);
	check_within(gpu, "within-memory", NVGRACE_GUEST_COPY_SRC_MEM);
	check_within(gpu, "dma-memory", NVGRACE_GUEST_COPY_SRC_DMA);
	for (guint i = 0; i < guest->gpus->len; i++)
		if (&g_array_index(guest->gpus, struct gpu, i) != gpu)
			check_other(gpu, &g_array_index(guest->gpus, struct gpu, i));
	check_bounds(gpu, ram);
	check_interrupts(gpu);
	munmap(ram, len);
	return TRUE;
}
