/*
 * QTest: what is said of NUMA nodes of Grace GPUs that cannot be or should not
 *
 * Each refusal names the node and the reason, each warning the numbers, and who
 * does what they say is told nothing more: it is done here.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "nvgrace-fwcfg.h"
#include "nvgrace-srat.h"

#define TWO(n, m, dev) INITIATOR(n, dev) INITIATOR(m, dev)
#define MANY TWO(1, 2, "gpu1") TWO(3, 4, "gpu1") TWO(5, 6, "gpu1") \
    TWO(7, 8, "gpu1")

/* How the pxb of P4 is typed; node 2 has nothing. */
#define BEHIND(node, options)                                        \
    TWO_SOCKETS NODE(2) PXB(1, "16", node) NVGRACE_MEM(1, "2G")      \
    NVGRACE_GPU(1, options)

static const NVGraceRefusal refusals[] = {
    {
        /* What virt-manager has as an example */
        "initiators/memory-and-others",
        RAM_NODE NODE(1) NODE(2) NODE(3) NODE(4) INITIATOR(0, "gpu1")
        INITIATOR(2, "gpu1") INITIATOR(3, "gpu1") INITIATOR(4, "gpu1")
        NVGRACE(1, "2G", ""),
        "names NUMA node 0 for this GPU, but that node has memory and CPUs",
        "Let these objects name nodes 2 to 4 and no other, or leave them out",
        RAM_NODE NODE(1) NODE(2) NODE(3) NODE(4) INITIATOR(2, "gpu1")
        INITIATOR(3, "gpu1") INITIATOR(4, "gpu1") NVGRACE(1, "2G", ""),
    }, {
        "initiators/memory-and-others-out",
        RAM_NODE NODE(1) NODE(2) NODE(3) NODE(4) INITIATOR(0, "gpu1")
        INITIATOR(2, "gpu1") INITIATOR(3, "gpu1") INITIATOR(4, "gpu1")
        NVGRACE(1, "2G", ""),
        "names NUMA node 0 for this GPU", "or leave them out",
        RAM_NODE NODE(1) NODE(2) NODE(3) NODE(4) NVGRACE(1, "2G", ""),
    }, {
        "initiators/memory",
        RAM_NODE INITIATOR(0, "gpu1") NVGRACE(1, "2G", ""),
        "names NUMA node 0 for this GPU, but that node has memory and CPUs",
        "Let these objects name node 1 and no other",
        RAM_NODE INITIATOR(1, "gpu1") NVGRACE(1, "2G", ""),
    }, {
        /* Without -numa there is a node 0, too. */
        "initiators/no-numa",
        NVGRACE_MACHINE INITIATOR(0, "gpu1") INITIATOR(1, "gpu1")
        NVGRACE(1, "2G", ""),
        "names NUMA node 0 for this GPU, but that node has memory and CPUs",
        "Let these objects name node 1 and no other",
        NVGRACE_MACHINE INITIATOR(1, "gpu1") NVGRACE(1, "2G", ""),
    }, {
        "initiators/memory-only",
        RAM_NODE "-m 2G -object memory-backend-ram,id=more,size=1G "
        "-numa node,nodeid=1,memdev=more " NODE(2) TWO(1, 2, "gpu1")
        NVGRACE(1, "2G", ""),
        "names NUMA node 1 for this GPU, but that node has memory",
        "Let these objects name node 2 and no other",
        RAM_NODE "-m 2G -object memory-backend-ram,id=more,size=1G "
        "-numa node,nodeid=1,memdev=more " NODE(2) INITIATOR(2, "gpu1")
        NVGRACE(1, "2G", ""),
    }, {
        "initiators/other-gpu",
        RAM_NODE TWO(2, 3, "gpu2") NVGRACE(1, "2G", "pxm-start=1,pxm-count=2")
        NVGRACE(2, "2G", ""),
        "names NUMA node 2 for this GPU, but that node belongs to GPU 'gpu1'",
        "Let these objects name node 3 and no other",
        RAM_NODE INITIATOR(3, "gpu2")
        NVGRACE(1, "2G", "pxm-start=1,pxm-count=2") NVGRACE(2, "2G", ""),
    }, {
        "initiators/not-consecutive",
        RAM_NODE NODE(1) NODE(2) NODE(3) TWO(1, 3, "gpu1")
        NVGRACE(1, "2G", ""),
        "name NUMA nodes 1 and 3, but not 2 in between",
        "Let these objects name nodes 1 to 3 and no other",
        RAM_NODE NODE(1) NODE(2) NODE(3) TWO(1, 3, "gpu1")
        INITIATOR(2, "gpu1") NVGRACE(1, "2G", ""),
    }, {
        /* What is in between is not to be had. */
        "initiators/divided",
        RAM_NODE "-m 2G -object memory-backend-ram,id=more,size=1G " NODE(1)
        "-numa node,nodeid=2,memdev=more " NODE(3) TWO(1, 3, "gpu1")
        NVGRACE(1, "2G", ""),
        "name NUMA nodes 1 and 3, but not 2 in between",
        "Let these objects name node 1 and no other",
        RAM_NODE "-m 2G -object memory-backend-ram,id=more,size=1G " NODE(1)
        "-numa node,nodeid=2,memdev=more " NODE(3) INITIATOR(1, "gpu1")
        NVGRACE(1, "2G", ""),
    }, {
        "initiators/too-many",
        RAM_NODE MANY INITIATOR(9, "gpu1") NVGRACE(1, "2G", ""),
        "name 9 NUMA nodes, 8 are the most",
        "Let these objects name nodes 1 to 8 and no other",
        RAM_NODE MANY NVGRACE(1, "2G", ""),
    }, {
        "initiators/below-start",
        RAM_NODE NODE(1) NODE(2) INITIATOR(1, "gpu1")
        NVGRACE(1, "2G", "pxm-start=2"),
        "names NUMA node 1 for this GPU, which is none of the pxm-count=8 "
        "nodes from 2 on", "Leave pxm-start= and pxm-count= out.\n"
        "Let these objects name node 1 and no other",
        RAM_NODE NODE(1) NODE(2) INITIATOR(1, "gpu1") NVGRACE(1, "2G", ""),
    }, {
        "initiators/beyond-count",
        RAM_NODE TWO(1, 2, "gpu1") NVGRACE(1, "2G", "pxm-count=1"),
        "names NUMA node 2 for this GPU, which is none of the pxm-count=1 "
        "nodes from 1 on", "Leave pxm-start= and pxm-count= out.\n"
        "Let these objects name nodes 1 to 2 and no other",
        RAM_NODE TWO(1, 2, "gpu1") NVGRACE(1, "2G", ""),
    }, {
        "initiators/beyond-8",
        RAM_NODE INITIATOR(10, "gpu1") NVGRACE(1, "2G", "pxm-start=1"),
        "names NUMA node 10 for this GPU, which is none of the pxm-count=8 "
        "nodes from 1 on", "Let these objects name node 10 and no other",
        RAM_NODE INITIATOR(10, "gpu1") NVGRACE(1, "2G", ""),
    }, {
        "initiators/with-start",
        RAM_NODE INITIATOR(1, "gpu1") NVGRACE(1, "2G", "pxm-start=0"),
        "pxm-start=0,pxm-count=2 takes NUMA node 0, which has memory and CPUs",
        "Leave pxm-start= and pxm-count= out.\n"
        "Let these objects name node 1 and no other",
        RAM_NODE INITIATOR(1, "gpu1") NVGRACE(1, "2G", ""),
    }, {
        "initiators/last",
        RAM_NODE INITIATOR(127, "gpu1") NVGRACE(1, "2G", "pxm-count=2"),
        "takes NUMA nodes up to 128, but the last one that QEMU can have is "
        "127", "Let these objects name node 127 and no other",
        RAM_NODE INITIATOR(127, "gpu1") NVGRACE(1, "2G", ""),
    }, {
        /* Free nodes are elsewhere then. */
        "start/named-by-others",
        RAM_NODE TWO(1, 2, "gpu2") NVGRACE(1, "2G", "pxm-start=0")
        NVGRACE(2, "2G", ""),
        "takes NUMA node 0, which has memory and CPUs",
        "Use pxm-start=3, or leave pxm-start= out",
        RAM_NODE TWO(1, 2, "gpu2") NVGRACE(1, "2G", "pxm-start=3")
        NVGRACE(2, "2G", ""),
    }, {
        "pxb/nothing", BEHIND("2", ""),
        "behind pxb 'pxb1' with numa_node=2, which is no socket: it has "
        "neither CPUs nor memory", "Give the pxb numa_node=0 or 1, ",
        BEHIND("1", ""),
    }, {
        "pxb/nothing-none", BEHIND("2", ""),
        "which is no socket", "or none at all",
        TWO_SOCKETS NODE(2) "-device pxb-pcie,id=pxb1,bus_nr=16,bus=pcie.0 "
        "-device pcie-root-port,id=rp1,bus=pxb1,chassis=11,addr=0 "
        NVGRACE_MEM(1, "2G") NVGRACE_GPU(1, ""),
    }, {
        "pxb/own", BEHIND("2", "pxm-start=2,pxm-count=1"),
        "which is no socket: it has neither CPUs nor memory",
        "Give the pxb numa_node=0 or 1, ",
        BEHIND("0", "pxm-start=2,pxm-count=1"),
    }, {
        "pxb/other-gpu",
        BEHIND("0", "pxm-start=2,pxm-count=1") PXB(2, "32", "2")
        NVGRACE_MEM(2, "2G") NVGRACE_GPU(2, ""),
        "behind pxb 'pxb2' with numa_node=2, which is no socket: it belongs to "
        "GPU 'gpu1'", "Give the pxb numa_node=0 or 1, ",
        BEHIND("0", "pxm-start=2,pxm-count=1") PXB(2, "32", "1")
        NVGRACE_MEM(2, "2G") NVGRACE_GPU(2, ""),
    }, {
        "distance/0", NVGRACE_MACHINE NVGRACE(1, "2G", "distance=0"),
        "distance=0 is not between 11 and 254", "Use distance=254",
        NVGRACE_MACHINE NVGRACE(1, "2G", "distance=254"),
    }, {
        "distance/10", NVGRACE_MACHINE NVGRACE(1, "2G", "distance=10"),
        "distance=10 is not between 11 and 254", "leave distance= out",
        NVGRACE_MACHINE NVGRACE(1, "2G", "distance=11"),
    }, {
        "distance/255", NVGRACE_MACHINE NVGRACE(1, "2G", "distance=255"),
        "distance=255 is not between 11 and 254", "Use distance=254",
    }, {
        "egm/no-memory",
        RAM_NODE NODE(1) NVGRACE(1, "2G", "pxm-start=1,egm-node=1"),
        "egm-node=1 is not a NUMA node with memory", "Use egm-node=0, or leave",
        RAM_NODE NODE(1) NVGRACE(1, "2G", "pxm-start=1,egm-node=0"),
    }, {
        "egm/no-node", NVGRACE_MACHINE NVGRACE(1, "2G", "egm-node=99"),
        "egm-node=99 is not a NUMA node with memory",
        "Use egm-node=0, or leave egm-node= out",
        NVGRACE_MACHINE NVGRACE(1, "2G", "egm-node=0"),
    }, {
        "egm/two",
        TWO_SOCKETS NVGRACE(1, "2G", "egm-node=2"),
        "egm-node=2 is not a NUMA node with memory", "Use egm-node=0 or 1, or",
        TWO_SOCKETS NVGRACE(1, "2G", "egm-node=1"),
    },
};

