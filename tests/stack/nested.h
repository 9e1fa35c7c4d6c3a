/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the emulated host and the guest know of each other in the nested
 * scenario: which pages of a region hold whose content.  Each page has the
 * pattern (pattern.h) of its owner's seed and of its own offset, so a driver
 * that got base or split wrong by a page finds nothing right.
 */
#ifndef TESTS_STACK_NESTED_H
#define TESTS_STACK_NESTED_H

#include <glib.h>

#define NESTED_PAGE 4096u
#define NESTED_PLACES 60u	/* pages of each region; the first and the last are among them */

/* Seeds; the region's number, 0 for usemem and 1 for resmem, is added. */
#define NESTED_HOST 100
#define NESTED_UPSTREAM 200
#define NESTED_OURS 300

/* Offset of a place in a region of @size bytes. */
static inline guint64 nested_place(guint64 size, guint i)
{
	guint64 pages = size / NESTED_PAGE;

	return (i == NESTED_PLACES - 1 ? pages - 1 : pages / NESTED_PLACES * i) * NESTED_PAGE;
}

/*
 * Who writes to a place last: the host writes to all of them before the guest
 * starts, then in the guest the user of upstream's driver to every third one, and
 * after that the user of ours to another third.
 */
static inline guint64 nested_last_writer(guint i)
{
	static const guint64 writers[] = { NESTED_HOST, NESTED_UPSTREAM, NESTED_OURS };

	return writers[i % G_N_ELEMENTS(writers)];
}

#endif
