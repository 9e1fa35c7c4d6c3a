/*
 * QTest: NUMA nodes of the coherent memory of Grace GPUs
 *
 * Which nodes a GPU takes, with the user's -numa and acpi-generic-initiator
 * objects, and what is left of them when a guest lets go of a GPU.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/units.h"
#include "nvgrace-fwcfg.h"
#include "nvgrace-srat.h"

static void check_nodes(QTestState *qts, const char *id, int start, int count)
{
    QDict *gpu = nvgrace_query(qts, id);

    g_assert_nonnull(gpu);
    g_assert_cmpint(qdict_get_int(gpu, "pxm-start"), ==, start);
    g_assert_cmpint(qdict_get_int(gpu, "pxm-count"), ==, count);
    qobject_unref(gpu);
}

/* How many initiators a node has, and nodes there are in the SLIT */
static int count_initiators(GByteArray *tables, uint32_t node)
{
    const uint8_t *gi;
    int count = 0;

    for (int i = 0; (gi = srat_structure(tables, 5, i)); i++) {
        count += ldl_le_p(gi + 4) == node;
    }
    return count;
}

static int count_nodes(GByteArray *tables)
{
    size_t size;
    const uint8_t *slit = nvgrace_acpi_table(tables, "SLIT", &size);

    g_assert_nonnull(slit);
    return ldq_le_p(slit + 36);
}

static int distance(GByteArray *tables, int a, int b)
{
    size_t size;
    const uint8_t *slit = nvgrace_acpi_table(tables, "SLIT", &size);

    return slit[44 + a * count_nodes(tables) + b];
}

/* An initiator that the user described is not described twice. */
static void test_some_given(void)
{
    g_autoptr(GByteArray) tables = tables_of(
        RAM_NODE NODE(1) NODE(2) INITIATOR(1, "gpu1")
        NVGRACE(1, "2G", "pxm-start=1,pxm-count=2"));

    g_assert_cmpint(count_initiators(tables, 1), ==, 1);
    g_assert_cmpint(count_initiators(tables, 2), ==, 1);
    g_assert_null(srat_structure(tables, 5, 2));
}

/* As libvirt does it: nodes, initiators that name the GPU, and no pxm-start */
static void test_all_given(void)
{
    QTestState *qts = qtest_init(
        RAM_NODE NODE(1) NODE(2) NODE(3)
        INITIATOR(1, "gpu1") INITIATOR(2, "gpu1") INITIATOR(3, "gpu1")
        NVGRACE(1, "2G", ""));
    g_autoptr(GByteArray) tables = nvgrace_acpi_read(qts);

    check_nodes(qts, "gpu1", 1, 3);
    g_assert_cmpint(count_nodes(tables), ==, 4);
    for (int n = 1; n <= 3; n++) {
        g_assert_cmpint(count_initiators(tables, n), ==, 1);
        g_assert_cmpint(distance(tables, 0, n), ==, 80);
    }
    g_assert_null(srat_structure(tables, 5, 3));
    qtest_quit(qts);
}

/* The nodes that are named need not be declared. */
static void test_given_undeclared(void)
{
    QTestState *qts = qtest_init(NVGRACE_MACHINE INITIATOR(1, "gpu1")
                                 INITIATOR(2, "gpu1") NVGRACE(1, "2G", ""));
    g_autoptr(GByteArray) tables = nvgrace_acpi_read(qts);

    check_nodes(qts, "gpu1", 1, 2);
    g_assert_cmpint(count_nodes(tables), ==, 3);
    g_assert_null(srat_structure(tables, 5, 2));
    qtest_quit(qts);
}

/* Each GPU has the nodes that name it, whichever comes first. */
static void test_given_crossed(void)
{
    QTestState *qts = qtest_init(
        RAM_NODE NODE(1) NODE(2) NODE(3)
        INITIATOR(3, "gpu1") INITIATOR(1, "gpu2") INITIATOR(2, "gpu2")
        NVGRACE(1, "2G", "") NVGRACE(2, "2G", ""));
    g_autoptr(GByteArray) tables = NULL;

    nvgrace_set_bus(qts, 0, 1, 1);
    nvgrace_set_bus(qts, 0, 2, 2);
    tables = nvgrace_acpi_read(qts);
    check_nodes(qts, "gpu1", 3, 1);
    check_nodes(qts, "gpu2", 1, 2);
    for (int n = 1; n <= 3; n++) {
        g_assert_cmpint(count_initiators(tables, n), ==, 1);
    }
    g_assert_cmpint(distance(tables, 1, 2), ==, 11);
    g_assert_cmpint(distance(tables, 1, 3), ==, 40);
    qtest_quit(qts);
}

