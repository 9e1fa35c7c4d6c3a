/*
 * QTest: BARs of Grace GPUs, as a guest sees them
 *
 * guest-view=bar shows the coherent memory as BAR 4 and BAR 2; in both views
 * BARs of the real GPU are hidden that it does not use or whose place is taken.
 * The real GPU is a thread of this program.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/vfio_nvgrace.h>
#include "hw/pci/pci_regs.h"
#include "qemu/bswap.h"
#include "qemu/units.h"
#include "nvgrace-fwcfg.h"
#include "nvgrace-srat.h"
#include "nvgrace-vfio-user-server.h"

#define USEMEM_SIZE (3 * GiB)
#define RESMEM_SIZE (GiB + 512 * MiB)

/* What of the two is a BAR, and what is rounded up */
#define USEMEM_BAR  (4 * GiB)
#define RESMEM_BAR  (2 * GiB)

/* The function, and where this test puts the BARs */
#define CONFIG      (VIRT_ECAM + (1 << 20))
#define BAR(n)      (CONFIG + PCI_BASE_ADDRESS_0 + 4 * (n))
#define USEMEM      (VIRT_MMIO_BAR + 16 * GiB)
#define RESMEM      (VIRT_MMIO_BAR + 8 * GiB)
#define WINDOW_END  (VIRT_MMIO_BAR + 64 * GiB - 1)

#define MEMORY_BAR  (PCI_BASE_ADDRESS_SPACE_MEMORY |                        \
                     PCI_BASE_ADDRESS_MEM_TYPE_64 |                         \
                     PCI_BASE_ADDRESS_MEM_PREFETCH)

/* Else all of the PCI window reads as ~0, like what is beyond the memory. */
#define UNMAPPED_IS_0 "-global gpex-pcihost.allow-unmapped-accesses=off "

#define BAR_VIEW    ",\"guest-view\":\"bar\""

typedef struct Machine {
    NVGraceServer *server;
    QTestState *qts;
    int usemem;
    int resmem;
} Machine;

static NVGraceServer *new_server(bool resmem)
{
    NVGraceServer *server = nvgrace_server_new();

    nvgrace_server_add(server, VFIO_REGION_SUBTYPE_NVGRACE_USEMEM, USEMEM_SIZE);
    if (resmem) {
        nvgrace_server_add(server, VFIO_REGION_SUBTYPE_NVGRACE_RESMEM,
                           RESMEM_SIZE);
    }
    return server;
}

/* A BAR of the real GPU; @type is its lowest bits */
static void add_real_bar(NVGraceServer *server, int nr, uint32_t type,
                         uint64_t size)
{
    server->regions[nr].size = size;
    server->regions[nr].flags = VFIO_REGION_INFO_FLAG_READ |
                                VFIO_REGION_INFO_FLAG_WRITE;
    stl_le_p(server->config + PCI_BASE_ADDRESS_0 + 4 * nr, type);
}

static char *device(NVGraceServer *server, const char *options)
{
    g_autofree char *all = g_strconcat(",\"pxm-count\":1", options, NULL);

    return nvgrace_server_device(server, 1, all);
}

static Machine *start(NVGraceServer *server, const char *options)
{
    g_autofree char *json = device(server, options);
    Machine *m = g_new0(Machine, 1);

    m->server = server;
    m->usemem = server->regions[VFIO_PCI_NUM_REGIONS].fd;
    m->resmem = server->regions[VFIO_PCI_NUM_REGIONS + 1].fd;
    m->qts = qtest_initf(NVGRACE_MACHINE UNMAPPED_IS_0 NVGRACE_PORT(1)
                         "-device '%s'", json);
    nvgrace_set_bus(m->qts, 0, 1, 1);
    return m;
}

static void end(Machine *m)
{
    qtest_quit(m->qts);
    nvgrace_server_free(m->server);
    g_free(m);
}

