/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest resets its GPU while a process uses the memory: the process may have
 * to wait, and must not notice anything else.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "agent.h"
#include "guest.h"
#include "../stack/gpu-sysfs.h"
#include "../stack/pattern.h"

#define MIB (1ul << 20)
#define LEN (16 * MIB)
/* From one access of the process to the next */
#define STRIDE (64 * 1024 + 8)

#define SEED 20

/* A process that reads and writes until it is told to stop. */
struct user {
	guint64 *memory;
	gsize len;
	gint rounds;		/* through all of the memory */
	gint stop;
	guint wrong;
};

static gpointer use_memory(gpointer opaque)
{
	struct user *user = opaque;

	while (!g_atomic_int_get(&user->stop)) {
		for (gsize at = 0; at < user->len; at += STRIDE) {
			volatile guint64 *word = user->memory + at / 8;

			user->wrong += *word != pattern_word(SEED, at);
			*word = pattern_word(SEED, at);
		}
		g_atomic_int_inc(&user->rounds);
	}
	return NULL;
}

/* FALSE if the process does not come round once more. */
static gboolean goes_on(struct user *user)
{
	gint before = g_atomic_int_get(&user->rounds);

	for (guint ms = 0; ms < 60000; ms += 10) {
		/* the one in which it was may have begun before */
		if (g_atomic_int_get(&user->rounds) > before + 1)
			return TRUE;
		g_usleep(10000);
	}
	return FALSE;
}

/* How many jobs the engine has counted; a reset begins at 0 again. */
static guint engine_jobs(const struct gpu *gpu)
{
	struct nvgrace_guest_info info = { .jobs = G_MAXUINT };

	ioctl(gpu->fd, NVGRACE_GUEST_INFO, &info);
	return info.jobs;
}

static void check_engine(struct gpu *gpu)
{
	gsize len = NVGRACE_GUEST_COPY_CHUNK, good;
	char *ram = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (ram == MAP_FAILED)
		g_error("no %zu bytes of RAM", len);
	if (copy_pages(gpu, "flr-engine", ram, (char *)gpu->memory, len, FALSE)) {
		good = pattern_match(ram, len, SEED, 0);
		report_check("flr-engine", good == len && engine_jobs(gpu),
			     "%zu of %zu bytes are right", good, len);
	}
	munmap(ram, len);
}

gboolean step_flr(struct gpu *gpu, const struct guest *guest)
{
	struct user user = { .memory = gpu->memory, .len = MIN(gpu->memory_len, LEN) };
	guint before = engine_jobs(gpu), after;
	gboolean began, went_on;
	GThread *thread;
	gsize good;
	int ret;

	if (!guest->flr)
		return TRUE;

	pattern_fill(user.memory, user.len, SEED, 0);
	thread = g_thread_new("user", use_memory, &user);
	began = goes_on(&user);
	ret = gpu_write(gpu->bdf, "reset_method", "flr") ?: gpu_write(gpu->bdf, "reset", "1");
	after = engine_jobs(gpu);
	went_on = goes_on(&user);
	g_atomic_int_set(&user.stop, 1);
	g_thread_join(thread);

	report_check("flr", !ret && before && !after,
		     "%s; the engine had counted %u jobs, and then %u", g_strerror(-ret), before,
		     after);
	good = pattern_match(user.memory, user.len, SEED, 0);
	report_check("flr-memory", began && went_on && !user.wrong && good == user.len,
		     "in use %s: %u wrong words in %d rounds; then %zu of %zu bytes are right",
		     began && went_on ? "before and after" : "but it stopped", user.wrong,
		     user.rounds, good, user.len);
	check_engine(gpu);
	check_within(gpu, "flr-dma", NVGRACE_GUEST_COPY_SRC_DMA);
	return TRUE;
}
