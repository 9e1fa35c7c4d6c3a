// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may touch the coherent memory, and when.
 *
 * vfio-pci-core keeps users from the BARs in resets and low power states: it
 * takes core.memory_lock for writing and removes the mappings of the BARs.  Who
 * wants to map or access this memory enters and exits, which holds that lock for
 * reading; core.c does the rest that the core does not do.  He waits as long as the
 * memory is not known to be ready, with no lock held that a reset takes.
 *
 * PCI_COMMAND.MEM is no condition for most of these GPUs: it turns the decoding
 * of BARs on and off, which on bare metal does not concern the coherent memory.
 * Where that is a CXL device's it is: without Memory Space an access is an error
 * that may be fatal to the host.  Mapping, reading and writing agree in this.
 */
#include <linux/sched/signal.h>

#include "nvgrace.h"

/**
 * nvgrace_gate_try() - begin to map or access the memory, if that can be at once
 * @ndev: the device
 * @awake: the caller holds a runtime PM reference, so the device is in D0 even
 *	if the user has allowed it to suspend
 *
 * On success the gate is held until nvgrace_gate_exit(): do not fault user memory in.
 *
 * Return: 0; -EAGAIN if the memory is not ready, or what others do to the device
 * has to be waited for; -ETIMEDOUT if the device's time to be ready has run out;
 * -EIO in a low power state, or without Memory Space where that counts;
 * -ECANCELED for a scrub that must end.
 */
int nvgrace_gate_try(struct nvgrace_device *ndev, bool awake)
{
	struct vfio_pci_core_device *core = &ndev->core;
	u8 *vconfig;
	int ret;

	/* Its writers reset the device: they are not waited for with mmap_lock held. */
	if (!down_read_trylock(&core->memory_lock))
		return -EAGAIN;
	down_read(&ndev->gate);
	/* There is none while nobody has it open: Memory Space is on then. */
	vconfig = ndev->cxl_dvsec ? core->vconfig : NULL;
	if (READ_ONCE(ndev->scrub.stop))
		ret = -ECANCELED;
	else if (ndev->closed)
		ret = -EAGAIN;
	else if ((__force int)core->pdev->current_state >= (__force int)PCI_D3hot ||
		 (core->pm_runtime_engaged && !awake) ||
		 (vconfig && !(vconfig[PCI_COMMAND] & PCI_COMMAND_MEMORY)))
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
 * Asks every now and then, and sleeps without a lock in between.
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
	/*
	 * What was written arrives before whatever the device is told next, and what
	 * was cleaned from the caches has left them: only a full dsb completes that.
	 */
	mb();
	up_read(&ndev->gate);
	up_read(&ndev->core.memory_lock);
}
