/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A user of the exporter: opens a device by its IOMMU group in a type1
 * container, as QEMU does without iommufd, or by its own character device with
 * iommufd, finds its regions, maps them.
 */
#ifndef TESTS_STACK_VFIO_CLIENT_H
#define TESTS_STACK_VFIO_CLIENT_H

#include <glib.h>
#include <sys/types.h>

struct vfio_client {
	int container;
	int group;
	int device;
	int iommufd;		/* instead of the first two */
	guint32 ioas;		/* address space in it */
	guint num_regions;
};

struct vfio_client_region {
	guint32 index;
	guint32 flags;		/* VFIO_REGION_INFO_FLAG_* */
	guint64 size;		/* bytes */
	guint64 mappable;	/* of them, from the first on; 0: none */
	guint64 offset;		/* of its first byte in the device's file */
	guint32 type, subtype;	/* of VFIO_REGION_INFO_CAP_TYPE; 0: has none */
};

/* 0, or a negative errno with nothing open. */
int vfio_client_open(struct vfio_client *client, const char *bdf);

/* How that does it: one of the two below.  By group, if nobody says. */
void vfio_client_set_opener(int (*open)(struct vfio_client *client, const char *bdf));
int vfio_client_open_group(struct vfio_client *client, const char *bdf);

/* It is not by group. */
gboolean vfio_client_wants_cdev(void);

/* What Linux has opened for us as the device, or NULL; caller frees. */
char *vfio_client_file(const struct vfio_client *client);

/* What Linux returns from the way in use while somebody has the device open or mapped. */
int vfio_client_busy(void);

/* With iommufd; -ENOENT where the kernel has none.  See vfio-client-iommufd.c. */
int vfio_client_open_cdev(struct vfio_client *client, const char *bdf);

/* The device's own file, or NULL: caller frees. */
char *vfio_client_cdev_path(const char *bdf);

/*
 * With iommufd: what the device reaches at @iova is our memory, or a dma-buf from
 * its start on.  0 or a negative errno.
 */
int vfio_client_dma_map(const struct vfio_client *client, const void *map, gsize length,
			guint64 iova);
int vfio_client_dma_map_file(const struct vfio_client *client, int fd, gsize length, guint64 iova);
int vfio_client_dma_unmap(const struct vfio_client *client, gsize length, guint64 iova);

/* Close what is open; may be called twice.  Mappings stay. */
void vfio_client_close(struct vfio_client *client);

/* 0 or a negative errno. */
int vfio_client_region(const struct vfio_client *client, guint index,
		       struct vfio_client_region *region);

/* The region of that type and subtype; FALSE if there is none, or more than one. */
gboolean vfio_client_find(const struct vfio_client *client, guint32 type, guint32 subtype,
			  struct vfio_client_region *region);

/*
 * Map a part of a region, shared.  @congruent: at an address that is equal to
 * the offset modulo what a PMD maps, so that PMDs can map it, with an inaccessible
 * page right before and after it.  NULL on error, with errno.
 */
void *vfio_client_map(const struct vfio_client *client, const struct vfio_client_region *region,
		      guint64 offset, gsize length, int prot, gboolean congruent);

/* Undo a congruent one, of the same length; an error ends the program. */
void vfio_client_unmap(void *map, gsize length);

/* munmap() of any other mapping, or of a part, likewise. */
void vfio_client_munmap(void *start, gsize length);

/* pread and pwrite of a region's bytes, until all are done: how many are, or a negative errno. */
ssize_t vfio_client_read(const struct vfio_client *client,
			 const struct vfio_client_region *region, guint64 offset, void *buf,
			 gsize length);
ssize_t vfio_client_write(const struct vfio_client *client,
			  const struct vfio_client_region *region, guint64 offset,
			  const void *buf, gsize length);

/*
 * Let the devices of the container reach memory of this process at an I/O
 * virtual address, and undo that: 0 or a negative errno.
 */
int vfio_client_map_dma(const struct vfio_client *client, void *memory, gsize length,
			guint64 iova);
int vfio_client_unmap_dma(const struct vfio_client *client, guint64 iova, gsize length);

/* Any ioctl of the device's: 0 or positive, or a negative errno. */
int vfio_client_ioctl(const struct vfio_client *client, unsigned long request, void *arg);

/*
 * Set a feature of the device's (VFIO_DEVICE_FEATURE_SET), with what goes with it,
 * at most 8 bytes: 0 or a negative errno.
 */
int vfio_client_set_feature(const struct vfio_client *client, guint32 feature,
			    const void *data, gsize length);

/* VFIO_DEVICE_RESET: 0 or a negative errno. */
int vfio_client_reset(const struct vfio_client *client);

/*
 * VFIO_DEVICE_PCI_HOT_RESET, of the whole bus: likewise.  Linux refuses it for GH200
 * with ENODEV (a quirk for 10de:2340 to 237f).
 */
int vfio_client_hot_reset(const struct vfio_client *client);

/* Config space, in the width given (1, 2 or 4 bytes); ~0 on error. */
guint32 vfio_client_config_read(const struct vfio_client *client, guint offset, gsize width);
gboolean vfio_client_config_write(const struct vfio_client *client, guint offset, guint32 value,
				  gsize width);

/* Offset of a capability in config space, or 0. */
guint vfio_client_capability(const struct vfio_client *client, guint8 id);

#endif
