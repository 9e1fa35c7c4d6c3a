/*
 * SRAT of the machine "plain" of nvgrace-golden-test
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
Signature : "SRAT"    [System Resource Affinity Table]
Table Length : 000002AA
Revision : 03
Oem ID : "BOCHS "
Oem Table ID : "BXPC    "
Oem Revision : 00000001
Table Revision : 00000001
Reserved : 0000000000000000
Subtable Type : 03 [GICC Affinity]
Length : 12
Proximity Domain : 00000000
Acpi Processor UID : 00000000
Flags (decoded below) : 00000001
Enabled : 1
Clock Domain : 00000000
Subtable Type : 01 [Memory Affinity]
Length : 28
Proximity Domain : 00000000
Reserved1 : 0000
Base Address : 0000000040000000
Address Length : 0000000040000000
Reserved2 : 00000000
Flags (decoded below) : 00000001
Enabled : 1
Hot Pluggable : 0
Non-Volatile : 0
Reserved3 : 0000000000000000
Subtable Type : 01 [Memory Affinity]
Length : 28
Proximity Domain : 00000001
Reserved1 : 0000
Base Address : 0000000000000000
Address Length : 0000000000000000
Reserved2 : 00000000
Flags (decoded below) : 00000003
Enabled : 1
Hot Pluggable : 1
Non-Volatile : 0
Reserved3 : 0000000000000000
Subtable Type : 01 [Memory Affinity]
Length : 28
Proximity Domain : 00000002
Reserved1 : 0000
Base Address : 0000000000000000
Address Length : 0000000000000000
Reserved2 : 00000000
Flags (decoded below) : 00000003
Enabled : 1
Hot Pluggable : 1
Non-Volatile : 0
Reserved3 : 0000000000000000
Subtable Type : 01 [Memory Affinity]
Length : 28
Proximity Domain : 00000003
Reserved1 : 0000
Base Address : 0000000000000000
Address Length : 0000000000000000
Reserved2 : 00000000
Flags (decoded below) : 00000003
Enabled : 1
Hot Pluggable : 1
Non-Volatile : 0
Reserved3 : 0000000000000000
Subtable Type : 01 [Memory Affinity]
Length : 28
Proximity Domain : 00000004
Reserved1 : 0000
Base Address : 0000000000000000
Address Length : 0000000000000000
Reserved2 : 00000000
Flags (decoded below) : 00000003
Enabled : 1
Hot Pluggable : 1
Non-Volatile : 0
Reserved3 : 0000000000000000
Subtable Type : 01 [Memory Affinity]
Length : 28
Proximity Domain : 00000005
Reserved1 : 0000
Base Address : 0000000000000000
Address Length : 0000000000000000
Reserved2 : 00000000
Flags (decoded below) : 00000003
Enabled : 1
Hot Pluggable : 1
Non-Volatile : 0
Reserved3 : 0000000000000000
Subtable Type : 01 [Memory Affinity]
Length : 28
Proximity Domain : 00000006
Reserved1 : 0000
Base Address : 0000000000000000
Address Length : 0000000000000000
Reserved2 : 00000000
Flags (decoded below) : 00000003
Enabled : 1
Hot Pluggable : 1
Non-Volatile : 0
Reserved3 : 0000000000000000
Subtable Type : 01 [Memory Affinity]
Length : 28
Proximity Domain : 00000007
Reserved1 : 0000
Base Address : 0000000000000000
Address Length : 0000000000000000
Reserved2 : 00000000
Flags (decoded below) : 00000003
Enabled : 1
Hot Pluggable : 1
Non-Volatile : 0
Reserved3 : 0000000000000000
Subtable Type : 01 [Memory Affinity]
Length : 28
Proximity Domain : 00000008
Reserved1 : 0000
Base Address : 0000000000000000
Address Length : 0000000000000000
Reserved2 : 00000000
Flags (decoded below) : 00000003
Enabled : 1
Hot Pluggable : 1
Non-Volatile : 0
Reserved3 : 0000000000000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 00000001
Device Handle : 00 00 05 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 00000002
Device Handle : 00 00 05 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 00000003
Device Handle : 00 00 05 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 00000004
Device Handle : 00 00 05 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 00000005
Device Handle : 00 00 05 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 00000006
Device Handle : 00 00 05 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 00000007
Device Handle : 00 00 05 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 00000008
Device Handle : 00 00 05 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
