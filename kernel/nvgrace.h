/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the exporter share.
 *
 *	memory.c   firmware's ACPI properties -> base, size and split
 *	region.c   the VFIO regions: mmap, faults, read, write, poison
 *	scrub.c    zeroes the memory between users
 *	gate.c     who may touch the memory when: resets and power states
 *	ready.c    the registers that tell whether the memory works
 *	main.c     the driver around them
 */
#ifndef NVGRACE_H
#define NVGRACE_H

#include <linux/completion.h>
#include <linux/rwsem.h>
#include <linux/vfio_pci_core.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "compat.h"

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
 * struct nvgrace_scrub - the zeroing of the memory between users
 * @work: runs it
 * @done: completed unless @work is queued or runs
 * @next: where the next window begins, bytes from the start of the memory
 * @written: bytes that were not zero
 * @error: why it ended early, or 0
 * @dirty: the memory may hold what no further user must see
 *
 * @error and @dirty belong to @work until @done is completed, otherwise to who
 * holds vdev.dev_set->lock.
 */
struct nvgrace_scrub {
	struct work_struct work;
	struct completion done;
	atomic64_t next;
	atomic64_t written;
	int error;
	bool dirty;
};

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
 * @gate: protects the three members below.  Held for reading while the memory
 *	is mapped or accessed, so that whoever has had it for writing knows
 *	that nobody does.  Order: mmap_lock, then core.memory_lock, then @gate.
 *	core.memory_lock alone is not enough, since in reset_prepare and
 *	reset_done it may or may not be held, depending on who resets.
 *	No user memory is touched and nobody sleeps for the device under @gate
 * @closed: how many resets are in progress.  Written under @gate, read without
 *	it by who waits for @opened
 * @ready: the memory has been found ready since the last reset.  Set under
 *	@gate held for writing, cleared also by readers
 * @asked: when it was first found not to be (jiffies), or 0
 * @opened: woken when @closed becomes less
 * @stopping: a scrub must end early
 * @scrub: see there
 * @poisoned: numbers of the pages that memory failure handling has told of
 */
struct nvgrace_device {
	struct vfio_pci_core_device core;
	struct nvgrace_region regions[NVGRACE_MAX_REGIONS];
	unsigned int num_regions;
	void __iomem *bar0;
	u16 cxl_dvsec;
	struct rw_semaphore gate;
	unsigned int closed;
	bool ready;
	unsigned long asked;
	wait_queue_head_t opened;
	bool stopping;
	struct nvgrace_scrub scrub;
	struct xarray poisoned;
};

/* memory.c */
int nvgrace_memory_init(struct nvgrace_device *ndev);

/* region.c */
int nvgrace_region_register(struct nvgrace_region *region);
void *nvgrace_region_map(struct nvgrace_region *region, size_t pos, size_t len);
void nvgrace_region_unmap(struct nvgrace_region *region, void *window);

/* scrub.c */
void nvgrace_scrub_init(struct nvgrace_device *ndev);
void nvgrace_scrub_close(struct nvgrace_device *ndev);
int nvgrace_scrub_wait(struct nvgrace_device *ndev);
int nvgrace_scrub_rest(struct nvgrace_device *ndev);
void nvgrace_scrub_stop(struct nvgrace_device *ndev);

/* gate.c */
int nvgrace_gate_enter(struct nvgrace_device *ndev, bool awake);
void nvgrace_gate_exit(struct nvgrace_device *ndev);
int nvgrace_gate_wait(struct nvgrace_device *ndev, bool awake);
void nvgrace_gate_close(struct nvgrace_device *ndev);
void nvgrace_gate_open(struct nvgrace_device *ndev);

/* ready.c */
int nvgrace_ready_probe(struct nvgrace_device *ndev);
bool nvgrace_ready_test(struct nvgrace_device *ndev, unsigned int *timeout_ms);

#endif /* NVGRACE_H */
