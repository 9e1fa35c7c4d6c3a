/*
 * SLIT of the machine "plain" of nvgrace-golden-test
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
Signature : "SLIT"    [System Locality Information Table]
Table Length : 0000007D
Revision : 01
Oem ID : "BOCHS "
Oem Table ID : "BXPC    "
Oem Revision : 00000001
Localities : 0000000000000009
Locality   0 : 0A 50 50 50 50 50 50 50 50
Locality   1 : 50 0A 0B 0B 0B 0B 0B 0B 0B
Locality   2 : 50 0B 0A 0B 0B 0B 0B 0B 0B
Locality   3 : 50 0B 0B 0A 0B 0B 0B 0B 0B
Locality   4 : 50 0B 0B 0B 0A 0B 0B 0B 0B
Locality   5 : 50 0B 0B 0B 0B 0A 0B 0B 0B
Locality   6 : 50 0B 0B 0B 0B 0B 0A 0B 0B
Locality   7 : 50 0B 0B 0B 0B 0B 0B 0A 0B
Locality   8 : 50 0B 0B 0B 0B 0B 0B 0B 0A
