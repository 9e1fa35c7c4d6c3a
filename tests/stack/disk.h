/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is on a disk that the guest uses with buffers in coherent memory: an
 * area that the host has filled, then one for each GPU, which the guest fills.
 * Seeds are those of pattern.h, offsets count from the beginning of the disk.
 *
 * Where a guest has several disks, only its first GPU uses them.  Of their third
 * area the first half is written from RAM and coherent memory at once, and
 * what follows, a quarter of the area, is zeroed.
 */
#ifndef TESTS_STACK_DISK_H
#define TESTS_STACK_DISK_H

#define DISK_SERIAL "data"
#define DISK_AREA (4ul << 20)
#define DISK_AREAS 3
#define DISK_SIZE (DISK_AREAS * DISK_AREA)
#define DISK_SEED_HOST 200
/* Of the guest's area number 1, 2... */
#define DISK_SEED_GUEST(area) (200 + (area))

#define DISK_MIXED_OFFSET (2 * DISK_AREA)
#define DISK_MIXED (DISK_AREA / 2)
#define DISK_SEED_MIXED 210
#define DISK_ZERO_OFFSET (DISK_MIXED_OFFSET + DISK_MIXED)
#define DISK_ZERO (DISK_AREA / 4)

/* The disks with what a guest needs for kexec */
#define DISK_SERIAL_KERNEL "kernel"
#define DISK_SERIAL_INITRD "initrd"

#endif