static char *fifteen_gpus(const char *options)
{
    GString *args = g_string_new(NVGRACE_MACHINE);

    for (int n = 1; n <= 15; n++) {
        g_string_append_printf(args, "-device pcie-root-port,id=rp%d,"
                               "chassis=%d,bus=pcie.0,addr=%d "
                               "-object memory-backend-ram,id=m%d,size=2G,"
                               "reserve=off "
                               "-device nvgrace-gpu,bus=rp%d,memdev=m%d,%s ", n,
                               n, n, n, n, n, options);
    }
    return g_string_free(args, false);
}

/* 127 nodes are left for GPUs: 15 of them have 8, the next one 7. */
static void test_no_nodes_left(void)
{
    g_autofree char *args = fifteen_gpus(""), *fewer = NULL;
    g_autofree char *args_one = fifteen_gpus("pxm-count=1");
    g_autofree char *wrong = NULL, *right = NULL, *more = NULL, *named = NULL;
    g_autofree char *output = NULL, *output_right = NULL, *output_more = NULL;
    g_autofree char *output_named = NULL, *output_fewer = NULL;

    wrong = g_strconcat(args, NVGRACE(16, "2G", ""), NULL);
    g_assert_cmpint(nvgrace_run(wrong, &output), ==, 1);
    g_assert_nonnull(strstr(output, "pxm-count=8 needs as many consecutive "
                            "NUMA nodes, which are not left of the 128 that "
                            "QEMU can have"));
    g_assert_nonnull(strstr(output, "Use pxm-count=7 without pxm-start="));

    right = g_strconcat(args, NVGRACE(16, "2G", "pxm-count=7"), NULL);
    g_assert_cmpint(nvgrace_run(right, &output_right), ==, 0);

    /* one more has none at all, whatever is typed */
    more = g_strconcat(right, NVGRACE(17, "2G", "pxm-start=127,pxm-count=1"),
                       NULL);
    g_assert_cmpint(nvgrace_run(more, &output_more), ==, 1);
    g_assert_nonnull(strstr(output_more, "takes NUMA node 127, which belongs "
                            "to GPU 'gpu16'"));
    g_assert_nonnull(strstr(output_more, "Use a smaller pxm-count= for the "
                            "GPUs before this one: 1 is enough without MIG"));
    fewer = g_strconcat(args_one, NVGRACE(16, "2G", "pxm-count=1")
                        NVGRACE(17, "2G", "pxm-start=127,pxm-count=1"), NULL);
    g_assert_cmpint(nvgrace_run(fewer, &output_fewer), ==, 0);

    named = g_strconcat(right, INITIATOR(0, "gpu17") NVGRACE(17, "2G", ""),
                        NULL);
    g_assert_cmpint(nvgrace_run(named, &output_named), ==, 1);
    g_assert_nonnull(strstr(output_named, "Leave these objects out.\n"
                            "Use a smaller pxm-count= for the GPUs before"));
}

