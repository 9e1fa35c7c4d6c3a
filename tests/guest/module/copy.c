// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The emulated GPU's copy engine, and the device node through which user space
 * uses it.  User memory goes through one DMA buffer, so that the engine's
 * address is whatever the DMA API (and an IOMMU behind it) says.
 */
#include <linux/completion.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/iopoll.h>
#include <linux/kref.h>
#include <linux/memory_hotplug.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <hw/misc/nvgrace-gpu-regs.h>

#include "nvgrace-guest.h"

/* Longest wait for an interrupt that user space may ask for */
#define MAX_TIMEOUT_MS		60000
/* How long an aborted job may take to leave BUSY */
#define ABORT_TIMEOUT_US	1000000

/*
 * @kref: one for the driver, one for each open file
 * @lock: innermost but for mmap_lock: user memory is copied under it
 * @gone: the driver has left, registers and buffer are no more
 * @stuck: a job could not be aborted, so that @buf may change at any time
 * @done: completed by the interrupt handler
 * @interrupts: counted by it
 */
struct copy_engine {
	struct pci_dev *pdev;
	struct kref kref;
	struct mutex lock; /* one user at a time; protects gone and stuck */
	bool gone;
	bool stuck;
	struct completion done;
	atomic_t interrupts;
	void __iomem *bar0;
	void *buf;
	dma_addr_t buf_dma;
	struct nvgrace_guest_info info;
	struct miscdevice misc;
};

static u32 ce_read(struct copy_engine *ce, u32 reg)
{
	return readl(ce->bar0 + reg);
}

static void ce_write(struct copy_engine *ce, u32 reg, u32 value)
{
	writel(value, ce->bar0 + reg);
}

static void ce_write64(struct copy_engine *ce, u32 lo, u64 value)
{
	ce_write(ce, lo, lower_32_bits(value));
	ce_write(ce, lo + 4, upper_32_bits(value));
}

static irqreturn_t copy_engine_irq(int irq, void *data)
{
	struct copy_engine *ce = data;

	atomic_inc(&ce->interrupts);
	complete(&ce->done);
	return IRQ_HANDLED;
}

static int abort_job(struct copy_engine *ce)
{
	u32 status;
	int ret;

	ce_write(ce, NVGRACE_CE_CTRL, NVGRACE_CE_CTRL_ABORT);
	ret = read_poll_timeout(ce_read, status,
				!(status & NVGRACE_CE_STATUS_BUSY), 1000,
				ABORT_TIMEOUT_US, false, ce, NVGRACE_CE_STATUS);
	ce->stuck = ret;
	return ret;
}

/* One job; the caller holds the lock. */
static int run_job(struct copy_engine *ce, u64 src, u64 dst, u64 len, u32 ends,
		   struct nvgrace_guest_copy *copy)
{
	unsigned long left = msecs_to_jiffies(copy->timeout_ms);
	unsigned int before;

	ce_write(ce, NVGRACE_CE_STATUS,
		 NVGRACE_CE_STATUS_DONE | NVGRACE_CE_STATUS_ERROR);
	ce_write64(ce, NVGRACE_CE_SRC_LO, src);
	ce_write64(ce, NVGRACE_CE_DST_LO, dst);
	ce_write64(ce, NVGRACE_CE_LEN_LO, len);

	reinit_completion(&ce->done);
	before = atomic_read(&ce->interrupts);
	copy->jobs++;
	ce_write(ce, NVGRACE_CE_CTRL,
		 NVGRACE_CE_CTRL_START | NVGRACE_CE_CTRL_IRQ | ends);

	/* An aborted job's late interrupt may come first: look at BUSY, too */
	do {
		left = wait_for_completion_timeout(&ce->done, left);
		copy->status = ce_read(ce, NVGRACE_CE_STATUS);
	} while (left && copy->status & NVGRACE_CE_STATUS_BUSY);
	copy->interrupts += atomic_read(&ce->interrupts) - before;

