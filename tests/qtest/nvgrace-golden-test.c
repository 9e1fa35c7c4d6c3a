/*
 * QTest: the whole ACPI text of machines with Grace GPUs
 *
 * nvgrace-tables-test states what has to hold; this test shows all of what a
 * guest finds, so that no change of it goes unseen.  tests/qtest/data/golden/
 * has, for each machine below, the disassembly of
 *
 *   DSDT              the scopes and devices that differ from those of the same
 *                     machine without GPUs; the rest is QEMU's business, see
 *                     nvgrace-pristine-test
 *   SRAT, SLIT, HMAT  all of it
 *
 * without what a reader does not want to see change: iasl's heading, checksums
 * and offsets.  With TEST_ACPI_REBUILD_AML set, as for bios-tables-test, the
 * files are written instead of compared.
 *
 * Each table is compiled again, too: iasl has to find nothing in it that it
 * does not find in the table of the machine without GPUs.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <glib/gstdio.h>
#include <linux/vfio_nvgrace.h>
#include "qemu/bswap.h"
#include "qemu/units.h"
#include "nvgrace-fwcfg.h"
#include "nvgrace-vfio-user-server.h"

#define REBUILD "TEST_ACPI_REBUILD_AML"

typedef struct Bridge {
    int bus;
    int slot;
    int secondary;
} Bridge;

typedef struct Machine {
    const char *name;
    const char *board;      /* arguments, GPUs apart */
    const char *gpus;       /* arguments for the GPUs */
    const char *vfio;       /* JSON of one more, on a vfio-user server */
    Bridge bridges[14];     /* bus numbers that firmware would set; 0 ends */
} Machine;

#define SOCKETS                                                             \
    NVGRACE_MACHINE "-smp 2 "                                               \
    "-object memory-backend-ram,id=ram0,size=512M "                         \
    "-object memory-backend-ram,id=ram1,size=512M "                         \
    "-numa node,nodeid=0,memdev=ram0,cpus=0 "                               \
    "-numa node,nodeid=1,memdev=ram1,cpus=1 "

#define PXB(n, bus, node)                                                   \
    "-device pxb-pcie,id=pxb" #n ",bus_nr=" bus ",bus=pcie.0,addr=1" #n     \
    ",numa_node=" node " "

#define PXB_PORT(n, pxb, slot)                                              \
    "-device pcie-root-port,id=rp" #n ",bus=pxb" #pxb ",chassis=" #n        \
    ",addr=" #slot " "

