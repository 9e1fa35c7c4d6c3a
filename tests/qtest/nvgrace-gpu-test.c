/*
 * QTest for the emulated Grace GPU
 *
 * Programs the function by hand, as firmware and a driver would: one root port,
 * the GPU behind it on bus 1, its coherent memory at a fixed address.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/units.h"
#include "libqtest.h"
#include "nvgrace-fwcfg.h"
#include "hw/misc/nvgrace-gpu-regs.h"
#include "hw/pci/pci_regs.h"

/* Memory map of the virt machine, and where we put things in it */
#define RAM             0x40000000ULL
#define ECAM            0x4010000000ULL
#define HBM             0x6000000000ULL
#define BAR0            VIRT_MMIO
#define BAR2            (VIRT_MMIO + 0x10000000)
#define WINDOW_END      (VIRT_MMIO + 0x1fffffff)

#define PORT            (ECAM + (1 << 15))      /* 00:01.0 */
#define GPU             (ECAM + (1 << 20))      /* 01:00.0 */

#define HBM_SIZE        (2ULL * GiB)
#define MS              (1000 * 1000LL)
#define CE_STEP         (10 * 1000LL)           /* virtual ns per MiB */

#define MACHINE                                                              \
    "-machine virt,gic-version=3 -cpu max -smp 1 -m 512 -net none "          \
    "-device pcie-root-port,id=rp0,chassis=1,bus=pcie.0,addr=1 "             \
    "-object memory-backend-ram,id=hbm,size=2G,reserve=off "
#define DEVICE "nvgrace-gpu,bus=rp0,memdev=hbm,mem-addr=0x6000000000"

#define SRC_MEM NVGRACE_CE_CTRL_SRC_MEM
#define DST_MEM NVGRACE_CE_CTRL_DST_MEM

static uint32_t reg_read(QTestState *qts, uint64_t reg)
{
    return qtest_readl(qts, BAR0 + reg);
}

static void reg_write(QTestState *qts, uint64_t reg, uint32_t val)
{
    qtest_writel(qts, BAR0 + reg, val);
}

