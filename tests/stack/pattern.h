/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes that tell where they belong: each depends on its offset and on a seed. */
#ifndef TESTS_STACK_PATTERN_H
#define TESTS_STACK_PATTERN_H

#include <glib.h>
#include <string.h>

/* The 8 bytes, in the machine's order, at an offset that is a multiple of 8. */
static inline guint64 pattern_word(guint64 seed, guint64 offset)
{
	guint64 mixed = (offset + 8) * 0x9e3779b97f4a7c15 ^ (seed + 1) * 0xc2b2ae3d27d4eb4f;

	return mixed ^ mixed >> 32;
}

static inline guint8 pattern_byte(guint64 seed, guint64 offset)
{
	guint64 word = pattern_word(seed, offset & ~7ull);

	return ((guint8 *)&word)[offset & 7];
}

static inline void pattern_fill(void *buf, gsize length, guint64 seed, guint64 offset)
{
	guint8 *to = buf;
	gsize i = 0;

	while (i < length) {
		if ((offset + i) % 8 == 0 && length - i >= 8) {
			guint64 word = pattern_word(seed, offset + i);

			memcpy(to + i, &word, 8);
			i += 8;
		} else {
			to[i] = pattern_byte(seed, offset + i);
			i++;
		}
	}
}

/* How many of the bytes are as pattern_fill() makes them, up to the first that is not. */
static inline gsize pattern_match(const void *buf, gsize length, guint64 seed, guint64 offset)
{
	const guint8 *from = buf;
	gsize i = 0;

	while (i < length) {
		guint64 word;

		if ((offset + i) % 8 == 0 && length - i >= 8) {
			memcpy(&word, from + i, 8);
			if (word == pattern_word(seed, offset + i)) {
				i += 8;
				continue;
			}
		}
		if (from[i] != pattern_byte(seed, offset + i))
			break;
		i++;
	}
	return i;
}

#endif
