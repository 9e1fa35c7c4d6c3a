/*
 * QTest: where the coherent memory of Grace GPUs is in the guest
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/units.h"
#include "qobject/qdict.h"
#include "nvgrace-fwcfg.h"

/* The guest address of a GPU's memory */
static uint64_t address(QTestState *qts, const char *id)
{
    g_autofree char *path = g_strdup_printf("/machine/peripheral/%s", id);
    QDict *rsp = qtest_qmp(qts, "{'execute': 'qom-get', 'arguments': "
                           "{'path': %s, 'property': 'mem-addr'}}", path);
    uint64_t addr;

    g_assert_true(qdict_haskey(rsp, "return"));
    addr = qdict_get_uint(rsp, "return");
    qobject_unref(rsp);
    return addr;
}

/* Memory, and nobody else's: both words stay what they were set to. */
static void check_memory(QTestState *qts, uint64_t addr, uint64_t size)
{
    qtest_writeq(qts, addr, addr);
    qtest_writeq(qts, addr + size - 8, ~addr);
    g_assert_cmphex(qtest_readq(qts, addr), ==, addr);
    g_assert_cmphex(qtest_readq(qts, addr + size - 8), ==, ~addr);
}

static void check_one(const char *args, uint64_t size, uint64_t expected)
{
    QTestState *qts = qtest_init(args);

    g_assert_cmphex(address(qts, "gpu1"), ==, expected);
    check_memory(qts, expected, size);
    qtest_quit(qts);
}

/* 96 GiB at a multiple of 128 GiB: natural alignment fits */
static void test_96g(void)
{
    check_one(NVGRACE_MACHINE NVGRACE(1, "96G", "model=gh200"), 96 * GiB,
              384 * GiB);
}

/* 192 GiB at a multiple of 256 GiB do not fit below 512 GiB */
static void test_192g(void)
{
    check_one(NVGRACE_MACHINE NVGRACE(1, "192G", "model=gb200"), 192 * GiB,
              257 * GiB);
}

/* Not a multiple of 1 GiB, as real ones */
static void test_odd_size(void)
{
    check_one(NVGRACE_MACHINE NVGRACE(1, "97920M", "model=gh200"), 97920 * MiB,
              384 * GiB);
}

static void test_4g(void)
{
    check_one(NVGRACE_MACHINE NVGRACE(1, "4G", "model=gh200"), 4 * GiB,
              260 * GiB);
}

static void test_largest(void)
{
    check_one(NVGRACE_MACHINE NVGRACE(1, "255G", "model=gb200"), 255 * GiB,
              257 * GiB);
}

static void test_much_ram(void)
{
    /* 300 GiB of RAM move all high windows up; the memory goes with them. */
    QTestState *qts = qtest_init("-machine virt,gic-version=3 -cpu max "
                                 "-net none -m 300G "
                                 "-object memory-backend-ram,id=ram,size=300G,"
                                 "reserve=off -machine memory-backend=ram "
                                 NVGRACE(1, "96G", "model=gh200"));

    g_assert_cmphex(address(qts, "gpu1"), ==, 384 * GiB);
    check_memory(qts, 384 * GiB, 96 * GiB);
    qtest_quit(qts);
}

/* The split is not visible: last word of usemem, first word of resmem */
static void test_contiguous(void)
{
    const uint64_t resmem = 384 * GiB + 3 * GiB;
    QTestState *qts = qtest_init(NVGRACE_MACHINE
                                 NVGRACE(1, "4G",
                                         "model=gh200,mem-addr=0x6000000000"));

    qtest_writeq(qts, resmem - 4, 0x1122334455667788ULL);
    g_assert_cmphex(qtest_readl(qts, resmem - 4), ==, 0x55667788);
    g_assert_cmphex(qtest_readl(qts, resmem), ==, 0x11223344);
    qtest_quit(qts);
}

static void test_two(void)
{
    QTestState *qts = qtest_init(NVGRACE_MACHINE
                                 NVGRACE(1, "96G", "model=gh200")
                                 NVGRACE(2, "96G", "model=gh200"));

    g_assert_cmphex(address(qts, "gpu1"), ==, 384 * GiB);
    g_assert_cmphex(address(qts, "gpu2"), ==, 257 * GiB);
    check_memory(qts, 384 * GiB, 96 * GiB);
    check_memory(qts, 257 * GiB, 96 * GiB);
    g_assert_cmphex(qtest_readq(qts, 384 * GiB), ==, 384 * GiB);
    qtest_quit(qts);
}