/* An initiator of somebody else is none of the GPU's, which has its own. */
static void test_given_other(void)
{
    g_autoptr(GByteArray) tables = tables_of(
        RAM_NODE NODE(1) "-device virtio-rng-pci,id=rng,addr=1d "
        INITIATOR(1, "rng") NVGRACE(1, "2G", "pxm-start=1,pxm-count=1"));

    g_assert_cmpint(count_initiators(tables, 1), ==, 2);
}

/*
 * The objects are in a hash table, by their ids.  Nodes are in order, those of
 * all GPUs, whoever asked for them: Linux numbers its nodes by that.
 */
static void test_given_order(void)
{
    QTestState *qts = qtest_init(
        RAM_NODE INITIATOR(9, "gpu1") INITIATOR(4, "gpu1") INITIATOR(7, "gpu1")
        INITIATOR(11, "gpu1") INITIATOR(5, "gpu1") INITIATOR(8, "gpu1")
        INITIATOR(6, "gpu1") INITIATOR(10, "gpu1") INITIATOR(2, "gpu2")
        INITIATOR(1, "gpu2") NVGRACE(1, "2G", "") NVGRACE(2, "2G", "")
        NVGRACE(3, "2G", "pxm-start=3,pxm-count=1"));
    g_autoptr(GByteArray) tables = NULL;

    nvgrace_set_bus(qts, 0, 1, 1);
    nvgrace_set_bus(qts, 0, 2, 2);
    nvgrace_set_bus(qts, 0, 3, 3);
    tables = nvgrace_acpi_read(qts);
    for (int n = 1; n <= 11; n++) {
        check_memory_affinity(srat_structure(tables, 1, n), n, 0, 0, 3);
        check_generic_initiator(srat_structure(tables, 5, n - 1), n,
                                n <= 2 ? 2 : n == 3 ? 3 : 1);
    }
    g_assert_null(srat_structure(tables, 1, 12));
    g_assert_null(srat_structure(tables, 5, 11));
    qtest_quit(qts);
}

/* Nodes that are typed for one GPU are taken by none that comes first. */
static void test_given_later(void)
{
    QTestState *qts = qtest_init(
        NVGRACE_MACHINE INITIATOR(2, "gpu2") INITIATOR(3, "gpu2")
        NVGRACE(1, "2G", "") NVGRACE(2, "2G", ""));

    check_nodes(qts, "gpu1", 4, 8);
    check_nodes(qts, "gpu2", 2, 2);
    qtest_quit(qts);
}

/* A domain that nobody has is a gap, as on bare metal, and not in the SRAT. */
static void test_gap(void)
{
    QTestState *qts = qtest_init(
        NVGRACE_MACHINE NVGRACE(1, "2G", "pxm-start=5,pxm-count=1"));
    g_autoptr(GByteArray) tables = nvgrace_acpi_read(qts);

    check_nodes(qts, "gpu1", 5, 1);
    g_assert_cmpint(count_nodes(tables), ==, 6);
    check_memory_affinity(srat_structure(tables, 1, 1), 5, 0, 0, 3);
    g_assert_null(srat_structure(tables, 1, 2));
    g_assert_cmpint(count_initiators(tables, 5), ==, 1);
    g_assert_null(srat_structure(tables, 5, 1));
    qtest_quit(qts);
}

/* Eight GPUs with eight nodes each, and what the guest's kernel has to be */
static void test_64_nodes(void)
{
    QTestState *qts = qtest_init(
        RAM_NODE NVGRACE(1, "2G", "") NVGRACE(2, "2G", "") NVGRACE(3, "2G", "")
        NVGRACE(4, "2G", "") NVGRACE(5, "2G", "") NVGRACE(6, "2G", "")
        NVGRACE(7, "2G", "") NVGRACE(8, "2G", ""));
    g_autoptr(GByteArray) tables = NULL;

    for (int gpu = 1; gpu <= 8; gpu++) {
        g_autofree char *id = g_strdup_printf("gpu%d", gpu);

        nvgrace_set_bus(qts, 0, gpu, gpu);
        check_nodes(qts, id, 8 * gpu - 7, 8);
    }
    tables = nvgrace_acpi_read(qts);
    g_assert_cmpint(count_nodes(tables), ==, 65);
    for (int n = 1; n <= 64; n++) {
        check_memory_affinity(srat_structure(tables, 1, n), n, 0, 0, 3);
        check_generic_initiator(srat_structure(tables, 5, n - 1), n,
                                (n + 7) / 8);
        g_assert_cmpint(distance(tables, 0, n), ==, 80);
        g_assert_cmpint(distance(tables, 64, n), ==,
                        n == 64 ? 10 : n > 56 ? 11 : 40);
    }
    g_assert_null(srat_structure(tables, 5, 64));
    qtest_quit(qts);
}

