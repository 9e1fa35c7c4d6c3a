/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NUMA nodes: the GPU's first one owns its memory and nothing else, as
 * ZONE_MOVABLE, its others own none, and the distances are bare metal's.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "guest.h"
#include "../stack/gpu-sysfs.h"

#define NODES "/sys/devices/system/node"

/* Masks have that many bits; Debian's kernels have 16 nodes */
#define MAX_NODE 63

/* Published numactl -H of Grace machines: GB200 with firmware since late 2024 */
#define DISTANCE_SELF 10
#define DISTANCE_SIBLING 11
#define DISTANCE_CPU_CPU 40
#define DISTANCE_GPU_GPU 40
#define DISTANCE_OWN_CPU 80
#define DISTANCE_OTHER_CPU 120

static char *read_node_file(const char *format, ...) G_GNUC_PRINTF(1, 2);
static char *read_node_file(const char *format, ...)
{
	g_autofree char *name = NULL, *path = NULL;
	char *text = NULL;
	va_list args;

	va_start(args, format);
	name = g_strdup_vprintf(format, args);
	va_end(args);
	path = g_build_filename(NODES, name, NULL);
	if (!g_file_get_contents(path, &text, NULL, NULL))
		return g_strdup("");
	return g_strchomp(text);
}

guint64 nodes_in(const char *attribute)
{
	g_autofree char *text = read_node_file("%s", attribute);
	g_auto(GStrv) ranges = g_strsplit(text, ",", -1);
	guint64 mask = 0;
	char **range;

	for (range = ranges; *range && **range; range++) {
		char *end;
		guint64 first = g_ascii_strtoull(*range, &end, 10);
		guint64 last = *end == '-' ? g_ascii_strtoull(end + 1, NULL, 10) : first;

		for (; first <= last && first <= MAX_NODE; first++)
			mask |= 1ull << first;
	}
	return mask;
}

guint64 gpu_nodes(const struct gpu *gpu)
{
	guint64 mask = 0;
	guint i;

	for (i = 0; i < gpu->info.node_count; i++)
		mask |= 1ull << gpu->info.nodes[i];
	return mask;
}

guint64 node_meminfo(guint node, const char *key)
{
	g_autofree char *text = read_node_file("node%u/meminfo", node);
	g_autofree char *line = g_strdup_printf("Node %u %s:", node, key);
	const char *found = strstr(text, line);

	return found ? g_ascii_strtoull(found + strlen(line), NULL, 10) : 0;
}

/* -1 if the kernel does not say; its list is of online nodes, in order. */
static int distance(guint from, guint to)
{
	g_autofree char *text = read_node_file("node%u/distance", from);
	g_auto(GStrv) words = g_strsplit(text, " ", -1);
	guint64 online = nodes_in("online");
	guint index = __builtin_popcountll(online & ((1ull << to) - 1));

	if (!((online >> to) & 1) || index >= g_strv_length(words) || !*words[index])
		return -1;
	return g_ascii_strtoll(words[index], NULL, 10);
}

/* As numactl -H prints it. */
static void report_nodes(guint64 online)
{
	g_autoptr(GString) table = g_string_new(NULL);
	g_autofree char *list = read_node_file("online");
	guint node, to;

	g_string_printf(table, "available: %d nodes (%s)\n", __builtin_popcountll(online), list);
	for (node = 0; node <= MAX_NODE; node++) {
		g_autofree char *cpus = NULL;

		if (!((online >> node) & 1))
			continue;
		cpus = read_node_file("node%u/cpulist", node);
		g_string_append_printf(table, "node %u cpus: %s\n", node, cpus);
		g_string_append_printf(table, "node %u size: %" G_GUINT64_FORMAT " MB\n", node,
				       node_meminfo(node, "MemTotal") / 1024);
		g_string_append_printf(table, "node %u free: %" G_GUINT64_FORMAT " MB\n", node,
				       node_meminfo(node, "MemFree") / 1024);
	}

	g_string_append(table, "node distances:\nnode");
	for (to = 0; to <= MAX_NODE; to++) {
		if ((online >> to) & 1)
			g_string_append_printf(table, " %3u", to);
	}
	g_string_append_c(table, '\n');
	for (node = 0; node <= MAX_NODE; node++) {
		if (!((online >> node) & 1))
			continue;
		g_string_append_printf(table, "%3u:", node);
		for (to = 0; to <= MAX_NODE; to++) {
			if ((online >> to) & 1)
				g_string_append_printf(table, " %3d", distance(node, to));
		}
		g_string_append_c(table, '\n');
	}
	report_text("nodes", table->str);
}

static void check_nodes(const struct gpu *gpu, guint64 online)
{
	const struct nvgrace_guest_info *info = &gpu->info;
	guint64 nodes = gpu_nodes(gpu);
	guint64 total = node_meminfo(info->node, "MemTotal") * 1024;
	guint64 memory = nodes_in("has_memory") & nodes;

	report_check("gpu-nodes",
		     info->node_count == gpu->node_count &&
		     info->flags & NVGRACE_GUEST_NODES_FROM_SRAT,
		     "%u from %s, wanted %u from SRAT", info->node_count,
		     info->flags & NVGRACE_GUEST_NODES_FROM_SRAT ? "SRAT" : "_DSD",
		     gpu->node_count);
	report_check("gpu-nodes-online", (online & nodes) == nodes,
		     "mask 0x%" G_GINT64_MODIFIER "x of 0x%" G_GINT64_MODIFIER "x",
		     online & nodes, nodes);
	report_check("gpu-nodes-memory", memory == 1ull << info->node,
		     "of the GPU's nodes 0x%" G_GINT64_MODIFIER "x these have memory: 0x%"
		     G_GINT64_MODIFIER "x, wanted only node %u", nodes, memory, info->node);
	report_check("node-total", total == info->online_size,
		     "node %u has 0x%" G_GINT64_MODIFIER "x bytes, 0x%llx were onlined",
		     info->node, total, info->online_size);
}

