/*
 * QTest: Grace GPUs on devices whose name says nothing of them
 *
 * vfio-user-pci stands for vfio-pci: what both do with coherent memory is
 * hw/vfio/nvgrace.c, and here the other side is a thread of this program.  The
 * command lines that people use are nvgrace-dropin-test's.
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

#define PLAIN "vfio-user-pci"

#define USEMEM_SIZE (3 * GiB)
#define RESMEM_SIZE (1 * GiB)

/* Index of the first device-specific region */
#define FIRST VFIO_PCI_NUM_REGIONS

/* Where the memory is when QEMU chooses, and the function's config space */
#define PLACE   (260 * GiB)
#define CONFIG  (VIRT_ECAM + (1 << 20))
#define PM_CAP  0x80
#define D3HOT   3

static NVGraceServer *gb200(void)
{
    NVGraceServer *server = nvgrace_server_new();

    nvgrace_server_add(server, VFIO_REGION_SUBTYPE_NVGRACE_USEMEM, USEMEM_SIZE);
    return server;
}

static NVGraceServer *gh200(void)
{
    NVGraceServer *server = gb200();

    nvgrace_server_add(server, VFIO_REGION_SUBTYPE_NVGRACE_RESMEM, RESMEM_SIZE);
    return server;
}

static NVGraceServer *none(void)
{
    return nvgrace_server_new();
}

static void add_power_management(NVGraceServer *server)
{
    server->config[server->config[PCI_CAPABILITY_LIST] + 1] = PM_CAP;
    server->config[PM_CAP] = PCI_CAP_ID_PM;
    stw_le_p(server->config + PM_CAP + PCI_PM_PMC, 3);
}

static QTestState *start(NVGraceServer *server, const char *options)
{
    g_autofree char *json = nvgrace_server_device_of(server, PLAIN, 1, options);

    return qtest_initf(NVGRACE_MACHINE NVGRACE_PORT(1) "-device '%s'", json);
}

/* What QEMU says when it starts, and ends */
static char *said(NVGraceServer *server, const char *machine,
                  const char *options, int status)
{
    g_autofree char *json = nvgrace_server_device_of(server, PLAIN, 1, options);
    g_autofree char *args = g_strdup_printf("%s -device %s", machine, json);
    char *output;

    g_assert_cmpint(nvgrace_run(args, &output), ==, status);
    return output;
}

#define PORT NVGRACE_MACHINE NVGRACE_PORT(1)

static void assert_contains(const char *text, const char *part)
{
    if (!strstr(text, part)) {
        g_error("no '%s' in: %s", part, text);
    }
}

static bool describes_memory(QTestState *qts)
{
    g_autoptr(GByteArray) tables = nvgrace_acpi_read(qts);
    size_t size;
    const uint8_t *dsdt = nvgrace_acpi_table(tables, "DSDT", &size);

    g_assert_nonnull(dsdt);
    return memmem(dsdt, size, "nvidia,gpu-mem-base-pa", 22);
}

static void check_view(QTestState *qts, const char *view)
{
    QDict *gpu = nvgrace_query(qts, "gpu1");

    g_assert_nonnull(gpu);
    g_assert_cmpstr(qdict_get_str(gpu, "guest-view"), ==, view);
    g_assert_cmpint(qdict_get_int(gpu, "pxm-count"), ==, 8);
    qobject_unref(gpu);
}

/*
 * The view
 */

static void test_gb200(void)
{
    g_autoptr(NVGraceServer) server = gb200();
    QTestState *qts = start(server, "");

    check_view(qts, "acpi");
    nvgrace_server_visible(qts, PLACE, server->regions[FIRST].fd, 0);
    g_assert_true(nvgrace_server_mapped(server, PLACE, USEMEM_SIZE));
    g_assert_true(describes_memory(qts));
    qtest_quit(qts);
}