static const Machine machines[] = {
    {
        .name = "gh200",
        .board = NVGRACE_MACHINE NVGRACE_PORT(1),
        .gpus = NVGRACE_MEM(1, "96G") NVGRACE_GPU(1, "model=gh200"),
        .bridges = { { 0, 1, 1 } },
    }, {
        .name = "gb200",
        .board = NVGRACE_MACHINE NVGRACE_PORT(1),
        .gpus = NVGRACE_MEM(1, "192G") NVGRACE_GPU(1, "model=gb200"),
        .bridges = { { 0, 1, 1 } },
    }, {
        /* Two CPUs with two GPUs each, as a GB200 board has them */
        .name = "pxb",
        .board = SOCKETS "-machine highmem-mmio-size=2T "
                 PXB(1, "16", "0") PXB(2, "32", "0")
                 PXB(3, "48", "1") PXB(4, "64", "1")
                 PXB_PORT(1, 1, 0) PXB_PORT(2, 2, 0)
                 PXB_PORT(3, 3, 0) PXB_PORT(4, 4, 0),
        .gpus = NVGRACE_MEM(1, "192G") NVGRACE_GPU(1, "model=gb200")
                NVGRACE_MEM(2, "192G") NVGRACE_GPU(2, "model=gb200")
                NVGRACE_MEM(3, "192G") NVGRACE_GPU(3, "model=gb200")
                NVGRACE_MEM(4, "192G") NVGRACE_GPU(4, "model=gb200"),
        .bridges = { { 16, 0, 17 }, { 32, 0, 33 }, { 48, 0, 49 },
                     { 64, 0, 65 } },
    }, {
        .name = "switch",
        .board = NVGRACE_MACHINE NVGRACE_PORT(2)
                 "-device x3130-upstream,id=up,bus=rp2 "
                 "-device xio3130-downstream,id=rp3,bus=up,chassis=9,addr=5 ",
        .gpus = NVGRACE_MEM(3, "2G") NVGRACE_GPU(3, "pxm-count=1"),
        .bridges = { { 0, 2, 3 }, { 3, 0, 4 }, { 4, 5, 5 } },
    }, {
        /* Two GPUs behind one switch of a pxb, and a neighbour of theirs */
        .name = "pxb-switch",
        .board = SOCKETS PXB(1, "16", "1") PXB_PORT(1, 1, 2) PXB_PORT(2, 1, 4)
                 "-device x3130-upstream,id=up,bus=rp2 "
                 "-device xio3130-downstream,id=rp3,bus=up,chassis=9,addr=0 "
                 "-device xio3130-downstream,id=rp4,bus=up,chassis=8,addr=5 "
                 "-device virtio-rng-pci,bus=rp1 ",
        .gpus = NVGRACE_MEM(3, "2G") NVGRACE_GPU(3, "pxm-count=1")
                NVGRACE_MEM(4, "2G") NVGRACE_GPU(4, "pxm-count=1"),
        .bridges = { { 16, 2, 17 }, { 16, 4, 18 }, { 18, 0, 19 },
                     { 19, 0, 20 }, { 19, 5, 21 } },
    }, {
        .name = "numa",
        .board = NVGRACE_MACHINE NVGRACE_PORT(1) "-smp 2 "
                 "-object memory-backend-ram,id=ram0,size=768M "
                 "-object memory-backend-ram,id=ram1,size=256M "
                 "-numa node,nodeid=0,memdev=ram0,cpus=0-1 "
                 "-numa node,nodeid=1 -numa node,nodeid=2,memdev=ram1 "
                 "-numa dist,src=0,dst=1,val=55 "
                 "-numa dist,src=0,dst=2,val=22 "
                 "-numa dist,src=1,dst=2,val=66 ",
        .gpus = NVGRACE_MEM(1, "2G")
                NVGRACE_GPU(1, "pxm-start=1,pxm-count=1"),
        .bridges = { { 0, 1, 1 } },
    }, {
        .name = "hmat",
        .board = SOCKETS "-machine hmat=on " PXB(1, "16", "1")
                 PXB_PORT(1, 1, 0),
        .gpus = NVGRACE_MEM(1, "2G") NVGRACE_GPU(1, "pxm-count=2"),
        .bridges = { { 16, 0, 17 } },
    }, {
        /* The RAM of the GPU's socket is extended GPU memory */
        .name = "egm",
        .board = SOCKETS PXB(1, "16", "1") PXB_PORT(1, 1, 0),
        .gpus = NVGRACE_MEM(1, "2G") NVGRACE_GPU(1, "pxm-count=1,egm-node=1"),
        .bridges = { { 16, 0, 17 } },
    }, {
        /* No address, but nodes; behind a pxb */
        .name = "bar",
        .board = SOCKETS PXB(1, "16", "1") PXB_PORT(1, 1, 0),
        .gpus = "",
        .vfio = "\"driver\":\"vfio-user-pci-nvgrace\",\"guest-view\":\"bar\","
                "\"bus\":\"rp1\",\"pxm-count\":2",
        .bridges = { { 16, 0, 17 } },
    }, {
        /* A device that most often is no GPU, deep below pcie.0 */
        .name = "plain",
        .board = NVGRACE_MACHINE NVGRACE_PORT(2)
                 "-device x3130-upstream,id=up,bus=rp2 "
                 "-device xio3130-downstream,id=rp3,bus=up,chassis=9,addr=5 ",
        .gpus = "",
        .vfio = "\"driver\":\"vfio-user-pci\",\"nvgrace-view\":\"acpi\","
                "\"bus\":\"rp3\"",
        .bridges = { { 0, 2, 3 }, { 3, 0, 4 }, { 4, 5, 5 } },
    }, {
        /* Power that can be switched off, at bus 0, at a pxb and at a switch */
        .name = "power",
        .board = SOCKETS NVGRACE_PORT(1) NVGRACE_PORT(2)
                 "-device x3130-upstream,id=up,bus=rp2 "
                 "-device xio3130-downstream,id=rp3,bus=up,chassis=9,addr=5 "
                 PXB(4, "16", "1") PXB_PORT(4, 4, 3),
        .gpus = NVGRACE_MEM(1, "2G")
                NVGRACE_GPU(1, "pxm-count=1,x-power-resource=on")
                NVGRACE_MEM(3, "2G")
                NVGRACE_GPU(3, "pxm-count=1,x-power-resource=on")
                NVGRACE_MEM(4, "2G")
                NVGRACE_GPU(4, "pxm-count=1,x-power-resource=on"),
        .bridges = { { 0, 1, 1 }, { 0, 2, 3 }, { 3, 0, 4 }, { 4, 5, 5 },
                     { 16, 3, 17 } },
    }, {
        /* All kinds of GPU in all kinds of place */
        .name = "mixed",
        .board = SOCKETS "-machine highmem-mmio-size=4T "
                 NVGRACE_PORT(1) NVGRACE_PORT(2) NVGRACE_PORT(9)
                 "-device x3130-upstream,id=up1,bus=rp9 "
                 "-device xio3130-downstream,id=rp3,bus=up1,chassis=23 "
                 "-device xio3130-downstream,id=rp4,bus=up1,chassis=24,addr=1 "
                 PXB(3, "32", "0") PXB_PORT(5, 3, 0) PXB_PORT(6, 3, 3)
                 PXB(4, "64", "1") PXB_PORT(8, 4, 1)
                 "-device x3130-upstream,id=up2,bus=rp8 "
                 "-device xio3130-downstream,id=rp7,bus=up2,chassis=27 "
                 "-device pcie-root-port,id=rp10,bus=pxb4,chassis=30,addr=0 ",
        .gpus = NVGRACE_MEM(1, "96G") NVGRACE_GPU(1, "model=gh200,pxm-count=1")
                NVGRACE_MEM(2, "144G") NVGRACE_GPU(2, "model=gh200,pxm-count=2")
                NVGRACE_MEM(3, "192G") NVGRACE_GPU(3, "model=gb200,pxm-count=1")
                NVGRACE_MEM(4, "288G") NVGRACE_GPU(4, "model=gb300,pxm-count=1")
                NVGRACE_MEM(5, "97920M")
                NVGRACE_GPU(5, "model=gh200,pxm-count=1")
                NVGRACE_MEM(6, "192G") NVGRACE_GPU(6, "model=gb200,pxm-count=1")
                NVGRACE_MEM(7, "288G") NVGRACE_GPU(7, "model=gb300,pxm-count=1")
                NVGRACE_MEM(10, "186G")
                NVGRACE_GPU(10, "model=gb200,pxm-count=1"),
        .bridges = { { 0, 1, 1 }, { 0, 2, 2 }, { 0, 9, 3 }, { 3, 0, 4 },
                     { 4, 0, 5 }, { 4, 1, 6 }, { 32, 0, 33 }, { 32, 3, 34 },
                     { 64, 1, 66 }, { 66, 0, 67 }, { 67, 0, 68 },
                     { 64, 0, 70 } },
    },
};

