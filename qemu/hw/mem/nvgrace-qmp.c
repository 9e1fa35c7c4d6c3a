/*
 * query-nvgrace-gpus: what there is of coherent GPU memory
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/mem/nvgrace-numa.h"
#include "hw/pci/pci.h"
#include "nvgrace-qmp.h"
#include "qapi/qapi-commands-nvgrace.h"
#include "qapi/qapi-visit-nvgrace.h"
#include "qobject/qnull.h"

/* Where a BAR is in the guest; false if it is nowhere */
static bool bar_addr(PCIDevice *pdev, int bar, uint64_t *addr)
{
    *addr = pci_get_bar_addr(pdev, bar);
    return *addr != PCI_BAR_UNMAPPED;
}

static NvgraceGpuInfo *info_of(const NVGraceMemory *mem)
{
    NvgraceGpuInfo *info = g_new0(NvgraceGpuInfo, 1);

    info->id = g_strdup(mem->pdev->qdev.id);
    info->qom_path = object_get_canonical_path(OBJECT(mem->pdev));
    info->guest_view = mem->view;
    info->usemem_size = mem->usemem_size;
    info->has_resmem_size = mem->resmem_size;
    info->resmem_size = mem->resmem_size;
    if (mem->view == NVGRACE_GUEST_VIEW_ACPI) {
        info->has_usemem_addr = true;
        info->usemem_addr = mem->addr;
        info->has_resmem_addr = mem->resmem_size;
        info->resmem_addr = mem->addr + mem->usemem_size;
    } else {
        info->has_usemem_addr = bar_addr(mem->pdev, NVGRACE_BAR_USEMEM,
                                         &info->usemem_addr);
        info->has_resmem_addr = mem->resmem_size &&
                                bar_addr(mem->pdev, NVGRACE_BAR_RESMEM,
                                         &info->resmem_addr);
    }
    info->pxm_start = mem->pxm_start;
    info->pxm_count = mem->pxm_count;
    info->socket = nvgrace_numa_socket(mem);
    info->has_egm_node = mem->egm_node != NVGRACE_EGM_NONE;
    info->egm_node = mem->egm_node;
    return info;
}

NvgraceGpuInfoList *qmp_query_nvgrace_gpus(Error **errp)
{
    NvgraceGpuInfoList *list = NULL, **tail = &list;

    for (NVGraceMemory *mem = nvgrace_memory_first(); mem;
         mem = nvgrace_memory_next(mem)) {
        QAPI_LIST_APPEND(tail, info_of(mem));
    }
    return list;
}

/* There is nothing to say of a device that is not realized. */
void nvgrace_get_info(Object *obj, Visitor *v, const char *name, void *opaque,
                      Error **errp)
{
    NVGraceMemory *mem = nvgrace_memory_of(PCI_DEVICE(obj));
    NvgraceGpuInfo *info = mem ? info_of(mem) : NULL;
    QNull *null = NULL;

    if (info) {
        visit_type_NvgraceGpuInfo(v, name, &info, errp);
        qapi_free_NvgraceGpuInfo(info);
    } else {
        visit_type_null(v, name, &null, errp);
        qobject_unref(null);
    }
}
