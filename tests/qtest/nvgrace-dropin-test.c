/*
 * QTest: the command lines that others write for Grace GPUs
 *
 * libvirt for KubeVirt and for OpenNebula, Kata, and NVIDIA's guide name plain
 * devices, and type what a GPU in BARs needs: NUMA nodes without memory, an
 * initiator for each, distances, a window with room for BARs, a pxb.  Such a
 * machine has to start as it is, and the guest has to find each GPU's memory on
 * the nodes that were typed for it, at the distances that were typed.
 *
 * What is left out, as there is no kernel behind this: iommufd= and fd= or
 * host=, in whose place there is the socket of a thread of this program, by
 * vfio-user-pci; and arm-smmuv3 with accel=on and what depends on it, which
 * needs an iommufd.  tests/stack/ has some of these lines with them.
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

#define GPUS_MAX        4
#define NODES_OF_GPU    8
#define NODES_MAX       (2 + GPUS_MAX * NODES_OF_GPU)

/* GB200, and GH200 with 1 GiB of it kept back */
#define BLACKWELL       (186 * GiB)
#define HOPPER          (95 * GiB)
#define RESERVED        (1 * GiB)

/* Index of the first device-specific region */
#define FIRST VFIO_PCI_NUM_REGIONS

/**
 * struct Line - a command line
 * @path:    of the test
 * @write:   appends all of it
 * @gpus:    how many
 * @sockets: nodes with CPUs and memory, before all others
 * @hopper:  with reserved memory
 * @window:  highmem-mmio-size in GiB
 * @far:     distance of a GPU's nodes to any other, 0 for one that is computed
 */
typedef struct Line Line;
struct Line {
    const char *path;
    void (*write)(GString *line, const Line *l, NVGraceServer **servers);
    int gpus;
    int sockets;
    bool hopper;
    int window;
    int far;
};

static int nodes(const Line *l)
{
    return l->sockets + l->gpus * NODES_OF_GPU;
}

static int first_node(const Line *l, int gpu)
{
    return l->sockets + gpu * NODES_OF_GPU;
}

/* Two GPUs of a socket with four of them, else one */
static int socket_of(const Line *l, int gpu)
{
    return gpu * l->sockets / l->gpus;
}

static int bus_of(int gpu)
{
    return 32 + 32 * gpu;
}

static int distance(const Line *l, int a, int b)
{
    bool far = a >= l->sockets || b >= l->sockets;

    if (a == b) {
        return 10;
    }
    if (!far) {
        return 40;
    }
    return l->far ?: 80 + (a + b) % 100;
}

static void write_distances(GString *line, const Line *l)
{
    for (int a = 0; a < nodes(l); a++) {
        for (int b = 0; b < nodes(l); b++) {
            g_string_append_printf(line, "-numa dist,src=%d,dst=%d,val=%d ", a,
                                   b, distance(l, a, b));
        }
    }
}

/*
 * libvirt: JSON wherever QEMU takes it, a number for each bus, and ids of its
 * own for what the domain does not name
 */

static void write_libvirt_cells(GString *line, const Line *l)
{
    for (int n = 0; n < l->sockets; n++) {
        g_string_append_printf(line,
            "-object '{\"qom-type\":\"memory-backend-ram\","
            "\"id\":\"ram-node%d\",\"size\":536870912}' "
            "-numa node,nodeid=%d,cpus=%d-%d,memdev=ram-node%d ", n, n, 2 * n,
            2 * n + 1, n);
    }
    for (int n = l->sockets; n < nodes(l); n++) {
        g_string_append_printf(line, "-numa node,nodeid=%d ", n);
    }
    write_distances(line, l);
}

static void write_libvirt_initiators(GString *line, const Line *l, int gpu,
                                     const char *device)
{
    for (int n = 0; n < NODES_OF_GPU; n++) {
        int node = first_node(l, gpu) + n;

        g_string_append_printf(line,
            "-object '{\"qom-type\":\"acpi-generic-initiator\","
            "\"id\":\"%s-%d\",\"pci-dev\":\"%s\",\"node\":%d}' ", device, node,
            device, node);
    }
}

static void write_libvirt_gpu(GString *line, const Line *l, int gpu,
                              NVGraceServer *server, const char *device)
{
    int pxb = 1 + 2 * gpu;

    g_string_append_printf(line,
        "-device '{\"driver\":\"pxb-pcie\",\"bus_nr\":%d,\"id\":\"pci.%d\","
        "\"numa_node\":%d,\"bus\":\"pcie.0\",\"addr\":\"0x%x\"}' "
        "-device '{\"driver\":\"pcie-root-port\",\"port\":0,\"chassis\":%d,"
        "\"id\":\"pci.%d\",\"bus\":\"pci.%d\",\"addr\":\"0x0\"}' ",
        bus_of(gpu), pxb, socket_of(l, gpu), 1 + gpu, pxb + 1, pxb + 1, pxb);
    g_string_append_printf(line,
        "-device '{\"driver\":\"vfio-user-pci\",\"id\":\"%s\","
        "\"bus\":\"pci.%d\",\"addr\":\"0x0\","
        "\"socket\":{\"type\":\"unix\",\"path\":\"%s\"}}' ", device, pxb + 1,
        nvgrace_server_start(server));
}

