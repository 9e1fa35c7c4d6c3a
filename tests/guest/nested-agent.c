/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Process 1 of a guest that passes its GPU on: to drivers of VFIO, as a
 * hypervisor in the guest would have it.  The guest's tables are bare metal's, so
 * drivers for bare metal find in them what they look for, unmodified:
 *
 *	upstream	nvgrace-gpu as Linux has it: shows the memory as BAR 4 and 2
 *	ours		the exporter, as in the host: two device-specific regions
 *
 * For each it is proved, with a user of VFIO in a type1 container behind the
 * virtio-iommu of the guest,
 *
 *	-bind, -open	that the driver takes the GPU
 *	-claims		that it claims the range of the tables, if it claims any (ours)
 *	-usemem, -resmem that it offers regions of the sizes that the host's has
 *	-content	that what the host wrote to the GPU's memory is there, byte for
 *			byte, at its offset: base and split are right
 *	-pread		the same not by mapping
 *	-write		that what the user writes is there for him and the GPU
 *	-engine		that the GPU reaches his RAM, through two IOMMUs
 *	-engine-peer	that it reaches its own memory by an I/O virtual address, too
 *	-engine-unmapped that it reaches nothing that he has not mapped
 *
 * What the users have written, the host looks at when the guest has ended.
 *
 *	nvgrace.usemem=BYTES	what the host's driver offers
 *	nvgrace.resmem=BYTES	... 0 if there is none
 */
#include <errno.h>
#include <linux/vfio.h>
#include <linux/vfio_nvgrace.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <hw/misc/nvgrace-gpu-regs.h>

#include "agent.h"
#include "nested-engine.h"
#include "system.h"
#include "../stack/child.h"
#include "../stack/gpu-sysfs.h"
#include "../stack/nested.h"
#include "../stack/pattern.h"
#include "../stack/vfio-client.h"

#define GIB (1ull << 30)
#define PAGE NESTED_PAGE
#define PMD (2ull << 20)
#define USER_SECONDS 120
#define PORT_SECONDS 60

/* Where the user's buffer and the GPU's memory are for the GPU; above the MSI window */
#define IOVA_BUFFER (1 * GIB)
#define IOVA_MEMORY (2 * GIB)
#define IOVA_NOTHING (3 * GIB)

struct regions {
	struct vfio_client_region each[2];	/* usemem; resmem, of size 0 if there is none */
};

struct way {
	const char *name;
	const char *driver;
	guint64 seed;
	gboolean (*find)(const struct vfio_client *client, struct regions *regions);
	guint64 (*size)(guint64 bytes, guint64 all);	/* that a region must report */
};

static const char *const region_names[] = { "usemem", "resmem" };

/* What the host's driver offers, of each region. */
static guint64 host_size[2];

/* ------------------------------------------------------- the two drivers' regions */

static gboolean upstream_find(const struct vfio_client *client, struct regions *regions)
{
	/* a BAR that does not exist is a region of size 0 */
	return !vfio_client_region(client, VFIO_PCI_BAR4_REGION_INDEX, &regions->each[0]) &&
	       !vfio_client_region(client, VFIO_PCI_BAR2_REGION_INDEX, &regions->each[1]);
}

/* BARs are powers of two; of usemem before it is rounded down to 512 MiB. */
static guint64 upstream_size(guint64 bytes, guint64 all)
{
	guint64 size = 1;

	if (all > bytes && bytes == host_size[0])
		bytes = all - GIB;
	while (size < bytes)
		size *= 2;
	return size;
}

static gboolean ours_find(const struct vfio_client *client, struct regions *regions)
{
	vfio_client_find(client, VFIO_REGION_TYPE_NVGRACE, VFIO_REGION_SUBTYPE_NVGRACE_RESMEM,
			 &regions->each[1]);
	return vfio_client_find(client, VFIO_REGION_TYPE_NVGRACE,
				VFIO_REGION_SUBTYPE_NVGRACE_USEMEM, &regions->each[0]);
}

static guint64 ours_size(guint64 bytes, guint64 all G_GNUC_UNUSED)
{
	return bytes;
}

/* In this order, see nested_last_writer(). */
static const struct way ways[] = {
	{ "upstream", "nvgrace_gpu_vfio_pci", NESTED_UPSTREAM, upstream_find, upstream_size },
	{ "ours", "nvgrace_region_vfio_pci", NESTED_OURS, ours_find, ours_size },
};

/* ------------------------------------------------------------------------- checks */

/* None of this process' own has failed. */
static gboolean held = TRUE;

