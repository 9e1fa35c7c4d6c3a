/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver that onlines the GPUs' memory: exactly the range of _DSD, or of BAR 4,
 * in exactly one node, and nothing else at that place.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent.h"
#include "guest.h"
#include "../stack/gpu-sysfs.h"

#define BLOCK_SIZE "/sys/devices/system/memory/block_size_bytes"
#define AUTO_ONLINE "/sys/devices/system/memory/auto_online_blocks"

#define GIB (1ull << 30)
#define MIB (1ull << 20)
/* Of parts with the MIG defect, an ABI between firmware and drivers */
#define RESMEM_MIN GIB
#define USEMEM_ALIGN (512 * MIB)

#define RAM_NAME "System RAM (NVIDIA)"

/* What an administrator must do for NVIDIA's driver, too. */
static gboolean set_online_policy(void)
{
	static const char policy[] = "online_movable";
	int fd = open(AUTO_ONLINE, O_WRONLY | O_CLOEXEC);
	gboolean ok = fd >= 0 && write(fd, policy, strlen(policy)) == (ssize_t)strlen(policy);

	report_check("online-policy", ok, "%s to %s%s%s", policy, AUTO_ONLINE,
		     ok ? "" : ": ", ok ? "" : g_strerror(errno));
	if (fd >= 0)
		close(fd);
	return ok;
}

gboolean step_driver(struct guest *guest)
{
	g_autofree char *module = g_strdup_printf("nvgrace-guest limit_mib=%u", guest->limit_mib);
	const char *const modules[] = { module, NULL };

	return set_online_policy() && agent_load_modules(modules);
}

static gboolean open_driver(struct gpu *gpu)
{
	g_autofree char *path = g_strdup_printf("/dev/nvgrace-gpu-%s", gpu->bdf);
	g_autofree char *driver = gpu_link(gpu->bdf, "driver");
	gboolean ok;

	if (driver && agent_wait_path(path, 5000))
		gpu->fd = open(path, O_RDWR | O_CLOEXEC);
	ok = gpu->fd >= 0 && !ioctl(gpu->fd, NVGRACE_GUEST_INFO, &gpu->info);
	report_check("driver", ok, "%s is bound to %s, %s %s", gpu->bdf, driver ?: "nothing",
		     path, ok ? "answers" : "does not answer: the kernel log says why");
	return ok;
}

static void check_size(const struct gpu *gpu, guint limit_mib)
{
	const struct nvgrace_guest_info *info = &gpu->info;
	g_autofree char *text = NULL;
	guint64 block = 0, usemem, online;

	if (g_file_get_contents(BLOCK_SIZE, &text, NULL, NULL))
		block = g_ascii_strtoull(text, NULL, 16);
	if (!block) {
		report_check("usemem-size", FALSE, "%s is not readable", BLOCK_SIZE);
		return;
	}

	usemem = info->size;
	if (gpu_is_hopper(gpu))
		usemem = (info->size - RESMEM_MIN) / USEMEM_ALIGN * USEMEM_ALIGN;
	usemem = usemem / block * block;
	online = limit_mib ? MIN(usemem, limit_mib * MIB / block * block) : usemem;

	report_check("mig-defect", gpu_is_hopper(gpu) == !!(info->flags & NVGRACE_GUEST_MIG_DEFECT),
		     "DVSEC says %s", info->flags & NVGRACE_GUEST_MIG_DEFECT ?
		     "that the end of the memory is reserved" : "that all of it is usable");
	report_check("usemem-size", info->usemem_size == usemem,
		     "0x%llx of 0x%llx bytes, wanted 0x%" G_GINT64_MODIFIER "x",
		     info->usemem_size, info->size, usemem);
	report_check("online-size", info->online_size == online,
		     "0x%llx bytes, wanted 0x%" G_GINT64_MODIFIER "x", info->online_size, online);
}

/* BARs are as large as needed, and the next power of two. */
static gboolean bar_holds(const struct gpu *gpu, guint bar, guint64 size)
{
	return gpu->bar_size[bar] >= size && gpu->bar_size[bar] / 2 < size;
}

