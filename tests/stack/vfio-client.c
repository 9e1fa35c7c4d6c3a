/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gpu-sysfs.h"
#include "pages.h"
#include "vfio-client.h"

static int open_group(struct vfio_client *client, const char *bdf)
{
	g_autofree char *number = gpu_link(bdf, "iommu_group");
	g_autofree char *path = g_strdup_printf("/dev/vfio/%s", number ?: "none");
	struct vfio_group_status status = { .argsz = sizeof(status) };

	client->group = open(path, O_RDWR | O_CLOEXEC);
	if (client->group < 0)
		return -errno;
	client->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (client->container < 0)
		return -errno;
	if (ioctl(client->group, VFIO_GROUP_GET_STATUS, &status))
		return -errno;
	if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		return -EPERM;
	if (ioctl(client->group, VFIO_GROUP_SET_CONTAINER, &client->container) ||
	    ioctl(client->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return -errno;
	return 0;
}

int vfio_client_open_group(struct vfio_client *client, const char *bdf)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	int ret;

	*client = (struct vfio_client){ .container = -1, .group = -1, .device = -1, .iommufd = -1 };
	ret = open_group(client, bdf);
	if (!ret) {
		client->device = ioctl(client->group, VFIO_GROUP_GET_DEVICE_FD, bdf);
		if (client->device < 0 || ioctl(client->device, VFIO_DEVICE_GET_INFO, &info))
			ret = -errno;
	}
	if (ret)
		vfio_client_close(client);
	else
		client->num_regions = info.num_regions;
	return ret;
}

static int (*opener)(struct vfio_client *client, const char *bdf) = vfio_client_open_group;

void vfio_client_set_opener(int (*open)(struct vfio_client *client, const char *bdf))
{
	opener = open;
}

int vfio_client_open(struct vfio_client *client, const char *bdf)
{
	return opener(client, bdf);
}

gboolean vfio_client_wants_cdev(void)
{
	return opener != vfio_client_open_group;
}

char *vfio_client_file(const struct vfio_client *client)
{
	g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", client->device);

	return client->device < 0 ? NULL : g_file_read_link(link, NULL);
}

int vfio_client_busy(void)
{
	return vfio_client_wants_cdev() ? -EINVAL : -EBUSY;
}

void vfio_client_close(struct vfio_client *client)
{
	int *const fds[] = { &client->device, &client->group, &client->container,
			     &client->iommufd };

	for (guint i = 0; i < G_N_ELEMENTS(fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

int vfio_client_ioctl(const struct vfio_client *client, unsigned long request, void *arg)
{
	int ret = ioctl(client->device, request, arg);

	return ret < 0 ? -errno : ret;
}

int vfio_client_region(const struct vfio_client *client, guint index,
		       struct vfio_client_region *region)
{
	struct vfio_region_info first = { .argsz = sizeof(first), .index = index };
	g_autofree struct vfio_region_info *info = NULL;
	guint32 next;
	int ret = vfio_client_ioctl(client, VFIO_DEVICE_GET_REGION_INFO, &first);

	if (ret)
		return ret;
	info = g_malloc0(MAX(first.argsz, sizeof(first)));
	info->argsz = first.argsz;
	info->index = index;
	ret = vfio_client_ioctl(client, VFIO_DEVICE_GET_REGION_INFO, info);
	if (ret)
		return ret;

	*region = (struct vfio_client_region){
		.index = index, .flags = info->flags, .size = info->size, .offset = info->offset,
		.mappable = info->flags & VFIO_REGION_INFO_FLAG_MMAP ? info->size : 0,
	};
	next = info->flags & VFIO_REGION_INFO_FLAG_CAPS ? info->cap_offset : 0;
	while (next && next + sizeof(struct vfio_info_cap_header) <= info->argsz) {
		const struct vfio_info_cap_header *cap = (const void *)((char *)info + next);
		const struct vfio_region_info_cap_type *type = (const void *)cap;
		const struct vfio_region_info_cap_sparse_mmap *sparse = (const void *)cap;

		if (cap->id == VFIO_REGION_INFO_CAP_TYPE &&
		    next + sizeof(*type) <= info->argsz) {
			region->type = type->type;
			region->subtype = type->subtype;
		}
		if (cap->id == VFIO_REGION_INFO_CAP_SPARSE_MMAP &&
		    next + sizeof(*sparse) + sizeof(sparse->areas[0]) <= info->argsz)
			region->mappable = sparse->nr_areas && !sparse->areas[0].offset ?
				sparse->areas[0].size : 0;
		next = cap->next > next ? cap->next : 0;
	}
	return 0;
}

gboolean vfio_client_find(const struct vfio_client *client, guint32 type, guint32 subtype,
			  struct vfio_client_region *region)
{
	guint found = 0;

	for (guint i = VFIO_PCI_NUM_REGIONS; i < client->num_regions; i++) {
		struct vfio_client_region candidate;

		if (!vfio_client_region(client, i, &candidate) && candidate.type == type &&
		    candidate.subtype == subtype) {
			*region = candidate;
			found++;
		}
	}
	return found == 1;
}

/* A mapping that stays although it should not is found long after: by somebody who waits. */
void vfio_client_munmap(void *start, gsize length)
{
	if (length && munmap(start, length))
		g_error("munmap of 0x%zx bytes at %p: %s", length, start, g_strerror(errno));
}

void vfio_client_unmap(void *map, gsize length)
{
	vfio_client_munmap((char *)map - PAGE, length + 2 * PAGE);
}

void *vfio_client_map(const struct vfio_client *client, const struct vfio_client_region *region,
		      guint64 offset, gsize length, int prot, gboolean congruent)
{
	char *area, *start = NULL;
	void *map;
	int error;

	if (congruent) {
		/* room for one page before, and to move up to the right remainder */
		gsize room = length + PMD + 2 * PAGE;

		area = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			    -1, 0);
		if (area == MAP_FAILED)
			return NULL;
		start = area + PAGE;
		start += (offset - (gsize)start) & (PMD - 1);
		vfio_client_munmap(area, start - PAGE - area);
		vfio_client_munmap(start + length + PAGE, area + room - (start + length + PAGE));
	}
	map = mmap(start, length, prot, MAP_SHARED | (congruent ? MAP_FIXED : 0),
		   client->device, region->offset + offset);
	if (map != MAP_FAILED)
		return map;

	error = errno;
	if (start)
		vfio_client_unmap(start, length);
	errno = error;
	return NULL;
}

/* One call may end where a page does. */
static ssize_t transfer(const struct vfio_client *client, guint64 offset, char *buf, gsize length,
			gboolean write)
{
	gsize done = 0;
	ssize_t ret;

	do {
		ret = write ? pwrite(client->device, buf + done, length - done, offset + done) :
			      pread(client->device, buf + done, length - done, offset + done);
		if (ret <= 0)
			return done ? (ssize_t)done : ret ? -errno : 0;
		done += ret;
	} while (done < length);
	return done;
}

ssize_t vfio_client_read(const struct vfio_client *client,
			 const struct vfio_client_region *region, guint64 offset, void *buf,
			 gsize length)
{
	return transfer(client, region->offset + offset, buf, length, FALSE);
}

ssize_t vfio_client_write(const struct vfio_client *client,
			  const struct vfio_client_region *region, guint64 offset,
			  const void *buf, gsize length)
{
	return transfer(client, region->offset + offset, (char *)buf, length, TRUE);
}

int vfio_client_map_dma(const struct vfio_client *client, void *memory, gsize length,
			guint64 iova)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (guintptr)memory, .iova = iova, .size = length,
	};

	return ioctl(client->container, VFIO_IOMMU_MAP_DMA, &map) ? -errno : 0;
}

int vfio_client_unmap_dma(const struct vfio_client *client, guint64 iova, gsize length)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap), .iova = iova, .size = length,
	};

	return ioctl(client->container, VFIO_IOMMU_UNMAP_DMA, &unmap) ? -errno : 0;
}

