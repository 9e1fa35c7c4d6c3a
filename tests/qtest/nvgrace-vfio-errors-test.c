/*
 * QTest: what a VFIO device must not say of the regions of a Grace GPU
 *
 * The device is vfio-user-pci-nvgrace, so that the other side is a thread of
 * this program.  It says what is wrong, or leaves: each gives an error that
 * names it, never a crash.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/capability.h>
#include <linux/vfio_nvgrace.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include "qemu/units.h"
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

/* As Grace Hopper has it, small */
#define USEMEM_SIZE (3 * GiB)
#define RESMEM_SIZE (1 * GiB)

static void add_gh200(NVGraceServer *server)
{
    nvgrace_server_add(server, USEMEM, USEMEM_SIZE);
    nvgrace_server_add(server, RESMEM, RESMEM_SIZE);
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
    nvgrace_server_add(server, USEMEM, 768 * GiB);
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
        SERVER_FAULT,
    }, {
        /* after all has been mapped, and to be undone */
        "plug/no-room", no_room, "", "no room for 768 GiB",
        "highmem-mmio-size=2048G",
    }, {
        "plug/overlap", add_gh200, ",\"mem-addr\":1073741824",
        "overlap guest RAM at 0x40000000-0x7fffffff", "Leave mem-addr= out",
    }, {
        "plug/pxm", add_gh200, ",\"pxm-start\":0",
        "takes NUMA node 0, which has memory and CPUs",
        "Use pxm-start=1",
    }, {
        "check/pxm-count", add_gh200, ",\"pxm-count\":9",
        "pxm-count=9 is not between 1 and 8", "Bare metal has 8 per GPU",
    },
};

