/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The regions as a user of VFIO sees them: what they are, what can be mapped,
 * read and written of them, and that nothing beyond them can.
 *
 *	nvgrace.memory=SIZE	the GPU's coherent memory, as for size= of a memdev
 *	nvgrace.model=MODEL	... and its model
 */
#define _GNU_SOURCE	/* mremap, remap_file_pages */
#include <errno.h>
#include <linux/vfio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "agent.h"
#include "child.h"
#include "host-agent.h"
#include "pages.h"
#include "pattern.h"
#include "scenario.h"
#include "vfio-client.h"

/* The part of a region that the tests below write to, at its start. */
#define AREA (2 * PIECE)

/* One region under test.  Checks are named NAME-WHAT. */
struct subject {
	const char *name;
	const char *bdf;
	struct vfio_client *client;
	struct vfio_client_region region;
};

static void check(const struct subject *s, const char *what, gboolean ok, const char *format, ...)
	G_GNUC_PRINTF(4, 5);
static void check(const struct subject *s, const char *what, gboolean ok, const char *format, ...)
{
	g_autofree char *name = g_strdup_printf("%s-%s", s->name, what);
	g_autofree char *detail = NULL;
	va_list args;

	va_start(args, format);
	detail = g_strdup_vprintf(format, args);
	va_end(args);
	report_check(name, ok, "%s", detail);
}

static ssize_t region_read(const struct subject *s, guint64 offset, void *buf, gsize length)
{
	return vfio_client_read(s->client, &s->region, offset, buf, length);
}

static ssize_t region_write(const struct subject *s, guint64 offset, const void *buf, gsize length)
{
	return vfio_client_write(s->client, &s->region, offset, buf, length);
}

static char *region_map(const struct subject *s, guint64 offset, gsize length)
{
	return vfio_client_map(s->client, &s->region, offset, length, PROT_READ | PROT_WRITE, TRUE);
}

static gboolean set_pattern(const struct subject *s, guint64 offset, gsize length, guint64 seed)
{
	return write_pattern(s->client, &s->region, offset, length, seed);
}

static gboolean has_pattern(const struct subject *s, guint64 offset, gsize length, guint64 seed)
{
	return read_pattern(s->client, &s->region, offset, length, seed);
}

static gboolean map_has_pattern(const char *map, gsize length, guint64 seed, guint64 offset)
{
	return touch_pattern(map, length, seed, offset) == 0;
}

/* ------------------------------------------------------------------- what it is */

/* Computed here again, as firmware and the guest's driver do. */
static gboolean expected_split(guint64 *usemem, guint64 *resmem)
{
	g_autofree char *memory = agent_cmdline("nvgrace.memory");
	g_autofree char *model = agent_cmdline("nvgrace.model");
	static const char units[] = "KMGT";
	const char *unit;
	char *end;
	guint64 size;

	if (!memory || !model)
		return FALSE;
	size = strtoull(memory, &end, 10);
	unit = *end ? strchr(units, *end) : NULL;
	if (!unit)
		return FALSE;
	size <<= 10 * (1 + (unit - units));
	*usemem = strcmp(model, "gh200") == 0 ? (size - (1ull << 30)) & ~((512ull << 20) - 1) : size;
	*resmem = size - *usemem;
	return TRUE;
}

