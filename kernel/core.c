// SPDX-License-Identifier: GPL-2.0-only
/*
 * What vfio-pci-core does for BARs and not for device-specific regions.
 *
 * Before it resets a device, lets it sleep or turns its memory decoding off, it takes
 * core.memory_lock for writing and removes the mappings of the BARs, and with them
 * the ones of the regions (nvgrace_region_mmap()).  Not every reset is its own (sysfs),
 * nor is recovery from a link error, nor system sleep.  So the gate (gate.c) is closed,
 * which removes all mappings and forgets that the memory was ready, and opened again
 *
 *	around each reset: reset_prepare and reset_done
 *	when a link error is reported
 *	before system sleep
 *
 * And nobody is told of what may have made the memory not ready: a power state that the
 * user sets in config space, or allows the device to take.
 *
 * With the core of docs/upstream/ this file is not needed.
 */
#include <linux/mm.h>
#include <linux/pm.h>
#include <linux/vmalloc.h>

#include "nvgrace.h"

/*
 * When this returns, nobody is inside and no mapping is left in any process or
 * guest, nor in the kernel.  Who wants to enter has to try again until
 * nvgrace_core_reset_done().  Called with or without core.memory_lock.
 */
static void nvgrace_core_reset_prepare(struct pci_dev *pdev)
{
	struct nvgrace_device *ndev = nvgrace_device(pdev);

	down_write(&ndev->gate);
	ndev->phase = 0;
	/*
	 * What the scrub has unmapped may still be in a TLB, since vunmap is lazy, and be
	 * read speculatively while the memory does not work.
	 */
	vm_unmap_aliases();
	unmap_mapping_range(ndev->core.vdev.inode->i_mapping, 0, 0, true);
}

/*
 * Who enters first finds out whether the memory is ready, and whether the
 * device's power state allows it.
 */
static void nvgrace_core_reset_done(struct pci_dev *pdev)
{
	up_write(&nvgrace_device(pdev)->gate);
}

/*
 * Have the device asked again, and everybody come in again.  User space is frozen in
 * system sleep, and so is the scrub.
 */
static int nvgrace_core_renew(struct device *dev)
{
	nvgrace_core_reset_prepare(to_pci_dev(dev));
	nvgrace_core_reset_done(to_pci_dev(dev));
	return 0;
}

/*
 * The link has failed.  Recovery from a fatal error resets it, and the device with it,
 * without reset_prepare and reset_done.  What is cut off is not ready (gate.c).
 */
static pci_ers_result_t nvgrace_core_error_detected(struct pci_dev *pdev,
						    pci_channel_state_t state)
{
	nvgrace_core_renew(&pdev->dev);
	return vfio_pci_core_aer_err_detected(pdev, state);
}

/*
 * All are called with the device lock held, so never in probe or remove, and never
 * one between the first two.
 */
const struct pci_error_handlers nvgrace_core_err_handlers = {
	.reset_prepare = nvgrace_core_reset_prepare,
	.reset_done = nvgrace_core_reset_done,
	.error_detected = nvgrace_core_error_detected,
};

/**
 * nvgrace_core_feature() - vfio_device_ops.device_feature
 * @vdev: the device
 * @flags: which one, and what of it
 * @arg: the user's
 * @argsz: its size, bytes
 *
 * One of them allows the device to suspend, at the end of the ioctl at the earliest.
 * From then on the memory is never known to be ready (gate.c), nor is it afterwards.
 *
 * Return: what vfio-pci-core says.
 */
int nvgrace_core_feature(struct vfio_device *vdev, u32 flags, void __user *arg, size_t argsz)
{
	struct nvgrace_device *ndev = container_of(vdev, struct nvgrace_device, core.vdev);
	int ret = vfio_pci_core_ioctl_feature(vdev, flags, arg, argsz);

	if (ndev->core.pm_runtime_engaged)
		WRITE_ONCE(ndev->phase, 0);
	return ret;
}

/**
 * nvgrace_core_write() - vfio_device_ops.write
 * @vdev: the device
 * @buf: user memory
 * @count: bytes
 * @ppos: where in the device's file, any region; moved on by what was done
 *
 * A write to config space may have the device return from D3hot.  What was known
 * before is forgotten while it is there, where nobody can find out anew.
 *
 * Return: bytes done, or a negative error.
 */
ssize_t nvgrace_core_write(struct vfio_device *vdev, const char __user *buf, size_t count,
			   loff_t *ppos)
{
	struct nvgrace_device *ndev = container_of(vdev, struct nvgrace_device, core.vdev);

	if (VFIO_PCI_OFFSET_TO_INDEX(*ppos) != VFIO_PCI_CONFIG_REGION_INDEX)
		return vfio_pci_core_write(vdev, buf, count, ppos);

	guard(mutex)(&ndev->config);
	if (ndev->core.pdev->current_state != PCI_D0)
		WRITE_ONCE(ndev->phase, 0);
	return vfio_pci_core_write(vdev, buf, count, ppos);
}

/**
 * nvgrace_core_init() - be told when the machine goes to sleep
 * @ndev: the device
 *
 * vfio-pci-core gives the driver its own dev_pm_ops whenever it registers a device,
 * and those have runtime PM only: in system sleep it leaves all to the PCI core.
 * Called after that.
 */
void nvgrace_core_init(struct nvgrace_device *ndev)
{
	struct device_driver *driver = ndev->core.pdev->dev.driver;
	static struct dev_pm_ops ops = { SYSTEM_SLEEP_PM_OPS(nvgrace_core_renew, NULL) };

	ops.runtime_suspend = driver->pm->runtime_suspend;
	ops.runtime_resume = driver->pm->runtime_resume;
	driver->pm = &ops;
}
