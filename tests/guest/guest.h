/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guest-agent, process 1 of the guest: guest-agent.c has the table of steps;
 * each step checks one link of the way from firmware to a process' loads and
 * stores, and leaves in struct guest what the next needs.
 *
 *	system.c	what the machine looks like: kernel, tables, memory map
 *	firmware.c	the GPUs as firmware describes them
 *	online.c	the driver, which onlines their memory
 *	topology.c	node table, zones, distances
 *	poison.c	a page of it that has failed
 *	memory.c	a process' memory on the GPU's node
 *	resmem.c	what is not onlined: its memory type, its data
 *	copy.c		the same memory through the copy engine
 *	flr.c		the same while the GPU is reset
 *	disk.c		the same as the buffer of a disk that QEMU emulates
 *	ending.c	how the machine ends: power-off, reboot, kexec, crash
 */
#ifndef TESTS_GUEST_GUEST_H
#define TESTS_GUEST_GUEST_H

#include <glib.h>

#include "module/nvgrace-guest-uapi.h"
#include "system.h"

/* One of the guest's GPUs: what it should be, then what was found. */
struct gpu {
	guint node_count;	/* nodes it must have */
	int socket;		/* the node that it must be at; -1: any with CPUs */
	char *path;		/* the end of its path in ACPI; NULL: any */
	gboolean in_bars;	/* its memory is to be in BARs */

	char *bdf;
	guint64 bar_start[6];
	guint64 bar_size[6];	/* 0: there is none of that number */
	int fd;			/* the module's device, -1 before it is loaded */
	struct nvgrace_guest_info info;
	guint64 *memory;	/* of a process, on info.node */
	gsize memory_len;	/* bytes */
	guint jobs;		/* of the copy engine, by this program */
	guint interrupts;	/* ... that came for them */
};

struct guest {
	guint limit_mib;	/* online this much of each GPU's memory at most; 0: all */
	guint touch_mib;	/* fill and verify this much at most */
	guint page_kib;		/* of the kernel's pages */
	gboolean offline;	/* give the memory back at the end */
	gboolean flr;		/* reset the GPUs */
	gboolean disk;		/* there is a disk to use */
	gboolean button;	/* the machine has one for power */
	guint poison;		/* offset of a page that has failed; 0: none has */
	GArray *gpus;		/* of struct gpu, in the order of their addresses */
};

/* All GPUs, one after the other. */
#define FOR_EACH_GPU(guest, gpu) \
	for (struct gpu *gpu = (struct gpu *)(guest)->gpus->data; \
	     gpu < (struct gpu *)(guest)->gpus->data + (guest)->gpus->len; gpu++)

/* Steps: FALSE when nothing after it can work.  They report their own checks. */
gboolean step_system(struct guest *guest);
gboolean step_gpus(struct guest *guest);
gboolean step_driver(struct guest *guest);
gboolean step_nodes(struct guest *guest);
gboolean step_offline(struct guest *guest);

/* The same for each GPU: their checks of the second one begin with "gpu1." */
gboolean step_firmware(struct gpu *gpu, const struct guest *guest);
gboolean step_online(struct gpu *gpu, const struct guest *guest);
gboolean step_topology(struct gpu *gpu, const struct guest *guest);
gboolean step_poison(struct gpu *gpu, const struct guest *guest);
gboolean step_memory(struct gpu *gpu, const struct guest *guest);
gboolean step_resmem(struct gpu *gpu, const struct guest *guest);
gboolean step_copy(struct gpu *gpu, const struct guest *guest);
gboolean step_flr(struct gpu *gpu, const struct guest *guest);
gboolean step_disk(struct gpu *gpu, const struct guest *guest);

/* firmware.c */
gboolean gpu_is_hopper(const struct gpu *gpu);

/* topology.c: nodes as a mask, from a list like "0,2-8" in /sys/devices/system/node */
guint64 nodes_in(const char *attribute);
/* KiB from the node's meminfo, 0 if there is no such line */
guint64 node_meminfo(guint node, const char *key);
guint64 gpu_nodes(const struct gpu *gpu);

/*
 * memory.c: physical addresses of @count pages from @addr on, 0 for a page that
 * is not there; FALSE if the kernel does not say.
 */
gboolean physical_pages(const void *addr, gsize count, guint64 *pages);

/*
 * copy.c: have the engine copy, and count its jobs and interrupts.  @src and
 * @dst as @flags say.  0 or an errno; @copy has what came of it.
 */
int copy_run(struct gpu *gpu, guint64 src, guint64 dst, gsize len, guint32 flags,
	     struct nvgrace_guest_copy *copy);

/*
 * copy.c: have the engine copy page by page between @ram and the GPU's process
 * memory @memory.  FALSE, and a failed check of that name, if it does not.
 */
gboolean copy_pages(struct gpu *gpu, const char *check, char *ram, char *memory, gsize len,
		    gboolean to_memory);

/*
 * copy.c: have the engine copy one page of the GPU's process memory to the next,
 * and check that it arrives.  @source: NVGRACE_GUEST_COPY_SRC_MEM or _DMA.
 */
void check_within(struct gpu *gpu, const char *check, guint32 source);

/* disk.c: the device node of the disk with that serial number; NULL if there is
 * none; caller frees. */
char *disk_find(const char *serial);

/* kexec.c: load the kernel and the initramfs of the disks of these names, for
 * reboot(RB_KEXEC).  FALSE, and a failed check, if it cannot be done. */
gboolean kexec_load_disks(const char *kernel, const char *initrd);

/* button.c: be ready for the power button: a descriptor, or -1 and a failed check. */
int button_open(void);
/* ... and power off when it is pressed. */
void button_obey(int fd);

/* ending.c: does not return. */
void guest_end(struct guest *guest) G_GNUC_NORETURN;

#endif /* TESTS_GUEST_GUEST_H */
