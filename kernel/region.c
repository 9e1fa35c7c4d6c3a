// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VFIO regions of the coherent memory.
 *
 * They are vfio-pci-core's device-specific regions: it finds them by index,
 * reports type, subtype, size and flags, and refuses private mappings before
 * it calls here.  The rest is left to them: bounds, faults, reading and writing
 * (access.c), and all that the memory must be kept safe from (gate.c).
 */
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/vfio_nvgrace.h>

#include "nvgrace.h"

#define NVGRACE_REGION_FLAGS \
	(VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE | VFIO_REGION_INFO_FLAG_MMAP)

/*
 * Numbers of the pages that memory failure handling has told of.  Of all
 * devices, until the module is removed: neither the next user nor the next
 * driver's binding makes such a page any better.
 */
DEFINE_XARRAY(nvgrace_poisoned);

/* The part of vm_pgoff that is an offset in the region; above is its index. */
#define NVGRACE_PGOFF_MASK	(VFIO_PCI_OFFSET_MASK >> PAGE_SHIFT)

/*
 * The memory is not ready.  Wait without the lock on the address space, where the
 * caller of the fault allows that, as he mostly does.
 */
static vm_fault_t nvgrace_region_fault_retry(struct vm_fault *vmf)
{
	struct nvgrace_region *region = vmf->vma->vm_private_data;
	struct file *file = vmf->vma->vm_file;

	if (vmf->flags & FAULT_FLAG_RETRY_NOWAIT)
		return VM_FAULT_RETRY;

	/* The file keeps the device open; the mapping may go away. */
	get_file(file);
	release_fault_lock(vmf);
	/* Whatever comes of it, the second attempt sees it. */
	if (!nvgrace_gate_enter(region->ndev, false))
		nvgrace_gate_exit(region->ndev);
	fput(file);
	return VM_FAULT_RETRY;
}

static vm_fault_t nvgrace_region_huge_fault(struct vm_fault *vmf, unsigned int order)
{
	struct vm_area_struct *vma = vmf->vma;
	struct nvgrace_region *region = vma->vm_private_data;
	unsigned long size = PAGE_SIZE << order;
	unsigned long addr = ALIGN_DOWN(vmf->address, size);
	unsigned long pfn = PHYS_PFN(region->base) + (vmf->pgoff & NVGRACE_PGOFF_MASK) -
			    ((vmf->address - addr) >> PAGE_SHIFT);
	vm_fault_t ret;
	int err;

	/* mmap has checked the bounds and a mapping cannot grow: inside it, inside the region. */
	if (addr < vma->vm_start || addr + size > vma->vm_end || !IS_ALIGNED(pfn, 1UL << order))
		return VM_FAULT_FALLBACK;

	err = fault_flag_allow_retry_first(vmf->flags) ? nvgrace_gate_try(region->ndev, false) :
							 nvgrace_gate_enter(region->ndev, false);
	if (err == -EAGAIN)
		return nvgrace_region_fault_retry(vmf);
	if (err)
		return VM_FAULT_SIGBUS;
	ret = nvgrace_insert_pfn(vmf, pfn, order);
	nvgrace_gate_exit(region->ndev);
	return ret;
}

static vm_fault_t nvgrace_region_fault(struct vm_fault *vmf)
{
	return nvgrace_region_huge_fault(vmf, 0);
}

static const struct vm_operations_struct nvgrace_region_vm_ops = {
	.fault = nvgrace_region_fault,
	.huge_fault = nvgrace_region_huge_fault,
};

static int nvgrace_region_mmap(struct vfio_pci_core_device *core,
			       struct vfio_pci_region *core_region, struct vm_area_struct *vma)
{
	struct nvgrace_region *region = core_region->data;
	unsigned long pgoff = vma->vm_pgoff & NVGRACE_PGOFF_MASK;
	unsigned long pages = region->size >> PAGE_SHIFT;

	if (pgoff >= pages || vma_pages(vma) > pages - pgoff)
		return -EINVAL;

	vma->vm_private_data = region;
	vma->vm_ops = &nvgrace_region_vm_ops;

