/*
 * QTest: what coherent memory of Grace GPUs refuses, and what it says
 *
 * Each message names what is wrong, with the number, and each hint what to type
 * instead.  That hints with an address or a size work when they are followed is
 * nvgrace-placement-test's.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qobject/qdict.h"
#include "nvgrace-fwcfg.h"

#define VIRT(options) \
    "-machine virt,gic-version=3" options " -cpu max -m 1G -net none "

static const NVGraceRefusal refusals[] = {
    {
        "machine/other",
        "-machine versatilepb -audio none -m 128M -net none "
        NVGRACE_MEM(1, "2G")
        "-device nvgrace-gpu,memdev=m1",
        "machine 'versatilepb' has no place for coherent GPU memory",
        "Use -machine virt",
    }, {
        "machine/acpi-off", VIRT(",acpi=off") NVGRACE(1, "2G", ""),
        "described by ACPI, which acpi=off switches off", "acpi=on",
    }, {
        /* the only one that cannot be had without an accelerator */
        "machine/mte", "-accel tcg " VIRT(",mte=on") NVGRACE(1, "2G", ""),
        "the machine has mte=on", "mte=off",
    }, {
        "machine/highmem-off",
        "-machine virt,highmem=off -cpu max -m 1G -net none "
        NVGRACE(1, "2G", ""),
        "but highmem is off", "-machine virt,highmem=on",
    }, {
        "machine/highmem-mmio-off",
        VIRT(",highmem-mmio=off") NVGRACE(1, "2G", ""),
        "but highmem-mmio is off", "-machine virt,highmem-mmio=on",
    }, {
        "machine/highmem-ecam-off",
        VIRT(",highmem-ecam=off") NVGRACE(1, "2G", ""),
        "but highmem-ecam is off", "-machine virt,highmem-ecam=on",
    }, {
        "topology/root-bus",
        NVGRACE_MACHINE NVGRACE_MEM(1, "2G")
        "-device nvgrace-gpu,bus=pcie.0,addr=3,memdev=m1",
        "behind a PCIe root port, not 03.0 of bus 'pcie.0'",
        "-device pcie-root-port,id=rp0",
    }, {
        "topology/function",
        NVGRACE_MACHINE NVGRACE_PORT(1) NVGRACE_MEM(1, "2G")
        "-device virtio-rng-pci,bus=rp1,addr=0.0,multifunction=on "
        "-device nvgrace-gpu,bus=rp1,addr=0.1,memdev=m1",
        "not 00.1 of bus 'rp1'", "bus=rp0,addr=0",
    }, {
        "topology/upstream-port",
        NVGRACE_MACHINE NVGRACE_PORT(1) NVGRACE_MEM(1, "2G")
        "-device x3130-upstream,id=up,bus=rp1 "
        "-device nvgrace-gpu,bus=up,addr=0,memdev=m1",
        "not 00.0 of bus 'up'", "-device pcie-root-port,id=rp0",
    }, {
        "pxm/count-0", NVGRACE_MACHINE NVGRACE(1, "2G", "pxm-count=0"),
        "pxm-count=0 is not between 1 and 8", "1 is enough without MIG",
    }, {
        "pxm/count-9", NVGRACE_MACHINE NVGRACE(1, "2G", "pxm-count=9"),
        "pxm-count=9 is not between 1 and 8", "Bare metal has 8 per GPU",
    }, {
        "pxm/start-huge", NVGRACE_MACHINE NVGRACE(1, "2G",
                                                  "pxm-start=4294967290"),
        "takes NUMA nodes up to 4294967297, but the last one that QEMU can "
        "have is 127", "Use pxm-start=1",
        NVGRACE_MACHINE NVGRACE(1, "2G", "pxm-start=1"),
    }, {
        "pxm/start-memory", NVGRACE_MACHINE NVGRACE(1, "2G", "pxm-start=0"),
        "takes NUMA node 0, which has memory and CPUs", "Use pxm-start=1",
        NVGRACE_MACHINE NVGRACE(1, "2G", "pxm-start=1"),
    }, {
        "pxm/start-cpus",
        NVGRACE_MACHINE "-smp 2 "
        "-object memory-backend-ram,id=ram,size=1G "
        "-numa node,nodeid=0,memdev=ram,cpus=0 -numa node,nodeid=1,cpus=1 "
        NVGRACE(1, "2G", "pxm-start=1"),
        "takes NUMA node 1, which has CPUs", "Use pxm-start=2",
        NVGRACE_MACHINE "-smp 2 "
        "-object memory-backend-ram,id=ram,size=1G "
        "-numa node,nodeid=0,memdev=ram,cpus=0 -numa node,nodeid=1,cpus=1 "
        NVGRACE(1, "2G", "pxm-start=2"),
    }, {
        "pxm/start-other-gpu",
        NVGRACE_MACHINE NVGRACE(1, "2G", "") NVGRACE(2, "2G", "pxm-start=8"),
        "takes NUMA node 8, which belongs to GPU 'gpu1'", "Use pxm-start=9",
        NVGRACE_MACHINE NVGRACE(1, "2G", "") NVGRACE(2, "2G", "pxm-start=9"),
    }, {
        "addr/unaligned",
        NVGRACE_MACHINE NVGRACE(1, "2G", "mem-addr=0x6010000000"),
        "mem-addr=0x6010000000 is not a multiple of 512 MiB",
        "Use mem-addr=0x6000000000",
    }, {
        /* what is below is taken: no address is better than a wrong one */
        "addr/unaligned-in-ecam",
        NVGRACE_MACHINE NVGRACE(1, "2G", "mem-addr=0x4010000000"),
        "mem-addr=0x4010000000 is not a multiple of 512 MiB",
        "\nLeave mem-addr= out",
    }, {
        "addr/beyond-small-pa",
        "-machine virt,gic-version=3 -cpu cortex-a53 -m 1G -net none "
        NVGRACE(1, "2G", "mem-addr=0x10000000000"),
        "beyond the guest's last physical address 0xffffffffff",
        "\nLeave mem-addr= out",
    }, {
        /* the window leaves no room, and would have some at its own size */
        "addr/window-too-large",
        "-machine virt,gic-version=3,highmem-mmio-size=1024G "
        "-cpu cortex-a53 -m 1G -net none " NVGRACE(1, "2G", ""),
        "but highmem-mmio is off", "leave highmem-mmio-size= out",
    }, {
        "addr/beyond-pa",
        NVGRACE_MACHINE NVGRACE(1, "2G", "mem-addr=0x100000000000"),
        "beyond the guest's last physical address 0xfffffffffff",
        "at most mem-addr=0xfff80000000",
    }, {
        "addr/across-pa",
        NVGRACE_MACHINE NVGRACE(1, "2G", "mem-addr=0xfffa0000000"),
        "beyond the guest's last physical address 0xfffffffffff",
        "at most mem-addr=0xfff80000000",
    }, {
        "addr/overflow",
        NVGRACE_MACHINE NVGRACE(1, "2G", "mem-addr=0xffffffffe0000000"),
        "beyond the guest's last physical address 0xfffffffffff",
        "at most mem-addr=0xfff80000000",
    }, {
        "addr/ram", NVGRACE_MACHINE NVGRACE(1, "2G", "mem-addr=0x40000000"),
        "overlap guest RAM at 0x40000000-0x7fffffff", "Leave mem-addr= out",
    }, {
        "addr/low-mmio",
        NVGRACE_MACHINE NVGRACE(1, "512M", "model=gb200,mem-addr=0"),
        "overlap the PCIe MMIO window at 0x10000000-0x3efeffff",
        "Leave mem-addr= out",
    }, {
        "addr/hotplug-range",
        "-machine virt,gic-version=3 -cpu max -m 1G,maxmem=2G,slots=1 "
        "-net none " NVGRACE(1, "2G", "mem-addr=0x80000000"),
        "overlap the memory hotplug range at 0x80000000-0xffffffff",
        "Leave mem-addr= out",
    }, {
        "addr/high-mmio",
        NVGRACE_MACHINE NVGRACE(1, "2G", "mem-addr=0xffe0000000"),
        "overlap the high PCIe MMIO window at 0x10000000000-0x17fffffffff",
        "Leave mem-addr= out",
    }, {
        "addr/ecam",
        NVGRACE_MACHINE NVGRACE(1, "2G", "mem-addr=0x4000000000"),
        "overlap the high PCIe ECAM at 0x4010000000-0x401fffffff",
        "Leave mem-addr= out",
    }, {
        "addr/something-mapped",
        NVGRACE_MACHINE "-smp 128 "
        NVGRACE(1, "544M", "model=gb200,mem-addr=0x3fe0000000"),
        "overlap memory region 'gicv3_redist_region[1]' at 0x4000000000-",
        "Leave mem-addr= out",
    }, {
        "addr/other-gpu",
        NVGRACE_MACHINE NVGRACE(1, "2G", "mem-addr=0x6000000000")
        NVGRACE(2, "2G", "mem-addr=0x6060000000"),
        "overlap the coherent memory of GPU 'gpu1' at "
        "0x6000000000-0x607fffffff", "Leave mem-addr= out",
    }, {
        /* all of the range */
        "egm/no-room",
        NVGRACE_MACHINE
        NVGRACE(1, "785920M", "model=gb200,mem-addr=0x4020000000,egm-node=0"),
        "no room for the list of retired EGM pages, 0x10000 bytes",
        "Leave mem-addr= of the GPUs out, or egm-node=",
    }, {
        "size/part-of-a-page",
        NVGRACE_MACHINE NVGRACE(1, "536872960", "model=gb200"),
        "usemem of 0x20000800 bytes is not a positive multiple of the page "
        "size 0x", "Give it 0x200",
    }, {
        "size/too-large",
        NVGRACE_MACHINE NVGRACE(1, "768G", ""),
        "no room for 768 GiB of coherent GPU memory between 0x4020000000 and "
        "0xffffffffff, where 0 other GPUs have theirs",
        "highmem-mmio-size=2048G",
    }, {
        "size/never",
        "-machine virt,gic-version=3 -cpu cortex-a57 -m 1G -net none "
        NVGRACE(1, "16T", ""),
        "no room for 16 TiB",
        "This takes 46 bits of guest physical address, and this CPU has 44",
    }, {
        "vfio/root-bus",
        NVGRACE_MACHINE "-device vfio-pci-nvgrace,host=ffff:ff:1f.7,"
        "bus=pcie.0,addr=3",
        "behind a PCIe root port, not 03.0 of bus 'pcie.0'",
        "-device pcie-root-port,id=rp0",
    }, {
        "vfio/pxm-count",
        NVGRACE_MACHINE NVGRACE_PORT(1)
        "-device vfio-pci-nvgrace,host=ffff:ff:1f.7,bus=rp1,pxm-count=9",
        "pxm-count=9 is not between 1 and 8", "Bare metal has 8 per GPU",
    }, {
        "vfio/no-mmap",
        NVGRACE_MACHINE NVGRACE_PORT(1)
        "-device vfio-pci-nvgrace,host=ffff:ff:1f.7,bus=rp1,x-no-mmap=on",
        "x-no-mmap=on leaves no way to coherent memory",
        "Leave x-no-mmap= out",
    }, {
        "vfio/no-host-device",
        NVGRACE_MACHINE NVGRACE_PORT(1)
        "-device vfio-pci-nvgrace,host=ffff:ff:1f.7,bus=rp1",
        "no such host device", "ffff:ff:1f.7",
    },
};

