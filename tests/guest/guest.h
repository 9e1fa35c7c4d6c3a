/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guest-agent, process 1 of the guest: guest-agent.c has the table of steps;
 * each step checks one link of the way from firmware to a process' loads and
 * stores, and leaves in struct guest what the next needs.
 *
 *	system.c	what the machine looks like: kernel, tables, memory map
 *	gpu.c		the GPU as firmware describes it; online its memory
 *	topology.c	node table, zones, distances
 *	memory.c	a process' memory on the GPU's node
 *	resmem.c	what is not onlined: its memory type, its data
 *	copy.c		the same memory through the copy engine
 */
#ifndef TESTS_GUEST_GUEST_H
#define TESTS_GUEST_GUEST_H

#include <glib.h>

#include "module/nvgrace-guest-uapi.h"
#include "system.h"

struct guest {
	guint limit_mib;	/* online this much at most; 0: all */
	guint touch_mib;	/* fill and verify this much at most */
	guint node_count;	/* nodes the GPU must have */
	gboolean offline;	/* give the memory back at the end */
	char *bdf;
	int fd;			/* the module's device, -1 before it is loaded */
	struct nvgrace_guest_info info;
	guint64 *memory;	/* of a process, on info.node */
	gsize memory_len;	/* bytes */
};

/* Steps: FALSE when nothing after it can work.  They report their own checks. */
gboolean step_system(struct guest *guest);
gboolean step_firmware(struct guest *guest);
gboolean step_online(struct guest *guest);
gboolean step_topology(struct guest *guest);
gboolean step_memory(struct guest *guest);
gboolean step_resmem(struct guest *guest);
gboolean step_copy(struct guest *guest);
gboolean step_offline(struct guest *guest);

/* topology.c: nodes as a mask, from a list like "0,2-8" in /sys/devices/system/node */
guint64 nodes_in(const char *attribute);
/* KiB from the node's meminfo, 0 if there is no such line */
guint64 node_meminfo(guint node, const char *key);
guint64 gpu_nodes(const struct guest *guest);

/*
 * memory.c: physical addresses of @count pages from @addr on, 0 for a page that
 * is not there; FALSE if the kernel does not say.
 */
gboolean physical_pages(const void *addr, gsize count, guint64 *pages);
void pattern_fill(guint64 *words, gsize len, guint64 seed);
/* Bytes up to the first wrong word; len if there is none */
gsize pattern_check(const guint64 *words, gsize len, guint64 seed);

/*
 * copy.c: have the engine copy, and count its jobs and interrupts.  @src and
 * @dst as @flags say.  0 or an errno; @copy has what came of it.
 */
int copy_run(const struct guest *guest, guint64 src, guint64 dst, gsize len, guint32 flags,
	     struct nvgrace_guest_copy *copy);

#endif /* TESTS_GUEST_GUEST_H */