static void test_gh200(void)
{
    g_autoptr(NVGraceServer) server = gh200();
    QTestState *qts = start(server, "");

    check_view(qts, "bar");
    g_assert_false(describes_memory(qts));
    nvgrace_set_bus(qts, 0, 1, 1);
    for (int nr = 2; nr <= 4; nr += 2) {
        g_assert_cmphex(qtest_readl(qts, CONFIG + PCI_BASE_ADDRESS_0 + 4 * nr),
                        ==, PCI_BASE_ADDRESS_MEM_TYPE_64 |
                        PCI_BASE_ADDRESS_MEM_PREFETCH);
    }
    qtest_quit(qts);
}

static void test_gh200_acpi(void)
{
    g_autoptr(NVGraceServer) server = gh200();
    QTestState *qts = start(server, ",\"nvgrace-view\":\"acpi\"");

    check_view(qts, "acpi");
    g_assert_true(describes_memory(qts));
    nvgrace_server_visible(qts, PLACE, server->regions[FIRST].fd, 0);
    nvgrace_server_visible(qts, PLACE + USEMEM_SIZE,
                           server->regions[FIRST + 1].fd, 0);
    qtest_quit(qts);
}

static void test_gb200_bar(void)
{
    g_autoptr(NVGraceServer) server = gb200();
    QTestState *qts = start(server, ",\"nvgrace-view\":\"bar\"");

    check_view(qts, "bar");
    g_assert_false(describes_memory(qts));
    qtest_quit(qts);
}

/* The property of that name of the device that has one of its own, too */
static void test_same_property(void)
{
    g_autoptr(NVGraceServer) server = gh200();
    g_autofree char *json = nvgrace_server_device(server, 1,
                                                  ",\"nvgrace-view\":\"bar\"");
    QTestState *qts = qtest_initf(PORT "-device '%s'", json);
    QDict *rsp;

    check_view(qts, "bar");
    rsp = qtest_qmp(qts, "{'execute': 'qom-set', 'arguments': "
                    "{'path': '/machine/peripheral/gpu1', "
                    "'property': 'nvgrace-view', 'value': 'acpi'}}");
    g_assert_true(qdict_haskey(rsp, "error"));
    qobject_unref(rsp);
    rsp = qtest_qmp(qts, "{'execute': 'qom-get', 'arguments': "
                    "{'path': '/machine/peripheral/gpu1', "
                    "'property': 'guest-view'}}");
    g_assert_cmpstr(qdict_get_str(rsp, "return"), ==, "bar");
    qobject_unref(rsp);
    qtest_quit(qts);
}

static void test_two(void)
{
    g_autoptr(NVGraceServer) one = gh200();
    g_autoptr(NVGraceServer) two = gb200();
    g_autofree char *json1 = nvgrace_server_device_of(one, PLAIN, 1, "");
    g_autofree char *json2 = nvgrace_server_device_of(two, PLAIN, 2, "");
    QTestState *qts = qtest_initf(PORT NVGRACE_PORT(2)
                                  "-device '%s' -device '%s'", json1, json2);
    QDict *gpu = nvgrace_query(qts, "gpu2");

    check_view(qts, "bar");
    g_assert_cmpstr(qdict_get_str(gpu, "guest-view"), ==, "acpi");
    g_assert_cmpint(qdict_get_int(gpu, "pxm-start"), ==, 9);
    qobject_unref(gpu);
    nvgrace_server_visible(qts, PLACE, two->regions[FIRST].fd, 0);
    qtest_quit(qts);
}

/*
 * What the log says
 */

static void test_says_acpi(void)
{
    g_autoptr(NVGraceServer) server = gb200();
    g_autofree char *output = said(server, PORT, "", 0);

    assert_contains(output, "info: vfio vfio-user:");
    assert_contains(output, ": coherent memory of a Grace GPU: 3 GiB at "
                    "0x4100000000, described by ACPI, NUMA nodes 1 to 8; "
                    "nvgrace-view= chooses\n");
}

static void test_says_bar(void)
{
    g_autoptr(NVGraceServer) server = gh200();
    g_autofree char *output = said(server, PORT, "", 0);

    assert_contains(output, "coherent memory of a Grace GPU: 3 GiB and 1 GiB "
                    "in BAR 4 and 2, NUMA nodes 1 to 8;");
}

