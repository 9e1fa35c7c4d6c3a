/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guest reported, drawn for a person. */
#ifndef TESTS_STACK_PICTURE_H
#define TESTS_STACK_PICTURE_H

#include "stack.h"

/* The guest's physical address space, from its /proc/iomem: text "guest.iomem". */
void picture_memory(const struct stack_run *run);

/* The ASL of the GPU's node, from its DSDT: blob "guest.DSDT", through iasl. */
void picture_dsdt(const struct stack_run *run);

#endif
