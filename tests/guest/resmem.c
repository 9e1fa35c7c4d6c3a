/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reserved end of a Hopper's memory: not onlined, used by the GPU and its
 * driver, which maps it Normal-NC.  What a process may do there then is what
 * the type of the guest's mapping (stage 1) and of the host's (stage 2) both
 * allow: unaligned accesses and DC ZVA fault if either of them is Device.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "guest.h"
#include "../stack/pattern.h"

/* The last bytes of the memory, more than one job of the engine, and uneven */
#define LEN (2 * NVGRACE_GUEST_COPY_CHUNK + 0x5000)
#define ALIGN_TO 0x10000

#define SEED_CPU 6
#define SEED_TO 7
#define SEED_FROM 8

/* Bytes that unaligned accesses are tried on: many cache lines, one page border */
#define WINDOW 0x2000

/* As exit status of the child, a bit for each that gave wrong data */
#define WRONG_WORD 1
#define WRONG_PAIR 2
#define WRONG_ZERO 4

static inline void store_word(char *to, guint64 value)
{
	asm volatile("str %1, [%0]" : : "r"(to), "r"(value) : "memory");
}

static inline guint64 load_word(const char *from)
{
	guint64 value;

	asm volatile("ldr %0, [%1]" : "=r"(value) : "r"(from) : "memory");
	return value;
}

static inline void store_pair(char *to, guint64 low, guint64 high)
{
	asm volatile("stp %1, %2, [%0]" : : "r"(to), "r"(low), "r"(high) : "memory");
}

static inline guint64 load_pair(const char *from)
{
	guint64 low, high;

	asm volatile("ldp %0, %1, [%2]" : "=&r"(low), "=r"(high) : "r"(from) : "memory");
	return low ^ high;
}

/* Bytes that DC ZVA zeroes; 0: user space may not use it. */
static gsize zero_size(void)
{
	guint64 id;

	asm volatile("mrs %0, dczid_el0" : "=r"(id));
	return id & 0x10 ? 0 : 4ul << (id & 0xf);
}

static int try_normal(char *memory)
{
	gsize block = zero_size(), i;
	int wrong = 0;

	/* Aligned ones, which any type allows, bring the pages into the TLB */
	for (i = 0; i < WINDOW; i += 8)
		store_word(memory + i, i);

	for (i = 1; i < WINDOW - 16; i += 9) {
		store_word(memory + i, ~i);
		if (load_word(memory + i) != ~i)
			wrong |= WRONG_WORD;
		store_pair(memory + i, i, 3 * i);
		if (load_pair(memory + i) != (i ^ 3 * i))
			wrong |= WRONG_PAIR;
	}

	memset(memory, 0xa5, WINDOW);
	for (i = 0; block && i < WINDOW; i += block)
		asm volatile("dc zva, %0" : : "r"(memory + i) : "memory");
	for (i = 0; block && i < WINDOW; i++) {
		if (memory[i])
			wrong |= WRONG_ZERO;
	}
	return wrong;
}

/* In a child, because a fault kills. */
static gboolean check_type(char *memory)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid)
		_exit(try_normal(memory));
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		report_check("resmem-type", FALSE, "no child: %s", g_strerror(errno));
		return FALSE;
	}
	report_check("resmem-type", WIFEXITED(status) && !WEXITSTATUS(status),
		     WIFSIGNALED(status) ?
		     "signal %d: Device memory, in the guest's mapping or at stage 2" :
		     "unaligned accesses and DC ZVA, wrong data in 0x%x",
		     WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return WIFEXITED(status);
}

/* FALSE, and a failed check, if the engine does not do it. */
static gboolean run_engine(struct gpu *gpu, const char *check, guint64 src, guint64 dst,
			   guint32 flags)
{
	struct nvgrace_guest_copy copy;
	int error = copy_run(gpu, src, dst, LEN, flags, &copy);

	if (error)
		report_check(check, FALSE, "0x%" G_GINT64_MODIFIER "x to 0x%" G_GINT64_MODIFIER
			     "x: %s, status 0x%x", src, dst, g_strerror(error), copy.status);
	return !error;
}

static void compare(const char *check, const void *words, guint64 seed)
{
	gsize good = pattern_match(words, LEN, seed, 0);

	report_check(check, good == LEN, "%zu of %u bytes are right", good, LEN);
}

/* The same bytes for the CPU's non-cacheable accesses and for the engine. */
static void check_data(struct gpu *gpu, guint64 offset, char *memory, char *ram)
{
	pattern_fill(memory, LEN, SEED_CPU, 0);
	compare("resmem-cpu", memory, SEED_CPU);

	memset(ram, 0, LEN);
	if (run_engine(gpu, "resmem-cpu-to-engine", offset, (guintptr)ram,
		       NVGRACE_GUEST_COPY_SRC_MEM))
		compare("resmem-cpu-to-engine", ram, SEED_CPU);

	pattern_fill(ram, LEN, SEED_TO, 0);
	if (run_engine(gpu, "resmem-engine-to-cpu", (guintptr)ram, offset,
		       NVGRACE_GUEST_COPY_DST_MEM))
		compare("resmem-engine-to-cpu", memory, SEED_TO);

	pattern_fill(ram, LEN, SEED_FROM, 0);
	if (!run_engine(gpu, "resmem", (guintptr)ram, offset, NVGRACE_GUEST_COPY_DST_MEM))
		return;
	memset(ram, 0, LEN);
	if (run_engine(gpu, "resmem", offset, (guintptr)ram, NVGRACE_GUEST_COPY_SRC_MEM))
		compare("resmem", ram, SEED_FROM);
}

gboolean step_resmem(struct gpu *gpu, const struct guest *guest G_GNUC_UNUSED)
{
	guint64 offset = (gpu->info.size - LEN) / ALIGN_TO * ALIGN_TO;
	char *ram, *memory;

	if (!(gpu->info.flags & NVGRACE_GUEST_MIG_DEFECT))
		return TRUE;

	memory = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, gpu->fd, offset);
	report_check("resmem-map", memory != MAP_FAILED, "0x%x bytes at 0x%" G_GINT64_MODIFIER
		     "x: %s", LEN, offset, memory == MAP_FAILED ? g_strerror(errno) : "mapped");
	if (memory == MAP_FAILED)
		return FALSE;
	report_fact("resmem-offset", "0x%" G_GINT64_MODIFIER "x", offset);
	ram = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (ram == MAP_FAILED)
		g_error("no %u bytes of RAM", LEN);

	if (check_type(memory))
		check_data(gpu, offset, memory, ram);
	munmap(ram, LEN);
	munmap(memory, LEN);
	return TRUE;
}
