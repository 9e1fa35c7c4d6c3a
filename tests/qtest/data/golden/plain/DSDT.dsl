/*
 * DSDT of the machine "plain" of nvgrace-golden-test
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
    Scope (\_SB)
    {
        Device (PCI0)
        {
            Name (_CRS, ResourceTemplate ()  // _CRS: Current Resource Settings
            {
                WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode,
                    0x0000,             // Granularity
                    0x0000,             // Range Minimum
                    0x00FF,             // Range Maximum
                    0x0000,             // Translation Offset
                    0x0100,             // Length
                    ,, )
                DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, NonCacheable, ReadWrite,
                    0x00000000,         // Granularity
                    0x10000000,         // Range Minimum
                    0x3EFEFFFF,         // Range Maximum
                    0x00000000,         // Translation Offset
                    0x2EFF0000,         // Length
                    ,, , AddressRangeMemory, TypeStatic)
                DWordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange,
                    0x00000000,         // Granularity
                    0x00000000,         // Range Minimum
                    0x0000FFFF,         // Range Maximum
                    0x3EFF0000,         // Translation Offset
                    0x00010000,         // Length
                    ,, , TypeStatic, DenseTranslation)
                QWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, NonCacheable, ReadWrite,
                    0x0000000000000000, // Granularity
                    0x0000010000000000, // Range Minimum
                    0x0000017FFFFFFFFF, // Range Maximum
                    0x0000000000000000, // Translation Offset
                    0x0000008000000000, // Length
                    ,, , AddressRangeMemory, TypeStatic)
            })
        }
    }
    Scope (\_SB.PCI0)
    {
        Device (S10)
        {
            Device (S00)
            {
                Name (_ADR, Zero)  // _ADR: Address
                Device (S28)
                {
                    Name (_ADR, 0x00050000)  // _ADR: Address
                    Device (S00)
                    {
                        Name (_ADR, Zero)  // _ADR: Address
                    }
                }
            }
        }
        Name (_PXM, Zero)  // _PXM: Device Proximity
        Scope (S10.S00.S28.S00)
        {
            Name (_DSD, Package (0x02)  // _DSD: Device-Specific Data
            {
                ToUUID ("daffd814-6eba-4d8c-8a91-bc9bbf4aa301") /* Device Properties for _DSD */,
                Package (0x04)
                {
                    Package (0x02)
                    {
                        "nvidia,gpu-mem-base-pa",
                        0x0000004100000000
                    },
                    Package (0x02)
                    {
                        "nvidia,gpu-mem-pxm-start",
                        One
                    },
                    Package (0x02)
                    {
                        "nvidia,gpu-mem-pxm-count",
                        0x08
                    },
                    Package (0x02)
                    {
                        "nvidia,gpu-mem-size",
                        0x0000000100000000
                    }
                }
            })
        }
    }
