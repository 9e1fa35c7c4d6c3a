/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random operations on usemem, with any offset and length, against a model that
 * knows what each must return and what the memory holds.
 *
 *	nvgrace.operations=N	how many, 100000
 *	nvgrace.seed=N		where the sequence begins; random otherwise
 */
#define _GNU_SOURCE	/* mremap */
#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent.h"
#include "child.h"
#include "host-agent.h"
#include "pages.h"
#include "scenario.h"

#define SPAN (1ull << 40)	/* of a region in the device's file */
#define SLOTS 12
#define LARGEST (1ul << 16)	/* of one transfer: many a page */

/* A mapping.  Pages that were unmapped are PROT_NONE: what mmap would put there is not ours. */
struct slot {
	char *start;		/* NULL: free */
	guint64 offset;		/* in the region */
	gsize pages;
	gboolean whole;		/* still one mapping, as mmap made it */
	guint8 *prot;		/* of each page */
};

enum power { AWAKE, LOW_POWER, D3HOT };

struct model {
	struct vfio_client client;
	struct vfio_client_region region;
	GRand *random;
	guint8 *shadow;		/* what the region holds */
	guint8 *buf;		/* LARGEST bytes */
	struct slot slots[SLOTS];
	enum power power;
	guint64 operation;
	char *wrong;		/* NULL as long as all is as expected */
};