/* What a reset of the function undoes */
static void gpu_enable(QTestState *qts)
{
    qtest_writeq(qts, GPU + PCI_BASE_ADDRESS_0, BAR0);
    qtest_writeq(qts, GPU + PCI_BASE_ADDRESS_2, BAR2);
    qtest_writew(qts, GPU + PCI_COMMAND,
                 PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static void bus_enable(QTestState *qts)
{
    qtest_writel(qts, PORT + PCI_PRIMARY_BUS, 0x00010100);
    qtest_writew(qts, PORT + PCI_PREF_MEMORY_BASE, extract64(BAR0, 16, 16));
    qtest_writew(qts, PORT + PCI_PREF_MEMORY_LIMIT,
                 extract64(WINDOW_END, 16, 16));
    qtest_writel(qts, PORT + PCI_PREF_BASE_UPPER32, BAR0 >> 32);
    qtest_writel(qts, PORT + PCI_PREF_LIMIT_UPPER32, WINDOW_END >> 32);
    qtest_writew(qts, PORT + PCI_COMMAND,
                 PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    gpu_enable(qts);
}

static QTestState *gpu_start(const char *properties)
{
    QTestState *qts = qtest_initf(MACHINE "-device " DEVICE "%s", properties);

    bus_enable(qts);
    return qts;
}

static uint8_t find_cap_of(QTestState *qts, uint64_t function, uint8_t id)
{
    uint8_t pos = qtest_readb(qts, function + PCI_CAPABILITY_LIST);

    while (pos && qtest_readb(qts, function + pos) != id) {
        pos = qtest_readb(qts, function + pos + PCI_CAP_LIST_NEXT);
    }
    g_assert_cmpuint(pos, !=, 0);
    return pos;
}

static uint8_t find_cap(QTestState *qts, uint8_t id)
{
    return find_cap_of(qts, GPU, id);
}

static void slot_control(QTestState *qts, uint16_t val)
{
    uint8_t exp = find_cap_of(qts, PORT, PCI_CAP_ID_EXP);

    qtest_writew(qts, PORT + exp + PCI_EXP_SLTCTL, val);
}

static void gpu_flr(QTestState *qts)
{
    uint8_t exp = find_cap(qts, PCI_CAP_ID_EXP);

    g_assert_cmphex(qtest_readl(qts, GPU + exp + PCI_EXP_DEVCAP) &
                    PCI_EXP_DEVCAP_FLR, ==, PCI_EXP_DEVCAP_FLR);
    qtest_writew(qts, GPU + exp + PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_BCR_FLR);
    g_assert_cmphex(qtest_readw(qts, GPU + PCI_COMMAND), ==, 0);
    gpu_enable(qts);
}

static void assert_ready(QTestState *qts, bool ready)
{
    uint32_t val = ready ? NVGRACE_READY : 0;

    g_assert_cmphex(reg_read(qts, NVGRACE_REG_C2C_LINK), ==, val);
    g_assert_cmphex(reg_read(qts, NVGRACE_REG_HBM_TRAINING), ==, val);
}

/* The memory is there exactly while the GPU is ready. */
static void assert_memory(QTestState *qts, bool ready, uint64_t content)
{
    static const uint64_t offsets[] = { 0, GiB - 8, GiB, HBM_SIZE - 8 };

    for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
        g_assert_cmphex(qtest_readq(qts, HBM + offsets[i]), ==,
                        ready ? content + i : UINT64_MAX);
    }
}

static void fill_memory(QTestState *qts, uint64_t content)
{
    static const uint64_t offsets[] = { 0, GiB - 8, GiB, HBM_SIZE - 8 };

    for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
        qtest_writeq(qts, HBM + offsets[i], content + i);
    }
}

static void ce_kick(QTestState *qts, uint64_t src, uint64_t dst, uint64_t len,
                    uint32_t ctrl)
{
    qtest_writeq(qts, BAR0 + NVGRACE_CE_SRC_LO, src);
    qtest_writeq(qts, BAR0 + NVGRACE_CE_DST_LO, dst);
    qtest_writeq(qts, BAR0 + NVGRACE_CE_LEN_LO, len);
    reg_write(qts, NVGRACE_CE_CTRL, NVGRACE_CE_CTRL_START | ctrl);
}

/* Waits for the end; returns the status. */
static uint32_t ce_wait(QTestState *qts)
{
    uint32_t status;

    for (int i = 0; i < 64; i++) {
        status = reg_read(qts, NVGRACE_CE_STATUS);
        if (!(status & NVGRACE_CE_STATUS_BUSY)) {
            return status;
        }
        qtest_clock_step(qts, CE_STEP);
    }
    g_assert_not_reached();
}

static void assert_failed(uint32_t status, unsigned cause)
{
    g_assert_cmphex(status, ==, NVGRACE_CE_STATUS_DONE |
                    NVGRACE_CE_STATUS_ERROR |
                    cause << NVGRACE_CE_STATUS_CAUSE_SHIFT);
}

static uint8_t *pattern(size_t len, uint8_t seed)
{
    uint8_t *buf = g_malloc(len);

    for (size_t i = 0; i < len; i++) {
        buf[i] = seed + i + (i >> 8) * 7 + (i >> 16) * 13;
    }
    return buf;
}

static void assert_bytes(QTestState *qts, uint64_t addr, const uint8_t *wanted,
                         size_t len)
{
    g_autofree uint8_t *got = g_malloc(len);

    qtest_bufread(qts, addr, got, len);
    g_assert_cmpmem(got, len, wanted, len);
}

typedef struct Model {
    const char *name;
    uint16_t device_id;
    bool blackwell;
} Model;

static const Model models[] = {
    { "gh200", NVGRACE_DEVICE_ID_GH200, false },
    { "gb200", NVGRACE_DEVICE_ID_GB200, true },
    { "gb300", NVGRACE_DEVICE_ID_GB300, true },
};

static void test_ids(const void *data)
{
    const Model *model = data;
    g_autofree char *arg = g_strdup_printf(",model=%s", model->name);
    QTestState *qts = gpu_start(arg);

    g_assert_cmphex(qtest_readw(qts, GPU + PCI_VENDOR_ID), ==,
                    NVGRACE_VENDOR_ID);
    g_assert_cmphex(qtest_readw(qts, GPU + PCI_DEVICE_ID), ==,
                    model->device_id);
    g_assert_cmphex(qtest_readl(qts, GPU + PCI_CLASS_REVISION) >> 8, ==,
                    0x030200);
    g_assert_cmphex(qtest_readb(qts, GPU + PCI_INTERRUPT_PIN), ==, 0);
    qtest_quit(qts);
}

static uint16_t find_dvsec(QTestState *qts, uint16_t vendor, uint16_t id)
{
    uint16_t pos = PCI_CFG_SPACE_SIZE;

    while (pos) {
        uint32_t header = qtest_readl(qts, GPU + pos);

        if (PCI_EXT_CAP_ID(header) == PCI_EXT_CAP_ID_DVSEC &&
            qtest_readw(qts, GPU + pos + PCI_DVSEC_HEADER1) == vendor &&
            qtest_readw(qts, GPU + pos + PCI_DVSEC_HEADER2) == id) {
            return pos;
        }
        pos = PCI_EXT_CAP_NEXT(header);
    }
    return 0;
}

static void test_dvsec(const void *data)
{
    const Model *model = data;
    g_autofree char *arg = g_strdup_printf(",model=%s", model->name);
    g_autofree char *off = g_strdup_printf("%s,x-dvsec=off", arg);
    QTestState *qts = gpu_start(arg);
    uint16_t pos = find_dvsec(qts, NVGRACE_VENDOR_ID, NVGRACE_DVSEC_ID);

    g_assert_cmphex(pos, !=, 0);
    g_assert_cmphex(qtest_readw(qts, GPU + pos + NVGRACE_DVSEC_MIG), ==,
                    model->blackwell ? NVGRACE_DVSEC_MIG_CACHED_RESMEM : 0);
    /* PCIe 7.9.6: length in bits 31:20 of header 1, up to the last field */
    g_assert_cmpuint(qtest_readl(qts, GPU + pos + PCI_DVSEC_HEADER1) >> 20, ==,
                     NVGRACE_DVSEC_MIG + 2);
    qtest_quit(qts);

    qts = gpu_start(off);
    g_assert_cmphex(find_dvsec(qts, NVGRACE_VENDOR_ID, NVGRACE_DVSEC_ID), ==,
                    0);
    qtest_quit(qts);
}

static uint64_t bar_size(QTestState *qts, unsigned offset)
{
    uint64_t mask;

    qtest_writel(qts, GPU + offset, UINT32_MAX);
    qtest_writel(qts, GPU + offset + 4, UINT32_MAX);
    mask = qtest_readq(qts, GPU + offset);
    if (mask) {
        g_assert_cmphex(mask & 0xf, ==, PCI_BASE_ADDRESS_MEM_TYPE_64 |
                        PCI_BASE_ADDRESS_MEM_PREFETCH);
    }
    return mask ? -(mask & ~0xfULL) : 0;
}

static void test_bars(const void *data)
{
    const Model *model = data;
    g_autofree char *arg = g_strdup_printf(",model=%s", model->name);
    QTestState *qts = gpu_start(arg);

    qtest_writeq(qts, BAR2, 0x1122334455667788);
    qtest_writeq(qts, BAR2 + 64 * MiB - 8, 0x99aabbccddeeff00);
    g_assert_cmphex(qtest_readq(qts, BAR2), ==, 0x1122334455667788);
    g_assert_cmphex(qtest_readq(qts, BAR2 + 64 * MiB - 8), ==,
                    0x99aabbccddeeff00);
    g_assert_cmphex(qtest_readq(qts, HBM), ==, 0);
    g_assert_cmphex(bar_size(qts, PCI_BASE_ADDRESS_0), ==, NVGRACE_BAR0_SIZE);
    g_assert_cmphex(bar_size(qts, PCI_BASE_ADDRESS_2), ==, 64 * MiB);
    g_assert_cmphex(bar_size(qts, PCI_BASE_ADDRESS_4), ==, 0);
    qtest_quit(qts);
}

static void test_ready_power_on(void)
{
    QTestState *qts = gpu_start(",ready-delay-ms=50,reset-delay-ms=10");

    for (int i = 0; i < 2; i++) {
        assert_ready(qts, false);
        assert_memory(qts, false, 0);
        qtest_clock_step(qts, 49 * MS);
        assert_ready(qts, false);
        qtest_clock_step(qts, 1 * MS);
        assert_ready(qts, true);
        if (i == 0) {
            fill_memory(qts, 0x5a5a0000);
        }
        assert_memory(qts, true, 0x5a5a0000);

        /* A system reset is a power-on too, but the memory keeps its bytes. */
        qtest_system_reset(qts);
        bus_enable(qts);
    }
    qtest_quit(qts);
}

static void test_ready_flr(void)
{
    QTestState *qts = gpu_start(",reset-delay-ms=30");

    assert_ready(qts, true);
    fill_memory(qts, 0x1234500);

    gpu_flr(qts);
    assert_ready(qts, false);
    assert_memory(qts, false, 0);
    fill_memory(qts, 0x6666600);
    qtest_clock_step(qts, 29 * MS);
    assert_ready(qts, false);

    /* The delay counts from the last reset. */
    gpu_flr(qts);
    qtest_clock_step(qts, 29 * MS);
    assert_ready(qts, false);
    assert_memory(qts, false, 0);
    qtest_clock_step(qts, 1 * MS);
    assert_ready(qts, true);
    assert_memory(qts, true, 0x1234500);
    qtest_quit(qts);
}

static void test_ready_bus_reset(void)
{
    QTestState *qts = gpu_start(",reset-delay-ms=30");

    fill_memory(qts, 0x77000);
    qtest_writew(qts, PORT + PCI_BRIDGE_CONTROL, PCI_BRIDGE_CTL_BUS_RESET);
    qtest_writew(qts, PORT + PCI_BRIDGE_CONTROL, 0);
    gpu_enable(qts);
    assert_ready(qts, false);
    assert_memory(qts, false, 0);
    qtest_clock_step(qts, 30 * MS);
    assert_ready(qts, true);
    assert_memory(qts, true, 0x77000);
    qtest_quit(qts);
}

/* Without power the memory loses what it holds; what the GPU counts stays. */
static void test_slot_power(void)
{
    QTestState *qts = gpu_start(",ready-delay-ms=50,reset-delay-ms=10");

    qtest_clock_step(qts, 50 * MS);
    fill_memory(qts, 0x99000);
    assert_memory(qts, true, 0x99000);
    g_assert_cmphex(reg_read(qts, NVGRACE_REG_POWER_OFFS), ==, 0);
    g_assert_cmphex(reg_read(qts, NVGRACE_REG_OUT_OF_REACH), ==, 0);

    /* off, with the indicator on: the GPU stays in the slot */
    slot_control(qts, PCI_EXP_SLTCTL_PWR_IND_ON | PCI_EXP_SLTCTL_PWR_OFF);
    qtest_clock_step(qts, 1000 * MS);
    assert_memory(qts, false, 0);
    g_assert_cmphex(qtest_readl(qts, GPU), ==, UINT32_MAX);
    /* a reset of the bus is none of the GPU's business now */
    qtest_writew(qts, PORT + PCI_BRIDGE_CONTROL, PCI_BRIDGE_CTL_BUS_RESET);
    qtest_writew(qts, PORT + PCI_BRIDGE_CONTROL, 0);

    slot_control(qts, PCI_EXP_SLTCTL_PWR_IND_ON);
    qtest_clock_step(qts, 20 * MS);
    gpu_enable(qts);
    /* which makes it no shorter */
    gpu_flr(qts);
    g_assert_cmphex(reg_read(qts, NVGRACE_REG_POWER_OFFS), ==, 1);
    g_assert_cmphex(reg_read(qts, NVGRACE_REG_OUT_OF_REACH), ==, 4);
    fill_memory(qts, 0x77000);
    g_assert_cmphex(reg_read(qts, NVGRACE_REG_OUT_OF_REACH), ==, 8);
    qtest_clock_step(qts, 29 * MS);
    assert_ready(qts, false);
    qtest_clock_step(qts, 1 * MS);
    assert_ready(qts, true);
    for (uint64_t at = 0; at < HBM_SIZE; at += HBM_SIZE / 8) {
        g_assert_cmphex(qtest_readq(qts, HBM + at), ==, 0);
    }
    gpu_flr(qts);
    g_assert_cmphex(reg_read(qts, NVGRACE_REG_POWER_OFFS), ==, 1);
    g_assert_cmphex(reg_read(qts, NVGRACE_REG_OUT_OF_REACH), ==, 8);
    qtest_quit(qts);
}

static void test_d3hot(void)
{
    QTestState *qts = gpu_start("");
    uint8_t pm = find_cap(qts, PCI_CAP_ID_PM);

    reg_write(qts, NVGRACE_CE_SRC_LO, 0xabcd);
    qtest_writew(qts, GPU + pm + PCI_PM_CTRL, 3);
    g_assert_cmphex(qtest_readw(qts, GPU + pm + PCI_PM_CTRL), ==,
                    PCI_PM_CTRL_NO_SOFT_RESET | 3);
    qtest_writew(qts, GPU + pm + PCI_PM_CTRL, 0);
    assert_ready(qts, true);
    g_assert_cmphex(reg_read(qts, NVGRACE_CE_SRC_LO), ==, 0xabcd);
    qtest_quit(qts);
}

static void test_never_ready(void)
{
    QTestState *qts = gpu_start(",x-never-ready=on");

    qtest_clock_step(qts, 3600 * 1000 * MS);
    assert_ready(qts, false);
    assert_memory(qts, false, 0);
    ce_kick(qts, 0, 4096, 4096, SRC_MEM | DST_MEM);
    assert_failed(ce_wait(qts), NVGRACE_CE_CAUSE_NOT_READY);
    qtest_quit(qts);
}

static void test_not_ready_after_reset(void)
{
    QTestState *qts = gpu_start(",x-ready-after-reset=off,ready-delay-ms=10");

    for (int ms = 5; ms <= 10; ms += 5) {
        /* reset before it was ready, then after */
        qtest_clock_step(qts, ms * MS);
        assert_ready(qts, ms == 10);
        gpu_flr(qts);
        qtest_clock_step(qts, 3600 * 1000 * MS);
        assert_ready(qts, false);
        qtest_system_reset(qts);
        bus_enable(qts);
    }
    qtest_clock_step(qts, 10 * MS);
    assert_ready(qts, true);
    qtest_quit(qts);
}

static void test_c2c_down(void)
{
    QTestState *qts = gpu_start(",x-c2c-up=off");

    g_assert_cmphex(reg_read(qts, NVGRACE_REG_C2C_LINK), ==, 0);
    g_assert_cmphex(reg_read(qts, NVGRACE_REG_HBM_TRAINING), ==,
                    NVGRACE_READY);
    assert_memory(qts, false, 0);
    qtest_quit(qts);
}

static void assert_cxl(QTestState *qts, uint32_t mem)
{
    uint16_t pos = find_dvsec(qts, NVGRACE_CXL_DVSEC_VENDOR_ID,
                              NVGRACE_CXL_DVSEC_ID);

    g_assert_cmphex(pos, !=, 0);
    g_assert_cmphex(qtest_readl(qts, GPU + pos + NVGRACE_CXL_DVSEC_MEM), ==,
                    mem);
}

static void test_cxl(void)
{
    uint32_t timeout = 3 << NVGRACE_CXL_TIMEOUT_SHIFT;
    QTestState *qts = gpu_start("");

    g_assert_cmphex(find_dvsec(qts, NVGRACE_CXL_DVSEC_VENDOR_ID,
                               NVGRACE_CXL_DVSEC_ID), ==, 0);
    qtest_quit(qts);

    qts = gpu_start(",x-cxl-dvsec=on,x-cxl-timeout=3,ready-delay-ms=20,"
                    "reset-delay-ms=10");
    assert_cxl(qts, NVGRACE_CXL_MEM_INFO_VALID | timeout);
    qtest_clock_step(qts, 20 * MS);
    assert_cxl(qts, NVGRACE_CXL_MEM_INFO_VALID | NVGRACE_CXL_MEM_ACTIVE |
               timeout);
    gpu_flr(qts);
    assert_cxl(qts, NVGRACE_CXL_MEM_INFO_VALID | timeout);
    qtest_clock_step(qts, 10 * MS);
    assert_cxl(qts, NVGRACE_CXL_MEM_INFO_VALID | NVGRACE_CXL_MEM_ACTIVE |
               timeout);
    qtest_quit(qts);

    /* also without NVIDIA's DVSEC in front of it */
    qts = gpu_start(",x-cxl-dvsec=on,x-cxl-info-valid=off,x-never-ready=on,"
                    "x-dvsec=off");
    assert_cxl(qts, 0);
    qtest_quit(qts);
}

static void test_access_widths(void)
{
    QTestState *qts = gpu_start("");

    g_assert_cmphex(reg_read(qts, NVGRACE_CE_ID), ==, NVGRACE_CE_ID_VALUE);
    for (int i = 0; i < 4; i++) {
        g_assert_cmphex(qtest_readb(qts, BAR0 + NVGRACE_CE_ID + i), ==,
                        NVGRACE_CE_ID_VALUE >> (8 * i) & 0xff);
    }
    g_assert_cmphex(qtest_readw(qts, BAR0 + NVGRACE_CE_ID + 2), ==,
                    NVGRACE_CE_ID_VALUE >> 16);

    qtest_writeq(qts, BAR0 + NVGRACE_CE_SRC_LO, 0x1122334455667788);
    g_assert_cmphex(qtest_readq(qts, BAR0 + NVGRACE_CE_SRC_LO), ==,
                    0x1122334455667788);
    qtest_writeq(qts, BAR0 + NVGRACE_CE_DST_LO, 0x0123456789abcdef);
    g_assert_cmphex(reg_read(qts, NVGRACE_CE_DST_LO), ==, 0x89abcdef);
    g_assert_cmphex(reg_read(qts, NVGRACE_CE_DST_HI), ==, 0x01234567);
    g_assert_cmphex(qtest_readq(qts, BAR0 + NVGRACE_CE_DST_LO), ==,
                    0x0123456789abcdef);

    /* Narrow writes change nothing, nor do writes where no register is. */
    qtest_writeb(qts, BAR0 + NVGRACE_CE_DST_LO, 0);
    qtest_writew(qts, BAR0 + NVGRACE_CE_DST_HI, 0);
    reg_write(qts, NVGRACE_REG_C2C_LINK, 0);
    reg_write(qts, NVGRACE_CE_ID, 0);
    reg_write(qts, NVGRACE_CE_COUNT, 7);
    g_assert_cmphex(qtest_readq(qts, BAR0 + NVGRACE_CE_DST_LO), ==,
                    0x0123456789abcdef);
    assert_ready(qts, true);
    g_assert_cmphex(reg_read(qts, NVGRACE_CE_ID), ==, NVGRACE_CE_ID_VALUE);
    g_assert_cmpuint(reg_read(qts, NVGRACE_CE_COUNT), ==, 0);
    g_assert_cmphex(reg_read(qts, NVGRACE_BAR0_SIZE - 4), ==, 0);
    qtest_quit(qts);
}

/* usemem and resmem together, which is more than 32 bits can say */
static void test_memory_size(void)
{
    QTestState *qts = gpu_start(",memdev=large -object memory-backend-ram,"
                                "id=large,size=5G,reserve=off");

    g_assert_cmphex(qtest_readq(qts, BAR0 + NVGRACE_CE_MEM_LO), ==, 5 * GiB);
    qtest_writeq(qts, BAR0 + NVGRACE_CE_MEM_LO, 0);
    g_assert_cmphex(qtest_readq(qts, BAR0 + NVGRACE_CE_MEM_LO), ==, 5 * GiB);
    qtest_quit(qts);
}

/* Every direction, several chunks, odd addresses, across usemem's end */
static void test_copy(void)
{
    const size_t len = 2 * MiB + 12345;
    const uint64_t from = GiB - MiB - 3, to = 0x123457;
    QTestState *qts = gpu_start("");
    unsigned jobs = 0;

    for (uint32_t ctrl = 0; ctrl <= (SRC_MEM | DST_MEM); ctrl += SRC_MEM) {
        uint64_t src = ctrl & SRC_MEM ? from : RAM + 32 * MiB + 1;
        uint64_t dst = ctrl & DST_MEM ? to : RAM + 64 * MiB + 5;
        uint64_t src_addr = ctrl & SRC_MEM ? HBM + src : src;
        uint64_t dst_addr = ctrl & DST_MEM ? HBM + dst : dst;
        g_autofree uint8_t *bytes = pattern(len, ctrl * 31 + 1);

        qtest_bufwrite(qts, src_addr, bytes, len);
        qtest_memset(qts, dst_addr - 1, 0xee, len + 2);

        ce_kick(qts, src, dst, len, ctrl);
        g_assert_cmphex(reg_read(qts, NVGRACE_CE_STATUS), ==,
                        NVGRACE_CE_STATUS_BUSY);
        g_assert_cmphex(ce_wait(qts), ==, NVGRACE_CE_STATUS_DONE);
        g_assert_cmpuint(reg_read(qts, NVGRACE_CE_COUNT), ==, ++jobs);

        assert_bytes(qts, dst_addr, bytes, len);
        assert_bytes(qts, src_addr, bytes, len);
        g_assert_cmphex(qtest_readb(qts, dst_addr - 1), ==, 0xee);
        g_assert_cmphex(qtest_readb(qts, dst_addr + len), ==, 0xee);
    }

    reg_write(qts, NVGRACE_CE_STATUS, NVGRACE_CE_STATUS_DONE);
    g_assert_cmphex(reg_read(qts, NVGRACE_CE_STATUS), ==, 0);
    qtest_quit(qts);
}

static void test_copy_range(void)
{
    static const struct {
        uint64_t src, dst, len;
        uint32_t ctrl;
    } bad[] = {
        { 0, 4096, 0, SRC_MEM | DST_MEM },
        { RAM, RAM + 4096, 0, 0 },
        { HBM_SIZE, 0, 1, SRC_MEM | DST_MEM },
        { 0, HBM_SIZE, 1, SRC_MEM | DST_MEM },
        { HBM_SIZE - 1, RAM, 2, SRC_MEM },
        { RAM, HBM_SIZE - 4095, 4096, DST_MEM },
        { RAM, 0, HBM_SIZE + 1, DST_MEM },
        { UINT64_MAX, RAM, 1, SRC_MEM },
        { UINT64_MAX - 4095, RAM, 8192, SRC_MEM },
        { RAM, UINT64_MAX - 4095, 8192, DST_MEM },
        { 4096, RAM, UINT64_MAX - 4095, SRC_MEM },
        { UINT64_MAX - 4095, 0, 4097, DST_MEM },
        { 0, UINT64_MAX - 4095, 4097, SRC_MEM },
    };
    QTestState *qts = gpu_start("");
    g_autofree uint8_t *bytes = pattern(4096, 9);

    qtest_bufwrite(qts, RAM, bytes, 4096);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        ce_kick(qts, bad[i].src, bad[i].dst, bad[i].len, bad[i].ctrl);
        /* at once, without having been busy */
        assert_failed(reg_read(qts, NVGRACE_CE_STATUS),
                      NVGRACE_CE_CAUSE_RANGE);
        qtest_clock_step(qts, CE_STEP);
    }
    assert_bytes(qts, RAM, bytes, 4096);
    g_assert_cmphex(qtest_readq(qts, HBM), ==, 0);
    g_assert_cmpuint(reg_read(qts, NVGRACE_CE_COUNT), ==, ARRAY_SIZE(bad));

    /* ERROR takes the cause with it, DONE does not. */
    reg_write(qts, NVGRACE_CE_STATUS, NVGRACE_CE_STATUS_DONE);
    g_assert_cmphex(reg_read(qts, NVGRACE_CE_STATUS), ==,
                    NVGRACE_CE_STATUS_ERROR |
                    NVGRACE_CE_CAUSE_RANGE << NVGRACE_CE_STATUS_CAUSE_SHIFT);
    reg_write(qts, NVGRACE_CE_STATUS, NVGRACE_CE_STATUS_ERROR);
    g_assert_cmphex(reg_read(qts, NVGRACE_CE_STATUS), ==, 0);

    /* the last bytes are fine */
    ce_kick(qts, RAM, HBM_SIZE - 4096, 4096, DST_MEM);
    g_assert_cmphex(ce_wait(qts), ==, NVGRACE_CE_STATUS_DONE);
    assert_bytes(qts, HBM + HBM_SIZE - 4096, bytes, 4096);
    qtest_quit(qts);
}

