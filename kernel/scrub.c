// SPDX-License-Identifier: GPL-2.0-only
/*
 * No user finds what another one has left.
 *
 * GPU memory keeps its content when a user ends, however he ends, and through
 * resets.  So all of it is zeroed between users: in the background from the
 * last close on, by several threads, and the next open waits until it is done.
 * At the close the device has been reset, so nothing in it writes any more.
 * Where that did not happen, or nobody knows what the memory holds (the first
 * open after probe, a scrub that failed), the open itself scrubs, after its own
 * reset of the device.
 *
 *	close -> reset -> scrub ........ done
 *	           open: waits .........|-> reset -> dirty? scrub -> regions
 *
 * The open waits in open_device, so with vdev.dev_set->lock held: there is no
 * earlier call to this driver, and a device that is open is one whose engines can
 * read the memory, so the wait cannot be put off to the first access.  The lock
 * is shared by the functions that one slot or bus reset resets together; a Grace
 * GPU is the only one behind its root port.
 *
 * A window at a time is mapped into the kernel, inside the gate: a reset in
 * between waits for the windows that are being worked on, and the next ones wait
 * until the memory is ready again.
 *
 * All is written without being read: on arm64 the kernel does not survive reading a
 * page that is poisoned without anybody having told it, and writing whole lines
 * (memset uses dc zva) reads none.  Only for memory that is sparse behind an
 * emulated GPU it can be read first, so that it stays sparse.
 *
 * Then usemem is cleaned from the caches and invalidated in them.  While the link
 * is up it is coherent, and that is not needed; but the open resets the device,
 * which takes the link down.  What a cache holds as zero may be other data in the
 * memory, and would be again if the cache could not write it back then.  What is
 * cleaned has arrived when the gate is left.
 *
 * The threads work in turns on a workqueue that system sleep freezes: the scrub goes
 * on after it.
 */
#include <linux/bitfield.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/pm_runtime.h>
#include <linux/sizes.h>
#include <linux/vmalloc.h>

#include <asm/cache.h>

#include "nvgrace.h"

static bool scrub = true;
module_param(scrub, bool, 0644);
MODULE_PARM_DESC(scrub, "Zero the coherent memory before another user can see it (default: on)");

/*
 * Mapped at a time by each thread.  A divisor of what the size of usemem is
 * aligned to, if resmem follows: no window has a part of both.
 */
#define NVGRACE_SCRUB_WINDOW	SZ_2M

/* How many of them are a turn of a thread: system sleep waits for its end. */
#define NVGRACE_SCRUB_TURN	32

/* In CTR_EL0: the smallest line of a data cache, as a power of two of words. */
#define NVGRACE_CTR_DMINLINE	GENMASK(19, 16)

static bool scrub_sparse;
module_param(scrub_sparse, bool, 0644);
MODULE_PARM_DESC(scrub_sparse, "Read usemem and write what is not zero: for emulated GPUs, whose memory is sparse (default: off)");

/* One test for each 64 bytes, where memchr_inv() has one for each word. */
static bool nvgrace_scrub_page_is_zero(const void *page)
{
	const void *end = page + PAGE_SIZE;
	const u64 *p;

	for (p = page; (const void *)p < end; p += 8) {
		if (p[0] | p[1] | p[2] | p[3] | p[4] | p[5] | p[6] | p[7])
			return false;
	}
	return true;
}

/*
 * arch_wb_cache_pmem() would not do: it is empty without CONFIG_ARM64_PMEM, and
 * leaves the lines in the cache.
 */
static void nvgrace_scrub_evict(const void *page)
{
	unsigned int line = 4 << FIELD_GET(NVGRACE_CTR_DMINLINE, read_cpuid_cachetype());
	const void *p;

	for (p = page; p < page + PAGE_SIZE; p += line)
		asm volatile("dc civac, %0" : : "r" (p) : "memory");
}

/* Return: bytes written, or a negative error. */
static ssize_t nvgrace_scrub_window(struct nvgrace_region *region, size_t pos)
{
	size_t len = min_t(size_t, region->size - pos, NVGRACE_SCRUB_WINDOW);
	bool sparse = region->cached && READ_ONCE(scrub_sparse);
	int err = nvgrace_gate_try(region->ndev, true);
	ssize_t written;
	void *window;
	size_t i;

	if (err)
		return err;
	window = nvgrace_region_map(region, pos, len);
	written = window ? 0 : -ENOMEM;
	for (i = 0; window && i < len; i += PAGE_SIZE) {
		if (!sparse || xa_load(&nvgrace_poisoned, PHYS_PFN(region->base + pos + i)) ||
		    !nvgrace_scrub_page_is_zero(window + i)) {
			memset(window + i, 0, PAGE_SIZE);
			written += PAGE_SIZE;
		}
		if (region->cached)
			nvgrace_scrub_evict(window + i);
	}
	memunmap(window);
	nvgrace_gate_exit(region->ndev);
	return written;
}

