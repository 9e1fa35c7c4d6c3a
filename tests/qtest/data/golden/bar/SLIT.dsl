/*
 * SLIT of the machine "bar" of nvgrace-golden-test
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
Signature : "SLIT"    [System Locality Information Table]
Table Length : 0000003C
Revision : 01
Oem ID : "BOCHS "
Oem Table ID : "BXPC    "
Oem Revision : 00000001
Localities : 0000000000000004
Locality   0 : 0A 28 78 78
Locality   1 : 28 0A 50 50
Locality   2 : 78 50 0A 0B
Locality   3 : 78 50 0B 0A