static int run(NVGraceServer *server, const char *options, char **output)
{
    g_autofree char *json = nvgrace_server_device(server, 1, options);
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

/*
 * QEMU gets of a resource what it needs for anything else, and for half of
 * usemem.  It says how much it needs, and with that it starts.
 */
typedef struct Limit {
    const char *path;
    int resource;
    const char *name;
    const char *ulimit;
    const char *options;
    const char *message;
} Limit;

static const Limit limits[] = {
    {
        "address-space", RLIMIT_AS, "RLIMIT_AS", "raise it by ulimit -v.", "",
        "bytes of address space for coherent memory: Cannot allocate memory",
    }, {
        "locked", RLIMIT_MEMLOCK, "RLIMIT_MEMLOCK",
        "raise it by ulimit -l, or leave -overcommit mem-lock= out.",
        "-overcommit mem-lock=on-fault ",
        "bytes of address space for coherent memory: Resource temporarily",
    },
};

static int run_limited(const Limit *limit, NVGraceServer *server,
                       uint64_t bytes, char **output)
{
    g_autofree char *json = nvgrace_server_device(server, 1, "");
    g_autofree char *args = g_strdup_printf(NVGRACE_MACHINE "%s"
                                            NVGRACE_PORT(1) "-device %s",
                                            limit->options, json);
    struct rlimit now, before;
    int status;

    g_assert_cmpint(getrlimit(limit->resource, &before), ==, 0);
    now = before;
    now.rlim_cur = bytes;
    now.rlim_max = MAX(before.rlim_max, bytes);
    if (setrlimit(limit->resource, &now)) {
        g_test_skip("the limit cannot be as high as this needs");
        return -1;
    }
    status = nvgrace_run(args, output);
    g_assert_cmpint(setrlimit(limit->resource, &before), ==, 0);
    return status;
}

static void test_limit(const void *opaque)
{
    const Limit *limit = opaque;
    const uint64_t size = 128 * GiB;
    g_autoptr(NVGraceServer) server = nvgrace_server_new();
    g_autoptr(NVGraceServer) again = nvgrace_server_new();
    g_autofree char *output = NULL, *output_again = NULL, *said = NULL;
    QTestState *qts = qtest_init(NVGRACE_MACHINE NVGRACE_PORT(1));
    uint64_t bytes = peak_of(qtest_pid(qts)) + size / 2;
    const char *needed;
    int status;

    qtest_quit(qts);
    /* Who may lock as much as there is has no such limit. */
    prctl(PR_CAPBSET_DROP, CAP_IPC_LOCK, 0, 0, 0);
    nvgrace_server_add(server, USEMEM, size);
    status = run_limited(limit, server, bytes, &output);
    if (status < 0) {
        return;
    }
    g_assert_cmpint(status, ==, 1);
    said = g_strdup_printf("%s is %" PRIu64 " KiB, and ", limit->name,
                           bytes / 1024);
    needed = strstr(output, said);
    g_assert_nonnull(needed);
    g_assert_nonnull(strstr(output, limit->message));
    g_assert_nonnull(strstr(output, limit->ulimit));

    nvgrace_server_add(again, USEMEM, size);
    bytes = g_ascii_strtoull(needed + strlen(said), NULL, 10) * 1024;
    g_assert_cmpint(run_limited(limit, again, bytes, &output_again), ==, 0);
}

/* ----------------------------------------------------------------- warnings */

static void add_gb200(NVGraceServer *server)
{
    nvgrace_server_add(server, USEMEM, USEMEM_SIZE);
}

#define HOPPER "for a guest with one of them use guest-view=bar"

/* What starts, what is said once of it, and what is not said */
typedef struct Warning {
    const char *path;
    void (*set_up)(NVGraceServer *server);
    const char *options;
    const char *warning;
    const char *absent;
} Warning;

static const Warning warnings[] = {
    { "view/hopper-acpi", add_gh200, "", HOPPER, "emulated disks" },
    { "view/hopper-bar", add_gh200, ",\"guest-view\":\"bar\"", NULL, HOPPER },
    { "view/blackwell-acpi", add_gb200, "", NULL, "550 to 595" },
    { "view/blackwell-bar", add_gb200, ",\"guest-view\":\"bar\"", NULL,
      HOPPER },
    { "dump/bar", add_gb200, ",\"guest-view\":\"bar\",\"dump\":true",
      NULL, "dump=on" },
    { "dump/acpi", add_gb200, ",\"dump\":true", NULL, "dump=on" },
};

static void test_warning(const void *opaque)
{
    const Warning *warning = opaque;
    g_autoptr(NVGraceServer) server = nvgrace_server_new();
    g_autofree char *output = NULL;

    warning->set_up(server);
    g_assert_cmpint(run(server, warning->options, &output), ==, 0);
    if (warning->warning) {
        const char *first = strstr(output, warning->warning);

        g_assert_nonnull(first);
        g_assert_null(strstr(first + 1, warning->warning));
    }
    g_assert_null(strstr(output, warning->absent));
}

/* Of two GPUs it is said once. */
static void test_warned_once(void)
{
    g_autoptr(NVGraceServer) one = nvgrace_server_new();
    g_autoptr(NVGraceServer) two = nvgrace_server_new();
    g_autofree char *json1 = nvgrace_server_device(one, 1, "");
    g_autofree char *json2 = nvgrace_server_device(two, 2, "");
    g_autofree char *args = g_strdup_printf(
        NVGRACE_MACHINE NVGRACE_PORT(1) NVGRACE_PORT(2)
        "-device %s -device %s", json1, json2);
    g_autofree char *output = NULL;
    const char *first;

    add_gh200(one);
    add_gh200(two);
    g_assert_cmpint(nvgrace_run(args, &output), ==, 0);
    first = strstr(output, HOPPER);
    g_assert_nonnull(first);
    g_assert_null(strstr(first + 1, HOPPER));
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
    g_autofree char *json = NULL;
    QTestState *qts;

    add_gh200(server);
    server->refuse[VFIO_USER_DMA_MAP] = EPERM;
    json = nvgrace_server_device(server, 1, "");
    qts = qtest_initf(NVGRACE_MACHINE NVGRACE_PORT(1) "-device '%s'", json);
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
    g_autofree char *full = g_strdup_printf("nvgrace-vfio-errors/%s/%s", group,
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
    for (int i = 0; i < ARRAY_SIZE(refusals); i++) {
        add("refuses", refusals[i].path, &refusals[i], test_refusal);
    }
    for (int i = 0; i < ARRAY_SIZE(limits); i++) {
        add("refuses/limit", limits[i].path, &limits[i], test_limit);
    }
    for (int i = 0; i < ARRAY_SIZE(warnings); i++) {
        add("warns", warnings[i].path, &warnings[i], test_warning);
    }
    qtest_add_func("nvgrace-vfio-errors/warns/once", test_warned_once);
    for (int i = 0; i < ARRAY_SIZE(leaves); i++) {
        add("server-leaves", leaves[i].path, &leaves[i], test_leave);
    }
    qtest_add_func("nvgrace-vfio-errors/server-refuses/dma-map",
                   test_refused_dma_map);
    qtest_add_func("nvgrace-vfio-errors/server-refuses/device-info",
                   test_refused_device_info);
    return g_test_run();
}
