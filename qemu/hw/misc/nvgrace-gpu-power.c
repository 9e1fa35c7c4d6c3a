/*
 * Power of the emulated Grace GPU, and how ACPI switches it
 *
 * On a machine that can take a PCI device's power away while it runs, firmware
 * says so by a power resource in the device's node, which is what an OS goes by
 * when it looks for D3cold:
 *
 *     OperationRegion (SLTC, SystemMemory, ..., 2)
 *     Field (SLTC, WordAcc, NoLock, Preserve) { , 8, PWRC, 3 }
 *     PowerResource (PWR0, 0, 0) {
 *         Method (_STA) { Return ((PWRC < 4) & 1) }
 *         Method (_ON)  { PWRC = 1 }
 *         Method (_OFF) { PWRC = 5 } }
 *     Name (_PR0, Package () { PWR0 })     needed in D0
 *     Name (_PR3, Package () { PWR0 })     still on in D3hot, off in D3cold
 *
 * What it switches is the power controller of the GPU's slot, a bit in the
 * configuration space of the port above.  The same write turns the slot's power
 * indicator on, which is off when QEMU's ports come out of reset: with both
 * off, the GPU would be ejected.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/timer.h"
#include "qapi/error.h"
#include "hw/arm/virt.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie_host.h"
#include "nvgrace-gpu-power.h"

/*
 * PCIe r6.0, 7.5.3.10 Slot Control: Power Indicator Control, 2 bits, with Power
 * Controller Control above
 */
#define NVGRACE_PWRC_SHIFT      8
#define NVGRACE_PWRC_BITS       3
#define NVGRACE_PWRC_ON                                                      \
    ((PCI_EXP_SLTCTL_PWR_IND_ON | PCI_EXP_SLTCTL_PWR_ON) >> NVGRACE_PWRC_SHIFT)
#define NVGRACE_PWRC_OFF                                                     \
    ((PCI_EXP_SLTCTL_PWR_IND_ON | PCI_EXP_SLTCTL_PWR_OFF) >> NVGRACE_PWRC_SHIFT)
#define NVGRACE_PWRC_CONTROLLER (PCI_EXP_SLTCTL_PCC >> NVGRACE_PWRC_SHIFT)

bool nvgrace_power_reset(NVGracePower *power, PCIDevice *pdev,
                         uint32_t ready_delay)
{
    bool was_off = power->off;
    bool power_on = was_off ||
                    bus_is_in_reset(BUS(pci_device_root_bus(pdev)));

    if (power_on) {
        power->up = qemu_clock_get_ms(QEMU_CLOCK_VIRTUAL) + ready_delay;
    }
    power->off = !pdev->enabled;
    power->offs += power->off && !was_off;
    return power_on;
}

bool nvgrace_power_check(PCIDevice *pdev, Error **errp)
{
    ERRP_GUARD();
    PCIDevice *port = pci_get_bus(pdev)->parent_dev;
    const uint8_t *cap = port->config + port->exp.exp_cap;

    if (!(pci_get_long(cap + PCI_EXP_SLTCAP) & PCI_EXP_SLTCAP_PCP)) {
        error_setg(errp, "x-power-resource=on: the slot of '%s' has no power "
                   "controller", BUS(pci_get_bus(pdev))->name);
        error_append_hint(errp, "Leave power_controller_present=off out at "
                          "the port.\n");
        return false;
    }
    return true;
}

static Aml *power_method(const char *name, Aml *statement)
{
    Aml *method = aml_method(name, 0, AML_NOTSERIALIZED);

    aml_append(method, statement);
    return method;
}

static Aml *power_list(const char *name)
{
    Aml *list = aml_package(1);

    aml_append(list, aml_name("PWR0"));
    return aml_name_decl(name, list);
}

/*
 * ACPI r6.5, 20.2.5.2: DefPowerRes is encoded as DefDevice is, but for its
 * opcode and the two numbers behind its name.  aml-build.c has none of its own.
 */
static Aml *power_resource(const char *name)
{
    Aml *resource = aml_device("%s", name);

    resource->op = 0x84;                                /* PowerResOp */
    build_append_int_noprefix(resource->buf, 0, 1);     /* SystemLevel */
    build_append_int_noprefix(resource->buf, 0, 2);     /* ResourceOrder */
    return resource;
}

void nvgrace_power_build_aml(PCIDevice *pdev, Aml *scope)
{
    VirtMachineState *vms = VIRT_MACHINE(qdev_get_machine());
    PCIDevice *port = pci_get_bus(pdev)->parent_dev;
    uint64_t ecam = vms->memmap[VIRT_ECAM_ID(vms->highmem_ecam)].base;
    /* Firmware has numbered the buses when it asks for the tables. */
    uint64_t sltctl = ecam +
                      ((uint64_t)pci_dev_bus_num(port) << PCIE_MMCFG_BUS_BIT) +
                      (port->devfn << PCIE_MMCFG_DEVFN_BIT) +
                      port->exp.exp_cap + PCI_EXP_SLTCTL;
    Aml *resource = power_resource("PWR0");
    Aml *field = aml_field("SLTC", AML_WORD_ACC, AML_NOLOCK, AML_PRESERVE);

    aml_append(scope, aml_operation_region("SLTC", AML_SYSTEM_MEMORY,
                                           aml_int(sltctl), 2));
    aml_append(field, aml_reserved_field(NVGRACE_PWRC_SHIFT));
    aml_append(field, aml_named_field("PWRC", NVGRACE_PWRC_BITS));
    aml_append(scope, field);

    /* AML's true is all ones, so of a comparison _STA takes one bit. */
    aml_append(resource, power_method("_STA",
               aml_return(aml_and(aml_lless(aml_name("PWRC"),
                                            aml_int(NVGRACE_PWRC_CONTROLLER)),
                                  aml_int(1), NULL))));
    aml_append(resource, power_method("_ON",
               aml_store(aml_int(NVGRACE_PWRC_ON), aml_name("PWRC"))));
    aml_append(resource, power_method("_OFF",
               aml_store(aml_int(NVGRACE_PWRC_OFF), aml_name("PWRC"))));
    aml_append(scope, resource);
    aml_append(scope, power_list("_PR0"));
    aml_append(scope, power_list("_PR3"));
}
