/*
 * What the qtests of Grace GPUs share: SRAT (ACPI 6.5, 5.2.16)
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef NVGRACE_SRAT_H
#define NVGRACE_SRAT_H

/* A pxb next to a socket, and root port number N on it */
#define PXB(n, bus, node)                                                \
    "-device pxb-pcie,id=pxb" #n ",bus_nr=" bus ",bus=pcie.0,numa_node=" \
    node " -device pcie-root-port,id=rp" #n ",bus=pxb" #n ",chassis=1" #n \
    ",addr=0 "

/* Nodes 0 and 1 have a CPU and 512 MiB each. */
#define TWO_SOCKETS                                                        \
    NVGRACE_MACHINE "-smp 2 "                                              \
    "-object memory-backend-ram,id=ram0,size=512M "                        \
    "-object memory-backend-ram,id=ram1,size=512M "                        \
    "-numa node,nodeid=0,memdev=ram0,cpus=0 "                              \
    "-numa node,nodeid=1,memdev=ram1,cpus=1 "

/* A node of 1 GiB with all CPUs, and how the user types others */
#define RAM_NODE                                                            \
    NVGRACE_MACHINE "-object memory-backend-ram,id=ram,size=1G "            \
    "-numa node,nodeid=0,memdev=ram,cpus=0 "

#define NODE(n) "-numa node,nodeid=" #n " "
#define INITIATOR(n, dev) \
    "-object acpi-generic-initiator,id=gi" #n ",pci-dev=" dev ",node=" #n " "

/**
 * tables_of() - all ACPI tables of a machine
 * @args: its arguments
 *
 * Returns: the blob, to be freed by g_byte_array_unref().
 */
GByteArray *tables_of(const char *args);

/**
 * srat_structure() - a structure of the SRAT
 * @tables: what tables_of() returned
 * @type: 1 for Memory Affinity, 3 for GICC Affinity, 5 for Generic Initiator
 * @n: the how many-th of that type, from 0 on
 *
 * Returns: the structure, NULL if there are fewer.
 */
const uint8_t *srat_structure(GByteArray *tables, uint8_t type, int n);

/** check_memory_affinity() - assert all that such a structure says */
void check_memory_affinity(const uint8_t *ma, uint32_t pxm, uint64_t base,
                           uint64_t length, uint32_t flags);

/**
 * check_generic_initiator() - assert all that such a structure says; it is one
 * of ours, of function 00.0 of a bus
 */
void check_generic_initiator(const uint8_t *gi, uint32_t pxm, uint8_t bus);

#endif /* NVGRACE_SRAT_H */
