/*
 * QTest: coherent memory of Grace GPUs from the regions of a VFIO device
 *
 * The device is vfio-user-pci-nvgrace, so that the other side is a thread of
 * this program; what it says is what hw/vfio/nvgrace-discover.c has to take,
 * from the kernel as well.  What is refused is nvgrace-vfio-errors-test's.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/vfio_nvgrace.h>
#include "hw/pci/pci_regs.h"
#include "qemu/bswap.h"
#include "qemu/units.h"
#include "qobject/qdict.h"
#include "nvgrace-fwcfg.h"
#include "nvgrace-vfio-user-server.h"

#define USEMEM VFIO_REGION_SUBTYPE_NVGRACE_USEMEM
#define RESMEM VFIO_REGION_SUBTYPE_NVGRACE_RESMEM

/* Index of the first device-specific region */
#define FIRST VFIO_PCI_NUM_REGIONS
#define INFO_SIZE ((uint32_t)sizeof(struct vfio_region_info))

/* Any other capability */
#define OTHER_CAP 0x7fff

/* As Grace Hopper has it, small; and Grace Blackwell */
#define USEMEM_SIZE (3 * GiB)
#define RESMEM_SIZE (1 * GiB)

/* Where in config space this test puts the power management capability */
#define PM_CAP      0x80
#define PCI_D3HOT   3

static void add_gh200(NVGraceServer *server)
{
    nvgrace_server_add(server, USEMEM, USEMEM_SIZE);
    nvgrace_server_add(server, RESMEM, RESMEM_SIZE);
}

static void add_gb200(NVGraceServer *server)
{
    nvgrace_server_add(server, USEMEM, USEMEM_SIZE);
}

static QTestState *start(NVGraceServer *server, const char *options)
{
    g_autofree char *json = nvgrace_server_device(server, 1, options);

    return qtest_initf(NVGRACE_MACHINE NVGRACE_PORT(1) "-device '%s'", json);
}

static uint64_t get_property(QTestState *qts, const char *id, const char *name)
{
    g_autofree char *path = g_strdup_printf("/machine/peripheral/%s", id);
    QDict *rsp = qtest_qmp(qts, "{'execute': 'qom-get', 'arguments': "
                           "{'path': %s, 'property': %s}}", path, name);
    uint64_t value;

    g_assert_true(qdict_haskey(rsp, "return"));
    value = qdict_get_uint(rsp, "return");
    qobject_unref(rsp);
    return value;
}

static void test_gh200(void)
{
    g_autoptr(NVGraceServer) server = nvgrace_server_new();
    const uint64_t addr = 260 * GiB;
    const uint64_t end = addr + USEMEM_SIZE + RESMEM_SIZE;
    int usemem, resmem;
    QTestState *qts;

    add_gh200(server);
    usemem = server->regions[FIRST].fd;
    resmem = server->regions[FIRST + 1].fd;
    qts = start(server, "");

    g_assert_cmphex(get_property(qts, "gpu1", "mem-addr"), ==, addr);
    nvgrace_server_visible(qts, addr, usemem, 0);
    nvgrace_server_visible(qts, addr + USEMEM_SIZE - 8, usemem,
                           USEMEM_SIZE - 8);
    nvgrace_server_visible(qts, addr + USEMEM_SIZE, resmem, 0);
    nvgrace_server_visible(qts, end - 8, resmem, RESMEM_SIZE - 8);

    /* the seam */
    qtest_writeq(qts, addr + USEMEM_SIZE - 4, 0x1122334455667788ULL);
    g_assert_cmphex(qtest_readl(qts, addr + USEMEM_SIZE), ==, 0x11223344);

    /* nothing behind it */
    qtest_writeq(qts, end, 1);
    g_assert_cmphex(qtest_readq(qts, end), ==, 0);
    qtest_quit(qts);
}

static void test_gb200(void)
{
    g_autoptr(NVGraceServer) server = nvgrace_server_new();
    const uint64_t addr = 260 * GiB;
    QTestState *qts;

    add_gb200(server);
    qts = start(server, "");

    g_assert_cmphex(get_property(qts, "gpu1", "mem-addr"), ==, addr);
    nvgrace_server_visible(qts, addr, server->regions[FIRST].fd, 0);
    qtest_writeq(qts, addr + USEMEM_SIZE, 1);
    g_assert_cmphex(qtest_readq(qts, addr + USEMEM_SIZE), ==, 0);
    qtest_quit(qts);
}

