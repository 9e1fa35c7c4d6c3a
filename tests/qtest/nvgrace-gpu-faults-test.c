/*
 * QTest: what the emulated Grace GPU can be told to get wrong
 *
 * Host software is tested with these faults, so each must be there and be no
 * other: firmware that says something false of the memory, a page with an error
 * that cannot be corrected, a DVSEC of a device that has gone.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/units.h"
#include "hw/misc/nvgrace-gpu-regs.h"
#include "hw/pci/pci_regs.h"
#include "nvgrace-fwcfg.h"

#define HBM         0x5000000000ULL
#define HBM_SIZE    (2 * GiB)
#define POISON      0x201000ULL
#define POISON_SIZE (4 * KiB)

#define BASE_PA     "nvidia,gpu-mem-base-pa"
#define PXM_START   "nvidia,gpu-mem-pxm-start"
#define MEM_SIZE    "nvidia,gpu-mem-size"

/* Not a _DSD integer: there is no such property */
#define MISSING     UINT64_MAX

/* ACPI 6.5, 20.2.3: what of a ComputationalData follows the name */
static uint64_t dsd_integer(GByteArray *tables, const char *name)
{
    size_t size, length = strlen(name) + 1;
    const uint8_t *dsdt = nvgrace_acpi_table(tables, "DSDT", &size);
    const uint8_t *data = memmem(dsdt, size, name, length);

    if (!data) {
        return MISSING;
    }
    data += length;
    switch (*data) {
    case 0x00: /* ZeroOp */
    case 0x01: /* OneOp */
        return *data;
    case 0x0a:
        return data[1];
    case 0x0b:
        return lduw_le_p(data + 1);
    case 0x0c:
        return (uint32_t)ldl_le_p(data + 1);
    case 0x0e:
        return ldq_le_p(data + 1);
    default:
        g_assert_not_reached();
    }
}

typedef struct Firmware {
    const char *path;
    const char *fault;
    uint64_t base;
    uint64_t pxm_start;
    uint64_t size;
} Firmware;

static const Firmware firmwares[] = {
    { "none", "x-dsd=on", HBM, 1, HBM_SIZE },
    { "base", "x-dsd-base=0x123", 0x123, 1, HBM_SIZE },
    { "size", "x-dsd-size=0x456", HBM, 1, 0x456 },
    { "size-zero", "x-dsd-size=0", HBM, 1, 0 },
    { "off", "x-dsd=off", MISSING, MISSING, MISSING },
    { "base-only", "x-dsd=base-only", HBM, 1, MISSING },
    { "size-only", "x-dsd=size-only", MISSING, 1, HBM_SIZE },
    { "c2c-down", "x-c2c-up=off", HBM, 1, MISSING },
};

/* The memory stays where it is, whatever firmware says. */
static void test_firmware(const void *data)
{
    const Firmware *firmware = data;
    g_autofree char *args = g_strdup_printf(
        NVGRACE_MACHINE NVGRACE_PORT(1) NVGRACE_MEM(1, "2G")
        "-device nvgrace-gpu,id=gpu1,bus=rp1,memdev=m1,mem-addr=0x5000000000,"
        "%s", firmware->fault);
    QTestState *qts = qtest_init(args);
    g_autoptr(GByteArray) tables = nvgrace_acpi_read(qts);
    QDict *gpu = nvgrace_query(qts, "gpu1");

    g_assert_cmphex(dsd_integer(tables, BASE_PA), ==, firmware->base);
    g_assert_cmphex(dsd_integer(tables, PXM_START), ==, firmware->pxm_start);
    g_assert_cmphex(dsd_integer(tables, MEM_SIZE), ==, firmware->size);
    g_assert_cmphex(qdict_get_int(gpu, "usemem-addr"), ==, HBM);
    qobject_unref(gpu);
    qtest_quit(qts);
}