/* The device that people type says nothing. */
static void test_says_nothing(void)
{
    g_autoptr(NVGraceServer) server = gb200();
    g_autofree char *json = nvgrace_server_device(server, 1, "");
    g_autofree char *args = g_strdup_printf(PORT "-device %s", json);
    g_autofree char *output = NULL;

    g_assert_cmpint(nvgrace_run(args, &output), ==, 0);
    g_assert_null(strstr(output, "info:"));
}

/*
 * Turned off, and other devices
 */

static void check_plain(NVGraceServer *server, QTestState *qts)
{
    const uint64_t pmcsr = CONFIG + PM_CAP + PCI_PM_CTRL;

    g_assert_null(nvgrace_query(qts, "gpu1"));
    g_assert_false(describes_memory(qts));
    qtest_writeq(qts, PLACE, 1);
    g_assert_cmphex(qtest_readq(qts, PLACE), ==, 0);
    g_assert_false(nvgrace_server_mapped(server, PLACE, USEMEM_SIZE));

    /* The power state is the device's. */
    nvgrace_set_bus(qts, 0, 1, 1);
    qtest_writew(qts, pmcsr, D3HOT);
    g_assert_cmphex(qtest_readw(qts, pmcsr), ==, D3HOT);
    g_assert_cmphex(lduw_le_p(server->config + PM_CAP + PCI_PM_CTRL), ==,
                    D3HOT);
}

static void test_off(void)
{
    g_autoptr(NVGraceServer) server = gh200();
    g_autoptr(NVGraceServer) other = gh200();
    g_autofree char *output = said(other, PORT, ",\"nvgrace-view\":\"off\"", 0);
    QTestState *qts;

    add_power_management(server);
    qts = start(server, ",\"nvgrace-view\":\"off\"");
    check_plain(server, qts);
    qtest_quit(qts);
    assert_contains(output, "nvgrace-view=off keeps the coherent memory of a "
                    "Grace GPU from the guest");
}

/* For all of a machine's devices */
static void test_off_globally(void)
{
    g_autoptr(NVGraceServer) server = gh200();
    g_autofree char *json = nvgrace_server_device_of(server, PLAIN, 1, "");
    QTestState *qts;

    add_power_management(server);
    qts = qtest_initf("-global " PLAIN ".nvgrace-view=off " PORT
                      "-device '%s'", json);
    check_plain(server, qts);
    qtest_quit(qts);
}

/* No memory, and no question about any either */
static void test_other_vendor(void)
{
    g_autoptr(NVGraceServer) server = gh200();
    g_autoptr(NVGraceServer) without = none();
    int asked, asked_without;
    QTestState *qts;

    stw_le_p(server->config + PCI_VENDOR_ID, 0x8086);
    add_power_management(server);
    qts = start(server, "");
    check_plain(server, qts);
    asked = nvgrace_server_seen(server, VFIO_USER_DEVICE_GET_REGION_INFO);
    qtest_quit(qts);

    stw_le_p(without->config + PCI_VENDOR_ID, 0x8086);
    qts = start(without, "");
    asked_without = nvgrace_server_seen(without,
                                        VFIO_USER_DEVICE_GET_REGION_INFO);
    qtest_quit(qts);
    g_assert_cmpint(asked, ==, asked_without);
}

static void test_no_regions(void)
{
    g_autoptr(NVGraceServer) server = none();
    g_autoptr(NVGraceServer) other = none();
    g_autofree char *output = said(other, PORT, "", 0);
    QTestState *qts;

    add_power_management(server);
    qts = start(server, "");
    check_plain(server, qts);
    qtest_quit(qts);
    g_assert_null(strstr(output, "info:"));
}

/* Of NVIDIA's, with regions that nobody understands */
static void test_other_regions(void)
{
    g_autoptr(NVGraceServer) server = none();
    ServerRegion *region;
    QTestState *qts;

    add_power_management(server);
    nvgrace_server_add(server, 1, USEMEM_SIZE);
    region = nvgrace_server_add(server, 2, 4096);
    region->error = EPERM;
    region = nvgrace_server_add(server, 3, 4096);
    g_byte_array_set_size(region->caps, 0);
    nvgrace_server_cap(region, 0x7fff, 8, "", 0);
    qts = start(server, "");
    check_plain(server, qts);
    qtest_quit(qts);
}