static char *with_memory_in_all(int nodes, const char *gpu)
{
    GString *args = g_string_new(NVGRACE_MACHINE);

    g_string_append_printf(args, "-m %dM ", 8 * nodes);
    for (int n = 0; n < nodes; n++) {
        g_string_append_printf(args, "-object memory-backend-ram,id=ram%d,"
                               "size=8M -numa node,memdev=ram%d ", n, n);
    }
    g_string_append(args, gpu);
    return g_string_free(args, false);
}

/* All are the user's, and no GPU has any that it could give. */
static void test_no_nodes_at_all(void)
{
    g_autofree char *wrong = with_memory_in_all(128, NVGRACE(1, "2G", ""));
    g_autofree char *named = with_memory_in_all(128, INITIATOR(5, "gpu1")
                                                NVGRACE(1, "2G", ""));
    g_autofree char *right = with_memory_in_all(120, NVGRACE(1, "2G", ""));
    g_autofree char *output = NULL, *output_named = NULL, *output_right = NULL;

    g_assert_cmpint(nvgrace_run(wrong, &output), ==, 1);
    g_assert_nonnull(strstr(output, "not left of the 128 that QEMU can have"));
    g_assert_nonnull(strstr(output, "Declare fewer NUMA nodes"));
    g_assert_cmpint(nvgrace_run(named, &output_named), ==, 1);
    g_assert_nonnull(strstr(output_named, "node 5 for this GPU, but that node "
                            "has memory"));
    g_assert_nonnull(strstr(output_named, "Leave these objects out.\n"
                            "Declare fewer NUMA nodes"));
    g_assert_cmpint(nvgrace_run(right, &output_right), ==, 0);
}

