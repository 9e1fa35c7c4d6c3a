/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The GPU as firmware describes it, then the driver that onlines its memory:
 * exactly the range of _DSD, in exactly one node, and nothing else at that place.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <hw/misc/nvgrace-gpu-regs.h>

#include "agent.h"
#include "guest.h"
#include "../stack/gpu-sysfs.h"

#define PCI_DEVICES "/sys/bus/pci/devices"
#define BLOCK_SIZE "/sys/devices/system/memory/block_size_bytes"
#define AUTO_ONLINE "/sys/devices/system/memory/auto_online_blocks"

#define GIB (1ull << 30)
#define MIB (1ull << 20)
/* Of parts with the MIG defect, an ABI between firmware and drivers */
#define RESMEM_MIN GIB
#define USEMEM_ALIGN (512 * MIB)

#define RAM_NAME "System RAM (NVIDIA)"

static guint64 device_id(const struct guest *guest)
{
	g_autofree char *text = gpu_attribute(guest->bdf, "device");

	return text ? g_ascii_strtoull(text, NULL, 16) : 0;
}

static gboolean is_hopper(const struct guest *guest)
{
	return device_id(guest) == NVGRACE_DEVICE_ID_GH200;
}

/* Levels of the ACPI path below the host bridge: as many as of the PCI path. */
static void check_companion(const struct guest *guest)
{
	g_autofree char *path = gpu_attribute(guest->bdf, "firmware_node/path");
	g_autofree char *link = g_build_filename(PCI_DEVICES, guest->bdf, NULL);
	g_autofree char *target = g_file_read_link(link, NULL);
	g_auto(GStrv) acpi = g_strsplit(path ?: "", ".", -1);
	g_auto(GStrv) pci = g_strsplit(target ?: "", "/", -1);
	guint acpi_levels = g_strv_length(acpi);
	guint pci_levels = 0, i;

	for (i = 0; pci[i]; i++) {
		/* DDDD:BB:DD.F, but not the host bridge's pciDDDD:BB */
		if (strchr(pci[i], ':') && strchr(pci[i], '.'))
			pci_levels++;
	}

	/* \_SB_ and the host bridge come before */
	report_check("gpu-acpi-path",
		     path && g_str_has_prefix(path, "\\_SB_.PC") && pci_levels >= 2 &&
		     acpi_levels == pci_levels + 2,
		     "%s for %s", path ?: "no companion", target ?: guest->bdf);
}

/* Coherent memory is no BAR: 2 and 4 are where the BAR way would have put it. */
static void check_bars(const struct guest *guest)
{
	g_autofree char *path = g_build_filename(PCI_DEVICES, guest->bdf, "resource", NULL);
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	guint64 start[6] = { 0 }, end[6] = { 0 };
	guint i, count = 0;

	if (g_file_get_contents(path, &text, NULL, NULL)) {
		lines = g_strsplit(text, "\n", -1);
		while (count < 6 && lines[count] &&
		       sscanf(lines[count], "%" G_GINT64_MODIFIER "x %" G_GINT64_MODIFIER "x",
			      &start[count], &end[count]) == 2)
			count++;
	}

	for (i = 0; i < count; i++) {
		if (end[i])
			report_fact("bar", "%u 0x%" G_GINT64_MODIFIER "x-0x%"
				    G_GINT64_MODIFIER "x", i, start[i], end[i]);
	}
	report_check("gpu-bars",
		     count == 6 && end[0] - start[0] + 1 == NVGRACE_BAR0_SIZE &&
		     !end[4] && (!is_hopper(guest) || !end[2]),
		     "BAR0 of %" G_GUINT64_FORMAT " bytes, BAR2 %s, BAR4 %s",
		     end[0] - start[0] + 1, end[2] ? "present" : "none",
		     end[4] ? "present" : "none");
}

static void check_boot_nodes(const struct guest *guest)
{
	g_autofree char *text = gpu_attribute(guest->bdf, "numa_node");
	gint64 node = text ? g_ascii_strtoll(text, NULL, 10) : -1;
	guint64 initiators = nodes_in("has_generic_initiator");
	guint64 memory = nodes_in("has_memory");
	guint64 cpu = nodes_in("has_cpu");

	report_check("gpu-numa-node", node >= 0 && node < 64 && (cpu >> node) & 1,
		     "node %" G_GINT64_FORMAT " is %s", node,
		     node >= 0 && (cpu >> node) & 1 ? "the CPU's" : "no CPU node");
	report_check("initiator-nodes",
		     (guint)__builtin_popcountll(initiators) == guest->node_count,
		     "%d nodes are generic initiators, %u wanted",
		     __builtin_popcountll(initiators), guest->node_count);
	report_check("initiator-nodes-empty", initiators && !(initiators & (memory | cpu)),
		     "generic initiators 0x%" G_GINT64_MODIFIER "x, with memory 0x%"
		     G_GINT64_MODIFIER "x, with CPUs 0x%" G_GINT64_MODIFIER "x",
		     initiators, memory, cpu);
}

gboolean step_firmware(struct guest *guest)
{
	guest->bdf = gpu_find();
	report_check("gpu", guest->bdf != NULL, "%s",
		     guest->bdf ?: "no NVIDIA 3D controller on any bus");
	if (!guest->bdf)
		return FALSE;

	report_fact("gpu", "%s 0x%04" G_GINT64_MODIFIER "x", guest->bdf, device_id(guest));
	check_companion(guest);
	check_bars(guest);
	check_boot_nodes(guest);
	return TRUE;
}

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

