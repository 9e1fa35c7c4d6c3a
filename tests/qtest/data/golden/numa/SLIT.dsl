/*
 * SLIT of the machine "numa" of nvgrace-golden-test
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
Signature : "SLIT"    [System Locality Information Table]
Table Length : 00000035
Revision : 01
Oem ID : "BOCHS "
Oem Table ID : "BXPC    "
Oem Revision : 00000001
Localities : 0000000000000003
Locality   0 : 0A 37 16
Locality   1 : 37 0A 42
Locality   2 : 16 42 0A