	/*
	 * There is no struct page, so these are mappings of PFNs; that usemem
	 * is cacheable, KVM takes from vm_page_prot, which is left as it is.
	 */
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	if (!region->cached) {
		/*
		 * Lets KVM map it as Normal-NC too.  No access to this memory
		 * of whatever type causes an uncontained failure.
		 */
		vm_flags_set(vma, VM_ALLOW_ANY_UNCACHED);
		vma->vm_page_prot = pgprot_writecombine(vma->vm_page_prot);
	}
	return 0;
}

/*
 * Where in @vma, if at all, the failed page is.  Called for every mapping of
 * the device's file, BARs included, with i_mmap_rwsem held.  Saying yes to a
 * mapping that does not have the page would get its owner killed.
 *
 * The page stays mapped, as it was when it failed: without it, KVM would end the
 * guest at the next access, instead of letting the VMM tell it.
 */
static int nvgrace_region_pfn_to_pgoff(struct vm_area_struct *vma, unsigned long pfn,
				       pgoff_t *pgoff)
{
	struct nvgrace_region *region = vma->vm_private_data;

	if (vma->vm_ops != &nvgrace_region_vm_ops)
		return -ENOENT;

	/* Without memory to note it, the kernel may read the page. */
	xa_store(&nvgrace_poisoned, pfn, xa_mk_value(1), GFP_ATOMIC);
	*pgoff = (vma->vm_pgoff & ~NVGRACE_PGOFF_MASK) + pfn - PHYS_PFN(region->base);
	return *pgoff - vma->vm_pgoff < vma_pages(vma) ? 0 : -ENOENT;
}

/* Tell what user space would have to look for in sysfs, if at all it can. */
static int nvgrace_region_add_capability(struct vfio_pci_core_device *core,
					 struct vfio_pci_region *core_region,
					 struct vfio_info_cap *caps)
{
	struct nvgrace_region *region = core_region->data;
	struct nvgrace_region *usemem = region->ndev->regions;
	u64 max = NVGRACE_MAP_MAX;
	/* The sizes of those that do not exist are 0. */
	struct vfio_region_info_cap_nvgrace cap = {
		.header.id = VFIO_REGION_INFO_CAP_NVGRACE,
		.header.version = 1,
		.flags = usemem[1].size ? VFIO_REGION_NVGRACE_MIG_DEFECT : 0,
		.vendor = core->pdev->vendor,
		.device = core->pdev->device,
		.offset = region->base - usemem->base,
		.total_size = usemem[0].size + usemem[1].size,
		.map_align = IS_ALIGNED(region->base, max) ? max : PAGE_SIZE,
	};

	return vfio_info_add_capability(caps, &cap.header, sizeof(cap));
}

static void nvgrace_region_release(struct vfio_pci_core_device *core,
				   struct vfio_pci_region *core_region)
{
	struct nvgrace_region *region = core_region->data;

	nvgrace_unregister_pfns(&region->pfn_space);
}

static const struct vfio_pci_regops nvgrace_regops = {
	.rw = nvgrace_access_rw,
	.release = nvgrace_region_release,
	.mmap = nvgrace_region_mmap,
	.add_capability = nvgrace_region_add_capability,
};

/**
 * nvgrace_region_register() - give a region to the user
 * @region: the region
 *
 * Called in open, between vfio_pci_core_enable() and
 * vfio_pci_core_finish_enable(); undone by vfio_pci_core_disable().
 *
 * Return: 0 or a negative error.
 */
int nvgrace_region_register(struct nvgrace_region *region)
{
	struct vfio_pci_core_device *core = &region->ndev->core;
	u32 subtype = region->cached ? VFIO_REGION_SUBTYPE_NVGRACE_USEMEM :
				       VFIO_REGION_SUBTYPE_NVGRACE_RESMEM;
	int ret;

	ret = vfio_pci_core_register_dev_region(core, VFIO_REGION_TYPE_NVGRACE, subtype,
						&nvgrace_regops, region->size,
						NVGRACE_REGION_FLAGS, region);
	if (ret)
		return ret;

	return nvgrace_register_pfns(&region->pfn_space, region->base, region->size,
				     core->vdev.inode->i_mapping, nvgrace_region_pfn_to_pgoff);
}
