// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may touch the coherent memory, and when.
 *
 * vfio-pci-core keeps users from the BARs in resets and low power states: it
 * takes core.memory_lock for writing and removes the mappings of the BARs.  It
 * knows nothing of mappings of device-specific regions, and not every reset is
 * one of its own (sysfs).  So the same is done here, for all of them:
 *
 *	reset of any kind		reset_prepare .. reset_done
 *	D3hot, config space write	suspend_begin .. suspend_end
 *	low power entry, link errors	invalidate
 *
 * each of which removes all mappings and forgets that the memory was ready.
 * Who wants to map or access it goes through enter and exit, and is told
 * -EAGAIN as long as it is not known to be ready; nvgrace_gate_wait() waits
 * for that, with no lock held that a reset takes.
 *
 * PCI_COMMAND.MEM is no such condition: it turns the decoding of BARs on and
 * off, which on bare metal does not concern the coherent memory.  Mapping,
 * reading and writing agree in this.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "nvgrace.h"

#define NVGRACE_POLL_MS	20

/**
 * nvgrace_gate_init() - nothing is known about the memory, nobody is in reset
 * @ndev: the device
 */
void nvgrace_gate_init(struct nvgrace_device *ndev)
{
	init_rwsem(&ndev->gate);
	init_waitqueue_head(&ndev->gate_opened);
}

/*
 * 0 if the memory may be used in the present power state.  core.memory_lock is
 * held, and @gate.
 */
static int nvgrace_gate_check_power(struct nvgrace_device *ndev, bool awake)
{
	struct vfio_pci_core_device *core = &ndev->core;

	if (ndev->suspends || core->pdev->current_state >= PCI_D3hot ||
	    (core->pm_runtime_engaged && !awake))
		return -EIO;
	return 0;
}

/**
 * nvgrace_gate_enter() - begin to map or access the memory
 * @ndev: the device
 * @awake: the caller holds a runtime PM reference, so the device is in D0 even
 *	if the user has allowed it to suspend
 *
 * On success core.memory_lock and ndev->gate are held for reading, until
 * nvgrace_gate_exit(): do not touch user memory.
 *
 * Return: 0; -EAGAIN if it is not known that the memory is ready, or a reset is
 * in progress: call nvgrace_gate_wait(); -EIO in a low power state; -EINTR on
 * a fatal signal.
 */
int nvgrace_gate_enter(struct nvgrace_device *ndev, bool awake)
{
	int ret;

	if (down_read_killable(&ndev->core.memory_lock))
		return -EINTR;
	down_read(&ndev->gate);

	ret = nvgrace_gate_check_power(ndev, awake);
	if (!ret && (ndev->resets || ndev->state != NVGRACE_READY))
		ret = -EAGAIN;
	if (ret)
		nvgrace_gate_exit(ndev);
	return ret;
}

/**
 * nvgrace_gate_exit() - end what nvgrace_gate_enter() began
 * @ndev: the device
 */
void nvgrace_gate_exit(struct nvgrace_device *ndev)
{
	up_read(&ndev->gate);
	up_read(&ndev->core.memory_lock);
}

/*
 * Ask the device once.  Its time runs from the first question after a reset:
 * who asks when it is over gets one answer and does not wait again.
 */
static int nvgrace_gate_test(struct nvgrace_device *ndev)
{
	unsigned int timeout_ms;

	if (ndev->state == NVGRACE_READY)
		return 0;

	if (nvgrace_ready_test(ndev, &timeout_ms)) {
		ndev->state = NVGRACE_READY;
		return 0;
	}
	if (ndev->state == NVGRACE_UNCHECKED) {
		ndev->state = NVGRACE_TRAINING;
		ndev->asked = jiffies;
	}
	if (time_before(jiffies, ndev->asked + msecs_to_jiffies(timeout_ms)))
		return -EAGAIN;

	if (ndev->state != NVGRACE_LATE)
		pci_err(ndev->core.pdev,
			"coherent memory not ready %u ms after a reset: reset the device, or look at the firmware's log\n",
			timeout_ms);
	ndev->state = NVGRACE_LATE;
	return -ETIMEDOUT;
}