static void test_copy_busy(void)
{
    const size_t len = 3 * MiB;
    QTestState *qts = gpu_start("");
    g_autofree uint8_t *bytes = pattern(len, 3);

    qtest_bufwrite(qts, HBM, bytes, len);
    ce_kick(qts, 0, 16 * MiB, len, SRC_MEM | DST_MEM);
    qtest_clock_step(qts, 2 * CE_STEP);

    /* another job, another direction, W1C: all ignored */
    ce_kick(qts, 32 * MiB, 0, 4096, SRC_MEM | DST_MEM);
    reg_write(qts, NVGRACE_CE_STATUS, UINT32_MAX);
    g_assert_cmphex(reg_read(qts, NVGRACE_CE_STATUS), ==,
                    NVGRACE_CE_STATUS_BUSY);
    g_assert_cmphex(reg_read(qts, NVGRACE_CE_SRC_LO), ==, 0);
    g_assert_cmphex(reg_read(qts, NVGRACE_CE_DST_LO), ==, 16 * MiB);
    g_assert_cmphex(reg_read(qts, NVGRACE_CE_LEN_LO), ==, len);

    g_assert_cmphex(ce_wait(qts), ==, NVGRACE_CE_STATUS_DONE);
    g_assert_cmpuint(reg_read(qts, NVGRACE_CE_COUNT), ==, 1);
    assert_bytes(qts, HBM + 16 * MiB, bytes, len);
    assert_bytes(qts, HBM, bytes, len);
    qtest_quit(qts);
}

