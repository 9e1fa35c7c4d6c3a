// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may touch the coherent memory, and when.
 *
 * vfio-pci-core keeps users from the BARs in resets and low power states: it
 * takes core.memory_lock for writing and removes the mappings of the BARs.  It
 * knows nothing of mappings of device-specific regions, and not every reset is
 * one of its own (sysfs).  So the same is done here: the gate is closed, which
 * removes all mappings and forgets that the memory was ready, and opened again
 *
 *	around each reset: reset_prepare and reset_done
 *	after the user has allowed the device to suspend, or forbidden it
 *	before and after a config space write that sets D3hot
 *	when a fatal link error is reported
 *
 * Who wants to map or access the memory enters and exits, and is told -EAGAIN
 * as long as it is not known to be ready; nvgrace_gate_wait() waits for that,
 * with no lock held that a reset takes.
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

/* See nvgrace_gate_enter().  core.memory_lock is held, and the gate. */
static int nvgrace_gate_check(struct nvgrace_device *ndev, bool awake)
{
	struct vfio_pci_core_device *core = &ndev->core;

	if (READ_ONCE(ndev->stopping))
		return -ECANCELED;
	if ((__force int)core->pdev->current_state >= (__force int)PCI_D3hot ||
	    (core->pm_runtime_engaged && !awake))
		return -EIO;
	return ndev->closed || !READ_ONCE(ndev->ready) ? -EAGAIN : 0;
}

/**
 * nvgrace_gate_enter() - begin to map or access the memory
 * @ndev: the device
 * @awake: the caller holds a runtime PM reference, so the device is in D0 even
 *	if the user has allowed it to suspend
 *
 * On success core.memory_lock and the gate are held for reading, until
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
	ret = nvgrace_gate_check(ndev, awake);
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
	/*
	 * A read or write has woken the device, which may lose its state when
	 * the caller puts his runtime PM reference.
	 */
	if (ndev->core.pm_runtime_engaged)
		WRITE_ONCE(ndev->ready, false);
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

	if (nvgrace_ready_test(ndev, &timeout_ms)) {
		ndev->ready = true;
		ndev->asked = 0;
		return 0;
	}

	ndev->asked = ndev->asked ?: jiffies | 1;
	if (time_before(jiffies, ndev->asked + msecs_to_jiffies(timeout_ms)))
		return -EAGAIN;

	dev_err_ratelimited(&ndev->core.pdev->dev,
			    "coherent memory is not ready after %u ms: reset the device, or look at the firmware's log\n",
			    timeout_ms);
	return -ETIMEDOUT;
}

/**
 * nvgrace_gate_wait() - wait until the memory is ready
 * @ndev: the device
 * @awake: as for nvgrace_gate_enter()
 *
 * Sleeps without core.memory_lock and the gate, which are taken for an instant
 * each time the device is asked.  mmap_lock may be held.  When this returns,
 * another reset may have begun: call nvgrace_gate_enter() again.
 *
 * Return: 0; -ETIMEDOUT if the device's time has run out; -EIO in a low power
 * state; -EINTR on a fatal signal.
 */
int nvgrace_gate_wait(struct nvgrace_device *ndev, bool awake)
{
	int ret;

	for (;;) {
		/* For writing: memory decoding may be turned on for the test. */
		if (wait_event_killable(ndev->opened, !READ_ONCE(ndev->closed)) ||
		    down_write_killable(&ndev->core.memory_lock))
			return -EINTR;
		down_write(&ndev->gate);
		ret = nvgrace_gate_check(ndev, awake);
		if (ret == -EAGAIN && !ndev->closed)
			ret = nvgrace_gate_test(ndev);
		up_write(&ndev->gate);
		up_write(&ndev->core.memory_lock);
		if (ret != -EAGAIN)
			return ret;

		schedule_timeout_killable(msecs_to_jiffies(NVGRACE_POLL_MS));
		if (fatal_signal_pending(current))
			return -EINTR;
	}
}

/**
 * nvgrace_gate_close() - keep everybody from the memory
 * @ndev: the device
 *
 * When this returns, nobody is inside and no mapping is left in any process or
 * guest.  Who wants to enter waits until nvgrace_gate_open(), perhaps with
 * mmap_lock held: the caller must not touch user memory in between.  Called
 * with or without core.memory_lock.
 */
void nvgrace_gate_close(struct nvgrace_device *ndev)
{
	down_write(&ndev->gate);
	WRITE_ONCE(ndev->closed, ndev->closed + 1);
	ndev->ready = false;
	ndev->asked = 0;
	up_write(&ndev->gate);

	/* What was mapped before is removed; who comes later finds it closed. */
	unmap_mapping_range(ndev->core.vdev.inode->i_mapping,
			    VFIO_PCI_INDEX_TO_OFFSET(VFIO_PCI_NUM_REGIONS),
			    VFIO_PCI_INDEX_TO_OFFSET(NVGRACE_MAX_REGIONS), true);
}

/**
 * nvgrace_gate_open() - end what nvgrace_gate_close() began
 * @ndev: the device
 *
 * Who enters first finds out whether the memory is ready, and whether the
 * device's power state allows it.
 */
void nvgrace_gate_open(struct nvgrace_device *ndev)
{
	down_write(&ndev->gate);
	WRITE_ONCE(ndev->closed, ndev->closed - 1);
	up_write(&ndev->gate);
	wake_up_all(&ndev->opened);
}