static void check_info(const struct subject *s, guint64 size)
{
	const guint32 flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |
			      VFIO_REGION_INFO_FLAG_MMAP | VFIO_REGION_INFO_FLAG_CAPS;
	struct vfio_region_info small = { .argsz = sizeof(small) - 1, .index = s->region.index };
	int ret;

	check(s, "size", s->region.size == size, "0x%" G_GINT64_MODIFIER "x bytes of 0x%"
	      G_GINT64_MODIFIER "x", s->region.size, size);
	check(s, "flags", s->region.flags == flags, "0x%x of 0x%x", s->region.flags, flags);
	check(s, "offset", s->region.offset == (guint64)s->region.index << 40,
	      "region %u begins at 0x%" G_GINT64_MODIFIER "x", s->region.index, s->region.offset);

	ret = vfio_client_ioctl(s->client, VFIO_DEVICE_GET_REGION_INFO, &small);
	check(s, "info-argsz", ret == -EINVAL, "argsz one byte too small: %s", error_text(ret));

	/* too small for the capabilities: told what is needed, given none */
	small.argsz = sizeof(small);
	ret = vfio_client_ioctl(s->client, VFIO_DEVICE_GET_REGION_INFO, &small);
	check(s, "info-caps",
	      !ret && small.argsz > sizeof(small) && !small.cap_offset && small.size == size,
	      "argsz %u is returned for %zu, cap_offset %u", small.argsz, sizeof(small),
	      small.cap_offset);
}

/* ------------------------------------------------------------- what can be mapped */

struct refusal {
	const struct subject *s;
	const char *what;
	guint64 offset;		/* in the device's file */
	gsize length;
	int prot;
	int flags;
	int error;
};

/* Errno of mmap.  When it does map, touching that is where kernels crash. */
static int try_mmap(void *opaque)
{
	const struct refusal *r = opaque;
	char *map = mmap(NULL, r->length, r->prot, r->flags, r->s->client->device, r->offset);

	if (map == MAP_FAILED)
		return errno;
	if (r->prot & PROT_WRITE)
		touch_write(map, 1);
	touch_read(map);
	touch_read(map + r->length - 1);
	return 0;
}

static void check_refusals(const struct subject *s)
{
	const guint64 start = s->region.offset, size = s->region.size, span = 1ull << 40;
	const int rw = PROT_READ | PROT_WRITE;
	const struct refusal refusals[] = {
		{ s, "mmap-past-end", start + size, PAGE, rw, MAP_SHARED, EINVAL },
		{ s, "mmap-across-end", start + size - PAGE, 2 * PAGE, rw, MAP_SHARED, EINVAL },
		{ s, "mmap-page-longer", start, size + PAGE, rw, MAP_SHARED, EINVAL },
		{ s, "mmap-empty", start, 0, rw, MAP_SHARED, EINVAL },
		{ s, "mmap-unaligned", start + 512, PAGE, rw, MAP_SHARED, EINVAL },
		{ s, "mmap-last-of-span", start + span - PAGE, PAGE, rw, MAP_SHARED, EINVAL },
		{ s, "mmap-across-span", start + span - PAGE, 2 * PAGE, rw, MAP_SHARED, EINVAL },
		{ s, "mmap-size-across-span", start + span - PAGE, size, rw, MAP_SHARED, EINVAL },
		{ s, "mmap-top-of-file", -2 * PAGE, PAGE, rw, MAP_SHARED, EINVAL },
		{ s, "mmap-wraps-file", -PAGE, 2 * PAGE, rw, MAP_SHARED, EOVERFLOW },
		{ s, "mmap-private-read", start, PAGE, PROT_READ, MAP_PRIVATE, EINVAL },
		{ s, "mmap-private-write", start, PAGE, rw, MAP_PRIVATE, EINVAL },
		{ s, "mmap-private-huge", start, PMD, rw, MAP_PRIVATE, EINVAL },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(refusals); i++) {
		int result = child_run(try_mmap, (void *)&refusals[i], 20);
		g_autofree char *text = child_text(result);

		check(s, refusals[i].what, result == refusals[i].error << 8,
		      "0x%zx bytes at 0x%" G_GINT64_MODIFIER "x: %s, errno %d is right",
		      refusals[i].length, refusals[i].offset, text, refusals[i].error);
	}
}