/* What firmware does: a window of the root port, and addresses in it */
static void open_window(QTestState *qts)
{
    uint64_t port = VIRT_ECAM + (1 << 15);

    qtest_writew(qts, port + PCI_PREF_MEMORY_BASE, VIRT_MMIO_BAR >> 16);
    qtest_writew(qts, port + PCI_PREF_MEMORY_LIMIT, WINDOW_END >> 16);
    qtest_writel(qts, port + PCI_PREF_BASE_UPPER32, VIRT_MMIO_BAR >> 32);
    qtest_writel(qts, port + PCI_PREF_LIMIT_UPPER32, WINDOW_END >> 32);
    qtest_writew(qts, port + PCI_COMMAND,
                 PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static void set_bar(QTestState *qts, int nr, uint64_t addr)
{
    qtest_writel(qts, BAR(nr), addr);
    qtest_writel(qts, BAR(nr + 1), addr >> 32);
}

static uint64_t get_bar(QTestState *qts, int nr)
{
    return qtest_readl(qts, BAR(nr)) |
           (uint64_t)qtest_readl(qts, BAR(nr + 1)) << 32;
}

static void enable_memory(QTestState *qts, bool on)
{
    qtest_writew(qts, CONFIG + PCI_COMMAND, on ? PCI_COMMAND_MEMORY : 0);
}

static void place(Machine *m)
{
    open_window(m->qts);
    set_bar(m->qts, 4, USEMEM);
    if (m->resmem >= 0) {
        set_bar(m->qts, 2, RESMEM);
    }
    enable_memory(m->qts, true);
}

/* All bits of the address that can be set, by PCIe r6.0, 7.5.1.2.1 */
static uint64_t size_bar(QTestState *qts, int nr)
{
    uint64_t mask;

    set_bar(qts, nr, UINT64_MAX);
    mask = get_bar(qts, nr) & ~0xfULL;
    set_bar(qts, nr, 0);
    return -mask;
}

static void test_size(void)
{
    Machine *m = start(new_server(true), BAR_VIEW);

    g_assert_cmphex(size_bar(m->qts, 2), ==, RESMEM_BAR);
    g_assert_cmphex(size_bar(m->qts, 4), ==, USEMEM_BAR);
    end(m);
}

/* Without resmem there is no BAR for it. */
static void test_size_gb200(void)
{
    Machine *m = start(new_server(false), BAR_VIEW);

    g_assert_cmphex(size_bar(m->qts, 2), ==, 0);
    g_assert_cmphex(size_bar(m->qts, 4), ==, USEMEM_BAR);
    end(m);
}

/* 64 bits, prefetchable; these bits are read-only, the address is 0 first. */
static void test_type(void)
{
    Machine *m = start(new_server(true), BAR_VIEW);

    for (int nr = 2; nr <= 4; nr += 2) {
        g_assert_cmphex(get_bar(m->qts, nr), ==, MEMORY_BAR);
        qtest_writel(m->qts, BAR(nr), 3);
        g_assert_cmphex(get_bar(m->qts, nr), ==, MEMORY_BAR);
    }
    end(m);
}

static void test_sub_dword(void)
{
    Machine *m = start(new_server(true), BAR_VIEW);
    QTestState *qts = m->qts;

    /* 4 GiB: of the lower dword nothing can be written. */
    qtest_writeb(qts, BAR(4) + 3, 0xff);
    qtest_writew(qts, BAR(4) + 2, 0xffff);
    g_assert_cmphex(qtest_readw(qts, BAR(4) + 2), ==, 0);
    g_assert_cmphex(qtest_readb(qts, BAR(4)), ==, MEMORY_BAR);

    /* byte after byte, as some firmware does */
    qtest_writeb(qts, BAR(5), 0x84);
    qtest_writeb(qts, BAR(5) + 1, 0x01);
    qtest_writew(qts, BAR(5) + 2, 0x0203);
    g_assert_cmphex(get_bar(qts, 4), ==, 0x0203018400000000ULL | MEMORY_BAR);
    g_assert_cmphex(qtest_readb(qts, BAR(5) + 1), ==, 0x01);
    g_assert_cmphex(qtest_readw(qts, BAR(5) + 2), ==, 0x0203);

    /* 2 GiB: just the highest bit of the lower dword */
    qtest_writeb(qts, BAR(2) + 3, 0xff);
    g_assert_cmphex(qtest_readb(qts, BAR(2) + 3), ==, 0x80);
    g_assert_cmphex(qtest_readl(qts, BAR(2)), ==, 0x80000000 | MEMORY_BAR);
    end(m);
}

static void test_memory(void)
{
    Machine *m = start(new_server(true), BAR_VIEW);

    place(m);
    nvgrace_server_visible(m->qts, USEMEM, m->usemem, 0);
    nvgrace_server_visible(m->qts, USEMEM + USEMEM_SIZE - 8, m->usemem,
                           USEMEM_SIZE - 8);
    nvgrace_server_visible(m->qts, RESMEM, m->resmem, 0);
    nvgrace_server_visible(m->qts, RESMEM + RESMEM_SIZE - 8, m->resmem,
                           RESMEM_SIZE - 8);

    /* of all widths */
    qtest_writeq(m->qts, USEMEM + 64, 0x1122334455667788ULL);
    g_assert_cmphex(qtest_readb(m->qts, USEMEM + 65), ==, 0x77);
    g_assert_cmphex(qtest_readw(m->qts, USEMEM + 66), ==, 0x5566);
    g_assert_cmphex(qtest_readl(m->qts, USEMEM + 68), ==, 0x11223344);
    end(m);
}

/* Between the memory and the next power of two */
static void test_beyond(void)
{
    static const struct {
        uint64_t from;
        uint64_t to;
    } beyond[] = {
        { USEMEM + USEMEM_SIZE, USEMEM + USEMEM_BAR },
        { RESMEM + RESMEM_SIZE, RESMEM + RESMEM_BAR },
    };
    Machine *m = start(new_server(true), BAR_VIEW);

    place(m);
    for (int i = 0; i < G_N_ELEMENTS(beyond); i++) {
        uint64_t last = beyond[i].to - 8;

        qtest_writeq(m->qts, beyond[i].from, 0);
        qtest_writeb(m->qts, last, 0);
        g_assert_cmphex(qtest_readb(m->qts, beyond[i].from), ==, UINT8_MAX);
        g_assert_cmphex(qtest_readw(m->qts, beyond[i].from), ==, UINT16_MAX);
        g_assert_cmphex(qtest_readl(m->qts, beyond[i].from), ==, UINT32_MAX);
        g_assert_cmphex(qtest_readq(m->qts, beyond[i].from), ==, UINT64_MAX);
        g_assert_cmphex(qtest_readq(m->qts, last), ==, UINT64_MAX);
    }
    end(m);
}

/* The BAR is where it is as long as PCI_COMMAND says so. */
static void test_command(void)
{
    Machine *m = start(new_server(true), BAR_VIEW);
    QTestState *qts = m->qts;

    place(m);
    qtest_writeq(qts, USEMEM, 42);
    g_assert_true(nvgrace_server_mapped(m->server, USEMEM, USEMEM_SIZE));

    enable_memory(qts, false);
    qtest_writeq(qts, USEMEM, 43);
    g_assert_cmphex(qtest_readq(qts, USEMEM), ==, 0);
    g_assert_false(nvgrace_server_mapped(m->server, USEMEM, USEMEM_SIZE));

    enable_memory(qts, true);
    g_assert_cmphex(qtest_readq(qts, USEMEM), ==, 42);
    g_assert_true(nvgrace_server_mapped(m->server, USEMEM, USEMEM_SIZE));
    g_assert_true(nvgrace_server_mapped(m->server, RESMEM, RESMEM_SIZE));
    end(m);
}

static void test_move(void)
{
    const uint64_t elsewhere = VIRT_MMIO_BAR + 32 * GiB;
    Machine *m = start(new_server(true), BAR_VIEW);
    QTestState *qts = m->qts;

    place(m);
    qtest_writeq(qts, USEMEM, 42);
    set_bar(qts, 4, elsewhere);
    g_assert_cmphex(qtest_readq(qts, elsewhere), ==, 42);
    g_assert_cmphex(qtest_readq(qts, USEMEM), ==, 0);
    nvgrace_server_visible(qts, elsewhere + USEMEM_SIZE - 8, m->usemem,
                           USEMEM_SIZE - 8);
    end(m);
}

static void test_reset(void)
{
    Machine *m = start(new_server(true), BAR_VIEW);
    QTestState *qts = m->qts;

    place(m);
    qtest_writeq(qts, USEMEM, 42);
    qtest_writeq(qts, RESMEM, 43);
    qtest_system_reset(qts);
    nvgrace_set_bus(qts, 0, 1, 1);
    for (int nr = 2; nr <= 4; nr += 2) {
        g_assert_cmphex(get_bar(qts, nr), ==, MEMORY_BAR);
    }
    g_assert_false(nvgrace_server_mapped(m->server, USEMEM, USEMEM_SIZE));

    place(m);
    g_assert_cmphex(qtest_readq(qts, USEMEM), ==, 42);
    g_assert_cmphex(qtest_readq(qts, RESMEM), ==, 43);
    end(m);
}

/*
 * A guest may put a BAR where VFIO cannot map it, or the map may fail as here,
 * when the server has gone: that must not be the end of the guest.
 */
static void test_map_fails(void)
{
    Machine *m = start(new_server(true), BAR_VIEW);

    open_window(m->qts);
    set_bar(m->qts, 4, USEMEM);
    nvgrace_server_leave(m->server);
    enable_memory(m->qts, true);
    qtest_writeq(m->qts, USEMEM, 42);
    g_assert_cmphex(qtest_readq(m->qts, USEMEM), ==, 42);
    end(m);
}

/* All that ACPI says is which nodes there are. */
static void test_tables(void)
{
    Machine *m = start(new_server(true), BAR_VIEW);
    g_autoptr(GByteArray) tables = nvgrace_acpi_read(m->qts);
    const uint8_t *dsdt;
    size_t size;

    dsdt = nvgrace_acpi_table(tables, "DSDT", &size);
    g_assert_nonnull(dsdt);
    g_assert_null(memmem(dsdt, size, "nvidia,", 7));
    g_assert_null(memmem(dsdt, size, "_DSD", 4));
    check_memory_affinity(srat_structure(tables, 1, 1), 1, 0, 0, 3);
    check_generic_initiator(srat_structure(tables, 5, 0), 1, 1);
    g_assert_null(srat_structure(tables, 5, 1));
    end(m);
}

/* Nothing is below the PCI window, and EGM needs no place of the GPU's. */
static void test_no_place(void)
{
    Machine *m = start(new_server(true), BAR_VIEW ",\"egm-node\":0");

    for (uint64_t addr = 257 * GiB; addr < VIRT_MMIO_BAR; addr += GiB) {
        qtest_writeq(m->qts, addr, 1);
        g_assert_cmphex(qtest_readq(m->qts, addr), ==, 0);
    }
    end(m);
}

static void test_query(void)
{
    Machine *m = start(new_server(true), BAR_VIEW);
    QDict *gpu = nvgrace_query(m->qts, "gpu1");

    g_assert_nonnull(gpu);
    g_assert_cmpstr(qdict_get_str(gpu, "guest-view"), ==, "bar");
    g_assert_cmphex(qdict_get_int(gpu, "usemem-size"), ==, USEMEM_SIZE);
    g_assert_cmphex(qdict_get_int(gpu, "resmem-size"), ==, RESMEM_SIZE);
    g_assert_false(qdict_haskey(gpu, "usemem-addr"));
    g_assert_false(qdict_haskey(gpu, "resmem-addr"));
    qobject_unref(gpu);

    place(m);
    gpu = nvgrace_query(m->qts, "gpu1");
    g_assert_cmphex(qdict_get_int(gpu, "usemem-addr"), ==, USEMEM);
    g_assert_cmphex(qdict_get_int(gpu, "resmem-addr"), ==, RESMEM);
    qobject_unref(gpu);
    end(m);
}

static void test_eject(void)
{
    Machine *m = start(new_server(true), BAR_VIEW);

    place(m);
    nvgrace_eject(m->qts, 1);
    g_assert_null(nvgrace_query(m->qts, "gpu1"));
    g_assert_cmphex(qtest_readq(m->qts, USEMEM), ==, 0);
    g_assert_cmphex(qtest_readl(m->qts, CONFIG), ==, UINT32_MAX);
    end(m);
}

static void test_migration(const void *options)
{
    Machine *m = start(new_server(true), options);

    nvgrace_check_migration(m->qts);
    end(m);
}

static void test_property(void)
{
    Machine *m = start(new_server(true), BAR_VIEW);
    QDict *rsp = qtest_qmp(m->qts, "{'execute': 'qom-set', 'arguments': "
                           "{'path': '/machine/peripheral/gpu1', "
                           "'property': 'guest-view', 'value': 'acpi'}}");

    g_assert_true(qdict_haskey(rsp, "error"));
    qobject_unref(rsp);
    rsp = qtest_qmp(m->qts, "{'execute': 'qom-get', 'arguments': "
                    "{'path': '/machine/peripheral/gpu1', "
                    "'property': 'guest-view'}}");
    g_assert_cmpstr(qdict_get_str(rsp, "return"), ==, "bar");
    qobject_unref(rsp);
    end(m);
}

/*
 * Real BARs: 2 is NVIDIA's BAR1, in use on GPUs without resmem only
 */

static void test_hide_acpi(void)
{
    NVGraceServer *server = new_server(true);
    Machine *m;

    add_real_bar(server, 2, MEMORY_BAR, 64 * MiB);
    m = start(server, "");
    g_assert_cmphex(get_bar(m->qts, 2), ==, 0);
    g_assert_cmphex(size_bar(m->qts, 2), ==, 0);
    g_assert_cmphex(size_bar(m->qts, 4), ==, 0);
    g_assert_cmphex(qtest_readl(m->qts, BAR(0)), ==, 0);
    g_assert_cmphex(qtest_readq(m->qts, 264 * GiB), ==, 0);
    nvgrace_server_visible(m->qts, 264 * GiB, m->usemem, 0);
    end(m);
}

static void test_hide_bar(void)
{
    NVGraceServer *server = new_server(true);
    Machine *m;

    add_real_bar(server, 2, MEMORY_BAR, 64 * MiB);
    m = start(server, BAR_VIEW);
    g_assert_cmphex(size_bar(m->qts, 2), ==, RESMEM_BAR);
    place(m);
    nvgrace_server_visible(m->qts, RESMEM, m->resmem, 0);
    end(m);
}

/* Mapped, as the kernel lets vfio-pci map it */
static void test_hide_mapped(void)
{
    NVGraceServer *server = new_server(true);
    Machine *m;

    add_real_bar(server, 2, MEMORY_BAR, 64 * MiB);
    server->regions[2].flags |= VFIO_REGION_INFO_FLAG_MMAP;
    server->regions[2].fd = nvgrace_server_file(64 * MiB);
    m = start(server, "");
    g_assert_cmphex(size_bar(m->qts, 2), ==, 0);
    nvgrace_eject(m->qts, 1);
    end(m);
}

/* Two BARs of 32 bits each are in the way of one of 64 bits. */
static void test_hide_narrow(void)
{
    NVGraceServer *server = new_server(true);
    Machine *m;

    add_real_bar(server, 2, PCI_BASE_ADDRESS_SPACE_MEMORY, 4096);
    add_real_bar(server, 3, PCI_BASE_ADDRESS_SPACE_MEMORY, 4096);
    m = start(server, BAR_VIEW);
    g_assert_cmphex(size_bar(m->qts, 2), ==, RESMEM_BAR);
    end(m);
}

static void test_keep_bar1(const void *options)
{
    NVGraceServer *server = new_server(false);
    Machine *m;

    add_real_bar(server, 2, MEMORY_BAR, 64 * MiB);
    m = start(server, options);
    g_assert_cmphex(get_bar(m->qts, 2), ==, MEMORY_BAR);
    g_assert_cmphex(size_bar(m->qts, 2), ==, 64 * MiB);
    end(m);
}

/* There is no such GPU yet. */
static void test_real_bar4(void)
{
    NVGraceServer *server = new_server(false);
    Machine *m;

    add_real_bar(server, 4, PCI_BASE_ADDRESS_SPACE_MEMORY, 4096);
    m = start(server, "");
    g_assert_cmphex((uint32_t)size_bar(m->qts, 4), ==, 4096);
    end(m);

    server = new_server(false);
    add_real_bar(server, 4, PCI_BASE_ADDRESS_SPACE_MEMORY, 4096);
    m = start(server, BAR_VIEW);
    g_assert_cmphex(size_bar(m->qts, 4), ==, USEMEM_BAR);
    end(m);
}

/*
 * Refusals
 */

static int run(NVGraceServer *server, const char *machine, const char *options,
               char **output)
{
    g_autofree char *json = device(server, options);
    g_autofree char *args = g_strdup_printf("-machine virt,gic-version=3%s "
                                            "-cpu max -m 1G -net none "
                                            NVGRACE_PORT(1) "-device %s",
                                            machine, json);
    int status = nvgrace_run(args, output);

    nvgrace_server_free(server);
    return status;
}

/* The guest needs the vectors, so their BAR cannot go. */
static void test_msix(void)
{
    const uint8_t cap = 0x80;
    NVGraceServer *server = new_server(true);
    g_autofree char *output = NULL;

    add_real_bar(server, 2, MEMORY_BAR, 64 * KiB);
    server->config[0x40 + PCI_CAP_LIST_NEXT] = cap;
    server->config[cap] = PCI_CAP_ID_MSIX;
    stl_le_p(server->config + cap + PCI_MSIX_TABLE, 2);
    stl_le_p(server->config + cap + PCI_MSIX_PBA, 0x1000 | 2);
    g_assert_cmpint(run(server, "", "", &output), ==, 1);
    g_assert_nonnull(strstr(output, "BAR 2 cannot be hidden from the guest"));
    g_assert_nonnull(strstr(output, "Leave x-msix-relocation="));
}

/* GPUs of so many GiB, of which some are BARs, and so much RAM */
typedef struct Machines {
    int gpus;
    int gpu_gib;
    int ram_gib;
    const char *cpu;
    const char *machine;
    bool (*is_bar)(int number);
} Machines;

static bool all_bars(int number)
{
    return true;
}

static bool every_second(int number)
{
    return number % 2;
}

static int run_machines(const Machines *m, char **output)
{
    g_autoptr(GString) args = g_string_new(NULL);
    NVGraceServer *servers[8];
    int status;

    g_string_printf(args, "-machine virt,gic-version=3,memory-backend=ram%s "
                    "%s -net none -m %dG -object memory-backend-ram,id=ram,"
                    "size=%dG,reserve=off ", m->machine, m->cpu, m->ram_gib,
                    m->ram_gib);
    for (int i = 0; i < m->gpus; i++) {
        g_autofree char *json = NULL;

        servers[i] = nvgrace_server_new();
        nvgrace_server_add(servers[i], VFIO_REGION_SUBTYPE_NVGRACE_USEMEM,
                           m->gpu_gib * GiB);
        nvgrace_server_add(servers[i], VFIO_REGION_SUBTYPE_NVGRACE_RESMEM, GiB);
        json = nvgrace_server_device(servers[i], 1 + i,
                                     m->is_bar(i) ? BAR_VIEW : "");
        g_string_append_printf(args, "-device pcie-root-port,id=rp%d,"
                               "chassis=%d -device %s ", 1 + i, 1 + i, json);
    }
    status = nvgrace_run(args->str, output);
    for (int i = 0; i < m->gpus; i++) {
        nvgrace_server_free(servers[i]);
    }
    return status;
}

/* TCG's largest CPU, without a flag */
static void test_machines(void)
{
    static const int gpus[] = { 1, 2, 4, 8 };
    static const int gpu_gib[] = { 96, 186, 279 };
    static const int ram_gib[] = { 4, 400, 900 };

    for (int i = 0; i < ARRAY_SIZE(gpus) * ARRAY_SIZE(gpu_gib) *
                        ARRAY_SIZE(ram_gib); i++) {
        Machines m = {
            .gpus = gpus[i / 9],
            .gpu_gib = gpu_gib[i / 3 % 3],
            .ram_gib = ram_gib[i % 3],
            .cpu = "-accel tcg -cpu max",
            .machine = "",
        };
        g_autofree char *output = NULL, *mixed = NULL;

        m.is_bar = all_bars;
        g_assert_cmpint(run_machines(&m, &output), ==, 0);
        m.is_bar = every_second;
        g_assert_cmpint(run_machines(&m, &mixed), ==, 0);
    }
}

/*
 * A GPU of 200 GiB has a BAR of 256 GiB and one of 1 GiB, so that the window of
 * the port above it has 512 GiB: 40 address bits are too few for that and for
 * the BARs of other devices.
 */
static void test_window(void)
{
    Machines m = {
        .gpus = 1, .gpu_gib = 200, .ram_gib = 1, .is_bar = all_bars,
        .cpu = "-cpu cortex-a53", .machine = "",
    };
    g_autofree char *output = NULL, *output2 = NULL, *output3 = NULL;

    g_assert_cmpint(run_machines(&m, &output), ==, 1);
    g_assert_nonnull(strstr(output, "the BARs of 1 GPUs take 0x8000000000 "
                            "bytes behind their root ports"));
    g_assert_nonnull(strstr(output, "window of 0x8000000000 bytes"));
    g_assert_nonnull(strstr(output, "This takes 41 bits of guest physical "
                            "address, and this CPU has 40"));
    m.cpu = "-cpu max";
    g_assert_cmpint(run_machines(&m, &output2), ==, 0);

    g_assert_cmpint(run(new_server(true), ",highmem-mmio=off", BAR_VIEW,
                        &output3), ==, 1);
    g_assert_nonnull(strstr(output3, "highmem-mmio=on"));
}

/* 44 bits are too few for eight BARs of 512 GiB, but not for seven. */
static void test_window_eight(void)
{
    Machines m = {
        .gpus = 8, .gpu_gib = 279, .ram_gib = 4, .is_bar = all_bars,
        .cpu = "-cpu cortex-a57", .machine = "",
    };
    g_autofree char *output = NULL, *output2 = NULL;

    g_assert_cmpint(run_machines(&m, &output), ==, 1);
    g_assert_nonnull(strstr(output, "the BARs of 8 GPUs take 0x80000000000 "));
    g_assert_nonnull(strstr(output, "This takes 45 bits"));
    m.gpus = 7;
    g_assert_cmpint(run_machines(&m, &output2), ==, 0);
}

/*
 * The window that 1 TiB and another BAR take would be where the memory of
 * another GPU is, which the user has put there: no size of it helps.
 */
static void test_window_beside(void)
{
    NVGraceServer *server = nvgrace_server_new();
    g_autofree char *output = NULL, *json = NULL, *args = NULL;

    nvgrace_server_add(server, VFIO_REGION_SUBTYPE_NVGRACE_USEMEM, 1 * TiB);
    nvgrace_server_add(server, VFIO_REGION_SUBTYPE_NVGRACE_RESMEM, RESMEM_SIZE);
    json = device(server, BAR_VIEW);
    args = g_strdup_printf(NVGRACE_MACHINE
                           NVGRACE(2, "1G", "model=gb200,"
                                   "mem-addr=0x60000000000")
                           NVGRACE_PORT(1) "-device %s", json);
    g_assert_cmpint(nvgrace_run(args, &output), ==, 1);
    nvgrace_server_free(server);
    g_assert_nonnull(strstr(output, "the BARs of 1 GPUs take 0x20000000000 "));
    g_assert_nonnull(strstr(output, "leave their mem-addr= out"));
    g_assert_null(strstr(output, "highmem-mmio-size="));
}

static void test_view_unknown(void)
{
    g_autofree char *output = NULL;

    g_assert_cmpint(run(new_server(true), "", ",\"guest-view\":\"baz\"",
                        &output), ==, 1);
    g_assert_nonnull(strstr(output, "baz"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    if (!qtest_has_device("vfio-user-pci-nvgrace")) {
        g_test_message("this QEMU has no vfio-user");
        return g_test_run();
    }
    qtest_add_func("nvgrace-bar/size/gh200", test_size);
    qtest_add_func("nvgrace-bar/size/gb200", test_size_gb200);
    qtest_add_func("nvgrace-bar/type", test_type);
    qtest_add_func("nvgrace-bar/sub-dword", test_sub_dword);
    qtest_add_func("nvgrace-bar/memory", test_memory);
    qtest_add_func("nvgrace-bar/beyond", test_beyond);
    qtest_add_func("nvgrace-bar/command", test_command);
    qtest_add_func("nvgrace-bar/move", test_move);
    qtest_add_func("nvgrace-bar/reset", test_reset);
    qtest_add_func("nvgrace-bar/map-fails", test_map_fails);
    qtest_add_func("nvgrace-bar/tables", test_tables);
    qtest_add_func("nvgrace-bar/no-place", test_no_place);
    qtest_add_func("nvgrace-bar/query", test_query);
    qtest_add_func("nvgrace-bar/eject", test_eject);
    qtest_add_data_func("nvgrace-bar/migration/acpi", "", test_migration);
    qtest_add_data_func("nvgrace-bar/migration/bar", BAR_VIEW, test_migration);
    qtest_add_func("nvgrace-bar/property", test_property);
    qtest_add_func("nvgrace-bar/hide/acpi", test_hide_acpi);
    qtest_add_func("nvgrace-bar/hide/bar", test_hide_bar);
    qtest_add_func("nvgrace-bar/hide/mapped", test_hide_mapped);
    qtest_add_func("nvgrace-bar/hide/narrow", test_hide_narrow);
    qtest_add_data_func("nvgrace-bar/keep/acpi", "", test_keep_bar1);
    qtest_add_data_func("nvgrace-bar/keep/bar", BAR_VIEW, test_keep_bar1);
    qtest_add_func("nvgrace-bar/real-bar4", test_real_bar4);
    qtest_add_func("nvgrace-bar/refuses/msix", test_msix);
    qtest_add_func("nvgrace-bar/machines", test_machines);
    qtest_add_func("nvgrace-bar/refuses/window", test_window);
    qtest_add_func("nvgrace-bar/refuses/window-eight", test_window_eight);
    qtest_add_func("nvgrace-bar/refuses/window-beside", test_window_beside);
    qtest_add_func("nvgrace-bar/refuses/view", test_view_unknown);
    return g_test_run();
}
