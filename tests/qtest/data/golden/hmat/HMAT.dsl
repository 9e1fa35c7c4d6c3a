/*
 * HMAT of the machine "hmat" of nvgrace-golden-test
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
Signature : "HMAT"    [Heterogeneous Memory Attributes Table]
Table Length : 00000198
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
Structure Type : 0001 [System Locality Latency and Bandwidth Information]
Reserved : 0000
Length : 00000060
Flags (decoded below) : 00
Memory Hierarchy : 0
Use Minimum Transfer Size : 0
Non-sequential Transfers : 0
Data Type : 01
Minimum Transfer Size : 00
Reserved1 : 00
Initiator Proximity Domains # : 00000004
Target Proximity Domains # : 00000004
Reserved2 : 00000000
Entry Base Unit : 00000000000003E8
Initiator Proximity Domain List : 00000000
Initiator Proximity Domain List : 00000001
Initiator Proximity Domain List : 00000002
Initiator Proximity Domain List : 00000003
Target Proximity Domain List : 00000000
Target Proximity Domain List : 00000001
Target Proximity Domain List : 00000002
Target Proximity Domain List : 00000003
Entry : 0064
Entry : 0190
Entry : 04B0
Entry : 04B0
Entry : 0190
Entry : 0064
Entry : 0320
Entry : 0320
Entry : 04B0
Entry : 0320
Entry : 0064
Entry : 006E
Entry : 04B0
Entry : 0320
Entry : 006E
Entry : 0064
Structure Type : 0001 [System Locality Latency and Bandwidth Information]
Reserved : 0000
Length : 00000060
Flags (decoded below) : 00
Memory Hierarchy : 0
Use Minimum Transfer Size : 0
Non-sequential Transfers : 0
Data Type : 02
Minimum Transfer Size : 00
Reserved1 : 00
Initiator Proximity Domains # : 00000004
Target Proximity Domains # : 00000004
Reserved2 : 00000000
Entry Base Unit : 00000000000003E8
Initiator Proximity Domain List : 00000000
Initiator Proximity Domain List : 00000001
Initiator Proximity Domain List : 00000002
Initiator Proximity Domain List : 00000003
Target Proximity Domain List : 00000000
Target Proximity Domain List : 00000001
Target Proximity Domain List : 00000002
Target Proximity Domain List : 00000003
Entry : 0064
Entry : 0190
Entry : 04B0
Entry : 04B0
Entry : 0190
Entry : 0064
Entry : 0320
Entry : 0320
Entry : 04B0
Entry : 0320
Entry : 0064
Entry : 006E
Entry : 04B0
Entry : 0320
Entry : 006E
Entry : 0064
Structure Type : 0001 [System Locality Latency and Bandwidth Information]
Reserved : 0000
Length : 00000060
Flags (decoded below) : 00
Memory Hierarchy : 0
Use Minimum Transfer Size : 0
Non-sequential Transfers : 0
Data Type : 03
Minimum Transfer Size : 00
Reserved1 : 00
Initiator Proximity Domains # : 00000004
Target Proximity Domains # : 00000004
Reserved2 : 00000000
Entry Base Unit : 00000000000003E8
Initiator Proximity Domain List : 00000000
Initiator Proximity Domain List : 00000001
Initiator Proximity Domain List : 00000002
Initiator Proximity Domain List : 00000003
Target Proximity Domain List : 00000000
Target Proximity Domain List : 00000001
Target Proximity Domain List : 00000002
Target Proximity Domain List : 00000003
Entry : 01F4
Entry : 007D
Entry : 0029
Entry : 0029
Entry : 007D
Entry : 01F4
Entry : 003E
Entry : 003E
Entry : 0029
Entry : 003E
Entry : 01F4
Entry : 01C6
Entry : 0029
Entry : 003E
Entry : 01C6
Entry : 01F4
