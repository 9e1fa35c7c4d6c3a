/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nvgrace-guest: the way of the data is firmware.c (what ACPI says), bars.c (the
 * range, where ACPI does not say it) -> memory.c (online it), map.c (map what is
 * not onlined) -> copy.c (the device node through which user space has the copy
 * engine reach it); main.c binds them to the PCI function.
 */
#ifndef NVGRACE_GUEST_H
#define NVGRACE_GUEST_H

#include <linux/mm_types.h>
#include <linux/pci.h>

#include "nvgrace-guest-uapi.h"

/**
 * struct coherent_mem - a GPU's coherent memory as firmware describes it
 * @base: physical address
 * @size: bytes
 * @usemem_size: bytes from @base that may be onlined, whole memory blocks
 * @resmem_base: physical address of what is reserved, if anything is
 * @mig_defect: the GPU reserves the end of the memory
 * @bars: BARs say where it is, not firmware
 * @from_srat: @nodes come from Generic Initiators
 * @node_count: entries of @nodes
 * @nodes: NUMA node ids, ascending
 */
struct coherent_mem {
	u64 base;
	u64 size;
	u64 usemem_size;
	u64 resmem_base;
	bool mig_defect;
	bool bars;
	bool from_srat;
	unsigned int node_count;
	int nodes[NVGRACE_GUEST_MAX_NODES];
};

struct online_mem;
struct copy_engine;

int coherent_mem_find(struct pci_dev *pdev, struct coherent_mem *mem);
int coherent_mem_from_bars(struct pci_dev *pdev, struct coherent_mem *mem);
int coherent_mem_fits_bars(struct pci_dev *pdev, const struct coherent_mem *mem);

struct online_mem *online_mem_add(struct device *dev,
				  const struct coherent_mem *mem, u64 limit);
void online_mem_remove(struct online_mem *online);
u64 online_mem_size(const struct online_mem *online);

struct copy_engine *copy_engine_create(struct pci_dev *pdev,
				       const struct coherent_mem *mem,
				       u64 online_size);
void copy_engine_destroy(struct copy_engine *ce);

int coherent_mem_mmap(const struct nvgrace_guest_info *info,
		      struct vm_area_struct *vma);

#endif /* NVGRACE_GUEST_H */
