/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What nvgrace-guest.ko tells user space about a GPU's coherent memory, and how
 * its copy engine is used.  The device is /dev/nvgrace-gpu-<PCI address>.  mmap(),
 * shared, maps memory that is not onlined, as Normal-NC; offsets are those that the engine
 * takes, as if the reserved memory followed what may be onlined.
 */
#ifndef NVGRACE_GUEST_UAPI_H
#define NVGRACE_GUEST_UAPI_H

#include <linux/ioctl.h>
#include <linux/const.h>
#include <linux/types.h>

/* Bare-metal firmware gives every GPU eight proximity domains, for MIG */
#define NVGRACE_GUEST_MAX_NODES		8

/* The nodes come from SRAT's Generic Initiators, not from the pxm properties */
#define NVGRACE_GUEST_NODES_FROM_SRAT	_BITUL(0)
/* No DVSEC, or its bit is clear: the end of the memory is not for the kernel */
#define NVGRACE_GUEST_MIG_DEFECT	_BITUL(1)
/* The addresses are those of BARs: firmware does not say any */
#define NVGRACE_GUEST_BARS		_BITUL(2)

/**
 * struct nvgrace_guest_info - one GPU's coherent memory, as found and onlined
 * @base: guest physical address, from nvidia,gpu-mem-base-pa or BAR 4
 * @size: bytes, from nvidia,gpu-mem-size or the GPU
 * @usemem_size: bytes from @base that may be onlined
 * @online_size: bytes from @base that are onlined (less with limit_mib=)
 * @resmem_base: guest physical address of what is reserved, behind the
 *	usemem_size bytes or that of BAR 2; only with NVGRACE_GUEST_MIG_DEFECT
 * @flags: NVGRACE_GUEST_NODES_FROM_SRAT, NVGRACE_GUEST_MIG_DEFECT,
 *	NVGRACE_GUEST_BARS
 * @node: the node that owns the memory
 * @node_count: entries of @nodes
 * @nodes: all nodes of this GPU, ascending
 * @interrupts: copy engine interrupts since the driver was bound
 * @jobs: the engine's own count of jobs since its last reset
 */
struct nvgrace_guest_info {
	__u64 base;
	__u64 size;
	__u64 usemem_size;
	__u64 online_size;
	__u64 resmem_base;
	__u32 flags;
	__u32 node;
	__u32 node_count;
	__u32 nodes[NVGRACE_GUEST_MAX_NODES];
	__u32 interrupts;
	__u32 jobs;
	__u32 reserved;
};

/* @src, @dst: an offset in coherent memory instead of a user address */
#define NVGRACE_GUEST_COPY_SRC_MEM	_BITUL(0)
#define NVGRACE_GUEST_COPY_DST_MEM	_BITUL(1)
/*
 * @src: such an offset, too, but the engine gets it as a DMA address, as any other
 * device would.  Onlined, and inside one page; @dst is in coherent memory.
 */
#define NVGRACE_GUEST_COPY_SRC_DMA	_BITUL(2)
/* The same of a physical address, which may be in the memory of another GPU */
#define NVGRACE_GUEST_COPY_SRC_PHYS	_BITUL(3)

/* Bytes one job of the engine moves at most when one end is a user address */
#define NVGRACE_GUEST_COPY_CHUNK	0x100000

/**
 * struct nvgrace_guest_copy - have the copy engine move data
 * @src: user address, or offset in coherent memory
 * @dst: user address, or offset in coherent memory
 * @len: bytes; in jobs of NVGRACE_GUEST_COPY_CHUNK when an end is a user address
 * @flags: NVGRACE_GUEST_COPY_*; at least one end is coherent memory
 * @timeout_ms: how long to wait for each job's interrupt
 * @status: out: NVGRACE_CE_STATUS of the last job
 * @interrupts: out: interrupts that came
 * @jobs: out: jobs started
 * @reserved: 0
 * @done: out: bytes of complete jobs
 *
 * Fails with EIO if the engine reports an error and with ETIMEDOUT if no
 * interrupt comes; the out members hold in both cases.  A job that is DONE in
 * @status after ETIMEDOUT has lost its interrupt.
 */
struct nvgrace_guest_copy {
	__u64 src;
	__u64 dst;
	__u64 len;
	__u32 flags;
	__u32 timeout_ms;
	__u32 status;
	__u32 interrupts;
	__u32 jobs;
	__u32 reserved;
	__u64 done;
};

#define NVGRACE_GUEST_INFO	_IOR('N', 0x80, struct nvgrace_guest_info)
#define NVGRACE_GUEST_COPY	_IOWR('N', 0x81, struct nvgrace_guest_copy)

#endif /* NVGRACE_GUEST_UAPI_H */
