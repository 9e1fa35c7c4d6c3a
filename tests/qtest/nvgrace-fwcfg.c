/*
 * What the qtests of Grace GPUs share: machines, ACPI tables, failures
 *
 * The tables are read as firmware does it, through fw_cfg's DMA interface
 * (docs/specs/fw_cfg.rst): selecting the file is what makes QEMU build them,
 * with the bus numbers of that moment.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "hw/pci/pci_regs.h"
#include "qobject/qlist.h"
#include "nvgrace-fwcfg.h"

#define FW_CFG_DMA          (0x09020000 + 16)
#define FW_CFG_FILE_DIR     0x19
#define FW_CFG_DMA_READ     (1u << 1)
#define FW_CFG_DMA_SELECT   (1u << 3)

/* In guest RAM: the descriptor, and behind it what is read */
#define DESCRIPTOR          0x40000000ULL
#define BUFFER              0x40001000ULL

#define TABLE_HEADER_SIZE   36

static void fw_cfg_read(QTestState *qts, uint16_t key, uint32_t size,
                        void *data)
{
    struct {
        uint32_t control;
        uint32_t size;
        uint64_t address;
    } descriptor = {
        cpu_to_be32((uint32_t)key << 16 | FW_CFG_DMA_SELECT | FW_CFG_DMA_READ),
        cpu_to_be32(size),
        cpu_to_be64(BUFFER),
    };

    qtest_memwrite(qts, DESCRIPTOR, &descriptor, sizeof(descriptor));
    qtest_writeq(qts, FW_CFG_DMA, bswap64(DESCRIPTOR));
    g_assert_cmphex(qtest_readl(qts, DESCRIPTOR), ==, 0);
    qtest_bufread(qts, BUFFER, data, size);
}

GByteArray *nvgrace_fw_cfg_file(QTestState *qts, const char *name)
{
    struct {
        uint32_t size;
        uint16_t key;
        uint16_t reserved;
        char name[56];
    } file;
    uint32_t count;
    g_autofree uint8_t *dir = NULL;

    fw_cfg_read(qts, FW_CFG_FILE_DIR, sizeof(count), &count);
    count = be32_to_cpu(count);
    dir = g_malloc(sizeof(count) + count * sizeof(file));
    fw_cfg_read(qts, FW_CFG_FILE_DIR, sizeof(count) + count * sizeof(file),
                dir);

    for (uint32_t i = 0; i < count; i++) {
        memcpy(&file, dir + sizeof(count) + i * sizeof(file), sizeof(file));
        if (g_str_equal(file.name, name)) {
            GByteArray *content = g_byte_array_new();

            g_byte_array_set_size(content, be32_to_cpu(file.size));
            fw_cfg_read(qts, be16_to_cpu(file.key), content->len,
                        content->data);
            return content;
        }
    }
    g_error("no fw_cfg file %s", name);
}

GByteArray *nvgrace_acpi_read(QTestState *qts)
{
    return nvgrace_fw_cfg_file(qts, "etc/acpi/tables");
}

const uint8_t *nvgrace_acpi_table(GByteArray *tables, const char *signature,
                                  size_t *size)
{
    size_t at = 0;

    while (at + TABLE_HEADER_SIZE <= tables->len) {
        const uint8_t *table = tables->data + at;

        *size = ldl_le_p(table + 4);
        if (*size < TABLE_HEADER_SIZE) {
            break;
        }
        g_assert_cmpuint(*size, <=, tables->len - at);
        if (!memcmp(table, signature, 4)) {
            return table;
        }
        at += *size;
    }
    return NULL;
}

void nvgrace_set_bus(QTestState *qts, int bus, int slot, int secondary)
{
    uint64_t bridge = VIRT_ECAM + (bus << 20) + (slot << 15);

    g_assert_cmphex(qtest_readw(qts, bridge + PCI_CLASS_DEVICE), ==, 0x0604);
    qtest_writeb(qts, bridge + PCI_PRIMARY_BUS, bus);
    qtest_writeb(qts, bridge + PCI_SECONDARY_BUS, secondary);
    qtest_writeb(qts, bridge + PCI_SUBORDINATE_BUS, 0xff);
}