static const char *const signatures[] = { "DSDT", "SRAT", "SLIT", "HMAT" };

/*
 * Run a program in @dir.  What it says goes to @output, both streams.
 */
static int run(const char *dir, char **output, const char *const *argv)
{
    g_autofree char *err_text = NULL, *out_text = NULL;
    GError *err = NULL;
    int status;

    g_spawn_sync(dir, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL,
                 &out_text, &err_text, &status, &err);
    if (err) {
        g_error("%s does not run: %s (package acpica-tools has iasl)", argv[0],
                err->message);
    }
    g_assert_true(WIFEXITED(status));
    *output = g_strconcat(out_text, err_text, NULL);
    return WEXITSTATUS(status);
}

static char *in_dir(const char *dir, const char *name, const char *suffix)
{
    return g_strdup_printf("%s/%s%s", dir, name, suffix);
}

static char *read_text(const char *path)
{
    GError *err = NULL;
    char *text;

    g_file_get_contents(path, &text, NULL, &err);
    g_assert_no_error(err);
    return text;
}

static void write_file(const char *path, const void *data, gssize size)
{
    GError *err = NULL;

    g_file_set_contents(path, data, size, &err);
    g_assert_no_error(err);
}

/*
 * What iasl says about a table
 */

static int compare_messages(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char **)a, *(char **)b);
}