static void write_libvirt(GString *line, const Line *l, NVGraceServer **servers,
                          const char *device)
{
    g_string_append_printf(line,
        "-name guest=grace,debug-threads=on "
        "-machine virt-11.1,usb=off,gic-version=3,dump-guest-core=off,"
        "acpi=on,ras=on,highmem-mmio-size=%" PRIu64 " -cpu max "
        "-m size=%dk -overcommit mem-lock=off "
        "-smp %d,sockets=%d,dies=1,clusters=1,cores=2,threads=1 "
        "-no-user-config -nodefaults ", l->window * (uint64_t)GiB,
        l->sockets * 524288, 2 * l->sockets, l->sockets);
    write_libvirt_cells(line, l);
    for (int gpu = 0; gpu < l->gpus; gpu++) {
        g_autofree char *id = g_strdup_printf(device, gpu);

        write_libvirt_initiators(line, l, gpu, id);
    }
    for (int gpu = 0; gpu < l->gpus; gpu++) {
        g_autofree char *id = g_strdup_printf(device, gpu);

        write_libvirt_gpu(line, l, gpu, servers[gpu], id);
    }
}

static void write_kubevirt(GString *line, const Line *l,
                           NVGraceServer **servers)
{
    write_libvirt(line, l, servers, "ua-hostdevice-gpu%d");
}

static void write_opennebula(GString *line, const Line *l,
                             NVGraceServer **servers)
{
    write_libvirt(line, l, servers, "hostdev%d");
}

/*
 * Kata: options, and objects before what they name
 */

static void write_kata_machine(GString *line, const Line *l)
{
    g_string_append_printf(line,
        "-name sandbox-grace -machine virt,gic-version=3,ras=on,"
        "highmem-mmio-size=%dG -cpu max -m %dM -smp %d,cores=2,threads=1,"
        "sockets=%d,maxcpus=%d -nodefaults ", l->window, l->sockets * 512,
        2 * l->sockets, l->sockets, 2 * l->sockets);
}

static void write_kata_gpus(GString *line, const Line *l,
                            NVGraceServer **servers)
{
    for (int n = l->sockets; n < nodes(l); n++) {
        g_string_append_printf(line, "-numa node,nodeid=%d ", n);
    }
    write_distances(line, l);
    for (int gpu = 0; gpu < l->gpus; gpu++) {
        g_string_append_printf(line,
            "-device pxb-pcie,id=pxb%d,bus=pcie.0,bus_nr=%d,numa_node=%d "
            "-device pcie-root-port,id=rp%d,bus=pxb%d,chassis=%d,slot=%d,"
            "io-reserve=0 -device '{\"driver\":\"vfio-user-pci\","
            "\"id\":\"vfio%d\",\"bus\":\"rp%d\",\"rombar\":0,"
            "\"socket\":{\"type\":\"unix\",\"path\":\"%s\"}}' ", gpu,
            bus_of(gpu), socket_of(l, gpu), gpu, gpu, gpu + 1, gpu, gpu, gpu,
            nvgrace_server_start(servers[gpu]));
        for (int n = 0; n < NODES_OF_GPU; n++) {
            int node = first_node(l, gpu) + n;

            g_string_append_printf(line, "-object acpi-generic-initiator,"
                                   "id=gi%d,pci-dev=vfio%d,node=%d ", node, gpu,
                                   node);
        }
    }
}

static void write_kata(GString *line, const Line *l, NVGraceServer **servers)
{
    write_kata_machine(line, l);
    for (int n = 0; n < l->sockets; n++) {
        g_string_append_printf(line,
            "-object memory-backend-ram,id=dimm%d,size=512M "
            "-numa node,nodeid=%d,cpus=%d-%d,memdev=dimm%d ", n, n, 2 * n,
            2 * n + 1, n);
    }
    write_kata_gpus(line, l, servers);
}

/* The guest's RAM is a file, as that of /dev/egm is; this one has no name. */
static void write_kata_egm(GString *line, const Line *l,
                           NVGraceServer **servers)
{
    write_kata_machine(line, l);
    for (int n = 0; n < l->sockets; n++) {
        g_string_append_printf(line,
            "-object memory-backend-memfd,id=egm%d,size=512M,share=on,"
            "prealloc=off -numa node,nodeid=%d,cpus=%d-%d,memdev=egm%d ", n, n,
            2 * n, 2 * n + 1, n);
    }
    write_kata_gpus(line, l, servers);
}

