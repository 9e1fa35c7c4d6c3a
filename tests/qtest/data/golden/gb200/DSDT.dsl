/*
 * DSDT of the machine "gb200" of nvgrace-golden-test
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
    Scope (\_SB.PCI0)
    {
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
                            0x0000004040000000
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
                            0x0000003000000000
                        }
                    }
                })
            }
        }
        Name (_PXM, Zero)  // _PXM: Device Proximity
    }
