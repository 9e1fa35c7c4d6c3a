// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VFIO regions of the coherent memory.
 *
 * They are vfio-pci-core's device-specific regions: it finds them by index,
 * reports type, subtype, size and flags, and refuses private mappings before
 * it calls here.  The rest is left to them: bounds, faults, reading and writing,
 * and all that the memory must be kept safe from (gate.c).
 */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio_nvgrace.h>
#include <linux/vmalloc.h>

#include "nvgrace.h"

/*
 * Numbers of the pages that memory failure handling has told of.  Of all
 * devices, until the module is removed: neither the next user nor the next
 * driver's binding makes such a page any better.  arm64 cannot recover from reading
 * one in the kernel (7.3: there is no ARCH_HAS_COPY_MC).  Writing it is harmless.
 */
DEFINE_XARRAY(nvgrace_poisoned);

/* The largest unit that the kernel maps at once, bytes. */
#define NVGRACE_MAP_MAX (IS_ENABLED(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP) ? PMD_SIZE : PAGE_SIZE)

/*
 * The memory cannot be had, by @err.  If it only is not ready, that may take minutes,
 * which nobody waits with the lock on the address space held: it is let go, if the
 * caller allows that, and he comes back after a while.  His second attempt may come too
 * early again and must keep the lock.  Nothing is mapped then, without an error.  A
 * process comes back with its next access, as if for the first time; KVM and type1 come
 * back since they know, by the first attempt, that the lock was let go
 * (fixup_user_fault()).  Who never lets go, such as a futex, cannot tell, and gets an
 * error.  Who takes pages (get_user_pages()) does not get here.
 */
static vm_fault_t nvgrace_region_fault_wait(struct vm_fault *vmf, int err)
{
	if (err != -EAGAIN || !(vmf->flags & FAULT_FLAG_ALLOW_RETRY) ||
	    vmf->flags & FAULT_FLAG_RETRY_NOWAIT)
		return VM_FAULT_SIGBUS;
	if (vmf->flags & FAULT_FLAG_TRIED)
		return VM_FAULT_NOPAGE;
	/* The mapping may go away from here on, and the device with it. */
	release_fault_lock(vmf);
	schedule_timeout_killable(msecs_to_jiffies(NVGRACE_POLL_MS));
	return VM_FAULT_RETRY;
}

