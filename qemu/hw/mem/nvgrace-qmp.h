/*
 * query-nvgrace-gpus: what there is of coherent GPU memory
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_MEM_NVGRACE_QMP_H
#define HW_MEM_NVGRACE_QMP_H

#include "qom/object.h"

/**
 * nvgrace_get_info() - the getter of the property "coherent-memory", an
 * NvgraceGpuInfo or null, of a PCI device
 */
void nvgrace_get_info(Object *obj, Visitor *v, const char *name, void *opaque,
                      Error **errp);

#endif /* HW_MEM_NVGRACE_QMP_H */
