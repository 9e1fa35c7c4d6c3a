/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes that tell where they belong: each depends on its offset and on a seed. */
#ifndef TESTS_STACK_PATTERN_H
#define TESTS_STACK_PATTERN_H

#include <glib.h>

static inline guint8 pattern_byte(guint64 seed, guint64 offset)
{
	return ((offset + 1) * 0x9e3779b97f4a7c15 ^ seed * 0xc2b2ae3d27d4eb4f) >> 56;
}

static inline void pattern_fill(void *buf, gsize length, guint64 seed, guint64 offset)
{
	for (gsize i = 0; i < length; i++)
		((guint8 *)buf)[i] = pattern_byte(seed, offset + i);
}

/* How many of the bytes are as pattern_fill() makes them, up to the first that is not. */
static inline gsize pattern_match(const void *buf, gsize length, guint64 seed, guint64 offset)
{
	gsize i;

	for (i = 0; i < length; i++) {
		if (((const guint8 *)buf)[i] != pattern_byte(seed, offset + i))
			break;
	}
	return i;
}

#endif