static vm_fault_t nvgrace_region_huge_fault(struct vm_fault *vmf, unsigned int order)
{
	struct vm_area_struct *vma = vmf->vma;
	struct nvgrace_region *region = vma->vm_private_data;
	unsigned long size = PAGE_SIZE << order, addr = ALIGN_DOWN(vmf->address, size);
	unsigned long pfn = PHYS_PFN(region->base + addr - vmf->address) + vmf->pgoff;
	vm_fault_t ret = VM_FAULT_FALLBACK;
	int err;

	/* mmap has checked the bounds and a mapping cannot grow: inside it, inside the region. */
	if (addr < vma->vm_start || addr + size > vma->vm_end || !IS_ALIGNED(pfn, 1UL << order))
		return ret;

	err = nvgrace_gate_try(region->ndev, false);
	if (err)
		return nvgrace_region_fault_wait(vmf, err);
	/* vfio_pci_vmf_insert_pfn() does this too, but refuses without PCI_COMMAND.MEM. */
	if (!order)
		ret = vmf_insert_pfn(vma, vmf->address, pfn);
	else if (PAGE_SIZE << order == NVGRACE_MAP_MAX)
		ret = vmf_insert_pfn_pmd(vmf, pfn, false);
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

	/*
	 * From here on it is the offset in the region, without its index: that is where
	 * BAR0's mappings are.  Whenever vfio-pci-core removes those, since the device's
	 * memory is about to stop working, it removes this one, too.
	 */
	vma->vm_pgoff &= VFIO_PCI_OFFSET_MASK >> PAGE_SHIFT;
	if (vma->vm_pgoff + vma_pages(vma) > region->size >> PAGE_SHIFT)
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

/**
 * nvgrace_region_map() - map a part of the region into the kernel
 * @region: the region
 * @pos: offset of the part, bytes
 * @len: its length, bytes; inside the region
 *
 * Called inside the gate.  memunmap() what is returned, before leaving it.
 *
 * Return: the mapping, or NULL: no memory.
 */
void *nvgrace_region_map(struct nvgrace_region *region, size_t pos, size_t len)
{
	return memremap(region->base + pos, len, region->cached ? MEMREMAP_WB : MEMREMAP_WC);
}

/*
 * Guests and VMMs map the memory; this way is for debuggers.  It is right and short,
 * not fast: one page, or a part of it, is mapped and copied inside the gate, where no
 * user memory may be faulted in, since that may be this very region.  So it goes
 * through a buffer, from or to which it is copied outside.
 */
static ssize_t nvgrace_region_rw(struct vfio_pci_core_device *core, char __user *buf, size_t count,
				 loff_t *ppos, bool iswrite)
{
	unsigned int index = VFIO_PCI_OFFSET_TO_INDEX(*ppos) - VFIO_PCI_NUM_REGIONS;
	size_t pos = *ppos & VFIO_PCI_OFFSET_MASK;
	struct nvgrace_region *region = core->region[index].data;
	void *map;
	int ret;

	if (pos >= region->size)
		return -EINVAL;
	count = min3(count, region->size - pos, PAGE_SIZE - offset_in_page(pos));

	void *page __free(kfree) = kmalloc(count, GFP_KERNEL);

	if (!page)
		return -ENOMEM;
	if (iswrite)
		count -= copy_from_user(page, buf, count);
	ret = count ? nvgrace_gate_enter(region->ndev, true) : -EFAULT;
	if (ret)
		return ret;
	map = nvgrace_region_map(region, pos, count);
	if (!iswrite && xa_load(&nvgrace_poisoned, PHYS_PFN(region->base + pos)))
		ret = -EIO;
	else if (map)
		memcpy(iswrite ? map : page, iswrite ? page : map, count);
	else
		ret = -ENOMEM;
	memunmap(map);
	/* No TLB must know of it when the memory stops working, and vunmap is lazy. */
	vm_unmap_aliases();
	nvgrace_gate_exit(region->ndev);
	if (ret)
		return ret;
	if (!iswrite)
		count -= copy_to_user(buf, page, count);
	*ppos += count;
	return count ?: -EFAULT;
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
	*pgoff = pfn - PHYS_PFN(region->base);
	return *pgoff - vma->vm_pgoff < vma_pages(vma) ? 0 : -ENOENT;
}

/* Tell what user space would have to look for in sysfs, if at all it can. */
static int nvgrace_region_add_capability(struct vfio_pci_core_device *core,
					 struct vfio_pci_region *core_region,
					 struct vfio_info_cap *caps)
{
	struct nvgrace_region *region = core_region->data;
	struct nvgrace_region *usemem = region->ndev->regions;
	struct vfio_region_info_cap_nvgrace cap = {
		.header.id = VFIO_REGION_INFO_CAP_NVGRACE,
		.header.version = 1,
		.flags = usemem[1].size ? VFIO_REGION_NVGRACE_MIG_DEFECT : 0,
		.vendor = core->pdev->vendor,
		.device = core->pdev->device,
		.offset = region->base - usemem->base,
		.total_size = usemem[0].size + usemem[1].size,
		.map_align = IS_ALIGNED(region->base, NVGRACE_MAP_MAX) ? NVGRACE_MAP_MAX :
									 PAGE_SIZE,
	};

	return vfio_info_add_capability(caps, &cap.header, sizeof(cap));
}

static void nvgrace_region_release(struct vfio_pci_core_device *core,
				   struct vfio_pci_region *core_region)
{
	struct nvgrace_region *region = core_region->data;

	unregister_pfn_address_space(&region->pfn_space);
}

static const struct vfio_pci_regops nvgrace_regops = {
	.rw = nvgrace_region_rw,
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
	u32 flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |
		    VFIO_REGION_INFO_FLAG_MMAP;
	u32 subtype = region->cached ? VFIO_REGION_SUBTYPE_NVGRACE_USEMEM :
				       VFIO_REGION_SUBTYPE_NVGRACE_RESMEM;
	struct vfio_pci_core_device *core = &region->ndev->core;
	int ret;

	region->pfn_space = (struct pfn_address_space) {
		.node.start = PHYS_PFN(region->base),
		.node.last = PHYS_PFN(region->base + region->size) - 1,
		.mapping = core->vdev.inode->i_mapping,
		.pfn_to_vma_pgoff = nvgrace_region_pfn_to_pgoff,
	};
	ret = register_pfn_address_space(&region->pfn_space);
	if (ret == -EOPNOTSUPP)
		pr_notice_once(KBUILD_MODNAME ": this kernel cannot tell of coherent memory that has failed: its user gets no SIGBUS with the address, and reading it in the kernel is fatal\n");
	else if (ret)
		return ret;

	ret = vfio_pci_core_register_dev_region(core, VFIO_REGION_TYPE_NVGRACE, subtype,
						&nvgrace_regops, region->size, flags, region);
	/* This removes whatever anybody has registered there: only what is ours. */
	if (ret)
		unregister_pfn_address_space(&region->pfn_space);
	return ret;
}