/*
 * A Linux guest with too few nodes: one warning with the numbers of the whole
 * machine, and none for who does what it says.
 */
static const struct {
    const char *path;
    const char *args;
    const char *warning;    /* NULL: there is none */
    const char *remedy;
    const char *followed;
} warnings[] = {
    {
        "16", NVGRACE_MACHINE NVGRACE(1, "2G", "")
        NVGRACE(2, "2G", "pxm-count=7"),
    }, {
        "17", NVGRACE_MACHINE NVGRACE(1, "2G", "") NVGRACE(2, "2G", ""),
        "17 NUMA nodes are more than the 16 of a Linux guest",
        "use pxm-count=7 for each GPU, or give it a kernel with "
        "CONFIG_NODES_SHIFT=5 or more",
        NVGRACE_MACHINE NVGRACE(1, "2G", "pxm-count=7")
        NVGRACE(2, "2G", "pxm-count=7"),
    }, {
        "34", TWO_SOCKETS NVGRACE(1, "2G", "") NVGRACE(2, "2G", "")
        NVGRACE(3, "2G", "") NVGRACE(4, "2G", ""),
        "34 NUMA nodes are more than the 16", "use pxm-count=3 for each GPU, "
        "or give it a kernel with CONFIG_NODES_SHIFT=6",
        TWO_SOCKETS NVGRACE(1, "2G", "pxm-count=3")
        NVGRACE(2, "2G", "pxm-count=3") NVGRACE(3, "2G", "pxm-count=3")
        NVGRACE(4, "2G", "pxm-count=3"),
    }, {
        /* Gaps and what is declared and nobody's are not in the SRAT. */
        "not-in-srat",
        RAM_NODE NODE(1) NODE(2) NODE(3)
        NVGRACE(1, "2G", "pxm-start=20,pxm-count=7") NVGRACE(2, "2G", ""),
    }, {
        "named", RAM_NODE MANY TWO(9, 10, "gpu2") NVGRACE(1, "2G", "")
        NVGRACE(2, "2G", "") NVGRACE(3, "2G", ""),
        "19 NUMA nodes are more than the 16", "name 5 for each GPU in "
        "acpi-generic-initiator objects, or give it a kernel with "
        "CONFIG_NODES_SHIFT=5",
        RAM_NODE TWO(1, 2, "gpu1") TWO(3, 4, "gpu1") INITIATOR(5, "gpu1")
        TWO(9, 10, "gpu2") NVGRACE(1, "2G", "") NVGRACE(2, "2G", "")
        NVGRACE(3, "2G", "pxm-count=5"),
    },
};