/* usemem is first in the guest wherever its region is. */
static void test_order(void)
{
    g_autoptr(NVGraceServer) server = nvgrace_server_new();
    QTestState *qts;

    nvgrace_server_add(server, RESMEM, RESMEM_SIZE);
    nvgrace_server_add(server, USEMEM, USEMEM_SIZE);
    qts = start(server, "");
    nvgrace_server_visible(qts, 260 * GiB, server->regions[FIRST + 1].fd, 0);
    nvgrace_server_visible(qts, 260 * GiB + USEMEM_SIZE,
                           server->regions[FIRST].fd, 0);
    qtest_quit(qts);
}

/* Both regions in one file, as the kernel has all regions in one. */
static void test_offset(void)
{
    g_autoptr(NVGraceServer) server = nvgrace_server_new();
    int fd = nvgrace_server_file(2 * MiB + USEMEM_SIZE + RESMEM_SIZE);
    QTestState *qts;

    add_gh200(server);
    close(server->regions[FIRST].fd);
    close(server->regions[FIRST + 1].fd);
    server->regions[FIRST].fd = fd;
    server->regions[FIRST].offset = 2 * MiB + RESMEM_SIZE;
    server->regions[FIRST + 1].fd = dup(fd);
    server->regions[FIRST + 1].offset = 2 * MiB;
    qts = start(server, "");
    nvgrace_server_visible(qts, 260 * GiB, fd, 2 * MiB + RESMEM_SIZE);
    nvgrace_server_visible(qts, 260 * GiB + USEMEM_SIZE, fd, 2 * MiB);
    qtest_quit(qts);
}

/* Where QEMU has a file of the server's mapped, from its first byte on */
static uint64_t mapped_at(QTestState *qts, int fd)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/maps", qtest_pid(qts));
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    uint64_t found = 0;
    struct stat st;

    g_assert_cmpint(fstat(fd, &st), ==, 0);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        uint64_t start, offset, inode;

        if (sscanf(*line, "%" SCNx64 "-%*x %*s %" SCNx64 " %*x:%*x %" SCNu64,
                   &start, &offset, &inode) == 3 &&
            inode == st.st_ino && !offset && strstr(*line, "memfd:")) {
            g_assert_cmphex(found, ==, 0);
            found = start;
        }
    }
    g_assert_cmphex(found, !=, 0);
    return found;
}

/* What the kernel says of a mapping of QEMU's: "dd" if no core has it */
static bool in_cores(QTestState *qts, int fd)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/smaps", qtest_pid(qts));
    g_autofree char *start = g_strdup_printf("\n%" PRIx64 "-",
                                             mapped_at(qts, fd));
    g_autofree char *text = NULL;
    const char *flags;
    g_auto(GStrv) line = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    flags = strstr(text, start);
    g_assert_nonnull(flags);
    flags = strstr(flags, "VmFlags:");
    g_assert_nonnull(flags);
    line = g_strsplit(flags, "\n", 2);
    return !strstr(line[0], " dd");
}

/* Is the first page of the memory in a dump of the guest's memory? */
static bool in_dumps(QTestState *qts)
{
    static const char word[] = "this is in usemem";
    g_autofree char *file = NULL, *dump = NULL;
    int fd = g_file_open_tmp("nvgrace-XXXXXX.dump", &file, NULL);
    bool found = false;
    gsize length;
    QDict *rsp;

    g_assert_cmpint(fd, >=, 0);
    close(fd);
    qtest_memwrite(qts, 260 * GiB, word, sizeof(word));
    rsp = qtest_qmp(qts, "{'execute': 'dump-guest-memory', 'arguments': "
                    "{'paging': false, 'protocol': %s, 'begin': %" PRIu64 ", "
                    "'length': 4096}}",
                    (dump = g_strdup_printf("file:%s", file)), 260 * GiB);
    if (qdict_haskey(rsp, "return")) {
        g_autofree char *content = NULL;

        g_assert_true(g_file_get_contents(file, &content, &length, NULL));
        found = memmem(content, length, word, sizeof(word));
        g_assert_true(found);
    } else {
        g_assert_nonnull(strstr(qdict_get_str(qdict_get_qdict(rsp, "error"),
                                              "desc"), "no guest memory"));
    }
    qobject_unref(rsp);
    unlink(file);
    return found;
}

static const struct Dump {
    const char *path;
    const char *machine;
    const char *options;
    bool dumped;
    bool in_cores;
} dumps[] = {
    { "default", "", "", false, false },
    { "off", "", ",\"dump\":false", false, false },
    { "on", "", ",\"dump\":true", true, true },
    { "on-no-core", "-machine dump-guest-core=off ", ",\"dump\":true", true,
      false },
};