static void wrong(struct model *m, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void wrong(struct model *m, const char *format, ...)
{
	va_list args;

	if (m->wrong)
		return;
	va_start(args, format);
	m->wrong = g_strdup_vprintf(format, args);
	va_end(args);
}

static void expect(struct model *m, const char *what, guint64 offset, guint64 length,
		   gint64 got, gint64 want)
{
	if (got != want)
		wrong(m, "%s of 0x%" G_GINT64_MODIFIER "x bytes at 0x%" G_GINT64_MODIFIER
		      "x: %" G_GINT64_FORMAT " is not %" G_GINT64_FORMAT, what, length, offset, got,
		      want);
}

/* ------------------------------------------------------------------ random numbers */

static guint64 below(struct model *m, guint64 limit)
{
	guint64 number = (guint64)g_rand_int(m->random) << 32 | g_rand_int(m->random);

	return limit ? number % limit : 0;
}

/* As likely small as large. */
static guint64 magnitude(struct model *m, guint bits)
{
	return below(m, 1ull << below(m, bits + 1));
}

/* Anywhere in the region's part of the file, mostly in the region, often near a border. */
static guint64 any_offset(struct model *m)
{
	guint64 size = m->region.size, offset;

	switch (below(m, 16)) {
	case 0:
		return size - 8 + below(m, 16);
	case 1:
		offset = magnitude(m, 24);
		return offset < size ? size - offset : 0;
	case 2:
		return below(m, SPAN);
	case 3:
		return SPAN - 1 - magnitude(m, 20);
	case 4:
		return magnitude(m, 24);
	case 5:
		return below(m, size / PIECE) * PIECE + below(m, 16) - 8 + PIECE / 2;
	default:
		return below(m, size);
	}
}

/* ------------------------------------------------------------------------ operations */

/* What a read or write of that many bytes returns. */
static gint64 transfer_result(const struct model *m, guint64 offset, gsize length)
{
	if (!length)
		return 0;
	if (offset >= m->region.size)
		return -EINVAL;
	if (m->power == D3HOT)
		return -EIO;
	return MIN(length, m->region.size - offset);
}

static void do_read(struct model *m)
{
	guint64 offset = any_offset(m);
	gsize length = magnitude(m, 16);
	gint64 want = transfer_result(m, offset, length);
	gint64 got;

	memset(m->buf, 0xa5, length);
	got = vfio_client_read(&m->client, &m->region, offset, m->buf, length);
	expect(m, "pread", offset, length, got, want);
	if (got > 0 && memcmp(m->buf, m->shadow + offset, got))
		wrong(m, "pread of 0x%zx bytes at 0x%" G_GINT64_MODIFIER "x: not what was written",
		      length, offset);
}

static void scramble(struct model *m, gsize length)
{
	guint64 state = below(m, 0) | g_rand_int(m->random) | 1;

	for (gsize i = 0; i < length; i += 8) {
		state = state * 6364136223846793005 + 1442695040888963407;
		memcpy(m->buf + i, &state, MIN(8, length - i));
	}
}

static void do_write(struct model *m)
{
	guint64 offset = any_offset(m);
	gsize length = magnitude(m, 16);
	gint64 want = transfer_result(m, offset, length);
	gint64 got;

	scramble(m, length);
	got = vfio_client_write(&m->client, &m->region, offset, m->buf, length);
	expect(m, "pwrite", offset, length, got, want);
	if (got > 0)
		memcpy(m->shadow + offset, m->buf, got);
}

static void drop(struct slot *slot)
{
	if (munmap(slot->start, slot->pages * PAGE))
		g_error("munmap of %zu pages: %s", slot->pages, g_strerror(errno));
	g_free(slot->prot);
	*slot = (struct slot){ 0 };
}

static void do_mmap(struct model *m)
{
	static const int prots[] = { PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE,
				     PROT_NONE };
	struct slot *slot = &m->slots[below(m, SLOTS)];
	guint64 offset = any_offset(m) & ~(below(m, 8) ? PAGE - 1 : 0);
	gsize length = below(m, 8) ? magnitude(m, 24) : below(m, 2 * m->region.size);
	gsize pages = (length + PAGE - 1) / PAGE;
	int prot = prots[below(m, G_N_ELEMENTS(prots))];
	int flags = below(m, 8) ? MAP_SHARED : MAP_PRIVATE;
	gint64 want = 0, got;
	char *map;

	if (slot->start)
		drop(slot);
	if (!length || offset % PAGE || flags != MAP_SHARED ||
	    offset + pages * PAGE > m->region.size)
		want = -EINVAL;

	if (!want && below(m, 2)) {
		/* where a PMD fits */
		map = vfio_client_map(&m->client, &m->region, offset, pages * PAGE, prot, TRUE);
		got = map ? 0 : -errno;
		if (map) {
			if (munmap(map - PAGE, PAGE) || munmap(map + pages * PAGE, PAGE))
				wrong(m, "munmap beside a mapping: %s", g_strerror(errno));
		}
	} else {
		map = mmap(NULL, length, prot, flags, m->client.device,
			   m->region.offset + offset);
		got = map == MAP_FAILED ? -errno : 0;
	}
	expect(m, "mmap", offset, length, got, want);
	if (got || want)
		return;
	*slot = (struct slot){ map, offset, pages, TRUE, g_malloc(pages) };
	memset(slot->prot, prot, pages);
}

/* A slot that is in use, or NULL. */
static struct slot *any_slot(struct model *m)
{
	guint first = below(m, SLOTS);

	for (guint i = 0; i < SLOTS; i++) {
		if (m->slots[(first + i) % SLOTS].start)
			return &m->slots[(first + i) % SLOTS];
	}
	return NULL;
}

/* The signal of an access to one page. */
static int access_result(const struct model *m, const struct slot *slot, gsize page, int access)
{
	if ((slot->prot[page] & access) != access)
		return SIGSEGV;
	return m->power == AWAKE ? 0 : SIGBUS;
}

static void do_touch(struct model *m)
{
	struct slot *slot = any_slot(m);
	int access = below(m, 2) ? PROT_READ : PROT_READ | PROT_WRITE;
	gsize page, within, length;
	guint64 offset;
	int want, got;

	if (!slot)
		return;
	page = below(m, slot->pages);
	within = below(m, PAGE);
	length = 1 + below(m, below(m, 8) ? 8 : PAGE);
	length = MIN(length, PAGE - within);
	offset = slot->offset + page * PAGE + within;
	want = access_result(m, slot, page, access);
	if (access & PROT_WRITE) {
		scramble(m, length);
		got = touch_copy(slot->start + page * PAGE + within, m->buf, length);
		if (!got)
			memcpy(m->shadow + offset, m->buf, length);
	} else {
		got = touch_copy(m->buf, slot->start + page * PAGE + within, length);
		if (!got && memcmp(m->buf, m->shadow + offset, length))
			wrong(m, "load of 0x%zx bytes at 0x%" G_GINT64_MODIFIER
			      "x: not what was written", length, offset);
	}
	expect(m, access & PROT_WRITE ? "store" : "load", offset, length, got, want);
}

/* All of what can be read of a mapping, in one go. */
static void do_scan(struct model *m)
{
	struct slot *slot = any_slot(m);
	gsize first, count = 0;
	int got;

	if (!slot || m->power != AWAKE)
		return;
	first = below(m, slot->pages);
	while (first + count < slot->pages && slot->prot[first + count] & PROT_READ &&
	       count < LARGEST / PAGE)
		count++;
	if (!count)
		return;
	got = touch_copy(m->buf, slot->start + first * PAGE, count * PAGE);
	expect(m, "load", slot->offset + first * PAGE, count * PAGE, got, 0);
	if (!got && memcmp(m->buf, m->shadow + slot->offset + first * PAGE, count * PAGE))
		wrong(m, "load of %zu pages at 0x%" G_GINT64_MODIFIER "x: not what was written",
		      count, slot->offset + first * PAGE);
}

static void do_munmap(struct model *m)
{
	struct slot *slot = any_slot(m);
	gsize first, count;

	if (!slot)
		return;
	first = below(m, slot->pages);
	count = 1 + below(m, slot->pages - first);
	if (count == slot->pages) {
		drop(slot);
		return;
	}
	expect(m, "munmap", slot->offset + first * PAGE, count * PAGE,
	       munmap(slot->start + first * PAGE, count * PAGE), 0);
	expect(m, "load after munmap", slot->offset + first * PAGE, 1,
	       touch_read(slot->start + first * PAGE), SIGSEGV);
	/* keep the address */
	if (mmap(slot->start + first * PAGE, count * PAGE, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED)
		wrong(m, "somebody else has mapped something there: %s", g_strerror(errno));
	memset(slot->prot + first, PROT_NONE, count);
	slot->whole = FALSE;
}

static void do_mprotect(struct model *m)
{
	struct slot *slot = any_slot(m);
	int prot = below(m, 2) ? PROT_READ : PROT_READ | PROT_WRITE;
	gsize first, count;

	/* pages that were unmapped have nothing to protect */
	if (!slot || !slot->whole)
		return;
	first = below(m, slot->pages);
	count = 1 + below(m, slot->pages - first);
	expect(m, "mprotect", slot->offset + first * PAGE, count * PAGE,
	       mprotect(slot->start + first * PAGE, count * PAGE, prot) ? -errno : 0, 0);
	memset(slot->prot + first, prot, count);
	if (count < slot->pages)
		slot->whole = FALSE;
}

static void do_mremap(struct model *m)
{
	struct slot *slot = any_slot(m);
	gsize length;
	char *moved;

	if (!slot || !slot->whole)
		return;
	length = slot->pages * PAGE;
	if (below(m, 2)) {
		moved = mremap(slot->start, length, length + PAGE * (1 + below(m, 1024)),
			       MREMAP_MAYMOVE);
		expect(m, "mremap to more", slot->offset, length,
		       moved == MAP_FAILED ? -errno : 0, -EFAULT);
		return;
	}
	moved = mmap(NULL, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	moved = mremap(slot->start, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, moved);
	expect(m, "mremap", slot->offset, length, moved == MAP_FAILED ? -errno : 0, 0);
	if (moved != MAP_FAILED)
		slot->start = moved;
}

static void do_info(struct model *m)
{
	struct vfio_region_info info = {
		.argsz = below(m, 2) ? sizeof(info) : below(m, 2 * sizeof(info)),
		.index = below(m, 4) ? below(m, 16) : g_rand_int(m->random),
	};
	gboolean valid = info.argsz >= sizeof(info) && info.index < m->client.num_regions &&
			 info.index != VFIO_PCI_VGA_REGION_INDEX;
	guint32 index = info.index, argsz = info.argsz;
	int got = vfio_client_ioctl(&m->client, VFIO_DEVICE_GET_REGION_INFO, &info);

	expect(m, "region info", index, argsz, got, valid ? 0 : -EINVAL);
	if (!got && index == m->region.index &&
	    (info.size != m->region.size || info.offset != m->region.offset))
		wrong(m, "region info has changed");
}

static void do_reset(struct model *m)
{
	if (m->power == AWAKE)
		expect(m, "reset", 0, 0, vfio_client_reset(&m->client), 0);
}

/* Linux does not reset the bus of 10de:2340 to 237f, GH200 among them: a quirk. */
static void do_hot_reset(struct model *m)
{
	gboolean never = (vfio_client_config_read(&m->client, PCI_DEVICE_ID, 2) & 0xffc0) == 0x2340;

	if (m->power == AWAKE)
		expect(m, "hot reset", 0, 0, vfio_client_hot_reset(&m->client),
		       never ? -ENODEV : 0);
}

static gboolean set_d3hot(struct model *m, gboolean on)
{
	guint cap = vfio_client_capability(&m->client, PCI_CAP_ID_PM);

	return vfio_client_config_write(&m->client, cap + PCI_PM_CTRL, on ? 3 : 0, 2);
}

static int low_power(struct model *m, guint32 feature)
{
	struct vfio_device_feature argument = {
		.argsz = sizeof(argument), .flags = VFIO_DEVICE_FEATURE_SET | feature,
	};

	return vfio_client_ioctl(&m->client, VFIO_DEVICE_FEATURE, &argument);
}

static void wake(struct model *m)
{
	switch (m->power) {
	case D3HOT:
		expect(m, "D0", 0, 0, set_d3hot(m, FALSE), TRUE);
		break;
	case LOW_POWER:
		expect(m, "low power exit", 0, 0,
		       low_power(m, VFIO_DEVICE_FEATURE_LOW_POWER_EXIT), 0);
		break;
	case AWAKE:
		break;
	}
	m->power = AWAKE;
}

static void do_sleep(struct model *m)
{
	if (m->power != AWAKE)
		return;
	m->power = below(m, 2) ? D3HOT : LOW_POWER;
	if (m->power == D3HOT)
		expect(m, "D3hot", 0, 0, set_d3hot(m, TRUE), TRUE);
	else
		expect(m, "low power entry", 0, 0,
		       low_power(m, VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY), 0);
}

static const struct {
	const char *name;
	guint weight;
	void (*run)(struct model *m);
} operations[] = {
	{ "pread", 2000, do_read },
	{ "pwrite", 2000, do_write },
	{ "mmap", 1500, do_mmap },
	{ "touch", 6000, do_touch },
	{ "scan", 300, do_scan },
	{ "munmap", 500, do_munmap },
	{ "mprotect", 500, do_mprotect },
	{ "mremap", 300, do_mremap },
	{ "info", 500, do_info },
	{ "sleep", 8, do_sleep },
	{ "reset", 3, do_reset },
	{ "hot reset", 3, do_hot_reset },
};

static void one(struct model *m, guint64 *done)
{
	guint total = 0, i;
	guint64 pick;

	for (i = 0; i < G_N_ELEMENTS(operations); i++)
		total += operations[i].weight;
	pick = below(m, total);
	for (i = 0; pick >= operations[i].weight; i++)
		pick -= operations[i].weight;
	operations[i].run(m);
	done[i]++;
	/* what sleeps, sleeps for about 8 operations: to be woken by each takes long */
	if (m->power != AWAKE && !below(m, 8))
		wake(m);
}

void scenario_random(const char *bdf)
{
	struct model m = { 0 };
	struct gpu_regions regions;
	guint64 count = number_argument("nvgrace.operations", 100000);
	guint32 seed = number_argument("nvgrace.seed", g_random_int());
	guint64 done[G_N_ELEMENTS(operations)] = { 0 };
	g_autoptr(GString) kinds = g_string_new(NULL);
	gboolean every = TRUE;
	gsize good = 0;

	if (!bind_gpu(bdf, EXPORTER) || !open_gpu(bdf, &m.client, &regions))
		return;
	m.region = regions.usemem;
	m.random = g_rand_new_with_seed(seed);
	m.shadow = g_malloc(m.region.size);
	m.buf = g_malloc(LARGEST);
	report_check("random-start",
		     vfio_client_read(&m.client, &m.region, 0, m.shadow, m.region.size) ==
		     (ssize_t)m.region.size, "0x%" G_GINT64_MODIFIER "x bytes", m.region.size);

	/* a hang is a failure, too: 10 ms for each is more than enough */
	agent_watchdog("random operations", 60 + count / 100);
	while (m.operation < count && !m.wrong) {
		one(&m, done);
		m.operation++;
	}
	agent_watchdog("random operations", 0);
	report_check("random-operations", !m.wrong,
		     "seed %u, %" G_GUINT64_FORMAT " operations: %s", seed, m.operation,
		     m.wrong ?: "each as the model says");

	for (guint i = 0; i < G_N_ELEMENTS(operations); i++) {
		g_string_append_printf(kinds, "%s%s %" G_GUINT64_FORMAT, i ? ", " : "",
				       operations[i].name, done[i]);
		every = every && done[i];
	}
	report_check("random-kinds", every, "%s", kinds->str);

	wake(&m);
	while (good < m.region.size) {
		ssize_t got = vfio_client_read(&m.client, &m.region, good, m.buf, LARGEST);

		if (got <= 0 || memcmp(m.buf, m.shadow + good, got))
			break;
		good += got;
	}
	report_check("random-content", good == m.region.size,
		     "all of the region holds what was written to it");
	for (guint i = 0; i < SLOTS; i++) {
		if (m.slots[i].start)
			drop(&m.slots[i]);
	}
	vfio_client_close(&m.client);
	g_rand_free(m.random);
	g_free(m.shadow);
	g_free(m.buf);
	g_free(m.wrong);
	report_stage("random");
}
