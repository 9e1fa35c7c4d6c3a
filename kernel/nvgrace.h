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

struct nvgrace_device;

/**
 * struct nvgrace_region - a part of the coherent memory with one memory type
 * @ndev: the device it belongs to
 * @base: host physical address, page aligned
 * @size: bytes, page aligned
 * @subtype: VFIO_REGION_SUBTYPE_NVGRACE_*
 * @cached: Normal write-back if set, Normal-NC otherwise
 * @pfn_space: tells memory failure handling who has a page mapped
 * @pfn_space_registered: @pfn_space is in the kernel's tree.  Protected by
 *	the device set's lock, which open and close are called with
 *
 * All but the last two are constant once probe is done.
 */
struct nvgrace_region {
	struct nvgrace_device *ndev;
	phys_addr_t base;
	size_t size;
	u32 subtype;
	bool cached;
	struct pfn_address_space pfn_space;
	bool pfn_space_registered;
};

#define NVGRACE_MAX_REGIONS	2

/**
 * enum nvgrace_state - what is known about the memory since the last reset
 * @NVGRACE_UNCHECKED: nothing: nobody has asked yet
 * @NVGRACE_TRAINING: somebody has asked, and it was not ready yet
 * @NVGRACE_LATE: it was still not ready when its time had run out
 * @NVGRACE_READY: it may be mapped and accessed
 */
enum nvgrace_state {
	NVGRACE_UNCHECKED,
	NVGRACE_TRAINING,
	NVGRACE_LATE,
	NVGRACE_READY,
};

/**
 * struct nvgrace_device - a Grace GPU
 * @core: vfio-pci-core's part
 * @regions: the regions, in the order of their addresses and VFIO indices.
 *	Constant once probe is done
 * @num_regions: 0 if firmware describes no coherent memory: all is as with
 *	vfio-pci then
 * @bar0: the readiness registers, mapped from probe to remove.  NULL if the
 *	device reports readiness by CXL DVSEC, or has no coherent memory
 * @cxl_dvsec: config space offset of the CXL device DVSEC, or 0
 * @gate: protects the four members below.  Held for reading while the memory
 *	is mapped or accessed, so that whoever has taken it for writing knows
 *	that nobody does.  Order: mmap_lock, then core.memory_lock, then @gate.
 *	core.memory_lock may or may not be held in reset_prepare and
 *	reset_done, depending on who resets: that is why it alone is not enough.
 *	No user memory is touched and nobody sleeps for the device under @gate
 * @resets: resets in progress.  Who wants to use the memory waits
 * @suspends: transitions to D3hot in progress.  Who wants to use the memory
 *	fails, as he will do in D3hot
 * @state: what is known since the last reset
 * @asked: in NVGRACE_TRAINING and NVGRACE_LATE, when it was first asked for
 *	(jiffies)
 * @gate_opened: woken when @resets becomes 0
 */
struct nvgrace_device {
	struct vfio_pci_core_device core;
	struct nvgrace_region regions[NVGRACE_MAX_REGIONS];
	unsigned int num_regions;
	void __iomem *bar0;
	u16 cxl_dvsec;

	struct rw_semaphore gate;
	unsigned int resets;
	unsigned int suspends;
	enum nvgrace_state state;
	unsigned long asked;
	wait_queue_head_t gate_opened;
};

/* memory.c */
int nvgrace_memory_init(struct nvgrace_device *ndev);

/* region.c */
int nvgrace_region_register(struct nvgrace_region *region);

/* gate.c */
void nvgrace_gate_init(struct nvgrace_device *ndev);
int nvgrace_gate_enter(struct nvgrace_device *ndev, bool awake);
void nvgrace_gate_exit(struct nvgrace_device *ndev);
int nvgrace_gate_wait(struct nvgrace_device *ndev, bool awake);
void nvgrace_gate_recheck(struct nvgrace_device *ndev);
void nvgrace_gate_reset_begin(struct nvgrace_device *ndev);
void nvgrace_gate_reset_end(struct nvgrace_device *ndev);
void nvgrace_gate_suspend_begin(struct nvgrace_device *ndev);
void nvgrace_gate_suspend_end(struct nvgrace_device *ndev);
void nvgrace_gate_invalidate(struct nvgrace_device *ndev);

/* ready.c */
int nvgrace_ready_probe(struct nvgrace_device *ndev);
bool nvgrace_ready_test(struct nvgrace_device *ndev, unsigned int *timeout_ms);

#endif /* NVGRACE_H */
