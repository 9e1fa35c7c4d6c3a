// SPDX-License-Identifier: GPL-2.0-only
/*
 * No user finds what another one has left.
 *
 * GPU memory keeps its content when a user ends, however he ends, and through
 * resets.  So all of it is zeroed between users: in the background from the
 * last close on, several CPUs wide, and the next open waits until it is done.
 * At the close the device has been reset, so nothing in it writes any more.
 * Where that did not happen, or nobody knows what the memory holds (the first
 * open after probe, a scrub that failed), the open itself scrubs, after its own
 * reset of the device.
 *
 *	close -> reset -> scrub ........ done
 *	           open: waits .........|-> reset -> dirty? scrub -> regions
 *
 * Memory is read before it is written: what is zero already stays clean, in
 * the caches and in a sparse backing.  A window at a time is mapped into the
 * kernel, inside the gate: a reset in between waits for the windows that are
 * being worked on, and the next ones wait until the memory is ready again.
 *
 * Reading a page that is poisoned without the kernel knowing is fatal on arm64.
 * Pages that it has told us of are written, which needs no read.
 */
#include <linux/io.h>
#include <linux/libnvdimm.h>
#include <linux/module.h>
#include <linux/pm_runtime.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "nvgrace.h"

static bool scrub = true;
module_param(scrub, bool, 0644);
MODULE_PARM_DESC(scrub, "Zero the coherent memory before another user can see it (default: on)");

/*
 * Mapped at a time by each thread.  A divisor of what the size of usemem is
 * aligned to, if resmem follows: no window has a part of both.
 */
#define NVGRACE_SCRUB_WINDOW	SZ_64M

/* One of the threads beside the first. */
struct nvgrace_scrub_helper {
	struct work_struct work;
	struct nvgrace_device *ndev;
};

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

/* Return: bytes written, or a negative error. */
static ssize_t nvgrace_scrub_window(struct nvgrace_region *region, size_t pos)
{
	size_t len = min_t(size_t, region->size - pos, NVGRACE_SCRUB_WINDOW);
	void *window = nvgrace_region_map(region, pos, len);
	struct xarray *poisoned = &region->ndev->poisoned;
	ssize_t written = 0;
	size_t i;

	if (IS_ERR(window))
		return PTR_ERR(window);

	for (i = 0; i < len; i += PAGE_SIZE) {
		if (xa_load(poisoned, PHYS_PFN(region->base + pos + i)) ||
		    !nvgrace_scrub_page_is_zero(window + i)) {
			memset(window + i, 0, PAGE_SIZE);
			/* A reset could drop what is only in a cache. */
			if (region->cached)
				arch_wb_cache_pmem(window + i, PAGE_SIZE);
			written += PAGE_SIZE;
		}
		if (IS_ALIGNED(i, SZ_2M))
			cond_resched();
	}
	nvgrace_region_unmap(region, window);
	return written;
}

/* The region that the next window is in, and where; NULL when all are taken. */
static struct nvgrace_region *nvgrace_scrub_next(struct nvgrace_device *ndev, u64 *pos)
{
	unsigned int i;

	*pos = atomic64_fetch_add(NVGRACE_SCRUB_WINDOW, &ndev->scrub.next);
	for (i = 0; i < ndev->num_regions; i++) {
		if (*pos < ndev->regions[i].size)
			return &ndev->regions[i];
		*pos -= ndev->regions[i].size;
	}
	return NULL;
}

/* What each of the threads does: window by window until an error or the end. */
static void nvgrace_scrub_windows(struct nvgrace_device *ndev)
{
	struct nvgrace_scrub *s = &ndev->scrub;
	struct nvgrace_region *region;
	ssize_t ret;
	u64 pos;

	while (!READ_ONCE(s->error) && (region = nvgrace_scrub_next(ndev, &pos))) {
		ret = nvgrace_scrub_window(region, pos);
		if (ret < 0)
			WRITE_ONCE(s->error, ret);
		else
			atomic64_add(ret, &s->written);
	}
}

static void nvgrace_scrub_help(struct work_struct *work)
{
	nvgrace_scrub_windows(container_of(work, struct nvgrace_scrub_helper, work)->ndev);
}

