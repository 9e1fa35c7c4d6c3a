// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may touch the coherent memory, and when.
 *
 * vfio-pci-core keeps users from the BARs in resets and low power states: it
 * takes core.memory_lock for writing and removes the mappings of the BARs.  It
 * knows nothing of mappings of device-specific regions, and not every reset is
 * one of its own (sysfs).  So the same is done here, beside it: the gate is
 * closed, which removes all mappings and forgets that the memory was ready, and
 * opened again
 *
 *	around each reset: reset_prepare and reset_done
 *	around a config space write that sets the power state
 *	after the user has allowed the device to suspend
 *	when a link error is reported, and when the kernel has recovered from it
 *
 * Who wants to map or access the memory enters and exits, and waits as long as
 * it is not known to be ready, with no lock held that a reset takes.
 *
 * PCI_COMMAND.MEM is no such condition: it turns the decoding of BARs on and
 * off, which on bare metal does not concern the coherent memory.  Mapping,
 * reading and writing agree in this.
 */
#include <linux/sched/signal.h>

#include "nvgrace.h"

#define NVGRACE_POLL_MS	20

/**
 * nvgrace_gate_try() - begin to map or access the memory, if that can be at once
 * @ndev: the device
 * @awake: the caller holds a runtime PM reference, so the device is in D0 even
 *	if the user has allowed it to suspend
 *
 * On success the gate is held for reading, until nvgrace_gate_exit(): do not fault
 * user memory in.
 *
 * Return: 0; -EAGAIN if the memory is not ready, or a reset is in progress;
 * -ETIMEDOUT if the device's time to be ready has run out; -EIO in a low power
 * state; -ECANCELED for a scrub that must end.
 */
int nvgrace_gate_try(struct nvgrace_device *ndev, bool awake)
{
	struct vfio_pci_core_device *core = &ndev->core;
	int ret;

	down_read(&ndev->gate);
	if (READ_ONCE(ndev->scrub.stop))
		ret = -ECANCELED;
	/* Before the power state is: an open gate stays open, so that cannot change any more. */
	else if (atomic_read_acquire(&ndev->closed))
		ret = -EAGAIN;
	else if ((__force int)core->pdev->current_state >= (__force int)PCI_D3hot ||
		 (core->pm_runtime_engaged && !awake))
		ret = -EIO;
	else
		ret = nvgrace_ready_test(ndev);
	if (ret)
		nvgrace_gate_exit(ndev);
	return ret;
}

/**
 * nvgrace_gate_enter() - begin to map or access the memory
 * @ndev: the device
 * @awake: as for nvgrace_gate_try()
 *
 * Asks every now and then, and sleeps without a lock in between.  mmap_lock may
 * be held.
 *
 * Return: as nvgrace_gate_try(), but -EINTR on a fatal signal instead of -EAGAIN.
 */
int nvgrace_gate_enter(struct nvgrace_device *ndev, bool awake)
{
	int ret;

	while ((ret = nvgrace_gate_try(ndev, awake)) == -EAGAIN) {
		schedule_timeout_killable(msecs_to_jiffies(NVGRACE_POLL_MS));
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return ret;
}

/**
 * nvgrace_gate_exit() - end what nvgrace_gate_try() or nvgrace_gate_enter() began
 * @ndev: the device
 */
void nvgrace_gate_exit(struct nvgrace_device *ndev)
{
	/* What was written arrives before whatever the device is told next. */
	wmb();
	up_read(&ndev->gate);
}

/**
 * nvgrace_gate_close() - keep everybody from the memory
 * @pdev: the device
 *
 * When this returns, nobody is inside and no mapping is left in any process or
 * guest, nor in the kernel.  Who wants to enter waits until nvgrace_gate_open(),
 * perhaps with mmap_lock held: the caller must not touch user memory in between,
 * unless with page faults disabled.  Called with or without core.memory_lock.
 */
void nvgrace_gate_close(struct pci_dev *pdev)
{
	struct nvgrace_device *ndev = nvgrace_device(pdev);

	down_write(&ndev->gate);
	atomic_inc(&ndev->closed);
	ndev->ready = false;
	ndev->asked = 0;
	nvgrace_access_forget(ndev);
	up_write(&ndev->gate);

	/* What was mapped before is removed; who comes later finds it closed. */
	unmap_mapping_range(ndev->core.vdev.inode->i_mapping,
			    VFIO_PCI_INDEX_TO_OFFSET(VFIO_PCI_NUM_REGIONS),
			    VFIO_PCI_INDEX_TO_OFFSET(NVGRACE_MAX_REGIONS), true);
}

/**
 * nvgrace_gate_open() - end what nvgrace_gate_close() began
 * @pdev: the device
 *
 * Who enters first finds out whether the memory is ready, and whether the
 * device's power state allows it.
 */
void nvgrace_gate_open(struct pci_dev *pdev)
{
	atomic_dec_return_release(&nvgrace_device(pdev)->closed);
}

/**
 * nvgrace_gate_renew() - have the device asked again, after what may have changed it
 * @pdev: the device
 *
 * Removes all mappings.  The same locks as for nvgrace_gate_close().
 */
void nvgrace_gate_renew(struct pci_dev *pdev)
{
	nvgrace_gate_close(pdev);
	nvgrace_gate_open(pdev);
}
