// SPDX-License-Identifier: GPL-2.0-only
/*
 * What vfio-pci-core does for BARs and not for device-specific regions.
 *
 * It removes the mappings of BARs before it resets a device or lets it sleep, and
 * holds core.memory_lock for writing meanwhile.  Of mappings of other regions it
 * knows nothing; nor is every reset its own (sysfs), nor is system sleep.  So the gate
 * (gate.c) is closed, which removes all mappings and forgets that the memory was
 * ready, and opened again
 *
 *	around each reset: reset_prepare and reset_done
 *	around a config space write that needs it
 *	after the user has allowed the device to suspend
 *	before system sleep
 *	when a link error is reported
 *
 * With the core of docs/upstream/ this file is not needed.
 */
#include <linux/pagemap.h>
#include <linux/pm.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "nvgrace.h"

/**
 * nvgrace_core_reset_prepare() - keep everybody from the memory
 * @pdev: the device
 *
 * When this returns, nobody is inside and no mapping is left in any process or
 * guest, nor in the kernel.  Who wants to enter waits until nvgrace_core_reset_done():
 * the caller must not touch user memory in between, unless with page faults
 * disabled.  Called with or without core.memory_lock.
 */
void nvgrace_core_reset_prepare(struct pci_dev *pdev)
{
	struct nvgrace_device *ndev = nvgrace_device(pdev);
	unsigned int i;

	down_write(&ndev->gate);
	ndev->closed++;
	nvgrace_ready_forget(ndev);
	up_write(&ndev->gate);

	/*
	 * What was mapped before is removed; who comes later finds it closed.  What the
	 * kernel has unmapped may still be in a TLB, since vunmap is lazy, and be read
	 * speculatively while the memory does not work.
	 */
	vm_unmap_aliases();
	for (i = 0; i < ndev->num_regions; i++)
		unmap_mapping_range(ndev->core.vdev.inode->i_mapping,
				    VFIO_PCI_INDEX_TO_OFFSET(ndev->regions[i].index),
				    ndev->regions[i].size, true);
}

/**
 * nvgrace_core_reset_done() - end what nvgrace_core_reset_prepare() began
 * @pdev: the device
 *
 * Who enters first finds out whether the memory is ready, and whether the
 * device's power state allows it.
 */
void nvgrace_core_reset_done(struct pci_dev *pdev)
{
	struct nvgrace_device *ndev = nvgrace_device(pdev);

	down_write(&ndev->gate);
	ndev->closed--;
	up_write(&ndev->gate);
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

/**
 * nvgrace_core_error_detected() - the link has failed
 * @pdev: the device
 * @state: of the link
 *
 * Recovery from a fatal error resets the link, and the device with it, without
 * reset_prepare and reset_done.  What is cut off is not ready (ready.c).
 *
 * Return: what vfio-pci-core says.
 */
pci_ers_result_t nvgrace_core_error_detected(struct pci_dev *pdev, pci_channel_state_t state)
{
	nvgrace_core_renew(&pdev->dev);
	return vfio_pci_core_aer_err_detected(pdev, state);
}

/**
 * nvgrace_core_feature() - vfio_device_ops.device_feature
 * @vdev: the device
 * @flags: which one, and what of it
 * @arg: the user's
 * @argsz: its size, bytes
 *
 * When it allows the device to suspend, vfio-pci-core has disallowed mappings
 * when it returns, but the ones of the regions are still there.  The device
 * suspends at the end of the ioctl at the earliest: there is time to remove them.
 *
 * Return: what vfio-pci-core says.
 */
int nvgrace_core_feature(struct vfio_device *vdev, u32 flags, void __user *arg, size_t argsz)
{
	int ret = vfio_pci_core_ioctl_feature(vdev, flags, arg, argsz);

	if (container_of(vdev, struct vfio_pci_core_device, vdev)->pm_runtime_engaged)
		nvgrace_core_renew(vdev->dev);
	return ret;
}

/**
 * nvgrace_core_write() - vfio_device_ops.write
 * @vdev: the device
 * @buf: user memory
 * @count: bytes
 * @ppos: where in the device's file, any region; moved on by what was done
 *
 * Two bytes of config space decide who may touch the memory: the power state, if it
 * is to change, and PCI_COMMAND of a device with a CXL DVSEC.  They are written
 * with the gate closed.  vfio-pci-core reads the data once more, and user space may
 * alter them meanwhile: what was seen here must not be relied on.  So a power
 * state that is to stay is left out, with what is read-only beside it.
 *
 * With the gate closed the data are read without faulting: they may be in this
 * very memory, which is an error.  What was written before the fault is written
 * twice then.
 *
 * Return: bytes done, or a negative error.
 */
ssize_t nvgrace_core_write(struct vfio_device *vdev, const char __user *buf, size_t count,
			   loff_t *ppos)
{
	u64 config = VFIO_PCI_INDEX_TO_OFFSET(VFIO_PCI_CONFIG_REGION_INDEX) - *ppos;
	struct pci_dev *pdev = to_pci_dev(vdev->dev);
	/* Offsets in @buf; what is not in it is beyond its end. */
	u64 pmcsr = pdev->pm_cap ? config + pdev->pm_cap + PCI_PM_CTRL : count;
	u64 command = nvgrace_device(pdev)->cxl_dvsec ? config + PCI_COMMAND : count;
	unsigned int tries = 3;
	ssize_t ret;
	u8 byte;

	if (pmcsr >= count && command >= count)
		return vfio_pci_core_write(vdev, buf, count, ppos);
	if (pmcsr < count && get_user(byte, buf + pmcsr))
		return -EFAULT;

	if (command >= count &&
	    (byte & PCI_PM_CTRL_STATE_MASK) == (__force int)pdev->current_state) {
		ret = vfio_pci_core_write(vdev, buf, pmcsr++, ppos);
		if (ret < 0)
			return ret;
		++*ppos;
		ret = vfio_pci_core_write(vdev, buf + pmcsr, count - pmcsr, ppos);
		return ret < 0 ? ret : count;
	}

	do {
		nvgrace_core_reset_prepare(pdev);
		pagefault_disable();
		ret = vfio_pci_core_write(vdev, buf, count, ppos);
		pagefault_enable();
		nvgrace_core_reset_done(pdev);
	} while (ret == -EFAULT && --tries && !fault_in_readable(buf, count));
	return ret;
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
