/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sizes that depend on the kernel that runs: one of 4 KiB pages, or of 64 KiB. */
#ifndef TESTS_STACK_PAGES_H
#define TESTS_STACK_PAGES_H

#include <glib.h>
#include <unistd.h>

#define PAGE ((gsize)sysconf(_SC_PAGESIZE))

/* What a table of the last level maps, and so does an entry of the one above: 2 MiB, 512 MiB. */
#define PMD (PAGE / 8 * PAGE)

/* The same once more: 1 GiB, 4 TiB. */
#define PUD (PAGE / 8 * PMD)

/* As much as is looked at byte by byte, where a PMD is too much.  Pages of 64 KiB: 32. */
#define PIECE (2ul << 20)

#endif
