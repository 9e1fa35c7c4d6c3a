/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What can be had as a dma-buf: BARs by their index, and the regions by that of
 * BAR0 and offsets in the device's file: sizes and refusals.  What an importer
 * makes of it is scenario-iommufd.c's.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "dmabuf.h"
#include "host-agent.h"
#include "pages.h"
#include "scenario.h"

/* Linux 6.19 */
#ifndef VFIO_DEVICE_FEATURE_DMA_BUF
#define VFIO_DEVICE_FEATURE_DMA_BUF 11

struct vfio_region_dma_range {
	__u64 offset;
	__u64 length;
};
#endif


static int get_dmabuf(const struct vfio_client *client, guint32 index,
		      const struct vfio_region_dma_range *ranges, guint32 count)
{
	/* struct vfio_device_feature with struct vfio_device_feature_dma_buf as its data */
	struct {
		struct vfio_device_feature feature;
		guint32 region_index, open_flags, flags, nr_ranges;
		struct vfio_region_dma_range ranges[2];
	} request = {
		.feature.argsz = sizeof(request),
		.feature.flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF,
		.region_index = index,
		.nr_ranges = count,
	};

	memcpy(request.ranges, ranges, count * sizeof(*ranges));
	return vfio_client_ioctl(client, VFIO_DEVICE_FEATURE, &request);
}

int dmabuf_get(const struct vfio_client *client, guint32 index, guint64 offset, guint64 length)
{
	struct vfio_region_dma_range range = { offset, length };

	return get_dmabuf(client, index, &range, 1);
}

/* The host's kernel is said to have docs/upstream/'s patches, and the exporter to rely on them. */
static gboolean core_is_patched(void)
{
	g_autofree char *core = agent_cmdline("nvgrace.core");

	return g_strcmp0(core, "patched") == 0;
}

/* What to add to offsets in a region, and the index to give with them. */
static guint64 region_base(const struct vfio_client_region *region, guint32 *index)
{
	*index = core_is_patched() ? region->index : VFIO_PCI_BAR0_REGION_INDEX;
	return core_is_patched() ? 0 : region->offset;
}

int dmabuf_get_region(const struct vfio_client *client, const struct vfio_client_region *region,
		      guint64 offset, guint64 length)
{
	guint32 index;
	guint64 base = region_base(region, &index);

	return dmabuf_get(client, index, base + offset, length);
}

/* Each is refused with @error, or, where that is 0, is a dma-buf of its size. */
static void check_dmabuf(const char *check, const struct vfio_client *client, guint32 index,
			 guint64 offset, guint64 length, int error)
{
	int fd = dmabuf_get(client, index, offset, length);
	off_t size = fd < 0 ? fd : lseek(fd, 0, SEEK_END);

	report_check(check, error ? fd == -error : size == (off_t)length,
		     "index %u, 0x%" G_GINT64_MODIFIER "x bytes at 0x%" G_GINT64_MODIFIER
		     "x: %s, 0x%lx bytes", index, length, offset, error_text(fd),
		     MAX((long)size, 0));
	if (fd >= 0)
		close(fd);
}

static void check_region(const char *check, const struct vfio_client *client,
			 const struct vfio_client_region *region, guint64 offset, guint64 length,
			 int error)
{
	guint32 index;
	guint64 base = region_base(region, &index);

	check_dmabuf(check, client, index, base + offset, length, error);
}

/* Two pieces are one dma-buf if they are of one region. */
static void check_pieces(const char *check, const struct vfio_client *client,
			 const struct vfio_client_region *region, guint64 first, guint64 second,
			 int error)
{
	guint32 index;
	guint64 base = region_base(region, &index);
	const struct vfio_region_dma_range ranges[] = {
		{ base + first, PAGE }, { base + second, 2 * PAGE },
	};
	int fd = get_dmabuf(client, index, ranges, G_N_ELEMENTS(ranges));
	off_t size = fd < 0 ? fd : lseek(fd, 0, SEEK_END);

	report_check(check, error ? fd == -error : size == (off_t)(3 * PAGE), "%s, %ld bytes",
		     error_text(fd), MAX((long)size, 0));
	if (fd >= 0)
		close(fd);
}