static GByteArray *tables_with(NVGraceServer *server, const char *options)
{
    QTestState *qts = start(server, options);
    GByteArray *tables = nvgrace_acpi_read(qts);

    qtest_quit(qts);
    return tables;
}

/* A device is a node of its address, whatever it is. */
static void test_same_tables(void)
{
    g_autoptr(NVGraceServer) off = gh200();
    g_autoptr(NVGraceServer) other = none();
    g_autoptr(GByteArray) a = tables_with(off, ",\"nvgrace-view\":\"off\"");
    g_autoptr(GByteArray) b = tables_with(other, "");
    g_autoptr(GByteArray) c = tables_of(PORT "-device virtio-rng-pci,bus=rp1");

    g_assert_cmpmem(a->data, a->len, b->data, b->len);
    g_assert_cmpmem(a->data, a->len, c->data, c->len);
}

/*
 * Address space: QEMU looks at the driver of the host's device before there is
 * any.  Of two devices, one needs more than what the memory map leaves, and
 * nothing tells beforehand; so it has room only when the other is taken for a
 * GPU.  That one is a directory, at which QEMU fails afterwards.
 */

static char *said_beside(const char *driver, const char *options)
{
    g_autoptr(NVGraceServer) server = nvgrace_server_new();
    g_autofree char *dir = g_dir_make_tmp("nvgrace-XXXXXX", NULL);
    g_autofree char *link = g_build_filename(dir, "driver", NULL);
    g_autofree char *target = g_strconcat("../drivers/", driver, NULL);
    g_autofree char *json = NULL;
    g_autofree char *args = NULL;
    char *output;

    nvgrace_server_add(server, VFIO_REGION_SUBTYPE_NVGRACE_USEMEM, 300 * GiB);
    g_assert_cmpint(symlink(target, link), ==, 0);
    json = nvgrace_server_device_of(server, PLAIN, 1, "");
    args = g_strdup_printf(PORT "-device %s -device {\"driver\":\"vfio-pci\","
                           "\"sysfsdev\":\"%s\"%s}", json, dir, options);
    g_assert_cmpint(nvgrace_run(args, &output), ==, 1);
    unlink(link);
    rmdir(dir);
    return output;
}

static void test_announced(void)
{
    g_autofree char *output = said_beside("nvgrace_region_vfio_pci", "");

    assert_contains(output, "coherent memory of a Grace GPU: 300 GiB at 0x");
}

static void test_not_announced(const void *opaque)
{
    const char *const *device = opaque;
    g_autofree char *output = said_beside(device[0], device[1]);

    assert_contains(output, "no room for 300 GiB of coherent GPU memory");
    assert_contains(output, "Use -machine virt,highmem-mmio-size=1024G");
}

static const char *const other_driver[] = { "vfio-pci", "" };
static const char *const turned_off[] = {
    "nvgrace_region_vfio_pci", ",\"nvgrace-view\":\"off\""
};

/* What the last error says to type is enough. */
static void test_remedy(void)
{
    g_autoptr(NVGraceServer) server = nvgrace_server_new();
    g_autofree char *output = NULL;

    nvgrace_server_add(server, VFIO_REGION_SUBTYPE_NVGRACE_USEMEM, 300 * GiB);
    output = said(server, PORT "-machine highmem-mmio-size=1024G", "", 0);
    assert_contains(output, "coherent memory of a Grace GPU: 300 GiB at 0x");
}

/*
 * Errors
 */

#define REMEDY "With nvgrace-view=off the guest gets the GPU without that " \
               "memory"

typedef struct Refusal {
    const char *path;
    const char *machine;
    const char *options;
    const char *message;
} Refusal;

static const Refusal refusals[] = {
    {
        "acpi-off", PORT "-machine acpi=off", "", "acpi=off switches off",
    }, {
        "no-port", NVGRACE_MACHINE NVGRACE_PORT(2)
        "-device x3130-upstream,id=rp1,bus=rp2", "",
        "behind a PCIe root port, not 00.0 of bus 'rp1'",
    }, {
        "no-room", PORT "-machine highmem=off", "", "highmem",
    }, {
        "cpu", PORT "-object memory-backend-ram,id=ram,size=1G "
        "-numa node,nodeid=0,memdev=ram,cpus=0 "
        "-object acpi-generic-initiator,id=gi,pci-dev=gpu1,node=0", "",
        "names NUMA node 0 for this GPU, but that node has memory and CPUs",
    },
};

