/*
 * Emulated Grace GPU: -device nvgrace-gpu,memdev=ID[,model=gh200|gb200|gb300]
 *
 * Turns the virt machine into a "Grace host": one PCI function with what the
 * host's drivers look at (ids, DVSEC, readiness registers, reset), coherent
 * memory outside every BAR, described by firmware as on the hardware, and a
 * copy engine as something that does DMA and interrupts.  There is no GPU in
 * it: no NVIDIA driver will run on this.
 *
 * In: properties.  Out: a PCI function; its configuration space
 * (nvgrace-gpu-config.c), its memory (nvgrace-gpu-mem.c) and its copy engine
 * (nvgrace-gpu-ce.c) follow what this file knows: is the GPU ready?
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/log.h"
#include "qemu/module.h"
#include "qemu/timer.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "hw/core/qdev-properties.h"
#include "hw/mem/nvgrace-dsd.h"
#include "hw/misc/nvgrace-gpu-regs.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pci_device.h"
#include "hw/pci/pcie.h"
#include "nvgrace-gpu-ce.h"
#include "nvgrace-gpu-config.h"
#include "nvgrace-gpu-mem.h"
#include "nvgrace-gpu-power.h"
#include "trace.h"

OBJECT_DECLARE_SIMPLE_TYPE(NVGraceGPU, NVGRACE_GPU)

#define NVGRACE_BAR1_SIZE       (64 * MiB)

/**
 * struct NVGraceModel - what differs between the GPUs
 * @name:       value of the "model" property
 * @device_id:  PCI device id
 * @mig_defect: uncached resmem is needed
 */
typedef struct NVGraceModel {
    const char *name;
    uint16_t device_id;
    bool mig_defect;
} NVGraceModel;

static const NVGraceModel nvgrace_models[] = {
    { "gh200", NVGRACE_DEVICE_ID_GH200, true },
    { "gb200", NVGRACE_DEVICE_ID_GB200, false },
    { "gb300", NVGRACE_DEVICE_ID_GB300, false },
};

/**
 * struct NVGraceGPU - the device
 *
 * @hbm:          the coherent memory
 * @model:        see &struct NVGraceModel
 * @ready_delay:  ms from power-on or system reset until ready
 * @reset_delay:  ms from any other reset until ready
 * @config:       the configuration space
 * @bar0:         registers
 * @bar1:         memory without a function of its own
 * @ce:           copy engine
 * @ready_timer:  runs from a reset until @ready
 * @decodes:      how often memory decoding was turned on
 * @ready:        the GPU is up
 * @power:        of the slot
 */
struct NVGraceGPU {
    PCIDevice parent_obj;

    NVGraceGPUMem hbm;
    char *model;
    uint32_t ready_delay;
    uint32_t reset_delay;
    NVGraceConfig config;
    NVGracePower power;

    /* fault injection */
    bool c2c_up;
    bool never_ready;
    bool ready_after_reset;
    bool d3hot_memory;

    MemoryRegion bar0;
    MemoryRegion bar1;
    NVGraceCE ce;

    QEMUTimer ready_timer;
    bool ready;
    uint32_t decodes;
};

/* @reg: a multiple of 4 */
static uint32_t nvgrace_gpu_reg_read(NVGraceGPU *s, hwaddr reg)
{
    switch (reg) {
    case NVGRACE_REG_C2C_LINK:
        return s->ready && s->c2c_up ? NVGRACE_READY : 0;
    case NVGRACE_REG_HBM_TRAINING:
        return s->ready ? NVGRACE_READY : 0;
    case NVGRACE_REG_POWER_OFFS:
        return s->power.offs;
    case NVGRACE_REG_OUT_OF_REACH:
        return s->hbm.out_of_reach;
    case NVGRACE_REG_DECODES:
        return s->decodes;
    default:
        return nvgrace_ce_read(&s->ce, reg);
    }
}

static uint64_t nvgrace_gpu_bar0_read(void *opaque, hwaddr addr, unsigned size)
{
    NVGraceGPU *s = opaque;
    uint32_t val = nvgrace_gpu_reg_read(s, addr & ~3);

    return extract32(val, (addr & 3) * 8, size * 8);
}

