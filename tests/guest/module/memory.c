// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Online coherent memory as NVIDIA's driver does: driver-managed, on the lowest
 * of the GPU's nodes, in up to 128 segments, all of it ZONE_MOVABLE so that it
 * can be given back.  The zone is user space's policy:
 *
 *	echo online_movable > /sys/devices/system/memory/auto_online_blocks
 *
 * After that the zone, and the node, must be that range and nothing else.
 */
#include <linux/align.h>
#include <linux/err.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/minmax.h>
#include <linux/mmzone.h>
#include <linux/pfn.h>
#include <linux/slab.h>

#include "nvgrace-guest.h"

#define MAX_SEGMENTS	128

/*
 * @name is what /proc/iomem shows.  The kernel keeps the pointer, so the string
 * must outlive memory that cannot be removed.
 */
struct online_mem {
	struct device *dev;
	int node;
	u64 base;
	u64 size;
	u64 segment;
	const char *name;
};

/* Remove the first @size bytes, last segment first. */
static int remove_segments(struct online_mem *online, u64 size)
{
	u64 len;
	int ret;

	while (size) {
		len = size % online->segment ?: online->segment;
		ret = offline_and_remove_memory(online->base + size - len, len);
		if (ret)
			return ret;
		size -= len;
	}
	return 0;
}

static int add_segments(struct online_mem *online)
{
	u64 done, len;
	int ret, undo;

	for (done = 0; done < online->size; done += len) {
		len = min(online->segment, online->size - done);
		ret = add_memory_driver_managed(online->node,
						online->base + done, len,
						online->name, MHP_NONE);
		if (ret)
			goto remove;
	}
	return 0;

remove:
	dev_err_probe(online->dev, ret, "cannot add %#llx-%#llx to node %d\n",
		      online->base + done, online->base + done + len - 1,
		      online->node);
	undo = remove_segments(online, done);
	if (undo) {
		dev_err(online->dev, "cannot remove what was added before: %d\n",
			undo);
		/* Still in use by that memory's resources */
		online->name = NULL;
	}
	return ret;
}

/* The node's ZONE_MOVABLE, and the node, must be what was added, all online. */
static int check_node(const struct online_mem *online)
{
	pg_data_t *pgdat = NODE_DATA(online->node);
	const struct zone *zone = &pgdat->node_zones[ZONE_MOVABLE];
	unsigned long start = PHYS_PFN(online->base);
	unsigned long pages = PHYS_PFN(online->size);

	if (zone->zone_start_pfn != start || zone->spanned_pages != pages)
		return dev_err_probe(online->dev, -EINVAL,
				     "ZONE_MOVABLE of node %d spans %#llx bytes from %#llx instead of %#llx from %#llx: is auto_online_blocks set to online_movable?\n",
				     online->node, PFN_PHYS(zone->spanned_pages),
				     PFN_PHYS(zone->zone_start_pfn),
				     online->size, online->base);

	if (pgdat->node_start_pfn != start ||
	    pgdat->node_spanned_pages != pages ||
	    pgdat->node_present_pages != pages)
		return dev_err_probe(online->dev, -EINVAL,
				     "node %d has %lu pages and spans %lu from %#llx: it must have %lu, the GPU's and no others\n",
				     online->node, pgdat->node_present_pages,
				     pgdat->node_spanned_pages,
				     PFN_PHYS(pgdat->node_start_pfn), pages);
	return 0;
}

/**
 * online_mem_add() - online a GPU's memory
 * @dev: the GPU, for messages
 * @mem: what firmware says about it
 * @limit: bytes to online at most, rounded down to memory blocks; 0: no limit
 *
 * Return: what online_mem_remove() takes back, or an error pointer.
 */
struct online_mem *online_mem_add(struct device *dev,
				  const struct coherent_mem *mem, u64 limit)
{
	unsigned long block = memory_block_size_bytes();
	struct online_mem *online;
	int ret;

	if (limit && limit < block) {
		ret = dev_err_probe(dev, -EINVAL,
				    "limit_mib=%llu is less than one memory block, %lu MiB\n",
				    limit >> 20, block >> 20);
		return ERR_PTR(ret);
	}

	online = kzalloc(sizeof(*online), GFP_KERNEL);
	if (!online)
		return ERR_PTR(-ENOMEM);

	online->dev = dev;
	online->node = mem->nodes[0];
	online->base = mem->base;
	online->size = mem->usemem_size;
	if (limit)
		online->size = min(online->size, round_down(limit, block));
	online->segment = ALIGN(DIV_ROUND_UP_ULL(online->size, MAX_SEGMENTS),
				block);

	online->name = kstrdup("System RAM (NVIDIA)", GFP_KERNEL);
	if (!online->name) {
		ret = -ENOMEM;
		goto free_online;
	}

	ret = add_segments(online);
	if (ret)
		goto free_name;

	ret = check_node(online);
	if (ret) {
		online_mem_remove(online);
		return ERR_PTR(ret);
	}
	return online;

free_name:
	kfree(online->name);
free_online:
	kfree(online);
	return ERR_PTR(ret);
}

/**
 * online_mem_remove() - offline and remove what online_mem_add() added
 * @online: freed
 *
 * Memory that somebody has pinned stays, with a message: nothing can be done
 * about it from here, and it remains usable.
 */
void online_mem_remove(struct online_mem *online)
{
	int ret;

	ret = remove_segments(online, online->size);
	if (ret)
		dev_err(online->dev,
			"cannot offline all of %#llx-%#llx (%d): it stays, free it and reboot\n",
			online->base, online->base + online->size - 1, ret);
	else
		kfree(online->name);
	kfree(online);
}

/**
 * online_mem_size() - how much was onlined
 * @online: from online_mem_add()
 *
 * Return: bytes.
 */
u64 online_mem_size(const struct online_mem *online)
{
	return online->size;
}
