/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the tests: an iommufd that maps device memory by the address of its mapping,
 * as kernels of some vendors do.  scripts/iommufd-modules puts this into
 * drivers/iommu/iommufd/pages.c, before iopt_alloc_user_pages(), which calls
 * iopt_take_device_memory().
 *
 * Such pages are those of a dma-buf that has no file and is never revoked: one
 * range of physical addresses, which is what the exporter's regions are.
 */
#include <linux/moduleparam.h>

static bool by_address;
module_param(by_address, bool, 0644);
MODULE_PARM_DESC(by_address, "Map device memory by the address of its mapping");

static bool iopt_find_device_memory(unsigned long addr, unsigned long length, phys_addr_t *phys)
{
	struct follow_pfnmap_args args = { .address = addr };
	bool found;

	args.vma = vma_lookup(current->mm, addr);
	if (!args.vma || !(args.vma->vm_flags & VM_PFNMAP) || args.vma->vm_end - addr < length)
		return false;
	found = !follow_pfnmap_start(&args);
	if (!found && !fixup_user_fault(current->mm, addr, FAULT_FLAG_WRITE, NULL))
		found = !follow_pfnmap_start(&args);
	if (found) {
		*phys = PFN_PHYS(args.pfn);
		follow_pfnmap_end(&args);
	}
	return found;
}

static void iopt_take_device_memory(struct iopt_pages *pages)
{
	unsigned long addr = (unsigned long)pages->uptr;
	unsigned long length = pages->npages * PAGE_SIZE;
	phys_addr_t phys;
	bool found;

	if (!by_address)
		return;
	mmap_read_lock(current->mm);
	found = iopt_find_device_memory(addr, length, &phys);
	mmap_read_unlock(current->mm);
	if (!found)
		return;

	pages->account_mode = IOPT_PAGES_ACCOUNT_NONE;
	pages->type = IOPT_ADDRESS_DMABUF;
	memset(&pages->dmabuf, 0, sizeof(pages->dmabuf));
	pages->dmabuf.phys.paddr = phys;
	pages->dmabuf.phys.len = length;
	INIT_LIST_HEAD(&pages->dmabuf.tracker);
}