static void test_mem_addr(void)
{
    check_one(NVGRACE_MACHINE NVGRACE(1, "2G", "mem-addr=0x5020000000"),
              2 * GiB, 0x5020000000ULL);
}

/* TCG's address space does not end with the high PCIe MMIO window. */
static void test_mem_addr_above(void)
{
    check_one(NVGRACE_MACHINE NVGRACE(1, "2G", "mem-addr=0x20000000000"),
              2 * GiB, 2 * TiB);
}

static void test_reset(void)
{
    QTestState *qts = qtest_init(NVGRACE_MACHINE
                                 NVGRACE(1, "2G", "")
                                 NVGRACE(2, "2G", "mem-addr=0x5000000000"));

    uint64_t addr = address(qts, "gpu1");

    qtest_system_reset(qts);
    g_assert_cmphex(address(qts, "gpu1"), ==, addr);
    g_assert_cmphex(address(qts, "gpu2"), ==, 0x5000000000ULL);
    qtest_quit(qts);
}

/* GPUs "gpu1" to "gpuN" are where @gib says, the last of which is 0. */
static void check_places(const char *args, const uint64_t *gib)
{
    QTestState *qts = qtest_init(args);

    for (int i = 0; gib[i]; i++) {
        g_autofree char *id = g_strdup_printf("gpu%d", i + 1);

        g_assert_cmphex(address(qts, id), ==, gib[i] * GiB);
        check_memory(qts, gib[i] * GiB, GiB);
    }
    qtest_quit(qts);
}

/* A hole that fits is used before what is behind it. */
static void test_pack(void)
{
    static const uint64_t gib[] = { 260, 258, 264, 262, 0 };

    check_places(NVGRACE_MACHINE NVGRACE(1, "2G", "mem-addr=0x4100000000")
                 NVGRACE(2, "2G", "") NVGRACE(3, "4G", "") NVGRACE(4, "2G", ""),
                 gib);
}

/* Where RAM ends before the high regions, there is room behind it. */
static void test_low(void)
{
    static const uint64_t gib[] = { 384, 257, 128, 4, 0 };

    check_places(NVGRACE_MACHINE
                 NVGRACE(1, "96G", "model=gh200,pxm-count=1")
                 NVGRACE(2, "96G", "model=gh200,pxm-count=1")
                 NVGRACE(3, "96G", "model=gh200,pxm-count=1")
                 NVGRACE(4, "96G", "model=gh200,pxm-count=1"), gib);
}

/* 3 GiB, 98.5 GiB, and 1 GiB for the alignment of each slot: up to 104 GiB */
#define MAXMEM_MACHINE                               \
    "-machine virt,gic-version=3 -cpu max -net none " \
    "-m 1536M,slots=2,maxmem=100G "

/* A GPU's memory goes behind what may be plugged. */
static void test_low_minds_maxmem(void)
{
    static const uint64_t gib[] = { 257, 128, 224, 104, 0 };
    g_autofree char *output = NULL;

    check_places(MAXMEM_MACHINE
                 NVGRACE(1, "255G", "model=gb200,pxm-count=1")
                 NVGRACE(2, "90G", "model=gb200,pxm-count=1")
                 NVGRACE(3, "24G", "model=gb200,pxm-count=1")
                 NVGRACE(4, "24G", "model=gb200,pxm-count=1"), gib);

    g_assert_cmpint(nvgrace_run(MAXMEM_MACHINE
                                NVGRACE(1, "255G", "model=gb200")
                                NVGRACE(2, "153G", "model=gb200"),
                                &output), ==, 1);
    g_assert_nonnull(strstr(output,
                            " or 0x1a00000000 and 0x3fffffffff, where 1 "));
}

#define GPUS_192G                                                       \
    NVGRACE(1, "192G", "model=gb200") NVGRACE(2, "192G", "model=gb200") \
    NVGRACE(3, "192G", "model=gb200") NVGRACE(4, "192G", "model=gb200")

/* So much that there is no room behind it */
#define MUCH_RAM                                                      \
    "-m 255G -object memory-backend-ram,id=ram,size=255G,reserve=off " \
    "-machine memory-backend=ram "

