/*
 * What the qtests of Grace GPUs share: SRAT (ACPI 6.5, 5.2.16)
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "nvgrace-fwcfg.h"
#include "nvgrace-srat.h"

GByteArray *tables_of(const char *args)
{
    QTestState *qts = qtest_init(args);
    GByteArray *tables = nvgrace_acpi_read(qts);

    qtest_quit(qts);
    return tables;
}

const uint8_t *srat_structure(GByteArray *tables, uint8_t type, int n)
{
    size_t size;
    const uint8_t *srat = nvgrace_acpi_table(tables, "SRAT", &size);

    g_assert_nonnull(srat);
    for (size_t at = 48; at < size; at += srat[at + 1]) {
        g_assert_cmpuint(srat[at + 1], >=, 2);
        if (srat[at] == type && !n--) {
            return srat + at;
        }
    }
    return NULL;
}

void check_memory_affinity(const uint8_t *ma, uint32_t pxm, uint64_t base,
                           uint64_t length, uint32_t flags)
{
    g_assert_nonnull(ma);
    g_assert_cmpuint(ma[1], ==, 40);
    g_assert_cmpuint(ldl_le_p(ma + 2), ==, pxm);
    g_assert_cmphex(ldq_le_p(ma + 8), ==, base);
    g_assert_cmphex(ldq_le_p(ma + 16), ==, length);
    g_assert_cmphex(ldl_le_p(ma + 28), ==, flags);
}

void check_generic_initiator(const uint8_t *gi, uint32_t pxm, uint8_t bus)
{
    static const uint8_t zeroes[12];

    g_assert_nonnull(gi);
    g_assert_cmpuint(gi[1], ==, 32);
    g_assert_cmpuint(gi[2], ==, 0);
    g_assert_cmpuint(gi[3], ==, 1);             /* PCI device handle */
    g_assert_cmpuint(ldl_le_p(gi + 4), ==, pxm);
    g_assert_cmpuint(lduw_le_p(gi + 8), ==, 0); /* segment */
    g_assert_cmpuint(gi[10], ==, bus);
    g_assert_cmpuint(gi[11], ==, 0);            /* device and function */
    g_assert_cmpmem(gi + 12, 12, zeroes, 12);
    g_assert_cmphex(ldl_le_p(gi + 24), ==, 3);
    g_assert_cmpuint(ldl_le_p(gi + 28), ==, 0);
}