	if (copy->status & NVGRACE_CE_STATUS_BUSY) {
		abort_job(ce);
		return -ETIMEDOUT;
	}
	if (atomic_read(&ce->interrupts) == before)
		return -ETIMEDOUT;
	if (copy->status & NVGRACE_CE_STATUS_ERROR ||
	    !(copy->status & NVGRACE_CE_STATUS_DONE))
		return -EIO;
	return 0;
}

static int copy_to_mem(struct copy_engine *ce, struct nvgrace_guest_copy *copy)
{
	u64 len;
	int ret;

	for (; copy->done < copy->len; copy->done += len) {
		len = min_t(u64, copy->len - copy->done, NVGRACE_GUEST_COPY_CHUNK);
		if (copy_from_user(ce->buf, u64_to_user_ptr(copy->src + copy->done),
				   len))
			return -EFAULT;
		ret = run_job(ce, ce->buf_dma, copy->dst + copy->done, len,
			      NVGRACE_CE_CTRL_DST_MEM, copy);
		if (ret)
			return ret;
	}
	return 0;
}

static int copy_from_mem(struct copy_engine *ce, struct nvgrace_guest_copy *copy)
{
	u64 len;
	int ret;

	for (; copy->done < copy->len; copy->done += len) {
		len = min_t(u64, copy->len - copy->done, NVGRACE_GUEST_COPY_CHUNK);
		ret = run_job(ce, copy->src + copy->done, ce->buf_dma, len,
			      NVGRACE_CE_CTRL_SRC_MEM, copy);
		if (ret)
			return ret;
		if (copy_to_user(u64_to_user_ptr(copy->dst + copy->done), ce->buf,
				 len))
			return -EFAULT;
	}
	return 0;
}

static int copy_within_mem(struct copy_engine *ce,
			   struct nvgrace_guest_copy *copy)
{
	int ret;

	ret = run_job(ce, copy->src, copy->dst, copy->len,
		      NVGRACE_CE_CTRL_SRC_MEM | NVGRACE_CE_CTRL_DST_MEM, copy);
	if (!ret)
		copy->done = copy->len;
	return ret;
}

/* As copy_within_mem(), but the source is read through DMA. */
static int copy_by_dma(struct copy_engine *ce, u64 phys,
		       struct nvgrace_guest_copy *copy)
{
	struct device *dev = &ce->pdev->dev;
	unsigned int in_page = offset_in_page(phys);
	struct page *page = pfn_to_online_page(PHYS_PFN(phys));
	dma_addr_t addr;
	int ret;

	if (!copy->len || copy->len > PAGE_SIZE - in_page || !page)
		return -EINVAL;

	addr = dma_map_page(dev, page, in_page, copy->len, DMA_TO_DEVICE);
	if (dma_mapping_error(dev, addr))
		return -EIO;

	ret = run_job(ce, addr, copy->dst, copy->len, NVGRACE_CE_CTRL_DST_MEM, copy);
	dma_unmap_page(dev, addr, copy->len, DMA_TO_DEVICE);
	if (!ret)
		copy->done = copy->len;
	return ret;
}

static long ioctl_copy(struct copy_engine *ce, void __user *arg)
{
	struct nvgrace_guest_copy copy;
	long ret;

	if (copy_from_user(&copy, arg, sizeof(copy)))
		return -EFAULT;
	if (copy.reserved || copy.timeout_ms > MAX_TIMEOUT_MS)
		return -EINVAL;

	copy.status = 0;
	copy.interrupts = 0;
	copy.jobs = 0;
	copy.done = 0;

	switch (copy.flags) {
	case NVGRACE_GUEST_COPY_DST_MEM:
		ret = copy_to_mem(ce, &copy);
		break;
	case NVGRACE_GUEST_COPY_SRC_MEM:
		ret = copy_from_mem(ce, &copy);
		break;
	case NVGRACE_GUEST_COPY_SRC_MEM | NVGRACE_GUEST_COPY_DST_MEM:
		ret = copy_within_mem(ce, &copy);
		break;
	case NVGRACE_GUEST_COPY_SRC_DMA | NVGRACE_GUEST_COPY_DST_MEM:
		ret = copy_by_dma(ce, ce->info.base + copy.src, &copy);
		break;
	case NVGRACE_GUEST_COPY_SRC_PHYS | NVGRACE_GUEST_COPY_DST_MEM:
		ret = copy_by_dma(ce, copy.src, &copy);
		break;
	default:
		return -EINVAL;
	}

	if (copy_to_user(arg, &copy, sizeof(copy)))
		return -EFAULT;
	return ret;
}