/* Where the memory is: what the tables say, or the BARs if it is to be there. */
static void check_place(const struct gpu *gpu)
{
	const struct nvgrace_guest_info *info = &gpu->info;
	gboolean in_bars = !!(info->flags & NVGRACE_GUEST_BARS);
	guint64 resmem = gpu_is_hopper(gpu) ? info->size - info->usemem_size : 0;
	gboolean ok = in_bars == gpu->in_bars;

	if (in_bars)
		ok = ok && info->base == gpu->bar_start[4] &&
		     bar_holds(gpu, 4, info->size - resmem) &&
		     (!resmem || (info->resmem_base == gpu->bar_start[2] &&
				  bar_holds(gpu, 2, resmem)));
	else
		ok = ok && (!resmem || info->resmem_base == info->base + info->usemem_size);
	report_check("place", ok, "0x%llx from %s, wanted %s; reserved is 0x%"
		     G_GINT64_MODIFIER "x bytes at 0x%llx", info->base,
		     in_bars ? "BARs" : "_DSD", gpu->in_bars ? "BARs" : "_DSD", resmem,
		     info->resmem_base);
}

/* What the BAR with the memory is in, itself among them. */
static gboolean is_around_bar(const struct gpu *gpu, const struct iomem *entry)
{
	return gpu->in_bars && entry->start <= gpu->bar_start[4] &&
	       entry->end >= gpu->bar_start[4] + gpu->bar_size[4] - 1;
}

/* The driver's RAM is one run of exactly the range, and nothing else is there. */
static void check_iomem(const struct gpu *gpu)
{
	const struct nvgrace_guest_info *info = &gpu->info;
	g_autoptr(GArray) entries = iomem_read();
	guint64 end = info->base + (gpu->in_bars ? gpu->bar_size[4] : info->size);
	const char *intruder = NULL;
	guint64 next = info->base;
	gboolean contiguous = TRUE;
	guint i, segments = 0;

	for (i = 0; i < entries->len; i++) {
		const struct iomem *entry = &g_array_index(entries, struct iomem, i);

		/* Another GPU's, perhaps */
		if (entry->start >= end || entry->end < info->base)
			continue;
		if (!strcmp(entry->name, RAM_NAME)) {
			contiguous &= entry->start == next;
			next = entry->end + 1;
			segments++;
		} else if (!is_around_bar(gpu, entry)) {
			intruder = entry->name;
		}
	}

	report_check("iomem-range",
		     segments && contiguous && next == info->base + info->online_size,
		     "%u segments up to 0x%" G_GINT64_MODIFIER "x, wanted 0x%llx-0x%llx",
		     segments, next - 1, info->base, info->base + info->online_size - 1);
	report_check("iomem-alone", entries->len && !intruder,
		     "%s at 0x%llx-0x%" G_GINT64_MODIFIER "x beside the coherent memory",
		     intruder ?: "nothing", info->base, end - 1);
}

gboolean step_online(struct gpu *gpu, const struct guest *guest)
{
	const struct nvgrace_guest_info *info = &gpu->info;

	if (!open_driver(gpu))
		return FALSE;

	report_fact("coherent-base", "0x%llx", info->base);
	report_fact("coherent-size", "0x%llx", info->size);
	report_fact("coherent-online", "0x%llx", info->online_size);
	report_fact("coherent-node", "%u", info->node);
	check_size(gpu, guest->limit_mib);
	check_place(gpu);
	check_iomem(gpu);
	return TRUE;
}

/* ZONE_MOVABLE is for this: without its driver the memory is nobody's again. */
gboolean step_offline(struct guest *guest)
{
	guint64 before = nodes_in("has_memory"), nodes = 0, after;
	g_autoptr(GArray) entries = NULL;
	guint i, left = 0;
	int error;

	if (!guest->offline)
		return TRUE;

	FOR_EACH_GPU(guest, gpu) {
		munmap(gpu->memory, gpu->memory_len);
		gpu->memory = NULL;
		close(gpu->fd);
		gpu->fd = -1;
		nodes |= gpu_nodes(gpu);
	}
	error = syscall(SYS_delete_module, "nvgrace_guest", O_NONBLOCK) ? errno : 0;

	entries = iomem_read();
	for (i = 0; i < entries->len; i++)
		left += !strcmp(g_array_index(entries, struct iomem, i).name, RAM_NAME);
	after = nodes_in("has_memory");
	report_check("offline", !error && !left && entries->len &&
		     after == (before & ~nodes),
		     "unload: %s; %u segments are left, nodes with memory were 0x%"
		     G_GINT64_MODIFIER "x, are 0x%" G_GINT64_MODIFIER "x",
		     g_strerror(error), left, before, after);
	return TRUE;
}