static gboolean load_driver(struct guest *guest)
{
	g_autofree char *module = g_strdup_printf("nvgrace-guest limit_mib=%u", guest->limit_mib);
	g_autofree char *path = g_strdup_printf("/dev/nvgrace-gpu-%s", guest->bdf);
	const char *const modules[] = { module, NULL };
	g_autofree char *driver = NULL;
	gboolean ok;

	if (!agent_load_modules(modules))
		return FALSE;

	driver = gpu_link(guest->bdf, "driver");
	if (driver && agent_wait_path(path, 5000))
		guest->fd = open(path, O_RDWR | O_CLOEXEC);
	ok = guest->fd >= 0 && !ioctl(guest->fd, NVGRACE_GUEST_INFO, &guest->info);
	report_check("driver", ok, "%s is bound to %s, %s %s", guest->bdf, driver ?: "nothing",
		     path, ok ? "answers" : "does not answer: the kernel log says why");
	return ok;
}

static void check_size(const struct guest *guest)
{
	const struct nvgrace_guest_info *info = &guest->info;
	g_autofree char *text = NULL;
	guint64 block = 0, usemem, online;

	if (g_file_get_contents(BLOCK_SIZE, &text, NULL, NULL))
		block = g_ascii_strtoull(text, NULL, 16);
	if (!block) {
		report_check("usemem-size", FALSE, "%s is not readable", BLOCK_SIZE);
		return;
	}

	usemem = info->size;
	if (is_hopper(guest))
		usemem = (info->size - RESMEM_MIN) / USEMEM_ALIGN * USEMEM_ALIGN;
	usemem = usemem / block * block;
	online = guest->limit_mib ? MIN(usemem, guest->limit_mib * MIB / block * block) : usemem;

	report_check("mig-defect", is_hopper(guest) == !!(info->flags & NVGRACE_GUEST_MIG_DEFECT),
		     "DVSEC says %s", info->flags & NVGRACE_GUEST_MIG_DEFECT ?
		     "that the end of the memory is reserved" : "that all of it is usable");
	report_check("usemem-size", info->usemem_size == usemem,
		     "0x%llx of 0x%llx bytes, wanted 0x%" G_GINT64_MODIFIER "x",
		     info->usemem_size, info->size, usemem);
	report_check("online-size", info->online_size == online,
		     "0x%llx bytes, wanted 0x%" G_GINT64_MODIFIER "x", info->online_size, online);
}

/* The driver's RAM is one run of exactly the range, and nothing else is there. */
static void check_iomem(const struct guest *guest)
{
	const struct nvgrace_guest_info *info = &guest->info;
	g_autoptr(GArray) entries = iomem_read();
	const char *intruder = NULL;
	guint64 next = info->base;
	gboolean contiguous = TRUE;
	guint i, segments = 0;

	for (i = 0; i < entries->len; i++) {
		const struct iomem *entry = &g_array_index(entries, struct iomem, i);

		if (!strcmp(entry->name, RAM_NAME)) {
			contiguous &= entry->start == next;
			next = entry->end + 1;
			segments++;
		} else if (entry->start < info->base + info->size && entry->end >= info->base) {
			intruder = entry->name;
		}
	}

	report_check("iomem-range",
		     segments && contiguous && next == info->base + info->online_size,
		     "%u segments up to 0x%" G_GINT64_MODIFIER "x, wanted 0x%llx-0x%llx",
		     segments, next - 1, info->base, info->base + info->online_size - 1);
	report_check("iomem-alone", entries->len && !intruder,
		     "%s at 0x%llx-0x%llx beside the coherent memory",
		     intruder ?: "nothing", info->base, info->base + info->size - 1);
}

gboolean step_online(struct guest *guest)
{
	const struct nvgrace_guest_info *info = &guest->info;

	if (!set_online_policy() || !load_driver(guest))
		return FALSE;

	report_fact("coherent-base", "0x%llx", info->base);
	report_fact("coherent-size", "0x%llx", info->size);
	report_fact("coherent-online", "0x%llx", info->online_size);
	report_fact("coherent-node", "%u", info->node);
	check_size(guest);
	report_file("iomem", "/proc/iomem");
	check_iomem(guest);
	return TRUE;
}

/* ZONE_MOVABLE is for this: without its driver the memory is nobody's again. */
gboolean step_offline(struct guest *guest)
{
	guint64 before = nodes_in("has_memory"), after;
	g_autoptr(GArray) entries = NULL;
	guint i, left = 0;
	int error;

	if (!guest->offline)
		return TRUE;

	munmap(guest->memory, guest->memory_len);
	guest->memory = NULL;
	close(guest->fd);
	guest->fd = -1;
	error = syscall(SYS_delete_module, "nvgrace_guest", O_NONBLOCK) ? errno : 0;

	entries = iomem_read();
	for (i = 0; i < entries->len; i++)
		left += !strcmp(g_array_index(entries, struct iomem, i).name, RAM_NAME);
	after = nodes_in("has_memory");
	report_check("offline", !error && !left && entries->len &&
		     after == (before & ~gpu_nodes(guest)),
		     "unload: %s; %u segments are left, nodes with memory were 0x%"
		     G_GINT64_MODIFIER "x, are 0x%" G_GINT64_MODIFIER "x",
		     g_strerror(error), left, before, after);
	return TRUE;
}
