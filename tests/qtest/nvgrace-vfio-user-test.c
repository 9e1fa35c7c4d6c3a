/*
 * QTest: coherent memory of Grace GPUs from the regions of a VFIO device
 *
 * The device is vfio-user-pci-nvgrace, so that the other side is a thread of
 * this program; what it says is what hw/vfio/nvgrace-discover.c has to take or
 * to refuse, from the kernel as well.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/vfio_nvgrace.h>
#include <sys/resource.h>
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
#define TYPE_SIZE ((uint32_t)sizeof(struct vfio_region_info_cap_type))

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

/* Arguments of the device without quotes; @options are JSON, may be "" */
static char *device_json(int n, const char *path, const char *options)
{
    return g_strdup_printf("{\"driver\":\"vfio-user-pci-nvgrace\","
                           "\"id\":\"gpu%d\",\"bus\":\"rp%d\","
                           "\"socket\":{\"type\":\"unix\",\"path\":\"%s\"}%s}",
                           n, n, path, options);
}

static QTestState *start(NVGraceServer *server, const char *options)
{
    g_autofree char *json = device_json(1, nvgrace_server_start(server),
                                        options);

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
    json1 = device_json(1, nvgrace_server_start(one), "");
    json2 = device_json(2, nvgrace_server_start(two), "");
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

/* Each of these makes the server say something that must be refused. */

static void none(NVGraceServer *server)
{
}

static void other_types(NVGraceServer *server)
{
    nvgrace_server_add(server, 1, USEMEM_SIZE);
}

static void bar(NVGraceServer *server)
{
    ServerRegion *region;

    server->num_regions = VFIO_PCI_BAR2_REGION_INDEX;
    region = nvgrace_server_add(server, USEMEM, 4096);
    region->flags &= ~VFIO_REGION_INFO_FLAG_MMAP;
    server->num_regions = VFIO_PCI_NUM_REGIONS;
}

static void resmem_alone(NVGraceServer *server)
{
    nvgrace_server_add(server, RESMEM, RESMEM_SIZE);
}

static void usemem_twice(NVGraceServer *server)
{
    add_gh200(server);
    nvgrace_server_add(server, USEMEM, USEMEM_SIZE);
}

static void resmem_twice(NVGraceServer *server)
{
    add_gh200(server);
    nvgrace_server_add(server, RESMEM, RESMEM_SIZE);
}

static void size_zero(NVGraceServer *server)
{
    add_gh200(server);
    server->regions[FIRST].size = 0;
}

static void size_unaligned(NVGraceServer *server)
{
    add_gh200(server);
    server->regions[FIRST + 1].size = 0x1234567;
}

static void size_huge(NVGraceServer *server)
{
    add_gh200(server);
    server->regions[FIRST].size = TiB + 64 * KiB;
}

static void size_max(NVGraceServer *server)
{
    add_gh200(server);
    server->regions[FIRST + 1].size = -(64 * KiB);
}

static void no_mmap(NVGraceServer *server)
{
    add_gh200(server);
    server->regions[FIRST].flags &= ~VFIO_REGION_INFO_FLAG_MMAP;
}

static void no_write(NVGraceServer *server)
{
    add_gh200(server);
    server->regions[FIRST + 1].flags &= ~VFIO_REGION_INFO_FLAG_WRITE;
}

static void no_description(NVGraceServer *server)
{
    add_gh200(server);
    server->regions[FIRST + 1].error = EPERM;
}

static void cap_inside(NVGraceServer *server)
{
    add_gh200(server);
    server->regions[FIRST].cap_offset = 8;
}

static void cap_beyond(NVGraceServer *server)
{
    add_gh200(server);
    server->regions[FIRST].cap_offset = INFO_SIZE + TYPE_SIZE;
}

static void next_cap(NVGraceServer *server, uint32_t next)
{
    ServerRegion *region;

    add_gh200(server);
    region = &server->regions[FIRST];
    g_byte_array_set_size(region->caps, 0);
    nvgrace_server_cap(region, OTHER_CAP, next, "", 0);
}

static void next_inside(NVGraceServer *server)
{
    next_cap(server, 8);
}

static void next_overlapping_end(NVGraceServer *server)
{
    next_cap(server, INFO_SIZE + 1);
}

static void next_beyond(NVGraceServer *server)
{
    next_cap(server, UINT32_MAX);
}

static void next_itself(NVGraceServer *server)
{
    next_cap(server, INFO_SIZE);
}

static void next_circle(NVGraceServer *server)
{
    next_cap(server, INFO_SIZE + 8);
    nvgrace_server_cap(&server->regions[FIRST], OTHER_CAP, INFO_SIZE, "", 0);
}

static void type_truncated(NVGraceServer *server)
{
    add_gh200(server);
    g_byte_array_set_size(server->regions[FIRST].caps, TYPE_SIZE - 4);
}

static void change_fd(ServerRegion *region, int fd)
{
    close(region->fd);
    region->fd = fd;
}

static void no_fd(NVGraceServer *server)
{
    add_gh200(server);
    change_fd(&server->regions[FIRST], -1);
}

static void fd_read_only(NVGraceServer *server)
{
    g_autofree char *path = NULL;

    add_gh200(server);
    path = g_strdup_printf("/proc/self/fd/%d", server->regions[FIRST + 1].fd);
    change_fd(&server->regions[FIRST + 1], open(path, O_RDONLY | O_CLOEXEC));
    g_assert_cmpint(server->regions[FIRST + 1].fd, >=, 0);
}

static void file_short(NVGraceServer *server)
{
    add_gh200(server);
    change_fd(&server->regions[FIRST], nvgrace_server_file(GiB));
}

static void file_before_offset(NVGraceServer *server)
{
    add_gh200(server);
    server->regions[FIRST].offset = -(64 * KiB);
}

static void offset_unaligned(NVGraceServer *server)
{
    add_gh200(server);
    server->regions[FIRST].size -= 64 * KiB;
    server->regions[FIRST].offset = 0x234;
}

static void no_room(NVGraceServer *server)
{
    nvgrace_server_add(server, USEMEM, 512 * GiB);
}

/* The first message after the last description is the DMA map of usemem. */
static void dma_map_fails(NVGraceServer *server)
{
    add_gh200(server);
    server->end = SERVER_ANSWERS;
    server->end_command = VFIO_USER_DEVICE_GET_REGION_INFO;
    server->end_index = FIRST + 1;
    /* the answer to the first tells how much room the second needs */
    server->end_skip = 1;
}

typedef struct Refusal {
    const char *path;
    void (*set_up)(NVGraceServer *server);
    const char *options;
    const char *message;
    const char *remedy;
} Refusal;

#define SERVER_FAULT "a mistake of the vfio-user server"

static const Refusal refusals[] = {
    {
        "regions/none", none, "",
        "none of its 9 regions has type 0x800010de and subtype 0x47480001",
        "use vfio-user-pci",
    }, {
        "regions/other", other_types, "", "none of its 10 regions has type",
        "use vfio-user-pci",
    }, {
        "regions/bar", bar, "", "none of its 9 regions has type",
        "use vfio-user-pci",
    }, {
        "regions/resmem-alone", resmem_alone, "",
        "resmem (region 9), but no usemem", SERVER_FAULT,
    }, {
        "regions/usemem-twice", usemem_twice, "",
        "two regions of usemem, 9 and 11", SERVER_FAULT,
    }, {
        "regions/resmem-twice", resmem_twice, "",
        "two regions of resmem, 10 and 11", SERVER_FAULT,
    }, {
        "regions/no-description", no_description, "",
        "does not describe its region 10 of 11: Operation not permitted",
        SERVER_FAULT,
    }, {
        "size/zero", size_zero, "", "usemem (region 9) has 0x0 bytes",
        SERVER_FAULT,
    }, {
        "size/unaligned", size_unaligned, "",
        "resmem (region 10) has 0x1234567 bytes, not a multiple", SERVER_FAULT,
    }, {
        "size/huge", size_huge, "", "usemem (region 9) has 0x10000010000 bytes",
        SERVER_FAULT,
    }, {
        "size/max", size_max, "",
        "resmem (region 10) has 0xffffffffffff0000 bytes", SERVER_FAULT,
    }, {
        "flags/no-mmap", no_mmap, "", "its flags are 0xb, 0x7 are needed",
        SERVER_FAULT,
    }, {
        "flags/no-write", no_write, "", "its flags are 0xd, 0x7 are needed",
        SERVER_FAULT,
    }, {
        /* QEMU's client looks at the first offset, nobody at the others */
        "caps/first-inside", cap_inside, "",
        "does not describe its region 9 of 11: Invalid argument", SERVER_FAULT,
    }, {
        "caps/first-beyond", cap_beyond, "",
        "does not describe its region 9 of 11: Invalid argument", SERVER_FAULT,
    }, {
        "caps/next-inside", next_inside, "",
        "region 9 has a capability at offset 8, not between 32 and 40",
        SERVER_FAULT,
    }, {
        "caps/next-overlapping-end", next_overlapping_end, "",
        "region 9 has a capability at offset 33, not between 32 and 40",
        SERVER_FAULT,
    }, {
        "caps/next-beyond", next_beyond, "",
        "region 9 has a capability at offset 4294967295", SERVER_FAULT,
    }, {
        "caps/next-itself", next_itself, "", "chained in a circle",
        SERVER_FAULT,
    }, {
        "caps/next-circle", next_circle, "", "chained in a circle",
        SERVER_FAULT,
    }, {
        "caps/type-truncated", type_truncated, "",
        "region 9 has a capability at offset 32, not between 32 and 44",
        SERVER_FAULT,
    }, {
        "map/no-fd", no_fd, "",
        "cannot map 0xc0000000 bytes of usemem (region 9): Bad file descriptor",
        SERVER_FAULT,
    }, {
        "map/read-only", fd_read_only, "",
        "cannot map 0x40000000 bytes of resmem (region 10): Permission denied",
        SERVER_FAULT,
    }, {
        "map/short-file", file_short, "",
        "0xc0000000 bytes of usemem (region 9) are at offset 0x0 of a file of "
        "0x40000000 bytes", SERVER_FAULT,
    }, {
        "map/offset-beyond-file", file_before_offset, "",
        "(region 9) are at offset 0xffffffffffff0000 of a file", SERVER_FAULT,
    }, {
        "map/offset-unaligned", offset_unaligned, "",
        "bytes of usemem (region 9): Invalid argument", SERVER_FAULT,
    }, {
        "dma-map", dma_map_fails, "",
        "coherent memory cannot be mapped for DMA: Region usemem: ",
        "choose another by mem-addr=",
    }, {
        /* after all has been mapped, and to be undone */
        "plug/no-room", no_room, "", "no room for 512 GiB",
        "highmem-mmio-size=1024G",
    }, {
        "plug/overlap", add_gh200, ",\"mem-addr\":1073741824",
        "overlap guest RAM at 0x40000000-0x7fffffff", "Leave mem-addr= out",
    }, {
        "plug/pxm", add_gh200, ",\"pxm-start\":9", "pxm-start=9 leaves a gap",
        "Use pxm-start=1",
    }, {
        "check/pxm-count", add_gh200, ",\"pxm-count\":9",
        "pxm-count=9 is not between 1 and 8", "Bare metal has 8 per GPU",
    },
};

static int run(NVGraceServer *server, const char *options, char **output)
{
    g_autofree char *json = device_json(1, nvgrace_server_start(server),
                                        options);
    g_autofree char *args = g_strdup_printf(NVGRACE_MACHINE NVGRACE_PORT(1)
                                            "-device %s", json);

    return nvgrace_run(args, output);
}

static void test_refusal(const void *opaque)
{
    const Refusal *refusal = opaque;
    g_autoptr(NVGraceServer) server = nvgrace_server_new();
    g_autofree char *output = NULL;

    refusal->set_up(server);
    g_assert_cmpint(run(server, refusal->options, &output), ==, 1);
    g_assert_nonnull(strstr(output, refusal->message));
    g_assert_nonnull(strstr(output, refusal->remedy));
}

/* The address space that a process has used at most, in bytes */
static uint64_t peak_of(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/status", pid);
    g_autofree char *text = NULL;
    const char *peak;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    peak = strstr(text, "VmPeak:");
    g_assert_nonnull(peak);
    return g_ascii_strtoull(peak + strlen("VmPeak:"), NULL, 10) * KiB;
}

/* QEMU gets address space for all it needs, and for half of usemem. */
static void test_no_address_space(void)
{
    const uint64_t size = 128 * GiB;
    g_autoptr(NVGraceServer) server = nvgrace_server_new();
    g_autofree char *output = NULL;
    g_autofree char *said = g_strdup_printf("cannot reserve 0x%" PRIx64
                                            " bytes of address space",
                                            size + 2 * GiB);
    QTestState *qts = qtest_init(NVGRACE_MACHINE NVGRACE_PORT(1));
    struct rlimit limit, before;
    int status;

    nvgrace_server_add(server, USEMEM, size);
    g_assert_cmpint(getrlimit(RLIMIT_AS, &before), ==, 0);
    limit = before;
    limit.rlim_cur = peak_of(qtest_pid(qts)) + size / 2;
    qtest_quit(qts);

    g_assert_cmpint(setrlimit(RLIMIT_AS, &limit), ==, 0);
    status = run(server, "", &output);
    g_assert_cmpint(setrlimit(RLIMIT_AS, &before), ==, 0);
    g_assert_cmpint(status, ==, 1);
    g_assert_nonnull(strstr(output, said));
    g_assert_nonnull(strstr(output, "ulimit -v"));
}

/* When the server leaves, QEMU does so too, in order: not by a signal. */
typedef struct Leave {
    const char *path;
    enum vfio_user_command command;
    unsigned int index;
    unsigned int skip;
} Leave;

static const Leave leaves[] = {
    { "version", VFIO_USER_VERSION },
    { "device-info", VFIO_USER_DEVICE_GET_INFO },
    { "region-info/bar", VFIO_USER_DEVICE_GET_REGION_INFO,
      VFIO_PCI_BAR0_REGION_INDEX },
    { "region-info/config", VFIO_USER_DEVICE_GET_REGION_INFO,
      VFIO_PCI_CONFIG_REGION_INDEX },
    { "region-info/usemem", VFIO_USER_DEVICE_GET_REGION_INFO, FIRST },
    { "region-info/usemem-again", VFIO_USER_DEVICE_GET_REGION_INFO, FIRST, 1 },
    { "region-info/resmem", VFIO_USER_DEVICE_GET_REGION_INFO, FIRST + 1 },
    { "config-read", VFIO_USER_REGION_READ, VFIO_PCI_CONFIG_REGION_INDEX },
};

static void test_leave(const void *opaque)
{
    const Leave *leave = opaque;
    g_autoptr(NVGraceServer) server = nvgrace_server_new();
    g_autofree char *output = NULL;

    add_gh200(server);
    server->end = SERVER_SILENT;
    server->end_command = leave->command;
    server->end_index = leave->index;
    server->end_skip = leave->skip;
    g_assert_cmpint(run(server, ",\"x-msg-timeout\":100", &output), ==, 1);
    g_assert_nonnull(strstr(output, "vfio-user-pci-nvgrace"));
}

/*
 * QEMU's client waits for no answer to these, for guest RAM as for this: it
 * prints what the server said, and the memory is the guest's all the same.
 */
static void test_refused_dma_map(void)
{
    g_autoptr(NVGraceServer) server = nvgrace_server_new();
    QTestState *qts;

    add_gh200(server);
    server->refuse[VFIO_USER_DMA_MAP] = EPERM;
    qts = start(server, "");
    g_assert_cmpint(nvgrace_server_seen(server, VFIO_USER_DMA_MAP), >=, 3);
    nvgrace_server_visible(qts, 260 * GiB, server->regions[FIRST].fd, 0);
    qtest_quit(qts);
}

static void test_refused_device_info(void)
{
    g_autoptr(NVGraceServer) server = nvgrace_server_new();
    g_autofree char *output = NULL;

    add_gh200(server);
    server->refuse[VFIO_USER_DEVICE_GET_INFO] = EIO;
    g_assert_cmpint(run(server, "", &output), ==, 1);
    g_assert_nonnull(strstr(output, "VFIO_USER_DEVICE_GET_INFO failed"));
}

static void add(const char *group, const char *path, const void *data,
                GTestDataFunc test)
{
    g_autofree char *full = g_strdup_printf("nvgrace-vfio-user/%s/%s", group,
                                            path);

    qtest_add_data_func(full, data, test);
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
    qtest_add_func("nvgrace-vfio-user/dma-map", test_dma_map);
    qtest_add_func("nvgrace-vfio-user/reset", test_reset);
    qtest_add_func("nvgrace-vfio-user/power-state", test_power_state);
    qtest_add_func("nvgrace-vfio-user/properties", test_properties);
    qtest_add_func("nvgrace-vfio-user/tables", test_tables);
    qtest_add_func("nvgrace-vfio-user/chain", test_chain);
    for (int i = 0; i < ARRAY_SIZE(refusals); i++) {
        add("refuses", refusals[i].path, &refusals[i], test_refusal);
    }
    qtest_add_func("nvgrace-vfio-user/refuses/map/no-address-space",
                   test_no_address_space);
    for (int i = 0; i < ARRAY_SIZE(leaves); i++) {
        add("server-leaves", leaves[i].path, &leaves[i], test_leave);
    }
    qtest_add_func("nvgrace-vfio-user/server-refuses/dma-map",
                   test_refused_dma_map);
    qtest_add_func("nvgrace-vfio-user/server-refuses/device-info",
                   test_refused_device_info);
    return g_test_run();
}
