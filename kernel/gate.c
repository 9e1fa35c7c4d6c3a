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
 * After power-on and after each reset the link to the GPU comes up and its
 * memory is trained, which takes seconds.  The CPU must not touch the memory
 * before: reads return all ones, and even a speculative read through a
 * cacheable mapping may log a RAS event.  GPUs tell in two registers of BAR0,
 * or, those with a CXL device DVSEC, in config space.
 *
 * PCI_COMMAND.MEM is no condition for most of these GPUs: it turns the decoding
 * of BARs on and off, which on bare metal does not concern the coherent memory.
 * Where that is a CXL device's it is: without Memory Space an access is an error
 * that may be fatal to the host.  Mapping, reading and writing agree in this.
 */
#include <linux/bitfield.h>
#include <linux/io.h>
#include <linux/sched/signal.h>

#include "nvgrace.h"

/* BAR0, 32 bits each, and the value when ready. */
#define NVGRACE_C2C_LINK	0x1498
#define NVGRACE_HBM_TRAINING	0x200bc
#define NVGRACE_READY_VALUE	0xff
#define NVGRACE_BAR0_LEN	(NVGRACE_HBM_TRAINING + sizeof(u32))

/*
 * How far the memory is, if the device has been asked since the last reset; each has
 * its own time to go on to the next.
 *
 *	SILENT	30 s.  BAR0 tells no more; a CXL device does not answer yet
 *	NO_INFO	CXL 4.0, 8.1.3.8.2: Memory_Info_Valid must be set within 1 s
 *	INFO	Memory_Active within Memory_Active_Timeout: 1, 4, 16, 64 or 256 s;
 *		other encodings are reserved
 */
enum { NVGRACE_SILENT = 1, NVGRACE_NO_INFO, NVGRACE_INFO, NVGRACE_READY };

/*
 * The user may have turned memory decoding off, which does concern the registers
 * in BAR0: it is turned on while they are read.  core.memory_lock is held, so the
 * user can neither change his own setting meanwhile nor, as long as that is off,
 * map a BAR; irqlock keeps out the interrupt handler, which masks INTx in the
 * same register.  Of a CXL device, who comes here has it on, or nobody has opened it;
 * a reset that vfio-pci-core does not know of may have turned it off.
 */
static unsigned int nvgrace_gate_phase(struct nvgrace_device *ndev, unsigned int *ms)
{
	struct pci_dev *pdev = ndev->core.pdev;
	unsigned int phase = NVGRACE_SILENT;
	u32 status;
	u16 cmd;

	*ms = 30 * MSEC_PER_SEC;
	pci_read_config_word(pdev, PCI_COMMAND, &cmd);
	/* An error has cut the link: what is reset until it is back is not ready. */
	if (pci_channel_offline(pdev) || PCI_POSSIBLE_ERROR(cmd))
		return phase;
	pci_write_config_word(pdev, PCI_COMMAND, cmd | PCI_COMMAND_MEMORY);
	if (ndev->bar0) {
		if (ioread32(ndev->bar0 + NVGRACE_C2C_LINK) == NVGRACE_READY_VALUE &&
		    ioread32(ndev->bar0 + NVGRACE_HBM_TRAINING) == NVGRACE_READY_VALUE)
			phase = NVGRACE_READY;
		pci_write_config_word(pdev, PCI_COMMAND, cmd);
		return phase;
	}

	pci_read_config_dword(pdev, ndev->cxl_dvsec + PCI_DVSEC_CXL_RANGE_SIZE_LOW(0), &status);
	if (PCI_POSSIBLE_ERROR(status))
		return phase;
	*ms = MSEC_PER_SEC;
	if (!(status & PCI_DVSEC_CXL_MEM_INFO_VALID))
		return NVGRACE_NO_INFO;
	*ms <<= 2 * min(FIELD_GET(PCI_DVSEC_CXL_MEM_ACTIVE_TIMEOUT, status), 4U);
	return status & PCI_DVSEC_CXL_MEM_ACTIVE ? NVGRACE_READY : NVGRACE_INFO;
}