static void test_refusal(const void *opaque)
{
    const Refusal *refusal = opaque;
    g_autoptr(NVGraceServer) server = gb200();
    g_autofree char *output = said(server, refusal->machine, refusal->options,
                                   1);

    assert_contains(output, refusal->message);
    assert_contains(output, REMEDY);
}

/* Regions that are of this type have to be right. */
static void test_broken_regions(void)
{
    g_autoptr(NVGraceServer) server = gh200();
    g_autofree char *output = NULL;

    server->regions[FIRST].size = 0;
    output = said(server, PORT, "", 1);
    assert_contains(output, "usemem (region 9) has 0x0 bytes");
    assert_contains(output, REMEDY);
}

static void test_insists(void)
{
    g_autoptr(NVGraceServer) server = gh200();
    g_autofree char *json = nvgrace_server_device(server, 1,
                                                  ",\"nvgrace-view\":\"off\"");
    g_autofree char *args = g_strdup_printf(PORT "-device %s", json);
    g_autofree char *output = NULL;

    g_assert_cmpint(nvgrace_run(args, &output), ==, 1);
    assert_contains(output, "nvgrace-view=off leaves a vfio-user-pci-nvgrace "
                    "device nothing to do");
}

/* All is undone when something fails that comes after the memory. */
static void test_fails_later(const void *options)
{
    g_autoptr(NVGraceServer) server = gh200();
    g_autofree char *output = NULL;

    server->config[PCI_INTERRUPT_PIN] = 1;
    server->refuse[VFIO_USER_DEVICE_SET_IRQS] = EIO;
    output = said(server, PORT, options, 1);
    assert_contains(output, PLAIN);
}

/*
 * Hotplug
 */

static QDict *device_add(QTestState *qts, NVGraceServer *server,
                         const char *view)
{
    return qtest_qmp(qts, "{'execute': 'device_add', 'arguments': {"
                     "'driver': " "'" PLAIN "'" ", 'id': 'gpu1', "
                     "'bus': 'rp1', 'nvgrace-view': %s, "
                     "'socket': {'type': 'unix', 'path': %s}}}", view,
                     nvgrace_server_start(server));
}

static const char *error_of(QDict *rsp)
{
    g_assert_true(qdict_haskey(rsp, "error"));
    return qdict_get_str(qdict_get_qdict(rsp, "error"), "desc");
}

static void test_hotplug(void)
{
    g_autoptr(NVGraceServer) server = gb200();
    g_autoptr(NVGraceServer) again = gb200();
    QTestState *qts = qtest_init(PORT);
    QDict *rsp = device_add(qts, server, "auto");

    assert_contains(error_of(rsp), "this Grace GPU cannot be hotplugged: ACPI "
                    "describes its coherent memory once, at boot; add it with "
                    "-device");
    qobject_unref(rsp);
    g_assert_null(nvgrace_query(qts, "gpu1"));

    /* as before there was such memory */
    rsp = device_add(qts, again, "off");
    g_assert_true(qdict_haskey(rsp, "return"));
    qobject_unref(rsp);
    qtest_qmp_assert_success(qts, "{'execute': 'device_del', 'arguments': "
                             "{'id': 'gpu1'}}");
    qtest_quit(qts);
}

static void test_unplug(void)
{
    g_autoptr(NVGraceServer) server = gb200();
    QTestState *qts = start(server, "");
    QDict *rsp = qtest_qmp(qts, "{'execute': 'device_del', 'arguments': "
                           "{'id': 'gpu1'}}");

    assert_contains(error_of(rsp), "GPU 'gpu1' cannot be unplugged: ACPI "
                    "describes its coherent memory once, at boot;");
    qobject_unref(rsp);
    check_view(qts, "acpi");

    /* The guest may let go of it. */
    nvgrace_eject(qts, 1);
    g_assert_null(nvgrace_query(qts, "gpu1"));
    qtest_writeq(qts, PLACE, 1);
    g_assert_cmphex(qtest_readq(qts, PLACE), ==, 0);
    qtest_quit(qts);
}

