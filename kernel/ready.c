// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether the coherent memory works.
 *
 * After power-on and after each reset the link to the GPU comes up and its
 * memory is trained, which takes seconds.  The CPU must not touch the memory
 * before: reads return all ones, and even a speculative read through a
 * cacheable mapping may log a RAS event.  GPUs tell in two registers of BAR0,
 * or, those with a CXL device DVSEC, in config space.
 */
#include <linux/bitfield.h>
#include <linux/io.h>

#include "nvgrace.h"

/* BAR0, 32 bits each, the value when ready, and how long it may take. */
#define NVGRACE_C2C_LINK	0x1498
#define NVGRACE_HBM_TRAINING	0x200bc
#define NVGRACE_READY_VALUE	0xff
#define NVGRACE_READY_MS	(30 * MSEC_PER_SEC)
#define NVGRACE_BAR0_LEN	(NVGRACE_HBM_TRAINING + sizeof(u32))

/*
 * CXL 4.0, 8.1.3.8.2: DVSEC CXL Range 1 Size Low.  Memory_Info_Valid must be
 * set within 1 s; Memory_Active within Memory_Active_Timeout: 1, 4, 16, 64 or
 * 256 s, other encodings are reserved.
 */
#define NVGRACE_CXL_DVSEC_ID		0
#define NVGRACE_CXL_RANGE1_SIZE_LOW	0x1c
#define NVGRACE_CXL_INFO_VALID		BIT(0)
#define NVGRACE_CXL_ACTIVE		BIT(1)
#define NVGRACE_CXL_ACTIVE_TIMEOUT	GENMASK(15, 13)
#define NVGRACE_CXL_INFO_VALID_MS	MSEC_PER_SEC

static bool nvgrace_ready_test_cxl(struct nvgrace_device *ndev, unsigned int *timeout_ms)
{
	unsigned int code;
	u32 status;

	pci_read_config_dword(ndev->core.pdev, ndev->cxl_dvsec + NVGRACE_CXL_RANGE1_SIZE_LOW,
			      &status);

	*timeout_ms = NVGRACE_CXL_INFO_VALID_MS;
	if (PCI_POSSIBLE_ERROR(status) || !(status & NVGRACE_CXL_INFO_VALID))
		return false;

	code = FIELD_GET(NVGRACE_CXL_ACTIVE_TIMEOUT, status);
	*timeout_ms += MSEC_PER_SEC << (2 * min(code, 4U));
	return status & NVGRACE_CXL_ACTIVE;
}

/**
 * nvgrace_ready_test() - ask the device whether its memory works
 * @ndev: the device, with regions, in D0 and not in reset
 * @timeout_ms: set to the time it may take from the reset on, in ms
 *
 * The user may have turned memory decoding off.  That does not concern the
 * coherent memory, which is behind no BAR, but it does concern the registers:
 * decoding is turned on while they are read.  core.memory_lock is held for
 * writing, so the user has no mapping of a BAR as long as his own setting is
 * off, and cannot change it meanwhile.
 *
 * Return: true if it does.
 */
bool nvgrace_ready_test(struct nvgrace_device *ndev, unsigned int *timeout_ms)
{
	struct pci_dev *pdev = ndev->core.pdev;
	bool ready;
	u16 cmd;

	lockdep_assert_held_write(&ndev->core.memory_lock);

	if (ndev->cxl_dvsec)
		return nvgrace_ready_test_cxl(ndev, timeout_ms);

	*timeout_ms = NVGRACE_READY_MS;
	pci_read_config_word(pdev, PCI_COMMAND, &cmd);
	if (PCI_POSSIBLE_ERROR(cmd))
		return false;
	if (!(cmd & PCI_COMMAND_MEMORY))
		pci_write_config_word(pdev, PCI_COMMAND, cmd | PCI_COMMAND_MEMORY);

	ready = ioread32(ndev->bar0 + NVGRACE_C2C_LINK) == NVGRACE_READY_VALUE &&
		ioread32(ndev->bar0 + NVGRACE_HBM_TRAINING) == NVGRACE_READY_VALUE;

	if (!(cmd & PCI_COMMAND_MEMORY))
		pci_write_config_word(pdev, PCI_COMMAND, cmd);
	return ready;
}

/* Find out how the device tells. */
static int nvgrace_ready_init(struct nvgrace_device *ndev)
{
	struct pci_dev *pdev = ndev->core.pdev;

	ndev->cxl_dvsec = pci_find_dvsec_capability(pdev, PCI_VENDOR_ID_CXL, NVGRACE_CXL_DVSEC_ID);
	if (ndev->cxl_dvsec)
		return 0;

	if (!(pci_resource_flags(pdev, 0) & IORESOURCE_MEM) ||
	    pci_resource_len(pdev, 0) < NVGRACE_BAR0_LEN)
		return dev_err_probe(&pdev->dev, -ENODEV,
				     "BAR0 %pR does not hold the readiness registers, 0x%zx bytes: check that the firmware has assigned it\n",
				     &pdev->resource[0], NVGRACE_BAR0_LEN);

	ndev->bar0 = devm_ioremap(&pdev->dev, pci_resource_start(pdev, 0), NVGRACE_BAR0_LEN);
	return ndev->bar0 ? 0 : -ENOMEM;
}

/**
 * nvgrace_ready_probe() - wait until the memory works, before there are users
 * @ndev: the device; without regions there is nothing to wait for
 *
 * A fatal signal ends the wait.  Sleeps.
 *
 * Return: 0, or a negative error after a message.
 */
int nvgrace_ready_probe(struct nvgrace_device *ndev)
{
	struct pci_dev *pdev = ndev->core.pdev;
	int ret;

	if (!ndev->num_regions)
		return 0;

	/* D0, and BARs that are assigned */
	ret = pci_enable_device(pdev);
	if (ret)
		return dev_err_probe(&pdev->dev, ret, "cannot enable the device\n");

	ret = nvgrace_ready_init(ndev);
	if (!ret)
		ret = nvgrace_gate_wait(ndev, true);
	pci_disable_device(pdev);
	return ret;
}