/* A check of this way's. */
static void check(const struct way *way, const char *name, gboolean ok, const char *format, ...)
	G_GNUC_PRINTF(4, 5);
static void check(const struct way *way, const char *name, gboolean ok, const char *format, ...)
{
	g_autofree char *full = g_strdup_printf("%s-%s", way->name, name);
	g_autofree char *detail = NULL;
	va_list args;

	va_start(args, format);
	detail = g_strdup_vprintf(format, args);
	va_end(args);
	held &= ok;
	report_check(full, ok, "%s", detail);
}

static void check_sizes(const struct way *way, const struct regions *regions)
{
	guint64 all = host_size[0] + host_size[1];

	for (guint r = 0; r < 2; r++) {
		const struct vfio_client_region *region = &regions->each[r];
		guint64 wanted = host_size[r] ? way->size(host_size[r], all) : 0;

		/* Blackwell has a BAR 2 of its own, which is not resmem */
		if (!host_size[r] && r)
			continue;
		check(way, region_names[r], region->size == wanted &&
		      region->mappable == host_size[r],
		      "index %u, 0x%" G_GINT64_MODIFIER "x bytes, wanted 0x%" G_GINT64_MODIFIER
		      "x; 0x%" G_GINT64_MODIFIER "x of them can be mapped, wanted 0x%"
		      G_GINT64_MODIFIER "x", region->index, region->size, wanted,
		      region->mappable, host_size[r]);
	}
}

/* Whose content a place must have when this way's user comes. */
static guint64 writer_before(const struct way *way, guint i)
{
	guint64 last = nested_last_writer(i);

	return last < way->seed ? last : NESTED_HOST;
}

/* Through the mapping, and by pread. */
static void check_content(const struct way *way, const struct vfio_client *client,
			  const struct regions *regions, char *const *maps)
{
	guint places = 0, mapped = 0, read = 0;
	g_autofree char *page = g_malloc(PAGE);

	for (guint r = 0; r < 2 && maps[r]; r++) {
		for (guint i = 0; i < NESTED_PLACES; i++) {
			guint64 at = nested_place(host_size[r], i);
			guint64 seed = writer_before(way, i) + r;

			places++;
			memset(page, 0, PAGE);
			mapped += !touch_copy(page, maps[r] + at, PAGE) &&
				  pattern_match(page, PAGE, seed, at) == PAGE;
			memset(page, 0, PAGE);
			read += vfio_client_read(client, &regions->each[r], at, page, PAGE) ==
					(ssize_t)PAGE &&
				pattern_match(page, PAGE, seed, at) == PAGE;
		}
	}
	check(way, "content", mapped == places,
	      "%u of %u pages hold what was written last", mapped, places);
	check(way, "pread", read == places, "the same by pread: %u", read);
}

/*
 * Write this way's places, the even ones by store and the odd ones by the copy
 * engine from RAM, and read each back the other way.
 */
static void check_write(const struct way *way, const struct vfio_client *client,
			char *const *maps, char *buffer)
{
	guint places = 0, right = 0;
	int error = 0;

	for (guint r = 0; r < 2 && maps[r]; r++) {
		for (guint i = 0; i < NESTED_PLACES; i++) {
			guint64 at = nested_place(host_size[r], i);
			guint64 offset = at + (r ? host_size[0] : 0);
			guint64 seed = way->seed + r;
			int ret;

			if (nested_last_writer(i) != way->seed)
				continue;
			places++;
			pattern_fill(buffer, PAGE, seed, at);
			if (i % 2) {
				ret = nested_engine_copy(client, IOVA_BUFFER, offset, PAGE,
							 NVGRACE_CE_CTRL_DST_MEM);
				memset(buffer, 0, PAGE);
				ret = ret ?: touch_copy(buffer, maps[r] + at, PAGE);
			} else {
				ret = touch_copy(maps[r] + at, buffer, PAGE);
				memset(buffer, 0, PAGE);
				ret = ret ?: nested_engine_copy(client, offset, IOVA_BUFFER, PAGE,
								NVGRACE_CE_CTRL_SRC_MEM);
			}
			error = ret ?: error;
			right += !ret && pattern_match(buffer, PAGE, seed, at) == PAGE;
		}
	}
	check(way, "write", places && right == places,
	      "%u of %u pages written by CPU or engine are read by the other, error %d", right,
	      places, error);
}

