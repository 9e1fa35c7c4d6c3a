/*
 * Hiding a BAR of a VFIO device
 *
 * vfio-pci gives the guest all BARs that the host device has.  This takes one
 * back, with all that vfio_bar_register() and pci_register_bar() made, so that
 * it reads as not implemented and its number is free.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "nvgrace-hide.h"

/* What pci_register_bar() did; the BAR is at no address yet. */
static void unregister_bar(PCIDevice *pdev, int nr)
{
    bool is_64 = pdev->io_regions[nr].type & PCI_BASE_ADDRESS_MEM_TYPE_64;
    int at = PCI_BASE_ADDRESS_0 + 4 * nr;
    int size = is_64 ? 8 : 4;

    pdev->io_regions[nr] = (PCIIORegion) { };
    memset(pdev->config + at, 0, size);
    memset(pdev->wmask + at, 0, size);
    memset(pdev->cmask + at, 0, size);
}

static void hide_one(VFIOPCIDevice *vdev, int nr)
{
    VFIOBAR *bar = &vdev->bars[nr];
    VFIORegion *region = &bar->region;

    unregister_bar(PCI_DEVICE(vdev), nr);

    vfio_region_exit(region);
    memory_region_del_subregion(bar->mr, region->mem);
    for (int i = 0; i < region->nr_mmaps; i++) {
        if (region->mmaps[i].mmap) {
            object_unparent(OBJECT(&region->mmaps[i].mem));
        }
    }
    object_unparent(OBJECT(region->mem));
    object_unparent(OBJECT(bar->mr));
    vfio_region_finalize(region);
    g_clear_pointer(&bar->mr, g_free);
    bar->size = 0;
}

bool vfio_nvgrace_hide_bar(VFIOPCIDevice *vdev, int nr, Error **errp)
{
    ERRP_GUARD();

    for (int i = nr; i < nr + 2; i++) {
        if (!vdev->bars[i].mr) {
            continue;
        }
        if ((vdev->msix && (vdev->msix->table_bar == i ||
                            vdev->msix->pba_bar == i)) ||
            !QLIST_EMPTY(&vdev->bars[i].quirks)) {
            error_setg(errp, "BAR %d cannot be hidden from the guest: its "
                       "MSI-X vectors, or a quirk of QEMU, are there", i);
            error_append_hint(errp, "Leave x-msix-relocation= and x-vga= "
                              "out; a GPU that has its vectors there by "
                              "itself is none of Grace's.\n");
            return false;
        }
        hide_one(vdev, i);
    }
    return true;
}
