// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VFIO regions of the coherent memory.
 *
 * They are vfio-pci-core's device-specific regions: it finds them by index,
 * reports type, subtype, size and flags, and refuses private mappings before
 * it calls here.  The rest is left to them: bounds, faults, and all that the
 * memory must be kept safe from (gate.c).
 */
#include <linux/file.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio_nvgrace.h>

#include "nvgrace.h"

/* What is copied in one go, with the memory mapped into the kernel. */
#define NVGRACE_COPY_MAX	SZ_256K

/* The part of vm_pgoff that is an offset in the region; above is its index. */
#define NVGRACE_PGOFF_MASK	(VFIO_PCI_OFFSET_MASK >> PAGE_SHIFT)

/*
 * The memory is not ready.  Wait without the lock on the address space where
 * the caller of the fault allows that, as he mostly does.
 *
 * Return: 0 to try again, otherwise what the fault handler must return.
 */
static vm_fault_t nvgrace_region_fault_wait(struct vm_fault *vmf)
{
	struct nvgrace_region *region = vmf->vma->vm_private_data;
	struct file *file;

	if (!fault_flag_allow_retry_first(vmf->flags))
		return nvgrace_gate_wait(region->ndev, false) ? VM_FAULT_SIGBUS : 0;

	if (!(vmf->flags & FAULT_FLAG_RETRY_NOWAIT)) {
		/* The file keeps the device open; the mapping may go away. */
		file = get_file(vmf->vma->vm_file);
		release_fault_lock(vmf);
		/* Whatever comes of it, the second attempt sees it. */
		nvgrace_gate_wait(region->ndev, false);
		fput(file);
	}
	return VM_FAULT_RETRY;
}

static vm_fault_t nvgrace_region_huge_fault(struct vm_fault *vmf, unsigned int order)
{
	struct vm_area_struct *vma = vmf->vma;
	struct nvgrace_region *region = vma->vm_private_data;
	unsigned long addr = ALIGN_DOWN(vmf->address, PAGE_SIZE << order);
	unsigned long pfn = PHYS_PFN(region->base) + (vmf->pgoff & NVGRACE_PGOFF_MASK) -
			    ((vmf->address - addr) >> PAGE_SHIFT);
	vm_fault_t ret;
	int err;

	/* mmap has checked the bounds and a mapping cannot grow: inside it, inside the region. */
	if (order && (order != PMD_ORDER || addr < vma->vm_start ||
		      addr + (PAGE_SIZE << order) > vma->vm_end || !IS_ALIGNED(pfn, 1UL << order)))
		return VM_FAULT_FALLBACK;

	while ((err = nvgrace_gate_enter(region->ndev, false)) == -EAGAIN) {
		ret = nvgrace_region_fault_wait(vmf);
		if (ret)
			return ret;
	}
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
#ifdef CONFIG_ARCH_SUPPORTS_PMD_PFNMAP
	.huge_fault = nvgrace_region_huge_fault,
#endif
};

static int nvgrace_region_mmap(struct vfio_pci_core_device *core,
			       struct vfio_pci_region *core_region, struct vm_area_struct *vma)
{
	struct nvgrace_region *region = core_region->data;
	unsigned long pgoff = vma->vm_pgoff & NVGRACE_PGOFF_MASK;
	unsigned long end;

