/*
 * QTest: what ACPI says about the coherent memory of Grace GPUs
 *
 * The contract is what Grace firmware tells a bare-metal OS.  The tables are
 * taken from fw_cfg and read with the little of AML that it takes: Scope,
 * Device, Method and Name objects, integers, strings, buffers and packages.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/units.h"
#include "nvgrace-fwcfg.h"
#include "nvgrace-srat.h"

/*
 * AML (ACPI 6.5, 20.2)
 */

typedef struct Aml {
    const uint8_t *at;
    const uint8_t *end;
} Aml;

typedef enum AmlKind {
    AML_SCOPE,
    AML_DEVICE,
    AML_METHOD,
    AML_NAME,
} AmlKind;

typedef struct AmlObject {
    AmlKind kind;
    char name[64];
    Aml body;
} AmlObject;

static uint8_t aml_byte(Aml *aml)
{
    g_assert_true(aml->at < aml->end);
    return *aml->at++;
}

/* PkgLength, 20.2.4: returns what it spans, and skips that in @aml */
static Aml aml_span(Aml *aml)
{
    const uint8_t *start = aml->at;
    uint8_t lead = aml_byte(aml);
    int bytes = lead >> 6;
    uint32_t length = bytes ? lead & 0xf : lead & 0x3f;
    Aml span;

    for (int i = 0; i < bytes; i++) {
        length |= aml_byte(aml) << (4 + 8 * i);
    }
    span = (Aml) { aml->at, start + length };
    g_assert_true(span.end >= span.at && span.end <= aml->end);
    aml->at = span.end;
    return span;
}

/* NameString, 20.2.2 */
static void aml_name_string(Aml *aml, char *name, size_t size)
{
    GString *s = g_string_new(NULL);
    int segments = 1;

    while (*aml->at == '\\' || *aml->at == '^') {
        g_string_append_c(s, aml_byte(aml));
    }
    switch (*aml->at) {
    case 0x00:
        aml_byte(aml);
        segments = 0;
        break;
    case 0x2e:
        aml_byte(aml);
        segments = 2;
        break;
    case 0x2f:
        aml_byte(aml);
        segments = aml_byte(aml);
        break;
    }
    for (int i = 0; i < segments; i++) {
        char segment[5] = { 0 };

        for (int c = 0; c < 4; c++) {
            segment[c] = aml_byte(aml);
        }
        for (int c = 3; c > 0 && segment[c] == '_'; c--) {
            segment[c] = 0;
        }
        g_string_append_printf(s, "%s%s", i ? "." : "", segment);
    }
    g_strlcpy(name, s->str, size);
    g_string_free(s, true);
}

/* DataObject, 20.2.3: returns all of it, and skips that in @aml */
static Aml aml_data(Aml *aml)
{
    Aml data = { aml->at, NULL };
    uint8_t op = aml_byte(aml);

    switch (op) {
    case 0x00: /* Zero */
    case 0x01: /* One */
    case 0xff: /* Ones */
        break;
    case 0x0a:
        aml->at += 1;
        break;
    case 0x0b:
        aml->at += 2;
        break;
    case 0x0c:
        aml->at += 4;
        break;
    case 0x0e:
        aml->at += 8;
        break;
    case 0x0d:
        while (aml_byte(aml)) {
            continue;
        }
        break;
    case 0x11: /* Buffer */
    case 0x12: /* Package */
    case 0x13: /* VarPackage */
        aml_span(aml);
        break;
    default:
        g_error("unknown AML data 0x%02x", op);
    }
    g_assert_true(aml->at <= aml->end);
    data.end = aml->at;
    return data;
}

static uint64_t aml_integer(Aml data)
{
    switch (aml_byte(&data)) {
    case 0x00:
        return 0;
    case 0x01:
        return 1;
    case 0x0a:
        return ldub_p(data.at);
    case 0x0b:
        return lduw_le_p(data.at);
    case 0x0c:
        return (uint32_t)ldl_le_p(data.at);
    case 0x0e:
        return ldq_le_p(data.at);
    default:
        g_error("no AML integer");
    }
}

