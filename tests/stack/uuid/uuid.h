/* SPDX-License-Identifier: GPL-2.0-or-later */
/* As much of libuuid as Linux' selftests of VFIO use, for GPUs whose virtual functions have no token. */
#ifndef UUID_UUID_H
#define UUID_UUID_H

#include <stdio.h>

typedef unsigned char uuid_t[16];

/* From "01234567-89ab-cdef-0123-456789abcdef"; 0 or -1. */
static inline int uuid_parse(const char *text, uuid_t uuid)
{
	int at = 0;

	for (int i = 0; i < 16; i++) {
		int length = 0;

		if ((i == 4 || i == 6 || i == 8 || i == 10) && text[at++] != '-')
			return -1;
		if (sscanf(text + at, "%2hhx%n", &uuid[i], &length) != 1 || length != 2)
			return -1;
		at += length;
	}
	return text[at] ? -1 : 0;
}

#endif