static void test_dump(const void *data)
{
    const struct Dump *dump = data;
    g_autoptr(NVGraceServer) server = nvgrace_server_new();
    g_autofree char *json = NULL;
    QTestState *qts;

    add_gh200(server);
    json = nvgrace_server_device(server, 1, dump->options);
    qts = qtest_initf(NVGRACE_MACHINE "%s" NVGRACE_PORT(1) "-device '%s'",
                      dump->machine, json);
    g_assert_cmpint(in_dumps(qts), ==, dump->dumped);
    g_assert_cmpint(in_cores(qts, server->regions[FIRST].fd), ==,
                    dump->in_cores);
    g_assert_cmpint(in_cores(qts, server->regions[FIRST + 1].fd), ==,
                    dump->in_cores);
    qtest_quit(qts);
}

/* In a BAR it is in neither, whatever is asked for. */
static void test_dump_bar(void)
{
    g_autoptr(NVGraceServer) server = nvgrace_server_new();
    QTestState *qts;

    add_gh200(server);
    qts = start(server, ",\"guest-view\":\"bar\"");
    g_assert_false(in_cores(qts, server->regions[FIRST].fd));
    g_assert_false(in_cores(qts, server->regions[FIRST + 1].fd));
    qtest_quit(qts);
}

/* "info ramblock" names both, by the device in the guest; @data: options */
static void test_ramblock(const void *data)
{
    g_autoptr(NVGraceServer) server = nvgrace_server_new();
    g_autofree char *text = NULL;
    QTestState *qts;

    add_gh200(server);
    qts = start(server, data);
    text = qtest_hmp(qts, "info ramblock");
    g_assert_nonnull(strstr(text, "0000:00:01.0:00.0/usemem"));
    g_assert_nonnull(strstr(text, "0000:00:01.0:00.0/resmem"));
    qtest_quit(qts);
}

/* So that stage 2 can have the largest blocks there are: @data is a mem-addr */
static void test_congruent(const void *data)
{
    const uint64_t addr = GPOINTER_TO_SIZE(data);
    g_autoptr(NVGraceServer) server = nvgrace_server_new();
    g_autofree char *option = addr ? g_strdup_printf(",\"mem-addr\":%" PRIu64,
                                                     addr) : g_strdup("");
    uint64_t gpa;
    QTestState *qts;

    nvgrace_server_add(server, USEMEM, USEMEM_SIZE - 512 * MiB);
    nvgrace_server_add(server, RESMEM, RESMEM_SIZE);
    qts = start(server, option);
    gpa = get_property(qts, "gpu1", "mem-addr");
    g_assert_cmphex(gpa, ==, addr ?: 260 * GiB);
    g_assert_cmphex(mapped_at(qts, server->regions[FIRST].fd) % GiB, ==,
                    gpa % GiB);
    g_assert_cmphex(mapped_at(qts, server->regions[FIRST + 1].fd) % GiB, ==,
                    (gpa + USEMEM_SIZE - 512 * MiB) % GiB);
    qtest_quit(qts);
}

static void test_dma_map(void)
{
    g_autoptr(NVGraceServer) server = nvgrace_server_new();
    QTestState *qts;

    add_gh200(server);
    qts = start(server, "");
    g_assert_true(nvgrace_server_mapped(server, 260 * GiB, USEMEM_SIZE));
    g_assert_true(nvgrace_server_mapped(server, 260 * GiB + USEMEM_SIZE,
                                        RESMEM_SIZE));
    qtest_quit(qts);
}

static void test_reset(void)
{
    g_autoptr(NVGraceServer) server = nvgrace_server_new();
    QTestState *qts;
    int resets;

    add_gh200(server);
    qts = start(server, "");
    resets = nvgrace_server_seen(server, VFIO_USER_DEVICE_RESET);
    qtest_writeq(qts, 260 * GiB, 42);

    qtest_qmp_assert_success(qts, "{'execute': 'system_reset'}");
    qtest_qmp_eventwait(qts, "RESET");

    g_assert_cmpint(nvgrace_server_seen(server, VFIO_USER_DEVICE_RESET), ==,
                    resets + 1);
    g_assert_cmphex(get_property(qts, "gpu1", "mem-addr"), ==, 260 * GiB);
    g_assert_cmphex(qtest_readq(qts, 260 * GiB), ==, 42);
    g_assert_true(nvgrace_server_mapped(server, 260 * GiB, USEMEM_SIZE));
    qtest_quit(qts);
}