/* The next object of a list of terms; false at its end */
static bool aml_next(Aml *list, AmlObject *object)
{
    uint8_t op;

    if (list->at == list->end) {
        return false;
    }
    op = aml_byte(list);
    switch (op) {
    case 0x08:
        object->kind = AML_NAME;
        aml_name_string(list, object->name, sizeof(object->name));
        object->body = aml_data(list);
        return true;
    case 0x10:
        object->kind = AML_SCOPE;
        object->body = aml_span(list);
        break;
    case 0x14:
        object->kind = AML_METHOD;
        object->body = aml_span(list);
        break;
    case 0x5b:
        op = aml_byte(list);
        if (op == 0x82) {
            object->kind = AML_DEVICE;
            object->body = aml_span(list);
            break;
        }
        /* fall through */
    default:
        g_error("unknown AML term 0x%02x", op);
    }
    aml_name_string(&object->body, object->name, sizeof(object->name));
    return true;
}

/* The elements of a package */
static Aml aml_package_elements(Aml data, int *count)
{
    Aml elements;

    g_assert_cmphex(aml_byte(&data), ==, 0x12);
    elements = aml_span(&data);
    *count = aml_byte(&elements);
    return elements;
}

static int aml_count(Aml list, AmlKind kind, const char *name, AmlObject *found)
{
    AmlObject object;
    int count = 0;

    while (aml_next(&list, &object)) {
        if (object.kind == kind && g_str_equal(object.name, name)) {
            *found = object;
            count++;
        }
    }
    return count;
}

/* How often a name occurs in a list and everything below, but for methods */
static int aml_count_below(Aml list, const char *name)
{
    AmlObject object;
    int count = 0;

    while (aml_next(&list, &object)) {
        if (object.kind == AML_NAME) {
            count += g_str_equal(object.name, name);
        } else if (object.kind != AML_METHOD) {
            count += aml_count_below(object.body, name);
        }
    }
    return count;
}

/*
 * Devices
 */

static Aml dsdt_terms(GByteArray *tables)
{
    size_t size;
    const uint8_t *dsdt = nvgrace_acpi_table(tables, "DSDT", &size);

    g_assert_nonnull(dsdt);
    /* 64-bit integers exist since revision 2 */
    g_assert_cmpuint(dsdt[8], >=, 2);
    return (Aml) { dsdt + 36, dsdt + size };
}

/* The Scope with the devices of a host bridge; exactly one */
static Aml host_bridge(GByteArray *tables, const char *path)
{
    AmlObject scope;

    g_assert_cmpint(aml_count(dsdt_terms(tables), AML_SCOPE, path, &scope), ==,
                    1);
    return scope.body;
}

/* The child with this _ADR; exactly one, as OSPM requires */
static Aml child(Aml parent, uint64_t adr)
{
    AmlObject object, name;
    Aml found = { 0 };

    while (aml_next(&parent, &object)) {
        if (object.kind == AML_DEVICE &&
            aml_count(object.body, AML_NAME, "_ADR", &name)) {
            if (aml_integer(name.body) == adr) {
                g_assert_null(found.at);
                found = object.body;
            }
        }
    }
    g_assert_nonnull(found.at);
    return found;
}

/* The _DSD of a GPU: firmware's properties, in its order; returns how many */
static int read_dsd(Aml gpu, uint64_t values[8])
{
    static const uint8_t uuid[16] = {
        0x14, 0xd8, 0xff, 0xda, 0xba, 0x6e, 0x8c, 0x4d,
        0x8a, 0x91, 0xbc, 0x9b, 0xbf, 0x4a, 0xa3, 0x01,
    };
    static const char *const names[8] = {
        "nvidia,gpu-mem-base-pa", "nvidia,gpu-mem-pxm-start",
        "nvidia,gpu-mem-pxm-count", "nvidia,gpu-mem-size",
        "nvidia,egm-base-pa", "nvidia,egm-size", "nvidia,egm-pxm",
        "nvidia,egm-retired-pages-data-base",
    };
    AmlObject dsd;
    Aml list, data, buffer;
    int count, properties;

    g_assert_cmpint(aml_count(gpu, AML_NAME, "_DSD", &dsd), ==, 1);
    list = aml_package_elements(dsd.body, &count);
    g_assert_cmpint(count, ==, 2);

    data = aml_data(&list);
    g_assert_cmphex(aml_byte(&data), ==, 0x11);
    buffer = aml_span(&data);
    g_assert_cmpuint(aml_integer(aml_data(&buffer)), ==, 16);
    g_assert_cmpmem(buffer.at, (buffer.end - buffer.at), uuid, 16);

    data = aml_data(&list);
    g_assert_true(list.at == list.end);
    list = aml_package_elements(data, &properties);
    g_assert_cmpint(properties, <=, 8);
    for (int i = 0; i < properties; i++) {
        Aml pair = aml_package_elements(aml_data(&list), &count);
        Aml name = aml_data(&pair);

        g_assert_cmpint(count, ==, 2);
        g_assert_cmphex(aml_byte(&name), ==, 0x0d);
        g_assert_cmpstr((const char *)name.at, ==, names[i]);
        values[i] = aml_integer(aml_data(&pair));
        g_assert_true(pair.at == pair.end);
    }
    g_assert_true(list.at == list.end);
    return properties;
}

