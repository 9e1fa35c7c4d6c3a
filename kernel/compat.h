/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the kernels this driver is built for, 6.12 to 7.3.
 * In a kernel tree this file would not exist.
 */
#ifndef NVGRACE_COMPAT_H
#define NVGRACE_COMPAT_H

#include <linux/mm.h>
#include <linux/version.h>
#include <linux/vfio_pci_core.h>

/* vfio_device_ops.match_token_uuid */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
#define NVGRACE_HAVE_MATCH_TOKEN_UUID
#endif

/* vfio_device_ops.get_region_info_caps, mandatory where it exists */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
#define NVGRACE_HAVE_REGION_INFO_CAPS
#endif

/*
 * BARs can be had as dma-bufs from 6.19 on.  vfio-pci-core refuses that for
 * device-specific regions with ENODEV, before it asks here.
 */
static inline void nvgrace_set_pci_ops(struct vfio_pci_core_device *core)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
	static const struct vfio_pci_device_ops ops = {
		.get_dmabuf_phys = vfio_pci_core_get_dmabuf_phys,
	};

	core->pci_ops = &ops;
#endif
}

/* pfn_t went away in 6.17. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#include <linux/pfn_t.h>
#define nvgrace_pmd_pfn(pfn)	__pfn_to_pfn_t((pfn), PFN_DEV)
#else
#define nvgrace_pmd_pfn(pfn)	(pfn)
#endif

/*
 * Map one page or one PMD.  vfio_pci_vmf_insert_pfn() of 6.19 does this too,
 * but refuses when PCI_COMMAND.MEM is clear.
 */
static inline vm_fault_t nvgrace_insert_pfn(struct vm_fault *vmf, unsigned long pfn,
					    unsigned int order)
{
#ifdef CONFIG_ARCH_SUPPORTS_PMD_PFNMAP
	if (order == PMD_ORDER)
		return vmf_insert_pfn_pmd(vmf, nvgrace_pmd_pfn(pfn), false);
#endif
	return vmf_insert_pfn(vmf->vma, vmf->address, pfn);
}

/* Before 6.19, memory failure of a page without struct page goes unhandled. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
#include <linux/memory-failure.h>
#else
#include <linux/interval_tree.h>

struct pfn_address_space {
	struct interval_tree_node node;
	struct address_space *mapping;
	int (*pfn_to_vma_pgoff)(struct vm_area_struct *vma,
				unsigned long pfn, pgoff_t *pgoff);
};

static inline int register_pfn_address_space(struct pfn_address_space *space)
{
	return -EOPNOTSUPP;
}

static inline void unregister_pfn_address_space(struct pfn_address_space *space)
{
}
#endif

#endif /* NVGRACE_COMPAT_H */
