/*
 * VFIO devices where none is an NVIDIA Grace GPU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/vfio/vfio-nvgrace.h"

bool vfio_nvgrace_may_have_memory(const char *driver, const QDict *opts,
                                  bool *acpi, bool *bar)
{
    *acpi = *bar = false;
    return false;
}