/*
 * The guide for the BAR way: one GPU, next to the only socket
 */
static void write_guide(GString *line, const Line *l, NVGraceServer **servers)
{
    g_string_append_printf(line,
        "-machine virt,gic-version=3,ras=on,highmem-mmio-size=%dG -cpu max "
        "-smp cpus=4 -m size=1G,slots=2,maxmem=2G "
        "-object memory-backend-ram,size=1G,id=mem0 "
        "-numa node,memdev=mem0,cpus=0-3,nodeid=0 ", l->window);
    for (int n = 1; n < nodes(l); n++) {
        g_string_append_printf(line, "-numa node,nodeid=%d ", n);
    }
    g_string_append_printf(line,
        "-device pxb-pcie,id=pcie.1,bus_nr=%d,bus=pcie.0 "
        "-device pcie-root-port,id=pcie.port1,bus=pcie.1,chassis=1,"
        "io-reserve=0 -device '{\"driver\":\"vfio-user-pci\","
        "\"bus\":\"pcie.port1\",\"addr\":\"0.0\",\"rombar\":0,\"id\":\"dev0\","
        "\"socket\":{\"type\":\"unix\",\"path\":\"%s\"}}' ", bus_of(0),
        nvgrace_server_start(servers[0]));
    for (int n = 1; n < nodes(l); n++) {
        g_string_append_printf(line, "-object acpi-generic-initiator,id=gi%d,"
                               "pci-dev=dev0,node=%d ", n - 1, n);
    }
}

static const Line lines[] = {
    { "kubevirt/1", write_kubevirt, 1, 1, .window = 512 },
    { "kubevirt/2", write_kubevirt, 2, 2, .window = 1024 },
    { "kubevirt/4", write_kubevirt, 4, 2, .window = 2048 },
    { "kubevirt/hopper", write_kubevirt, 1, 1, true, 512 },
    { "opennebula/2", write_opennebula, 2, 2, .window = 4096, .far = 254 },
    { "kata/1", write_kata, 1, 1, .window = 1024, .far = 254 },
    { "kata/4", write_kata, 4, 2, .window = 4096, .far = 254 },
    { "kata/egm", write_kata_egm, 2, 2, .window = 4096, .far = 254 },
    { "guide/hopper", write_guide, 1, 1, true, 4096 },
    { "guide/blackwell", write_guide, 1, 1, false, 4096 },
};

/*
 * What a guest has to find
 */

static QDict *gpu_at(QTestState *qts, QDict **rsp, int gpu)
{
    QListEntry *entry;
    int i = 0;

    *rsp = qtest_qmp(qts, "{'execute': 'query-nvgrace-gpus'}");
    QLIST_FOREACH_ENTRY(qdict_get_qlist(*rsp, "return"), entry) {
        if (i++ == gpu) {
            return qobject_to(QDict, qlist_entry_obj(entry));
        }
    }
    g_assert_not_reached();
}

static void check_gpu(QTestState *qts, const Line *l, int gpu,
                      NVGraceServer *server)
{
    QDict *rsp;
    QDict *info = gpu_at(qts, &rsp, gpu);

    g_assert_cmpint(qdict_get_int(info, "pxm-start"), ==, first_node(l, gpu));
    g_assert_cmpint(qdict_get_int(info, "pxm-count"), ==, NODES_OF_GPU);
    g_assert_cmpint(qdict_get_int(info, "socket"), ==, socket_of(l, gpu));
    g_assert_cmpstr(qdict_get_str(info, "guest-view"), ==,
                    l->hopper ? "bar" : "acpi");
    if (!l->hopper) {
        nvgrace_server_visible(qts, qdict_get_int(info, "usemem-addr"),
                               server->regions[FIRST].fd, 0);
    }
    qobject_unref(rsp);
}

/* Each BAR is as large as the next power of two: the window has room for it. */
static void check_bars(QTestState *qts, const Line *l, int gpu)
{
    uint64_t bar4 = VIRT_ECAM + ((bus_of(gpu) + 1) << 20) +
                    PCI_BASE_ADDRESS_4;

    qtest_writel(qts, bar4, UINT32_MAX);
    qtest_writel(qts, bar4 + 4, UINT32_MAX);
    g_assert_cmphex(qtest_readl(qts, bar4 + 4), ==,
                    -(128 * (uint64_t)GiB) >> 32);
    g_assert_cmpint(l->window, >=, 128 + 1);
}

