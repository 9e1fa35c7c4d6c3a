/*
 * DSDT of the machine "mixed" of nvgrace-golden-test
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
                    0x001F,             // Range Maximum
                    0x0000,             // Translation Offset
                    0x0020,             // Length
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
                    0x0000080000000000, // Range Minimum
                    0x00000BFFFFFFFFFF, // Range Maximum
                    0x0000000000000000, // Translation Offset
                    0x0000040000000000, // Length
                    ,, , AddressRangeMemory, TypeStatic)
            })
        }
    }
    Scope (\_SB.PC40)
    {
        Device (RP00)
        {
            Name (_ADR, Zero)  // _ADR: Address
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
                            0x000001C000000000
                        },
                        Package (0x02)
                        {
                            "nvidia,gpu-mem-pxm-start",
                            0x0A
                        },
                        Package (0x02)
                        {
                            "nvidia,gpu-mem-pxm-count",
                            One
                        },
                        Package (0x02)
                        {
                            "nvidia,gpu-mem-size",
                            0x0000002E80000000
                        }
                    }
                })
            }
        }
        Device (RP01)
        {
            Name (_ADR, 0x00010000)  // _ADR: Address
            Device (SW00)
            {
                Name (_ADR, Zero)  // _ADR: Address
                Device (SW01)
                {
                    Name (_ADR, Zero)  // _ADR: Address
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
                                    0x0000020000000000
                                },
                                Package (0x02)
                                {
                                    "nvidia,gpu-mem-pxm-start",
                                    0x09
                                },
                                Package (0x02)
                                {
                                    "nvidia,gpu-mem-pxm-count",
                                    One
                                },
                                Package (0x02)
                                {
                                    "nvidia,gpu-mem-size",
                                    0x0000004800000000
                                }
                            }
                        })
                    }
                }
            }
        }
    }
    Scope (\_SB.PC20)
    {
        Device (RP00)
        {
            Name (_ADR, Zero)  // _ADR: Address
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
                            0x0000016000000000
                        },
                        Package (0x02)
                        {
                            "nvidia,gpu-mem-pxm-start",
                            0x07
                        },
                        Package (0x02)
                        {
                            "nvidia,gpu-mem-pxm-count",
                            One
                        },
                        Package (0x02)
                        {
                            "nvidia,gpu-mem-size",
                            0x00000017E8000000
                        }
                    }
                })
            }
        }
        Device (RP01)
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
                            0x0000018000000000
                        },
                        Package (0x02)
                        {
                            "nvidia,gpu-mem-pxm-start",
                            0x08
                        },
                        Package (0x02)
                        {
                            "nvidia,gpu-mem-pxm-count",
                            One
                        },
                        Package (0x02)
                        {
                            "nvidia,gpu-mem-size",
                            0x0000003000000000
                        }
                    }
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
                            0x0000006000000000
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
                            0x0000001800000000
                        }
                    }
                })
            }
        }
        Device (S10)
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
                            0x0000008000000000
                        },
                        Package (0x02)
                        {
                            "nvidia,gpu-mem-pxm-start",
                            0x03
                        },
                        Package (0x02)
                        {
                            "nvidia,gpu-mem-pxm-count",
                            0x02
                        },
                        Package (0x02)
                        {
                            "nvidia,gpu-mem-size",
                            0x0000002400000000
                        }
                    }
                })
            }
        }
        Device (S48)
        {
            Device (S00)
            {
                Name (_ADR, Zero)  // _ADR: Address
                Device (S00)
                {
                    Name (_ADR, Zero)  // _ADR: Address
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
                                    0x000000C000000000
                                },
                                Package (0x02)
                                {
                                    "nvidia,gpu-mem-pxm-start",
                                    0x05
                                },
                                Package (0x02)
                                {
                                    "nvidia,gpu-mem-pxm-count",
                                    One
                                },
                                Package (0x02)
                                {
                                    "nvidia,gpu-mem-size",
                                    0x0000003000000000
                                }
                            }
                        })
                    }
                }
                Device (S08)
                {
                    Name (_ADR, 0x00010000)  // _ADR: Address
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
                                    0x0000010000000000
                                },
                                Package (0x02)
                                {
                                    "nvidia,gpu-mem-pxm-start",
                                    0x06
                                },
                                Package (0x02)
                                {
                                    "nvidia,gpu-mem-pxm-count",
                                    One
                                },
                                Package (0x02)
                                {
                                    "nvidia,gpu-mem-size",
                                    0x0000004800000000
                                }
                            }
                        })
                    }
                }
            }
        }
        Name (_PXM, Zero)  // _PXM: Device Proximity
    }
