/*
 * QTest: a machine without Grace GPUs has the tables of an unpatched QEMU
 *
 * tests/qtest/data/pristine/acpi.sha256 has a checksum of everything that
 * firmware gets about ACPI on the machines below: each table, the RSDP, and the
 * loader's script.  Nothing is masked.
 *
 * The file is not made by the QEMU under test.  "make update-pristine" builds
 * QEMU's source without a patch and without a file of ours (scripts/
 * qemu-pristine), and has this program write what that emulator reports:
 *
 *     TEST_ACPI_PRISTINE=1 QTEST_QEMU_BINARY=(unpatched)/qemu-system-aarch64
 *
 * An emulator that knows nvgrace-gpu is refused then.  Only a new release of
 * QEMU is a reason to do that.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "nvgrace-fwcfg.h"

#define MAKE_REFERENCE "TEST_ACPI_PRISTINE"

#define RAM_2 \
    "-object memory-backend-ram,id=ram0,size=512M " \
    "-object memory-backend-ram,id=ram1,size=512M "

static const struct {
    const char *name;
    const char *args;
} machines[] = {
    { "plain", NVGRACE_MACHINE },
    { "gicv2", "-machine virt,gic-version=2 -cpu cortex-a57 -m 1G -net none" },
    { "root-port", NVGRACE_MACHINE NVGRACE_PORT(1) NVGRACE_PORT(2) },
    { "switch", NVGRACE_MACHINE NVGRACE_PORT(2)
      "-device x3130-upstream,id=up,bus=rp2 "
      "-device xio3130-downstream,id=down,bus=up,chassis=9,addr=5 "
      "-device virtio-rng-pci,bus=down" },
    { "pxb", NVGRACE_MACHINE "-smp 2 " RAM_2
      "-numa node,nodeid=0,memdev=ram0,cpus=0 "
      "-numa node,nodeid=1,memdev=ram1,cpus=1 "
      "-device pxb-pcie,id=pxb1,bus_nr=16,bus=pcie.0,numa_node=1 "
      "-device pcie-root-port,id=rp1,bus=pxb1,chassis=1,addr=0 "
      "-device virtio-rng-pci,bus=rp1" },
    { "pcihp", "-global acpi-ged.acpi-pci-hotplug-with-bridge-support=on "
      NVGRACE_MACHINE NVGRACE_PORT(1) "-device virtio-rng-pci,bus=rp1" },
    { "acpi-index", NVGRACE_MACHINE
      "-device pcie-root-port,id=rp1,chassis=1,hotplug=off,bus=pcie.0 "
      "-device virtio-rng-pci,bus=rp1,acpi-index=7" },
    { "numa", NVGRACE_MACHINE "-smp 2 " RAM_2
      "-numa node,nodeid=0,memdev=ram0,cpus=0 "
      "-numa node,nodeid=1,memdev=ram1,cpus=1 -numa node,nodeid=2 "
      "-numa dist,src=0,dst=1,val=33 -numa dist,src=0,dst=2,val=44 "
      "-numa dist,src=1,dst=2,val=55" },
    { "generic-initiator", NVGRACE_MACHINE NVGRACE_PORT(1)
      "-device virtio-rng-pci,id=rng,bus=rp1 "
      "-object memory-backend-ram,id=ram,size=1G "
      "-numa node,nodeid=0,memdev=ram,cpus=0 -numa node,nodeid=1 "
      "-object acpi-generic-initiator,id=gi,pci-dev=rng,node=1" },
    { "hmat", NVGRACE_MACHINE "-machine hmat=on -smp 2 " RAM_2
      "-numa node,nodeid=0,memdev=ram0,cpus=0,initiator=0 "
      "-numa node,nodeid=1,memdev=ram1,cpus=1,initiator=1 "
      "-numa hmat-lb,initiator=0,target=0,hierarchy=memory,"
      "data-type=access-latency,latency=10 "
      "-numa hmat-lb,initiator=0,target=0,hierarchy=memory,"
      "data-type=access-bandwidth,bandwidth=10G" },
    { "memory-hotplug", "-machine virt,gic-version=3 -cpu max -net none "
      "-m 1G,maxmem=2G,slots=2 " RAM_2
      "-numa node,nodeid=0,memdev=ram0,cpus=0 "
      "-numa node,nodeid=1,memdev=ram1" },
    { "smmuv3", NVGRACE_MACHINE "-machine iommu=smmuv3" },
    { "virtio-iommu", NVGRACE_MACHINE
      "-device virtio-iommu-pci,bus=pcie.0,addr=3" },
    { "virtualization", NVGRACE_MACHINE
      "-machine virtualization=on,iommu=smmuv3 -smp 4 " },
    { "highmem-off", "-machine virt,highmem=off -cpu max -m 1G -net none" },
};

static char *reference_path(void)
{
    return g_test_build_filename(G_TEST_DIST, "data", "pristine", "acpi.sha256",
                                 NULL);
}

static void append_sum(GString *sums, const char *machine, const char *what,
                       const void *data, size_t size)
{
    g_autofree char *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, data,
                                                       size);

    g_string_append_printf(sums, "%s  %s/%s\n", sum, machine, what);
}

/* All there is on one machine, in the format of sha256sum */
static char *machine_sums(const char *name, const char *args)
{
    QTestState *qts = qtest_init(args);
    g_autoptr(GByteArray) tables = nvgrace_acpi_read(qts);
    g_autoptr(GByteArray) rsdp = nvgrace_fw_cfg_file(qts, "etc/acpi/rsdp");
    g_autoptr(GByteArray) loader = nvgrace_fw_cfg_file(qts,
                                                       "etc/table-loader");
    GString *sums = g_string_new(NULL);
    size_t at = 0;

    qtest_quit(qts);
    while (at + 8 <= tables->len && ldl_le_p(tables->data + at + 4)) {
        const uint8_t *table = tables->data + at;
        uint32_t size = ldl_le_p(table + 4);
        char signature[5] = { 0 };

        memcpy(signature, table, 4);
        g_assert_cmpuint(size, <=, tables->len - at);
        append_sum(sums, name, signature, table, size);
        at += size;
    }
    /* what is not in a table: padding, and the size of all */
    append_sum(sums, name, "tables", tables->data, tables->len);
    append_sum(sums, name, "rsdp", rsdp->data, rsdp->len);
    append_sum(sums, name, "loader", loader->data, loader->len);
    return g_string_free(sums, false);
}

