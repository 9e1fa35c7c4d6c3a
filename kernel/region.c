// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VFIO regions of the coherent memory.
 *
 * They are vfio-pci-core's device-specific regions: it finds them by index,
 * reports type, subtype, size and flags, and refuses private mappings before
 * it calls here.  The rest is left to them: bounds, faults, and all that the
 * memory must be kept safe from (gate.c).
 */
#include <linux/cleanup.h>
#include <linux/file.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio_nvgrace.h>

#include "nvgrace.h"

/* What is copied in one go, with the memory mapped into the kernel. */
#define NVGRACE_COPY_MAX	SZ_256K

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

#define nvgrace_copy_as(type, dst, src) \
	WRITE_ONCE(*(type *)(dst), READ_ONCE(*(const type *)(src)))

/*
 * Copy @len bytes.  What is naturally aligned is one access of the user's
 * width, so that he can rely on it being atomic.
 */
static void nvgrace_region_copy(void *dst, const void *src, size_t len, bool aligned)
{
	if (aligned && len == sizeof(u64))
		nvgrace_copy_as(u64, dst, src);
	else if (aligned && len == sizeof(u32))
		nvgrace_copy_as(u32, dst, src);
	else if (aligned && len == sizeof(u16))
		nvgrace_copy_as(u16, dst, src);
	else
		memcpy(dst, src, len);
}

/**
 * nvgrace_region_readable() - how much the kernel can read without being killed
 * @region: the region
 * @pos: offset, bytes
 * @len: bytes, at least 1, inside the region
 *
 * arm64 cannot recover from reading poison in the kernel (7.3: there is no
 * ARCH_HAS_COPY_MC).  Writing it is harmless.
 *
 * Return: bytes, up to the first page that is known to be poisoned.
 */
size_t nvgrace_region_readable(struct nvgrace_region *region, size_t pos, size_t len)
{
	unsigned long first = PHYS_PFN(region->base + pos), pfn = first;

	if (!xa_find(&nvgrace_poisoned, &pfn, PHYS_PFN(region->base + pos + len - 1), XA_PRESENT))
		return len;
	return pfn > first ? PFN_PHYS(pfn) - region->base - pos : 0;
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
	int ret = nvgrace_gate_enter(region->ndev, true);
	void *window;

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
	size_t pos = *ppos & VFIO_PCI_OFFSET_MASK, done = 0, len;
	void *window;

	if (pos >= region->size)
		return -EINVAL;
	count = min(count, region->size - pos);

	/* User memory may fault, even into this region: not with the gate held. */
	void *bounce __free(kvfree) = kvmalloc(min_t(size_t, count, NVGRACE_COPY_MAX),
					       GFP_KERNEL_ACCOUNT);
	if (!bounce)
		return -ENOMEM;

	/* A part may turn out shorter; the one after it, of nothing, is the error. */
	do {
		len = min_t(size_t, count - done, NVGRACE_COPY_MAX);
		if (iswrite)
			len -= copy_from_user(bounce, buf + done, len);
		else
			len = nvgrace_region_readable(region, pos + done, len);
		window = len ? nvgrace_region_map(region, pos + done, len) :
			       ERR_PTR(iswrite ? -EFAULT : -EIO);
		if (IS_ERR(window))
			return done ?: PTR_ERR(window);
		nvgrace_region_copy(iswrite ? window : bounce, iswrite ? bounce : window, len,
				    !((pos + done) % len));
		nvgrace_region_unmap(region, window);
		if (!iswrite)
			len -= copy_to_user(buf + done, bounce, len);
		if (!len)
			return done ?: -EFAULT;
		done += len;
		*ppos += len;
		cond_resched();
	} while (done < count && !fatal_signal_pending(current));
	return done;
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
