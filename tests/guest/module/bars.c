// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The range of the coherent memory when firmware does not say it: as NVIDIA's
 * driver does in a virtual machine then, take the addresses from BAR 4 and
 * BAR 2, and the size from the GPU.
 */
#include <linux/io.h>
#include <linux/pci.h>
#include <linux/sizes.h>

#include <hw/misc/nvgrace-gpu-regs.h>

#include "nvgrace-guest.h"

#define BAR_RESMEM	2
#define BAR_USEMEM	4

/* What BARs of memory are on a Grace GPU */
#define BAR_FLAGS	(IORESOURCE_MEM | IORESOURCE_PREFETCH | IORESOURCE_MEM_64)

static bool is_memory(struct pci_dev *pdev, int bar)
{
	return (pci_resource_flags(pdev, bar) & BAR_FLAGS) == BAR_FLAGS &&
	       pci_resource_len(pdev, bar);
}

static int read_size(struct pci_dev *pdev, u64 *size)
{
	void __iomem *engine = pci_iomap_range(pdev, 0, NVGRACE_CE_BASE, SZ_4K);

	if (!engine)
		return dev_err_probe(&pdev->dev, -ENOMEM, "cannot map BAR0\n");

	*size = readl(engine + NVGRACE_CE_MEM_LO - NVGRACE_CE_BASE) |
		(u64)readl(engine + NVGRACE_CE_MEM_HI - NVGRACE_CE_BASE) << 32;
	pci_iounmap(pdev, engine);
	return 0;
}

/**
 * coherent_mem_from_bars() - find base and size without firmware
 * @pdev: the GPU, enabled
 * @mem: @mig_defect is set; @base, @size, @resmem_base and @bars are filled in
 *
 * Return: 0, or a negative errno after saying why.
 */
int coherent_mem_from_bars(struct pci_dev *pdev, struct coherent_mem *mem)
{
	if (!is_memory(pdev, BAR_USEMEM))
		return dev_err_probe(&pdev->dev, -ENODEV,
				     "neither nvidia,gpu-mem-base-pa in _DSD nor memory in BAR %d: the device has no ACPI companion, or firmware knows no coherent memory\n",
				     BAR_USEMEM);

	mem->bars = true;
	mem->base = pci_resource_start(pdev, BAR_USEMEM);
	/* Without the defect it is something else */
	if (mem->mig_defect)
		mem->resmem_base = pci_resource_start(pdev, BAR_RESMEM);
	return read_size(pdev, &mem->size);
}

/**
 * coherent_mem_fits_bars() - are the BARs as large as what is to be in them?
 * @pdev: the GPU
 * @mem: complete but for the nodes
 *
 * Return: 0, or a negative errno after saying why.
 */
int coherent_mem_fits_bars(struct pci_dev *pdev, const struct coherent_mem *mem)
{
	u64 resmem = mem->mig_defect ? mem->size - mem->usemem_size : 0;
	u64 usemem_bar = pci_resource_len(pdev, BAR_USEMEM);
	u64 resmem_bar = is_memory(pdev, BAR_RESMEM) ?
			 pci_resource_len(pdev, BAR_RESMEM) : 0;

	if (usemem_bar < mem->usemem_size || resmem_bar < resmem)
		return dev_err_probe(&pdev->dev, -EINVAL,
				     "BAR %d has %#llx bytes of memory for %#llx, BAR %d %#llx for %#llx\n",
				     BAR_USEMEM, usemem_bar, mem->usemem_size,
				     BAR_RESMEM, resmem_bar, resmem);
	return 0;
}