/* The region that the next window is in, and where; NULL when all are taken. */
static struct nvgrace_region *nvgrace_scrub_next(struct nvgrace_device *ndev, u64 *pos)
{
	unsigned int i;

	*pos = atomic64_fetch_add(NVGRACE_SCRUB_WINDOW, &ndev->scrub.next);
	for (i = 0; i < ARRAY_SIZE(ndev->regions); i++) {
		if (*pos < ndev->regions[i].size)
			return &ndev->regions[i];
		*pos -= ndev->regions[i].size;
	}
	return NULL;
}

/*
 * Window by window for a turn.  Return: -EAGAIN if there is more, -ENODATA at the
 * end, or another negative error.
 */
static int nvgrace_scrub_turn(struct nvgrace_scrub_thread *thread)
{
	struct nvgrace_scrub *s = &thread->ndev->scrub;
	unsigned int windows;
	ssize_t ret;

	for (windows = 0; windows < NVGRACE_SCRUB_TURN; windows++) {
		if (READ_ONCE(s->error))
			return -ENODATA;
		if (!thread->region)
			thread->region = nvgrace_scrub_next(thread->ndev, &thread->pos);
		if (!thread->region)
			return -ENODATA;
		ret = nvgrace_scrub_window(thread->region, thread->pos);
		if (ret == -EAGAIN)
			schedule_timeout_idle(msecs_to_jiffies(NVGRACE_POLL_MS));
		if (ret < 0)
			return ret;
		thread->region = NULL;
		atomic64_add(ret, &s->written);
		cond_resched();
	}
	return -EAGAIN;
}

/* The last thread has ended. */
static void nvgrace_scrub_finish(struct nvgrace_device *ndev)
{
	struct device *dev = &ndev->core.pdev->dev;
	struct nvgrace_scrub *s = &ndev->scrub;
	u64 size = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ndev->regions); i++)
		size += ndev->regions[i].size;

	if (s->error)
		dev_warn(dev, "coherent memory is not scrubbed, error %pe: the next open does it\n",
			 ERR_PTR(s->error));
	else
		dev_info(dev, "scrubbed %llu MiB of coherent memory in %lld ms, %llu KiB were written\n",
			 size / SZ_1M, ktime_ms_delta(ktime_get(), s->start),
			 atomic64_read(&s->written) / SZ_1K);
	s->dirty = s->error;
	complete_all(&s->done);
}

static void nvgrace_scrub_queue(struct nvgrace_scrub_thread *thread)
{
	queue_work_node(dev_to_node(&thread->ndev->core.pdev->dev), thread->ndev->scrub.wq,
			&thread->work);
}

static void nvgrace_scrub_work(struct work_struct *work)
{
	struct nvgrace_scrub_thread *thread = container_of(work, struct nvgrace_scrub_thread, work);
	struct device *dev = &thread->ndev->core.pdev->dev;
	struct nvgrace_scrub *s = &thread->ndev->scrub;
	int ret = 0;

	/* After a close it may have been suspended. */
	if (!thread->awake)
		ret = pm_runtime_resume_and_get(dev);
	if (!ret) {
		thread->awake = true;
		ret = nvgrace_scrub_turn(thread);
	}
	if (ret == -EAGAIN) {
		nvgrace_scrub_queue(thread);
		return;
	}

	/* The others stop, before the device may suspend and has to be asked again. */
	if (ret != -ENODATA)
		WRITE_ONCE(s->error, ret);
	if (thread->awake) {
		/* Of what it unmapped, no TLB must know then. */
		vm_unmap_aliases();
		pm_runtime_put(dev);
	}
	if (atomic_dec_and_test(&s->running))
		nvgrace_scrub_finish(thread->ndev);
}

static void nvgrace_scrub_start(struct nvgrace_device *ndev)
{
	unsigned int i, n = min(num_online_cpus(), NVGRACE_SCRUB_THREADS);
	struct nvgrace_scrub *s = &ndev->scrub;

	reinit_completion(&s->done);
	atomic64_set(&s->next, 0);
	atomic64_set(&s->written, 0);
	atomic_set(&s->running, n);
	s->start = ktime_get();
	s->error = 0;
	for (i = 0; i < n; i++) {
		s->threads[i].region = NULL;
		s->threads[i].awake = false;
		nvgrace_scrub_queue(&s->threads[i]);
	}
}