static void check_dsd(Aml gpu, uint64_t base, uint64_t pxm_start,
                      uint64_t pxm_count, uint64_t size)
{
    uint64_t values[8];

    g_assert_cmpint(read_dsd(gpu, values), ==, 4);
    g_assert_cmphex(values[0], ==, base);
    g_assert_cmpuint(values[1], ==, pxm_start);
    g_assert_cmpuint(values[2], ==, pxm_count);
    g_assert_cmphex(values[3], ==, size);
}

static void test_root_port(void)
{
    g_autoptr(GByteArray) tables = tables_of(NVGRACE_MACHINE
                                             NVGRACE(3, "96G", "model=gh200"));

    check_dsd(child(child(host_bridge(tables, "\\_SB.PCI0"), 0x30000), 0),
              384 * GiB, 1, 8, 96 * GiB);
}

static void test_switch(void)
{
    g_autoptr(GByteArray) tables = tables_of(
        NVGRACE_MACHINE NVGRACE_PORT(2) NVGRACE_MEM(1, "192G")
        "-device x3130-upstream,id=up,bus=rp2 "
        "-device xio3130-downstream,id=down,bus=up,chassis=9,addr=5 "
        "-device nvgrace-gpu,bus=down,memdev=m1,model=gb200");
    Aml up = child(child(host_bridge(tables, "\\_SB.PCI0"), 0x20000), 0);

    check_dsd(child(child(up, 0x50000), 0), 512 * GiB, 1, 8, 192 * GiB);
}

/* A root port that is a function of a device with others */
static void test_function(void)
{
    g_autoptr(GByteArray) tables = tables_of(
        NVGRACE_MACHINE NVGRACE_MEM(1, "2G")
        "-device pcie-root-port,id=a,chassis=1,bus=pcie.0,addr=4.0,"
        "multifunction=on "
        "-device pcie-root-port,id=b,chassis=2,bus=pcie.0,addr=4.3 "
        "-device nvgrace-gpu,bus=b,memdev=m1");

    check_dsd(child(child(host_bridge(tables, "\\_SB.PCI0"), 0x40003), 0),
              258 * GiB, 1, 8, 2 * GiB);
}

static void test_pxb(void)
{
    g_autoptr(GByteArray) tables = tables_of(
        TWO_SOCKETS PXB(1, "16", "1") NVGRACE_MEM(1, "2G") NVGRACE_GPU(1, ""));
    Aml pxb = host_bridge(tables, "\\_SB.PC10");

    check_dsd(child(child(pxb, 0), 0), 258 * GiB, 2, 8, 2 * GiB);
    g_assert_cmpint(aml_count_below(pxb, "_PXM"), ==, 0);
}

/* The node at a path of names, each of them there once */
static Aml named(Aml parent, const char *path)
{
    g_auto(GStrv) names = g_strsplit(path, ".", -1);

    for (char **name = names; *name; name++) {
        AmlObject object;

        g_assert_cmpint(aml_count(parent, AML_DEVICE, *name, &object), ==, 1);
        parent = object.body;
    }
    return parent;
}

static int count_devices(Aml list)
{
    AmlObject object;
    int count = 0;

    while (aml_next(&list, &object)) {
        count += object.kind == AML_DEVICE;
    }
    return count;
}

/*
 * Behind a pxb the nodes are ours, so they have the names of bare metal, and
 * only what leads to a GPU has one.
 */
