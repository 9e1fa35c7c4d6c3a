/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that has failed: who has it mapped is told which page it is, and keeps
 * the rest; the kernel never reads it again.  That is checked by the emulated
 * GPU, on which a read of one page is an external abort: in the kernel that would
 * be a panic, and the report would not end.
 *
 * Memory failure handling is told through hard_offline_page, which does what a
 * report by firmware does.  Kernels before 6.19 cannot do that to memory without
 * struct page.
 */
#define _GNU_SOURCE	/* preadv */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "agent.h"
#include "child.h"
#include "gpu-sysfs.h"
#include "host-agent.h"
#include "kernel-log.h"
#include "pages.h"
#include "pattern.h"
#include "scenario.h"

#define HARD_OFFLINE "/sys/devices/system/memory/hard_offline_page"

/* Offsets in usemem.  What is mapped is one piece. */
#define MAPPED PIECE
#define BAD (PIECE + PAGE)		/* as in x-poison= */
#define TOLD (PIECE + 5 * PAGE)		/* works, but the kernel is told otherwise */
#define APART (4 * PIECE + 3 * PAGE)	/* the same, and not mapped */

/* What a SIGBUS said. */
struct told {
	int count;
	int code;
	gsize offset;		/* of si_addr in the mapping */
};

struct result {
	gboolean opened;
	struct told own, other, apart;
	gboolean rest;		/* of the mapping is as it was */
	int touch;		/* the signal of a load */
	ssize_t read, part, written, byte, apart_read;
};

struct owner {
	const char *bdf;
	guint64 base;		/* physical address of usemem */
	struct result *result;	/* shared */
};

static char *mapped;
static volatile struct told last;
static struct sigaction before;

static void on_bus_error(int signal_number, siginfo_t *info, void *context)
{
	(void)context;
	if (info->si_code != BUS_MCEERR_AR && info->si_code != BUS_MCEERR_AO) {
		before.sa_handler(signal_number);
		return;
	}
	last.code = info->si_code;
	last.offset = (char *)info->si_addr - mapped;
	last.count++;
}

static gboolean tell_kernel(guint64 address)
{
	g_autofree char *text = g_strdup_printf("0x%" G_GINT64_MODIFIER "x", address);
	int fd = open(HARD_OFFLINE, O_WRONLY | O_CLOEXEC);
	gboolean ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* A process that has nothing of it mapped. */
static int tell_from_child(void *opaque)
{
	const guint64 *address = opaque;

	vfio_client_unmap(mapped, PIECE);
	return !tell_kernel(*address);
}

static struct told tell(guint64 address, gboolean by_child)
{
	last.count = last.code = 0;
	last.offset = 0;
	if (by_child)
		child_run(tell_from_child, &address, 20);
	else
		tell_kernel(address);
	return last;
}

/* All pages of the mapping but the two. */
static gboolean rest_is_good(void)
{
	for (gsize at = MAPPED; at < MAPPED + PIECE; at += PAGE) {
		if (at != BAD && at != TOLD && touch_pattern(mapped + at - MAPPED, PAGE, 9, at))
			return FALSE;
	}
	return TRUE;
}

static int own(void *opaque)
{
	const struct owner *owner = opaque;
	struct result *r = owner->result;
	struct sigaction action = { .sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO | SA_NODEFER };
	struct vfio_client client;
	struct gpu_regions regions;
	g_autofree char *buf = g_malloc(2 * PAGE);
	const struct iovec parts[] = { { buf, PAGE / 4 }, { buf + PAGE / 4, PAGE } };

	if (open_gpu_quietly(owner->bdf, &client, &regions))
		return 1;
	mapped = vfio_client_map(&client, &regions.usemem, MAPPED, PIECE, PROT_READ | PROT_WRITE,
				 TRUE);
	r->opened = mapped && write_pattern(&client, &regions.usemem, MAPPED, PIECE, 9) &&
		    touch_read(mapped) == 0;
	if (!r->opened)
		return 2;
	sigaction(SIGBUS, &action, &before);
	/* as QEMU does; others are left in peace until they touch the page */
	prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0);

	r->own = tell(owner->base + BAD, FALSE);
	r->other = tell(owner->base + TOLD, TRUE);
	r->apart = tell(owner->base + APART, TRUE);
	r->rest = rest_is_good();
	r->touch = touch_read(mapped + BAD - MAPPED);

	r->read = vfio_client_read(&client, &regions.usemem, BAD, buf, PAGE);
	r->part = preadv(client.device, parts, G_N_ELEMENTS(parts),
			 regions.usemem.offset + BAD - PAGE / 2);
	r->apart_read = vfio_client_read(&client, &regions.usemem, APART + 7, buf, 1);
	memset(buf, 0x5a, 2 * PAGE);
	r->written = vfio_client_write(&client, &regions.usemem, BAD - PAGE / 2, buf, 2 * PAGE);
	r->byte = vfio_client_write(&client, &regions.usemem, BAD + 3, buf, 1);
	return 0;
}

/* Where the exporter has claimed the memory, or 0. */
static guint64 claimed_base(void)
{
	g_autofree char *iomem = NULL;
	const char *at;

	if (!g_file_get_contents("/proc/iomem", &iomem, NULL, NULL))
		return 0;
	at = strstr(iomem, " : nvgrace coherent memory");
	while (at && at > iomem && at[-1] != '\n')
		at--;
	return at ? g_ascii_strtoull(g_strchug((char *)at), NULL, 16) : 0;
}

