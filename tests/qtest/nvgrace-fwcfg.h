/*
 * What the qtests of Grace GPUs share: machines, ACPI tables, failures
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef NVGRACE_FWCFG_H
#define NVGRACE_FWCFG_H

#include "libqtest.h"
#include "qobject/qdict.h"

/*
 * Addresses of a virt machine with less than 256 GiB of RAM: what is fixed, and
 * the high PCIe MMIO window with one GPU in the "acpi" and the "bar" view
 */
#define VIRT_ECAM       0x4010000000ULL
#define VIRT_GPU_MEM    0x4020000000ULL
#define VIRT_MMIO       0x10000000000ULL
#define VIRT_MMIO_BAR   0x20000000000ULL

/* A -machine and -cpu for guests with coherent memory; no devices yet */
#define NVGRACE_MACHINE "-machine virt,gic-version=3 -cpu max -m 1G -net none "

/* GPU number N with a memory of its own behind a root port of its own */
#define NVGRACE_PORT(n) \
    "-device pcie-root-port,id=rp" #n ",chassis=1" #n ",bus=pcie.0,addr=" #n " "
#define NVGRACE_MEM(n, size) \
    "-object memory-backend-ram,id=m" #n ",size=" size ",reserve=off "
#define NVGRACE_GPU(n, options) \
    "-device nvgrace-gpu,id=gpu" #n ",bus=rp" #n ",memdev=m" #n "," options " "
#define NVGRACE(n, size, options) \
    NVGRACE_PORT(n) NVGRACE_MEM(n, size) NVGRACE_GPU(n, options)

/**
 * nvgrace_fw_cfg_file() - what firmware gets from one file of fw_cfg
 * @qts: the machine; one without that file fails the test
 * @name: such as "etc/acpi/rsdp"
 *
 * Returns: its content, to be freed by g_byte_array_unref().
 */
GByteArray *nvgrace_fw_cfg_file(QTestState *qts, const char *name);

/**
 * nvgrace_acpi_read() - all ACPI tables, as the firmware gets them
 * @qts: the machine; its tables are built by this, with bus numbers of now
 *
 * Returns: the blob, to be freed by g_byte_array_unref().
 */
GByteArray *nvgrace_acpi_read(QTestState *qts);

/**
 * nvgrace_acpi_table() - one of them
 * @tables: what nvgrace_acpi_read() returned
 * @signature: four characters
 * @size: where to put its length in bytes, header included
 *
 * Returns: the table in @tables, NULL if there is none.
 */
const uint8_t *nvgrace_acpi_table(GByteArray *tables, const char *signature,
                                  size_t *size);

/**
 * nvgrace_set_bus() - give the bus behind a bridge its number, as firmware does
 * @qts: the machine
 * @bus: the number of the bus that the bridge is on
 * @slot: where on it, function 0
 * @secondary: the number
 */
void nvgrace_set_bus(QTestState *qts, int bus, int slot, int secondary);

/**
 * nvgrace_eject() - switch the power of a root port's slot off, as a guest does
 * that lets go of what is in it
 * @qts: the machine
 * @slot: of the root port on pcie.0
 */
void nvgrace_eject(QTestState *qts, int slot);

/**
 * nvgrace_query() - what query-nvgrace-gpus says of a device
 * @qts: the machine
 * @id: the device's id
 *
 * Returns: an NvgraceGpuInfo, to be freed by qobject_unref(); NULL if none of
 * them has this id.
 */
QDict *nvgrace_query(QTestState *qts, const char *id);

/**
 * nvgrace_run() - start QEMU until all devices exist, and no further
 * @args: arguments, beginning with -machine virt
 * @output: where to put what it says on standard error
 *
 * Returns: its exit status; a signal fails the test.
 */
int nvgrace_run(const char *args, char **output);

/**
 * struct NVGraceRefusal - a machine that must not start
 * @path:    of the test
 * @args:    arguments, as for nvgrace_run()
 * @message: a part of what is said: what is wrong
 * @remedy:  another: what to do
 * @followed: arguments of the machine when that is done, which starts; or NULL
 */
typedef struct NVGraceRefusal {
    const char *path;
    const char *args;
    const char *message;
    const char *remedy;
    const char *followed;
} NVGraceRefusal;

/** nvgrace_test_refusal() - the test of an NVGraceRefusal */
void nvgrace_test_refusal(const void *data);

/** nvgrace_check_migration() - migration is refused because of GPU "gpu1" */
void nvgrace_check_migration(QTestState *qts);

#endif /* NVGRACE_FWCFG_H */