static void test_copy_abort(void)
{
    const size_t len = 3 * MiB;
    QTestState *qts = gpu_start("");
    g_autofree uint8_t *bytes = pattern(len, 5);
    g_autofree uint8_t *zeroes = g_malloc0(len);

    /* nothing to abort; and abort beats start */
    reg_write(qts, NVGRACE_CE_CTRL, NVGRACE_CE_CTRL_ABORT);
    ce_kick(qts, 0, 16 * MiB, len, SRC_MEM | DST_MEM | NVGRACE_CE_CTRL_ABORT);
    g_assert_cmphex(reg_read(qts, NVGRACE_CE_STATUS), ==, 0);

    qtest_bufwrite(qts, HBM, bytes, len);
    ce_kick(qts, 0, 16 * MiB, len, SRC_MEM | DST_MEM);
    qtest_clock_step(qts, 2 * CE_STEP);
    reg_write(qts, NVGRACE_CE_CTRL, NVGRACE_CE_CTRL_ABORT);
    assert_failed(reg_read(qts, NVGRACE_CE_STATUS), NVGRACE_CE_CAUSE_ABORTED);
    qtest_clock_step(qts, 100 * CE_STEP);
    assert_bytes(qts, HBM + 16 * MiB, bytes, 2 * MiB);
    assert_bytes(qts, HBM + 18 * MiB, zeroes, len - 2 * MiB);
    g_assert_cmpuint(reg_read(qts, NVGRACE_CE_COUNT), ==, 1);

    /* and the engine is free again */
    ce_kick(qts, 0, 16 * MiB, len, SRC_MEM | DST_MEM);
    g_assert_cmphex(ce_wait(qts), ==, NVGRACE_CE_STATUS_DONE);
    assert_bytes(qts, HBM + 16 * MiB, bytes, len);
    qtest_quit(qts);
}

