/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_STACK_DMABUF_H
#define TESTS_STACK_DMABUF_H

#include "vfio-client.h"

/* A dma-buf of one range by VFIO_DEVICE_FEATURE_DMA_BUF: a descriptor or a negative errno. */
int dmabuf_get(const struct vfio_client *client, guint32 index, guint64 offset, guint64 length);

#endif