/* Of nodes that are declared and nobody's, none is taken without need. */
static void test_declared_last(void)
{
    g_autoptr(GString) args = g_string_new(RAM_NODE);
    QTestState *qts;

    for (int n = 1; n <= 120; n++) {
        g_string_append_printf(args, "-numa node,nodeid=%d ", n);
    }
    g_string_append(args, NVGRACE(1, "2G", "pxm-count=7")
                    NVGRACE(2, "2G", "") NVGRACE(3, "2G", ""));
    qts = qtest_init(args->str);
    check_nodes(qts, "gpu1", 121, 7);
    check_nodes(qts, "gpu2", 1, 8);
    check_nodes(qts, "gpu3", 9, 8);
    qtest_quit(qts);
}

#define TWO_GPUS NVGRACE_MACHINE NVGRACE(1, "2G", "pxm-count=2") \
    NVGRACE(2, "2G", "pxm-count=2")

/* The tables of a guest that reboots */
static GByteArray *tables_after_reset(QTestState *qts)
{
    qtest_system_reset(qts);
    return nvgrace_acpi_read(qts);
}

/*
 * A guest that lets go of a GPU which the user's objects name, and reboots: the
 * objects name a device that is no more, and nobody minds.
 */
static void test_eject_given(void)
{
    QTestState *qts = qtest_init(
        RAM_NODE INITIATOR(1, "gpu1") INITIATOR(2, "gpu1") NVGRACE(1, "2G", "")
        NVGRACE(2, "2G", "pxm-count=1"));
    g_autoptr(GByteArray) tables = NULL;

    nvgrace_eject(qts, 1);
    tables = tables_after_reset(qts);
    g_assert_cmpint(count_initiators(tables, 3), ==, 1);
    g_assert_null(srat_structure(tables, 5, 1));
    qtest_quit(qts);
}

/* The second GPU is what it was; of the first, nothing is left but a gap. */
static void test_eject_first(void)
{
    QTestState *qts = qtest_init(TWO_GPUS);
    g_autoptr(GByteArray) tables = nvgrace_acpi_read(qts);

    qtest_writeq(qts, 260 * GiB, 42);
    nvgrace_eject(qts, 1);
    g_assert_null(nvgrace_query(qts, "gpu1"));
    check_nodes(qts, "gpu2", 3, 2);
    g_assert_cmphex(qtest_readq(qts, 260 * GiB), ==, 42);
    qtest_writeq(qts, 258 * GiB, 42);
    g_assert_cmphex(qtest_readq(qts, 258 * GiB), ==, 0);

    g_clear_pointer(&tables, g_byte_array_unref);
    tables = tables_after_reset(qts);
    check_memory_affinity(srat_structure(tables, 1, 1), 3, 0, 0, 3);
    check_memory_affinity(srat_structure(tables, 1, 2), 4, 0, 0, 3);
    g_assert_null(srat_structure(tables, 1, 3));
    g_assert_cmpint(count_initiators(tables, 3), ==, 1);
    g_assert_cmpint(count_initiators(tables, 4), ==, 1);
    g_assert_null(srat_structure(tables, 5, 2));
    g_assert_cmpint(count_nodes(tables), ==, 5);
    g_assert_cmpint(distance(tables, 0, 3), ==, 80);
    g_assert_cmpint(distance(tables, 3, 4), ==, 11);
    g_assert_cmpint(distance(tables, 0, 1), ==, 20);
    g_assert_cmpint(distance(tables, 1, 3), ==, 120);
    qtest_quit(qts);
}

static void test_eject_second(void)
{
    QTestState *qts = qtest_init(TWO_GPUS);
    g_autoptr(GByteArray) tables = NULL;

    nvgrace_eject(qts, 2);
    check_nodes(qts, "gpu1", 1, 2);
    tables = tables_after_reset(qts);
    g_assert_cmpint(count_nodes(tables), ==, 3);
    g_assert_null(srat_structure(tables, 5, 2));
    qtest_quit(qts);
}