/* Of memory that does not work there is none: asleep, the device's own doing. */
static void check_asleep(const struct vfio_client *client, const struct vfio_client_region *usemem)
{
	guint cap = vfio_client_capability(client, PCI_CAP_ID_PM);

	vfio_client_config_write(client, cap + PCI_PM_CTRL, 3, 2);
	check_region("dmabuf-d3hot", client, usemem, 0, PAGE, EIO);
	vfio_client_config_write(client, cap + PCI_PM_CTRL, 0, 2);
	vfio_client_set_feature(client, VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY, NULL, 0);
	check_region("dmabuf-low-power", client, usemem, 0, PAGE, EIO);
	vfio_client_set_feature(client, VFIO_DEVICE_FEATURE_LOW_POWER_EXIT, NULL, 0);
	check_region("dmabuf-awake", client, usemem, 0, PAGE, 0);
}

void scenario_dmabuf(const char *bdf)
{
	const guint64 beyond = (guint64)(VFIO_PCI_NUM_REGIONS + 2) << 40;
	struct vfio_client_region bar0;
	struct gpu_regions regions;
	const struct vfio_client_region *usemem = &regions.usemem, *resmem = &regions.resmem;
	struct vfio_client client;
	guint32 command;
	int none;

	if (!bind_gpu(bdf, EXPORTER) || !open_gpu(bdf, &client, &regions))
		return;
	if (vfio_client_region(&client, VFIO_PCI_BAR0_REGION_INDEX, &bar0)) {
		report_check("dmabuf-bar0", FALSE, "there is no BAR0");
		return;
	}
	none = dmabuf_get(&client, 0, 0, PAGE);
	if (none == -ENOTTY) {
		report_check("dmabuf-none", TRUE, "this kernel has none: %s", error_text(none));
		vfio_client_close(&client);
		return;
	}

	command = vfio_client_config_read(&client, PCI_COMMAND, 2);
	vfio_client_config_write(&client, PCI_COMMAND, command | PCI_COMMAND_MEMORY, 2);

	check_dmabuf("dmabuf-bar0", &client, 0, 0, bar0.size, 0);
	check_dmabuf("dmabuf-bar0-end", &client, 0, bar0.size, PAGE, EINVAL);
	check_region("dmabuf-usemem", &client, usemem, 0, usemem->size, 0);
	check_region("dmabuf-usemem-part", &client, usemem, PAGE, PAGE, 0);
	check_region("dmabuf-usemem-last", &client, usemem, usemem->size - PAGE, PAGE, 0);
	check_region("dmabuf-usemem-end", &client, usemem, usemem->size - PAGE, 2 * PAGE, EINVAL);
	check_region("dmabuf-resmem", &client, resmem, 0, resmem->size, 0);
	check_region("dmabuf-resmem-end", &client, resmem, resmem->size, PAGE, EINVAL);
	check_dmabuf("dmabuf-no-region", &client, 0, beyond, PAGE, EINVAL);
	check_dmabuf("dmabuf-top-of-file", &client, 0, -PAGE, PAGE,
		     core_is_patched() ? EOVERFLOW : EINVAL);
	check_region("dmabuf-unaligned", &client, usemem, 1, PAGE, EINVAL);
	/* vfio-pci-core's own refusals, which the other way is there for */
	check_dmabuf("dmabuf-by-index", &client, usemem->index, 0, PAGE,
		     core_is_patched() ? 0 : ENODEV);
	check_dmabuf("dmabuf-no-bar", &client, VFIO_PCI_BAR3_REGION_INDEX, usemem->offset, PAGE,
		     ENODEV);
	check_pieces("dmabuf-pieces", &client, usemem, 4 * PAGE, 0, 0);
	/* from the other region, in the device's file */
	check_pieces("dmabuf-pieces-differ", &client, usemem, 0, resmem->offset - usemem->offset,
		     EINVAL);
	check_pieces("dmabuf-pieces-before", &client, resmem, 0, usemem->offset - resmem->offset,
		     EINVAL);
	check_asleep(&client, usemem);

	vfio_client_config_write(&client, PCI_COMMAND, command, 2);
	vfio_client_close(&client);
	report_stage("dmabuf");
}