static int run_with(const char *ram, uint64_t gib, const char *gpus,
                    char **output)
{
    g_autofree char *args = g_strdup_printf(
        "-machine virt,gic-version=3,highmem-mmio-size=%" PRIu64 "G -cpu max "
        "-net none %s %s", gib, ram, gpus);

    return nvgrace_run(args, output);
}

/* The size in the hint is enough for what was refused, half of it is not. */
static void test_hint_is_exact(void)
{
    g_autofree char *output = NULL, *output2 = NULL;
    const char *gpus = NVGRACE(1, "192G", "model=gb200")
                       NVGRACE(2, "192G", "model=gb200");

    g_assert_cmpint(run_with(MUCH_RAM, 512, gpus, &output), ==, 1);
    g_assert_nonnull(strstr(output, "no room for 192 GiB"));
    g_assert_nonnull(strstr(output, "where 1 other GPUs have theirs"));
    g_assert_nonnull(strstr(output, "highmem-mmio-size=1024G."));
    g_assert_cmpint(run_with(MUCH_RAM, 1024, gpus, &output2), ==, 0);
}

/* It minds what has room behind RAM: without that it would be 2048G. */
static void test_hint_minds_low(void)
{
    g_autofree char *output = NULL, *output2 = NULL;
    const char *gpus = NVGRACE(1, "96G", "pxm-count=1,mem-addr=0x6000000000")
                       NVGRACE(2, "200G", "pxm-count=1")
                       NVGRACE(3, "120G", "pxm-count=1")
                       NVGRACE(4, "250G", "pxm-count=1");

    g_assert_cmpint(run_with("-m 1G", 512, gpus, &output), ==, 1);
    g_assert_nonnull(strstr(output, "no room for 250 GiB"));
    g_assert_nonnull(strstr(output, "highmem-mmio-size=1024G."));
    g_assert_cmpint(run_with("-m 1G", 1024, gpus, &output2), ==, 0);
}

/* Whatever the hint says, following it ends. */
static void test_hints_end(void)
{
    uint64_t gib = 512;

    for (int tries = 0; ; tries++) {
        g_autofree char *output = NULL;
        const char *hint;

        g_assert_cmpint(tries, <, 4);
        if (!run_with(MUCH_RAM, gib, GPUS_192G, &output)) {
            break;
        }
        hint = strstr(output, "highmem-mmio-size=");
        g_assert_nonnull(hint);
        g_assert_cmpint(sscanf(hint, "highmem-mmio-size=%" SCNu64 "G", &gib),
                        ==, 1);
    }
    g_assert_cmpuint(gib, ==, 2048);
}

/*
 * Eight GPUs of all models.  Each hint is enough for the GPUs so far, as no
 * more is known; the last one is, for all eight, and half of it is not.
 */
static void test_eight(void)
{
    const char *gpus = NVGRACE(1, "96G", "model=gh200,pxm-count=1")
                       NVGRACE(2, "144G", "model=gh200,pxm-count=1")
                       NVGRACE(3, "192G", "model=gb200,pxm-count=1")
                       NVGRACE(4, "288G", "model=gb300,pxm-count=1")
                       NVGRACE(5, "97920M", "model=gh200,pxm-count=1")
                       NVGRACE(6, "192G", "model=gb200,pxm-count=1")
                       NVGRACE(7, "288G", "model=gb300,pxm-count=1")
                       NVGRACE(8, "186G", "model=gb200,pxm-count=1");
    uint64_t gib = 512, before = 0;

    for (;;) {
        g_autofree char *output = NULL;
        const char *hint;

        if (!run_with(MUCH_RAM, gib, gpus, &output)) {
            break;
        }
        hint = strstr(output, "highmem-mmio-size=");
        g_assert_nonnull(hint);
        before = gib;
        g_assert_cmpint(sscanf(hint, "highmem-mmio-size=%" SCNu64 "G", &gib),
                        ==, 1);
        g_assert_cmpuint(gib, >, before);
    }
    g_assert_cmpuint(gib, ==, 4096);
    g_assert_cmpuint(before, ==, 2048);
}

/* A switch, and a GPU of a number and a model behind one */
#define SWITCH(n)                                   \
    "-device x3130-upstream,id=up" #n ",bus=rp" #n " "
#define DOWN(n, up)                                                   \
    "-device xio3130-downstream,id=rp" #n ",bus=up" #up ",chassis=" #n \
    ",addr=" #n " "