static void test_pxb_names(void)
{
    g_autoptr(GByteArray) tables = tables_of(
        TWO_SOCKETS PXB(1, "16", "1") NVGRACE_MEM(1, "2G") NVGRACE_GPU(1, "")
        "-device pcie-root-port,id=rp2,bus=pxb1,chassis=12,addr=1 "
        "-device virtio-rng-pci,bus=rp2 "
        "-device pcie-root-port,id=rp3,bus=pxb1,chassis=13,addr=2 "
        "-device x3130-upstream,id=up,bus=rp3 "
        "-device xio3130-downstream,id=rp4,bus=up,chassis=14,addr=5 "
        "-device xio3130-downstream,id=rp5,bus=up,chassis=15,addr=6 "
        "-device xio3130-downstream,id=rp6,bus=up,chassis=16,addr=7 "
        NVGRACE_MEM(4, "2G") NVGRACE_GPU(4, "pxm-count=1")
        NVGRACE_MEM(6, "2G") NVGRACE_GPU(6, "pxm-count=1"));
    Aml pxb = host_bridge(tables, "\\_SB.PC10");

    check_dsd(named(pxb, "RP00.GPU0"), 258 * GiB, 2, 8, 2 * GiB);
    check_dsd(named(pxb, "RP01.SW00.SW01.GPU0"), 260 * GiB, 10, 1, 2 * GiB);
    check_dsd(named(pxb, "RP01.SW00.SW02.GPU0"), 262 * GiB, 11, 1, 2 * GiB);
    /* the same ones by address */
    check_dsd(child(child(pxb, 0), 0), 258 * GiB, 2, 8, 2 * GiB);
    check_dsd(child(child(child(child(pxb, 0x20000), 0), 0x70000), 0),
              262 * GiB, 11, 1, 2 * GiB);
    g_assert_cmpint(count_devices(pxb), ==, 2);
    g_assert_cmpint(count_devices(named(pxb, "RP01.SW00")), ==, 2);
}

/* A pxb without a node of its own gets that of the first CPUs. */
static void test_pxb_pxm(void)
{
    g_autoptr(GByteArray) tables = tables_of(
        NVGRACE_MACHINE "-device pxb-pcie,id=pxb1,bus_nr=16,bus=pcie.0 "
        "-device pcie-root-port,id=rp1,bus=pxb1,chassis=11,addr=0 "
        NVGRACE_MEM(1, "2G") NVGRACE_GPU(1, ""));
    AmlObject pxm;

    g_assert_cmpint(aml_count(host_bridge(tables, "\\_SB.PC10"), AML_NAME,
                              "_PXM", &pxm), ==, 1);
    g_assert_cmpuint(aml_integer(pxm.body), ==, 0);
}

/* Those of a machine whose first CPUs are in node 1 */
static void test_pxm_second(void)
{
    g_autoptr(GByteArray) tables = tables_of(
        NVGRACE_MACHINE "-object memory-backend-ram,id=ram0,size=512M "
        "-object memory-backend-ram,id=ram1,size=512M "
        "-numa node,nodeid=0,memdev=ram0 "
        "-numa node,nodeid=1,memdev=ram1,cpus=0 "
        "-device pxb-pcie,id=pxb1,bus_nr=16,bus=pcie.0 "
        "-device pcie-root-port,id=rp1,bus=pxb1,chassis=11,addr=0 "
        NVGRACE_MEM(1, "2G") NVGRACE_GPU(1, ""));
    const char *const bridges[] = { "\\_SB.PCI0", "\\_SB.PC10" };
    AmlObject pxm;

    for (int i = 0; i < G_N_ELEMENTS(bridges); i++) {
        g_assert_cmpint(aml_count(host_bridge(tables, bridges[i]), AML_NAME,
                                  "_PXM", &pxm), ==, 1);
        g_assert_cmpuint(aml_integer(pxm.body), ==, 1);
    }
}

/* What is behind other pxb stays as QEMU has it. */
static void test_pxb_other(void)
{
    g_autoptr(GByteArray) tables = tables_of(
        NVGRACE_MACHINE "-device pxb-pcie,id=pxb9,bus_nr=16,bus=pcie.0,addr=1e "
        "-device pcie-root-port,id=rp9,bus=pxb9,chassis=19 "
        NVGRACE(1, "2G", ""));
    AmlObject scope;

    g_assert_cmpint(aml_count(dsdt_terms(tables), AML_SCOPE, "\\_SB.PC10",
                              &scope), ==, 0);
}

