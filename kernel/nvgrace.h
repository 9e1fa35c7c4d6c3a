/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the exporter share.
 *
 *	memory.c   firmware's ACPI properties -> base, size and split
 *	region.c   the VFIO regions: mmap, faults, read, write, poison
 *	gate.c     who may touch the memory when: resets and power states
 *	ready.c    the registers that tell whether the memory works
 *	main.c     the driver around them
 */
#ifndef NVGRACE_H
#define NVGRACE_H

#include <linux/rwsem.h>
#include <linux/vfio_pci_core.h>
#include <linux/wait.h>

#include "compat.h"

/**
 * struct nvgrace_region - a part of the coherent memory with one memory type
 * @ndev: the device it belongs to
 * @base: host physical address, page aligned
 * @size: bytes, page aligned
 * @cached: usemem, Normal write-back, if set; resmem, Normal-NC, otherwise
 * @pfn_space: tells memory failure handling who has a page mapped
 * @pfn_space_registered: @pfn_space is in the kernel's tree.  Protected by
 *	the device set's lock, which open and close are called with
 *
 * The first four are constant once probe is done.
 */
struct nvgrace_region {
	struct nvgrace_device *ndev;
	phys_addr_t base;
	size_t size;
	bool cached;
	struct pfn_address_space pfn_space;
	bool pfn_space_registered;
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
};

/* memory.c */
int nvgrace_memory_init(struct nvgrace_device *ndev);

/* region.c */
int nvgrace_region_register(struct nvgrace_region *region);

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