#define MSI_ADDR (RAM + 128 * MiB)
#define MSI_DATA 0xc0ffee

static void msix_enable(QTestState *qts, bool masked)
{
    uint8_t msix = find_cap(qts, PCI_CAP_ID_MSIX);
    uint64_t entry = NVGRACE_MSIX_TABLE;

    g_assert_cmphex(qtest_readl(qts, GPU + msix + PCI_MSIX_TABLE), ==,
                    NVGRACE_MSIX_TABLE);
    g_assert_cmphex(qtest_readl(qts, GPU + msix + PCI_MSIX_PBA), ==,
                    NVGRACE_MSIX_PBA);
    g_assert_cmphex(qtest_readw(qts, GPU + msix + PCI_MSIX_FLAGS) &
                    PCI_MSIX_FLAGS_QSIZE, ==, NVGRACE_MSIX_VECTORS - 1);
    reg_write(qts, entry + PCI_MSIX_ENTRY_LOWER_ADDR, MSI_ADDR);
    reg_write(qts, entry + PCI_MSIX_ENTRY_UPPER_ADDR, MSI_ADDR >> 32);
    reg_write(qts, entry + PCI_MSIX_ENTRY_DATA, MSI_DATA);
    reg_write(qts, entry + PCI_MSIX_ENTRY_VECTOR_CTRL,
              masked ? PCI_MSIX_ENTRY_CTRL_MASKBIT : 0);
    qtest_writew(qts, GPU + msix + PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE);
}