#define BY_DEVICE_TREE "-kernel without firmware boots by device tree"

static const struct ByDeviceTree {
    const char *path;
    const char *with;   /* the file is in place of @ */
    bool warns;
} by_device_tree[] = {
    { "kernel", "-kernel @", true },
    { "kernel-and-firmware", "-kernel @ -bios @", false },
    { "firmware", "-bios @", false },
    { "neither", "", false },
};

static void test_by_device_tree(const void *data)
{
    const struct ByDeviceTree *boot = data;
    g_autoptr(GString) args = g_string_new(NVGRACE_MACHINE);
    g_autofree char *file = NULL, *output = NULL;
    const char *first;
    int fd = g_file_open_tmp("nvgrace-XXXXXX.bin", &file, NULL);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(ftruncate(fd, 64 * 1024), ==, 0);
    close(fd);
    g_string_append(args, boot->with);
    g_string_replace(args, "@", file, 0);
    g_string_append(args, " " NVGRACE(1, "2G", "pxm-count=1")
                    NVGRACE(2, "2G", "pxm-count=1"));

    g_assert_cmpint(nvgrace_run(args->str, &output), ==, 0);
    unlink(file);
    first = strstr(output, BY_DEVICE_TREE);
    g_assert_cmpint(first != NULL, ==, boot->warns);
    if (first) {
        g_assert_nonnull(strstr(first, "-bios QEMU_EFI.fd"));
        g_assert_null(strstr(first + 1, BY_DEVICE_TREE));
    }
}