/* One page cannot be read; what is written to it is in the memory. */
static void test_poison(void)
{
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("nvgrace-XXXXXX", &path, NULL);
    uint64_t written = 0;
    QTestState *qts;

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(ftruncate(fd, HBM_SIZE), ==, 0);
    qts = qtest_initf(NVGRACE_MACHINE NVGRACE_PORT(1)
                      "-object memory-backend-file,id=m1,size=2G,mem-path=%s,"
                      "share=on " NVGRACE_GPU(1, "mem-addr=0x5000000000,"
                                              "x-poison=0x201000"), path);
    unlink(path);

    for (uint64_t at = POISON; at < POISON + POISON_SIZE; at += 8) {
        g_assert_cmphex(qtest_readq(qts, HBM + at), ==, UINT64_MAX);
    }
    qtest_writeq(qts, HBM + POISON + 8, 0x0123456789abcdefULL);
    g_assert_cmphex(qtest_readq(qts, HBM + POISON + 8), ==, UINT64_MAX);
    g_assert_cmpint(pread(fd, &written, 8, POISON + 8), ==, 8);
    g_assert_cmphex(le64_to_cpu(written), ==, 0x0123456789abcdefULL);

    /* and nothing beside it */
    for (int side = 0; side < 2; side++) {
        uint64_t at = HBM + (side ? POISON + POISON_SIZE : POISON - 8);

        g_assert_cmphex(qtest_readq(qts, at), ==, 0);
        qtest_writeq(qts, at, ~at);
        g_assert_cmphex(qtest_readq(qts, at), ==, ~at);
    }

    /* the page goes with the GPU */
    nvgrace_eject(qts, 1);
    qtest_writeq(qts, HBM + POISON, 1);
    g_assert_cmphex(qtest_readq(qts, HBM + POISON), ==, 0);
    qtest_quit(qts);
    close(fd);
}

/* NVIDIA's DVSEC is the first extended capability. */
static void test_dvsec_ones(void)
{
    const uint64_t dvsec = VIRT_ECAM + (1 << 20) + PCI_CFG_SPACE_SIZE;
    QTestState *qts = qtest_init(NVGRACE_MACHINE
                                 NVGRACE(1, "2G", "x-dvsec-ones=on"));

    nvgrace_set_bus(qts, 0, 1, 1);
    g_assert_cmphex(qtest_readw(qts, dvsec), ==, PCI_EXT_CAP_ID_DVSEC);
    g_assert_cmphex(qtest_readw(qts, dvsec + NVGRACE_DVSEC_MIG), ==,
                    UINT16_MAX);
    qtest_quit(qts);
}

static const NVGraceRefusal refusals[] = {
    {
        "poison-part-of-a-page",
        NVGRACE_MACHINE NVGRACE(1, "2G", "x-poison=0x800"),
        "x-poison=0x800 is no page of the 0x80000000 bytes",
        "Use a multiple of 0x1000 below that",
    }, {
        "poison-beyond",
        NVGRACE_MACHINE NVGRACE(1, "2G", "x-poison=0x80000000"),
        "x-poison=0x80000000 is no page of the 0x80000000 bytes",
        "Use a multiple of 0x1000 below that",
    }, {
        "power-without-controller",
        NVGRACE_MACHINE NVGRACE_MEM(1, "2G") "-device pcie-root-port,id=rp1,"
        "chassis=1,bus=pcie.0,addr=1,power_controller_present=off "
        NVGRACE_GPU(1, "x-power-resource=on"),
        "x-power-resource=on: the slot of 'rp1' has no power controller",
        "Leave power_controller_present=off out",
    },
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    for (int i = 0; i < ARRAY_SIZE(firmwares); i++) {
        g_autofree char *path = g_strdup_printf("/nvgrace-gpu-faults/dsd/%s",
                                                firmwares[i].path);

        qtest_add_data_func(path, &firmwares[i], test_firmware);
    }
    qtest_add_func("/nvgrace-gpu-faults/poison", test_poison);
    qtest_add_func("/nvgrace-gpu-faults/dvsec-ones", test_dvsec_ones);
    for (int i = 0; i < ARRAY_SIZE(refusals); i++) {
        g_autofree char *path = g_strdup_printf("/nvgrace-gpu-faults/%s",
                                                refusals[i].path);

        qtest_add_data_func(path, &refusals[i], nvgrace_test_refusal);
    }
    return g_test_run();
}
