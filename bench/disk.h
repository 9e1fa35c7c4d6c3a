/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The disk that QEMU emulates for every guest that is measured: host and guest agree. */
#ifndef BENCH_DISK_H
#define BENCH_DISK_H

#define BENCH_DISK "/bench-disk"	/* its file in the host */
#define BENCH_DISK_SIZE (16ul << 20)	/* bytes... */
#define BENCH_DISK_BYTE 0xa5		/* ... which are all this */

#endif