static void test_warning(const void *data)
{
    int i = GPOINTER_TO_INT(data);
    g_autofree char *output = NULL, *after = NULL;
    const char *count = "NUMA nodes are more than", *first;

    g_assert_cmpint(nvgrace_run(warnings[i].args, &output), ==, 0);
    first = strstr(output, count);
    if (!warnings[i].warning) {
        g_assert_null(first);
        return;
    }
    if (!strstr(output, warnings[i].warning) ||
        !strstr(output, warnings[i].remedy)) {
        g_error("expected '%s' and '%s' in: %s", warnings[i].warning,
                warnings[i].remedy, output);
    }
    g_assert_null(strstr(first + 1, count));
    g_assert_cmpint(nvgrace_run(warnings[i].followed, &after), ==, 0);
    g_assert_null(strstr(after, count));
}

/* Nothing that one can type for the GPUs helps. */
static void test_warning_kernel(void)
{
    g_autoptr(GString) args = g_string_new(
        NVGRACE_MACHINE "-m 3840M -smp 15 ");
    g_autofree char *output = NULL;

    for (int n = 0; n < 15; n++) {
        g_string_append_printf(args, "-object memory-backend-ram,id=ram%d,"
                               "size=256M -numa node,nodeid=%d,memdev=ram%d,"
                               "cpus=%d ", n, n, n, n);
    }
    g_string_append(args, NVGRACE(1, "2G", "pxm-count=1")
                    NVGRACE(2, "2G", "pxm-count=1"));
    g_assert_cmpint(nvgrace_run(args->str, &output), ==, 0);
    g_assert_nonnull(strstr(output, "17 NUMA nodes are more than the 16"));
    g_assert_nonnull(strstr(output, "not even one for each GPU fits, so it "
                            "needs a kernel with CONFIG_NODES_SHIFT=5"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    for (int i = 0; i < G_N_ELEMENTS(refusals); i++) {
        g_autofree char *path = g_strdup_printf("/nvgrace/numa-hints/%s/%s",
                                                "refuses", refusals[i].path);

        qtest_add_data_func(path, &refusals[i], nvgrace_test_refusal);
    }
    qtest_add_func("/nvgrace/numa-hints/none-left", test_no_nodes_left);
    qtest_add_func("/nvgrace/numa-hints/none-at-all", test_no_nodes_at_all);
    for (int i = 0; i < G_N_ELEMENTS(warnings); i++) {
        g_autofree char *path = g_strdup_printf("/nvgrace/numa-hints/warns/%s",
                                                warnings[i].path);

        qtest_add_data_func(path, GINT_TO_POINTER(i), test_warning);
    }
    qtest_add_func("/nvgrace/numa-hints/warns/kernel", test_warning_kernel);

    return g_test_run();
}