static void check_whole(const struct subject *s)
{
	const guint64 size = s->region.size;
	const guint64 at[] = { 0, PAGE - 1, PMD - 1, PMD, size / 2 + 1, size - PAGE, size - 1 };
	char *map = region_map(s, 0, size);
	guint wrong = 0;

	if (!map) {
		check(s, "mmap-whole", FALSE, "%s", g_strerror(errno));
		return;
	}
	for (gsize i = 0; i < G_N_ELEMENTS(at); i++)
		wrong += touch_write(map + at[i], pattern_byte(1, at[i])) != 0;
	for (gsize i = 0; i < G_N_ELEMENTS(at); i++)
		wrong += !map_has_pattern(map + at[i], 1, 1, at[i]) ||
			 !has_pattern(s, at[i], 1, 1);
	check(s, "mmap-whole", wrong == 0, "%u of %zu places differ between mmap and pread", wrong,
	      G_N_ELEMENTS(at));
	check(s, "mmap-ends",
	      touch_read(map + size) == SIGSEGV && touch_read(map - 1) == SIGSEGV,
	      "the bytes right before and behind the mapping are not accessible");
	vfio_client_unmap(map, size);
}

static void check_part(const struct subject *s)
{
	const guint64 offset = 3 * PAGE;
	const gsize length = 5 * PAGE;
	char *map;

	set_pattern(s, 0, AREA, 2);
	map = mmap(NULL, length, PROT_READ, MAP_SHARED, s->client->device,
		   s->region.offset + offset);
	check(s, "mmap-part", map != MAP_FAILED && map_has_pattern(map, length, 2, offset),
	      "5 pages from the 4th on hold what belongs there");
	check(s, "mmap-read-only", map != MAP_FAILED && touch_write(map, 0) == SIGSEGV &&
	      has_pattern(s, 0, AREA, 2), "a write through PROT_READ is SIGSEGV and changes nothing");
	vfio_client_munmap(map, length);
}

static void check_two_mappings(const struct subject *s)
{
	char *one = region_map(s, 0, AREA);
	char *two = region_map(s, PAGE, AREA - PAGE);
	gboolean ok = one && two;

	for (gsize at = PAGE; ok && at < AREA; at += PIECE / 2 + PAGE) {
		one[at + 8] = 0x5a;
		ok = two[at - PAGE + 8] == 0x5a;
		two[at - PAGE + 9] = 0x3c;
		ok = ok && one[at + 9] == 0x3c;
	}
	check(s, "mmap-twice", ok, "what is written through one mapping is read through the other");
	if (one)
		vfio_client_unmap(one, AREA);
	if (two)
		vfio_client_unmap(two, AREA - PAGE);
}

/* A hole in the middle of what a PMD maps, and a page of another one made read-only. */
static void check_divide(const struct subject *s)
{
	const gsize part = 12 * PAGE;
	char *map = region_map(s, 0, 2 * PMD);
	gboolean ok = map && set_pattern(s, 0, part, 3) && set_pattern(s, PMD, part, 3) &&
		      map_has_pattern(map, part, 3, 0) && map_has_pattern(map + PMD, part, 3, PMD);

	ok = ok && munmap(map + 7 * PAGE, 2 * PAGE) == 0;
	check(s, "munmap-part", ok && touch_read(map + 7 * PAGE) == SIGSEGV &&
	      touch_read(map + 9 * PAGE - 1) == SIGSEGV && map_has_pattern(map, 7 * PAGE, 3, 0) &&
	      map_has_pattern(map + 9 * PAGE, part - 9 * PAGE, 3, 9 * PAGE) &&
	      touch_read(map + PMD - 1) == 0,
	      "2 pages of a mapping are gone, the others as they were");
	ok = ok && mprotect(map + PMD + PAGE, PAGE, PROT_READ) == 0;
	check(s, "mprotect-part", ok && touch_write(map + PMD + PAGE, 0) == SIGSEGV &&
	      touch_write(map + PMD, pattern_byte(3, PMD)) == 0 &&
	      touch_write(map + PMD + 2 * PAGE, pattern_byte(3, PMD + 2 * PAGE)) == 0 &&
	      map_has_pattern(map + PMD, part, 3, PMD) && touch_read(map + 2 * PMD - 1) == 0,
	      "1 page is read-only, its neighbours are not");
	if (map)
		vfio_client_unmap(map, 2 * PMD);
}

