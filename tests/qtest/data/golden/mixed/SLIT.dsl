/*
 * SLIT of the machine "mixed" of nvgrace-golden-test
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
Signature : "SLIT"    [System Locality Information Table]
Table Length : 000000A5
Revision : 01
Oem ID : "BOCHS "
Oem Table ID : "BXPC    "
Oem Revision : 00000001
Localities : 000000000000000B
Locality   0 : 0A 28 50 50 50 50 50 50 50 78 78
Locality   1 : 28 0A 78 78 78 78 78 78 78 50 50
Locality   2 : 50 78 0A 28 28 28 28 28 28 28 28
Locality   3 : 50 78 28 0A 0B 28 28 28 28 28 28
Locality   4 : 50 78 28 0B 0A 28 28 28 28 28 28
Locality   5 : 50 78 28 28 28 0A 28 28 28 28 28
Locality   6 : 50 78 28 28 28 28 0A 28 28 28 28
Locality   7 : 50 78 28 28 28 28 28 0A 28 28 28
Locality   8 : 50 78 28 28 28 28 28 28 0A 28 28
Locality   9 : 78 50 28 28 28 28 28 28 28 0A 28
Locality  10 : 78 50 28 28 28 28 28 28 28 28 0A