/* Where the registers of a capability are; the device has it. */
static uint64_t find_capability(QTestState *qts, uint64_t function, uint8_t id)
{
    uint8_t at = qtest_readb(qts, function + PCI_CAPABILITY_LIST);

    while (qtest_readb(qts, function + at) != id) {
        at = qtest_readb(qts, function + at + PCI_CAP_LIST_NEXT);
        g_assert_cmphex(at, >=, PCI_STD_HEADER_SIZEOF);
    }
    return function + at;
}

void nvgrace_eject(QTestState *qts, int slot)
{
    uint64_t port = find_capability(qts, VIRT_ECAM + (slot << 15),
                                    PCI_CAP_ID_EXP);

    qtest_writew(qts, port + PCI_EXP_SLTCTL,
                 PCI_EXP_SLTCTL_PWR_OFF | PCI_EXP_SLTCTL_PWR_IND_OFF);
    g_assert_false(qtest_readw(qts, port + PCI_EXP_SLTSTA) &
                   PCI_EXP_SLTSTA_PDS);
}

QDict *nvgrace_query(QTestState *qts, const char *id)
{
    QDict *rsp = qtest_qmp(qts, "{'execute': 'query-nvgrace-gpus'}");
    QList *list = qdict_get_qlist(rsp, "return");
    const QListEntry *entry;
    QDict *found = NULL;

    g_assert_nonnull(list);
    QLIST_FOREACH_ENTRY(list, entry) {
        QDict *gpu = qobject_to(QDict, qlist_entry_obj(entry));

        if (!g_strcmp0(qdict_get_try_str(gpu, "id"), id)) {
            g_assert_null(found);
            found = qobject_ref(gpu);
        }
    }
    qobject_unref(rsp);
    return found;
}

int nvgrace_run(const char *args, char **output)
{
    /*
     * QEMU exits when all devices exist and their device tree is written: to a
     * file that it replaces, so /dev/null is none.
     */
    g_autofree char *dtb = NULL;
    int fd = g_file_open_tmp("nvgrace-XXXXXX.dtb", &dtb, NULL);
    g_autofree char *line = g_strdup_printf("%s %s -machine dumpdtb=%s "
                                            "-accel qtest -display none "
                                            "-nodefaults",
                                            qtest_qemu_binary(NULL), args, dtb);
    g_auto(GStrv) argv = g_strsplit(line, " ", -1);
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    GError *err = NULL;
    int status;

    for (char **word = argv; *word; word++) {
        if (**word) {
            g_ptr_array_add(words, *word);
        }
    }
    g_ptr_array_add(words, NULL);

    g_spawn_sync(NULL, (char **)words->pdata, NULL,
                 G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL,
                 NULL, output, &status, &err);
    close(fd);
    unlink(dtb);
    g_assert_no_error(err);
    g_test_message("%s: %s", args, *output);
    g_assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

void nvgrace_test_refusal(const void *data)
{
    const NVGraceRefusal *refusal = data;
    g_autofree char *output = NULL, *after = NULL;

    g_assert_cmpint(nvgrace_run(refusal->args, &output), ==, 1);
    if (!strstr(output, refusal->message) ||
        !strstr(output, refusal->remedy)) {
        g_error("expected '%s' and '%s' in: %s", refusal->message,
                refusal->remedy, output);
    }
    if (refusal->followed && nvgrace_run(refusal->followed, &after)) {
        g_error("who does what is said (%s) is told: %s", refusal->remedy,
                after);
    }
}

void nvgrace_check_migration(QTestState *qts)
{
    QDict *rsp = qtest_qmp(qts, "{'execute': 'migrate', 'arguments': "
                           "{'uri': 'exec:cat > /dev/null'}}");
    const char *desc;

    g_assert_true(qdict_haskey(rsp, "error"));
    desc = qdict_get_str(qdict_get_qdict(rsp, "error"), "desc");
    g_assert_nonnull(strstr(desc, "the coherent memory of GPU 'gpu1' cannot be "
                            "migrated: it is in a GPU of this host"));
    qobject_unref(rsp);
}