#define BEHIND(n, up, size, model) \
    DOWN(n, up) NVGRACE_MEM(n, size) NVGRACE_GPU(n, "model=" model)

/* Any number of GPUs, of models by turns: each has its memory and 8 nodes. */
static void test_counts(void)
{
    static const struct {
        const char *args;
        uint64_t size;
    } gpus[] = {
        { BEHIND(1, 10, "4G", "gh200"), 4 * GiB },
        { BEHIND(2, 11, "6G", "gb200"), 6 * GiB },
        { BEHIND(3, 10, "3G", "gb300"), 3 * GiB },
        { BEHIND(4, 11, "1536M", "gh200"), 1536 * MiB },
        { BEHIND(5, 10, "8G", "gb200"), 8 * GiB },
        { BEHIND(6, 11, "2G", "gb300"), 2 * GiB },
        { BEHIND(7, 10, "5G", "gh200"), 5 * GiB },
        { BEHIND(8, 11, "2G", "gb200"), 2 * GiB },
    };
    g_autoptr(GString) args = g_string_new(NVGRACE_MACHINE NVGRACE_PORT(10)
                                           NVGRACE_PORT(11) SWITCH(10)
                                           SWITCH(11));

    for (int count = 1; count <= ARRAY_SIZE(gpus); count++) {
        QTestState *qts;

        g_string_append(args, gpus[count - 1].args);
        qts = qtest_init(args->str);
        for (int n = 0; n < count; n++) {
            g_autofree char *id = g_strdup_printf("gpu%d", n + 1);
            QDict *gpu = nvgrace_query(qts, id);

            g_assert_nonnull(gpu);
            g_assert_cmpint(qdict_get_int(gpu, "pxm-start"), ==, 1 + 8 * n);
            g_assert_cmpint(qdict_get_int(gpu, "pxm-count"), ==, 8);
            qobject_unref(gpu);
            check_memory(qts, address(qts, id), gpus[n].size);
        }
        /* nobody has written to another's */
        for (int n = 0; n < count; n++) {
            g_autofree char *id = g_strdup_printf("gpu%d", n + 1);
            uint64_t addr = address(qts, id);

            g_assert_cmphex(qtest_readq(qts, addr), ==, addr);
            g_assert_cmphex(qtest_readq(qts, addr + gpus[n].size - 8), ==,
                            ~addr);
        }
        qtest_quit(qts);
    }
}

/* What QMP and HMP say of a GPU */
static void test_query(void)
{
    QTestState *qts = qtest_init(NVGRACE_MACHINE
                                 NVGRACE(1, "97920M", "model=gh200")
                                 NVGRACE(2, "2G", "model=gb200,pxm-count=3,"
                                         "egm-node=0"));
    QDict *gpu = nvgrace_query(qts, "gpu1");
    g_autofree char *hmp = NULL;

    g_assert_nonnull(gpu);
    g_assert_cmpstr(qdict_get_str(gpu, "qom-path"), ==,
                    "/machine/peripheral/gpu1");
    g_assert_cmpstr(qdict_get_str(gpu, "guest-view"), ==, "acpi");
    g_assert_cmphex(qdict_get_int(gpu, "usemem-addr"), ==, 384 * GiB);
    g_assert_cmphex(qdict_get_int(gpu, "usemem-size"), ==,
                    94 * GiB + 512 * MiB);
    g_assert_cmphex(qdict_get_int(gpu, "resmem-addr"), ==,
                    384 * GiB + 94 * GiB + 512 * MiB);
    g_assert_cmphex(qdict_get_int(gpu, "resmem-size"), ==, 1152 * MiB);
    g_assert_cmpint(qdict_get_int(gpu, "pxm-start"), ==, 1);
    g_assert_cmpint(qdict_get_int(gpu, "pxm-count"), ==, 8);
    g_assert_cmpint(qdict_get_int(gpu, "socket"), ==, 0);
    g_assert_false(qdict_haskey(gpu, "egm-node"));
    qobject_unref(gpu);

    gpu = nvgrace_query(qts, "gpu2");
    g_assert_nonnull(gpu);
    g_assert_cmphex(qdict_get_int(gpu, "usemem-addr"), ==,
                    address(qts, "gpu2"));
    g_assert_false(qdict_haskey(gpu, "resmem-addr"));
    g_assert_false(qdict_haskey(gpu, "resmem-size"));
    g_assert_cmpint(qdict_get_int(gpu, "pxm-start"), ==, 9);
    g_assert_cmpint(qdict_get_int(gpu, "pxm-count"), ==, 3);
    g_assert_cmpint(qdict_get_int(gpu, "egm-node"), ==, 0);
    qobject_unref(gpu);

    hmp = qtest_hmp(qts, "qom-get /machine/peripheral/gpu2 coherent-memory");
    g_assert_nonnull(strstr(hmp, "\"guest-view\": \"acpi\""));
    g_assert_nonnull(strstr(hmp, "\"pxm-start\": 9"));
    g_free(hmp);
    hmp = qtest_hmp(qts, "info mtree");
    g_assert_nonnull(strstr(hmp, "nvgrace-memory"));
    qtest_quit(qts);
}