/* Each GPU has its own values, in its own node. */
static void test_two(void)
{
    g_autoptr(GByteArray) tables = tables_of(
        NVGRACE_MACHINE NVGRACE(2, "96G", "model=gh200")
        NVGRACE(1, "64G", "model=gb300,pxm-count=3"));
    Aml pci0 = host_bridge(tables, "\\_SB.PCI0");

    check_dsd(child(child(pci0, 0x20000), 0), 384 * GiB, 1, 8, 96 * GiB);
    check_dsd(child(child(pci0, 0x10000), 0), 320 * GiB, 9, 3, 64 * GiB);
    g_assert_cmpint(aml_count_below(dsdt_terms(tables), "_DSD"), ==, 2);
}

/* _PXM is a name of the host bridge and of nothing below. */
static void test_pxm(void)
{
    g_autoptr(GByteArray) tables = tables_of(NVGRACE_MACHINE
                                             NVGRACE(1, "2G", ""));
    Aml pci0 = host_bridge(tables, "\\_SB.PCI0");
    AmlObject pxm;

    g_assert_cmpint(aml_count(pci0, AML_NAME, "_PXM", &pxm), ==, 1);
    g_assert_cmpuint(aml_integer(pxm.body), ==, 0);
    g_assert_cmpint(aml_count_below(dsdt_terms(tables), "_PXM"), ==, 1);
}

static void test_none(void)
{
    g_autoptr(GByteArray) tables = tables_of(NVGRACE_MACHINE NVGRACE_PORT(1));
    size_t size;

    g_assert_cmpint(aml_count_below(dsdt_terms(tables), "_DSD"), ==, 0);
    g_assert_cmpint(aml_count_below(dsdt_terms(tables), "_PXM"), ==, 0);
    g_assert_null(nvgrace_acpi_table(tables, "SRAT", &size));
    g_assert_null(nvgrace_acpi_table(tables, "SLIT", &size));
}

/*
 * SRAT (ACPI 6.5, 5.2.16)
 */

/* RAM first, then an empty hot-pluggable range for each domain */
static void test_srat_memory(void)
{
    g_autoptr(GByteArray) tables = tables_of(NVGRACE_MACHINE
                                             NVGRACE(1, "2G", ""));

    check_memory_affinity(srat_structure(tables, 1, 0), 0, GiB, GiB, 1);
    for (int i = 0; i < 8; i++) {
        check_memory_affinity(srat_structure(tables, 1, 1 + i), 1 + i, 0, 0, 3);
    }
    g_assert_null(srat_structure(tables, 1, 9));
}

static void test_srat_cpu(void)
{
    g_autoptr(GByteArray) tables = tables_of(NVGRACE_MACHINE "-smp 2 "
                                             NVGRACE(1, "2G", ""));

    for (int i = 0; i < 2; i++) {
        const uint8_t *gicc = srat_structure(tables, 3, i);

        g_assert_nonnull(gicc);
        g_assert_cmpuint(ldl_le_p(gicc + 2), ==, 0);
        g_assert_cmpuint(ldl_le_p(gicc + 6), ==, i);
    }
    g_assert_null(srat_structure(tables, 3, 2));
}

/* The bus numbers are those that firmware set. */
static void test_srat_initiator(void)
{
    QTestState *qts = qtest_init(NVGRACE_MACHINE NVGRACE(1, "2G", ""));
    g_autoptr(GByteArray) tables = NULL;

    nvgrace_set_bus(qts, 0, 1, 0x2a);
    tables = nvgrace_acpi_read(qts);
    for (int i = 0; i < 8; i++) {
        check_generic_initiator(srat_structure(tables, 5, i), 1 + i, 0x2a);
    }
    g_assert_null(srat_structure(tables, 5, 8));
    qtest_quit(qts);
}

static void test_srat_two(void)
{
    QTestState *qts = qtest_init(NVGRACE_MACHINE
                                 NVGRACE(2, "2G", "pxm-count=2")
                                 NVGRACE(1, "2G", "pxm-count=3"));
    g_autoptr(GByteArray) tables = NULL;

    nvgrace_set_bus(qts, 0, 1, 0x11);
    nvgrace_set_bus(qts, 0, 2, 0x22);
    tables = nvgrace_acpi_read(qts);
    for (int i = 0; i < 5; i++) {
        check_memory_affinity(srat_structure(tables, 1, 1 + i), 1 + i, 0, 0, 3);
        check_generic_initiator(srat_structure(tables, 5, i), 1 + i,
                                i < 2 ? 0x22 : 0x11);
    }
    g_assert_null(srat_structure(tables, 5, 5));
    qtest_quit(qts);
}