int vfio_client_set_feature(const struct vfio_client *client, guint32 feature,
			    const void *data, gsize length)
{
	struct {
		struct vfio_device_feature head;
		guint8 data[8];
	} argument = {
		.head.argsz = sizeof(argument.head) + length,
		.head.flags = VFIO_DEVICE_FEATURE_SET | feature,
	};

	if (length > sizeof(argument.data))
		return -E2BIG;
	if (length)
		memcpy(argument.data, data, length);
	return vfio_client_ioctl(client, VFIO_DEVICE_FEATURE, &argument);
}

int vfio_client_reset(const struct vfio_client *client)
{
	return vfio_client_ioctl(client, VFIO_DEVICE_RESET, NULL);
}

int vfio_client_hot_reset(const struct vfio_client *client)
{
	/* who has opened the device by its own file owns no group to prove it by */
	guint groups = client->group >= 0;
	gsize size = sizeof(struct vfio_pci_hot_reset) + groups * sizeof(gint32);
	g_autofree struct vfio_pci_hot_reset *reset = g_malloc0(size);

	reset->argsz = size;
	reset->count = groups;
	if (groups)
		reset->group_fds[0] = client->group;
	return vfio_client_ioctl(client, VFIO_DEVICE_PCI_HOT_RESET, reset);
}

guint32 vfio_client_config_read(const struct vfio_client *client, guint offset, gsize width)
{
	struct vfio_client_region config;
	guint32 value = 0;

	if (vfio_client_region(client, VFIO_PCI_CONFIG_REGION_INDEX, &config) ||
	    vfio_client_read(client, &config, offset, &value, width) != (ssize_t)width)
		return ~0u;
	return GUINT32_FROM_LE(value);
}

gboolean vfio_client_config_write(const struct vfio_client *client, guint offset, guint32 value,
				  gsize width)
{
	struct vfio_client_region config;

	value = GUINT32_TO_LE(value);
	return !vfio_client_region(client, VFIO_PCI_CONFIG_REGION_INDEX, &config) &&
	       vfio_client_write(client, &config, offset, &value, width) == (ssize_t)width;
}

guint vfio_client_capability(const struct vfio_client *client, guint8 id)
{
	guint offset = vfio_client_config_read(client, PCI_CAPABILITY_LIST, 1);

	for (guint i = 0; offset >= PCI_STD_HEADER_SIZEOF && i < 48; i++) {
		if (vfio_client_config_read(client, offset, 1) == id)
			return offset;
		offset = vfio_client_config_read(client, offset + PCI_CAP_LIST_NEXT, 1);
		if (offset > 0xff)
			break;
	}
	return 0;
}