static long ioctl_info(struct copy_engine *ce, void __user *arg)
{
	struct nvgrace_guest_info info = ce->info;

	info.interrupts = atomic_read(&ce->interrupts);
	info.jobs = ce_read(ce, NVGRACE_CE_COUNT);
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static long copy_engine_ioctl(struct file *file, unsigned int cmd,
			      unsigned long arg)
{
	struct copy_engine *ce = file->private_data;
	long ret;

	if (mutex_lock_interruptible(&ce->lock))
		return -ERESTARTSYS;

	if (ce->gone)
		ret = -ENODEV;
	else if (ce->stuck)
		ret = -EIO;
	else if (cmd == NVGRACE_GUEST_INFO)
		ret = ioctl_info(ce, (void __user *)arg);
	else if (cmd == NVGRACE_GUEST_COPY)
		ret = ioctl_copy(ce, (void __user *)arg);
	else
		ret = -ENOTTY;

	mutex_unlock(&ce->lock);
	return ret;
}

static void copy_engine_free(struct kref *kref)
{
	struct copy_engine *ce = container_of(kref, struct copy_engine, kref);

	kfree(ce->misc.name);
	kfree(ce);
}

/* Runs under the misc device's lock, so that the driver's reference is alive. */
static int copy_engine_open(struct inode *inode, struct file *file)
{
	struct copy_engine *ce = container_of(file->private_data,
					      struct copy_engine, misc);

	kref_get(&ce->kref);
	file->private_data = ce;
	return 0;
}

static int copy_engine_release(struct inode *inode, struct file *file)
{
	struct copy_engine *ce = file->private_data;

	kref_put(&ce->kref, copy_engine_free);
	return 0;
}

static int copy_engine_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct copy_engine *ce = file->private_data;

	return coherent_mem_mmap(&ce->info, vma);
}

static const struct file_operations copy_engine_fops = {
	.owner = THIS_MODULE,
	.open = copy_engine_open,
	.release = copy_engine_release,
	.unlocked_ioctl = copy_engine_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = copy_engine_mmap,
};

static void fill_info(struct nvgrace_guest_info *info,
		      const struct coherent_mem *mem, u64 online_size)
{
	unsigned int i;

	info->base = mem->base;
	info->size = mem->size;
	info->usemem_size = mem->usemem_size;
	info->online_size = online_size;
	info->resmem_base = mem->resmem_base;
	info->flags = (mem->from_srat ? NVGRACE_GUEST_NODES_FROM_SRAT : 0) |
		      (mem->mig_defect ? NVGRACE_GUEST_MIG_DEFECT : 0) |
		      (mem->bars ? NVGRACE_GUEST_BARS : 0);
	info->node = mem->nodes[0];
	info->node_count = mem->node_count;
	for (i = 0; i < mem->node_count; i++)
		info->nodes[i] = mem->nodes[i];
}

static int check_engine(struct copy_engine *ce)
{
	u32 id = ce_read(ce, NVGRACE_CE_ID);

	if (id != NVGRACE_CE_ID_VALUE)
		return dev_err_probe(&ce->pdev->dev, -ENODEV,
				     "BAR0+%#x reads %#x instead of %#x: no emulated GPU, use NVIDIA's driver\n",
				     NVGRACE_CE_ID, id, NVGRACE_CE_ID_VALUE);
	return 0;
}

/**
 * copy_engine_create() - set up the engine and its device node
 * @pdev: the GPU, enabled
 * @mem: its memory, copied
 * @online_size: bytes of it that are onlined
 *
 * Return: what copy_engine_destroy() takes back, or an error pointer.
 */
