/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include <hw/misc/nvgrace-gpu-regs.h>

#include "nested-engine.h"

#define TIMEOUT_US (30 * G_USEC_PER_SEC)

static int read_register(const struct vfio_client *client, guint offset, guint32 *value)
{
	struct vfio_client_region bar0;
	int ret = vfio_client_region(client, VFIO_PCI_BAR0_REGION_INDEX, &bar0);

	if (ret)
		return ret;
	ret = vfio_client_read(client, &bar0, offset, value, sizeof(*value));
	return ret < 0 ? ret : ret == sizeof(*value) ? 0 : -EIO;
}

static int write_register(const struct vfio_client *client, guint offset, guint32 value)
{
	struct vfio_client_region bar0;
	int ret = vfio_client_region(client, VFIO_PCI_BAR0_REGION_INDEX, &bar0);

	if (ret)
		return ret;
	ret = vfio_client_write(client, &bar0, offset, &value, sizeof(value));
	return ret < 0 ? ret : ret == sizeof(value) ? 0 : -EIO;
}

int nested_engine_open(const struct vfio_client *client)
{
	guint32 id = 0;
	int ret;

	if (!vfio_client_config_write(client, PCI_COMMAND,
				      PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2))
		return -EIO;
	ret = read_register(client, NVGRACE_CE_ID, &id);
	return ret ?: id == NVGRACE_CE_ID_VALUE ? 0 : -ENODEV;
}

int nested_engine_copy(const struct vfio_client *client, guint64 from, guint64 to, guint64 length,
		       guint32 flags)
{
	const struct {
		guint offset;
		guint32 value;
	} job[] = {
		{ NVGRACE_CE_STATUS, NVGRACE_CE_STATUS_DONE | NVGRACE_CE_STATUS_ERROR },
		{ NVGRACE_CE_SRC_LO, from }, { NVGRACE_CE_SRC_HI, from >> 32 },
		{ NVGRACE_CE_DST_LO, to }, { NVGRACE_CE_DST_HI, to >> 32 },
		{ NVGRACE_CE_LEN_LO, length }, { NVGRACE_CE_LEN_HI, length >> 32 },
		{ NVGRACE_CE_CTRL, NVGRACE_CE_CTRL_START | flags },
	};
	gint64 deadline = g_get_monotonic_time() + TIMEOUT_US;
	guint32 status = 0;
	int ret = 0;

	for (guint i = 0; !ret && i < G_N_ELEMENTS(job); i++)
		ret = write_register(client, job[i].offset, job[i].value);
	while (!ret && !(status & NVGRACE_CE_STATUS_DONE)) {
		if (g_get_monotonic_time() > deadline)
			return -ETIMEDOUT;
		ret = read_register(client, NVGRACE_CE_STATUS, &status);
	}
	if (ret || !(status & NVGRACE_CE_STATUS_ERROR))
		return ret;
	return (status & NVGRACE_CE_STATUS_CAUSE_MASK) >> NVGRACE_CE_STATUS_CAUSE_SHIFT;
}
