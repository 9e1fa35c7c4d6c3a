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

static int nvgrace_open_device(struct vfio_device *vdev)
{
	struct nvgrace_device *ndev = container_of(vdev, struct nvgrace_device, core.vdev);
	int ret;

	/* Not while the memory is being scrubbed: this resets the device. */
	ret = nvgrace_scrub_wait(ndev) ?: vfio_pci_core_enable(&ndev->core);
	if (ret)
		return ret;

	/* It may have lost power since the close. */
	ndev->phase = 0;
	ret = nvgrace_scrub_rest(ndev);
	for (int i = 0; !ret && i < ARRAY_SIZE(ndev->regions) && ndev->regions[i].size; i++)
		ret = nvgrace_region_register(&ndev->regions[i]);
	if (ret)
		vfio_pci_core_disable(&ndev->core);
	else
		vfio_pci_core_finish_enable(&ndev->core);
	return ret;
}

static void nvgrace_close_device(struct vfio_device *vdev)
{
	struct nvgrace_device *ndev = container_of(vdev, struct nvgrace_device, core.vdev);

	/* It resets the device without telling us.  Nobody is left who maps the memory. */
	vfio_pci_core_close_device(vdev);
	ndev->phase = 0;
	nvgrace_scrub_close(ndev);
}

static const struct vfio_device_ops nvgrace_vfio_ops = {
	.name = "nvgrace-region-vfio-pci",
	.init = vfio_pci_core_init_dev,
	.release = vfio_pci_core_release_dev,
	.open_device = nvgrace_open_device,
	.close_device = nvgrace_close_device,
	.ioctl = vfio_pci_core_ioctl,
	.device_feature = nvgrace_core_feature,
	.read = vfio_pci_core_read,
	.write = nvgrace_core_write,
	.mmap = vfio_pci_core_mmap,
	.request = vfio_pci_core_request,
	.match = vfio_pci_core_match,
	.bind_iommufd = vfio_iommufd_physical_bind,
	.unbind_iommufd = vfio_iommufd_physical_unbind,
	.attach_ioas = vfio_iommufd_physical_attach_ioas,
	.detach_ioas = vfio_iommufd_physical_detach_ioas,
	NVGRACE_MATCH_TOKEN_UUID
	NVGRACE_GET_REGION_INFO_CAPS
};

static int nvgrace_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct nvgrace_device *ndev;
	int ret;

	ndev = vfio_alloc_device(nvgrace_device, core.vdev, &pdev->dev, &nvgrace_vfio_ops);
	if (IS_ERR(ndev))
		return PTR_ERR(ndev);
	dev_set_drvdata(&pdev->dev, &ndev->core);
	NVGRACE_SET_PCI_OPS(&ndev->core);
	init_rwsem(&ndev->gate);
	mutex_init(&ndev->config);

	ret = nvgrace_memory_init(ndev) ?: nvgrace_scrub_init(ndev) ?:
	      nvgrace_gate_init(ndev) ?: vfio_pci_core_register_device(&ndev->core);
	if (ret)
		vfio_put_device(&ndev->core.vdev);
	else
		nvgrace_core_init(ndev);
	return ret;
}

static void nvgrace_remove(struct pci_dev *pdev)
{
	struct nvgrace_device *ndev = nvgrace_device(pdev);

	vfio_pci_core_unregister_device(&ndev->core);
	nvgrace_scrub_remove(ndev);
	vfio_put_device(&ndev->core.vdev);
}

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
	.err_handler = &nvgrace_core_err_handlers,
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
