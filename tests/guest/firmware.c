/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The GPUs as firmware describes them, before any driver: where they are in
 * ACPI, which BARs and which nodes they have.
 */
#include <stdio.h>
#include <string.h>

#include <hw/misc/nvgrace-gpu-regs.h>

#include "agent.h"
#include "guest.h"
#include "../stack/gpu-sysfs.h"

#define PCI_DEVICES "/sys/bus/pci/devices"

static guint64 device_id(const struct gpu *gpu)
{
	g_autofree char *text = gpu_attribute(gpu->bdf, "device");

	return text ? g_ascii_strtoull(text, NULL, 16) : 0;
}

gboolean gpu_is_hopper(const struct gpu *gpu)
{
	return device_id(gpu) == NVGRACE_DEVICE_ID_GH200;
}

/*
 * Levels of the ACPI path below the host bridge: as many as of the PCI path.
 * That it is the node of this GPU and no other, its driver shows.
 */
static void check_companion(const struct gpu *gpu)
{
	g_autofree char *path = gpu_attribute(gpu->bdf, "firmware_node/path");
	g_autofree char *link = g_build_filename(PCI_DEVICES, gpu->bdf, NULL);
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
		     acpi_levels == pci_levels + 2 &&
		     (!gpu->path || g_str_has_suffix(path, gpu->path)),
		     "%s for %s", path ?: "no companion", target ?: gpu->bdf);
}

/* <linux/ioport.h>: of a BAR for memory, 64-bit and prefetchable */
#define BAR_FLAGS (0x00000200 | 0x00002000 | 0x00100000)

static gboolean is_memory_bar(const struct gpu *gpu, guint bar, guint64 flags)
{
	return gpu->bar_size[bar] && (flags & BAR_FLAGS) == BAR_FLAGS;
}

/*
 * Coherent memory is no BAR; 2 and 4 are where the BAR way would have put it, and
 * where QEMU has it if asked to.
 */
static void check_bars(struct gpu *gpu)
{
	g_autofree char *path = g_build_filename(PCI_DEVICES, gpu->bdf, "resource", NULL);
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	guint64 end, flags[6] = { 0 };
	guint i, count = 0;
	gboolean ok;

	if (g_file_get_contents(path, &text, NULL, NULL)) {
		lines = g_strsplit(text, "\n", -1);
		while (count < 6 && lines[count] &&
		       sscanf(lines[count], "%" G_GINT64_MODIFIER "x %" G_GINT64_MODIFIER "x %"
			      G_GINT64_MODIFIER "x", &gpu->bar_start[count], &end,
			      &flags[count]) == 3) {
			gpu->bar_size[count] = end ? end - gpu->bar_start[count] + 1 : 0;
			count++;
		}
	}

	for (i = 0; i < count; i++) {
		if (gpu->bar_size[i])
			report_fact("bar", "%u 0x%" G_GINT64_MODIFIER "x bytes at 0x%"
				    G_GINT64_MODIFIER "x", i, gpu->bar_size[i],
				    gpu->bar_start[i]);
	}
	ok = count == 6 && gpu->bar_size[0] == NVGRACE_BAR0_SIZE;
	if (gpu->in_bars)
		ok = ok && is_memory_bar(gpu, 2, flags[2]) && is_memory_bar(gpu, 4, flags[4]);
	else
		ok = ok && !gpu->bar_size[4] && (!gpu_is_hopper(gpu) || !gpu->bar_size[2]);
	report_check("gpu-bars", ok,
		     "BAR0 of 0x%" G_GINT64_MODIFIER "x bytes, BAR2 of 0x%" G_GINT64_MODIFIER
		     "x, flags 0x%" G_GINT64_MODIFIER "x, BAR4 of 0x%" G_GINT64_MODIFIER
		     "x, flags 0x%" G_GINT64_MODIFIER "x; memory is to be in %s",
		     gpu->bar_size[0], gpu->bar_size[2], flags[2], gpu->bar_size[4], flags[4],
		     gpu->in_bars ? "BARs" : "none");
}

/* The node of the socket, not one of the GPU's own. */
static void check_socket(const struct gpu *gpu)
{
	g_autofree char *text = gpu_attribute(gpu->bdf, "numa_node");
	gint64 node = text ? g_ascii_strtoll(text, NULL, 10) : -1;
	gboolean has_cpu = node >= 0 && node < 64 && (nodes_in("has_cpu") >> node) & 1;

	report_check("gpu-numa-node", has_cpu && (gpu->socket < 0 || node == gpu->socket),
		     "node %" G_GINT64_FORMAT " is %s, wanted %d (-1: any)", node,
		     has_cpu ? "a CPU's" : "no CPU node", gpu->socket);
}

gboolean step_firmware(struct gpu *gpu, const struct guest *guest G_GNUC_UNUSED)
{
	report_fact("gpu", "%s 0x%04" G_GINT64_MODIFIER "x", gpu->bdf, device_id(gpu));
	check_companion(gpu);
	check_bars(gpu);
	check_socket(gpu);
	return TRUE;
}

/* As many as wanted, and nodes for all of them, that have nothing else. */
gboolean step_gpus(struct guest *guest)
{
	g_auto(GStrv) found = gpu_list();
	g_autofree char *list = g_strjoinv(", ", found);
	guint64 initiators = nodes_in("has_generic_initiator");
	guint64 memory = nodes_in("has_memory");
	guint64 cpu = nodes_in("has_cpu");
	guint wanted = 0, i = 0;

	report_check("gpu", g_strv_length(found) == guest->gpus->len,
		     "NVIDIA 3D controllers: %s; wanted %u", *list ? list : "none",
		     guest->gpus->len);
	if (g_strv_length(found) != guest->gpus->len)
		return FALSE;

	FOR_EACH_GPU(guest, gpu) {
		gpu->bdf = g_strdup(found[i++]);
		wanted += gpu->node_count;
	}
	report_check("initiator-nodes", (guint)__builtin_popcountll(initiators) == wanted,
		     "%d nodes are generic initiators, %u wanted",
		     __builtin_popcountll(initiators), wanted);
	report_check("initiator-nodes-empty", initiators && !(initiators & (memory | cpu)),
		     "generic initiators 0x%" G_GINT64_MODIFIER "x, with memory 0x%"
		     G_GINT64_MODIFIER "x, with CPUs 0x%" G_GINT64_MODIFIER "x",
		     initiators, memory, cpu);
	return TRUE;
}
