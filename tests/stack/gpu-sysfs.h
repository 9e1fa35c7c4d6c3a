/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The GPU as sysfs shows it: find it, read attributes, bind it to a driver. */
#ifndef TESTS_STACK_GPU_SYSFS_H
#define TESTS_STACK_GPU_SYSFS_H

#include <glib.h>

/* Address (DDDD:BB:DD.F) of the first NVIDIA 3D controller, or NULL; caller frees. */
char *gpu_find(void);

/* Addresses of all of them in order, NULL-terminated; caller frees. */
GStrv gpu_list(void);

/* First line of an attribute, or NULL; caller frees. */
char *gpu_attribute(const char *bdf, const char *name);

/* Last component of where a link of the device points to, or NULL; caller frees. */
char *gpu_link(const char *bdf, const char *name);

/* Unbind from whatever has it and bind to that driver alone (driver_override). */
gboolean gpu_bind(const char *bdf, const char *driver);

/* Take it from whatever driver has it. */
gboolean gpu_unbind(const char *bdf);

/* Write to an attribute of the device: 0 or a negative errno. */
int gpu_write(const char *bdf, const char *name, const char *text);

#endif
