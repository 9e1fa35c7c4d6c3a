// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio-pci variant driver for GPUs of NVIDIA Grace superchips.
 *
 * The CPU reaches the memory of such a GPU over a cache-coherent link.  That
 * memory is no BAR: firmware describes it in ACPI, and on bare metal the
 * operating system onlines it.  This driver gives it to user space as what it
 * is: one or two device-specific VFIO regions beside the PCI ones
 * (linux/vfio_nvgrace.h), which leave it to the VMM how the guest sees them.
 * PCI config space, BARs and interrupts are vfio-pci-core's.
 */
#include <linux/module.h>
#include <linux/pagemap.h>

#include "nvgrace.h"

static int nvgrace_open_device(struct vfio_device *vdev)
{
	struct nvgrace_device *ndev = container_of(vdev, struct nvgrace_device, core.vdev);
	unsigned int i;
	int ret;

	/* Not while the memory is being scrubbed: this resets the device. */
	ret = nvgrace_scrub_wait(ndev) ?: vfio_pci_core_enable(&ndev->core);
	if (ret)
		return ret;

	/* It may have lost power since the close. */
	nvgrace_gate_renew(ndev->core.pdev);
	ret = nvgrace_scrub_rest(ndev);
	for (i = 0; !ret && i < ndev->num_regions; i++)
		ret = nvgrace_region_register(&ndev->regions[i]);
	if (ret) {
		vfio_pci_core_disable(&ndev->core);
		return ret;
	}

	vfio_pci_core_finish_enable(&ndev->core);
	return 0;
}

static void nvgrace_close_device(struct vfio_device *vdev)
{
	struct nvgrace_device *ndev = container_of(vdev, struct nvgrace_device, core.vdev);

	/* It may reset the device without telling us. */
	nvgrace_gate_close(ndev->core.pdev);
	vfio_pci_core_close_device(vdev);
	nvgrace_gate_open(ndev->core.pdev);
	nvgrace_scrub_close(ndev);
}

/*
 * When it allows the device to suspend, vfio-pci-core has disallowed mappings
 * when it returns, but the ones of the regions are still there.  The device
 * suspends at the end of the ioctl at the earliest: there is time to remove them.
 */
static int nvgrace_device_feature(struct vfio_device *vdev, u32 flags, void __user *arg,
				  size_t argsz)
{
	struct nvgrace_device *ndev = container_of(vdev, struct nvgrace_device, core.vdev);
	int ret = vfio_pci_core_ioctl_feature(vdev, flags, arg, argsz);

	if (ndev->core.pm_runtime_engaged)
		nvgrace_gate_renew(ndev->core.pdev);
	return ret;
}

/*
 * A write to the register of the power state takes effect with the gate closed,
 * so that there is no instant in which the device sleeps and is mapped.  The
 * data are read without faulting then: they may be in this very memory, which is
 * an error.  What was written before the fault is written twice.
 */
static ssize_t nvgrace_write(struct vfio_device *vdev, const char __user *buf,
			     size_t count, loff_t *ppos)
{
	struct nvgrace_device *ndev = container_of(vdev, struct nvgrace_device, core.vdev);
	struct pci_dev *pdev = ndev->core.pdev;
	loff_t pmcsr = VFIO_PCI_INDEX_TO_OFFSET(VFIO_PCI_CONFIG_REGION_INDEX) +
		       pdev->pm_cap + PCI_PM_CTRL;
	unsigned int tries = 3;
	ssize_t ret;

	if (!pdev->pm_cap || *ppos > pmcsr || pmcsr - *ppos >= count)
		return vfio_pci_core_write(vdev, buf, count, ppos);
	do {
		nvgrace_gate_close(pdev);
		pagefault_disable();
		ret = vfio_pci_core_write(vdev, buf, count, ppos);
		pagefault_enable();
		nvgrace_gate_open(pdev);
	} while (ret == -EFAULT && --tries && !fault_in_readable(buf, count));
	return ret;
}