static void nvgrace_gpu_bar0_write(void *opaque, hwaddr addr, uint64_t val,
                                   unsigned size)
{
    NVGraceGPU *s = opaque;

    if (size != 4) {
        qemu_log_mask(LOG_GUEST_ERROR, "%s: write of %u bytes at 0x%"
                      HWADDR_PRIx " ignored: registers are 4 bytes wide\n",
                      PCI_DEVICE(s)->name, size, addr);
        return;
    }
    nvgrace_ce_write(&s->ce, addr, val);
}

/*
 * Any aligned access is answered: whoever owns the function may read its BARs
 * with any width, and a bus error would take the whole emulated host down.
 */
static const MemoryRegionOps nvgrace_gpu_bar0_ops = {
    .read = nvgrace_gpu_bar0_read,
    .write = nvgrace_gpu_bar0_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8 },
    .impl = { .min_access_size = 1, .max_access_size = 4 },
};

/* Whether the memory can be reached now, which need not be so in D3hot. */
static void nvgrace_gpu_update_memory(NVGraceGPU *s)
{
    PCIDevice *pdev = PCI_DEVICE(s);
    uint16_t pmcsr = pci_get_word(pdev->config + pdev->pm_cap + PCI_PM_CTRL);
    bool asleep = (pmcsr & PCI_PM_CTRL_STATE_MASK) == 3;

    nvgrace_gpu_mem_set_reachable(&s->hbm, s->ready && s->c2c_up &&
                                           (!asleep || s->d3hot_memory));
}

/* Without the link there is no way to the memory, however ready the GPU is. */
static void nvgrace_gpu_set_ready(NVGraceGPU *s, bool ready)
{
    bool active = ready && s->c2c_up;

    s->ready = ready;
    if (active) {
        nvgrace_ce_set_ready(&s->ce);
    } else {
        nvgrace_ce_reset(&s->ce);
    }
    nvgrace_gpu_update_memory(s);
    nvgrace_config_set_active(PCI_DEVICE(s), &s->config, active);
}

static void nvgrace_gpu_ready(void *opaque)
{
    NVGraceGPU *s = opaque;

    nvgrace_gpu_set_ready(s, true);
    trace_nvgrace_gpu_ready(PCI_DEVICE(s)->name, s->c2c_up);
}

/*
 * Every reset ends here: system reset, secondary bus reset, FLR and the slot's
 * power.  One right after a power-on does not make that any shorter.
 */
static void nvgrace_gpu_reset_hold(Object *obj, ResetType type)
{
    NVGraceGPU *s = NVGRACE_GPU(obj);
    PCIDevice *pdev = PCI_DEVICE(s);
    bool power_on = nvgrace_power_reset(&s->power, pdev, s->ready_delay);
    int64_t now = qemu_clock_get_ms(QEMU_CLOCK_VIRTUAL);
    uint32_t delay = MAX(power_on ? 0 : s->reset_delay,
                         MAX(s->power.up - now, 0));

    timer_del(&s->ready_timer);
    nvgrace_gpu_set_ready(s, false);
    trace_nvgrace_gpu_reset(pdev->name, power_on, s->power.off, delay);
    if (s->power.off) {
        nvgrace_gpu_mem_power_off(&s->hbm);
    }

    if (s->power.off || s->never_ready ||
        (!power_on && !s->ready_after_reset)) {
        return;
    }
    if (delay) {
        timer_mod(&s->ready_timer, now + delay);
    } else {
        nvgrace_gpu_ready(s);
    }
}

static void nvgrace_gpu_write_config(PCIDevice *pdev, uint32_t addr,
                                     uint32_t val, int len)
{
    NVGraceGPU *s = NVGRACE_GPU(pdev);
    bool decoded = pdev->config[PCI_COMMAND] & PCI_COMMAND_MEMORY;

    pci_default_write_config(pdev, addr, val, len);
    s->decodes += !decoded && pdev->config[PCI_COMMAND] & PCI_COMMAND_MEMORY;
    pcie_cap_flr_write_config(pdev, addr, val, len);
    nvgrace_gpu_update_memory(s);
}

/*
 * BAR 2/3 is BAR1 in NVIDIA's numbers, which a guest does not get of a GPU with
 * the MIG defect; BAR 4/5 does not exist.
 */
