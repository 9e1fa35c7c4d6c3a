// SPDX-License-Identifier: GPL-2.0-only
/*
 * How the kernel itself touches the coherent memory: read and write of the
 * regions, and what the scrub (scrub.c) shares with them.
 *
 * Guests and VMMs map the memory; this way is for debuggers.  It is right and
 * short, not fast: a page is mapped and copied inside the gate (gate.c), where no
 * user memory may be faulted in, since that may be this very region.  So the page
 * goes through a buffer, from or to which it is copied outside.
 */
#include <linux/io.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "nvgrace.h"

/**
 * nvgrace_access_poisoned() - whether the kernel would be killed by reading a page
 * @region: the region
 * @pos: offset in the page, bytes
 *
 * arm64 cannot recover from reading poison in the kernel (7.3: there is no
 * ARCH_HAS_COPY_MC).  Writing it is harmless.
 *
 * Return: true if memory failure handling has told of it.
 */
bool nvgrace_access_poisoned(struct nvgrace_region *region, size_t pos)
{
	return xa_load(&nvgrace_poisoned, PHYS_PFN(region->base + pos));
}

/**
 * nvgrace_access_map() - map a part of the region into the kernel
 * @region: the region
 * @pos: offset of the part, bytes
 * @len: its length, bytes; inside the region
 *
 * Called inside the gate.  memunmap() what is returned, before leaving it.
 *
 * Return: the mapping, or NULL: no memory.
 */
void *nvgrace_access_map(struct nvgrace_region *region, size_t pos, size_t len)
{
	return memremap(region->base + pos, len, region->cached ? MEMREMAP_WB : MEMREMAP_WC);
}

/* What is inside one page.  Return: 0 or a negative error. */
static int nvgrace_access_copy(struct nvgrace_region *region, size_t pos, void *buf, size_t len,
			       bool iswrite)
{
	int ret = nvgrace_gate_enter(region->ndev, true);
	void *map;

	if (ret)
		return ret;
	map = nvgrace_access_map(region, pos, len);
	if (!iswrite && nvgrace_access_poisoned(region, pos))
		ret = -EIO;
	else if (map)
		memcpy(iswrite ? map : buf, iswrite ? buf : map, len);
	else
		ret = -ENOMEM;
	memunmap(map);
	nvgrace_gate_exit(region->ndev);
	return ret;
}

/**
 * nvgrace_access_rw() - read or write a region
 * @core: the device
 * @buf: user memory
 * @count: bytes, at least 1
 * @ppos: where in the device's file; moved on by what was done
 * @iswrite: from user memory
 *
 * Return: bytes done, perhaps fewer than @count; or a negative error if none are.
 */
ssize_t nvgrace_access_rw(struct vfio_pci_core_device *core, char __user *buf, size_t count,
			  loff_t *ppos, bool iswrite)
{
	unsigned int index = VFIO_PCI_OFFSET_TO_INDEX(*ppos) - VFIO_PCI_NUM_REGIONS;
	size_t pos = *ppos & VFIO_PCI_OFFSET_MASK, done = 0, len;
	struct nvgrace_region *region = core->region[index].data;
	void *page;
	int ret;

	if (pos >= region->size)
		return -EINVAL;
	count = min(count, region->size - pos);
	page = kmalloc(PAGE_SIZE, GFP_KERNEL);
	ret = page ? 0 : -ENOMEM;
	while (!ret && done < count && !fatal_signal_pending(current)) {
		cond_resched();
		len = min(count - done, PAGE_SIZE - offset_in_page(pos + done));
		if (iswrite)
			len -= copy_from_user(page, buf + done, len);
		if (len)
			ret = nvgrace_access_copy(region, pos + done, page, len, iswrite);
		if (!iswrite && !ret)
			len -= copy_to_user(buf + done, page, len);
		if (!len)
			ret = -EFAULT;
		if (!ret)
			done += len;
	}
	kfree(page);
	*ppos += done;
	return done ?: ret ?: -EINTR;
}