/*
 * "Warning 3144" and the like, one string for each time it is said, sorted.
 * iasl counts them, too: an unknown format does not pass as silence.
 */
static GPtrArray *messages(const char *output)
{
    g_auto(GStrv) lines = g_strsplit(output, "\n", -1);
    GPtrArray *list = g_ptr_array_new_with_free_func(g_free);
    int errors = -1, warnings, remarks;

    for (char **line = lines; *line; line++) {
        static const char *const kinds[] = { "Error", "Warning", "Remark" };
        char kind[8];
        int id;

        if (sscanf(*line, "%7s %d -", kind, &id) == 2) {
            for (int i = 0; i < G_N_ELEMENTS(kinds); i++) {
                if (g_str_equal(kind, kinds[i])) {
                    g_ptr_array_add(list, g_strdup_printf("%s %d", kind, id));
                }
            }
        }
        sscanf(*line, "Compilation successful. %d Errors, %d Warnings, "
               "%d Remarks", &errors, &warnings, &remarks);
    }
    if (errors < 0 || list->len != errors + warnings + remarks) {
        g_error("%u messages of iasl understood, which counts others:\n%s",
                list->len, output);
    }
    g_ptr_array_sort(list, compare_messages);
    return list;
}

/* Each of @found has to be in @known as often. */
static void check_messages(const char *name, GPtrArray *found,
                           GPtrArray *known, const char *output)
{
    guint k = 0;

    for (guint f = 0; f < found->len; f++) {
        const char *message = found->pdata[f];

        while (k < known->len && strcmp(known->pdata[k], message) < 0) {
            k++;
        }
        if (k == known->len || strcmp(known->pdata[k], message)) {
            g_error("iasl says '%s' of %s, and not as often without GPUs:\n%s",
                    message, name, output);
        }
        k++;
    }
}

/*
 * Tables as text
 */

/* Memory as Grace Hopper has it, small */
static char *vfio_args(const Machine *machine, NVGraceServer *server)
{
    nvgrace_server_add(server, VFIO_REGION_SUBTYPE_NVGRACE_USEMEM, 3 * GiB);
    nvgrace_server_add(server, VFIO_REGION_SUBTYPE_NVGRACE_RESMEM, 1 * GiB);
    return g_strdup_printf("-device '{%s,\"socket\":{\"type\":\"unix\","
                           "\"path\":\"%s\"}}'", machine->vfio,
                           nvgrace_server_start(server));
}

/* The tables of a machine, @dir/DSDT.dsl and so on; what iasl says of each */
static void disassemble(const Machine *machine, bool gpus, const char *dir,
                        GPtrArray *said[], char *output[])
{
    g_autoptr(NVGraceServer) server = nvgrace_server_new();
    g_autofree char *vfio = gpus && machine->vfio ? vfio_args(machine, server)
                                                  : NULL;
    g_autofree char *args = g_strconcat(machine->board,
                                        gpus ? machine->gpus : "", vfio, NULL);
    QTestState *qts = qtest_init(args);
    g_autoptr(GByteArray) tables = NULL;

    for (const Bridge *b = machine->bridges; b->secondary; b++) {
        nvgrace_set_bus(qts, b->bus, b->slot, b->secondary);
    }
    tables = nvgrace_acpi_read(qts);
    qtest_quit(qts);

    for (int i = 0; i < G_N_ELEMENTS(signatures); i++) {
        g_autofree char *aml = g_strconcat(signatures[i], ".aml", NULL);
        g_autofree char *dsl = g_strconcat(signatures[i], ".dsl", NULL);
        g_autofree char *path = in_dir(dir, aml, "");
        const char *disassembler[] = { "iasl", "-d", aml, NULL };
        const char *compiler[] = { "iasl", "-tc", "-w3", "-p", "again", dsl,
                                   NULL };
        size_t size;
        const uint8_t *table = nvgrace_acpi_table(tables, signatures[i], &size);

        said[i] = NULL;
        output[i] = NULL;
        if (!table) {
            continue;
        }
        write_file(path, table, size);
        if (run(dir, &output[i], disassembler)) {
            g_error("iasl cannot read the %s:\n%s", signatures[i], output[i]);
        }
        g_free(output[i]);
        if (run(dir, &output[i], compiler)) {
            g_error("iasl cannot compile the %s:\n%s", signatures[i],
                    output[i]);
        }
        said[i] = messages(output[i]);
    }
}

