/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the kernels this driver is built for, 6.12 to 7.3.
 * In a kernel tree this file would not exist.
 *
 * What a kernel has does not follow from its version, since distributors backport:
 * Kbuild looks into its headers and defines NVGRACE_HAS_...
 */
#ifndef NVGRACE_COMPAT_H
#define NVGRACE_COMPAT_H

#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/vfio_pci_core.h>

/* vfio_device_ops, upstream from 6.17 and 6.19 on; the second is mandatory then. */
#ifdef NVGRACE_HAS_MATCH_TOKEN_UUID
#define NVGRACE_MATCH_TOKEN_UUID	.match_token_uuid = vfio_pci_core_match_token_uuid,
#else
#define NVGRACE_MATCH_TOKEN_UUID
#endif
#ifdef NVGRACE_HAS_GET_REGION_INFO_CAPS
#define NVGRACE_GET_REGION_INFO_CAPS	.get_region_info_caps = vfio_pci_ioctl_get_region_info,
#else
#define NVGRACE_GET_REGION_INFO_CAPS
#endif

/* dma-bufs, upstream from 6.19 on; what the driver fills in had another name in it. */
#if defined(NVGRACE_HAS_GET_DMABUF_PHYS) && IS_ENABLED(CONFIG_VFIO_PCI_DMABUF)
#define NVGRACE_SET_PCI_OPS(core)	((core)->pci_ops = &nvgrace_pci_ops)
#else
#define NVGRACE_SET_PCI_OPS(core)
#endif
#ifdef NVGRACE_HAS_DMA_BUF_PHYS_VEC
#define phys_vec	dma_buf_phys_vec
#endif

/* The CXL device DVSEC of pci_regs.h, upstream from 7.0 or 7.1 on */
#ifndef PCI_DVSEC_CXL_DEVICE
#define PCI_DVSEC_CXL_DEVICE			0
#endif
#ifndef PCI_DVSEC_CXL_RANGE_SIZE_LOW
#define PCI_DVSEC_CXL_RANGE_SIZE_LOW(i)		(0x1c + ((i) * 0x10))
#define PCI_DVSEC_CXL_MEM_INFO_VALID		BIT(0)
#define PCI_DVSEC_CXL_MEM_ACTIVE		BIT(1)
#define PCI_DVSEC_CXL_MEM_ACTIVE_TIMEOUT	GENMASK(15, 13)
#endif

/* pfn_t, upstream until 6.16 */
#ifdef NVGRACE_HAS_PFN_T
#include <linux/pfn_t.h>
#define vmf_insert_pfn_pmd(vmf, pfn, write) \
	vmf_insert_pfn_pmd(vmf, __pfn_to_pfn_t(pfn, PFN_DEV), write)
#endif

/*
 * Memory failure of a page without struct page, upstream from 6.19 on; there without
 * CONFIG_MEMORY_FAILURE it is declared only.
 */
#if defined(NVGRACE_HAS_PFN_TO_VMA_PGOFF) && IS_ENABLED(CONFIG_MEMORY_FAILURE)
#include <linux/memory-failure.h>
#else
#include <linux/interval_tree.h>

struct nvgrace_pfn_address_space {
	struct interval_tree_node node;
	struct address_space *mapping;
	int (*pfn_to_vma_pgoff)(struct vm_area_struct *vma,
				unsigned long pfn, pgoff_t *pgoff);
};

static inline int nvgrace_register_nothing(struct nvgrace_pfn_address_space *space)
{
	return -EOPNOTSUPP;
}

static inline void nvgrace_unregister_nothing(struct nvgrace_pfn_address_space *space)
{
}

#define pfn_address_space		nvgrace_pfn_address_space
#define register_pfn_address_space	nvgrace_register_nothing
#define unregister_pfn_address_space	nvgrace_unregister_nothing
#endif

#endif /* NVGRACE_COMPAT_H */
