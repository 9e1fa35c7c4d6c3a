/* SPDX-License-Identifier: GPL-2.0-only */
/* The zeroing of the memory between users: scrub.c. */
#ifndef NVGRACE_SCRUB_H
#define NVGRACE_SCRUB_H

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/ktime.h>
#include <linux/workqueue.h>

struct nvgrace_device;
struct nvgrace_region;

/*
 * As many of Grace's CPUs as it takes to keep the link to the GPU busy, or
 * nearly so, and few enough for a machine that has other things to do.
 */
#define NVGRACE_SCRUB_THREADS	8

/**
 * struct nvgrace_scrub - a scrub, and what it leaves to know
 * @wq: runs it; its nice value and CPUs can be set in sysfs
 * @threads: what runs on @wq, in turns: its work, the device, the window that it is
 *	at or has to try again (no region: none), and whether it keeps the device awake
 * @running: how many of @threads have not ended
 * @done: completed unless a scrub is in progress
 * @next: where the next window begins, bytes from the start of the memory
 * @written: bytes written
 * @start: when it began
 * @error: why it ended early, or 0
 * @dirty: the memory may hold what no further user must see
 *
 * @error and @dirty belong to the threads until @done is completed, but for who ends
 * the scrub early and sets @error; otherwise to who holds vdev.dev_set->lock.
 */
struct nvgrace_scrub {
	struct workqueue_struct *wq;
	struct nvgrace_scrub_thread {
		struct work_struct work;
		struct nvgrace_device *ndev;
		struct nvgrace_region *region;
		u64 pos;
		bool awake;
	} threads[NVGRACE_SCRUB_THREADS];
	atomic_t running;
	struct completion done;
	atomic64_t next;
	atomic64_t written;
	ktime_t start;
	int error;
	bool dirty;
};

int nvgrace_scrub_init(struct nvgrace_device *ndev);
void nvgrace_scrub_close(struct nvgrace_device *ndev);
int nvgrace_scrub_wait(struct nvgrace_device *ndev);
int nvgrace_scrub_rest(struct nvgrace_device *ndev);
void nvgrace_scrub_remove(struct nvgrace_device *ndev);

#endif /* NVGRACE_SCRUB_H */
