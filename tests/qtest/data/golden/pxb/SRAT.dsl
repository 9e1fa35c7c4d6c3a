/*
 * SRAT of the machine "pxb" of nvgrace-golden-test
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
Signature : "SRAT"    [System Resource Affinity Table]
Table Length : 000009A4
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
Subtable Type : 03 [GICC Affinity]
Length : 12
Proximity Domain : 00000001
Acpi Processor UID : 00000001
Flags (decoded below) : 00000001
Enabled : 1
Clock Domain : 00000000
Subtable Type : 01 [Memory Affinity]
Length : 28
Proximity Domain : 00000000
Reserved1 : 0000
Base Address : 0000000040000000
Address Length : 0000000020000000
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
Base Address : 0000000060000000
Address Length : 0000000020000000
Reserved2 : 00000000
Flags (decoded below) : 00000001
Enabled : 1
Hot Pluggable : 0
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
Subtable Type : 01 [Memory Affinity]
Length : 28
Proximity Domain : 00000009
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
Proximity Domain : 0000000A
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
Proximity Domain : 0000000B
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
Proximity Domain : 0000000C
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
Proximity Domain : 0000000D
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
Proximity Domain : 0000000E
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
Proximity Domain : 0000000F
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
Proximity Domain : 00000010
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
Proximity Domain : 00000011
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
Proximity Domain : 00000012
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
Proximity Domain : 00000013
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
Proximity Domain : 00000014
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
Proximity Domain : 00000015
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
Proximity Domain : 00000016
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
Proximity Domain : 00000017
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
Proximity Domain : 00000018
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
Proximity Domain : 00000019
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
Proximity Domain : 0000001A
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
Proximity Domain : 0000001B
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
Proximity Domain : 0000001C
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
Proximity Domain : 0000001D
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
Proximity Domain : 0000001E
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
Proximity Domain : 0000001F
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
Proximity Domain : 00000020
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
Proximity Domain : 00000021
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
Proximity Domain : 00000002
Device Handle : 00 00 11 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 00000003
Device Handle : 00 00 11 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 00000004
Device Handle : 00 00 11 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 00000005
Device Handle : 00 00 11 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 00000006
Device Handle : 00 00 11 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 00000007
Device Handle : 00 00 11 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 00000008
Device Handle : 00 00 11 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 00000009
Device Handle : 00 00 11 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 0000000A
Device Handle : 00 00 21 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 0000000B
Device Handle : 00 00 21 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 0000000C
Device Handle : 00 00 21 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 0000000D
Device Handle : 00 00 21 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 0000000E
Device Handle : 00 00 21 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 0000000F
Device Handle : 00 00 21 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 00000010
Device Handle : 00 00 21 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 00000011
Device Handle : 00 00 21 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 00000012
Device Handle : 00 00 31 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 00000013
Device Handle : 00 00 31 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 00000014
Device Handle : 00 00 31 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 00000015
Device Handle : 00 00 31 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 00000016
Device Handle : 00 00 31 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 00000017
Device Handle : 00 00 31 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 00000018
Device Handle : 00 00 31 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 00000019
Device Handle : 00 00 31 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 0000001A
Device Handle : 00 00 41 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 0000001B
Device Handle : 00 00 41 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 0000001C
Device Handle : 00 00 41 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 0000001D
Device Handle : 00 00 41 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 0000001E
Device Handle : 00 00 41 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 0000001F
Device Handle : 00 00 41 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 00000020
Device Handle : 00 00 41 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
Subtable Type : 05 [Generic Initiator Affinity]
Length : 20
Reserved1 : 00
Device Handle Type : 01
Proximity Domain : 00000021
Device Handle : 00 00 41 00 00 00 00 00 00 00 00 00 00 00 00 00
Flags (decoded below) : 00000003
Enabled : 1
Architectural Transactions : 1
Reserved2 : 00000000