static guint64 zone_value(const char *zone, const char *key)
{
	const char *found = strstr(zone, key);

	return found ? g_ascii_strtoull(found + strlen(key), NULL, 10) : 0;
}

/* Of the node only zone Movable has pages, and it spans the range exactly. */
static void check_zones(const struct gpu *gpu)
{
	const struct nvgrace_guest_info *info = &gpu->info;
	guint64 page = sysconf(_SC_PAGESIZE);
	g_autofree char *text = NULL;
	g_auto(GStrv) zones = NULL;
	guint64 start = 0, spanned = 0;
	const char *other = NULL;
	char **zone;

	if (!g_file_get_contents("/proc/zoneinfo", &text, NULL, NULL)) {
		report_check("zone", FALSE, "/proc/zoneinfo is not readable");
		return;
	}

	zones = g_strsplit(text, "Node ", -1);
	for (zone = zones; *zone; zone++) {
		char name[32];
		guint node;

		if (sscanf(*zone, "%u, zone %31s", &node, name) != 2 || node != info->node)
			continue;
		if (!strcmp(name, "Movable")) {
			start = zone_value(*zone, "start_pfn:") * page;
			spanned = zone_value(*zone, " spanned ") * page;
		} else if (zone_value(*zone, " present ")) {
			other = *zone;
		}
	}
	report_check("zone", start == info->base && spanned == info->online_size && !other,
		     "Movable of node %u spans 0x%" G_GINT64_MODIFIER "x bytes from 0x%"
		     G_GINT64_MODIFIER "x, %s", info->node, spanned, start,
		     other ? "and the node has another zone" : "no other zone has pages");
}

/* What bare metal has between a node of the GPU and another; 0: nothing is known. */
static int wanted_distance(const struct gpu *gpu, guint own, guint other)
{
	guint64 bit = 1ull << other;
	g_autofree char *socket = NULL;

	g_autofree char *typed = agent_cmdline("nvgrace.distance");

	if (own == other)
		return DISTANCE_SELF;
	if (typed)
		return g_ascii_strtoll(typed, NULL, 10);
	if (gpu_nodes(gpu) & bit)
		return DISTANCE_SIBLING;
	if (nodes_in("has_generic_initiator") & bit)
		return DISTANCE_GPU_GPU;
	if (!(nodes_in("has_cpu") & bit))
		return 0;
	socket = gpu_attribute(gpu->bdf, "numa_node");
	return g_ascii_strtoll(socket ?: "-1", NULL, 10) == other ? DISTANCE_OWN_CPU :
	       DISTANCE_OTHER_CPU;
}

/* Both ways between all nodes of the GPU and all there are. */
static void check_distances(const struct gpu *gpu, guint64 online)
{
	guint node, to, compared = 0, wrong = 0;

	for (node = 0; node <= MAX_NODE; node++) {
		if (!((gpu_nodes(gpu) >> node) & 1))
			continue;
		for (to = 0; to <= MAX_NODE; to++) {
			int wanted, there, back;

			wanted = (online >> to) & 1 ? wanted_distance(gpu, node, to) : 0;
			if (!wanted)
				continue;
			compared++;
			there = distance(node, to);
			back = distance(to, node);
			if (there == wanted && back == wanted)
				continue;
			/* All of them would be dozens */
			if (!wrong++)
				report_check("distance", FALSE, "%u to %u is %d, back %d, wanted %d",
					     node, to, there, back, wanted);
		}
	}
	if (!wrong)
		report_check("distance", compared > gpu->info.node_count,
			     "%u compared with bare metal's", compared);
}

gboolean step_topology(struct gpu *gpu, const struct guest *guest G_GNUC_UNUSED)
{
	guint64 online = nodes_in("online");

	check_nodes(gpu, online);
	check_zones(gpu);
	check_distances(gpu, online);
	return TRUE;
}

/* The table, and in it what has nothing to do with GPUs. */
gboolean step_nodes(struct guest *guest G_GNUC_UNUSED)
{
	guint64 online = nodes_in("online"), cpu = nodes_in("has_cpu");
	guint from, to, wrong = 0;

	report_file("iomem", "/proc/iomem");
	report_nodes(online);
	for (from = 0; from <= MAX_NODE; from++) {
		for (to = 0; to <= MAX_NODE; to++) {
			if (from != to && (cpu >> from) & (cpu >> to) & 1)
				wrong += distance(from, to) != DISTANCE_CPU_CPU;
		}
	}
	report_check("socket-distance", cpu && !wrong, "%u of the distances of %d sockets are not %d",
		     wrong, __builtin_popcountll(cpu), DISTANCE_CPU_CPU);
	return TRUE;
}