/* A table is the same in both, or in neither. */
static void check_same(GByteArray *a, GByteArray *b, const char *signature)
{
    size_t size_a = 0, size_b = 0;
    const uint8_t *table_a = nvgrace_acpi_table(a, signature, &size_a);
    const uint8_t *table_b = nvgrace_acpi_table(b, signature, &size_b);

    g_assert_cmpmem(table_a, size_a, table_b, size_b);
}

/*
 * In either order: the tables are those of a machine without GPUs, but for the
 * address of the PCI window, which is in the DSDT.
 */
static void test_eject_both(const void *opaque)
{
    int first = GPOINTER_TO_INT(opaque);
    QTestState *qts = qtest_init(TWO_GPUS "-machine hmat=on ");
    QTestState *other = qtest_init(NVGRACE_MACHINE NVGRACE_PORT(1)
                                   NVGRACE_PORT(2) "-machine hmat=on ");
    g_autoptr(GByteArray) tables = nvgrace_acpi_read(qts);
    g_autoptr(GByteArray) without = nvgrace_acpi_read(other);
    size_t size;

    g_assert_nonnull(nvgrace_acpi_table(tables, "HMAT", &size));
    nvgrace_eject(qts, first);
    nvgrace_eject(qts, 3 - first);
    g_clear_pointer(&tables, g_byte_array_unref);
    tables = tables_after_reset(qts);
    g_assert_null(nvgrace_acpi_table(tables, "SRAT", &size));
    g_assert_null(nvgrace_acpi_table(tables, "SLIT", &size));
    g_assert_null(nvgrace_acpi_table(tables, "HMAT", &size));
    g_assert_cmpuint(tables->len, ==, without->len);
    check_same(tables, without, "FACP");
    check_same(tables, without, "APIC");
    check_same(tables, without, "GTDT");
    check_same(tables, without, "MCFG");
    check_same(tables, without, "PPTT");
    check_same(tables, without, "SPCR");
    qtest_quit(qts);
    qtest_quit(other);
}

/* The hotplug range is the last ordinary node's, and not that of the gap. */
static void test_eject_hotplug_range(void)
{
    QTestState *qts = qtest_init(
        RAM_NODE "-m 1G,maxmem=2G,slots=1 " NVGRACE(1, "2G", "pxm-count=1")
        NVGRACE(2, "2G", "pxm-count=1"));
    g_autoptr(GByteArray) tables = NULL;

    nvgrace_eject(qts, 1);
    tables = tables_after_reset(qts);
    check_memory_affinity(srat_structure(tables, 1, 1), 2, 0, 0, 3);
    check_memory_affinity(srat_structure(tables, 1, 2), 0, 2 * GiB, 2 * GiB, 3);
    qtest_quit(qts);
}

/* An adopted node is the user's again, with the distance that the user gave. */
static void test_eject_adopted(void)
{
    QTestState *qts = qtest_init(
        RAM_NODE NODE(1) "-numa dist,src=0,dst=1,val=55 "
        NVGRACE(1, "2G", "pxm-start=1,pxm-count=2"));
    g_autoptr(GByteArray) tables = nvgrace_acpi_read(qts);

    g_assert_cmpint(count_nodes(tables), ==, 3);
    nvgrace_eject(qts, 1);
    g_clear_pointer(&tables, g_byte_array_unref);
    tables = tables_after_reset(qts);
    g_assert_cmpint(count_nodes(tables), ==, 2);
    g_assert_cmpint(distance(tables, 0, 1), ==, 55);
    g_assert_null(srat_structure(tables, 5, 0));
    qtest_quit(qts);
}

/* The hotplug range is no GPU's, not even if the GPU's nodes are declared. */
static void test_hotplug_range_adopted(void)
{
    g_autoptr(GByteArray) tables = tables_of(
        RAM_NODE NODE(1) "-m 1G,maxmem=2G,slots=1 "
        NVGRACE(1, "2G", "pxm-start=1,pxm-count=1"));

    check_memory_affinity(srat_structure(tables, 1, 1), 1, 0, 0, 3);
    check_memory_affinity(srat_structure(tables, 1, 2), 0, 2 * GiB, 2 * GiB, 3);
}

