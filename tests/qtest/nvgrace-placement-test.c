/*
 * QTest: where the coherent memory of Grace GPUs is in the guest
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/host-utils.h"
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

/* 192 GiB at a multiple of 256 GiB */
static void test_192g(void)
{
    check_one(NVGRACE_MACHINE NVGRACE(1, "192G", "model=gb200"), 192 * GiB,
              512 * GiB);
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

/* All that is kept for one GPU, at a multiple of its size */
static void test_largest(void)
{
    check_one(NVGRACE_MACHINE NVGRACE(1, "512G", "model=gb200"), 512 * GiB,
              512 * GiB);
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
    g_assert_cmphex(address(qts, "gpu2"), ==, 512 * GiB);
    check_memory(qts, 384 * GiB, 96 * GiB);
    check_memory(qts, 512 * GiB, 96 * GiB);
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

/*
 * A CPU with 40 address bits has the range from 256.5 to 512 GiB only.  GPUs
 * are closer there where that makes room for the next one, and not otherwise.
 */
#define SMALL_MACHINE \
    "-machine virt,gic-version=3 -cpu cortex-a53 -m 1G -net none "

static void test_pack_natural(void)
{
    static const uint64_t gib[] = { 384, 320, 0 };

    check_places(SMALL_MACHINE NVGRACE(1, "96G", "model=gb200")
                 NVGRACE(2, "48G", "model=gb200"), gib);
}

static void test_pack_tight(void)
{
    static const uint64_t gib[] = { 257, 337, 417, 0 };

    check_places(SMALL_MACHINE NVGRACE(1, "80G", "model=gb200")
                 NVGRACE(2, "80G", "model=gb200")
                 NVGRACE(3, "80G", "model=gb200"), gib);
}

/* The form of the option is no matter. */
static void test_json(void)
{
    static const uint64_t gib[] = { 512, 1024, 0 };

    check_places(NVGRACE_MACHINE NVGRACE(1, "279G", "model=gb300")
                 NVGRACE_PORT(2) NVGRACE_MEM(2, "279G")
                 "-device '{\"driver\":\"nvgrace-gpu\",\"id\":\"gpu2\","
                 "\"bus\":\"rp2\",\"memdev\":\"m2\"}' ", gib);
}

/* The machines that people have: so many GPUs of so many GiB beside that RAM */
typedef struct Machine {
    int gpus;
    int gpu_gib;
    int ram_gib;
} Machine;

static GString *machine_args(const Machine *m, const char *machine)
{
    GString *args = g_string_new(NULL);

    g_string_printf(args, "-machine %s,gic-version=3,memory-backend=ram "
                    "-cpu max -net none -m %dG "
                    "-object memory-backend-ram,id=ram,size=%dG,reserve=off ",
                    machine, m->ram_gib, m->ram_gib);
    for (int n = 1; n <= m->gpus; n++) {
        g_string_append_printf(args, "-device pcie-root-port,id=rp%d,"
                               "chassis=%d -object memory-backend-ram,id=m%d,"
                               "size=%dG,reserve=off "
                               "-device nvgrace-gpu,id=gpu%d,"
                               "model=gb200,bus=rp%d,memdev=m%d ", n, n, n,
                               m->gpu_gib, n, n, n);
    }
    return args;
}

/* No flag, natural alignment, and nobody's memory is another's. */
static void test_machine(const void *opaque)
{
    const Machine *m = opaque;
    g_autoptr(GString) args = machine_args(m, "virt");
    QTestState *qts = qtest_init(args->str);
    uint64_t size = m->gpu_gib * GiB;

    for (int n = 1; n <= m->gpus; n++) {
        g_autofree char *id = g_strdup_printf("gpu%d", n);
        uint64_t addr = address(qts, id);

        g_assert_cmphex(addr % pow2ceil(size), ==, 0);
        g_assert_cmphex(addr, >=, (1 + m->ram_gib) * GiB);
        check_memory(qts, addr, size);
    }
    for (int n = 1; n <= m->gpus; n++) {
        g_autofree char *id = g_strdup_printf("gpu%d", n);
        uint64_t addr = address(qts, id);

        g_assert_cmphex(qtest_readq(qts, addr), ==, addr);
        g_assert_cmphex(qtest_readq(qts, addr + size - 8), ==, ~addr);
    }
    qtest_quit(qts);
}

/* Older machine types, too: virt-7.1 has the memory map that is not compact. */
static void test_old_machines(void)
{
    static const char *const machines[] = {
        "virt-9.2", "virt-8.0", "virt-7.1"
    };
    static const Machine m = { 2, 279, 400 };

    for (int i = 0; i < ARRAY_SIZE(machines); i++) {
        g_autoptr(GString) args = machine_args(&m, machines[i]);
        g_autofree char *output = NULL;

        g_assert_cmpint(nvgrace_run(args->str, &output), ==, 0);
    }
}

/*
 * What the hint says is enough, and less is not: 41 bits have room for what 40
 * have not.
 */
static void test_hint_bits(void)
{
    g_autofree char *output = NULL, *output2 = NULL;
    const char *gpus = NVGRACE(1, "192G", "model=gb200")
                       NVGRACE(2, "192G", "model=gb200");
    g_autofree char *small = g_strconcat(SMALL_MACHINE, gpus, NULL);
    g_autofree char *large = g_strconcat(NVGRACE_MACHINE, gpus, NULL);

    g_assert_cmpint(nvgrace_run(small, &output), ==, 1);
    g_assert_nonnull(strstr(output, "no room for 192 GiB of coherent GPU "
                            "memory between 0x4020000000 and "
                            "0x7fffffffff, where 1 other GPUs have theirs"));
    g_assert_nonnull(strstr(output, "This takes 41 bits of guest physical "
                            "address, and this CPU has 40"));
    g_assert_cmpint(nvgrace_run(large, &output2), ==, 0);
}

static int run_with(uint64_t gib, const char *gpus, char **output)
{
    g_autofree char *args = g_strdup_printf(
        "-machine virt,gic-version=3,highmem-mmio-size=%" PRIu64 "G -cpu max "
        "-net none -m 1G %s", gib, gpus);

    return nvgrace_run(args, output);
}

/* The size in the hint is enough, and half of it is not. */
static void check_hint(const char *gpus, const char *message, uint64_t expected)
{
    g_autofree char *output = NULL, *half = NULL, *all = NULL;
    g_autofree char *hint = g_strdup_printf("highmem-mmio-size=%" PRIu64 "G.",
                                            expected);

    g_assert_cmpint(run_with(512, gpus, &output), ==, 1);
    g_assert_nonnull(strstr(output, message));
    g_assert_nonnull(strstr(output, hint));
    g_assert_cmpint(run_with(expected / 2, gpus, &half), ==, 1);
    g_assert_cmpint(run_with(expected, gpus, &all), ==, 0);
}

static void test_hint_is_exact(void)
{
    check_hint(NVGRACE(1, "800G", "model=gb200"), "no room for 800 GiB", 2048);
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

/* A mem-addr= inside what the larger range would cover counts. */
static void test_hint_minds_mem_addr(void)
{
    /* 0x12000000000 is at 1.125 TiB; without a flag the range ends at 1.5. */
    check_hint(NVGRACE(1, "2G", "mem-addr=0x12000000000")
               NVGRACE(2, "900G", "model=gb200"), "no room for 900 GiB", 4096);
}

int main(int argc, char **argv)
{
    static const int gpu_gib[] = { 96, 186, 279 };
    static const int ram_gib[] = { 4, 400, 900 };

    g_test_init(&argc, &argv, NULL);

    qtest_add_func("/nvgrace/placement/96g", test_96g);
    qtest_add_func("/nvgrace/placement/192g", test_192g);
    qtest_add_func("/nvgrace/placement/4g", test_4g);
    qtest_add_func("/nvgrace/placement/odd-size", test_odd_size);
    qtest_add_func("/nvgrace/placement/largest", test_largest);
    qtest_add_func("/nvgrace/placement/much-ram", test_much_ram);
    qtest_add_func("/nvgrace/placement/contiguous", test_contiguous);
    qtest_add_func("/nvgrace/placement/two", test_two);
    qtest_add_func("/nvgrace/placement/pack", test_pack);
    qtest_add_func("/nvgrace/placement/counts", test_counts);
    qtest_add_func("/nvgrace/placement/mem-addr", test_mem_addr);
    qtest_add_func("/nvgrace/placement/mem-addr-above", test_mem_addr_above);
    qtest_add_func("/nvgrace/placement/reset", test_reset);
    qtest_add_func("/nvgrace/placement/pack/natural", test_pack_natural);
    qtest_add_func("/nvgrace/placement/pack/tight", test_pack_tight);
    qtest_add_func("/nvgrace/placement/json", test_json);
    qtest_add_func("/nvgrace/placement/machines/old", test_old_machines);
    qtest_add_func("/nvgrace/placement/hint/bits", test_hint_bits);
    qtest_add_func("/nvgrace/placement/hint/exact", test_hint_is_exact);
    qtest_add_func("/nvgrace/placement/hint/mem-addr",
                   test_hint_minds_mem_addr);
    qtest_add_func("/nvgrace/placement/query/gpus", test_query);
    qtest_add_func("/nvgrace/placement/query/none", test_query_none);

    for (int gpus = 1; gpus <= 8; gpus *= 2) {
        for (int i = 0; i < ARRAY_SIZE(gpu_gib); i++) {
            for (int j = 0; j < ARRAY_SIZE(ram_gib); j++) {
                Machine *m = g_new(Machine, 1);
                g_autofree char *path = NULL;

                *m = (Machine) { gpus, gpu_gib[i], ram_gib[j] };
                path = g_strdup_printf("/nvgrace/placement/machines/%dx%dG-%dG",
                                       m->gpus, m->gpu_gib, m->ram_gib);
                qtest_add_data_func_full(path, m, test_machine, g_free);
            }
        }
    }

    return g_test_run();
}
