/*
 * SLIT of the machine "power" of nvgrace-golden-test
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
Signature : "SLIT"    [System Locality Information Table]
Table Length : 00000045
Revision : 01
Oem ID : "BOCHS "
Oem Table ID : "BXPC    "
Oem Revision : 00000001
Localities : 0000000000000005
Locality   0 : 0A 28 50 50 78
Locality   1 : 28 0A 78 78 50
Locality   2 : 50 78 0A 28 28
Locality   3 : 50 78 28 0A 28
Locality   4 : 78 50 28 28 0A