#define HOTPLUG_REFUSED                                                        \
    "Device '%s' does not support hotplugging: ACPI describes its coherent "   \
    "memory once, at boot; add it with -device and remove it while the "       \
    "machine is off"

static void check_hotplug(const char *driver)
{
    QTestState *qts = qtest_init(NVGRACE_MACHINE NVGRACE_PORT(1)
                                 NVGRACE_MEM(1, "2G"));
    QDict *rsp = qtest_qmp(qts, "{'execute': 'device_add', 'arguments': "
                           "{'driver': %s, 'bus': 'rp1'}}", driver);
    const char *desc = qdict_get_str(qdict_get_qdict(rsp, "error"), "desc");
    g_autofree char *expected = g_strdup_printf(HOTPLUG_REFUSED, driver);

    g_assert_cmpstr(desc, ==, expected);
    qobject_unref(rsp);
    qtest_quit(qts);
}

static void test_hotplug(void)
{
    check_hotplug("nvgrace-gpu");
}

static void test_hotplug_vfio(void)
{
    check_hotplug("vfio-pci-nvgrace");
    check_hotplug("vfio-user-pci-nvgrace");
}

static void test_unplug(void)
{
    QTestState *qts = qtest_init(NVGRACE_MACHINE NVGRACE(1, "2G", ""));
    QDict *rsp = qtest_qmp(qts, "{'execute': 'device_del', 'arguments': "
                           "{'id': 'gpu1'}}");
    const char *desc = qdict_get_str(qdict_get_qdict(rsp, "error"), "desc");
    g_autofree char *expected = g_strdup_printf(HOTPLUG_REFUSED, "nvgrace-gpu");

    g_assert_cmpstr(desc, ==, expected);
    qobject_unref(rsp);
    qtest_quit(qts);
}