static void test_srat_switch(void)
{
    QTestState *qts = qtest_init(
        NVGRACE_MACHINE NVGRACE_PORT(2) NVGRACE_MEM(1, "2G")
        "-device x3130-upstream,id=up,bus=rp2 "
        "-device xio3130-downstream,id=down,bus=up,chassis=9,addr=5 "
        "-device nvgrace-gpu,bus=down,memdev=m1,pxm-count=1");
    g_autoptr(GByteArray) tables = NULL;

    nvgrace_set_bus(qts, 0, 2, 3);
    nvgrace_set_bus(qts, 3, 0, 4);
    nvgrace_set_bus(qts, 4, 5, 5);
    tables = nvgrace_acpi_read(qts);
    check_generic_initiator(srat_structure(tables, 5, 0), 1, 5);
    qtest_quit(qts);
}

/* The memory hotplug range stays with the last ordinary node. */
static void test_srat_hotplug_range(void)
{
    g_autoptr(GByteArray) tables = tables_of(
        TWO_SOCKETS "-m 1G,maxmem=2G,slots=1 " NVGRACE(1, "2G", "pxm-count=1"));

    check_memory_affinity(srat_structure(tables, 1, 2), 2, 0, 0, 3);
    check_memory_affinity(srat_structure(tables, 1, 3), 1, 2 * GiB, 2 * GiB, 3);
}

/* Nodes that the user declared are adopted, and no more are made. */
static void test_adopt(void)
{
    g_autoptr(GByteArray) tables = tables_of(
        NVGRACE_MACHINE "-object memory-backend-ram,id=ram,size=1G "
        "-numa node,nodeid=0,memdev=ram,cpus=0 "
        "-numa node,nodeid=1 -numa node,nodeid=2 "
        NVGRACE(1, "2G", "pxm-start=1,pxm-count=2"));
    size_t size;
    const uint8_t *slit = nvgrace_acpi_table(tables, "SLIT", &size);

    check_dsd(child(child(host_bridge(tables, "\\_SB.PCI0"), 0x10000), 0),
              258 * GiB, 1, 2, 2 * GiB);
    check_memory_affinity(srat_structure(tables, 1, 2), 2, 0, 0, 3);
    check_generic_initiator(srat_structure(tables, 5, 1), 2, 0);
    g_assert_null(srat_structure(tables, 5, 2));
    g_assert_nonnull(slit);
    g_assert_cmpuint(ldq_le_p(slit + 36), ==, 3);
}

/*
 * Extended GPU memory: RAM of a node, and an empty list of retired pages that
 * is neither in RAM nor in the way of the GPUs' memory
 */
static void test_egm(void)
{
    QTestState *qts = qtest_init(
        TWO_SOCKETS PXB(1, "16", "1") PXB(2, "32", "0")
        NVGRACE_MEM(1, "2G") NVGRACE_GPU(1, "egm-node=1")
        NVGRACE_MEM(2, "2G") NVGRACE_GPU(2, "pxm-count=1,egm-node=0"));
    g_autoptr(GByteArray) tables = nvgrace_acpi_read(qts);
    uint64_t values[8], other[8];

    g_assert_cmpint(read_dsd(named(host_bridge(tables, "\\_SB.PC10"),
                                   "RP00.GPU0"), values), ==, 8);
    g_assert_cmphex(values[0], ==, 258 * GiB);
    g_assert_cmphex(values[4], ==, GiB + 512 * MiB);
    g_assert_cmphex(values[5], ==, 512 * MiB);
    g_assert_cmpuint(values[6], ==, 1);
    g_assert_cmphex(values[7], ==, VIRT_GPU_MEM);

    g_assert_cmpint(read_dsd(named(host_bridge(tables, "\\_SB.PC20"),
                                   "RP00.GPU0"), other), ==, 8);
    g_assert_cmphex(other[4], ==, GiB);
    g_assert_cmphex(other[5], ==, 512 * MiB);
    g_assert_cmpuint(other[6], ==, 0);
    g_assert_cmphex(other[7], ==, VIRT_GPU_MEM + 64 * KiB);

    /* { u64 count; u64 addr[count] }, readable and not to be written */
    g_assert_cmpuint(qtest_readq(qts, values[7]), ==, 0);
    qtest_writeq(qts, values[7], 1);
    g_assert_cmpuint(qtest_readq(qts, values[7]), ==, 0);
    g_assert_cmpuint(qtest_readq(qts, other[7]), ==, 0);
    qtest_quit(qts);
}