	if (check_add_overflow(pgoff, vma_pages(vma), &end) || end > region->size >> PAGE_SHIFT)
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
 * Copy @len bytes.  What is naturally aligned is one access of the user's
 * width, so that he can rely on it being atomic.
 */
static void nvgrace_region_copy(void *dst, const void *src, size_t len, bool aligned)
{
	switch (aligned ? len : 0) {
	case 2:
		WRITE_ONCE(*(u16 *)dst, READ_ONCE(*(const u16 *)src));
		break;
	case 4:
		WRITE_ONCE(*(u32 *)dst, READ_ONCE(*(const u32 *)src));
		break;
	case 8:
		WRITE_ONCE(*(u64 *)dst, READ_ONCE(*(const u64 *)src));
		break;
	default:
		memcpy(dst, src, len);
	}
}

/**
 * nvgrace_region_map() - map a part of the region into the kernel
 * @region: the region
 * @pos: offset of the part, bytes
 * @len: its length, bytes; inside the region
 *
 * Waits until the memory is ready; the caller holds a runtime PM reference.
 * Until nvgrace_region_unmap() a reset has to wait.  Map only what is touched,
 * and only meanwhile: a cacheable mapping that is kept could be read
 * speculatively during a reset.
 *
 * Return: the mapping, or an error pointer.
 */
void *nvgrace_region_map(struct nvgrace_region *region, size_t pos, size_t len)
{
	void *window;
	int ret;

	while ((ret = nvgrace_gate_enter(region->ndev, true)) == -EAGAIN) {
		ret = nvgrace_gate_wait(region->ndev, true);
		if (ret)
			break;
	}
	if (ret)
		return ERR_PTR(ret);

	window = memremap(region->base + pos, len, region->cached ? MEMREMAP_WB : MEMREMAP_WC);
	if (window)
		return window;
	nvgrace_gate_exit(region->ndev);
	return ERR_PTR(-ENOMEM);
}

/**
 * nvgrace_region_unmap() - end what nvgrace_region_map() began
 * @region: the region
 * @window: the mapping
 */
void nvgrace_region_unmap(struct nvgrace_region *region, void *window)
{
	/* Writes arrive before whatever the device is told next. */
	wmb();
	memunmap(window);
	nvgrace_gate_exit(region->ndev);
}

static ssize_t nvgrace_region_rw(struct vfio_pci_core_device *core, char __user *buf, size_t count,
				 loff_t *ppos, bool iswrite)
{
	unsigned int index = VFIO_PCI_OFFSET_TO_INDEX(*ppos) - VFIO_PCI_NUM_REGIONS;
	struct nvgrace_region *region = core->region[index].data;
	size_t pos = *ppos & VFIO_PCI_OFFSET_MASK;
	size_t done = 0, left = 0, len;
	void *bounce, *window;
	int ret = 0;

	if (pos >= region->size)
		return -EINVAL;
	count = min(count, region->size - pos);

	/* User memory may fault, even into this region: not under a lock */
	bounce = kvmalloc(min_t(size_t, count, NVGRACE_COPY_MAX), GFP_KERNEL_ACCOUNT);
	if (!bounce)
		return -ENOMEM;

	while (done < count && !ret && !left) {
		len = min_t(size_t, count - done, NVGRACE_COPY_MAX);
		if (iswrite) {
			left = copy_from_user(bounce, buf + done, len);
			len -= left;
			if (!len)
				break;
		}
		window = nvgrace_region_map(region, pos + done, len);
		if (IS_ERR(window)) {
			ret = PTR_ERR(window);
			break;
		}
		nvgrace_region_copy(iswrite ? window : bounce, iswrite ? bounce : window, len,
				    !((pos + done) % len));
		nvgrace_region_unmap(region, window);
		if (!iswrite) {
			left = copy_to_user(buf + done, bounce, len);
			len -= left;
		}
		done += len;
		if (fatal_signal_pending(current))
			ret = -EINTR;
		cond_resched();
	}
	kvfree(bounce);

	*ppos += done;
	return done ?: ret ?: left ? -EFAULT : 0;
}

/*
 * Where in @vma, if at all, the failed page is.  Called for every mapping of
 * the device's file, BARs included, with i_mmap_rwsem held.  Saying yes to a
 * mapping that does not have the page would get its owner killed.
 */
static int nvgrace_region_pfn_to_pgoff(struct vm_area_struct *vma, unsigned long pfn,
				       pgoff_t *pgoff)
{
	struct nvgrace_region *region = vma->vm_private_data;
	unsigned long first;

	if (vma->vm_ops != &nvgrace_region_vm_ops)
		return -ENOENT;

	first = PHYS_PFN(region->base) + (vma->vm_pgoff & NVGRACE_PGOFF_MASK);
	if (pfn < first || pfn - first >= vma_pages(vma))
		return -ENOENT;

	/* For the scrub; without memory for it, that reads the page. */
	xa_store(&region->ndev->poisoned, pfn, xa_mk_value(1), GFP_ATOMIC);
	*pgoff = vma->vm_pgoff + (pfn - first);
	return 0;
}

/* Tell what user space would have to look for in sysfs, if at all it can. */
static int nvgrace_region_add_capability(struct vfio_pci_core_device *core,
					 struct vfio_pci_region *core_region,
					 struct vfio_info_cap *caps)
{
	struct nvgrace_region *region = core_region->data;
	struct nvgrace_region *usemem = &region->ndev->regions[0];
	/* The sizes of those that do not exist are 0. */
	struct vfio_region_info_cap_nvgrace cap = {
		.header.id = VFIO_REGION_INFO_CAP_NVGRACE,
		.header.version = 1,
		.flags = usemem[1].size ? VFIO_REGION_NVGRACE_MIG_DEFECT : 0,
		.vendor = core->pdev->vendor,
		.device = core->pdev->device,
		.offset = region->base - usemem->base,
		.total_size = usemem[0].size + usemem[1].size,
		.map_align = IS_ALIGNED(region->base, PMD_SIZE) ? PMD_SIZE : PAGE_SIZE,
	};

	return vfio_info_add_capability(caps, &cap.header, sizeof(cap));
}

static void nvgrace_region_release(struct vfio_pci_core_device *core,
				   struct vfio_pci_region *core_region)
{
	struct nvgrace_region *region = core_region->data;

	if (region->pfn_space.mapping)
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
	struct vfio_pci_core_device *core = &region->ndev->core;
	int ret;

	ret = vfio_pci_core_register_dev_region(core, VFIO_REGION_TYPE_NVGRACE,
						region->cached ?
						VFIO_REGION_SUBTYPE_NVGRACE_USEMEM :
						VFIO_REGION_SUBTYPE_NVGRACE_RESMEM,
						&nvgrace_regops, region->size,
						VFIO_REGION_INFO_FLAG_READ |
						VFIO_REGION_INFO_FLAG_WRITE |
						VFIO_REGION_INFO_FLAG_MMAP, region);
	if (ret)
		return ret;

	region->pfn_space = (struct pfn_address_space) {
		.node.start = PHYS_PFN(region->base),
		.node.last = PHYS_PFN(region->base + region->size) - 1,
		.mapping = core->vdev.inode->i_mapping,
		.pfn_to_vma_pgoff = nvgrace_region_pfn_to_pgoff,
	};
	ret = register_pfn_address_space(&region->pfn_space);
	if (ret)
		region->pfn_space.mapping = NULL;

	/* A kernel that does not handle such failures is no reason to fail. */
	return ret == -EOPNOTSUPP ? 0 : ret;
}