/* The lines of the reference that are about one machine */
static char *expected_sums(const char *name)
{
    g_autofree char *path = reference_path();
    g_autofree char *text = NULL;
    g_autofree char *infix = g_strdup_printf("  %s/", name);
    g_auto(GStrv) lines = NULL;
    GString *sums = g_string_new(NULL);
    GError *err = NULL;

    g_file_get_contents(path, &text, NULL, &err);
    g_assert_no_error(err);
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        if (strstr(*line, infix)) {
            g_string_append_printf(sums, "%s\n", *line);
        }
    }
    return g_string_free(sums, false);
}

static void test_machine(const void *opaque)
{
    int i = GPOINTER_TO_INT(opaque);
    g_autofree char *expected = expected_sums(machines[i].name);
    g_autofree char *actual = machine_sums(machines[i].name, machines[i].args);

    /* also when there is no reference: it would be empty */
    g_assert_cmpstr(actual, ==, expected);
}

static bool knows_us(void)
{
    QTestState *qts = qtest_init("-machine none");
    QDict *response = qtest_qmp(qts, "{ 'execute': 'qom-list-types' }");
    QListEntry *entry;
    bool found = false;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(response, "return"), entry) {
        QDict *type = qobject_to(QDict, qlist_entry_obj(entry));

        found |= strstr(qdict_get_str(type, "name"), "nvgrace") != NULL;
    }
    qobject_unref(response);
    qtest_quit(qts);
    return found;
}

static void make_reference(void)
{
    g_autofree char *path = reference_path();
    GString *all = g_string_new("# SPDX-License-Identifier: GPL-2.0-or-later\n"
                                "# What an unpatched QEMU reports, see "
                                "nvgrace-pristine-test.c\n");
    GError *err = NULL;

    if (knows_us()) {
        g_error("%s is not an unpatched QEMU", qtest_qemu_binary(NULL));
    }
    for (int i = 0; i < G_N_ELEMENTS(machines); i++) {
        g_autofree char *sums = machine_sums(machines[i].name,
                                             machines[i].args);

        g_string_append(all, sums);
    }
    g_file_set_contents(path, all->str, all->len, &err);
    g_assert_no_error(err);
    g_string_free(all, true);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    if (getenv(MAKE_REFERENCE)) {
        qtest_add_func("/nvgrace/pristine/make", make_reference);
        return g_test_run();
    }
    for (int i = 0; i < G_N_ELEMENTS(machines); i++) {
        g_autofree char *path = g_strdup_printf("/nvgrace/pristine/%s",
                                                machines[i].name);

        qtest_add_data_func(path, GINT_TO_POINTER(i), test_machine);
    }
    return g_test_run();
}