struct copy_engine *copy_engine_create(struct pci_dev *pdev,
				       const struct coherent_mem *mem,
				       u64 online_size)
{
	struct device *dev = &pdev->dev;
	struct copy_engine *ce;
	int ret;

	ce = kzalloc_obj(*ce);
	if (!ce)
		return ERR_PTR(-ENOMEM);

	ce->pdev = pdev;
	kref_init(&ce->kref);
	mutex_init(&ce->lock);
	init_completion(&ce->done);
	atomic_set(&ce->interrupts, 0);
	fill_info(&ce->info, mem, online_size);
	ce->misc.minor = MISC_DYNAMIC_MINOR;
	ce->misc.fops = &copy_engine_fops;
	ce->misc.parent = dev;
	ce->misc.name = kasprintf(GFP_KERNEL, "nvgrace-gpu-%s", pci_name(pdev));
	if (!ce->misc.name) {
		ret = -ENOMEM;
		goto put;
	}

	ret = pci_request_region(pdev, 0, KBUILD_MODNAME);
	if (ret) {
		dev_err_probe(dev, ret, "BAR0 is taken\n");
		goto put;
	}

	ce->bar0 = pci_ioremap_bar(pdev, 0);
	if (!ce->bar0) {
		ret = dev_err_probe(dev, -ENOMEM, "cannot map BAR0\n");
		goto release_bar0;
	}

	ret = check_engine(ce);
	if (ret)
		goto unmap;

	ret = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(64));
	if (ret) {
		dev_err_probe(dev, ret, "no 64-bit DMA\n");
		goto unmap;
	}

	ce->buf = dma_alloc_coherent(dev, NVGRACE_GUEST_COPY_CHUNK,
				     &ce->buf_dma, GFP_KERNEL);
	if (!ce->buf) {
		ret = dev_err_probe(dev, -ENOMEM, "no DMA buffer of %#x bytes\n",
				    NVGRACE_GUEST_COPY_CHUNK);
		goto unmap;
	}

	pci_set_master(pdev);
	ret = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_MSIX);
	if (ret < 0) {
		dev_err_probe(dev, ret, "no MSI-X vector\n");
		goto clear_master;
	}

	ret = request_irq(pci_irq_vector(pdev, 0), copy_engine_irq, 0,
			  ce->misc.name, ce);
	if (ret) {
		dev_err_probe(dev, ret, "cannot take the interrupt\n");
		goto free_vectors;
	}

	ret = misc_register(&ce->misc);
	if (ret) {
		dev_err_probe(dev, ret, "cannot make /dev/%s\n", ce->misc.name);
		goto free_interrupt;
	}
	return ce;

free_interrupt:
	free_irq(pci_irq_vector(pdev, 0), ce);
free_vectors:
	pci_free_irq_vectors(pdev);
clear_master:
	pci_clear_master(pdev);
	dma_free_coherent(dev, NVGRACE_GUEST_COPY_CHUNK, ce->buf, ce->buf_dma);
unmap:
	iounmap(ce->bar0);
release_bar0:
	pci_release_region(pdev, 0);
put:
	kref_put(&ce->kref, copy_engine_free);
	return ERR_PTR(ret);
}

/**
 * copy_engine_destroy() - take back what copy_engine_create() set up
 * @ce: freed when the last open file is closed
 */
void copy_engine_destroy(struct copy_engine *ce)
{
	struct pci_dev *pdev = ce->pdev;

	misc_deregister(&ce->misc);

	mutex_lock(&ce->lock);
	ce->gone = true;
	mutex_unlock(&ce->lock);

	free_irq(pci_irq_vector(pdev, 0), ce);
	pci_free_irq_vectors(pdev);
	/* Also keeps a stuck engine away from the buffer */
	pci_clear_master(pdev);
	dma_free_coherent(&pdev->dev, NVGRACE_GUEST_COPY_CHUNK, ce->buf,
			  ce->buf_dma);
	iounmap(ce->bar0);
	pci_release_region(pdev, 0);
	kref_put(&ce->kref, copy_engine_free);
}