/* The guest sees the power state that it sets; the GPU stays in D0. */
static void test_power_state(void)
{
    const uint64_t pmcsr = VIRT_ECAM + (1 << 20) + PM_CAP + PCI_PM_CTRL;
    g_autoptr(NVGraceServer) server = nvgrace_server_new();
    QTestState *qts;

    add_gh200(server);
    server->config[server->config[PCI_CAPABILITY_LIST] + 1] = PM_CAP;
    server->config[PM_CAP] = PCI_CAP_ID_PM;
    stw_le_p(server->config + PM_CAP + PCI_PM_PMC, 3);
    qts = start(server, "");
    nvgrace_set_bus(qts, 0, 1, 1);

    /* as a word, and as a byte and a double word with it in */
    qtest_writew(qts, pmcsr, PCI_PM_CTRL_PME_ENABLE | PCI_D3HOT);
    g_assert_cmphex(qtest_readw(qts, pmcsr), ==,
                    PCI_PM_CTRL_PME_ENABLE | PCI_D3HOT);
    /* that read has been to the server, after the write */
    g_assert_cmphex(lduw_le_p(server->config + PM_CAP + PCI_PM_CTRL), ==,
                    PCI_PM_CTRL_PME_ENABLE);
    qtest_writeb(qts, pmcsr, 0);
    g_assert_cmphex(qtest_readb(qts, pmcsr), ==, 0);
    qtest_writel(qts, pmcsr, PCI_D3HOT);
    g_assert_cmphex(qtest_readl(qts, pmcsr), ==, PCI_D3HOT);
    g_assert_cmphex(lduw_le_p(server->config + PM_CAP + PCI_PM_CTRL), ==, 0);

    nvgrace_server_visible(qts, 260 * GiB, server->regions[FIRST].fd, 0);
    qtest_quit(qts);
}

static void test_properties(void)
{
    g_autoptr(NVGraceServer) server = nvgrace_server_new();
    QTestState *qts;
    QDict *rsp;

    add_gh200(server);
    /* not a multiple of 1 GiB */
    qts = start(server, ",\"mem-addr\":275414777856,\"pxm-start\":1,"
                        "\"pxm-count\":2");
    g_assert_cmphex(get_property(qts, "gpu1", "mem-addr"), ==, 0x4020000000ULL);
    g_assert_cmpuint(get_property(qts, "gpu1", "pxm-start"), ==, 1);
    g_assert_cmpuint(get_property(qts, "gpu1", "pxm-count"), ==, 2);
    nvgrace_server_visible(qts, 0x4020000000ULL, server->regions[FIRST].fd, 0);

    rsp = qtest_qmp(qts, "{'execute': 'qom-set', 'arguments': "
                    "{'path': '/machine/peripheral/gpu1', "
                    "'property': 'mem-addr', 'value': 0}}");
    g_assert_true(qdict_haskey(rsp, "error"));
    qobject_unref(rsp);
    g_assert_cmphex(get_property(qts, "gpu1", "mem-addr"), ==, 0x4020000000ULL);
    qtest_quit(qts);
}

/* The tables know no transport: the device is in them like any other. */
static void test_tables(void)
{
    g_autoptr(NVGraceServer) server = nvgrace_server_new();
    g_autoptr(GByteArray) tables = NULL;
    const uint8_t *table;
    QTestState *qts;
    size_t size;

    add_gh200(server);
    qts = start(server, ",\"pxm-count\":1");
    tables = nvgrace_acpi_read(qts);
    table = nvgrace_acpi_table(tables, "DSDT", &size);
    g_assert_nonnull(table);
    g_assert_nonnull(memmem(table, size, "nvidia,gpu-mem-base-pa", 22));
    qtest_quit(qts);
}

static void test_two(void)
{
    g_autoptr(NVGraceServer) one = nvgrace_server_new();
    g_autoptr(NVGraceServer) two = nvgrace_server_new();
    g_autofree char *json1 = NULL;
    g_autofree char *json2 = NULL;
    QTestState *qts;

    add_gh200(one);
    add_gb200(two);
    json1 = nvgrace_server_device(one, 1, "");
    json2 = nvgrace_server_device(two, 2, "");
    qts = qtest_initf(NVGRACE_MACHINE NVGRACE_PORT(1) NVGRACE_PORT(2)
                      "-device '%s' -device '%s'", json1, json2);
    nvgrace_server_visible(qts, 260 * GiB, one->regions[FIRST].fd, 0);
    nvgrace_server_visible(qts, 264 * GiB, two->regions[FIRST].fd, 0);

    /* peer to peer: each can reach the other's memory */
    g_assert_true(nvgrace_server_mapped(one, 264 * GiB, USEMEM_SIZE));
    g_assert_true(nvgrace_server_mapped(two, 260 * GiB, USEMEM_SIZE));
    qtest_quit(qts);
}

