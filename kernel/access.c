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
 * copying 4 KiB does.  This is one entry of a page table, and of a TLB, if the
 * memory begins at a multiple of it (4K pages), and else at most 512.
 */
#define NVGRACE_WINDOW	SZ_1G

/*
 * How much is copied at most before others get the gate, to move the window or to
 * reset the device.  Divides NVGRACE_WINDOW.
 */
#define NVGRACE_CHUNK	SZ_2M

/*
 * How often user memory that has been faulted in may be gone again, as it may be
 * when it is this memory and the device is reset.  What is never there, for
 * reasons that the fault handler does not see (MTE tags), must come to an end.
 */
#define NVGRACE_TRIES	16

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

	if (xa_empty(&nvgrace_poisoned) ||
	    !xa_find(&nvgrace_poisoned, &pfn, PHYS_PFN(region->base + pos + len - 1), XA_PRESENT))
		return len;
	return pfn > first ? PFN_PHYS(pfn) - region->base - pos : 0;
}

/**
 * nvgrace_access_map() - map a part of the region into the kernel
 * @region: the region
 * @pos: offset of the part, bytes
 * @len: its length, bytes; inside the region
 *
 * Called with the gate held.  memunmap() what is returned, before that ends or in
 * nvgrace_access_forget().
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
 * does not work; so could one that is gone, but still in a TLB: vunmap is lazy.
 * Called with the gate held for writing; while a scrub runs, only what is not the
 * scrub's is unmapped.
 */
void nvgrace_access_forget(struct nvgrace_device *ndev)
{
	memunmap(ndev->window);
	ndev->window = NULL;
	vm_unmap_aliases();
}

static bool nvgrace_access_in_window(struct nvgrace_region *region, size_t pos)
{
	phys_addr_t base = region->base + ALIGN_DOWN(pos, NVGRACE_WINDOW);

	return region->ndev->window && region->ndev->window_base == base;
}

/*
 * Have @pos in the window.  Called with the gate held for reading, which for
 * this is held for writing: what others do in the same window, they do side by
 * side.  Return: 0; -ENOMEM; or -EAGAIN: it was closed in between.
 */
static int nvgrace_access_move_window(struct nvgrace_region *region, size_t pos)
{
	size_t start = ALIGN_DOWN(pos, NVGRACE_WINDOW);
	struct nvgrace_device *ndev = region->ndev;
	int ret = 0;

	up_read(&ndev->gate);
	down_write(&ndev->gate);
	if (!ndev->ready) {
		ret = -EAGAIN;
	} else if (!nvgrace_access_in_window(region, pos)) {
		memunmap(ndev->window);
		ndev->window_base = region->base + start;
		ndev->window = nvgrace_access_map(region, start,
						  min(region->size - start, NVGRACE_WINDOW));
		ret = ndev->window ? 0 : -ENOMEM;
	}
	downgrade_write(&ndev->gate);
	return ret;
}

#define nvgrace_access_as(type, dst, src) \
	WRITE_ONCE(*(type *)(dst), READ_ONCE(*(const type *)(src)))

/* Up to 8 bytes: what one access of the CPU can do is one. */
static void nvgrace_access_word(void *dst, const void *src, size_t len)
{
	bool aligned = IS_ALIGNED((unsigned long)dst | (unsigned long)src, len);

	if (aligned && len == sizeof(u64))
		nvgrace_access_as(u64, dst, src);
	else if (aligned && len == sizeof(u32))
		nvgrace_access_as(u32, dst, src);
	else if (aligned && len == sizeof(u16))
		nvgrace_access_as(u16, dst, src);
	else
		memcpy(dst, src, len);
}

/* Called with page faults disabled.  Return: bytes copied; of a word all or none. */
static size_t nvgrace_access_user(void *map, char __user *buf, size_t len, bool iswrite)
{
	u64 word;

	if (len > sizeof(word))
		return len - (iswrite ? __copy_from_user_inatomic(map, buf, len) :
					__copy_to_user_inatomic(buf, map, len));
	if (!iswrite)
		nvgrace_access_word(&word, map, len);
	if (iswrite ? __copy_from_user_inatomic(&word, buf, len) :
		      __copy_to_user_inatomic(buf, &word, len))
		return 0;
	if (iswrite)
		nvgrace_access_word(map, &word, len);
	return len;
}

/*
 * Copy what can be copied at once, inside one window.  Return: bytes; 0 if user
 * memory has to be faulted in first; -EAGAIN if it is to be tried again; or
 * another negative error.
 */
static ssize_t nvgrace_access_copy(struct nvgrace_region *region, size_t pos, char __user *buf,
				   size_t len, bool iswrite)
{
	struct nvgrace_device *ndev = region->ndev;
	ssize_t ret = nvgrace_gate_enter(ndev, true);

	if (ret)
		return ret;
	if (!nvgrace_access_in_window(region, pos))
		ret = nvgrace_access_move_window(region, pos);
	if (!iswrite)
		len = nvgrace_access_readable(region, pos, len);
	if (!ret && !len)
		ret = -EIO;
	if (!ret) {
		pagefault_disable();
		ret = nvgrace_access_user(ndev->window + pos % NVGRACE_WINDOW, buf, len, iswrite);
		pagefault_enable();
	}
	nvgrace_gate_exit(ndev);
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
	unsigned int index = VFIO_PCI_OFFSET_TO_INDEX(*ppos) - VFIO_PCI_NUM_REGIONS, tries = 0;
	struct nvgrace_region *region = core->region[index].data;
	size_t pos = *ppos & VFIO_PCI_OFFSET_MASK, done = 0, missing = 0, len;
	ssize_t ret = 0;

	if (pos >= region->size)
		return -EINVAL;
	count = min(count, region->size - pos);

	/* A part may turn out shorter; the one after it, of nothing, is the error. */
	while (done < count && !fatal_signal_pending(current)) {
		cond_resched();
		len = min(count - done, NVGRACE_CHUNK - (pos + done) % NVGRACE_CHUNK);
		ret = nvgrace_access_copy(region, pos + done, buf + done, len - missing, iswrite);
		if (ret == -EAGAIN)
			continue;
		tries = ret ? 0 : tries + 1;
		/*
		 * What is missing at the end is left out the next time, so that a word
		 * is cut by nothing else.  To fault in for a read alters nothing: what is
		 * behind may be what is read.
		 */
		missing = ret ? 0 : iswrite ? fault_in_readable(buf + done, len) :
					      fault_in_safe_writeable(buf + done, len);
		if (missing == len || tries > NVGRACE_TRIES)
			ret = -EFAULT;
		if (ret < 0)
			break;
		done += ret;
		*ppos += ret;
	}
	/* The device may suspend when the caller puts his runtime PM reference. */
	if (core->pm_runtime_engaged)
		nvgrace_gate_renew(core->pdev);
	return done ?: fatal_signal_pending(current) ? -EINTR : ret;
}
