/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the exporter share.
 *
 *	memory.c   firmware's ACPI properties -> base, size and split
 *	region.c   the VFIO regions: mmap, faults, poison, read and write
 *	dmabuf.c   the memory as dma-bufs
 *	scrub.c    zeroes the memory between users (scrub.h)
 *	gate.c     who may touch the memory when, and whether it works
 *	core.c     what vfio-pci-core does not do for such regions, and closes the gate
 *	main.c     the driver around them
 */
#ifndef NVGRACE_H
#define NVGRACE_H

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
 * @pfn_space: tells memory failure handling who has a page mapped.  Registered while
 *	the device is open, which vdev.dev_set->lock protects
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

/* How often who waits for the memory looks again, and how often the device is asked. */
#define NVGRACE_POLL_MS		20

/**
 * struct nvgrace_device - a Grace GPU
 * @core: vfio-pci-core's part
 * @regions: in the order of their addresses and VFIO indices.  Constant once
 *	probe is done, but for what is said above.  The size of one that does not exist
 *	is 0.  If firmware describes no coherent memory there is none: all is as with
 *	vfio-pci then
 * @bar0: the readiness registers, mapped from probe to remove.  NULL if the
 *	device tells in its CXL DVSEC
 * @cxl_dvsec: config space offset of the CXL device DVSEC, or 0
 * @phase: how far the memory has been found to be since the last reset (gate.c);
 *	0: to be asked for.  Written under core.irqlock inside the gate, and cleared with
 *	nobody inside, or nobody who would keep what he finds, so who is inside sees it
 *	while it is true
 * @deadline: when it must have gone on to the next phase (jiffies).  Under
 *	core.irqlock, as is @next
 * @next: before this the device is not asked again (jiffies)
 * @gate: held for reading, inside core.memory_lock, while the memory is mapped or
 *	accessed; for writing while nobody must.
 *	Order: mmap_lock, then core.memory_lock, then @gate, then core.irqlock.
 *	core.memory_lock alone cannot do this, since in reset_prepare and reset_done
 *	it may or may not be held, depending on who resets.
 *	No user memory is faulted in and nobody sleeps for the device under either
 * @config: held over the user's writes to config space, so that each of them finds the
 *	power state that the one before has left
 * @scrub: see there
 */
struct nvgrace_device {
	struct vfio_pci_core_device core;
	struct nvgrace_region regions[2];
	void __iomem *bar0;
	u16 cxl_dvsec;
	unsigned int phase;
	unsigned long deadline;
	unsigned long next;
	struct rw_semaphore gate;
	struct mutex config;	/* for what is said above */
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
void *nvgrace_region_map(struct nvgrace_region *region, size_t pos, size_t len);

/* dmabuf.c */
extern const struct vfio_pci_device_ops nvgrace_pci_ops;

/* gate.c */
int nvgrace_gate_init(struct nvgrace_device *ndev);
int nvgrace_gate_try(struct nvgrace_device *ndev, bool awake);
int nvgrace_gate_enter(struct nvgrace_device *ndev, bool awake);
void nvgrace_gate_exit(struct nvgrace_device *ndev);

/* core.c */
extern const struct pci_error_handlers nvgrace_core_err_handlers;
void nvgrace_core_init(struct nvgrace_device *ndev);
int nvgrace_core_feature(struct vfio_device *vdev, u32 flags, void __user *arg, size_t argsz);
ssize_t nvgrace_core_write(struct vfio_device *vdev, const char __user *buf, size_t count,
			   loff_t *ppos);

#endif /* NVGRACE_H */
