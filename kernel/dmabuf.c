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
 * vfio-pci-core revokes a dma-buf of a region as that of a BAR: for its own resets,
 * for low power states and without memory decoding.  Whoever makes one goes through
 * the gate (gate.c), so there is none of memory that does not work.  Afterwards the
 * gate has no power over it: the core has no way to revoke for others, and allows it
 * again when the reset is over, not when the memory is ready.  docs/uapi.md says what
 * that leaves to user space.
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
	u64 number = VFIO_PCI_OFFSET_TO_INDEX(ranges[0].offset);
	struct nvgrace_region *region;
	int ret;

	if (!index && number >= VFIO_PCI_NUM_REGIONS) {
		index = number;
		/* What is before the region wraps around to far beyond its end. */
		for (size_t i = 0; i < count; i++)
			ranges[i].offset -= VFIO_PCI_INDEX_TO_OFFSET(number);
	}
	if (index < VFIO_PCI_NUM_REGIONS)
		return vfio_pci_core_get_dmabuf_phys(core, provider, index, phys, ranges, count);
	if (index - VFIO_PCI_NUM_REGIONS >= core->num_regions)
		return -EINVAL;
	region = core->region[index - VFIO_PCI_NUM_REGIONS].data;

	/* There is no other: the link is not PCI, but what is P2P in it is like the BAR. */
	*provider = pcim_p2pdma_provider(core->pdev, 0);
	ret = *provider ? nvgrace_gate_enter(region->ndev, false) : -EINVAL;
	if (ret)
		return ret;
	nvgrace_gate_exit(region->ndev);
	return vfio_pci_core_fill_phys_vec(phys, ranges, count, region->base, region->size);
}

/* What vfio-pci-core asks the driver for. */
const struct vfio_pci_device_ops nvgrace_pci_ops = {
	.get_dmabuf_phys = nvgrace_get_dmabuf_phys,
};