/*
 * Whether the memory works.  Asks the device until it has once said yes since the last
 * reset, for all who wait together: once in NVGRACE_POLL_MS.  Its time runs from the
 * first question on.  Called inside the gate.
 */
static int nvgrace_gate_ready(struct nvgrace_device *ndev)
{
	unsigned int phase, ms = 0;
	int ret;

	if (READ_ONCE(ndev->phase) == NVGRACE_READY)
		return 0;
	spin_lock_irq(&ndev->core.irqlock);
	if (!ndev->phase || time_after_eq(jiffies, ndev->next)) {
		phase = nvgrace_gate_phase(ndev, &ms);
		ndev->next = jiffies + msecs_to_jiffies(NVGRACE_POLL_MS);
		if (phase > ndev->phase)
			ndev->deadline = jiffies + msecs_to_jiffies(ms);
		WRITE_ONCE(ndev->phase, max(phase, ndev->phase));
	}
	ret = ndev->phase == NVGRACE_READY ? 0 :
	      time_before(jiffies, ndev->deadline) ? -EAGAIN : -ETIMEDOUT;
	/* What may suspend at any time is ready only now. */
	if (!ret && ndev->core.pm_runtime_engaged)
		WRITE_ONCE(ndev->phase, 0);
	spin_unlock_irq(&ndev->core.irqlock);
	if (ret == -ETIMEDOUT && ms)
		dev_err_ratelimited(&ndev->core.pdev->dev,
				    "coherent memory is not ready after %u ms: reset the device, or look at the firmware's log\n",
				    ms);
	return ret;
}

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
 * -EIO in a low power state, or without Memory Space where that counts.
 */
int nvgrace_gate_try(struct nvgrace_device *ndev, bool awake)
{
	struct vfio_pci_core_device *core = &ndev->core;
	int ret;

	/* Their writers reset the device: they are not waited for with mmap_lock held. */
	if (!down_read_trylock(&core->memory_lock))
		return -EAGAIN;
	if (!down_read_trylock(&ndev->gate)) {
		up_read(&core->memory_lock);
		return -EAGAIN;
	}
	/* There is no vconfig while nobody has it open: Memory Space is on then. */
	if ((__force int)core->pdev->current_state >= (__force int)PCI_D3hot ||
	    (core->pm_runtime_engaged && !awake) ||
	    (ndev->cxl_dvsec && core->vconfig &&
	     !(core->vconfig[PCI_COMMAND] & PCI_COMMAND_MEMORY)))
		ret = -EIO;
	else
		ret = nvgrace_gate_ready(ndev);
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
 * Return: as nvgrace_gate_try(), but never -EAGAIN; -EINTR on a fatal signal.
 */
int nvgrace_gate_enter(struct nvgrace_device *ndev, bool awake)
{
	int ret;

	while (!fatal_signal_pending(current)) {
		ret = nvgrace_gate_try(ndev, awake);
		if (ret != -EAGAIN)
			return ret;
		schedule_timeout_killable(msecs_to_jiffies(NVGRACE_POLL_MS));
	}
	return -EINTR;
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

/**
 * nvgrace_gate_init() - find how the device tells, and wait until the memory works
 * @ndev: the device
 *
 * Called in probe, also where firmware describes no memory: inside a guest whose VMM
 * presents it otherwise the device needs its time all the same.  A fatal signal ends
 * the wait.  What is mapped is unmapped with the driver's binding.
 *
 * Return: 0, or a negative error after a message.
 */
int nvgrace_gate_init(struct nvgrace_device *ndev)
{
	struct pci_dev *pdev = ndev->core.pdev;
	int ret;

	/* D0, and BARs that are assigned */
	ret = pci_enable_device(pdev);
	if (ret)
		return dev_err_probe(&pdev->dev, ret, "cannot enable the device\n");

	ndev->cxl_dvsec = pci_find_dvsec_capability(pdev, PCI_VENDOR_ID_CXL, PCI_DVSEC_CXL_DEVICE);
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