static bool nvgrace_gpu_bars_init(NVGraceGPU *s, Error **errp)
{
    const uint8_t type = PCI_BASE_ADDRESS_SPACE_MEMORY |
                         PCI_BASE_ADDRESS_MEM_TYPE_64 |
                         PCI_BASE_ADDRESS_MEM_PREFETCH;
    PCIDevice *pdev = PCI_DEVICE(s);

    memory_region_init_io(&s->bar0, OBJECT(s), &nvgrace_gpu_bar0_ops, s,
                          "nvgrace-gpu-bar0", NVGRACE_BAR0_SIZE);
    pci_register_bar(pdev, 0, type, &s->bar0);

    if (!memory_region_init_ram(&s->bar1, OBJECT(s), "nvgrace-gpu-bar1",
                                NVGRACE_BAR1_SIZE, errp)) {
        return false;
    }
    pci_register_bar(pdev, 2, type, &s->bar1);

    if (msix_init(pdev, NVGRACE_MSIX_VECTORS, &s->bar0, 0, NVGRACE_MSIX_TABLE,
                  &s->bar0, 0, NVGRACE_MSIX_PBA, NVGRACE_CONFIG_MSIX, errp)) {
        return false;
    }
    msix_vector_use(pdev, 0);
    return true;
}

static const NVGraceModel *nvgrace_gpu_find_model(NVGraceGPU *s, Error **errp)
{
    for (size_t i = 0; i < ARRAY_SIZE(nvgrace_models); i++) {
        if (!g_strcmp0(s->model ?: "gh200", nvgrace_models[i].name)) {
            return &nvgrace_models[i];
        }
    }
    error_setg(errp, "model '%s' does not exist", s->model);
    error_append_hint(errp, "Use model=gh200, model=gb200 or model=gb300.\n");
    return NULL;
}

static void nvgrace_gpu_realize(PCIDevice *pdev, Error **errp)
{
    NVGraceGPU *s = NVGRACE_GPU(pdev);
    const NVGraceModel *model;

    if (!nvgrace_memory_check(&s->hbm.mem, pdev, errp) ||
        (s->power.resource && !nvgrace_power_check(pdev, errp))) {
        return;
    }
    model = nvgrace_gpu_find_model(s, errp);
    if (!model ||
        !nvgrace_gpu_mem_check(&s->hbm, model->name, model->mig_defect, errp) ||
        !nvgrace_gpu_mem_set_dsd(&s->hbm, s->c2c_up, errp)) {
        return;
    }
    s->config.device_id = model->device_id;
    s->config.cached_resmem = !model->mig_defect;
    if (!nvgrace_config_init(pdev, &s->config, errp)) {
        return;
    }
    if (!nvgrace_gpu_bars_init(s, errp)) {
        goto err_cap;
    }
    if (!nvgrace_gpu_mem_plug(&s->hbm, pdev, model->mig_defect, errp)) {
        goto err_msix;
    }
    nvgrace_ce_init(&s->ce, pdev,
                    host_memory_backend_get_memory(s->hbm.memdev));
    timer_init_ms(&s->ready_timer, QEMU_CLOCK_VIRTUAL, nvgrace_gpu_ready, s);
    return;

err_msix:
    msix_uninit(pdev, &s->bar0, &s->bar0);
err_cap:
    pcie_cap_exit(pdev);
}

static void nvgrace_gpu_exit(PCIDevice *pdev)
{
    NVGraceGPU *s = NVGRACE_GPU(pdev);

    timer_del(&s->ready_timer);
    nvgrace_ce_cleanup(&s->ce);
    nvgrace_gpu_mem_unplug(&s->hbm);
    msix_uninit(pdev, &s->bar0, &s->bar0);
    pcie_cap_exit(pdev);
}

static void nvgrace_gpu_build_aml(AcpiDevAmlIf *adev, Aml *scope)
{
    nvgrace_build_dev_aml(adev, scope);
    if (NVGRACE_GPU(adev)->power.resource) {
        nvgrace_power_build_aml(PCI_DEVICE(adev), scope);
    }
}

static void nvgrace_gpu_instance_init(Object *obj)
{
    NVGraceGPU *s = NVGRACE_GPU(obj);

    object_initialize_child(obj, "nvgrace-memory", &s->hbm.mem,
                            TYPE_NVGRACE_MEMORY);
}