/*
 * Have a scrub end early, if there is one, and wait for the windows that are
 * being worked on.  What is left remains dirty.  Called with nobody else waiting
 * for the scrub.
 */
static void nvgrace_scrub_stop(struct nvgrace_device *ndev)
{
	WRITE_ONCE(ndev->scrub.error, -ECANCELED);
	wait_for_completion(&ndev->scrub.done);
}

/**
 * nvgrace_scrub_wait() - wait for a scrub that the last close began
 * @ndev: the device; vdev.dev_set->lock is held, or it is closed for good
 *
 * Return: 0, whatever has come of it, or -EINTR on a fatal signal: the scrub
 * goes on then.
 */
int nvgrace_scrub_wait(struct nvgrace_device *ndev)
{
	return wait_for_completion_killable(&ndev->scrub.done) ? -EINTR : 0;
}

/**
 * nvgrace_scrub_remove() - the driver goes
 * @ndev: the device, closed for good
 *
 * Waits for a scrub in progress: the next driver finds nothing of the last user's.
 * A fatal signal ends the wait, and the scrub.  Whoever gets the memory next is told
 * what may be in it.
 */
void nvgrace_scrub_remove(struct nvgrace_device *ndev)
{
	if (nvgrace_scrub_wait(ndev))
		nvgrace_scrub_stop(ndev);
	if (ndev->scrub.dirty)
		dev_warn(&ndev->core.pdev->dev,
			 "coherent memory is left unscrubbed, with what its last users wrote: bind this driver again and open the device to have it scrubbed\n");
}

/**
 * nvgrace_scrub_close() - the last user has left
 * @ndev: the device, closed and reset; vdev.dev_set->lock is held
 *
 * Starts to scrub in the background.  If vfio-pci-core could not reset the device
 * at the close, whether it failed or there is no way to, the device may still
 * write: the next open scrubs.
 */
void nvgrace_scrub_close(struct nvgrace_device *ndev)
{
	if (!ndev->regions[0].size)
		return;
	ndev->scrub.dirty = true;
	if (scrub && !ndev->core.needs_reset)
		nvgrace_scrub_start(ndev);
}

/**
 * nvgrace_scrub_rest() - scrub what no scrub at a close has
 * @ndev: the device, enabled; vdev.dev_set->lock is held
 *
 * Return: 0 if the memory is clean, or the user of the module wants it not to
 * be; -EINTR on a fatal signal; what nvgrace_gate_enter() returns if the memory
 * is not ready; another negative error.
 */
int nvgrace_scrub_rest(struct nvgrace_device *ndev)
{
	struct nvgrace_scrub *s = &ndev->scrub;

	if (!s->dirty || !scrub)
		return 0;
	nvgrace_scrub_start(ndev);
	if (!nvgrace_scrub_wait(ndev))
		return s->error;
	/* The caller closes the device again, which resets it. */
	nvgrace_scrub_stop(ndev);
	return -EINTR;
}

static void nvgrace_scrub_destroy(void *wq)
{
	destroy_workqueue(wq);
}

/**
 * nvgrace_scrub_init() - prepare, and take the memory for dirty
 * @ndev: the device, with its regions set
 *
 * Called in probe.  The workqueue goes with the driver's binding.
 *
 * Return: 0, or a negative error.
 */
int nvgrace_scrub_init(struct nvgrace_device *ndev)
{
	struct device *dev = &ndev->core.pdev->dev;
	struct nvgrace_scrub *s = &ndev->scrub;
	unsigned int i;

	init_completion(&s->done);
	complete_all(&s->done);
	s->dirty = ndev->regions[0].size;
	if (!s->dirty)
		return 0;

	for (i = 0; i < NVGRACE_SCRUB_THREADS; i++) {
		s->threads[i].ndev = ndev;
		INIT_WORK(&s->threads[i].work, nvgrace_scrub_work);
	}
	s->wq = alloc_workqueue("nvgrace-scrub-%s", WQ_UNBOUND | WQ_SYSFS | WQ_FREEZABLE,
				NVGRACE_SCRUB_THREADS, dev_name(dev));
	return s->wq ? devm_add_action_or_reset(dev, nvgrace_scrub_destroy, s->wq) : -ENOMEM;
}
