/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_STACK_DMABUF_H
#define TESTS_STACK_DMABUF_H

#include "vfio-client.h"

/* A dma-buf of one range by VFIO_DEVICE_FEATURE_DMA_BUF: a descriptor or a negative errno. */
int dmabuf_get(const struct vfio_client *client, guint32 index, guint64 offset, guint64 length);

/*
 * The same of a part of a device-specific region: by its own index where the kernel
 * takes that, or else by that of BAR0 and offsets in the device's file.
 */
int dmabuf_get_region(const struct vfio_client *client, const struct vfio_client_region *region,
		      guint64 offset, guint64 length);

#endif
