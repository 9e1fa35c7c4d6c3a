/*
 * DSDT of the machine "bar" of nvgrace-golden-test
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
    Scope (\_SB.PC10)
    {
        Device (RP00)
        {
            Name (_ADR, Zero)  // _ADR: Address
            Device (GPU0)
            {
                Name (_ADR, Zero)  // _ADR: Address
            }
        }
    }
    Scope (\_SB.PCI0)
    {
        Name (_PXM, Zero)  // _PXM: Device Proximity
    }