static void check_mremap(const struct subject *s)
{
	const guint64 last = s->region.size - PAGE;
	char *map = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, s->client->device,
			 s->region.offset + last);
	char *moved, *room;

	moved = mremap(map, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
	check(s, "mremap-grow-last", moved == MAP_FAILED && errno == EFAULT,
	      "the last page does not become two: %s",
	      moved == MAP_FAILED ? g_strerror(errno) : "it did");
	vfio_client_munmap(map, PAGE);

	map = region_map(s, 0, PIECE);
	moved = mremap(map, PIECE, AREA, MREMAP_MAYMOVE);
	check(s, "mremap-grow", moved == MAP_FAILED && errno == EFAULT,
	      "a mapping does not grow: %s", moved == MAP_FAILED ? g_strerror(errno) : "it did");

	/* to where a PMD does not fit any more */
	set_pattern(s, 0, PIECE, 4);
	room = mmap(NULL, 2 * PIECE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	room += (PAGE - (gsize)room) & (PIECE - 1);
	moved = map_has_pattern(map, PIECE, 4, 0) ?
		mremap(map, PIECE, PIECE, MREMAP_MAYMOVE | MREMAP_FIXED, room) : MAP_FAILED;
	check(s, "mremap-move", moved == room && map_has_pattern(room, PIECE, 4, 0) &&
	      touch_read(map) == SIGSEGV, "moved to an address of another remainder");
	moved = mremap(room, PIECE, 3 * PAGE, 0);
	check(s, "mremap-shrink", moved == room && map_has_pattern(room, 3 * PAGE, 4, 0) &&
	      touch_read(room + 3 * PAGE) == SIGSEGV, "to 3 pages");
	vfio_client_munmap(room, 3 * PAGE);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
static void check_remap_file_pages(const struct subject *s)
{
	char *map = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, s->client->device,
			 s->region.offset);
	int ret = remap_file_pages(map, PAGE, 0, (s->region.offset + s->region.size) / PAGE, 0);

	check(s, "remap-past-end", ret == -1 && errno == EINVAL, "remap_file_pages: %s",
	      ret ? g_strerror(errno) : "no error");
	vfio_client_munmap(map, 2 * PAGE);
}
#pragma GCC diagnostic pop

/* The child of a process with a mapping: it has the same memory. */
static int fork_child(void *opaque)
{
	char *map = opaque;

	if (!map_has_pattern(map, AREA, 5, 0))
		return 1;
	if (touch_write(map + PIECE, 0x77))
		return 2;
	vfio_client_munmap(map, PIECE);
	return 0;
}

static void check_fork(const struct subject *s)
{
	char *map = region_map(s, 0, AREA);
	g_autofree char *text = NULL;
	int result;

	set_pattern(s, 0, AREA, 5);
	if (map)
		touch_read(map);
	result = child_run(fork_child, map, 20);
	text = child_text(result);
	check(s, "fork", map && result == 0 && map[PIECE] == 0x77 && map_has_pattern(map, PIECE, 5, 0),
	      "the child reads and writes the same memory (%s), and unmaps its own only", text);
	if (map)
		vfio_client_unmap(map, AREA);
}

/* --------------------------------------------------------- what can be read, written */

static void check_widths(const struct subject *s)
{
	char *map = region_map(s, 0, AREA);
	guint wrong = 0, done = 0;

	for (gsize width = 1; map && width <= 16; width++) {
		for (guint64 at = PAGE - 17; at <= PAGE + 17; at++) {
			guint8 was[64], want[64], got[16];

			pattern_fill(was, sizeof(was), 6, at - 24);
			memcpy(want, was, sizeof(was));
			pattern_fill(want + 24, width, 7, at);
			memcpy(map + at - 24, was, sizeof(was));
			wrong += region_write(s, at, want + 24, width) != (ssize_t)width;
			wrong += memcmp(map + at - 24, want, sizeof(want)) != 0;
			wrong += region_read(s, at, got, width) != (ssize_t)width;
			wrong += memcmp(got, want + 24, width) != 0;
			done++;
		}
	}
	check(s, "rw-widths", map && wrong == 0,
	      "%u writes of 1 to 16 bytes around a page's end, read back by mmap and pread: %u wrong",
	      done, wrong);
	if (map)
		vfio_client_unmap(map, AREA);
}

/* Many pages, at odd places. */
static void check_large(const struct subject *s)
{
	const gsize length = (1 << 20) + 3;
	const guint64 at = PAGE / 2 + 1;
	char *map = region_map(s, 0, AREA);
	g_autofree char *buf = g_malloc(length);
	ssize_t ret;
	gboolean ok;

	if (!map)
		return;
	memset(map, 0x11, AREA);
	ok = set_pattern(s, at, length, 8);
	check(s, "rw-large-write", ok && map_has_pattern(map + at, length, 8, at) &&
	      map[at - 1] == 0x11 && map[at + length] == 0x11,
	      "%zu bytes at 0x%" G_GINT64_MODIFIER "x, and none beside them", length, at);
	for (gsize i = 0; i < length; i++)
		map[at + i] = pattern_byte(9, at + i);
	ret = region_read(s, at, buf, length);
	check(s, "rw-large-read", ret == (ssize_t)length && pattern_match(buf, length, 9, at) == length,
	      "pread returns %zd of %zu bytes, as mmap wrote them", ret, length);
	vfio_client_unmap(map, AREA);
}

/* One call does what is in one page, and says so. */
static void check_cut(const struct subject *s)
{
	const guint64 at = PAGE - 3;
	guint8 buf[8];
	ssize_t in, out;
	gboolean ok = set_pattern(s, 0, AREA, 15);

	memset(buf, 0xee, sizeof(buf));
	in = pread(s->client->device, buf, sizeof(buf), s->region.offset + at);
	ok = ok && pattern_match(buf, 3, 15, at) == 3 && buf[3] == 0xee;
	pattern_fill(buf, sizeof(buf), 16, at);
	out = pwrite(s->client->device, buf, sizeof(buf), s->region.offset + at);
	check(s, "rw-cut", ok && in == 3 && out == 3 && has_pattern(s, at, 3, 16) &&
	      has_pattern(s, at + 3, PAGE, 15),
	      "8 bytes from 3 before a page's end: pread %zd, pwrite %zd, and no byte more", in, out);
}

static void check_clip(const struct subject *s)
{
	const guint64 size = s->region.size;
	guint8 buf[64];
	ssize_t in, out;

	pattern_fill(buf, sizeof(buf), 10, size - 5);
	out = region_write(s, size - 5, buf, sizeof(buf));
	memset(buf, 0xee, sizeof(buf));
	in = region_read(s, size - 5, buf, sizeof(buf));
	check(s, "rw-clip", out == 5 && in == 5 && pattern_match(buf, 5, 10, size - 5) == 5 &&
	      buf[5] == 0xee, "64 bytes 5 before the end: pwrite %zd, pread %zd", out, in);

	in = region_read(s, size, buf, 1);
	out = region_write(s, size, buf, 1);
	check(s, "rw-at-end", in == -EINVAL && out == -EINVAL, "pread: %s, pwrite: %s",
	      error_text(in), error_text(out));
	in = region_read(s, (1ull << 40) - 1, buf, 2);
	out = region_write(s, size + PAGE, buf, 8);
	check(s, "rw-past-end", in == -EINVAL && out == -EINVAL, "pread: %s, pwrite: %s",
	      error_text(in), error_text(out));
	in = pread(s->client->device, buf, 8, G_MAXINT64 - 7) < 0 ? -errno : 0;
	out = pwrite(s->client->device, buf, 8, -8) < 0 ? -errno : 0;
	check(s, "rw-no-region", in == -EINVAL && out == -EINVAL,
	      "file offset 2^63-8: %s, -8: %s", error_text(in), error_text(out));
	in = region_read(s, 8, buf, 0);
	out = region_write(s, 8, buf, 0);
	check(s, "rw-empty", in == 0 && out == 0, "0 bytes: pread %zd, pwrite %zd", in, out);
}

/* A page that can be accessed, followed by one that cannot. */
static char *page_and_guard(void)
{
	char *page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	mprotect(page + PAGE, PAGE, PROT_NONE);
	return page;
}

static void check_huge_count(const struct subject *s)
{
	const guint64 last = s->region.size - PAGE;
	char *page = page_and_guard();
	ssize_t in, out;

	pattern_fill(page, PAGE, 11, last);
	out = region_write(s, last, page, 0x7fffffff);
	memset(page, 0, PAGE);
	in = region_read(s, last, page, 0x7fffffff);
	check(s, "rw-huge-count", out == (ssize_t)PAGE && in == (ssize_t)PAGE &&
	      pattern_match(page, PAGE, 11, last) == PAGE,
	      "2^31-1 bytes in the last page: pwrite %zd, pread %zd", out, in);
	in = region_read(s, 0, page, G_MAXSSIZE);
	check(s, "rw-count-overflow", in == -EFAULT || in == -EINVAL, "2^63-1 bytes: %s",
	      error_text(in));
	munmap(page, 2 * PAGE);
}

/* Only the bytes that are said to be done are; a buffer may end anywhere. */
static void check_faulting_buffer(const struct subject *s)
{
	const guint64 at = PIECE - 100;
	char *page = page_and_guard();
	ssize_t in, out;
	gboolean ok;

	set_pattern(s, 0, AREA, 12);
	pattern_fill(page, PAGE, 13, at);
	out = region_write(s, at, page, PAGE + 10);
	ok = out > 0 && out <= (ssize_t)PAGE && has_pattern(s, at, out, 13) &&
	     has_pattern(s, at + out, PIECE / 2, 12) && has_pattern(s, 0, at, 12);
	check(s, "rw-fault-write", ok, "a buffer of %lu bytes of %lu: pwrite returns %zd", PAGE,
	      PAGE + 10, out);

	set_pattern(s, 0, AREA, 12);
	memset(page, 0, PAGE);
	in = region_read(s, at, page, PAGE + 10);
	check(s, "rw-fault-read", in > 0 && in <= (ssize_t)PAGE &&
	      pattern_match(page, in, 12, at) == (gsize)in, "pread returns %zd", in);

	out = region_write(s, at, page + PAGE - 5, 8);
	in = region_read(s, at, page + PAGE - 5, 8);
	check(s, "rw-fault-word", out == 5 && in == 5 && has_pattern(s, at + 5, PIECE / 2, 12),
	      "5 of 8 bytes of the buffer: pwrite returns %zd, pread %zd", out, in);

	set_pattern(s, 0, AREA, 12);
	out = region_write(s, at, page + PAGE, 16);
	in = region_read(s, at, page + PAGE, 16);
	check(s, "rw-fault-all", in == -EFAULT && out == -EFAULT && has_pattern(s, 0, AREA, 12),
	      "no byte of the buffer: pwrite: %s, pread: %s", error_text(out), error_text(in));
	munmap(page, 2 * PAGE);
}

/*
 * A vector has the kernel call the driver for each of its parts, at the position
 * that the driver left behind the one before.  Two of them end where a page does.
 */
static void check_position(const struct subject *s)
{
	const gsize lengths[] = { 3, 8, 1, PAGE - 89, 5, PAGE - 5, 2, 4, 7 };
	struct iovec parts[G_N_ELEMENTS(lengths)];
	const guint64 at = 77;
	g_autofree char *buf = NULL;
	gsize total = 0;
	ssize_t in, out;

	for (gsize i = 0; i < G_N_ELEMENTS(lengths); i++)
		total += lengths[i];
	buf = g_malloc(total);
	for (gsize i = 0, before = 0; i < G_N_ELEMENTS(lengths); before += lengths[i++])
		parts[i] = (struct iovec){ buf + before, lengths[i] };

	pattern_fill(buf, total, 14, at);
	out = pwritev(s->client->device, parts, G_N_ELEMENTS(lengths), s->region.offset + at);
	check(s, "rw-position-write", out == (ssize_t)total && has_pattern(s, at, total, 14),
	      "pwritev of %zu parts returns %zd of %zu bytes, which follow each other",
	      G_N_ELEMENTS(lengths), out, total);
	memset(buf, 0, total);
	in = preadv(s->client->device, parts, G_N_ELEMENTS(lengths), s->region.offset + at);
	check(s, "rw-position-read", in == (ssize_t)total && pattern_match(buf, total, 14, at) == total,
	      "preadv returns %zd of %zu bytes", in, total);
}

struct own {
	const struct subject *s;
	char *map;
};

/* The copy faults, in the driver, into the region that it copies from or to. */
static int own_mapping(void *opaque)
{
	const struct own *own = opaque;
	const gsize length = PIECE / 2;

	if (region_read(own->s, 0, own->map + PIECE, length) != (ssize_t)length)
		return 1;
	if (region_write(own->s, PIECE + length, own->map, length) != (ssize_t)length)
		return 2;
	/* onto itself */
	if (region_write(own->s, 0, own->map, length) != (ssize_t)length ||
	    region_read(own->s, 0, own->map, length) != (ssize_t)length)
		return 3;
	return 0;
}

/* Faulting in what is written must not alter it: it is what is read. */
static int own_fresh(void *opaque)
{
	const struct own *own = opaque;

	return region_read(own->s, 0, own->map, PIECE) != PIECE;
}

static void check_own_mapping(const struct subject *s)
{
	struct own own = { s, region_map(s, 0, AREA) };
	g_autofree char *text = NULL;
	int result;

	/* the children have no page of the mapping yet */
	set_pattern(s, 0, AREA, 15);
	result = child_run(own_fresh, &own, 30);
	check(s, "rw-own-fresh", own.map && result == 0 && has_pattern(s, 0, PIECE, 15),
	      "the buffer is what is read, and not yet mapped: %s",
	      result ? "fails" : "read");
	result = child_run(own_mapping, &own, 30);
	text = child_text(result);
	check(s, "rw-own-mapping", own.map && result == 0 && has_pattern(s, 0, PIECE, 15) &&
	      map_has_pattern(own.map + PIECE, PIECE / 2, 15, 0) &&
	      map_has_pattern(own.map + 3 * PIECE / 2, PIECE / 2, 15, 0),
	      "the buffer is a mapping of the same region: %s", text);
	if (own.map)
		vfio_client_unmap(own.map, AREA);
}

/* --------------------------------------------------------------------- together */

/* usemem ends where resmem begins: neither must reach into the other. */
static void check_border(const struct subject *usemem, const struct subject *resmem)
{
	const guint64 end = usemem->region.size;
	char *left = region_map(usemem, end - PIECE, PIECE);
	char *right = region_map(resmem, 0, PIECE);
	guint8 buf[128];
	ssize_t in, out;

	if (!left || !right) {
		report_check("border", FALSE, "cannot map: %s", g_strerror(errno));
		return;
	}
	pattern_fill(left, PIECE, 20, end - PIECE);
	pattern_fill(right, PIECE, 21, 0);
	report_check("border-mmap", map_has_pattern(left, PIECE, 20, end - PIECE) &&
		     map_has_pattern(right, PIECE, 21, 0) && touch_read(left + PIECE) == SIGSEGV &&
		     touch_read(right - 1) == SIGSEGV,
		     "2 MiB on either side are distinct, and the mappings end there");

	memset(buf, 0xee, sizeof(buf));
	in = region_read(usemem, end - 64, buf, sizeof(buf));
	report_check("border-read", in == 64 && pattern_match(buf, 64, 20, end - 64) == 64 &&
		     buf[64] == 0xee, "128 bytes across it: pread %zd", in);
	out = region_write(usemem, end - 64, buf, sizeof(buf));
	report_check("border-write", out == 64 && map_has_pattern(right, PIECE, 21, 0),
		     "128 bytes across it: pwrite %zd, resmem unchanged", out);
	in = pread(resmem->client->device, buf, 8, resmem->region.offset - 4) < 0 ? -errno : 0;
	report_check("border-before", in == -EINVAL, "4 bytes before resmem: %s", error_text(in));
	vfio_client_unmap(left, PIECE);
	vfio_client_unmap(right, PIECE);
}

/* A mapping holds the device, whatever is closed; then it is free again. */
static void check_close(struct subject *s)
{
	char *map = region_map(s, 0, AREA);
	struct vfio_client other;
	gboolean ok;
	int ret, again;

	set_pattern(s, 0, AREA, 30);
	ok = map && touch_read(map) == 0;
	vfio_client_close(s->client);
	ok = ok && map_has_pattern(map, AREA, 30, 0) && touch_write(map, 0x42) == 0 &&
	     map[0] == 0x42;
	check(s, "close-keeps-mapping", ok,
	      "every file of it is closed, the memory is still there");
	ret = vfio_client_open(&other, s->bdf);
	if (map)
		vfio_client_unmap(map, AREA);
	if (!ret)
		vfio_client_close(&other);
	again = vfio_client_open(s->client, s->bdf);
	check(s, "close-busy", ret == vfio_client_busy() && again == 0,
	      "opened again while mapped: %s, after munmap: %s", error_text(ret),
	      error_text(again));
}

static void check_region(struct subject *s)
{
	check_refusals(s);
	check_whole(s);
	check_part(s);
	check_two_mappings(s);
	check_divide(s);
	check_mremap(s);
	check_remap_file_pages(s);
	check_fork(s);
	check_widths(s);
	check_large(s);
	check_cut(s);
	check_clip(s);
	check_huge_count(s);
	check_faulting_buffer(s);
	check_position(s);
	check_own_mapping(s);
	report_stage(s->name);
}

void scenario_regions(const char *bdf)
{
	struct vfio_client client;
	struct gpu_regions regions;
	struct subject usemem = { .name = "usemem", .bdf = bdf, .client = &client };
	struct subject resmem = { .name = "resmem", .bdf = bdf, .client = &client };
	guint64 usemem_size, resmem_size;

	if (!bind_gpu(bdf, EXPORTER) || !open_gpu(bdf, &client, &regions) ||
	    !expected_split(&usemem_size, &resmem_size))
		return;
	usemem.region = regions.usemem;
	resmem.region = regions.resmem;
	report_check("region-count",
		     client.num_regions == VFIO_PCI_NUM_REGIONS + (resmem_size ? 2u : 1u),
		     "%u with those of PCI", client.num_regions);

	check_info(&usemem, usemem_size);
	check_region(&usemem);
	if (resmem_size) {
		check_info(&resmem, resmem_size);
		check_region(&resmem);
		check_border(&usemem, &resmem);
		check_close(&resmem);
	}
	check_close(&usemem);
	vfio_client_close(&client);
}
