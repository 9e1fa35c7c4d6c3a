/*
 * QTest: how far ACPI says that the NUMA nodes of Grace GPUs are
 *
 * The SLIT is that of bare metal, and what the user has said of distances.  The
 * HMAT has what the user says and nothing else.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "nvgrace-fwcfg.h"
#include "nvgrace-srat.h"

/*
 * SLIT (ACPI 6.5, 5.2.17)
 */

static void check_slit(const char *args, int count, const uint8_t *expected)
{
    g_autoptr(GByteArray) tables = tables_of(args);
    size_t size;
    const uint8_t *slit = nvgrace_acpi_table(tables, "SLIT", &size);

    g_assert_nonnull(slit);
    g_assert_cmpuint(ldq_le_p(slit + 36), ==, count);
    g_assert_cmpuint(size, ==, 44 + count * count);
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < count; j++) {
            if (slit[44 + i * count + j] != expected[i * count + j]) {
                g_error("distance %d-%d is %d, not %d", i, j,
                        slit[44 + i * count + j], expected[i * count + j]);
            }
        }
    }
}

static void test_slit_one(void)
{
    const uint8_t expected[] = {
        10, 80, 80, 80,
        80, 10, 11, 11,
        80, 11, 10, 11,
        80, 11, 11, 10,
    };

    check_slit(NVGRACE_MACHINE NVGRACE(1, "2G", "pxm-count=3"), 4, expected);
}

/* As on a GB200 board: the first GPU is next to CPU 0, the second to CPU 1 */
static void test_slit_two_sockets(void)
{
    const uint8_t expected[] = {
         10,  40,  80,  80, 120,
         40,  10, 120, 120,  80,
         80, 120,  10,  11,  40,
         80, 120,  11,  10,  40,
        120,  80,  40,  40,  10,
    };

    check_slit(TWO_SOCKETS PXB(1, "16", "0") PXB(2, "32", "1")
               NVGRACE_MEM(1, "2G") NVGRACE_GPU(1, "pxm-count=2")
               NVGRACE_MEM(2, "2G") NVGRACE_GPU(2, "pxm-count=1"), 5, expected);
}

/* -numa dist is the user's; only what it leaves open is ours. */
static void test_slit_user(void)
{
    const uint8_t expected[] = {
        10,  33,  80,  80,
        33,  10, 120, 120,
        80, 120,  10,  11,
        80, 120,  11,  10,
    };

    check_slit(TWO_SOCKETS "-numa dist,src=0,dst=1,val=33 "
               NVGRACE(1, "2G", "pxm-count=2"), 4, expected);
}

static void test_slit_user_adopted(void)
{
    const uint8_t expected[] = {
        10, 55,
        55, 10,
    };

    check_slit(NVGRACE_MACHINE "-object memory-backend-ram,id=ram,size=1G "
               "-numa node,nodeid=0,memdev=ram,cpus=0 -numa node,nodeid=1 "
               "-numa dist,src=0,dst=1,val=55 "
               NVGRACE(1, "2G", "pxm-start=1,pxm-count=1"), 2, expected);
}

/* 512 MiB more in node 2, which has no CPUs, beside two sockets */
#define MEMORY_ONLY(options)                                               \
    TWO_SOCKETS "-m 1536M -object memory-backend-ram,id=ram2,size=512M "   \
    "-numa node,nodeid=2,memdev=ram2" options " "

/* The EGM of a GPU is memory of its socket. */
static void test_slit_egm(void)
{
    const uint8_t expected[] = {
         10,  40,  40, 120,  80,
         40,  10,  11,  80, 120,
         40,  11,  10,  80, 120,
        120,  80,  80,  10,  40,
         80, 120, 120,  40,  10,
    };

    check_slit(MEMORY_ONLY("") PXB(1, "16", "1") PXB(2, "32", "0")
               NVGRACE_MEM(1, "2G") NVGRACE_GPU(1, "pxm-count=1,egm-node=2")
               NVGRACE_MEM(2, "2G") NVGRACE_GPU(2, "pxm-count=1"), 5,
               expected);
}

/* GPUs of both sockets name it: it is as far from the one as from the other. */
static void test_slit_egm_shared(void)
{
    const uint8_t expected[] = {
         10,  40,  11, 120,  80,
         40,  10,  11,  80, 120,
         11,  11,  10,  80,  80,
        120,  80,  80,  10,  40,
         80, 120,  80,  40,  10,
    };

    check_slit(MEMORY_ONLY("") PXB(1, "16", "1") PXB(2, "32", "0")
               NVGRACE_MEM(1, "2G") NVGRACE_GPU(1, "pxm-count=1,egm-node=2")
               NVGRACE_MEM(2, "2G") NVGRACE_GPU(2, "pxm-count=1,egm-node=2"), 5,
               expected);
}