/* Its memory is in this host's GPU; so it is in that of no other. */
static void test_migration(void)
{
    QTestState *qts = qtest_init(NVGRACE_MACHINE NVGRACE(1, "2G", ""));

    nvgrace_check_migration(qts);

    /* gone with the GPU */
    nvgrace_eject(qts, 1);
    qtest_qmp_assert_success(qts, "{'execute': 'migrate', 'arguments': "
                             "{'uri': 'exec:cat > /dev/null'}}");
    qtest_quit(qts);
}

static void test_only_migratable(void)
{
    g_autofree char *output = NULL;

    g_assert_cmpint(nvgrace_run(NVGRACE_MACHINE "-only-migratable "
                                NVGRACE(1, "2G", ""), &output), ==, 1);
    g_assert_nonnull(strstr(output, "the coherent memory of GPU 'gpu1' cannot "
                            "be migrated"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    for (int i = 0; i < ARRAY_SIZE(refusals); i++) {
        g_autofree char *path = g_strdup_printf("/nvgrace/errors/%s",
                                                refusals[i].path);

        g_test_add_data_func(path, &refusals[i], nvgrace_test_refusal);
    }
    for (int i = 0; i < ARRAY_SIZE(by_device_tree); i++) {
        g_autofree char *path = g_strdup_printf("/nvgrace/errors/boot/%s",
                                                by_device_tree[i].path);

        g_test_add_data_func(path, &by_device_tree[i], test_by_device_tree);
    }
    g_test_add_func("/nvgrace/errors/hotplug/emulated", test_hotplug);
    g_test_add_func("/nvgrace/errors/hotplug/vfio", test_hotplug_vfio);
    g_test_add_func("/nvgrace/errors/hotplug/unplug", test_unplug);
    g_test_add_func("/nvgrace/errors/migration/blocked", test_migration);
    g_test_add_func("/nvgrace/errors/migration/only-migratable",
                    test_only_migratable);

    return g_test_run();
}
