/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is on the disk that the guest uses with buffers in coherent memory: an
 * area that the host has filled, then one for each GPU, which the guest fills.
 * Seeds are those of pattern.h, offsets count from the beginning of the disk.
 */
#ifndef TESTS_STACK_DISK_H
#define TESTS_STACK_DISK_H

#define DISK_SERIAL "data"
#define DISK_AREA (4ul << 20)
#define DISK_AREAS 3
#define DISK_SEED_HOST 200
/* Of the guest's area number 1, 2... */
#define DISK_SEED_GUEST(area) (200 + (area))

/* The disks with what a guest needs for kexec */
#define DISK_SERIAL_KERNEL "kernel"
#define DISK_SERIAL_INITRD "initrd"

#endif