/* A pxb on memory without CPUs: it is a socket whose CPUs the guest has not. */
static void test_slit_pxb_memory(void)
{
    const uint8_t expected[] = {
         10,  40,  40, 120,
         40,  10,  40, 120,
         40,  40,  10,  80,
        120, 120,  80,  10,
    };

    check_slit(MEMORY_ONLY("") PXB(1, "16", "2") NVGRACE_MEM(1, "2G")
               NVGRACE_GPU(1, "pxm-count=1"), 4, expected);
}

/* With an HMAT it is the user who says whose memory it is. */
static void test_slit_initiator(void)
{
    const uint8_t expected[] = {
         10,  40,  40,  80,
         40,  10,  11, 120,
         40,  11,  10, 120,
         80, 120, 120,  10,
    };

    check_slit("-machine hmat=on " MEMORY_ONLY(",initiator=1")
               NVGRACE(1, "2G", "pxm-count=1"), 4, expected);
}

/* All that is no GPU's is as far, wherever it is; other GPUs are not. */
static void test_slit_distance(void)
{
    const uint8_t expected[] = {
         10,  40,  40, 254, 254,  80,
         40,  10,  11, 254, 254, 120,
         40,  11,  10, 254, 254, 120,
        254, 254, 254,  10,  11,  40,
        254, 254, 254,  11,  10,  40,
         80, 120, 120,  40,  40,  10,
    };

    check_slit(MEMORY_ONLY("") PXB(1, "16", "1") PXB(2, "32", "0")
               NVGRACE_MEM(1, "2G")
               NVGRACE_GPU(1, "pxm-count=2,egm-node=2,distance=254")
               NVGRACE_MEM(2, "2G") NVGRACE_GPU(2, "pxm-count=1"), 6,
               expected);
}

/* Of a node that is declared the user has said it by -numa dist, if at all. */
static void test_slit_distance_user(void)
{
    const uint8_t expected[] = {
        10,  55, 200,
        55,  10,  11,
       200,  11,  10,
    };

    check_slit(NVGRACE_MACHINE "-object memory-backend-ram,id=ram,size=1G "
               "-numa node,nodeid=0,memdev=ram,cpus=0 -numa node,nodeid=1 "
               "-numa dist,src=0,dst=1,val=55 "
               NVGRACE(1, "2G", "pxm-start=1,pxm-count=2,distance=200"), 3,
               expected);
}

/* Memory that nobody names keeps the distance it has without a SLIT. */
static void test_slit_memory_only(void)
{
    const uint8_t expected[] = {
        10,  20,  80,
        20,  10, 120,
        80, 120,  10,
    };

    check_slit(NVGRACE_MACHINE
               "-object memory-backend-ram,id=ram0,size=512M "
               "-object memory-backend-ram,id=ram1,size=512M "
               "-numa node,nodeid=0,memdev=ram0,cpus=0 "
               "-numa node,nodeid=1,memdev=ram1 "
               NVGRACE(1, "2G", "pxm-count=1"), 3, expected);
}

/*
 * HMAT (ACPI 6.5, 5.2.27)
 */

/* The n-th structure of a type; NULL if there are fewer */
static const uint8_t *hmat_structure(GByteArray *tables, uint16_t type, int n)
{
    size_t size;
    const uint8_t *hmat = nvgrace_acpi_table(tables, "HMAT", &size);

    g_assert_nonnull(hmat);
    g_assert_cmpuint(hmat[8], ==, 2);
    for (size_t at = 40; at < size; at += (uint32_t)ldl_le_p(hmat + at + 4)) {
        g_assert_cmpuint((uint32_t)ldl_le_p(hmat + at + 4), >=, 8);
        if (lduw_le_p(hmat + at) == type && !n--) {
            return hmat + at;
        }
    }
    return NULL;
}

#define HMAT_SOCKETS TWO_SOCKETS "-machine hmat=on " PXB(1, "16", "1") \
    NVGRACE_MEM(1, "2G") NVGRACE_GPU(1, "pxm-count=2")