static const char *code_text(int code)
{
	return code == BUS_MCEERR_AR ? "BUS_MCEERR_AR" : code == BUS_MCEERR_AO ? "BUS_MCEERR_AO" :
	       code ? "another code" : "no signal";
}

static void check_owner(const char *bdf, guint64 base)
{
	struct owner owner = {
		.bdf = bdf,
		.base = base,
		.result = mmap(NULL, sizeof(*owner.result), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0),
	};
	const struct result *r = owner.result;
	int status = child_run(own, &owner, 60);
	g_autofree char *text = child_text(status);

	report_check("poison-owner", base && r->opened && status == 0, "usemem at 0x%"
		     G_GINT64_MODIFIER "x, the owner ends with %s", base, text);
	report_check("poison-own", r->own.count == 1 && r->own.code == BUS_MCEERR_AR &&
		     r->own.offset == BAD - MAPPED, "%d signals, %s at 0x%zx of the mapping",
		     r->own.count, code_text(r->own.code), r->own.offset);
	report_check("poison-other", r->other.count == 1 && r->other.code == BUS_MCEERR_AO &&
		     r->other.offset == TOLD - MAPPED,
		     "told by another process: %d signals, %s at 0x%zx", r->other.count,
		     code_text(r->other.code), r->other.offset);
	report_check("poison-apart", r->apart.count == 0,
		     "a page that is not mapped: %d signals", r->apart.count);
	report_check("poison-rest", r->rest, "%zu other pages of the mapping are as they were",
		     PIECE / PAGE - 2);
	report_check("poison-touch", r->touch == SIGBUS, "a load: signal %d", r->touch);
	report_check("poison-read", r->read == -EIO && r->apart_read == -EIO,
		     "pread: %s, of the page that is not mapped: %s", error_text(r->read),
		     error_text(r->apart_read));
	report_check("poison-read-part", r->part == (ssize_t)(PAGE / 2),
		     "preadv from half a page before: %zd bytes", r->part);
	report_check("poison-write", r->written == (ssize_t)(2 * PAGE) && r->byte == 1,
		     "pwrite of what has it in the middle: %zd bytes, of one: %zd", r->written,
		     r->byte);
	munmap(owner.result, sizeof(*owner.result));
}

/* The next user: the memory has been scrubbed, without the page being read. */
static void check_next(const char *what, const char *bdf, guint64 usemem_kib)
{
	g_autofree char *scrub = g_strdup_printf("poison-scrub%s", what);
	g_autofree char *next = g_strdup_printf("poison-next%s", what);
	g_autofree char *line = NULL;
	g_autofree char *buf = g_malloc(PIECE);
	struct vfio_client client;
	struct gpu_regions regions;
	const char *words[] = { "scrubbed", NULL, NULL };
	g_autofree char *figure = NULL;
	gsize zero = 0;
	ssize_t bad;

	kernel_log_mark();
	if (!open_gpu(bdf, &client, &regions))
		return;
	figure = g_strdup_printf(" %" G_GUINT64_FORMAT " KiB were written",
				 usemem_kib + regions.resmem.size / 1024);
	words[1] = figure;
	line = kernel_log_find(words);
	report_check(scrub, line != NULL, "%s: %s", figure, line ?: "not in the log");

	bad = vfio_client_read(&client, &regions.usemem, BAD, buf, 1);
	for (gsize at = MAPPED; at < MAPPED + PIECE; at += PAGE) {
		if (vfio_client_read(&client, &regions.usemem, at, buf, PAGE) == (ssize_t)PAGE)
			zero += !buf[0] && !memcmp(buf, buf + 1, PAGE - 1);
	}
	report_check(next, bad == -EIO && zero == PIECE / PAGE - 2,
		     "%zu pages of %zu are zero, the bad one: %s", zero, PIECE / PAGE - 2,
		     error_text(bad));
	vfio_client_close(&client);
}

/* Nobody has told of the page yet: the scrub must not read at all. */
static void check_unknown(const char *bdf)
{
	const char *const words[] = { "scrubbed 2048 MiB", " 2097152 KiB were written", NULL };
	g_autofree char *line = NULL;
	struct vfio_client client;
	struct gpu_regions regions;
	gboolean ok = set_scrub_sparse("0") && set_scrub("1");

	kernel_log_mark();
	if (!open_gpu(bdf, &client, &regions))
		return;
	line = kernel_log_find(words);
	ok = ok && set_scrub("0") && set_scrub_sparse("1");
	vfio_client_close(&client);
	report_check("poison-unknown", ok && line, "%s", line ?: "not all is written");
}

void scenario_poison(const char *bdf)
{
	if (!bind_gpu(bdf, EXPORTER))
		return;
	check_unknown(bdf);
	check_owner(bdf, claimed_base());
	report_stage("owner");

	/* 2 MiB that the owner wrote, and a page that is poisoned only */
	if (!set_scrub("1"))
		report_check("poison-scrub", FALSE, "cannot turn the scrub on");
	check_next("", bdf, PIECE / 1024 + PAGE / 1024);
	report_stage("scrub");

	/* What is known survives the driver's binding: three pages are written again. */
	if (gpu_unbind(bdf) && bind_gpu(bdf, EXPORTER))
		check_next("-rebind", bdf, 3 * PAGE / 1024);
	report_stage("rebind");
}