/*
 * Capabilities in any order and at any address are fine, also when others are
 * in between; so are regions of other types.
 */
static void test_chain(void)
{
    g_autoptr(NVGraceServer) server = nvgrace_server_new();
    const uint32_t type[] = { VFIO_REGION_TYPE_NVGRACE, USEMEM };
    const uint32_t unknown_type[] = { VFIO_REGION_TYPE_NVGRACE, 1 };
    const uint32_t other_type[] = { VFIO_REGION_TYPE_PCI_VENDOR_TYPE | 0x8086,
                                    USEMEM };
    ServerRegion *region;
    QTestState *qts;

    /* none at all, of another type, of another subtype, of no type */
    region = nvgrace_server_add(server, 0, 4096);
    g_byte_array_set_size(region->caps, 0);
    region = nvgrace_server_add(server, 0, 4096);
    g_byte_array_set_size(region->caps, 0);
    nvgrace_server_cap(region, VFIO_REGION_INFO_CAP_TYPE, 0, other_type, 8);
    region = nvgrace_server_add(server, 0, 4096);
    g_byte_array_set_size(region->caps, 0);
    nvgrace_server_cap(region, VFIO_REGION_INFO_CAP_TYPE, 0, unknown_type, 8);
    region = nvgrace_server_add(server, 0, 4096);
    g_byte_array_set_size(region->caps, 0);
    nvgrace_server_cap(region, OTHER_CAP, 0, "", 0);

    /* the type is at offset 32 + 9, the first capability behind it */
    region = nvgrace_server_add(server, USEMEM, USEMEM_SIZE);
    g_byte_array_set_size(region->caps, 0);
    g_byte_array_append(region->caps, (const uint8_t *)"123456789", 9);
    nvgrace_server_cap(region, VFIO_REGION_INFO_CAP_TYPE, 0, type, 8);
    region->cap_offset = INFO_SIZE + region->caps->len;
    nvgrace_server_cap(region, OTHER_CAP, INFO_SIZE + 9, "", 0);

    qts = start(server, "");
    nvgrace_server_visible(qts, 260 * GiB, region->fd, 0);
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    if (!qtest_has_device("vfio-user-pci-nvgrace")) {
        g_test_message("this QEMU has no vfio-user");
        return g_test_run();
    }
    qtest_add_func("nvgrace-vfio-user/memory/gh200", test_gh200);
    qtest_add_func("nvgrace-vfio-user/memory/gb200", test_gb200);
    qtest_add_func("nvgrace-vfio-user/memory/order", test_order);
    qtest_add_func("nvgrace-vfio-user/memory/offset", test_offset);
    qtest_add_func("nvgrace-vfio-user/memory/two", test_two);
    qtest_add_data_func("nvgrace-vfio-user/memory/congruent", NULL,
                        test_congruent);
    qtest_add_data_func("nvgrace-vfio-user/memory/congruent-512m",
                        GSIZE_TO_POINTER(0x4020000000ULL), test_congruent);
    for (int i = 0; i < ARRAY_SIZE(dumps); i++) {
        g_autofree char *path = g_strdup_printf("nvgrace-vfio-user/dump/%s",
                                                dumps[i].path);

        qtest_add_data_func(path, &dumps[i], test_dump);
    }
    qtest_add_func("nvgrace-vfio-user/dump/bar", test_dump_bar);
    qtest_add_data_func("nvgrace-vfio-user/ramblock/acpi", "", test_ramblock);
    qtest_add_data_func("nvgrace-vfio-user/ramblock/bar",
                        ",\"guest-view\":\"bar\"", test_ramblock);
    qtest_add_func("nvgrace-vfio-user/dma-map", test_dma_map);
    qtest_add_func("nvgrace-vfio-user/reset", test_reset);
    qtest_add_func("nvgrace-vfio-user/power-state", test_power_state);
    qtest_add_func("nvgrace-vfio-user/properties", test_properties);
    qtest_add_func("nvgrace-vfio-user/tables", test_tables);
    qtest_add_func("nvgrace-vfio-user/chain", test_chain);
    return g_test_run();
}