/* QEMU's attributes of RAM; of the GPU there is nothing to say. */
static void test_hmat(void)
{
    g_autoptr(GByteArray) tables = tables_of(HMAT_SOCKETS);

    g_assert_null(hmat_structure(tables, 1, 0));
    /* Linux rejects an HMAT with those of a node without memory. */
    for (int i = 0; i < 2; i++) {
        const uint8_t *attributes = hmat_structure(tables, 0, i);

        g_assert_nonnull(attributes);
        g_assert_cmpuint(ldl_le_p(attributes + 16), ==, i);
    }
    g_assert_null(hmat_structure(tables, 0, 2));
}

/* The same without -numa */
static void test_hmat_no_numa(void)
{
    g_autoptr(GByteArray) tables = tables_of(
        NVGRACE_MACHINE "-machine hmat=on " NVGRACE(1, "2G", "pxm-count=1")
        NVGRACE(2, "2G", "pxm-count=2"));
    const uint8_t *attributes = hmat_structure(tables, 0, 0);

    g_assert_null(hmat_structure(tables, 1, 0));
    g_assert_nonnull(attributes);
    g_assert_cmpuint(lduw_le_p(attributes + 8), ==, 1); /* has an initiator */
    g_assert_cmpuint(ldl_le_p(attributes + 12), ==, 0);
    g_assert_cmpuint(ldl_le_p(attributes + 16), ==, 0);
    g_assert_null(hmat_structure(tables, 0, 1));
}

/* What the user gives, declared nodes of a GPU included, and nothing else */
static void test_hmat_user(void)
{
    g_autoptr(GByteArray) tables = tables_of(
        TWO_SOCKETS "-machine hmat=on -numa node,nodeid=2 "
        PXB(1, "16", "1") NVGRACE_MEM(1, "2G")
        NVGRACE_GPU(1, "pxm-start=2,pxm-count=2")
        "-numa hmat-lb,initiator=0,target=1,hierarchy=memory,"
        "data-type=access-latency,latency=77 "
        "-numa hmat-lb,initiator=0,target=2,hierarchy=memory,"
        "data-type=access-latency,latency=99 ");
    const uint8_t *lb = hmat_structure(tables, 1, 0);
    const uint16_t given[4 * 4] = { [0 * 4 + 1] = 77, [0 * 4 + 2] = 99 };

    g_assert_nonnull(lb);
    g_assert_cmpuint(lb[9], ==, 0);
    g_assert_cmpuint(ldl_le_p(lb + 12), ==, 4);     /* initiators */
    g_assert_cmpuint(ldl_le_p(lb + 16), ==, 4);     /* targets */
    for (int i = 0; i < G_N_ELEMENTS(given); i++) {
        /* 0: not provided */
        g_assert_cmpuint(lduw_le_p(lb + 64 + 2 * i), ==, given[i]);
    }
    g_assert_null(hmat_structure(tables, 1, 1));
}

static void test_hmat_off(void)
{
    g_autoptr(GByteArray) tables = tables_of(NVGRACE_MACHINE
                                             NVGRACE(1, "2G", ""));
    size_t size;

    g_assert_null(nvgrace_acpi_table(tables, "HMAT", &size));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    qtest_add_func("/nvgrace/distances/slit/one", test_slit_one);
    qtest_add_func("/nvgrace/distances/slit/two-sockets",
                   test_slit_two_sockets);
    qtest_add_func("/nvgrace/distances/slit/user", test_slit_user);
    qtest_add_func("/nvgrace/distances/slit/user-adopted",
                   test_slit_user_adopted);
    qtest_add_func("/nvgrace/distances/slit/memory-only",
                   test_slit_memory_only);
    qtest_add_func("/nvgrace/distances/slit/egm", test_slit_egm);
    qtest_add_func("/nvgrace/distances/slit/egm-shared", test_slit_egm_shared);
    qtest_add_func("/nvgrace/distances/slit/pxb-memory", test_slit_pxb_memory);
    qtest_add_func("/nvgrace/distances/slit/initiator", test_slit_initiator);
    qtest_add_func("/nvgrace/distances/slit/distance", test_slit_distance);
    qtest_add_func("/nvgrace/distances/slit/distance-user",
                   test_slit_distance_user);
    qtest_add_func("/nvgrace/distances/hmat/default", test_hmat);
    qtest_add_func("/nvgrace/distances/hmat/no-numa", test_hmat_no_numa);
    qtest_add_func("/nvgrace/distances/hmat/user", test_hmat_user);
    qtest_add_func("/nvgrace/distances/hmat/off", test_hmat_off);

    return g_test_run();
}
