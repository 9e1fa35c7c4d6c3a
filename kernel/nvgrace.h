/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the exporter share.
 *
 *	memory.c   firmware's ACPI properties -> base, size and split
 *	region.c   the VFIO regions: mmap, faults, poison
 *	access.c   the kernel's own accesses: read and write
 *	dmabuf.c   the memory as dma-bufs
 *	scrub.c    zeroes the memory between users (scrub.h)
 *	gate.c     who may touch the memory when: resets and power states
 *	ready.c    the registers that tell whether the memory works
 *	main.c     the driver around them
 */
#ifndef NVGRACE_H
#define NVGRACE_H

#include <linux/rwsem.h>
#include <linux/vfio_pci_core.h>
#include <linux/xarray.h>

#include "compat.h"
#include "scrub.h"

/**
 * struct nvgrace_region - a part of the coherent memory with one memory type
 * @ndev: the device it belongs to
 * @base: host physical address, page aligned
 * @size: bytes, page aligned
 * @cached: usemem, Normal write-back, if set; resmem, Normal-NC, otherwise
 * @pfn_space: tells memory failure handling who has a page mapped.  Its
 *	mapping is NULL unless it is registered.  Protected by
 *	vdev.dev_set->lock, which open and close are called with
 *
 * The first four are constant once probe is done.
 */
struct nvgrace_region {
	struct nvgrace_device *ndev;
	phys_addr_t base;
	size_t size;
	bool cached;
	struct pfn_address_space pfn_space;
};

#define NVGRACE_MAX_REGIONS	2

/**
 * struct nvgrace_device - a Grace GPU
 * @core: vfio-pci-core's part
 * @regions: in the order of their addresses and VFIO indices.  Constant once
 *	probe is done
 * @num_regions: 0 if firmware describes no coherent memory: all is as with
 *	vfio-pci then
 * @bar0: the readiness registers, mapped from probe to remove.  NULL if the
 *	device tells in its CXL DVSEC, or has no coherent memory
 * @cxl_dvsec: config space offset of the CXL device DVSEC, or 0
 * @gate: held for reading while the memory is mapped or accessed, so that
 *	whoever has had it for writing knows that nobody does.  Order: mmap_lock,
 *	then core.memory_lock, then @gate, then core.irqlock.
 *	core.memory_lock cannot do this, since in reset_prepare and reset_done it
 *	may or may not be held, depending on who resets.
 *	No user memory is faulted in and nobody sleeps for the device under @gate
 * @closed: how many keep the gate closed.  Increased under @gate held for writing
 * @ready: the memory has been found ready since the last reset.  Written under
 *	@gate; who has it for writing clears it, so who has it for reading sees
 *	it set only while that is true
 * @asked: when it was first found not to be (jiffies), or 0.  Likewise
 * @window: a part of the memory that the last read or write has left mapped, or
 *	NULL.  Protected by @gate, as is @window_base
 * @window_base: its host physical address
 * @scrub: see there
 */
struct nvgrace_device {
	struct vfio_pci_core_device core;
	struct nvgrace_region regions[NVGRACE_MAX_REGIONS];
	unsigned int num_regions;
	void __iomem *bar0;
	u16 cxl_dvsec;
	struct rw_semaphore gate;
	atomic_t closed;
	bool ready;
	unsigned long asked;
	void *window;
	phys_addr_t window_base;
	struct nvgrace_scrub scrub;
};

static inline struct nvgrace_device *nvgrace_device(struct pci_dev *pdev)
{
	/* vfio-pci-core insists on this being its own part. */
	return container_of(dev_get_drvdata(&pdev->dev), struct nvgrace_device, core);
}

/* memory.c */
int nvgrace_memory_init(struct nvgrace_device *ndev);

/* region.c */
extern struct xarray nvgrace_poisoned;
int nvgrace_region_register(struct nvgrace_region *region);

/* access.c */
size_t nvgrace_access_readable(struct nvgrace_region *region, size_t pos, size_t len);
void *nvgrace_access_map(struct nvgrace_region *region, size_t pos, size_t len);
void nvgrace_access_forget(struct nvgrace_device *ndev);
ssize_t nvgrace_access_rw(struct vfio_pci_core_device *core, char __user *buf, size_t count,
			  loff_t *ppos, bool iswrite);

/* dmabuf.c */
#ifdef CONFIG_VFIO_PCI_DMABUF
void nvgrace_dmabuf_init(struct nvgrace_device *ndev);
#else
static inline void nvgrace_dmabuf_init(struct nvgrace_device *ndev)
{
}
#endif

/* gate.c */
int nvgrace_gate_try(struct nvgrace_device *ndev, bool awake);
int nvgrace_gate_enter(struct nvgrace_device *ndev, bool awake);
void nvgrace_gate_exit(struct nvgrace_device *ndev);
void nvgrace_gate_close(struct pci_dev *pdev);
void nvgrace_gate_open(struct pci_dev *pdev);
void nvgrace_gate_renew(struct pci_dev *pdev);

/* ready.c */
int nvgrace_ready_init(struct nvgrace_device *ndev);
int nvgrace_ready_test(struct nvgrace_device *ndev);

#endif /* NVGRACE_H */
