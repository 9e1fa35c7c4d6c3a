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

static bool nvgrace_ready_ask_cxl(struct nvgrace_device *ndev, unsigned int *timeout_ms)
{
	unsigned int code;
	u32 status;

	pci_read_config_dword(ndev->core.pdev, ndev->cxl_dvsec + NVGRACE_CXL_RANGE1_SIZE_LOW,
			      &status);
	/* It does not answer: that is no state of its memory, and has the usual time. */
	if (PCI_POSSIBLE_ERROR(status))
		return false;
	*timeout_ms = NVGRACE_CXL_INFO_VALID_MS;
	if (!(status & NVGRACE_CXL_INFO_VALID))
		return false;

	code = FIELD_GET(NVGRACE_CXL_ACTIVE_TIMEOUT, status);
	*timeout_ms += MSEC_PER_SEC << (2 * min(code, 4U));
	return status & NVGRACE_CXL_ACTIVE;
}

/*
 * The user may have turned memory decoding off.  That does not concern the
 * coherent memory, which is behind no BAR, but it does concern the registers:
 * decoding is turned on while they are read.  core.memory_lock is held, so the
 * user can neither change his own setting meanwhile nor, as long as that is off,
 * map a BAR; irqlock keeps out the interrupt handler, which masks INTx in the
 * same register, and others who ask.
 */
static bool nvgrace_ready_ask_bar0(struct nvgrace_device *ndev)
{
	struct pci_dev *pdev = ndev->core.pdev;
	bool ready = false;
	u16 cmd;

	spin_lock_irq(&ndev->core.irqlock);
	pci_read_config_word(pdev, PCI_COMMAND, &cmd);
	if (!PCI_POSSIBLE_ERROR(cmd)) {
		pci_write_config_word(pdev, PCI_COMMAND, cmd | PCI_COMMAND_MEMORY);
		ready = ioread32(ndev->bar0 + NVGRACE_C2C_LINK) == NVGRACE_READY_VALUE &&
			ioread32(ndev->bar0 + NVGRACE_HBM_TRAINING) == NVGRACE_READY_VALUE;
		pci_write_config_word(pdev, PCI_COMMAND, cmd);
	}
	spin_unlock_irq(&ndev->core.irqlock);
	return ready;
}

/**
 * nvgrace_ready_test() - whether the memory works
 * @ndev: the device, with regions, in D0 and not in reset
 *
 * Asks the device until it has once said yes since the last reset.  Its time runs
 * from the first question on: who asks when it is over gets one answer.
 * The gate is held for reading.
 *
 * Return: 0 if it does; -EAGAIN if it does not yet; -ETIMEDOUT if it should.
 */
int nvgrace_ready_test(struct nvgrace_device *ndev)
{
	unsigned long now = jiffies | 1, since;
	struct pci_dev *pdev = ndev->core.pdev;
	unsigned int timeout_ms = NVGRACE_READY_MS;
	bool ready = READ_ONCE(ndev->ready);

	if (ready)
		return 0;
	/* Who changes something may be waiting for the gate: he is not waited for. */
	if (!down_read_trylock(&ndev->core.memory_lock))
		return -EAGAIN;
	/* An error has cut the link: what is reset until it is back is not ready. */
	if (!pci_channel_offline(pdev))
		ready = ndev->cxl_dvsec ? nvgrace_ready_ask_cxl(ndev, &timeout_ms) :
					  nvgrace_ready_ask_bar0(ndev);
	up_read(&ndev->core.memory_lock);
	if (ready) {
		WRITE_ONCE(ndev->ready, true);
		WRITE_ONCE(ndev->asked, 0);
		return 0;
	}
	since = cmpxchg(&ndev->asked, 0, now) ?: now;
	if (time_before(now, since + msecs_to_jiffies(timeout_ms)))
		return -EAGAIN;
	dev_err_ratelimited(&pdev->dev,
			    "coherent memory is not ready after %u ms: reset the device, or look at the firmware's log\n",
			    timeout_ms);
	return -ETIMEDOUT;
}

/**
 * nvgrace_ready_init() - find how the device tells, and wait until the memory works
 * @ndev: the device; without regions there is nothing to wait for
 *
 * Called in probe.  A fatal signal ends the wait.  What is mapped is unmapped
 * with the driver's binding.
 *
 * Return: 0, or a negative error after a message.
 */
int nvgrace_ready_init(struct nvgrace_device *ndev)
{
	struct pci_dev *pdev = ndev->core.pdev;
	int ret;

	if (!ndev->num_regions)
		return 0;
	/* D0, and BARs that are assigned */
	ret = pci_enable_device(pdev);
	if (ret)
		return dev_err_probe(&pdev->dev, ret, "cannot enable the device\n");

	ndev->cxl_dvsec = pci_find_dvsec_capability(pdev, PCI_VENDOR_ID_CXL, NVGRACE_CXL_DVSEC_ID);
	if (!ndev->cxl_dvsec && pci_resource_len(pdev, 0) >= NVGRACE_BAR0_LEN)
		ndev->bar0 = devm_ioremap(&pdev->dev, pci_resource_start(pdev, 0),
					  NVGRACE_BAR0_LEN);
	if (ndev->cxl_dvsec || ndev->bar0)
		ret = nvgrace_gate_enter(ndev, true);
	else
		ret = dev_err_probe(&pdev->dev, -ENODEV,
				    "BAR0 %pR does not hold the readiness registers, 0x%zx bytes: check that the firmware has assigned it\n",
				    &pdev->resource[0], NVGRACE_BAR0_LEN);
	if (!ret)
		nvgrace_gate_exit(ndev);
	pci_disable_device(pdev);
	return ret;
}
