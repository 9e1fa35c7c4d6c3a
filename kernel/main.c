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

#include "nvgrace.h"

static struct nvgrace_device *to_ndev(struct vfio_device *vdev)
{
	return container_of(vdev, struct nvgrace_device, core.vdev);
}

static struct nvgrace_device *pdev_to_ndev(struct pci_dev *pdev)
{
	/* vfio-pci-core insists on this being its own part. */
	return container_of(dev_get_drvdata(&pdev->dev), struct nvgrace_device, core);
}

/* Remove the mappings; who wants the memory again finds out what has become of it. */
static void nvgrace_invalidate(struct nvgrace_device *ndev)
{
	nvgrace_gate_close(ndev);
	nvgrace_gate_open(ndev);
}

static int nvgrace_open_device(struct vfio_device *vdev)
{
	struct nvgrace_device *ndev = to_ndev(vdev);
	unsigned int i;
	int ret;

	/* Not while the memory is being scrubbed: this resets the device. */
	ret = nvgrace_scrub_wait(ndev) ?: vfio_pci_core_enable(&ndev->core);
	if (ret)
		return ret;

	/* It may have lost power since the close. */
	nvgrace_invalidate(ndev);
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
	struct nvgrace_device *ndev = to_ndev(vdev);

	vfio_pci_core_close_device(vdev);
	/* It may have reset the device without telling us. */
	nvgrace_invalidate(ndev);
	nvgrace_scrub_close(ndev);
}

/*
 * vfio-pci-core has disallowed mappings when it returns, but the ones of the
 * regions are still there.  The device suspends at the end of the ioctl at the
 * earliest: there is time to remove them.
 */
static int nvgrace_device_feature(struct vfio_device *vdev, u32 flags, void __user *arg,
				  size_t argsz)
{
	int ret = vfio_pci_core_ioctl_feature(vdev, flags, arg, argsz);

	switch (flags & VFIO_DEVICE_FEATURE_MASK) {
	case VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY:
	case VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP:
	case VFIO_DEVICE_FEATURE_LOW_POWER_EXIT:
		if (!ret && !(flags & VFIO_DEVICE_FEATURE_PROBE))
			nvgrace_invalidate(to_ndev(vdev));
	}
	return ret;
}

/*
 * vfio-pci-core sets D3hot under memory_lock, after removing the mappings of
 * the BARs.  So mappings of the regions are removed before; who faults in
 * between can map once more, and loses that as soon as the state is set.  The
 * gate does not stay closed, because the data may be in this very memory.
 */
static ssize_t nvgrace_write(struct vfio_device *vdev, const char __user *buf,
			     size_t count, loff_t *ppos)
{
	struct nvgrace_device *ndev = to_ndev(vdev);
	struct pci_dev *pdev = ndev->core.pdev;
	loff_t pmcsr = VFIO_PCI_INDEX_TO_OFFSET(VFIO_PCI_CONFIG_REGION_INDEX) +
		       pdev->pm_cap + PCI_PM_CTRL;
	bool power = pdev->pm_cap && *ppos <= pmcsr &&
		     (size_t)(pmcsr - *ppos) < count;
	ssize_t ret;

	if (power)
		nvgrace_invalidate(ndev);
	ret = vfio_pci_core_write(vdev, buf, count, ppos);
	if (power)
		nvgrace_invalidate(ndev);
	return ret;
}

static const struct vfio_device_ops nvgrace_vfio_ops = {
	.name = "nvgrace-region-vfio-pci",
	.init = vfio_pci_core_init_dev,
	.release = vfio_pci_core_release_dev,
	.open_device = nvgrace_open_device,
	.close_device = nvgrace_close_device,
	.ioctl = vfio_pci_core_ioctl,
#ifdef NVGRACE_HAVE_REGION_INFO_CAPS
	.get_region_info_caps = vfio_pci_ioctl_get_region_info,
#endif
	.device_feature = nvgrace_device_feature,
	.read = vfio_pci_core_read,
	.write = nvgrace_write,
	.mmap = vfio_pci_core_mmap,
	.request = vfio_pci_core_request,
	.match = vfio_pci_core_match,
#ifdef NVGRACE_HAVE_MATCH_TOKEN_UUID
	.match_token_uuid = vfio_pci_core_match_token_uuid,
#endif
	.bind_iommufd = vfio_iommufd_physical_bind,
	.unbind_iommufd = vfio_iommufd_physical_unbind,
	.attach_ioas = vfio_iommufd_physical_attach_ioas,
	.detach_ioas = vfio_iommufd_physical_detach_ioas,
};

static int nvgrace_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct nvgrace_device *ndev;
	int ret;

	ndev = vfio_alloc_device(nvgrace_device, core.vdev, &pdev->dev,
				 &nvgrace_vfio_ops);
	if (IS_ERR(ndev))
		return PTR_ERR(ndev);
	init_rwsem(&ndev->gate);
	init_waitqueue_head(&ndev->opened);
	xa_init(&ndev->poisoned);

	ret = nvgrace_memory_init(ndev);
	if (ret)
		goto out_put;
	nvgrace_scrub_init(ndev);
	ret = nvgrace_ready_probe(ndev);
	if (ret)
		goto out_put;

	nvgrace_set_pci_ops(&ndev->core);
	dev_set_drvdata(&pdev->dev, &ndev->core);
	ret = vfio_pci_core_register_device(&ndev->core);
	if (ret)
		goto out_put;
	return 0;

out_put:
	vfio_put_device(&ndev->core.vdev);
	return ret;
}

static void nvgrace_remove(struct pci_dev *pdev)
{
	struct nvgrace_device *ndev = pdev_to_ndev(pdev);

	vfio_pci_core_unregister_device(&ndev->core);
	nvgrace_scrub_stop(ndev);
	xa_destroy(&ndev->poisoned);
	vfio_put_device(&ndev->core.vdev);
}

/*
 * Both are called with the device lock held, so never in probe or remove, and
 * always as a pair.
 */
static void nvgrace_reset_prepare(struct pci_dev *pdev)
{
	nvgrace_gate_close(pdev_to_ndev(pdev));
}

static void nvgrace_reset_done(struct pci_dev *pdev)
{
	nvgrace_gate_open(pdev_to_ndev(pdev));
}

/*
 * Recovery from a fatal error resets the link, and the device with it, without
 * the two above.
 */
static pci_ers_result_t nvgrace_error_detected(struct pci_dev *pdev, pci_channel_state_t state)
{
	if (state != pci_channel_io_normal)
		nvgrace_invalidate(pdev_to_ndev(pdev));
	return vfio_pci_core_aer_err_detected(pdev, state);
}

static const struct pci_error_handlers nvgrace_err_handlers = {
	.error_detected = nvgrace_error_detected,
	.reset_prepare = nvgrace_reset_prepare,
	.reset_done = nvgrace_reset_done,
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
module_pci_driver(nvgrace_driver);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("VFIO PCI driver for the coherent memory of NVIDIA Grace GPUs");