/* EGM's list of retired pages is no more when its GPU is. */
static void test_eject_egm(void)
{
    QTestState *qts = qtest_init(RAM_NODE NVGRACE(1, "2G", "egm-node=0"));
    g_autofree char *before = qtest_hmp(qts, "info mtree");
    g_autofree char *after = NULL;

    g_assert_nonnull(strstr(before, "nvgrace-egm-retired"));
    nvgrace_eject(qts, 1);
    after = qtest_hmp(qts, "info mtree");
    g_assert_null(strstr(after, "nvgrace-egm-retired"));
    qtest_quit(qts);
}

static uint64_t property(QTestState *qts, const char *id, const char *name)
{
    g_autofree char *path = g_strdup_printf("/machine/peripheral/%s", id);
    QDict *rsp = qtest_qmp(qts, "{'execute': 'qom-get', 'arguments': "
                           "{'path': %s, 'property': %s}}", path, name);
    uint64_t value = qdict_get_uint(rsp, "return");

    qobject_unref(rsp);
    return value;
}

static void check_properties(QTestState *qts, const char *id, uint64_t addr,
                             uint64_t start, uint64_t count)
{
    g_assert_cmphex(property(qts, id, "mem-addr"), ==, addr);
    g_assert_cmphex(property(qts, id, "pxm-start"), ==, start);
    g_assert_cmphex(property(qts, id, "pxm-count"), ==, count);
}

static void unrealize(QTestState *qts, const char *id)
{
    g_autofree char *path = g_strdup_printf("/machine/peripheral/%s", id);

    qtest_qmp_assert_success(qts, "{'execute': 'qom-set', 'arguments': "
                             "{'path': %s, 'property': 'realized', "
                             "'value': false}}", path);
}

/* What a GPU found for itself it forgets; what the user chose it keeps. */
static void test_unplug_restores(void)
{
    QTestState *qts = qtest_init(
        NVGRACE_MACHINE NVGRACE(1, "2G", "")
        NVGRACE(2, "2G", "pxm-start=9,pxm-count=2,mem-addr=0x5000000000"));
    QDict *rsp;

    check_properties(qts, "gpu1", 258 * GiB, 1, 8);
    check_properties(qts, "gpu2", 320 * GiB, 9, 2);
    unrealize(qts, "gpu1");
    unrealize(qts, "gpu2");
    rsp = qtest_qmp(qts, "{'execute': 'qom-get', 'arguments': {'path': "
                    "'/machine/peripheral/gpu1', "
                    "'property': 'coherent-memory'}}");
    g_assert_cmpint(qobject_type(qdict_get(rsp, "return")), ==, QTYPE_QNULL);
    qobject_unref(rsp);
    check_properties(qts, "gpu1", UINT64_MAX, UINT32_MAX, UINT32_MAX);
    check_properties(qts, "gpu2", 320 * GiB, 9, 2);
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    qtest_add_func("/nvgrace/numa/initiators/some", test_some_given);
    qtest_add_func("/nvgrace/numa/initiators/all", test_all_given);
    qtest_add_func("/nvgrace/numa/initiators/undeclared",
                   test_given_undeclared);
    qtest_add_func("/nvgrace/numa/initiators/crossed", test_given_crossed);
    qtest_add_func("/nvgrace/numa/initiators/other", test_given_other);
    qtest_add_func("/nvgrace/numa/initiators/order", test_given_order);
    qtest_add_func("/nvgrace/numa/initiators/later", test_given_later);
    qtest_add_func("/nvgrace/numa/gap", test_gap);
    qtest_add_func("/nvgrace/numa/8-gpus", test_64_nodes);
    qtest_add_func("/nvgrace/numa/declared-last", test_declared_last);
    qtest_add_func("/nvgrace/numa/eject/given", test_eject_given);
    qtest_add_func("/nvgrace/numa/eject/first", test_eject_first);
    qtest_add_func("/nvgrace/numa/eject/second", test_eject_second);
    qtest_add_data_func("/nvgrace/numa/eject/both", GINT_TO_POINTER(1),
                        test_eject_both);
    qtest_add_data_func("/nvgrace/numa/eject/both-backwards",
                        GINT_TO_POINTER(2), test_eject_both);
    qtest_add_func("/nvgrace/numa/eject/hotplug-range",
                   test_eject_hotplug_range);
    qtest_add_func("/nvgrace/numa/eject/adopted", test_eject_adopted);
    qtest_add_func("/nvgrace/numa/eject/egm", test_eject_egm);
    qtest_add_func("/nvgrace/numa/hotplug-range/adopted",
                   test_hotplug_range_adopted);
    qtest_add_func("/nvgrace/numa/unplug/restores", test_unplug_restores);
    return g_test_run();
}
