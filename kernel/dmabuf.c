// SPDX-License-Identifier: GPL-2.0-only
/*
 * The coherent memory as dma-bufs, which is how iommufd takes it.
 *
 * vfio-pci-core makes dma-bufs of BARs only, and refuses the index of another
 * region before it asks the driver.  What an offset in a BAR means it leaves to
 * the driver, though.  BAR0 begins at offset 0 of the device's file and ends
 * long before the regions do begin there: so offsets given with region index 0
 * are taken as offsets in the file, and those of a region are its memory.  The
 * region's own index works, too, with a core that lets it pass: see docs/upstream/.
 *
 * In: region index and ranges of VFIO_DEVICE_FEATURE_DMA_BUF.  Out: physical
 * addresses.
 */
#include <linux/pci-p2pdma.h>

#include "nvgrace.h"

static int nvgrace_get_dmabuf_phys(struct vfio_pci_core_device *core,
				   struct p2pdma_provider **provider, unsigned int index,
				   struct phys_vec *phys, struct vfio_region_dma_range *ranges,
				   size_t count)
{
	struct nvgrace_device *ndev = container_of(core, struct nvgrace_device, core);
	u64 number = index ?: VFIO_PCI_OFFSET_TO_INDEX(ranges[0].offset);
	u64 start = index ? 0 : VFIO_PCI_INDEX_TO_OFFSET(number);
	struct nvgrace_region *region;
	size_t i;

	if (number < VFIO_PCI_NUM_REGIONS)
		return vfio_pci_core_get_dmabuf_phys(core, provider, index, phys, ranges, count);
	if (number - VFIO_PCI_NUM_REGIONS >= ndev->num_regions)
		return -EINVAL;
	region = &ndev->regions[number - VFIO_PCI_NUM_REGIONS];

	/* There is no other: the link is not PCI, but what is P2P in it is like the BAR. */
	*provider = pcim_p2pdma_provider(core->pdev, 0);
	if (!*provider)
		return -EINVAL;

	/* What is before the region wraps around to far beyond its end. */
	for (i = 0; i < count; i++)
		ranges[i].offset -= start;
	return vfio_pci_core_fill_phys_vec(phys, ranges, count, region->base, region->size);
}

/**
 * nvgrace_dmabuf_init() - let the memory be had as dma-bufs
 * @ndev: the device, before it is registered
 *
 * A dma-buf lasts until the device is closed, reset, put to sleep or has its
 * memory decoding turned off: vfio-pci-core revokes it then, as that of a BAR.
 */
void nvgrace_dmabuf_init(struct nvgrace_device *ndev)
{
	static const struct vfio_pci_device_ops ops = {
		.get_dmabuf_phys = nvgrace_get_dmabuf_phys,
	};

	ndev->core.pci_ops = &ops;
}