static bool msi_arrived(QTestState *qts)
{
    uint32_t data = qtest_readl(qts, MSI_ADDR);

    g_assert_true(data == 0 || data == MSI_DATA);
    qtest_writel(qts, MSI_ADDR, 0);
    return data;
}

static void test_interrupt(void)
{
    const uint32_t ctrl = SRC_MEM | DST_MEM | NVGRACE_CE_CTRL_IRQ;
    QTestState *qts = gpu_start("");

    /* MSI-X is off */
    ce_kick(qts, 0, 4096, 4096, ctrl);
    g_assert_cmphex(ce_wait(qts), ==, NVGRACE_CE_STATUS_DONE);
    g_assert_false(msi_arrived(qts));

    msix_enable(qts, false);
    ce_kick(qts, 0, 4096, 4096, ctrl);
    g_assert_false(msi_arrived(qts));
    g_assert_cmphex(ce_wait(qts), ==, NVGRACE_CE_STATUS_DONE);
    g_assert_true(msi_arrived(qts));

    /* not asked for */
    ce_kick(qts, 0, 4096, 4096, SRC_MEM | DST_MEM);
    g_assert_cmphex(ce_wait(qts), ==, NVGRACE_CE_STATUS_DONE);
    g_assert_false(msi_arrived(qts));

    /* an error and an abort are an end too */
    ce_kick(qts, HBM_SIZE, 0, 1, ctrl);
    g_assert_true(msi_arrived(qts));
    ce_kick(qts, 0, 4096, 4096, ctrl);
    reg_write(qts, NVGRACE_CE_CTRL, NVGRACE_CE_CTRL_ABORT);
    g_assert_true(msi_arrived(qts));

    /* masked: pending until it is not */
    msix_enable(qts, true);
    ce_kick(qts, 0, 4096, 4096, ctrl);
    g_assert_cmphex(ce_wait(qts), ==, NVGRACE_CE_STATUS_DONE);
    g_assert_false(msi_arrived(qts));
    g_assert_cmphex(reg_read(qts, NVGRACE_MSIX_PBA), ==, 1);
    reg_write(qts, NVGRACE_MSIX_TABLE + PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
    g_assert_true(msi_arrived(qts));
    g_assert_cmphex(reg_read(qts, NVGRACE_MSIX_PBA), ==, 0);
    qtest_quit(qts);
}

static void test_dma_error(void)
{
    QTestState *qts = gpu_start("");
    g_autofree uint8_t *bytes = pattern(4096, 17);

    qtest_bufwrite(qts, RAM, bytes, 4096);
    qtest_bufwrite(qts, HBM, bytes, 4096);

    /* not a bus master: DMA fails both ways, the GPU's own memory is no DMA */
    qtest_writew(qts, GPU + PCI_COMMAND, PCI_COMMAND_MEMORY);
    ce_kick(qts, RAM, 8192, 4096, DST_MEM);
    assert_failed(ce_wait(qts), NVGRACE_CE_CAUSE_DMA);
    g_assert_cmphex(qtest_readq(qts, HBM + 8192), ==, 0);
    ce_kick(qts, 0, RAM + 8192, 4096, SRC_MEM);
    assert_failed(ce_wait(qts), NVGRACE_CE_CAUSE_DMA);
    g_assert_cmphex(qtest_readq(qts, RAM + 8192), ==, 0);
    ce_kick(qts, 0, 4096, 4096, SRC_MEM | DST_MEM);
    g_assert_cmphex(ce_wait(qts), ==, NVGRACE_CE_STATUS_DONE);
    assert_bytes(qts, HBM + 4096, bytes, 4096);

    /* a bus master again: nothing at that address, and our own registers */
    gpu_enable(qts);
    ce_kick(qts, 0x7f00000000, 8192, 4096, DST_MEM);
    assert_failed(ce_wait(qts), NVGRACE_CE_CAUSE_DMA);
    ce_kick(qts, 0, BAR0 + NVGRACE_CE_BASE, 64, SRC_MEM);
    assert_failed(ce_wait(qts), NVGRACE_CE_CAUSE_DMA);
    g_assert_cmphex(reg_read(qts, NVGRACE_CE_LEN_LO), ==, 64);
    ce_kick(qts, RAM, 8192, 4096, DST_MEM);
    g_assert_cmphex(ce_wait(qts), ==, NVGRACE_CE_STATUS_DONE);
    assert_bytes(qts, HBM + 8192, bytes, 4096);
    qtest_quit(qts);
}

static void test_flr_while_busy(void)
{
    const size_t len = 3 * MiB;
    QTestState *qts = gpu_start(",reset-delay-ms=1");
    g_autofree uint8_t *bytes = pattern(len, 11);
    g_autofree uint8_t *zeroes = g_malloc0(len);

    qtest_bufwrite(qts, HBM, bytes, len);
    msix_enable(qts, false);
    ce_kick(qts, 0, RAM, len, SRC_MEM | NVGRACE_CE_CTRL_IRQ);
    qtest_clock_step(qts, 2 * CE_STEP);
    gpu_flr(qts);

    for (int i = 0; i < 2; i++) {
        g_assert_cmphex(reg_read(qts, NVGRACE_CE_STATUS), ==, 0);
        g_assert_cmphex(qtest_readq(qts, BAR0 + NVGRACE_CE_LEN_LO), ==, 0);
        g_assert_cmpuint(reg_read(qts, NVGRACE_CE_COUNT), ==, 0);
        qtest_clock_step(qts, 2 * MS);
    }
    assert_ready(qts, true);
    g_assert_false(msi_arrived(qts));
    assert_bytes(qts, RAM, bytes, 2 * MiB);
    assert_bytes(qts, RAM + 2 * MiB, zeroes, len - 2 * MiB);
    assert_bytes(qts, HBM, bytes, len);

    ce_kick(qts, 0, RAM, len, SRC_MEM);
    g_assert_cmphex(ce_wait(qts), ==, NVGRACE_CE_STATUS_DONE);
    assert_bytes(qts, RAM, bytes, len);
    qtest_quit(qts);
}

/* The engine writes FLR into its own config space: it must survive that. */
static void test_flr_by_itself(void)
{
    QTestState *qts = gpu_start(",reset-delay-ms=1");
    uint8_t exp = find_cap(qts, PCI_CAP_ID_EXP);

    qtest_writew(qts, HBM, PCI_EXP_DEVCTL_BCR_FLR);
    ce_kick(qts, 0, GPU + exp + PCI_EXP_DEVCTL, 2, SRC_MEM);
    qtest_clock_step(qts, CE_STEP);
    g_assert_cmphex(qtest_readw(qts, GPU + PCI_COMMAND), ==, 0);
    gpu_enable(qts);
    assert_ready(qts, false);
    for (int i = 0; i < 2; i++) {
        g_assert_cmphex(reg_read(qts, NVGRACE_CE_STATUS), ==, 0);
        g_assert_cmpuint(reg_read(qts, NVGRACE_CE_COUNT), ==, 0);
        qtest_clock_step(qts, 1 * MS);
    }
    assert_ready(qts, true);
    qtest_quit(qts);
}

static void test_quit_while_busy(void)
{
    QTestState *qts = gpu_start("");

    ce_kick(qts, 0, GiB, GiB, SRC_MEM | DST_MEM);
    g_assert_cmphex(reg_read(qts, NVGRACE_CE_STATUS), ==,
                    NVGRACE_CE_STATUS_BUSY);
    qtest_quit(qts);
}

/* Power and indicator off eject the GPU, in the middle of a job. */
static void test_eject_while_busy(void)
{
    QTestState *qts = gpu_start("");

    fill_memory(qts, 0xabcdef);
    ce_kick(qts, 0, GiB, GiB, SRC_MEM | DST_MEM);
    qtest_clock_step(qts, CE_STEP);
    slot_control(qts, PCI_EXP_SLTCTL_PWR_IND_OFF | PCI_EXP_SLTCTL_PWR_OFF);
    qtest_clock_step(qts, 1000 * MS);
    g_assert_cmphex(qtest_readl(qts, GPU + PCI_VENDOR_ID), ==, UINT32_MAX);
    g_assert_cmphex(qtest_readq(qts, HBM), !=, 0xabcdef);
    qtest_system_reset(qts);
    qtest_quit(qts);
}

/* The engine does that to itself. */
static void test_eject_by_itself(void)
{
    QTestState *qts = gpu_start("");
    uint8_t exp = find_cap_of(qts, PORT, PCI_CAP_ID_EXP);

    qtest_writew(qts, HBM, PCI_EXP_SLTCTL_PWR_IND_OFF | PCI_EXP_SLTCTL_PWR_OFF);
    ce_kick(qts, 0, PORT + exp + PCI_EXP_SLTCTL, 2, SRC_MEM);
    qtest_clock_step(qts, 1000 * MS);
    g_assert_cmphex(qtest_readl(qts, GPU + PCI_VENDOR_ID), ==, UINT32_MAX);
    qtest_quit(qts);
}

/* 96 GiB on a small machine: nothing may touch all of it. */
static void test_sparse(void)
{
    QTestState *qts = qtest_init(
        "-machine virt,gic-version=3 -cpu max -smp 1 -m 512 -net none "
        "-device pcie-root-port,id=rp0,chassis=1,bus=pcie.0,addr=1 "
        "-object memory-backend-ram,id=hbm,size=96G,reserve=off "
        "-device nvgrace-gpu,bus=rp0,memdev=hbm,mem-addr=0x6000000000");

    bus_enable(qts);
    qtest_writeq(qts, HBM + 96 * GiB - 8, 0x4242);
    ce_kick(qts, 96 * GiB - 8, 0, 8, SRC_MEM | DST_MEM);
    g_assert_cmphex(ce_wait(qts), ==, NVGRACE_CE_STATUS_DONE);
    g_assert_cmphex(qtest_readq(qts, HBM), ==, 0x4242);
    qtest_quit(qts);
}

typedef struct BadLine {
    const char *name;
    const char *arguments;
    const char *error;
} BadLine;

static const BadLine bad_lines[] = {
    { "no-memdev", "-device nvgrace-gpu,bus=rp0",
      "'memdev' property is required" },
    { "model", "-device " DEVICE ",model=h100",
      "model 'h100' does not exist" },
    { "in-use",
      "-device pcie-root-port,id=rp1,chassis=2,bus=pcie.0,addr=2 -device "
      DEVICE " -device nvgrace-gpu,bus=rp1,memdev=hbm",
      "memory backend 'hbm' is in use already" },
    { "small",
      "-object memory-backend-ram,id=small,size=1G "
      "-device nvgrace-gpu,bus=rp0,memdev=small",
      "has 0x40000000 bytes, model gh200 needs 0x60000000 at least" },
    { "dsd", "-device " DEVICE ",x-dsd=maybe",
      "x-dsd=maybe does not exist" },
    { "cxl-timeout", "-device " DEVICE ",x-cxl-timeout=8",
      "x-cxl-timeout=8 is above 7" },
};

static void test_bad_line(const void *data)
{
    const BadLine *bad = data;
    g_autofree char *line =
        g_strdup_printf("%s " MACHINE "-accel qtest -display none %s",
                        g_getenv("QTEST_QEMU_BINARY"), bad->arguments);
    g_autofree char *err = NULL;
    g_auto(GStrv) argv = NULL;
    GError *error = NULL;
    int status;

    g_assert_true(g_shell_parse_argv(line, NULL, &argv, NULL));
    g_spawn_sync(NULL, argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL,
                 NULL, &err, &status, &error);
    g_assert_no_error(error);
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 1);
    if (!strstr(err, bad->error)) {
        g_test_message("'%s' is not in: %s", bad->error, err);
        g_test_fail();
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    if (!qtest_has_machine("virt") || !qtest_has_device("nvgrace-gpu")) {
        g_test_skip("no virt machine or no nvgrace-gpu in this QEMU");
        return g_test_run();
    }

    for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
        const Model *model = &models[i];
        g_autofree char *ids = g_strdup_printf("/nvgrace-gpu/%s/ids",
                                               model->name);
        g_autofree char *dvsec = g_strdup_printf("/nvgrace-gpu/%s/dvsec",
                                                 model->name);
        g_autofree char *bars = g_strdup_printf("/nvgrace-gpu/%s/bars",
                                                model->name);

        qtest_add_data_func(ids, model, test_ids);
        qtest_add_data_func(dvsec, model, test_dvsec);
        qtest_add_data_func(bars, model, test_bars);
    }
    qtest_add_func("/nvgrace-gpu/ready/power-on", test_ready_power_on);
    qtest_add_func("/nvgrace-gpu/ready/flr", test_ready_flr);
    qtest_add_func("/nvgrace-gpu/ready/bus-reset", test_ready_bus_reset);
    qtest_add_func("/nvgrace-gpu/ready/slot-power", test_slot_power);
    qtest_add_func("/nvgrace-gpu/ready/d3hot", test_d3hot);
    qtest_add_func("/nvgrace-gpu/ready/never", test_never_ready);
    qtest_add_func("/nvgrace-gpu/ready/not-after-reset",
                   test_not_ready_after_reset);
    qtest_add_func("/nvgrace-gpu/ready/c2c-down", test_c2c_down);
    qtest_add_func("/nvgrace-gpu/ready/cxl", test_cxl);
    qtest_add_func("/nvgrace-gpu/registers/widths", test_access_widths);
    qtest_add_func("/nvgrace-gpu/registers/memory-size", test_memory_size);
    qtest_add_func("/nvgrace-gpu/copy/directions", test_copy);
    qtest_add_func("/nvgrace-gpu/copy/range", test_copy_range);
    qtest_add_func("/nvgrace-gpu/copy/busy", test_copy_busy);
    qtest_add_func("/nvgrace-gpu/copy/abort", test_copy_abort);
    qtest_add_func("/nvgrace-gpu/copy/interrupt", test_interrupt);
    qtest_add_func("/nvgrace-gpu/copy/dma-error", test_dma_error);
    qtest_add_func("/nvgrace-gpu/copy/flr", test_flr_while_busy);
    qtest_add_func("/nvgrace-gpu/copy/flr-by-itself", test_flr_by_itself);
    qtest_add_func("/nvgrace-gpu/copy/quit", test_quit_while_busy);
    qtest_add_func("/nvgrace-gpu/copy/eject", test_eject_while_busy);
    qtest_add_func("/nvgrace-gpu/copy/eject-by-itself", test_eject_by_itself);
    qtest_add_func("/nvgrace-gpu/memory/sparse", test_sparse);
    for (size_t i = 0; i < ARRAY_SIZE(bad_lines); i++) {
        g_autofree char *path = g_strdup_printf("/nvgrace-gpu/error/%s",
                                                bad_lines[i].name);

        qtest_add_data_func(path, &bad_lines[i], test_bad_line);
    }
    return g_test_run();
}