/* Without memory for helpers, it takes longer. */
static void nvgrace_scrub_all(struct nvgrace_device *ndev)
{
	unsigned int i, n = num_online_cpus() - 1;
	struct nvgrace_scrub_helper *helpers = kcalloc(n, sizeof(*helpers), GFP_KERNEL);

	for (i = 0; helpers && i < n; i++) {
		helpers[i].ndev = ndev;
		INIT_WORK(&helpers[i].work, nvgrace_scrub_help);
		queue_work(system_dfl_wq, &helpers[i].work);
	}
	nvgrace_scrub_windows(ndev);
	for (i = 0; helpers && i < n; i++)
		flush_work(&helpers[i].work);
	kfree(helpers);
}

static void nvgrace_scrub_work(struct work_struct *work)
{
	struct nvgrace_device *ndev = container_of(work, struct nvgrace_device, scrub.work);
	struct device *dev = &ndev->core.pdev->dev;
	struct nvgrace_scrub *s = &ndev->scrub;
	ktime_t start = ktime_get();
	u64 size = 0;
	unsigned int i;

	for (i = 0; i < ndev->num_regions; i++)
		size += ndev->regions[i].size;

	/* After a close it may have been suspended. */
	s->error = pm_runtime_resume_and_get(dev);
	if (!s->error) {
		nvgrace_scrub_all(ndev);
		pm_runtime_put(dev);
	}

	if (s->error)
		dev_warn(dev, "coherent memory is not scrubbed, error %pe: the next open does it\n",
			 ERR_PTR(s->error));
	else
		dev_info(dev, "scrubbed %llu MiB of coherent memory in %lld ms, %llu KiB were not zero\n",
			 size / SZ_1M, ktime_ms_delta(ktime_get(), start),
			 atomic64_read(&s->written) / SZ_1K);
	s->dirty = s->error;
	complete_all(&s->done);
}

static void nvgrace_scrub_start(struct nvgrace_device *ndev)
{
	struct nvgrace_scrub *s = &ndev->scrub;

	reinit_completion(&s->done);
	atomic64_set(&s->next, 0);
	atomic64_set(&s->written, 0);
	queue_work(system_dfl_wq, &s->work);
}

/**
 * nvgrace_scrub_stop() - end a scrub early
 * @ndev: the device
 *
 * Waits for the windows that are being worked on.  What is left remains dirty.
 * Called with nobody waiting for the scrub.
 */
void nvgrace_scrub_stop(struct nvgrace_device *ndev)
{
	struct nvgrace_scrub *s = &ndev->scrub;

	WRITE_ONCE(ndev->stopping, true);
	if (cancel_work_sync(&s->work))
		complete_all(&s->done);
	WRITE_ONCE(ndev->stopping, false);
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
	if (!ndev->num_regions)
		return;
	ndev->scrub.dirty = true;
	if (scrub && !ndev->core.needs_reset)
		nvgrace_scrub_start(ndev);
}

/**
 * nvgrace_scrub_wait() - wait for a scrub that the last close began
 * @ndev: the device; vdev.dev_set->lock is held
 *
 * Return: 0, whatever has come of it, or -EINTR on a fatal signal: the scrub
 * goes on then.
 */
int nvgrace_scrub_wait(struct nvgrace_device *ndev)
{
	return wait_for_completion_killable(&ndev->scrub.done) ? -EINTR : 0;
}

/**
 * nvgrace_scrub_rest() - scrub what no scrub at a close has
 * @ndev: the device, enabled; vdev.dev_set->lock is held
 *
 * Return: 0 if the memory is clean, or the user of the module wants it not to
 * be; -EINTR on a fatal signal; what nvgrace_gate_wait() returns if the memory
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

/**
 * nvgrace_scrub_init() - prepare, and take the memory for dirty
 * @ndev: the device, with its regions set
 */
void nvgrace_scrub_init(struct nvgrace_device *ndev)
{
	struct nvgrace_scrub *s = &ndev->scrub;

	INIT_WORK(&s->work, nvgrace_scrub_work);
	init_completion(&s->done);
	complete_all(&s->done);
	s->dirty = ndev->num_regions;
}