/* Without the comment at the top */
static char *body_of(const char *dir, const char *signature)
{
    g_autofree char *path = in_dir(dir, signature, ".dsl");
    g_autofree char *text = read_text(path);
    const char *body = strstr(text, "*/\n");

    g_assert_nonnull(body);
    return g_strdup(body + 3);
}

/*
 * The terms in a piece of ASL: such a term begins with a line that is indented
 * by @indent spaces and ends where the next one does.
 */
static GPtrArray *terms_of(const char *text, int indent)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    GPtrArray *terms = g_ptr_array_new_with_free_func(g_free);
    GString *term = NULL;

    for (char **line = lines; *line; line++) {
        int spaces = strspn(*line, " ");

        if (!**line && line[1]) {
            continue;
        }
        if (term && (spaces < indent ||
                     (spaces == indent && g_ascii_isalpha((*line)[indent])))) {
            g_ptr_array_add(terms, g_string_free(term, false));
            term = NULL;
        }
        if (!term && spaces == indent && g_ascii_isalpha((*line)[indent])) {
            term = g_string_new(NULL);
        }
        if (term) {
            g_string_append_printf(term, "%s\n", g_strchomp(*line));
        }
    }
    g_assert_null(term);
    return terms;
}

/* The first of @terms that begins with @start */
static const char *find_term(GPtrArray *terms, const char *start, size_t length)
{
    for (guint i = 0; i < terms->len; i++) {
        if (!strncmp(terms->pdata[i], start, length)) {
            return terms->pdata[i];
        }
    }
    return NULL;
}

/*
 * Append those terms of @text that @other has not.  Of a term that @other has
 * with another content, only what is new in it, @depth levels deep.
 */
static void append_new_terms(GString *result, const char *text,
                             const char *other, int indent, int depth)
{
    g_autoptr(GPtrArray) terms = terms_of(text, indent);
    g_autoptr(GPtrArray) others = terms_of(other, indent);

    for (guint i = 0; i < others->len; i++) {
        const char *term = others->pdata[i];

        /* GPUs add to the DSDT and take nothing away. */
        g_assert_nonnull(find_term(terms, term, strcspn(term, "\n") + 1));
    }
    for (guint i = 0; i < terms->len; i++) {
        const char *term = terms->pdata[i];
        int heading = strcspn(term, "\n") + 1;
        const char *before = find_term(others, term, heading);

        if (find_term(others, term, strlen(term) + 1)) {
            continue;
        }
        if (!before || !depth) {
            g_string_append(result, term);
            continue;
        }
        g_string_append_printf(result, "%.*s%*s{\n", heading, term, indent, "");
        append_new_terms(result, term, before, indent + 4, depth - 1);
        g_string_append_printf(result, "%*s}\n", indent, "");
    }
}

static char *dsdt_text(const char *dir, const char *dir_without)
{
    g_autofree char *text = body_of(dir, "DSDT");
    g_autofree char *other = body_of(dir_without, "DSDT");
    GString *result = g_string_new(NULL);

    append_new_terms(result, text, other, 4, 2);
    g_assert_cmpint(result->len, >, 0);
    return g_string_free(result, false);
}

static char *data_table_text(const char *dir, const char *signature)
{
    g_autofree char *text = body_of(dir, signature);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    GString *kept = g_string_new(NULL);

    for (char **line = lines; *line; line++) {
        const char *field = **line == '[' ? strchr(*line, ']') : NULL;

        if (g_str_has_prefix(*line, "Raw Table Data")) {
            break;
        }
        field = field ? field + 1 : *line;
        while (*field == ' ') {
            field++;
        }
        if (*field && !g_str_has_prefix(field, "Checksum :") &&
            !g_str_has_prefix(field, "Asl Compiler ")) {
            g_string_append_printf(kept, "%s\n", field);
        }
    }
    return g_string_free(kept, false);
}