/* ACPI's own PCI hotplug adds nodes for empty slots, never a second one. */
static void check_unique(Aml list)
{
    AmlObject object, name;
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);

    while (aml_next(&list, &object)) {
        if (object.kind != AML_DEVICE) {
            continue;
        }
        if (aml_count(object.body, AML_NAME, "_ADR", &name)) {
            gpointer adr = GUINT_TO_POINTER(aml_integer(name.body) + 1);

            g_assert_true(g_hash_table_add(seen, adr));
        }
        check_unique(object.body);
    }
}

static void test_unique(void)
{
    g_autoptr(GByteArray) tables = tables_of(
        "-global acpi-ged.acpi-pci-hotplug-with-bridge-support=on "
        NVGRACE_MACHINE NVGRACE(1, "2G", "") NVGRACE(2, "2G", "")
        NVGRACE_PORT(3));
    Aml pci0 = host_bridge(tables, "\\_SB.PCI0");

    check_unique(pci0);
    check_dsd(child(child(pci0, 0x20000), 0), 260 * GiB, 9, 8, 2 * GiB);
}

/*
 * IORT (Arm DEN 0049)
 */

/* Memory access flags of the root complex, the one node of type 2 */
static uint8_t root_complex_flags(GByteArray *tables)
{
    size_t size;
    const uint8_t *table = nvgrace_acpi_table(tables, "IORT", &size);
    const uint8_t *node;

    g_assert_nonnull(table);
    for (node = table + ldl_le_p(table + 40); node[0] != 2;
         node += lduw_le_p(node + 1)) {
        g_assert_true(node < table + size);
    }
    return node[23];
}

/* An emulated Grace host has CANWBS (bit 2) beside CPM and DACS */
static void test_iort(void)
{
    g_autoptr(GByteArray) with = tables_of(
        NVGRACE_MACHINE "-machine iommu=smmuv3 " NVGRACE(1, "2G", ""));
    g_autoptr(GByteArray) without = tables_of(
        NVGRACE_MACHINE "-machine iommu=smmuv3 " NVGRACE_PORT(1));

    g_assert_cmphex(root_complex_flags(with), ==, 0x7);
    g_assert_cmphex(root_complex_flags(without), ==, 0x3);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    qtest_add_func("/nvgrace/tables/dsdt/root-port", test_root_port);
    qtest_add_func("/nvgrace/tables/dsdt/switch", test_switch);
    qtest_add_func("/nvgrace/tables/dsdt/function", test_function);
    qtest_add_func("/nvgrace/tables/dsdt/pxb", test_pxb);
    qtest_add_func("/nvgrace/tables/dsdt/pxb-pxm", test_pxb_pxm);
    qtest_add_func("/nvgrace/tables/dsdt/pxm-second", test_pxm_second);
    qtest_add_func("/nvgrace/tables/dsdt/pxb-names", test_pxb_names);
    qtest_add_func("/nvgrace/tables/dsdt/pxb-other", test_pxb_other);
    qtest_add_func("/nvgrace/tables/dsdt/two", test_two);
    qtest_add_func("/nvgrace/tables/dsdt/pxm", test_pxm);
    qtest_add_func("/nvgrace/tables/dsdt/unique", test_unique);
    qtest_add_func("/nvgrace/tables/none", test_none);
    qtest_add_func("/nvgrace/tables/srat/memory", test_srat_memory);
    qtest_add_func("/nvgrace/tables/srat/cpu", test_srat_cpu);
    qtest_add_func("/nvgrace/tables/srat/initiator", test_srat_initiator);
    qtest_add_func("/nvgrace/tables/srat/two", test_srat_two);
    qtest_add_func("/nvgrace/tables/srat/switch", test_srat_switch);
    qtest_add_func("/nvgrace/tables/srat/hotplug-range",
                   test_srat_hotplug_range);
    qtest_add_func("/nvgrace/tables/numa/adopt", test_adopt);
    qtest_add_func("/nvgrace/tables/egm/properties", test_egm);
    qtest_add_func("/nvgrace/tables/iort", test_iort);

    return g_test_run();
}
