/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A page of coherent memory has failed: the process that reads it gets SIGBUS
 * for that page, the rest of its memory is as it was, and the kernel has taken
 * the page out of use.
 */
#include <errno.h>
#include <numaif.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "guest.h"
#include "../stack/pattern.h"

#define CHUNK (2ul << 20)
#define SEED 11

/* What the process has met, which is a child of this one */
struct met {
	gboolean found;		/* it has had the page */
	int signal_number;	/* of the load */
	int code;
	gssize distance;	/* from the page to si_addr */
	gboolean rest;		/* what is around the page is as it was */
};

static struct met *met;
static char *bad;
static sigjmp_buf after_load;

static void on_bus_error(int signal_number, siginfo_t *info, void *context G_GNUC_UNUSED)
{
	met->signal_number = signal_number;
	met->code = info->si_code;
	met->distance = (char *)info->si_addr - bad;
	siglongjmp(after_load, 1);
}

/* A chunk of the node's memory; NULL if there is no more. */
static char *take_chunk(const struct gpu *gpu)
{
	unsigned long mask = 1ul << gpu->info.node;
	char *chunk = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	/* One chunk too many would have the kernel kill somebody */
	if (chunk == MAP_FAILED || node_meminfo(gpu->info.node, "MemFree") < 8 * CHUNK / 1024 ||
	    mbind(chunk, CHUNK, MPOL_BIND, &mask, sizeof(mask) * 8 + 1, 0))
		return NULL;
	pattern_fill(chunk, CHUNK, SEED, 0);
	return chunk;
}

/* Where in the chunk the page is; NULL: in another. */
static char *find_page(char *chunk, guint64 address)
{
	gsize page = sysconf(_SC_PAGESIZE), count = CHUNK / page;
	g_autofree guint64 *pages = g_new0(guint64, count);

	physical_pages(chunk, count, pages);
	for (gsize i = 0; i < count; i++)
		if (pages[i] == address)
			return chunk + i * page;
	return NULL;
}

static void read_bad_page(const struct gpu *gpu, guint64 address)
{
	const struct sigaction action = { .sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO };
	gsize page = sysconf(_SC_PAGESIZE), before;
	char *chunk = NULL;

	while (!bad && (chunk = take_chunk(gpu)))
		bad = find_page(chunk, address);
	if (!bad)
		return;
	met->found = TRUE;
	sigaction(SIGBUS, &action, NULL);
	if (!sigsetjmp(after_load, 1))
		(void)*(volatile char *)bad;

	before = bad - chunk;
	met->rest = pattern_match(chunk, before, SEED, 0) == before &&
		    pattern_match(bad + page, CHUNK - before - page, SEED, before + page) ==
		    CHUNK - before - page;
}

/* KiB that the kernel has taken out of use */
static guint64 corrupted(void)
{
	g_autofree char *text = NULL;
	const char *at;

	if (!g_file_get_contents("/proc/meminfo", &text, NULL, NULL))
		return 0;
	at = strstr(text, "HardwareCorrupted:");
	return at ? g_ascii_strtoull(at + strlen("HardwareCorrupted:"), NULL, 10) : 0;
}

gboolean step_poison(struct gpu *gpu, const struct guest *guest)
{
	guint64 address = gpu->info.base + guest->poison;
	int status = -1;
	pid_t pid;

	if (!guest->poison)
		return TRUE;
	met = mmap(NULL, sizeof(*met), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = fork();
	if (!pid) {
		read_bad_page(gpu, address);
		_exit(0);
	}
	waitpid(pid, &status, 0);

	report_check("poison-found", met->found && status == 0,
		     "a process had the page at 0x%" G_GINT64_MODIFIER "x and ended with status 0x%x",
		     address, status);
	report_check("poison-signal", met->signal_number == SIGBUS && met->code == BUS_MCEERR_AR &&
		     met->distance == 0, "signal %d, code %d, at %zd bytes from the page",
		     met->signal_number, met->code, met->distance);
	report_check("poison-rest", met->rest, "what is around the page is as it was");
	report_check("poison-corrupted", corrupted() == 4,
		     "%" G_GUINT64_FORMAT " KiB are out of use", corrupted());
	munmap(met, sizeof(*met));
	return TRUE;
}