static const Property nvgrace_gpu_properties[] = {
    DEFINE_PROP_LINK("memdev", NVGraceGPU, hbm.memdev, TYPE_MEMORY_BACKEND,
                     HostMemoryBackend *),
    DEFINE_PROP_STRING("model", NVGraceGPU, model),
    DEFINE_NVGRACE_MEMORY_PROPERTIES(NVGraceGPU, hbm.mem),
    DEFINE_PROP_UINT32("ready-delay-ms", NVGraceGPU, ready_delay, 0),
    DEFINE_PROP_UINT32("reset-delay-ms", NVGraceGPU, reset_delay, 100),
    DEFINE_PROP_BOOL("x-dvsec", NVGraceGPU, config.dvsec, true),
    DEFINE_PROP_BOOL("x-dvsec-ones", NVGraceGPU, config.dvsec_ones, false),
    DEFINE_PROP_BOOL("x-d3hot-memory", NVGraceGPU, d3hot_memory, true),
    DEFINE_PROP_BOOL("x-power-resource", NVGraceGPU, power.resource, false),
    DEFINE_PROP_UINT64("x-poison", NVGraceGPU, hbm.poison_offset,
                       NVGRACE_POISON_NONE),
    DEFINE_PROP_BOOL("x-c2c-up", NVGraceGPU, c2c_up, true),
    DEFINE_PROP_BOOL("x-never-ready", NVGraceGPU, never_ready, false),
    DEFINE_PROP_BOOL("x-ready-after-reset", NVGraceGPU, ready_after_reset,
                     true),
    DEFINE_PROP_BOOL("x-cxl-dvsec", NVGraceGPU, config.cxl_dvsec, false),
    DEFINE_PROP_BOOL("x-cxl-info-valid", NVGraceGPU, config.cxl_info_valid,
                     true),
    DEFINE_PROP_UINT8("x-cxl-timeout", NVGraceGPU, config.cxl_timeout, 0),
    DEFINE_PROP_STRING("x-dsd", NVGraceGPU, hbm.dsd),
    DEFINE_PROP_UINT64("x-dsd-base", NVGraceGPU, hbm.dsd_base,
                       NVGRACE_DSD_TRUTH),
    DEFINE_PROP_UINT64("x-dsd-size", NVGraceGPU, hbm.dsd_size,
                       NVGRACE_DSD_TRUTH),
};

static void nvgrace_gpu_class_init(ObjectClass *oc, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);
    PCIDeviceClass *k = PCI_DEVICE_CLASS(oc);
    ResettableClass *rc = RESETTABLE_CLASS(oc);

    dc->desc = "Emulated NVIDIA Grace GPU with coherent memory";
    dc->hotpluggable = false;
    dc->hotplug_hint = NVGRACE_HOTPLUG_HINT;
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    device_class_set_props(dc, nvgrace_gpu_properties);
    nvgrace_memory_class_init(oc);
    ACPI_DEV_AML_IF_CLASS(oc)->build_dev_aml = nvgrace_gpu_build_aml;

    k->realize = nvgrace_gpu_realize;
    k->exit = nvgrace_gpu_exit;
    k->config_write = nvgrace_gpu_write_config;
    k->vendor_id = NVGRACE_VENDOR_ID;
    k->device_id = NVGRACE_DEVICE_ID_GH200; /* realize: the model's */
    k->revision = 0xa1;
    k->class_id = PCI_CLASS_DISPLAY_3D;

    rc->phases.hold = nvgrace_gpu_reset_hold;
}

static const TypeInfo nvgrace_gpu_types[] = {
    {
        .name          = TYPE_NVGRACE_GPU,
        .parent        = TYPE_PCI_DEVICE,
        .instance_size = sizeof(NVGraceGPU),
        .instance_init = nvgrace_gpu_instance_init,
        .class_init    = nvgrace_gpu_class_init,
        .interfaces    = (const InterfaceInfo[]) {
            { INTERFACE_PCIE_DEVICE },
            { TYPE_ACPI_DEV_AML_IF },
            { }
        },
    },
};

DEFINE_TYPES(nvgrace_gpu_types)
