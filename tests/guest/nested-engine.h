/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The emulated GPU's copy engine, driven from user space through VFIO. */
#ifndef TESTS_GUEST_NESTED_ENGINE_H
#define TESTS_GUEST_NESTED_ENGINE_H

#include "../stack/vfio-client.h"

/* Let the device decode its BARs and do DMA. 0 or a negative errno. */
int nested_engine_open(const struct vfio_client *client);

/*
 * Copy @length bytes; @flags (NVGRACE_CE_CTRL_*_MEM) say for each end whether it
 * is an offset in coherent memory or an I/O virtual address.  0; a cause
 * (NVGRACE_CE_CAUSE_*) for which the engine gave up; or a negative errno.
 */
int nested_engine_copy(const struct vfio_client *client, guint64 from, guint64 to, guint64 length,
		       guint32 flags);

#endif