/**
 * nvgrace_gate_wait() - wait until the memory is ready
 * @ndev: the device
 * @awake: as for nvgrace_gate_enter()
 *
 * Sleeps, without core.memory_lock and ndev->gate, which are taken for an
 * instant each time the device is asked.  mmap_lock may be held.  When this
 * returns, another reset may have begun: call nvgrace_gate_enter() again.
 *
 * Return: 0; -ETIMEDOUT if the device's time has run out; -EIO in a low power
 * state; -EINTR on a fatal signal.
 */
int nvgrace_gate_wait(struct nvgrace_device *ndev, bool awake)
{
	int ret;

	for (;;) {
		if (wait_event_killable(ndev->gate_opened,
					!READ_ONCE(ndev->resets)))
			return -EINTR;

		/* For writing: memory decoding may be turned on for the test */
		if (down_write_killable(&ndev->core.memory_lock))
			return -EINTR;
		down_write(&ndev->gate);
		ret = nvgrace_gate_check_power(ndev, awake);
		if (!ret)
			ret = ndev->resets ? -EAGAIN : nvgrace_gate_test(ndev);
		up_write(&ndev->gate);
		up_write(&ndev->core.memory_lock);
		if (ret != -EAGAIN)
			return ret;

		schedule_timeout_killable(msecs_to_jiffies(NVGRACE_POLL_MS));
		if (fatal_signal_pending(current))
			return -EINTR;
	}
}

/* Remove every mapping of the regions, in all processes and in guests. */
static void nvgrace_gate_zap(struct nvgrace_device *ndev)
{
	unmap_mapping_range(ndev->core.vdev.inode->i_mapping,
			    VFIO_PCI_INDEX_TO_OFFSET(VFIO_PCI_NUM_REGIONS),
			    VFIO_PCI_INDEX_TO_OFFSET(NVGRACE_MAX_REGIONS), true);
}

/*
 * Count up or down, and forget that the memory was ready.  Nobody is inside
 * then, and whoever enters later sees the new state, so that a zap after this
 * removes whatever was mapped before.
 */
static void nvgrace_gate_change(struct nvgrace_device *ndev,
				int resets, int suspends)
{
	down_write(&ndev->gate);
	WRITE_ONCE(ndev->resets, ndev->resets + resets);
	ndev->suspends += suspends;
	ndev->state = NVGRACE_UNCHECKED;
	up_write(&ndev->gate);
}

/**
 * nvgrace_gate_recheck() - the memory may not be ready any more
 * @ndev: the device, without mappings
 */
void nvgrace_gate_recheck(struct nvgrace_device *ndev)
{
	nvgrace_gate_change(ndev, 0, 0);
}

/**
 * nvgrace_gate_reset_begin() - a reset is about to happen
 * @ndev: the device
 *
 * Who wants to use the memory waits until nvgrace_gate_reset_end(): the caller
 * must not touch user memory in between.  Called with or without
 * core.memory_lock.
 */
void nvgrace_gate_reset_begin(struct nvgrace_device *ndev)
{
	nvgrace_gate_change(ndev, 1, 0);
	nvgrace_gate_zap(ndev);
}

/**
 * nvgrace_gate_reset_end() - the reset is over
 * @ndev: the device
 */
void nvgrace_gate_reset_end(struct nvgrace_device *ndev)
{
	nvgrace_gate_change(ndev, -1, 0);
	wake_up_all(&ndev->gate_opened);
}

/**
 * nvgrace_gate_suspend_begin() - the device is about to enter D3hot
 * @ndev: the device
 *
 * Who wants to use the memory fails until nvgrace_gate_suspend_end(), after
 * which he fails because of the device's power state.  He does not wait: the
 * caller may touch user memory, even this device's.
 */
void nvgrace_gate_suspend_begin(struct nvgrace_device *ndev)
{
	nvgrace_gate_change(ndev, 0, 1);
	nvgrace_gate_zap(ndev);
}

/**
 * nvgrace_gate_suspend_end() - the device has changed its state, or has not
 * @ndev: the device
 */
void nvgrace_gate_suspend_end(struct nvgrace_device *ndev)
{
	nvgrace_gate_change(ndev, 0, -1);
}

/**
 * nvgrace_gate_invalidate() - the memory must not be accessed unasked any more
 * @ndev: the device
 *
 * For when something has already happened that needs no further waiting:
 * who wants to use the memory finds out himself what it is.
 */
void nvgrace_gate_invalidate(struct nvgrace_device *ndev)
{
	nvgrace_gate_recheck(ndev);
	nvgrace_gate_zap(ndev);
}
