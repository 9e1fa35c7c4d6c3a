/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/iommufd.h>
#include <linux/vfio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vfio-client.h"

/* Linux 6.13 */
#define CMD_IOAS_MAP_FILE 0x8f

struct ioas_map_file {
	__u32 size;
	__u32 flags;
	__u32 ioas_id;
	__s32 fd;
	__aligned_u64 start;
	__aligned_u64 length;
	__aligned_u64 iova;
};

char *vfio_client_cdev_path(const char *bdf)
{
	g_autofree char *path = g_strdup_printf("/sys/bus/pci/devices/%s/vfio-dev", bdf);
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name = dir ? g_dir_read_name(dir) : NULL;

	return name ? g_strdup_printf("/dev/vfio/devices/%s", name) : NULL;
}

int vfio_client_open_cdev(struct vfio_client *client, const char *bdf)
{
	struct vfio_device_bind_iommufd bind = { .argsz = sizeof(bind) };
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct vfio_device_attach_iommufd_pt attach = { .argsz = sizeof(attach) };
	struct vfio_device_info info = { .argsz = sizeof(info) };
	g_autofree char *path = vfio_client_cdev_path(bdf);
	int ret = 0;

	*client = (struct vfio_client){ .container = -1, .group = -1, .device = -1, .iommufd = -1 };
	client->iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (client->iommufd < 0)
		return -errno;
	client->device = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	bind.iommufd = client->iommufd;
	if (client->device < 0 || ioctl(client->device, VFIO_DEVICE_BIND_IOMMUFD, &bind) ||
	    ioctl(client->iommufd, IOMMU_IOAS_ALLOC, &alloc))
		ret = path ? -errno : -ENODEV;
	attach.pt_id = alloc.out_ioas_id;
	if (!ret && (ioctl(client->device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach) ||
		     ioctl(client->device, VFIO_DEVICE_GET_INFO, &info)))
		ret = -errno;
	client->ioas = alloc.out_ioas_id;
	client->num_regions = info.num_regions;
	if (ret)
		vfio_client_close(client);
	return ret;
}

int vfio_client_dma_map(const struct vfio_client *client, const void *map, gsize length,
			guint64 iova)
{
	struct iommu_ioas_map request = {
		.size = sizeof(request),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.ioas_id = client->ioas,
		.user_va = (guintptr)map,
		.length = length,
		.iova = iova,
	};

	return ioctl(client->iommufd, IOMMU_IOAS_MAP, &request) ? -errno : 0;
}

int vfio_client_dma_map_file(const struct vfio_client *client, int fd, gsize length, guint64 iova)
{
	struct ioas_map_file request = {
		.size = sizeof(request),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.ioas_id = client->ioas,
		.fd = fd,
		.length = length,
		.iova = iova,
	};

	return ioctl(client->iommufd, _IO(IOMMUFD_TYPE, CMD_IOAS_MAP_FILE), &request) ? -errno : 0;
}

int vfio_client_dma_unmap(const struct vfio_client *client, gsize length, guint64 iova)
{
	struct iommu_ioas_unmap request = {
		.size = sizeof(request), .ioas_id = client->ioas, .iova = iova, .length = length,
	};

	return ioctl(client->iommufd, IOMMU_IOAS_UNMAP, &request) ? -errno : 0;
}