/* The IOMMU of the guest: what is mapped is reached, and nothing else. */
static void check_dma(const struct way *way, const struct vfio_client *client, char *usemem,
		      char *buffer)
{
	guint64 at = nested_place(host_size[0], 3);
	int mapped, ret;

	memset(buffer, 0, PAGE);
	ret = nested_engine_copy(client, at, IOVA_BUFFER, PAGE, NVGRACE_CE_CTRL_SRC_MEM);
	check(way, "engine", !ret && pattern_match(buffer, PAGE, NESTED_HOST, at) == PAGE,
	      "a page of the GPU's memory to RAM: %d", ret);

	/* place 3 is the host's for good */
	mapped = vfio_client_map_dma(client, usemem + (at & ~(PMD - 1)),
				     PMD, IOVA_MEMORY);
	memset(buffer, 0, PAGE);
	ret = mapped ?: nested_engine_copy(client, IOVA_MEMORY + (at & (PMD - 1)),
					   IOVA_BUFFER, PAGE, 0);
	check(way, "engine-peer", !ret && pattern_match(buffer, PAGE, NESTED_HOST, at) == PAGE,
	      "the same page by DMA to the memory itself: %d", ret);

	/* A reset of the device is none of its address space. */
	memset(buffer, 0, PAGE);
	ret = mapped ?: vfio_client_reset(client) ?: nested_engine_open(client) ?:
		nested_engine_copy(client, IOVA_MEMORY + (at & (PMD - 1)), IOVA_BUFFER, PAGE, 0);
	check(way, "engine-reset", !ret && pattern_match(buffer, PAGE, NESTED_HOST, at) == PAGE,
	      "the same after a reset: %d", ret);
	if (!mapped)
		vfio_client_unmap_dma(client, IOVA_MEMORY, PMD);

	memset(buffer, 0x5a, PAGE);
	ret = nested_engine_copy(client, IOVA_NOTHING, nested_place(host_size[0], 0), PAGE,
				 NVGRACE_CE_CTRL_DST_MEM);
	check(way, "engine-unmapped", ret == NVGRACE_CE_CAUSE_DMA,
	      "from where nothing is mapped: %d, wanted %d", ret, NVGRACE_CE_CAUSE_DMA);
}

/* The mappings of both regions; FALSE if one is missing.  Never unmapped: the process ends. */
static gboolean map_regions(const struct way *way, const struct vfio_client *client,
			    const struct regions *regions, char **maps)
{
	for (guint r = 0; r < 2 && host_size[r]; r++) {
		maps[r] = vfio_client_map(client, &regions->each[r], 0, host_size[r],
					  PROT_READ | PROT_WRITE, TRUE);
		if (!maps[r]) {
			check(way, "map", FALSE, "%s: %s", region_names[r], g_strerror(errno));
			return FALSE;
		}
	}
	return TRUE;
}

static void use(const struct way *way, const struct vfio_client *client)
{
	struct regions regions = { 0 };
	gboolean found = way->find(client, &regions);
	char *maps[2] = { NULL, NULL };
	char *buffer;
	int ret;

	check(way, "regions", found, "%s", found ? "found" : "not there, or more than one");
	if (!found)
		return;
	check_sizes(way, &regions);

	buffer = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ret = nested_engine_open(client) ?:
		vfio_client_map_dma(client, buffer, PAGE, IOVA_BUFFER);
	check(way, "map-dma", ret == 0, "the engine, and a page of RAM for it: %s",
	      g_strerror(-ret));
	if (ret || !map_regions(way, client, &regions, maps))
		return;
	check_content(way, client, &regions, maps);
	check_write(way, client, maps, buffer);
	check_dma(way, client, maps[0], buffer);
}

/* In a process of its own: when that ends, the device is closed and all is unmapped. */
static int user(void *data)
{
	const struct way *way = data;
	struct vfio_client client;
	g_autofree char *bdf = gpu_find();
	int ret = vfio_client_open(&client, bdf);

	held = TRUE;
	check(way, "open", ret == 0, "%s: %s", bdf, g_strerror(-ret));
	if (!ret)
		use(way, &client);
	return held ? 0 : 1;
}

/* ------------------------------------------------------------------------ the guest */

/* Of an integer in the DSDT's _DSD, of any of AML's widths; 0 if it is not there. */
static guint64 table_integer(const char *name)
{
	static const guint8 prefixes[] = { 0x0a, 0x0b, 0x0c, 0x0e };	/* byte to qword */
	g_autofree char *table = NULL;
	gsize length = 0, name_length = strlen(name) + 1;

	if (!g_file_get_contents("/sys/firmware/acpi/tables/DSDT", &table, &length, NULL))
		return 0;
	for (gsize i = 0; i + name_length + 1 + sizeof(guint64) <= length; i++) {
		const char *integer = table + i + name_length;

		if (memcmp(table + i, name, name_length))
			continue;
		for (guint p = 0; p < G_N_ELEMENTS(prefixes); p++) {
			guint64 value = 0;

			if ((guint8)*integer != prefixes[p])
				continue;
			memcpy(&value, integer + 1, 1u << p);
			return GUINT64_FROM_LE(value);
		}
	}
	return 0;
}

