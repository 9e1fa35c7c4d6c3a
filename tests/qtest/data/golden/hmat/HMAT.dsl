/*
 * HMAT of the machine "hmat" of nvgrace-golden-test
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
Signature : "HMAT"    [Heterogeneous Memory Attributes Table]
Table Length : 00000078
Revision : 02
Oem ID : "BOCHS "
Oem Table ID : "BXPC    "
Oem Revision : 00000001
Reserved : 00000000
Structure Type : 0000 [Memory Proximity Domain Attributes]
Reserved : 0000
Length : 00000028
Flags (decoded below) : 0001
Processor Proximity Domain Valid : 1
Reserved1 : 0000
Attached Initiator Proximity Domain : 00000000
Memory Proximity Domain : 00000000
Reserved2 : 00000000
Reserved3 : 0000000000000000
Reserved4 : 0000000000000000
Structure Type : 0000 [Memory Proximity Domain Attributes]
Reserved : 0000
Length : 00000028
Flags (decoded below) : 0001
Processor Proximity Domain Valid : 1
Reserved1 : 0000
Attached Initiator Proximity Domain : 00000001
Memory Proximity Domain : 00000001
Reserved2 : 00000000
Reserved3 : 0000000000000000
Reserved4 : 0000000000000000
