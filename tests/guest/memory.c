/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process' memory on the GPU's node: allocate, fill, verify, and see that the
 * pages are where they should be, by node and by physical address.
 */
#include <errno.h>
#include <fcntl.h>
#include <numaif.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "guest.h"
#include "../stack/pattern.h"

#define MIB (1ull << 20)
/* Less than this would not test much */
#define MIN_TOUCH_MIB 8

/* Documentation/admin-guide/mm/pagemap.rst: bits 0-54 PFN, bit 63 present */
#define PAGEMAP_PFN ((1ull << 55) - 1)
#define PAGEMAP_PRESENT (1ull << 63)

#define SEED 1

gboolean physical_pages(const void *addr, gsize count, guint64 *pages)
{
	guint64 page = sysconf(_SC_PAGESIZE);
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	gsize len = count * sizeof(*pages), done, i;
	ssize_t ret = 1;

	for (done = 0; fd >= 0 && done < len && ret > 0; done += ret)
		ret = pread(fd, (char *)pages + done, len - done,
			    (guintptr)addr / page * sizeof(*pages) + done);
	if (fd < 0 || ret <= 0)
		count = 0;
	if (fd >= 0)
		close(fd);

	for (i = 0; i < count; i++)
		pages[i] = pages[i] & PAGEMAP_PRESENT ? (pages[i] & PAGEMAP_PFN) * page : 0;
	return count > 0;
}

static gboolean allocate(struct gpu *gpu, guint touch_mib)
{
	unsigned long mask = 1ul << gpu->info.node;
	guint64 free_bytes = node_meminfo(gpu->info.node, "MemFree") * 1024;
	gsize len = MIN(touch_mib * MIB, free_bytes / 8 * 7 / MIB * MIB);
	void *memory;

	report_fact("touch-mib", "%zu", (size_t)(len / MIB));
	if (len < MIN_TOUCH_MIB * MIB) {
		report_check("allocate", FALSE,
			     "%zu MiB, at least %d needed: node %u has %" G_GUINT64_FORMAT
			     " bytes free, nvgrace.touch_mib=%u", (size_t)(len / MIB),
			     MIN_TOUCH_MIB, gpu->info.node, free_bytes, touch_mib);
		return FALSE;
	}

	memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED ||
	    mbind(memory, len, MPOL_BIND, &mask, sizeof(mask) * 8 + 1, 0)) {
		report_check("allocate", FALSE, "%zu MiB bound to node %u: %s",
			     (size_t)(len / MIB), gpu->info.node, g_strerror(errno));
		return FALSE;
	}
	/* Under emulation every fault counts; works without, too */
	madvise(memory, len, MADV_HUGEPAGE);

	gpu->memory = memory;
	gpu->memory_len = len;
	report_check("allocate", TRUE, "%zu MiB bound to node %u", (size_t)(len / MIB),
		     gpu->info.node);
	return TRUE;
}

static void fill_and_verify(const struct gpu *gpu)
{
	gint64 start = g_get_monotonic_time(), filled, verified;
	guint64 first = 0;
	gsize good;

	pattern_fill(gpu->memory, gpu->memory_len, SEED, 0);
	filled = g_get_monotonic_time();
	good = pattern_match(gpu->memory, gpu->memory_len, SEED, 0);
	verified = g_get_monotonic_time();

	report_check("fill-verify", good == gpu->memory_len,
		     "%zu of %zu bytes hold what was written", good, gpu->memory_len);
	physical_pages(gpu->memory, 1, &first);
	report_fact("memory-offset", "0x%llx", first - gpu->info.base);
	report_fact("fill-ms", "%" G_GINT64_FORMAT, (filled - start) / 1000);
	report_fact("verify-ms", "%" G_GINT64_FORMAT, (verified - filled) / 1000);
}

/* Every page, by what the kernel says to the process and by its address. */
static void check_pages(const struct gpu *gpu)
{
	const struct nvgrace_guest_info *info = &gpu->info;
	gsize page = sysconf(_SC_PAGESIZE);
	gsize count = gpu->memory_len / page, i;
	g_autofree void **pages = g_new(void *, count);
	g_autofree int *status = g_new0(int, count);
	g_autofree guint64 *physical = g_new0(guint64, count);
	gsize elsewhere = 0, outside = 0;
	int node = -1;

	for (i = 0; i < count; i++)
		pages[i] = (char *)gpu->memory + i * page;

	if (move_pages(0, count, pages, NULL, status, 0)) {
		report_check("pages-node", FALSE, "move_pages: %s", g_strerror(errno));
	} else {
		for (i = 0; i < count; i++)
			elsewhere += status[i] != (int)info->node;
		report_check("pages-node", !elsewhere, "%zu of %zu pages are not on node %u",
			     elsewhere, count, info->node);
	}

	if (get_mempolicy(&node, NULL, 0, gpu->memory, MPOL_F_NODE | MPOL_F_ADDR))
		report_check("policy-node", FALSE, "get_mempolicy: %s", g_strerror(errno));
	else
		report_check("policy-node", node == (int)info->node,
			     "first page is on node %d", node);

	if (!physical_pages(gpu->memory, count, physical)) {
		report_check("pages-physical", FALSE, "/proc/self/pagemap is not readable");
		return;
	}
	for (i = 0; i < count; i++)
		outside += physical[i] < info->base ||
			   physical[i] - info->base > info->online_size - page;
	report_check("pages-physical", !outside,
		     "%zu of %zu pages are outside 0x%llx-0x%llx", outside, count, info->base,
		     info->base + info->online_size - 1);
}

/*
 * Unaligned accesses and atomics work only in Normal cacheable memory: with
 * Device memory at stage 2 they fault.  In a child, because a fault kills.
 */
static void check_normal_memory(const struct gpu *gpu)
{
	volatile char *bytes = (volatile char *)gpu->memory;
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		guint64 *words = gpu->memory;
		guint64 before = __atomic_load_n(&words[8], __ATOMIC_SEQ_CST);
		volatile guint32 *odd = (volatile guint32 *)(bytes + 125);

		__atomic_fetch_add(&words[8], 5, __ATOMIC_SEQ_CST);
		*odd = 0x01234567;
		_exit(words[8] == before + 5 && *odd == 0x01234567 ? 0 : 1);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		report_check("normal-memory", FALSE, "no child: %s", g_strerror(errno));
		return;
	}
	report_check("normal-memory", WIFEXITED(status) && !WEXITSTATUS(status),
		     WIFSIGNALED(status) ? "unaligned access or atomic ended with signal %d" :
		     "unaligned access and atomic add, exit status %d",
		     WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

gboolean step_memory(struct gpu *gpu, const struct guest *guest)
{
	if (!allocate(gpu, guest->touch_mib))
		return FALSE;

	fill_and_verify(gpu);
	check_pages(gpu);
	check_normal_memory(gpu);
	return TRUE;
}