/* The exporter keeps others from the memory: of that range, and no other. */
static void check_claim(void)
{
	guint64 base = table_integer("nvidia,gpu-mem-base-pa");
	guint64 size = table_integer("nvidia,gpu-mem-size");
	g_autoptr(GArray) entries = iomem_read();
	guint right = 0, claims = 0;

	for (guint i = 0; i < entries->len; i++) {
		const struct iomem *entry = &g_array_index(entries, struct iomem, i);

		if (strcmp(entry->name, "nvgrace coherent memory"))
			continue;
		claims++;
		right += entry->start == base && entry->end == base + size - 1;
	}
	report_check("ours-claims", base && size == host_size[0] + host_size[1] &&
		     claims == 1 && right == 1,
		     "tables: 0x%" G_GINT64_MODIFIER "x bytes at 0x%" G_GINT64_MODIFIER
		     "x; %u claims in /proc/iomem, %u of them that", size, base, claims, right);
}

static void run_way(const struct way *way)
{
	g_autofree char *bdf = gpu_find();
	gboolean ok = gpu_bind(bdf, way->driver);
	g_autofree char *driver = gpu_link(bdf, "driver");
	g_autofree char *result = NULL;

	check(way, "bind", ok, "%s is bound to %s", bdf, driver ?: "no driver");
	if (!ok)
		return;
	if (way->seed == NESTED_OURS)
		check_claim();
	result = child_text(child_run(user, (void *)way, USER_SECONDS));
	check(way, "user", strcmp(result, "status 0") == 0, "ended with %s", result);
	report_stage(way->name);
}

static gboolean find_gpu(void)
{
	g_autofree char *bdf = gpu_find();
	g_autofree char *path = gpu_attribute(bdf, "firmware_node/path");
	g_autofree char *group = gpu_link(bdf, "iommu_group");
	g_autofree char *iommu = gpu_link(bdf, "iommu/device/driver");

	report_check("gpu", bdf && path, "%s is %s", bdf ?: "no NVIDIA 3D controller",
		     path ?: "without companion");
	report_check("gpu-iommu", group && g_strcmp0(iommu, "virtio_iommu") == 0,
		     "IOMMU group %s of %s", group ?: "missing", iommu ?: "nothing");
	return bdf && path && group;
}

static guint64 bytes_argument(const char *name)
{
	g_autofree char *text = agent_cmdline(name);

	return text ? strtoull(text, NULL, 0) : 0;
}

/* Everything on PCI waits for the IOMMU, the port of the report as well. */
static void wait_for_port(void)
{
	gint64 deadline = g_get_monotonic_time() + PORT_SECONDS * G_USEC_PER_SEC;

	while (g_get_monotonic_time() < deadline) {
		g_autoptr(GDir) dir = g_dir_open("/sys/class/virtio-ports", 0, NULL);

		if (dir && g_dir_read_name(dir))
			return;
		g_usleep(20000);
	}
}

int main(void)
{
	static const char *const iommu[] = { "virtio_iommu", NULL };
	static const char *const vfio[] = {
		"vfio", "vfio_iommu_type1", "vfio-pci", "nvgrace-gpu-vfio-pci",
		/* what the host wrote must be there */
		"nvgrace-region-vfio-pci scrub=0", NULL
	};

	agent_boot();
	agent_load_modules(iommu);
	wait_for_port();
	report_open("org.nvgrace.report");
	report_stage("boot");
	agent_watchdog("nested", 300);

	host_size[0] = bytes_argument("nvgrace.usemem");
	host_size[1] = bytes_argument("nvgrace.resmem");
	report_check("modules", agent_load_modules(vfio) && host_size[0],
		     "VFIO and both drivers; usemem 0x%" G_GINT64_MODIFIER "x, resmem 0x%"
		     G_GINT64_MODIFIER "x", host_size[0], host_size[1]);
	if (find_gpu())
		for (guint i = 0; i < G_N_ELEMENTS(ways); i++)
			run_way(&ways[i]);
	step_kernel_log(NULL);
	agent_finish();
}