static void test_eject_bars(void)
{
    g_autoptr(NVGraceServer) server = gh200();
    QTestState *qts = start(server, "");

    nvgrace_eject(qts, 1);
    g_assert_null(nvgrace_query(qts, "gpu1"));
    qtest_quit(qts);
}

static void test_migration(void)
{
    g_autoptr(NVGraceServer) server = gb200();
    QTestState *qts = start(server, "");

    nvgrace_check_migration(qts);
    qtest_quit(qts);
}

/* As with the device that is named for it */
static void test_power_state(void)
{
    g_autoptr(NVGraceServer) server = gb200();
    const uint64_t pmcsr = CONFIG + PM_CAP + PCI_PM_CTRL;
    QTestState *qts;

    add_power_management(server);
    qts = start(server, "");
    nvgrace_set_bus(qts, 0, 1, 1);
    qtest_writew(qts, pmcsr, D3HOT);
    g_assert_cmphex(qtest_readw(qts, pmcsr), ==, D3HOT);
    g_assert_cmphex(lduw_le_p(server->config + PM_CAP + PCI_PM_CTRL), ==, 0);
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    if (!qtest_has_device("vfio-user-pci")) {
        g_test_message("this QEMU has no vfio-user");
        return g_test_run();
    }
    qtest_add_func("nvgrace-plain/view/gb200", test_gb200);
    qtest_add_func("nvgrace-plain/view/gh200", test_gh200);
    qtest_add_func("nvgrace-plain/view/gh200-acpi", test_gh200_acpi);
    qtest_add_func("nvgrace-plain/view/gb200-bar", test_gb200_bar);
    qtest_add_func("nvgrace-plain/view/same-property", test_same_property);
    qtest_add_func("nvgrace-plain/view/two", test_two);
    qtest_add_func("nvgrace-plain/says/acpi", test_says_acpi);
    qtest_add_func("nvgrace-plain/says/bar", test_says_bar);
    qtest_add_func("nvgrace-plain/says/nothing", test_says_nothing);
    qtest_add_func("nvgrace-plain/off/property", test_off);
    qtest_add_func("nvgrace-plain/off/global", test_off_globally);
    qtest_add_func("nvgrace-plain/off/tables", test_same_tables);
    qtest_add_func("nvgrace-plain/other/vendor", test_other_vendor);
    qtest_add_func("nvgrace-plain/other/no-regions", test_no_regions);
    qtest_add_func("nvgrace-plain/other/regions", test_other_regions);
    qtest_add_func("nvgrace-plain/room/announced", test_announced);
    qtest_add_data_func("nvgrace-plain/room/other-driver", other_driver,
                        test_not_announced);
    qtest_add_data_func("nvgrace-plain/room/turned-off", turned_off,
                        test_not_announced);
    qtest_add_func("nvgrace-plain/room/remedy", test_remedy);
    for (int i = 0; i < G_N_ELEMENTS(refusals); i++) {
        g_autofree char *path = g_strdup_printf("nvgrace-plain/refuses/%s",
                                                refusals[i].path);

        qtest_add_data_func(path, &refusals[i], test_refusal);
    }
    qtest_add_func("nvgrace-plain/refuses/regions", test_broken_regions);
    qtest_add_func("nvgrace-plain/refuses/off", test_insists);
    qtest_add_data_func("nvgrace-plain/fails-later/bar", "", test_fails_later);
    qtest_add_data_func("nvgrace-plain/fails-later/acpi",
                        ",\"nvgrace-view\":\"acpi\"", test_fails_later);
    qtest_add_func("nvgrace-plain/hotplug/add", test_hotplug);
    qtest_add_func("nvgrace-plain/hotplug/del", test_unplug);
    qtest_add_func("nvgrace-plain/hotplug/eject-bars", test_eject_bars);
    qtest_add_func("nvgrace-plain/migration", test_migration);
    qtest_add_func("nvgrace-plain/power-state", test_power_state);
    return g_test_run();
}
