/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel has to say while something is tried. */
#ifndef TESTS_STACK_KERNEL_LOG_H
#define TESTS_STACK_KERNEL_LOG_H

#include <glib.h>

/* Messages from now on are new. */
void kernel_log_mark(void);

/* Look at all that has been logged since the boot, instead. */
void kernel_log_rewind(void);

/*
 * The first message since the mark that has all of the words; NULL if there is
 * none, or there are no words; caller frees.
 */
char *kernel_log_find(const char *const *words);

#endif