/* One for each node and GPU, in their order, whatever that of the objects is */
static void check_initiators(GByteArray *tables, const Line *l)
{
    const uint8_t *gi;
    int n;

    for (n = 0; (gi = srat_structure(tables, 5, n)); n++) {
        check_generic_initiator(gi, l->sockets + n,
                                bus_of(n / NODES_OF_GPU) + 1);
    }
    g_assert_cmpint(n, ==, nodes(l) - l->sockets);
}

/* In the order of their numbers, as Linux gives nodes in that of the SRAT */
static void check_nodes(GByteArray *tables, const Line *l)
{
    for (int n = 0; n < nodes(l); n++) {
        const uint8_t *ma = srat_structure(tables, 1, n);

        g_assert_nonnull(ma);
        g_assert_cmpuint(ldl_le_p(ma + 2), ==, n);
        g_assert_cmpint(ldq_le_p(ma + 16) != 0, ==, n < l->sockets);
    }
}

static void check_distances(GByteArray *tables, const Line *l)
{
    size_t size;
    const uint8_t *slit = nvgrace_acpi_table(tables, "SLIT", &size);

    g_assert_nonnull(slit);
    g_assert_cmpuint(ldq_le_p(slit + 36), ==, nodes(l));
    for (int a = 0; a < nodes(l); a++) {
        for (int b = 0; b < nodes(l); b++) {
            g_assert_cmpuint(slit[44 + a * nodes(l) + b], ==,
                             distance(l, a, b));
        }
    }
}

static int count_in(const uint8_t *table, size_t size, const char *text)
{
    const uint8_t *end = table + size;
    int n = 0;

    while ((table = memmem(table, end - table, text, strlen(text)))) {
        table += strlen(text);
        n++;
    }
    return n;
}

static NVGraceServer *new_gpu(const Line *l)
{
    NVGraceServer *server = nvgrace_server_new();

    nvgrace_server_add(server, VFIO_REGION_SUBTYPE_NVGRACE_USEMEM,
                       l->hopper ? HOPPER : BLACKWELL);
    if (l->hopper) {
        nvgrace_server_add(server, VFIO_REGION_SUBTYPE_NVGRACE_RESMEM,
                           RESERVED);
    }
    return server;
}

static void test_line(const void *opaque)
{
    const Line *l = opaque;
    NVGraceServer *servers[GPUS_MAX];
    g_autoptr(GString) line = g_string_new(NULL);
    g_autoptr(GByteArray) tables = NULL;
    g_autofree char *firmware = NULL;
    const uint8_t *dsdt;
    QTestState *qts;
    size_t size;
    int fd;

    for (int gpu = 0; gpu < l->gpus; gpu++) {
        servers[gpu] = new_gpu(l);
    }
    /* Nothing runs it, but with any there are the devices that ras=on needs. */
    fd = g_file_open_tmp("nvgrace-XXXXXX.fd", &firmware, NULL);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(ftruncate(fd, 4096), ==, 0);
    close(fd);
    g_string_append_printf(line, "-bios %s ", firmware);

    l->write(line, l, servers);
    qts = qtest_init(line->str);
    unlink(firmware);
    for (int gpu = 0; gpu < l->gpus; gpu++) {
        nvgrace_set_bus(qts, bus_of(gpu), 0, bus_of(gpu) + 1);
        check_gpu(qts, l, gpu, servers[gpu]);
        if (l->hopper) {
            check_bars(qts, l, gpu);
        }
    }

    tables = nvgrace_acpi_read(qts);
    dsdt = nvgrace_acpi_table(tables, "DSDT", &size);
    g_assert_cmpint(count_in(dsdt, size, "nvidia,gpu-mem-base-pa"), ==,
                    l->hopper ? 0 : l->gpus);
    check_nodes(tables, l);
    check_initiators(tables, l);
    if (l->write != write_guide) {
        check_distances(tables, l);
    }
    qtest_quit(qts);
    for (int gpu = 0; gpu < l->gpus; gpu++) {
        nvgrace_server_free(servers[gpu]);
    }
}

/* What no QEMU but NVIDIA's has: QEMU says which it is. */
static void test_egm_object(void)
{
    g_autofree char *output = NULL;

    g_assert_cmpint(nvgrace_run(NVGRACE_MACHINE NVGRACE_PORT(1)
                                "-object acpi-egm-memory,id=egm,pci-dev=vfio0,"
                                "node=0", &output), ==, 1);
    g_assert_nonnull(strstr(output, "acpi-egm-memory"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    if (!qtest_has_device("vfio-user-pci")) {
        g_test_message("this QEMU has no vfio-user");
        return g_test_run();
    }
    for (int i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autofree char *path = g_strdup_printf("nvgrace-dropin/%s",
                                                lines[i].path);

        qtest_add_data_func(path, &lines[i], test_line);
    }
    qtest_add_func("nvgrace-dropin/kata/egm-object", test_egm_object);
    return g_test_run();
}