static void test_query_none(void)
{
    QTestState *qts = qtest_init(NVGRACE_MACHINE);

    g_assert_null(nvgrace_query(qts, NULL));
    qtest_quit(qts);
}

/* A mem-addr= inside what the larger window would cover counts. */
static void test_hint_minds_mem_addr(void)
{
    g_autofree char *output = NULL, *output2 = NULL;
    const char *gpus = NVGRACE(1, "2G", "mem-addr=0x12000000000")
                       NVGRACE(2, "320G", "model=gb200");

    /* 0x12000000000 is in the window of 1024G and in the gap of 2048G. */
    g_assert_cmpint(run_with(MUCH_RAM, 512, gpus, &output), ==, 1);
    g_assert_nonnull(strstr(output, "highmem-mmio-size=2048G."));
    g_assert_cmpint(run_with(MUCH_RAM, 2048, gpus, &output2), ==, 0);
}

/* So does the list of retired pages of a GPU with extended memory. */
static void test_hint_minds_egm(void)
{
    g_autofree char *output = NULL, *output2 = NULL;
    const char *gpus = NVGRACE(1, "200G", "model=gb200,egm-node=0")
                       NVGRACE(2, "100G", "model=gb200");

    g_assert_cmpint(run_with(MUCH_RAM, 512, gpus, &output), ==, 1);
    g_assert_nonnull(strstr(output, "no room for 100 GiB"));
    g_assert_nonnull(strstr(output, "highmem-mmio-size=1024G."));
    g_assert_cmpint(run_with(MUCH_RAM, 1024, gpus, &output2), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    qtest_add_func("/nvgrace/placement/96g", test_96g);
    qtest_add_func("/nvgrace/placement/192g", test_192g);
    qtest_add_func("/nvgrace/placement/4g", test_4g);
    qtest_add_func("/nvgrace/placement/odd-size", test_odd_size);
    qtest_add_func("/nvgrace/placement/largest", test_largest);
    qtest_add_func("/nvgrace/placement/much-ram", test_much_ram);
    qtest_add_func("/nvgrace/placement/low", test_low);
    qtest_add_func("/nvgrace/placement/low-minds-maxmem",
                   test_low_minds_maxmem);
    qtest_add_func("/nvgrace/placement/contiguous", test_contiguous);
    qtest_add_func("/nvgrace/placement/two", test_two);
    qtest_add_func("/nvgrace/placement/pack", test_pack);
    qtest_add_func("/nvgrace/placement/counts", test_counts);
    qtest_add_func("/nvgrace/placement/mem-addr", test_mem_addr);
    qtest_add_func("/nvgrace/placement/mem-addr-above", test_mem_addr_above);
    qtest_add_func("/nvgrace/placement/reset", test_reset);
    qtest_add_func("/nvgrace/placement/hint/exact", test_hint_is_exact);
    qtest_add_func("/nvgrace/placement/hint/low", test_hint_minds_low);
    qtest_add_func("/nvgrace/placement/hint/end", test_hints_end);
    qtest_add_func("/nvgrace/placement/hint/mem-addr",
                   test_hint_minds_mem_addr);
    qtest_add_func("/nvgrace/placement/hint/egm", test_hint_minds_egm);
    qtest_add_func("/nvgrace/placement/hint/eight", test_eight);
    qtest_add_func("/nvgrace/placement/query/gpus", test_query);
    qtest_add_func("/nvgrace/placement/query/none", test_query_none);

    return g_test_run();
}
