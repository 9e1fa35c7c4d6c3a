// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Coherent memory that is not onlined in a process' address space: the reserved
 * end, with the memory type that NVIDIA's driver gives it, and what limit_mib=
 * leaves.  What is onlined is the kernel's to hand out, and with other
 * attributes: it cannot be mapped here.
 */
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/pfn.h>

#include "nvgrace-guest.h"

/**
 * coherent_mem_mmap() - map a part of what is not onlined as Normal-NC
 * @info: the GPU's memory
 * @vma: its offset is the engine's; behind what is onlined, and in either usemem
 *	or the reserved memory
 *
 * Return: 0 or a negative errno.
 */
int coherent_mem_mmap(const struct nvgrace_guest_info *info,
		      struct vm_area_struct *vma)
{
	unsigned long reserved = PFN_UP(info->usemem_size);
	bool in_reserved = vma->vm_pgoff >= reserved;
	unsigned long first = in_reserved ? reserved : PFN_UP(info->online_size);
	unsigned long last = in_reserved ? info->size >> PAGE_SHIFT : reserved;
	u64 base = in_reserved ? info->resmem_base : info->base;
	unsigned long end;

	if (check_add_overflow(vma->vm_pgoff, vma_pages(vma), &end) ||
	    vma->vm_pgoff < first || end > last)
		return -EINVAL;
	if (!base || !(vma->vm_flags & VM_SHARED))
		return -EINVAL;

	vma->vm_page_prot = pgprot_writecombine(vma->vm_page_prot);
	return remap_pfn_range(vma, vma->vm_start,
			       PHYS_PFN(base) + vma->vm_pgoff -
			       (in_reserved ? reserved : 0),
			       vma->vm_end - vma->vm_start, vma->vm_page_prot);
}
