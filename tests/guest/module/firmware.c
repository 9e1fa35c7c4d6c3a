// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What firmware says about the GPU's coherent memory: its nodes in SRAT, its
 * range in the _DSD of the GPU's ACPI device, and in a PCIe capability whether
 * all of it is for the kernel.
 */
#include <linux/acpi.h>
#include <linux/bitmap.h>
#include <linux/memory.h>
#include <linux/nodemask.h>
#include <linux/numa.h>
#include <linux/pci.h>
#include <linux/property.h>
#include <linux/sizes.h>
#include <linux/unaligned.h>

#include <hw/misc/nvgrace-gpu-regs.h>

#include "nvgrace-guest.h"

/* ACPI 6.5, table 5.65: Device Handle Type of a Generic Initiator */
#define GI_HANDLE_PCI		1

/*
 * Parts with the MIG hardware defect keep at least the last 1 GiB for
 * themselves, and the part before it ends at a multiple of 512 MiB, the memory
 * block of a 64 KiB page kernel.  Both are an ABI between firmware and drivers.
 */
#define RESMEM_MIN		SZ_1G
#define USEMEM_ALIGN		SZ_512M

static bool gi_is_for(const struct acpi_srat_generic_affinity *gi,
		      struct pci_dev *pdev)
{
	/* ACPI 6.5, table 5.66: u16 segment, u8 bus, u8 devfn, 12 reserved */
	return gi->device_handle_type == GI_HANDLE_PCI &&
	       gi->flags & ACPI_SRAT_GENERIC_AFFINITY_ENABLED &&
	       get_unaligned_le16(gi->device_handle) == pci_domain_nr(pdev->bus) &&
	       gi->device_handle[2] == pdev->bus->number &&
	       gi->device_handle[3] == pdev->devfn;
}

static int add_node(struct device *dev, nodemask_t *nodes, unsigned int pxm)
{
	int node = pxm_to_node(pxm);

	if (node == NUMA_NO_NODE || !node_possible(node))
		return dev_err_probe(dev, -ENODEV,
				     "proximity domain %u has no node: SRAT must list it and the kernel has %d nodes (CONFIG_NODES_SHIFT)\n",
				     pxm, MAX_NUMNODES);

	node_set(node, *nodes);
	return 0;
}

/* The nodes of all Generic Initiators that are this function; maybe none. */
static int nodes_from_srat(struct pci_dev *pdev, nodemask_t *nodes)
{
	const struct acpi_srat_generic_affinity *gi;
	const struct acpi_subtable_header *entry;
	struct acpi_table_header *srat;
	acpi_status status;
	u32 offset;
	int ret = 0;

	/* As NVIDIA's driver: the GPU must be device 0, function 0 */
	if (pdev->devfn)
		return 0;

	status = acpi_get_table(ACPI_SIG_SRAT, 0, &srat);
	if (ACPI_FAILURE(status))
		return dev_err_probe(&pdev->dev, -ENODEV, "no SRAT: %s\n",
				     acpi_format_exception(status));

	for (offset = sizeof(struct acpi_table_srat);
	     offset + sizeof(*entry) <= srat->length; offset += entry->length) {
		entry = (void *)srat + offset;
		if (entry->length < sizeof(*entry) ||
		    entry->length > srat->length - offset) {
			ret = dev_err_probe(&pdev->dev, -EINVAL,
					    "SRAT entry at %u has length %u, the table %u\n",
					    offset, entry->length, srat->length);
			break;
		}

		gi = (const void *)entry;
		if (entry->type != ACPI_SRAT_TYPE_GENERIC_AFFINITY ||
		    entry->length < sizeof(*gi) || !gi_is_for(gi, pdev))
			continue;

		ret = add_node(&pdev->dev, nodes, gi->proximity_domain);
		if (ret)
			break;
	}

	acpi_put_table(srat);
	return ret;
}

static int nodes_from_dsd(struct device *dev, nodemask_t *nodes)
{
	u64 start, count, i;
	int ret;

	if (device_property_read_u64(dev, "nvidia,gpu-mem-pxm-start", &start) ||
	    device_property_read_u64(dev, "nvidia,gpu-mem-pxm-count", &count))
		return dev_err_probe(dev, -ENODEV,
				     "neither Generic Initiators in SRAT nor nvidia,gpu-mem-pxm-start and -count in _DSD\n");

	if (!count || count > NVGRACE_GUEST_MAX_NODES ||
	    start > MAX_PXM_DOMAINS - count)
		return dev_err_probe(dev, -EINVAL,
				     "%llu proximity domains from %llu: 1 to %u domains below %u are possible\n",
				     count, start, NVGRACE_GUEST_MAX_NODES,
				     MAX_PXM_DOMAINS);

	for (i = 0; i < count; i++) {
		ret = add_node(dev, nodes, start + i);
		if (ret)
			return ret;
	}
	return 0;
}

