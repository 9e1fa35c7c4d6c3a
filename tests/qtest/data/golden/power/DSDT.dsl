/*
 * DSDT of the machine "power" of nvgrace-golden-test
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
                    0x000F,             // Range Maximum
                    0x0000,             // Translation Offset
                    0x0010,             // Length
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
                    0x0000020000000000, // Range Minimum
                    0x0000027FFFFFFFFF, // Range Maximum
                    0x0000000000000000, // Translation Offset
                    0x0000008000000000, // Length
                    ,, , AddressRangeMemory, TypeStatic)
            })
        }
    }
    Scope (\_SB.PC10)
    {
        Device (RP00)
        {
            Name (_ADR, 0x00030000)  // _ADR: Address
            Device (GPU0)
            {
                Name (_ADR, Zero)  // _ADR: Address
                Name (_DSD, Package (0x02)  // _DSD: Device-Specific Data
                {
                    ToUUID ("daffd814-6eba-4d8c-8a91-bc9bbf4aa301") /* Device Properties for _DSD */,
                    Package (0x04)
                    {
                        Package (0x02)
                        {
                            "nvidia,gpu-mem-base-pa",
                            0x0000004180000000
                        },
                        Package (0x02)
                        {
                            "nvidia,gpu-mem-pxm-start",
                            0x04
                        },
                        Package (0x02)
                        {
                            "nvidia,gpu-mem-pxm-count",
                            One
                        },
                        Package (0x02)
                        {
                            "nvidia,gpu-mem-size",
                            0x80000000
                        }
                    }
                })
                OperationRegion (SLTC, SystemMemory, 0x000000401101806C, 0x02)
                Field (SLTC, WordAcc, NoLock, Preserve)
                {
                    Offset (0x01),
                    PWRC,   3
                }
                PowerResource (PWR0, 0x00, 0x0000)
                {
                    Method (_STA, 0, NotSerialized)  // _STA: Status
                    {
                        Return (((PWRC < 0x04) & One))
                    }
                    Method (_ON, 0, NotSerialized)  // _ON_: Power On
                    {
                        PWRC = One
                    }
                    Method (_OFF, 0, NotSerialized)  // _OFF: Power Off
                    {
                        PWRC = 0x05
                    }
                }
                Name (_PR0, Package (0x01)  // _PR0: Power Resources for D0
                {
                    PWR0
                })
                Name (_PR3, Package (0x01)  // _PR3: Power Resources for D3hot
                {
                    PWR0
                })
            }
        }
    }
    Scope (\_SB.PCI0)
    {
        Device (S08)
        {
            Device (S00)
            {
                Name (_ADR, Zero)  // _ADR: Address
                Name (_DSD, Package (0x02)  // _DSD: Device-Specific Data
                {
                    ToUUID ("daffd814-6eba-4d8c-8a91-bc9bbf4aa301") /* Device Properties for _DSD */,
                    Package (0x04)
                    {
                        Package (0x02)
                        {
                            "nvidia,gpu-mem-base-pa",
                            0x0000004080000000
                        },
                        Package (0x02)
                        {
                            "nvidia,gpu-mem-pxm-start",
                            0x02
                        },
                        Package (0x02)
                        {
                            "nvidia,gpu-mem-pxm-count",
                            One
                        },
                        Package (0x02)
                        {
                            "nvidia,gpu-mem-size",
                            0x80000000
                        }
                    }
                })
                OperationRegion (SLTC, SystemMemory, 0x000000401000806C, 0x02)
                Field (SLTC, WordAcc, NoLock, Preserve)
                {
                    Offset (0x01),
                    PWRC,   3
                }
                PowerResource (PWR0, 0x00, 0x0000)
                {
                    Method (_STA, 0, NotSerialized)  // _STA: Status
                    {
                        Return (((PWRC < 0x04) & One))
                    }
                    Method (_ON, 0, NotSerialized)  // _ON_: Power On
                    {
                        PWRC = One
                    }
                    Method (_OFF, 0, NotSerialized)  // _OFF: Power Off
                    {
                        PWRC = 0x05
                    }
                }
                Name (_PR0, Package (0x01)  // _PR0: Power Resources for D0
                {
                    PWR0
                })
                Name (_PR3, Package (0x01)  // _PR3: Power Resources for D3hot
                {
                    PWR0
                })
            }
        }
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
                                    0x03
                                },
                                Package (0x02)
                                {
                                    "nvidia,gpu-mem-pxm-count",
                                    One
                                },
                                Package (0x02)
                                {
                                    "nvidia,gpu-mem-size",
                                    0x80000000
                                }
                            }
                        })
                        OperationRegion (SLTC, SystemMemory, 0x00000040104280A8, 0x02)
                        Field (SLTC, WordAcc, NoLock, Preserve)
                        {
                            Offset (0x01),
                            PWRC,   3
                        }
                        PowerResource (PWR0, 0x00, 0x0000)
                        {
                            Method (_STA, 0, NotSerialized)  // _STA: Status
                            {
                                Return (((PWRC < 0x04) & One))
                            }
                            Method (_ON, 0, NotSerialized)  // _ON_: Power On
                            {
                                PWRC = One
                            }
                            Method (_OFF, 0, NotSerialized)  // _OFF: Power Off
                            {
                                PWRC = 0x05
                            }
                        }
                        Name (_PR0, Package (0x01)  // _PR0: Power Resources for D0
                        {
                            PWR0
                        })
                        Name (_PR3, Package (0x01)  // _PR3: Power Resources for D3hot
                        {
                            PWR0
                        })
                    }
                }
            }
        }
        Name (_PXM, Zero)  // _PXM: Device Proximity
    }
