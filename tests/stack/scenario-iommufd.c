/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The exporter with iommufd, on a kernel that has it.  DMA into coherent memory
 * goes by a dma-buf: the GPU's copy engine reads its own memory through the
 * IOMMU, where nothing but that mapping leads there.
 */
#include <errno.h>
#include <hw/misc/nvgrace-gpu-regs.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent.h"
#include "dmabuf.h"
#include "host-agent.h"
#include "pattern.h"
#include "scenario.h"

#define MIB (1ul << 20)
#define IOVA 0x100000000ull
#define LENGTH MIB
#define TARGET (8 * MIB)	/* in usemem: what the engine writes */

struct engine {
	const struct vfio_client *client;
	struct vfio_client_region bar0;
	volatile guint32 *registers;	/* from NVGRACE_CE_BASE on */
};

static void engine_write(const struct engine *engine, guint offset, guint32 value)
{
	engine->registers[(offset - NVGRACE_CE_BASE) / 4] = value;
}

/* Copy from a DMA address to an offset in coherent memory: the status, or ~0: hangs. */
static guint32 engine_copy(const struct engine *engine, guint64 iova, guint64 offset, guint64 length)
{
	guint32 status = ~0u;

	engine_write(engine, NVGRACE_CE_STATUS, NVGRACE_CE_STATUS_DONE | NVGRACE_CE_STATUS_ERROR);
	engine_write(engine, NVGRACE_CE_SRC_LO, iova);
	engine_write(engine, NVGRACE_CE_SRC_HI, iova >> 32);
	engine_write(engine, NVGRACE_CE_DST_LO, offset);
	engine_write(engine, NVGRACE_CE_DST_HI, offset >> 32);
	engine_write(engine, NVGRACE_CE_LEN_LO, length);
	engine_write(engine, NVGRACE_CE_LEN_HI, length >> 32);
	engine_write(engine, NVGRACE_CE_CTRL, NVGRACE_CE_CTRL_START | NVGRACE_CE_CTRL_DST_MEM);
	for (guint i = 0; i < 5000 && status & (status == ~0u ? 1 : NVGRACE_CE_STATUS_BUSY); i++) {
		g_usleep(1000);
		status = engine->registers[(NVGRACE_CE_STATUS - NVGRACE_CE_BASE) / 4];
	}
	return status;
}

/* Through the IOMMU, from what is at @from in usemem to TARGET; TRUE if that arrives. */
static gboolean dma_arrives(const struct engine *engine, const struct vfio_client_region *usemem,
			    guint64 from, guint64 seed, guint32 *status)
{
	g_autofree char *buf = g_malloc0(LENGTH);

	if (!write_pattern(engine->client, usemem, from, LENGTH, seed) ||
	    vfio_client_write(engine->client, usemem, TARGET, buf, LENGTH) != (ssize_t)LENGTH)
		return FALSE;
	*status = engine_copy(engine, IOVA + from, TARGET, LENGTH);
	if (vfio_client_read(engine->client, usemem, TARGET, buf, LENGTH) != (ssize_t)LENGTH)
		return FALSE;
	return pattern_match(buf, LENGTH, seed, from) == LENGTH;
}

static void set_command(const struct vfio_client *client, guint32 set, guint32 clear)
{
	guint32 command = vfio_client_config_read(client, PCI_COMMAND, 2);

	vfio_client_config_write(client, PCI_COMMAND, (command | set) & ~clear, 2);
}

static void check_dma(const struct engine *engine, const struct gpu_regions *regions)
{
	const struct vfio_client *client = engine->client;
	const struct vfio_client_region *usemem = &regions->usemem;
	guint32 status = 0, off = 0, again = 0;
	gboolean arrived, part, gone, back;
	char *map;
	int fd, ret;

	map = vfio_client_map(client, usemem, 0, LENGTH, PROT_READ | PROT_WRITE, TRUE);
	ret = map ? vfio_client_dma_map(client, map, LENGTH, IOVA) : -errno;
	report_check("iommufd-mapping", ret == -EFAULT, "DMA mapping of a mapping of usemem: %s",
		     error_text(ret));

	arrived = dma_arrives(engine, usemem, 0, 70, &status);
	report_check("iommufd-dma-none", !arrived && status & NVGRACE_CE_STATUS_ERROR,
		     "DMA without a mapping: status 0x%x", status);

	fd = dmabuf_get_region(client, usemem, 0, usemem->size);
	ret = fd < 0 ? fd : vfio_client_dma_map_file(client, fd, usemem->size, IOVA);
	report_check("iommufd-dmabuf", !ret, "DMA mapping of a dma-buf of usemem: %s",
		     error_text(ret));
	arrived = dma_arrives(engine, usemem, 0, 71, &status);
	part = dma_arrives(engine, usemem, usemem->size - LENGTH, 72, &off);
	report_check("iommufd-dma", arrived && part, "status 0x%x, at the end 0x%x", status, off);

	/* vfio-pci-core's rule for every dma-buf: without decoding it is nothing, for good */
	set_command(client, 0, PCI_COMMAND_MEMORY);
	set_command(client, PCI_COMMAND_MEMORY, 0);
	gone = !dma_arrives(engine, usemem, 0, 73, &status) && status & NVGRACE_CE_STATUS_ERROR;
	ret = vfio_client_dma_unmap(client, usemem->size, IOVA);
	ret = ret ?: vfio_client_dma_map_file(client, fd, usemem->size, IOVA);
	back = dma_arrives(engine, usemem, 0, 74, &again);
	report_check("iommufd-revoked", gone && !ret && back,
		     "decoding turned off and on: status 0x%x; mapped again: %s, status 0x%x",
		     status, error_text(ret), again);

	ret = vfio_client_reset(client);
	set_command(client, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
	gone = !dma_arrives(engine, usemem, 0, 75, &status) && status & NVGRACE_CE_STATUS_ERROR;
	report_check("iommufd-reset", !ret && gone, "%s; after it: status 0x%x", error_text(ret),
		     status);
	if (fd >= 0)
		close(fd);
	if (map)
		vfio_client_unmap(map, LENGTH);
}

void scenario_iommufd(const char *bdf)
{
	struct vfio_client client;
	struct gpu_regions regions = { 0 };
	struct engine engine = { .client = &client };
	gboolean found;
	int ret;

	if (!bind_gpu(bdf, EXPORTER))
		return;
	ret = vfio_client_open_cdev(&client, bdf);
	if (ret == -ENOENT) {
		report_check("iommufd-none", TRUE, "this kernel has none: %s", error_text(ret));
		return;
	}
	report_check("iommufd-open", !ret, "%s by its character device: %s", bdf, error_text(ret));
	if (ret)
		return;
	found = find_gpu_regions(&client, &regions);
	report_check("iommufd-regions", found, "0x%" G_GINT64_MODIFIER "x bytes of usemem",
		     regions.usemem.size);

	set_command(&client, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
	if (found && !vfio_client_region(&client, VFIO_PCI_BAR0_REGION_INDEX, &engine.bar0))
		engine.registers = vfio_client_map(&client, &engine.bar0, NVGRACE_CE_BASE,
						   sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
						   FALSE);
	report_check("iommufd-engine", engine.registers &&
		     engine.registers[0] == NVGRACE_CE_ID_VALUE, "the copy engine answers");
	if (engine.registers) {
		check_dma(&engine, &regions);
		/* or else the device would remain open */
		vfio_client_munmap((void *)engine.registers, sysconf(_SC_PAGESIZE));
	}
	vfio_client_close(&client);
	report_stage("iommufd");
}