static int find_nodes(struct pci_dev *pdev, struct coherent_mem *mem)
{
	nodemask_t nodes = NODE_MASK_NONE;
	int node, ret;

	ret = nodes_from_srat(pdev, &nodes);
	if (ret)
		return ret;

	mem->from_srat = !nodes_empty(nodes);
	if (!mem->from_srat) {
		ret = nodes_from_dsd(&pdev->dev, &nodes);
		if (ret)
			return ret;
	}

	if (nodes_weight(nodes) > NVGRACE_GUEST_MAX_NODES)
		return dev_err_probe(&pdev->dev, -EINVAL,
				     "%u nodes, at most %u are possible\n",
				     nodes_weight(nodes), NVGRACE_GUEST_MAX_NODES);

	for_each_node_mask(node, nodes)
		mem->nodes[mem->node_count++] = node;
	return 0;
}

static int find_range(struct pci_dev *pdev, struct coherent_mem *mem)
{
	struct device *dev = &pdev->dev;

	/* Of both, NVIDIA's driver never looks at a BAR */
	if (device_property_read_u64(dev, "nvidia,gpu-mem-base-pa", &mem->base))
		return coherent_mem_from_bars(pdev, mem);
	if (device_property_read_u64(dev, "nvidia,gpu-mem-size", &mem->size))
		return dev_err_probe(dev, -ENODEV,
				     "no nvidia,gpu-mem-size in _DSD: the C2C link is down\n");
	return 0;
}

/* NVIDIA DVSEC id 3, u16 at +0xa: bit 0 says that the defect is fixed */
static bool has_mig_defect(struct pci_dev *pdev)
{
	u16 dvsec, value;

	dvsec = pci_find_dvsec_capability(pdev, PCI_VENDOR_ID_NVIDIA,
					  NVGRACE_DVSEC_ID);
	if (!dvsec ||
	    pci_read_config_word(pdev, dvsec + NVGRACE_DVSEC_MIG, &value))
		return true;

	return !(value & NVGRACE_DVSEC_MIG_CACHED_RESMEM);
}

/**
 * coherent_mem_find() - read what firmware says about a GPU's memory, and where
 *	it does not say where that is, the BARs
 * @pdev: the GPU, enabled
 * @mem: zeroed; filled in on success
 *
 * Return: 0, or a negative errno after saying why.
 */
int coherent_mem_find(struct pci_dev *pdev, struct coherent_mem *mem)
{
	unsigned long block = memory_block_size_bytes();
	struct device *dev = &pdev->dev;
	int ret;

	ret = find_nodes(pdev, mem);
	if (ret)
		return ret;

	mem->mig_defect = has_mig_defect(pdev);
	ret = find_range(pdev, mem);
	if (ret)
		return ret;

	mem->usemem_size = mem->size;
	if (mem->mig_defect)
		mem->usemem_size = mem->size > RESMEM_MIN ?
			round_down(mem->size - RESMEM_MIN, USEMEM_ALIGN) : 0;
	/* Nothing to round then: a memory block has 512 MiB at most */
	if (mem->mig_defect && !mem->bars)
		mem->resmem_base = mem->base + mem->usemem_size;
	mem->usemem_size = round_down(mem->usemem_size, block);

	if (!mem->usemem_size || mem->base + mem->size < mem->base)
		return dev_err_probe(dev, -EINVAL,
				     "%#llx bytes at %#llx leave nothing to online: more than %#x and no overflow needed\n",
				     mem->size, mem->base,
				     mem->mig_defect ? RESMEM_MIN + USEMEM_ALIGN : 0);
	if (!IS_ALIGNED(mem->base, block))
		return dev_err_probe(dev, -EINVAL,
				     "base %#llx is no multiple of the memory block size %#lx\n",
				     mem->base, block);
	if (mem->bars) {
		ret = coherent_mem_fits_bars(pdev, mem);
		if (ret)
			return ret;
	}

	dev_info(dev, "coherent memory at %#llx from %s, %#llx bytes, onlinable %#llx, reserved at %#llx, nodes %d-%d from %s\n",
		 mem->base, mem->bars ? "BARs" : "_DSD", mem->size,
		 mem->usemem_size, mem->resmem_base, mem->nodes[0],
		 mem->nodes[mem->node_count - 1],
		 mem->from_srat ? "SRAT" : "_DSD");
	return 0;
}
