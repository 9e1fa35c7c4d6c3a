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

/*
 * vfio_device_ops: match_token_uuid is from 6.17 on, get_region_info_caps from
 * 6.19, where it is mandatory.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
#define NVGRACE_VERSION_OPS \
	.match_token_uuid = vfio_pci_core_match_token_uuid, \
	.get_region_info_caps = vfio_pci_ioctl_get_region_info,
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
#define NVGRACE_VERSION_OPS \
	.match_token_uuid = vfio_pci_core_match_token_uuid,
#else
#define NVGRACE_VERSION_OPS
#endif

/* What get_dmabuf_phys fills in had another name in 6.19. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)
#define phys_vec	dma_buf_phys_vec
#endif

/* pfn_t went away in 6.17. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#include <linux/pfn_t.h>
#define nvgrace_pmd_pfn(pfn)	__pfn_to_pfn_t((pfn), PFN_DEV)
#else
#define nvgrace_pmd_pfn(pfn)	(pfn)
#endif

/*
 * Map what has one page table entry of that order, if the kernel can.
 * vfio_pci_vmf_insert_pfn() of 6.19 does this too, but refuses when
 * PCI_COMMAND.MEM is clear.
 */
static inline vm_fault_t nvgrace_insert_pfn(struct vm_fault *vmf, unsigned long pfn,
					    unsigned int order)
{
	if (!order)
		return vmf_insert_pfn(vmf->vma, vmf->address, pfn);
#ifdef CONFIG_ARCH_SUPPORTS_PMD_PFNMAP
	if (order == PMD_ORDER)
		return vmf_insert_pfn_pmd(vmf, nvgrace_pmd_pfn(pfn), false);
#endif
	return VM_FAULT_FALLBACK;
}

/* The largest unit that it maps, bytes. */
#define NVGRACE_MAP_MAX \
	(IS_ENABLED(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP) ? PMD_SIZE : PAGE_SIZE)

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

/*
 * Have memory failure handling tell of pages; a kernel that does not is no error.
 * The mapping is NULL unless it is registered: unregistering removes whatever
 * anybody has registered there.
 */
static inline int nvgrace_register_pfns(struct pfn_address_space *space, phys_addr_t base,
					size_t size, struct address_space *mapping,
					int (*pfn_to_vma_pgoff)(struct vm_area_struct *vma,
								unsigned long pfn, pgoff_t *pgoff))
{
	int ret;

	*space = (struct pfn_address_space) {
		.node.start = PHYS_PFN(base),
		.node.last = PHYS_PFN(base + size) - 1,
		.mapping = mapping,
		.pfn_to_vma_pgoff = pfn_to_vma_pgoff,
	};
	ret = register_pfn_address_space(space);
	if (ret)
		space->mapping = NULL;
	return ret == -EOPNOTSUPP ? 0 : ret;
}

static inline void nvgrace_unregister_pfns(struct pfn_address_space *space)
{
	if (space->mapping)
		unregister_pfn_address_space(space);
	space->mapping = NULL;
}

#endif /* NVGRACE_COMPAT_H */
