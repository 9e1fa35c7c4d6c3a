/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The coherent memory of a Grace GPU, as VFIO tells it to user space.
 *
 *	region-info 0009:01:00.0
 *
 * The GPU is bound to nvgrace-region-vfio-pci.  docs/uapi.md explains the rest.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/vfio.h>
#include <linux/vfio_nvgrace.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	return -1;
}

/* A device that belongs to a group, and the group to a container with an IOMMU. */
static int open_device(const char *bdf)
{
	char link[128], target[256], path[300];
	int container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	int group, device;
	ssize_t len;

	if (container < 0)
		return fail("/dev/vfio/vfio");
	snprintf(link, sizeof(link), "/sys/bus/pci/devices/%s/iommu_group", bdf);
	len = readlink(link, target, sizeof(target) - 1);
	if (len < 0)
		return fail(link);
	target[len] = '\0';
	snprintf(path, sizeof(path), "/dev/vfio/%s", basename(target));
	group = open(path, O_RDWR | O_CLOEXEC);
	if (group < 0)
		return fail(path);
	if (ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) ||
	    ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return fail("VFIO_SET_IOMMU");
	/* Waits until what the last user left is scrubbed. */
	device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, bdf);
	return device < 0 ? fail(bdf) : device;
}

/* Region info with its capabilities; the caller frees it. */
static struct vfio_region_info *region_info(int device, unsigned int index)
{
	struct vfio_region_info head = { .argsz = sizeof(head), .index = index };
	struct vfio_region_info *info;

	if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &head))
		return NULL;
	info = calloc(1, head.argsz);
	if (!info)
		return NULL;
	info->argsz = head.argsz;
	info->index = index;
	if (!ioctl(device, VFIO_DEVICE_GET_REGION_INFO, info))
		return info;
	free(info);
	return NULL;
}

/* The capability of that id if it has at least @size bytes, or NULL. */
static const void *find_cap(const struct vfio_region_info *info, unsigned int id, size_t size)
{
	unsigned int offset = info->flags & VFIO_REGION_INFO_FLAG_CAPS ? info->cap_offset : 0;

	while (offset && offset + sizeof(struct vfio_info_cap_header) <= info->argsz) {
		const struct vfio_info_cap_header *cap = (const void *)((const char *)info + offset);

		if (cap->id == id)
			return offset + size <= info->argsz ? cap : NULL;
		offset = cap->next > offset ? cap->next : 0;
	}
	return NULL;
}

static void show(const struct vfio_region_info *info)
{
	const struct vfio_region_info_cap_type *type =
		find_cap(info, VFIO_REGION_INFO_CAP_TYPE, sizeof(*type));
	const struct vfio_region_info_cap_nvgrace *cap =
		find_cap(info, VFIO_REGION_INFO_CAP_NVGRACE, sizeof(*cap));

	if (!type || type->type != VFIO_REGION_TYPE_NVGRACE)
		return;
	printf("region %u: %s, 0x%llx bytes\n", info->index,
	       type->subtype == VFIO_REGION_SUBTYPE_NVGRACE_USEMEM ? "usemem" :
	       type->subtype == VFIO_REGION_SUBTYPE_NVGRACE_RESMEM ? "resmem" : "unknown",
	       (unsigned long long)info->size);
	/* A later version has everything that version 1 has. */
	if (!cap || cap->header.version < 1)
		return;
	printf("  %04x:%04x%s, at 0x%llx of 0x%llx bytes, mapped by up to 0x%llx\n", cap->vendor,
	       cap->device, cap->flags & VFIO_REGION_NVGRACE_MIG_DEFECT ? " with MIG defect" : "",
	       (unsigned long long)cap->offset, (unsigned long long)cap->total_size,
	       (unsigned long long)cap->map_align);
}

int main(int argc, char **argv)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	int device;

	if (argc != 2) {
		fprintf(stderr, "Usage: region-info DOMAIN:BUS:DEVICE.FUNCTION\n");
		return 2;
	}
	device = open_device(argv[1]);
	if (device < 0)
		return 1;
	if (ioctl(device, VFIO_DEVICE_GET_INFO, &info))
		return -fail("VFIO_DEVICE_GET_INFO");
	for (unsigned int i = VFIO_PCI_NUM_REGIONS; i < info.num_regions; i++) {
		struct vfio_region_info *region = region_info(device, i);

		if (region)
			show(region);
		free(region);
	}
	return 0;
}