/*
 * The stored text
 */

static void compare(const Machine *machine, const char *signature,
                    const char *text)
{
    g_autofree char *file = g_strconcat(signature, ".dsl", NULL);
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "data", "golden",
                                                  machine->name, file, NULL);
    g_autofree char *output = NULL;
    g_autofree char *dir = g_path_get_dirname(path);
    g_autofree char *actual = NULL, *diff = NULL;
    const char *command[] = { "diff", "-u", path, NULL, NULL };
    bool exists = g_file_test(path, G_FILE_TEST_EXISTS);
    int fd;

    if (getenv(REBUILD)) {
        if (text) {
            g_assert_cmpint(g_mkdir_with_parents(dir, 0777), ==, 0);
            write_file(path, text, -1);
        } else if (exists) {
            g_assert_cmpint(g_unlink(path), ==, 0);
        }
        return;
    }
    if (!text || !exists) {
        if (!text != !exists) {
            g_error("%s of %s %s, but %s %s", signature, machine->name,
                    text ? "exists" : "does not exist", path,
                    exists ? "does" : "does not");
        }
        return;
    }

    output = read_text(path);
    if (g_str_equal(output, text)) {
        return;
    }
    fd = g_file_open_tmp("nvgrace-XXXXXX.dsl", &actual, NULL);
    g_assert_cmpint(fd, >=, 0);
    close(fd);
    write_file(actual, text, -1);
    command[3] = actual;
    run(NULL, &diff, command);
    g_unlink(actual);
    g_error("the %s of %s is not what it was; if that is right, set " REBUILD
            ":\n%s", signature, machine->name, diff);
}

static char *with_heading(const Machine *machine, const char *signature,
                          char *text)
{
    char *all = g_strdup_printf(
        "/*\n"
        " * %s of the machine \"%s\" of nvgrace-golden-test\n"
        " *\n"
        " * SPDX-License-Identifier: GPL-2.0-or-later\n"
        " */\n%s", signature, machine->name, text);

    g_free(text);
    return all;
}

static void remove_dir(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;

    g_assert_nonnull(dir);
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *file = in_dir(path, name, "");

        g_unlink(file);
    }
    g_rmdir(path);
}

static void test_machine(const void *opaque)
{
    const Machine *machine = opaque;
    g_autofree char *dir = g_dir_make_tmp("nvgrace-XXXXXX", NULL);
    g_autofree char *dir_without = g_dir_make_tmp("nvgrace-XXXXXX", NULL);
    GPtrArray *said[G_N_ELEMENTS(signatures)];
    GPtrArray *said_without[G_N_ELEMENTS(signatures)];
    char *output[G_N_ELEMENTS(signatures)];
    char *output_without[G_N_ELEMENTS(signatures)];

    g_assert_true(dir && dir_without);
    disassemble(machine, true, dir, said, output);
    disassemble(machine, false, dir_without, said_without, output_without);
    g_assert_nonnull(said[0]);

    for (int i = 0; i < G_N_ELEMENTS(signatures); i++) {
        g_autofree char *text = NULL;

        if (said[i]) {
            g_autoptr(GPtrArray) none = g_ptr_array_new();

            check_messages(signatures[i], said[i],
                           said_without[i] ?: none, output[i]);
            text = i ? data_table_text(dir, signatures[i])
                     : dsdt_text(dir, dir_without);
            text = with_heading(machine, signatures[i], text);
        }
        compare(machine, signatures[i], text);

        g_clear_pointer(&said[i], g_ptr_array_unref);
        g_clear_pointer(&said_without[i], g_ptr_array_unref);
        g_free(output[i]);
        g_free(output_without[i]);
    }
    remove_dir(dir);
    remove_dir(dir_without);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    for (int i = 0; i < G_N_ELEMENTS(machines); i++) {
        g_autofree char *path = g_strdup_printf("/nvgrace/golden/%s",
                                                machines[i].name);

        if (machines[i].vfio && !qtest_has_device("vfio-user-pci-nvgrace")) {
            continue;
        }
        qtest_add_data_func(path, &machines[i], test_machine);
    }
    return g_test_run();
}
