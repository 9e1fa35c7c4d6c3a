// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the coherent memory is, and how it is divided.
 *
 * In: the ACPI properties that firmware gives the GPU's PCI function, and a
 * bit of its config space.  Out: ndev->regions.  Nothing else reads the one or
 * computes the other.
 */
#include <linux/ioport.h>
#include <linux/pgtable.h>
#include <linux/property.h>
#include <linux/sizes.h>

#include "nvgrace.h"

/* NVIDIA's DVSEC, and in it a word whose bit 0 says that the defect is gone. */
#define NVGRACE_DVSEC_ID		3
#define NVGRACE_DVSEC_FEATURES		0xa
#define NVGRACE_MIG_WITH_CACHED_RESMEM	BIT(0)

/*
 * The division is an ABI between GPU firmware, this driver and the driver in
 * the guest, each of which computes it for itself: at least 1 GiB is kept back
 * and what remains is a multiple of the largest memory block size of arm64.
 */
#define NVGRACE_RESMEM_MIN	SZ_1G
#define NVGRACE_USEMEM_ALIGN	SZ_512M

/*
 *	base                                            base + size
 *	|                                                         |
 *	+-----------------------------------------+---------------+
 *	|  usemem: n * 512 MiB, Normal cacheable  |  resmem:      |  with the
 *	|  the guest onlines it                   |  Normal-NC    |  defect
 *	+-----------------------------------------+---------------+
 *	                                           1..1.5 GiB
 *	+---------------------------------------------------------+
 *	|  usemem: Normal cacheable                               |  without
 *	+---------------------------------------------------------+
 */
static int nvgrace_memory_split(struct nvgrace_device *ndev, u64 base, u64 size)
{
	const u64 min = NVGRACE_RESMEM_MIN + NVGRACE_USEMEM_ALIGN;
	struct pci_dev *pdev = ndev->core.pdev;
	u16 dvsec = pci_find_dvsec_capability(pdev, PCI_VENDOR_ID_NVIDIA, NVGRACE_DVSEC_ID);
	u16 features = 0;
	u64 usemem = size;

	if (dvsec)
		pci_read_config_word(pdev, dvsec + NVGRACE_DVSEC_FEATURES, &features);
	/* A device that does not answer has no capabilities, either. */
	if (PCI_POSSIBLE_ERROR(features) || !pci_device_is_present(pdev))
		return dev_err_probe(&pdev->dev, -ENODEV,
				     "config space reads as all ones, 0x%x from the DVSEC at 0x%x: the device is gone, power-cycle the machine\n",
				     features, dvsec);

	/*
	 * Hopper's multi-instance mode needs memory that the CPU maps as
	 * non-cacheable.  The GPU says so by not having the bit, or the DVSEC.
	 */
	if (!(features & NVGRACE_MIG_WITH_CACHED_RESMEM)) {
		if (size < min)
			return dev_err_probe(&pdev->dev, -EINVAL,
					     "nvidia,gpu-mem-size 0x%llx leaves nothing beside the reserved part: at least 0x%llx is needed, correct the firmware\n",
					     size, min);
		usemem = round_down(size - NVGRACE_RESMEM_MIN, NVGRACE_USEMEM_ALIGN);
	}

	ndev->regions[0] = (struct nvgrace_region) { ndev, base, usemem, .cached = true };
	ndev->regions[1] = (struct nvgrace_region) { ndev, base + usemem, size - usemem };
	return 0;
}

/**
 * nvgrace_memory_init() - find the coherent memory and divide it
 * @ndev: the device; on success its regions are set, or remain empty if
 *	firmware describes no coherent memory
 *
 * Called in probe.  What it claims is released with the driver's binding.
 *
 * Return: 0, or a negative error after a message: what firmware describes is
 * not usable, or in use.
 */
int nvgrace_memory_init(struct nvgrace_device *ndev)
{
	struct device *dev = &ndev->core.pdev->dev;
	u64 base, size;
	/* The names that firmware uses in the function's _DSD. */
	bool has_base = !device_property_read_u64(dev, "nvidia,gpu-mem-base-pa", &base);
	bool has_size = !device_property_read_u64(dev, "nvidia,gpu-mem-size", &size);

	if (!has_base && !has_size) {
		dev_info(dev, "no ACPI property nvidia,gpu-mem-base-pa: no coherent memory regions, as with vfio-pci\n");
		return 0;
	}

	/* Firmware leaves out the size when the link to the GPU is down. */
	if (!has_base || !has_size)
		return dev_err_probe(dev, -EINVAL,
				     "ACPI property nvidia,gpu-mem-%s is missing or not an integer: look for a C2C link error in the firmware's log, or correct the firmware\n",
				     has_size ? "base-pa" : "size");
	if (!size)
		return dev_err_probe(dev, -ENOLINK,
				     "nvidia,gpu-mem-size is 0, the C2C link is down: power-cycle the machine, and look at the firmware's log\n");
	if (!PAGE_ALIGNED(base | size))
		return dev_err_probe(dev, -EINVAL,
				     "coherent memory at 0x%llx of 0x%llx bytes is not aligned to pages of 0x%lx: use a kernel with smaller pages, or correct the firmware\n",
				     base, size, PAGE_SIZE);
	/*
	 * The region's index begins at that bit of a file offset, and bits beyond the
	 * range of an address are attributes in a page table.
	 */
	if (size > BIT_ULL(VFIO_PCI_OFFSET_SHIFT) || (base | (base + size - 1)) & ~PHYS_MASK)
		return dev_err_probe(dev, -EOVERFLOW,
				     "coherent memory at 0x%llx of 0x%llx bytes is more than a VFIO region holds, 0x%llx, or ends beyond the last physical address, 0x%llx: correct the firmware, or use a kernel with larger VFIO regions\n",
				     base, size, BIT_ULL(VFIO_PCI_OFFSET_SHIFT), (u64)PHYS_MASK);
	/* So that nobody else can online or map it meanwhile. */
	if (!devm_request_mem_region(dev, base, size, "nvgrace coherent memory"))
		return dev_err_probe(dev, -EBUSY,
				     "coherent memory at 0x%llx of 0x%llx bytes is in use by the host: see /proc/iomem, and offline it first\n",
				     base, size);

	return nvgrace_memory_split(ndev, base, size);
}
