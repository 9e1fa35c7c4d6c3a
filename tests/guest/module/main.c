// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * nvgrace-guest: stands in for NVIDIA's driver in tests
 *
 * Takes a Grace GPU's coherent memory into use the way NVIDIA's driver does on
 * bare metal and in the same order: nodes from SRAT, address and size from the
 * _DSD of the GPU's ACPI device, then add_memory_driver_managed() to the lowest
 * node.  So a guest in which this driver works is described as bare metal is,
 * unless BARs took the place of the properties, which NVIDIA's driver takes, too:
 * user space is told.  Bus numbers in the wrong byte, which that tolerates, this
 * one refuses, because here they would be a bug of ours.
 */
#include <linux/err.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include <hw/misc/nvgrace-gpu-regs.h>

#include "nvgrace-guest.h"

static unsigned int limit_mib;
module_param(limit_mib, uint, 0444);
MODULE_PARM_DESC(limit_mib, "Online only the first N MiB of each GPU's coherent memory (0: all)");

struct nvgrace_guest {
	struct coherent_mem mem;
	struct online_mem *online;
	struct copy_engine *ce;
};

static int nvgrace_guest_probe(struct pci_dev *pdev,
			       const struct pci_device_id *id)
{
	struct nvgrace_guest *guest;
	int ret;

	guest = kzalloc_obj(*guest);
	if (!guest)
		return -ENOMEM;

	/* Before anything of it is used: memory may be in a BAR */
	ret = pci_enable_device_mem(pdev);
	if (ret) {
		dev_err_probe(&pdev->dev, ret, "cannot enable the device\n");
		goto free_guest;
	}

	ret = coherent_mem_find(pdev, &guest->mem);
	if (ret)
		goto disable;

	guest->online = online_mem_add(&pdev->dev, &guest->mem,
				       (u64)limit_mib << 20);
	if (IS_ERR(guest->online)) {
		ret = PTR_ERR(guest->online);
		goto disable;
	}

	guest->ce = copy_engine_create(pdev, &guest->mem,
				       online_mem_size(guest->online));
	if (IS_ERR(guest->ce)) {
		ret = PTR_ERR(guest->ce);
		goto remove_memory;
	}

	pci_set_drvdata(pdev, guest);
	return 0;

remove_memory:
	online_mem_remove(guest->online);
disable:
	pci_disable_device(pdev);
free_guest:
	kfree(guest);
	return ret;
}

static void nvgrace_guest_remove(struct pci_dev *pdev)
{
	struct nvgrace_guest *guest = pci_get_drvdata(pdev);

	copy_engine_destroy(guest->ce);
	online_mem_remove(guest->online);
	pci_disable_device(pdev);
	kfree(guest);
}

static const struct pci_device_id nvgrace_guest_ids[] = {
	{ PCI_DEVICE(NVGRACE_VENDOR_ID, NVGRACE_DEVICE_ID_GH200) },
	/* The other two Hopper parts that Linux' nvgrace-gpu knows */
	{ PCI_DEVICE(NVGRACE_VENDOR_ID, 0x2345) },
	{ PCI_DEVICE(NVGRACE_VENDOR_ID, 0x2348) },
	{ PCI_DEVICE(NVGRACE_VENDOR_ID, NVGRACE_DEVICE_ID_GB200) },
	{ PCI_DEVICE(NVGRACE_VENDOR_ID, NVGRACE_DEVICE_ID_GB300) },
	{ }
};
MODULE_DEVICE_TABLE(pci, nvgrace_guest_ids);

static struct pci_driver nvgrace_guest_driver = {
	.name = KBUILD_MODNAME,
	.id_table = nvgrace_guest_ids,
	.probe = nvgrace_guest_probe,
	.remove = nvgrace_guest_remove,
};
module_pci_driver(nvgrace_guest_driver);

MODULE_DESCRIPTION("Onlines a Grace GPU's coherent memory as NVIDIA's driver does, for tests");
MODULE_LICENSE("GPL");
