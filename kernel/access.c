// SPDX-License-Identifier: GPL-2.0-only
/*
 * How the kernel itself touches the coherent memory: read and write of the
 * regions, and what the scrub (scrub.c) shares with them.
 *
 * In: a region, an offset in it and a length.  All of it happens inside the gate
 * (gate.c), so no user memory is faulted in meanwhile, which may be in this very
 * region: what is not there ends the copy, and is asked for outside.
 */
#include <linux/io.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "nvgrace.h"

/*
 * What stays mapped for the next read or write.  Mapping takes far longer than
 * copying 4 KiB does; this many bytes are little to keep the CPU's speculation in.
 */
#define NVGRACE_WINDOW	SZ_2M

/* So much at most is one access of the CPU, if it is aligned. */
#define NVGRACE_WORD	sizeof(u64)

/**
 * nvgrace_access_readable() - how much the kernel can read without being killed
 * @region: the region
 * @pos: offset, bytes
 * @len: bytes, at least 1, inside the region
 *
 * arm64 cannot recover from reading poison in the kernel (7.3: there is no
 * ARCH_HAS_COPY_MC).  Writing it is harmless.
 *
 * Return: bytes, up to the first page that is known to be poisoned.
 */
size_t nvgrace_access_readable(struct nvgrace_region *region, size_t pos, size_t len)
{
	unsigned long first = PHYS_PFN(region->base + pos), pfn = first;

	if (!xa_find(&nvgrace_poisoned, &pfn, PHYS_PFN(region->base + pos + len - 1), XA_PRESENT))
		return len;
	return pfn > first ? PFN_PHYS(pfn) - region->base - pos : 0;
}

/**
 * nvgrace_access_map() - map a part of the region into the kernel
 * @region: the region
 * @pos: offset of the part, bytes
 * @len: its length, bytes; inside the region
 *
 * Called with the gate held; memunmap() before that ends.
 *
 * Return: the mapping, or NULL: no memory.
 */
void *nvgrace_access_map(struct nvgrace_region *region, size_t pos, size_t len)
{
	return memremap(region->base + pos, len, region->cached ? MEMREMAP_WB : MEMREMAP_WC);
}

/**
 * nvgrace_access_forget() - have none of the memory mapped into the kernel
 * @ndev: the device
 *
 * A cacheable mapping that is kept could be read speculatively while the memory
 * does not work.  Called with the gate held for writing: there is only what was
 * kept, and what the TLB may remember of mappings that are gone.
 */
void nvgrace_access_forget(struct nvgrace_device *ndev)
{
	if (ndev->window)
		memunmap(ndev->window);
	ndev->window = NULL;
	vm_unmap_aliases();
}

/* Called with the gate and window_lock held; the mapping of @pos, or NULL: no memory. */
static void *nvgrace_access_window(struct nvgrace_region *region, size_t pos)
{
	struct nvgrace_device *ndev = region->ndev;
	size_t start = ALIGN_DOWN(pos, NVGRACE_WINDOW);

	if (!ndev->window || ndev->window_base != region->base + start) {
		if (ndev->window)
			memunmap(ndev->window);
		ndev->window_base = region->base + start;
		ndev->window = nvgrace_access_map(region, start,
						  min(region->size - start, NVGRACE_WINDOW));
	}
	return ndev->window ? ndev->window + (pos - start) : NULL;
}

#define nvgrace_access_as(type, dst, src) \
	WRITE_ONCE(*(type *)(dst), READ_ONCE(*(const type *)(src)))

/* A part of a word; as one access where it can be, so that the user can rely on that. */
static void nvgrace_access_word(void *dst, const void *src, size_t len, bool aligned)
{
	if (aligned && len == sizeof(u64))
		nvgrace_access_as(u64, dst, src);
	else if (aligned && len == sizeof(u32))
		nvgrace_access_as(u32, dst, src);
	else if (aligned && len == sizeof(u16))
		nvgrace_access_as(u16, dst, src);
	else
		memcpy(dst, src, len);
}

/*
 * Copy what can be copied at once, inside one window.  Return: bytes; 0 if user
 * memory has to be faulted in first; or a negative error.
 */
static ssize_t nvgrace_access_copy(struct nvgrace_region *region, size_t pos, char __user *buf,
				   size_t len, bool iswrite)
{
	struct nvgrace_device *ndev = region->ndev;
	bool word = len <= NVGRACE_WORD;
	ssize_t ret;
	void *map;
	u64 value;

	if (word && iswrite && copy_from_user(&value, buf, len))
		return -EFAULT;
	ret = nvgrace_gate_enter(ndev, true);
	if (ret)
		return ret;

	mutex_lock(&ndev->window_lock);
	map = nvgrace_access_window(region, pos);
	ret = map ? len : -ENOMEM;
	if (map && word) {
		nvgrace_access_word(iswrite ? map : &value, iswrite ? &value : map, len,
				    !(pos % len));
	} else if (map) {
		pagefault_disable();
		ret -= iswrite ? __copy_from_user_inatomic(map, buf, len) :
				 __copy_to_user_inatomic(buf, map, len);
		pagefault_enable();
	}
	mutex_unlock(&ndev->window_lock);
	/* Writes arrive before whatever the device is told next. */
	wmb();
	nvgrace_gate_exit(ndev);

	if (word && !iswrite && ret > 0 && copy_to_user(buf, &value, len))
		return -EFAULT;
	return ret;
}

/**
 * nvgrace_access_rw() - read or write a region
 * @core: the device
 * @buf: user memory; the caller has checked that its addresses are the user's
 * @count: bytes
 * @ppos: where in the device's file; moved on by what was done
 * @iswrite: from user memory
 *
 * Return: bytes done, perhaps fewer than @count; or a negative error if none are.
 */
ssize_t nvgrace_access_rw(struct vfio_pci_core_device *core, char __user *buf, size_t count,
			  loff_t *ppos, bool iswrite)
{
	unsigned int index = VFIO_PCI_OFFSET_TO_INDEX(*ppos) - VFIO_PCI_NUM_REGIONS;
	struct nvgrace_region *region = core->region[index].data;
	size_t pos = *ppos & VFIO_PCI_OFFSET_MASK, done = 0, len;
	ssize_t ret = 0;

	if (pos >= region->size)
		return -EINVAL;
	count = min(count, region->size - pos);

	/* A part may turn out shorter; the one after it, of nothing, is the error. */
	while (done < count) {
		if (fatal_signal_pending(current))
			return done ?: -EINTR;
		len = min(count - done, NVGRACE_WINDOW - (pos + done) % NVGRACE_WINDOW);
		if (!iswrite)
			len = nvgrace_access_readable(region, pos + done, len);
		ret = len ? nvgrace_access_copy(region, pos + done, buf + done, len, iswrite) :
			    -EIO;
		if (!ret && (iswrite ? fault_in_readable(buf + done, len) :
				       fault_in_writeable(buf + done, len)) == len)
			ret = -EFAULT;
		if (ret < 0)
			break;
		done += ret;
		*ppos += ret;
		cond_resched();
	}
	return done ?: ret;
}