static const struct vfio_device_ops nvgrace_vfio_ops = {
	.name = "nvgrace-region-vfio-pci",
	.init = vfio_pci_core_init_dev,
	.release = vfio_pci_core_release_dev,
	.open_device = nvgrace_open_device,
	.close_device = nvgrace_close_device,
	.ioctl = vfio_pci_core_ioctl,
	.device_feature = nvgrace_device_feature,
	.read = vfio_pci_core_read,
	.write = nvgrace_write,
	.mmap = vfio_pci_core_mmap,
	.request = vfio_pci_core_request,
	.match = vfio_pci_core_match,
	.bind_iommufd = vfio_iommufd_physical_bind,
	.unbind_iommufd = vfio_iommufd_physical_unbind,
	.attach_ioas = vfio_iommufd_physical_attach_ioas,
	.detach_ioas = vfio_iommufd_physical_detach_ioas,
	NVGRACE_VERSION_OPS
};

static int nvgrace_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct nvgrace_device *ndev;
	int ret;

	ndev = vfio_alloc_device(nvgrace_device, core.vdev, &pdev->dev, &nvgrace_vfio_ops);
	if (IS_ERR(ndev))
		return PTR_ERR(ndev);
	dev_set_drvdata(&pdev->dev, &ndev->core);
	nvgrace_dmabuf_init(ndev);
	init_rwsem(&ndev->gate);

	ret = nvgrace_memory_init(ndev) ?: nvgrace_scrub_init(ndev) ?:
	      nvgrace_ready_init(ndev) ?: vfio_pci_core_register_device(&ndev->core);
	if (ret)
		vfio_put_device(&ndev->core.vdev);
	return ret;
}

static void nvgrace_remove(struct pci_dev *pdev)
{
	struct nvgrace_device *ndev = nvgrace_device(pdev);

	vfio_pci_core_unregister_device(&ndev->core);
	nvgrace_scrub_remove(ndev);
	vfio_put_device(&ndev->core.vdev);
}

/*
 * Recovery from a fatal error resets the link, and the device with it, without
 * reset_prepare and reset_done; resume comes when that is over.
 */
static pci_ers_result_t nvgrace_error_detected(struct pci_dev *pdev, pci_channel_state_t state)
{
	nvgrace_gate_renew(pdev);
	return vfio_pci_core_aer_err_detected(pdev, state);
}

/*
 * reset_prepare and reset_done are called with the device lock held, so never
 * in probe or remove, and always as a pair.
 */
static const struct pci_error_handlers nvgrace_err_handlers = {
	.error_detected = nvgrace_error_detected,
	.resume = nvgrace_gate_renew,
	.reset_prepare = nvgrace_gate_close,
	.reset_done = nvgrace_gate_open,
};

static const struct pci_device_id nvgrace_table[] = {
	/* GH200 120GB */
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(PCI_VENDOR_ID_NVIDIA, 0x2342) },
	/* GH200 480GB */
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(PCI_VENDOR_ID_NVIDIA, 0x2345) },
	/* GH200 */
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(PCI_VENDOR_ID_NVIDIA, 0x2348) },
	/* GB200 */
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(PCI_VENDOR_ID_NVIDIA, 0x2941) },
	/* GB300 */
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(PCI_VENDOR_ID_NVIDIA, 0x31c2) },
	{}
};
MODULE_DEVICE_TABLE(pci, nvgrace_table);

static struct pci_driver nvgrace_driver = {
	.name = KBUILD_MODNAME,
	.id_table = nvgrace_table,
	.probe = nvgrace_probe,
	.remove = nvgrace_remove,
	.err_handler = &nvgrace_err_handlers,
	/* The DMA API is not used: the device may be attached to a VFIO domain */
	.driver_managed_dma = true,
};

static void nvgrace_unregister(struct pci_driver *driver)
{
	pci_unregister_driver(driver);
	xa_destroy(&nvgrace_poisoned);
}
module_driver(nvgrace_driver, pci_register_driver, nvgrace_unregister);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("VFIO PCI driver for the coherent memory of NVIDIA Grace GPUs");
