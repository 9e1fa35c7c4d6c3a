/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Resets and power states under a user who has the memory mapped.  The emulated
 * GPU keeps its content through a reset, but reads all ones and drops writes
 * until it is ready again: a process that touches the memory has to wait, and
 * finds what it left.
 *
 * Needs three more GPUs: one that takes 1000 ms to be ready after a reset, one
 * that tells by CXL, in at most 1 s, and never is again after a reset, and one that
 * tells by CXL and works.
 *
 *	nvgrace.seconds=N	how long resets and accesses go on at once, 6
 */
#include <errno.h>
#include <linux/futex.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent.h"
#include "child.h"
#include "dmabuf.h"
#include "gpu-sysfs.h"
#include "host-agent.h"
#include "hw/misc/nvgrace-gpu-regs.h"
#include "pages.h"
#include "pattern.h"
#include "scenario.h"

#define AREA (2 * PIECE)

#define SLOW_DELAY_MS 1000	/* of the second */
#define CXL_MS 1000		/* the most that the third may take */

struct gpu {
	const char *bdf;
	struct vfio_client client;
	struct gpu_regions regions;
	char *map;		/* AREA bytes at the start of usemem */
};

static gboolean gpu_open(struct gpu *gpu, const char *bdf)
{
	gpu->bdf = bdf;
	if (!bind_gpu(bdf, EXPORTER) || !open_gpu(bdf, &gpu->client, &gpu->regions))
		return FALSE;
	gpu->map = vfio_client_map(&gpu->client, &gpu->regions.usemem, 0, AREA,
				   PROT_READ | PROT_WRITE, TRUE);
	report_check("map", gpu->map != NULL, "%s: usemem is mapped", bdf);
	return gpu->map != NULL;
}

static void gpu_close(struct gpu *gpu)
{
	vfio_client_unmap(gpu->map, AREA);
	vfio_client_close(&gpu->client);
}

static guint ms_since(gint64 start)
{
	return (g_get_monotonic_time() - start) / 1000;
}

/* ----------------------------------------------------------- each kind of reset */

static int reset_vfio(const struct gpu *gpu)
{
	return vfio_client_reset(&gpu->client);
}

static int reset_flr(const struct gpu *gpu)
{
	guint cap = vfio_client_capability(&gpu->client, PCI_CAP_ID_EXP);
	guint32 control = vfio_client_config_read(&gpu->client, cap + PCI_EXP_DEVCTL, 2);

	if (!cap)
		return -ENODEV;
	return vfio_client_config_write(&gpu->client, cap + PCI_EXP_DEVCTL,
					control | PCI_EXP_DEVCTL_BCR_FLR, 2) ? 0 : -EIO;
}

static int reset_sysfs(const struct gpu *gpu)
{
	return gpu_write(gpu->bdf, "reset", "1");
}

static int set_power_state(const struct gpu *gpu, guint state)
{
	guint cap = vfio_client_capability(&gpu->client, PCI_CAP_ID_PM);
	guint32 control = vfio_client_config_read(&gpu->client, cap + PCI_PM_CTRL, 2);

	if (!cap)
		return -ENODEV;
	return vfio_client_config_write(&gpu->client, cap + PCI_PM_CTRL,
					(control & ~PCI_PM_CTRL_STATE_MASK) | state, 2) ? 0 : -EIO;
}

/* The same, with the data at the end of the mapping. */
static int set_power_state_from(const struct gpu *gpu, guint state)
{
	guint cap = vfio_client_capability(&gpu->client, PCI_CAP_ID_PM);
	guint16 *word = (guint16 *)(gpu->map + AREA) - 1;
	struct vfio_client_region config;

	if (!cap || vfio_client_region(&gpu->client, VFIO_PCI_CONFIG_REGION_INDEX, &config))
		return -ENODEV;
	*word = GUINT16_TO_LE(state);
	return vfio_client_write(&gpu->client, &config, cap + PCI_PM_CTRL, word, 2) == 2 ? 0 : -EIO;
}

static int power_cycle(const struct gpu *gpu)
{
	return set_power_state(gpu, 3) ?: set_power_state(gpu, 0);
}

static const struct {
	const char *name;
	int (*reset)(const struct gpu *gpu);
} kinds[] = {
	{ "vfio", reset_vfio },
	{ "flr", reset_flr },
	{ "sysfs", reset_sysfs },
	{ "d3hot", power_cycle },	/* the last, see storm() */
};

#define RESETS (G_N_ELEMENTS(kinds) - 1)

/* Mapped before, unmapped by the reset, right again at the first access after it. */
static void check_each_kind(const struct gpu *gpu)
{
	for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
		g_autofree char *name = g_strdup_printf("reset-%s", kinds[i].name);
		gint64 start;
		guint64 faults;
		int before, ret, after;
		gboolean rw;

		write_pattern(&gpu->client, &gpu->regions.usemem, 0, AREA, i + 1);
		before = touch_pattern(gpu->map, AREA, i + 1, 0);
		start = g_get_monotonic_time();
		ret = kinds[i].reset(gpu);
		faults = thread_faults();
		after = touch_read(gpu->map);
		faults = thread_faults() - faults;
		after = after ?: touch_pattern(gpu->map, AREA, i + 1, 0);
		rw = read_pattern(&gpu->client, &gpu->regions.usemem, 0, AREA, i + 1);
		report_check(name, !before && !ret && !after && rw && faults > 0,
			     "%s; the first access faults (%" G_GUINT64_FORMAT
			     "), the content is %s; %u ms", error_text(ret), faults,
			     after || !rw ? "not the same" : "the same", ms_since(start));
	}
}

/* ---------------------------------------------------------- resets under access */

#define STRIPE (1ul << 20)	/* what one thread has for itself */
#define SLOTS 512u		/* 64-bit words in it that are used */
#define MAPPERS 4u
#define COPIERS 2u

struct storm {
	struct gpu *gpu;
	char *map[MAPPERS];
	gboolean stop;
};

struct worker {
	struct storm *storm;
	guint number;
	guint64 done, wrong, ones, signals, errors;
};

static gboolean stopped(struct storm *storm)
{
	return g_atomic_int_get(&storm->stop);
}

/* Words, by loads and stores. */
static gpointer mapper(gpointer opaque)
{
	struct worker *me = opaque;
	char *map = me->storm->map[me->number];
	g_autofree guint64 *shadow = g_new0(guint64, SLOTS);
	g_autoptr(GRand) random = g_rand_new_with_seed(me->number);

	while (!stopped(me->storm)) {
		guint slot = g_rand_int_range(random, 0, SLOTS);
		guint64 *word = (guint64 *)(map + slot * (STRIPE / SLOTS));
		guint64 value = (guint64)g_rand_int(random) << 16 | me->number;
		gboolean write = value & (1ul << 20) || !shadow[slot];
		int signal_number = write ? touch_copy(word, &value, sizeof(value)) :
					    touch_copy(&value, word, sizeof(value));

		me->done++;
		if (signal_number)
			me->signals++;
		else if (write)
			shadow[slot] = value;
		else if (value == G_MAXUINT64)
			me->ones++;
		else if (value != shadow[slot])
			me->wrong++;
	}
	return NULL;
}

/* Pieces of all sizes, by pread and pwrite: odd threads in resmem. */
static gpointer copier(gpointer opaque)
{
	struct worker *me = opaque;
	struct gpu *gpu = me->storm->gpu;
	const struct vfio_client_region *region = me->number & 1 ? &gpu->regions.resmem :
								   &gpu->regions.usemem;
	guint64 start = (MAPPERS + me->number) * STRIPE, seed = 0;
	g_autofree char *buf = g_malloc(STRIPE);
	g_autoptr(GRand) random = g_rand_new_with_seed(100 + me->number);

	while (!stopped(me->storm)) {
		gsize length = g_rand_int_range(random, 1, 1 << g_rand_int_range(random, 1, 17));
		guint64 at = start + g_rand_int_range(random, 0, STRIPE - length);
		gsize good;

		pattern_fill(buf, length, ++seed, at);
		if (vfio_client_write(&gpu->client, region, at, buf, length) != (ssize_t)length ||
		    vfio_client_read(&gpu->client, region, at, buf, length) != (ssize_t)length) {
			me->errors++;
			continue;
		}
		good = pattern_match(buf, length, seed, at);
		if (good < length && buf[good] == (char)0xff)
			me->ones++;
		else if (good < length)
			me->wrong++;
		me->done++;
	}
	return NULL;
}

struct storm_result {
	guint resets;
	guint refused;
	struct worker mappers, copiers;	/* sums */
	guint64 least;			/* what the slowest worker did */
};

struct storm_task {
	struct gpu *gpu;
	guint seconds;
	gboolean power_cycles;		/* instead of resets */
	struct storm_result *result;	/* shared with the parent */
};

static void add(struct worker *sum, const struct worker *worker)
{
	sum->done += worker->done;
	sum->wrong += worker->wrong;
	sum->ones += worker->ones;
	sum->signals += worker->signals;
	sum->errors += worker->errors;
}

static int storm(void *opaque)
{
	struct storm_task *task = opaque;
	struct storm_result *result = task->result;
	struct storm storm = { .gpu = task->gpu };
	struct worker workers[MAPPERS + COPIERS] = { 0 };
	GThread *threads[MAPPERS + COPIERS];
	gint64 end = g_get_monotonic_time() + (gint64)task->seconds * G_USEC_PER_SEC;

	for (guint i = 0; i < MAPPERS; i++) {
		storm.map[i] = vfio_client_map(&task->gpu->client,
					       i & 1 ? &task->gpu->regions.resmem :
						       &task->gpu->regions.usemem,
					       i * STRIPE, STRIPE, PROT_READ | PROT_WRITE, TRUE);
		if (!storm.map[i])
			return 1;
	}
	for (guint i = 0; i < MAPPERS + COPIERS; i++) {
		workers[i].storm = &storm;
		workers[i].number = i < MAPPERS ? i : i - MAPPERS;
		threads[i] = g_thread_new("worker", i < MAPPERS ? mapper : copier, &workers[i]);
	}

	while (g_get_monotonic_time() < end) {
		guint kind = task->power_cycles ? RESETS : result->resets % RESETS;
		int ret = kinds[kind].reset(task->gpu);

		result->resets++;
		result->refused += ret != 0;
		/*
		 * Some come one after the other, some find everything mapped again.
		 * Between power cycles, there is time to begin to map.
		 */
		g_usleep(task->power_cycles ? 1000 + result->resets % 4 * 1000 :
			 result->resets % 3 * 20000);
	}
	g_atomic_int_set(&storm.stop, TRUE);
	result->least = G_MAXUINT64;
	for (guint i = 0; i < MAPPERS + COPIERS; i++) {
		g_thread_join(threads[i]);
		add(i < MAPPERS ? &result->mappers : &result->copiers, &workers[i]);
		result->least = MIN(result->least, workers[i].done);
	}
	return 0;
}

/* Checks named NAME-WHAT. */
static void check_storm(struct gpu *gpu, const char *name, guint seconds, gboolean power_cycles)
{
	struct storm_task task = {
		.gpu = gpu,
		.seconds = seconds,
		.power_cycles = power_cycles,
		.result = mmap(NULL, sizeof(*task.result), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0),
	};
	const struct worker *m = &task.result->mappers, *c = &task.result->copiers;
	int status = child_run(storm, &task, seconds + 30);
	g_autofree char *text = child_text(status);
	g_autofree char *ends = g_strdup_printf("%s-ends", name);
	g_autofree char *resets = g_strdup_printf("%s-resets", name);
	g_autofree char *progress = g_strdup_printf("%s-progress", name);
	g_autofree char *map = g_strdup_printf("%s-mmap", name);
	g_autofree char *rw = g_strdup_printf("%s-rw", name);

	report_check(ends, status == 0, "%u threads, %u s: %s", MAPPERS + COPIERS, seconds, text);
	report_check(resets, task.result->resets >= seconds && !task.result->refused,
		     "%u, %u refused", task.result->resets, task.result->refused);
	report_check(progress, task.result->least > 0,
		     "%" G_GUINT64_FORMAT " loads and stores, %" G_GUINT64_FORMAT
		     " writes with read, at least %" G_GUINT64_FORMAT " by each thread",
		     m->done, c->done, task.result->least);
	/* Nobody can wait for the end of D3hot: that is an error. */
	report_check(map, !m->wrong && !m->ones && (power_cycles || !m->signals),
		     "%" G_GUINT64_FORMAT " wrong, %" G_GUINT64_FORMAT " of the GPU in reset, %"
		     G_GUINT64_FORMAT " signals", m->wrong, m->ones, m->signals);
	report_check(rw, !c->wrong && !c->ones && (power_cycles || !c->errors),
		     "%" G_GUINT64_FORMAT " wrong, %" G_GUINT64_FORMAT " of the GPU in reset, %"
		     G_GUINT64_FORMAT " errors", c->wrong, c->ones, c->errors);
	munmap(task.result, sizeof(*task.result));
}

/* ---------------------------------------------------------------- power, decoding */

static int low_power(const struct gpu *gpu, guint32 feature)
{
	return vfio_client_set_feature(&gpu->client, feature, NULL, 0);
}

static void check_low_power(const struct gpu *gpu)
{
	const struct vfio_client_region *usemem = &gpu->regions.usemem;
	int entry, engaged, exit, after;
	gboolean rw;

	write_pattern(&gpu->client, usemem, 0, AREA, 50);
	touch_read(gpu->map);
	entry = low_power(gpu, VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY);
	engaged = touch_read(gpu->map);
	rw = read_pattern(&gpu->client, usemem, 0, AREA, 50);
	report_check("low-power-mmap", !entry && engaged == SIGBUS, "entry: %s; access: signal %d",
		     error_text(entry), engaged);
	report_check("low-power-read", rw, "pread wakes the device and reads what is there");
	engaged = touch_read(gpu->map);
	report_check("low-power-again", engaged == SIGBUS, "access after that: signal %d", engaged);
	exit = low_power(gpu, VFIO_DEVICE_FEATURE_LOW_POWER_EXIT);
	after = touch_pattern(gpu->map, AREA, 50, 0);
	report_check("low-power-exit", !exit && !after, "exit: %s, the content is %s",
		     error_text(exit), after ? "not the same" : "the same");
}

static void check_d3hot(const struct gpu *gpu)
{
	const struct vfio_client_region *usemem = &gpu->regions.usemem;
	char byte = 0;
	int off, asleep, on, after;
	ssize_t in, out;

	write_pattern(&gpu->client, usemem, 0, AREA - 2, 51);
	touch_read(gpu->map);
	off = set_power_state(gpu, 3);
	asleep = touch_read(gpu->map);
	in = vfio_client_read(&gpu->client, usemem, 0, &byte, 1);
	out = vfio_client_write(&gpu->client, usemem, 0, &byte, 1);
	report_check("d3hot-mmap", !off && asleep == SIGBUS, "access: signal %d", asleep);
	report_check("d3hot-rw", in == -EIO && out == -EIO, "pread: %s, pwrite: %s",
		     error_text(in), error_text(out));
	on = set_power_state(gpu, 0) ?: set_power_state_from(gpu, 3);
	asleep = touch_read(gpu->map);
	report_check("d3hot-own", !on && asleep == SIGBUS,
		     "with the data in this memory: %s, then signal %d", error_text(on), asleep);
	on = set_power_state(gpu, 0);
	after = touch_pattern(gpu->map, AREA - 2, 51, 0);
	report_check("d3hot-d0", !on && !after, "in D0 again the content is %s",
		     after ? "not the same" : "the same");
}

/* Guests write it: what stays in D0 stays mapped. */
static void check_d0(const struct gpu *gpu)
{
	guint cap = vfio_client_capability(&gpu->client, PCI_CAP_ID_PM);
	guint64 faults;
	int words, bytes;

	touch_read(gpu->map);
	faults = thread_faults();
	words = set_power_state(gpu, 0);
	bytes = !vfio_client_config_write(&gpu->client, cap + PCI_PM_CTRL, 0, 1) ||
		!vfio_client_config_write(&gpu->client, cap + PCI_PM_CTRL, 0, 4);
	touch_read(gpu->map);
	faults = thread_faults() - faults;
	report_check("d0-again", !words && !bytes && !faults,
		     "from D0 to D0 in 1, 2 and 4 bytes: %" G_GUINT64_FORMAT " faults", faults);
}

/* The memory is behind no BAR: decoding of BARs is none of its business. */
static void check_decoding(const struct gpu *gpu)
{
	const struct vfio_client_region *usemem = &gpu->regions.usemem;
	guint32 command = vfio_client_config_read(&gpu->client, PCI_COMMAND, 2);
	int mapped, ret, after;
	guint32 now;
	gboolean rw;

	vfio_client_config_write(&gpu->client, PCI_COMMAND, command | PCI_COMMAND_MEMORY, 2);
	write_pattern(&gpu->client, usemem, 0, AREA, 52);
	mapped = touch_pattern(gpu->map, PIECE, 52, 0);
	vfio_client_config_write(&gpu->client, PCI_COMMAND, command & ~PCI_COMMAND_MEMORY, 2);
	now = vfio_client_config_read(&gpu->client, PCI_COMMAND, 2);
	mapped = mapped ?: touch_pattern(gpu->map, AREA, 52, 0);
	report_check("decoding-off-mmap", !mapped && !(now & PCI_COMMAND_MEMORY),
		     "PCI_COMMAND 0x%x, what was mapped and what was not is the same", now);
	rw = write_pattern(&gpu->client, usemem, PAGE, PAGE, 53) &&
	     touch_pattern(gpu->map + PAGE, PAGE, 53, PAGE) == 0 &&
	     read_pattern(&gpu->client, usemem, PAGE, PAGE, 53);
	report_check("decoding-off-rw", rw, "pwrite and pread agree with the mapping");

	/* The readiness registers are in BAR 0, and must be read without the user's help. */
	ret = reset_vfio(gpu);
	vfio_client_config_write(&gpu->client, PCI_COMMAND, command & ~PCI_COMMAND_MEMORY, 2);
	after = touch_pattern(gpu->map + PAGE, PAGE, 53, PAGE);
	now = vfio_client_config_read(&gpu->client, PCI_COMMAND, 2);
	report_check("decoding-off-reset", !ret && !after && !(now & PCI_COMMAND_MEMORY),
		     "reset: %s, the content is %s, PCI_COMMAND 0x%x", error_text(ret),
		     after ? "not the same" : "the same", now);
	vfio_client_config_write(&gpu->client, PCI_COMMAND, command, 2);
}

/* With a CXL DVSEC it is different: without Memory Space an access may be fatal. */
static void check_cxl_decoding(const struct gpu *gpu)
{
	const struct vfio_client_region *usemem = &gpu->regions.usemem;
	guint32 command = vfio_client_config_read(&gpu->client, PCI_COMMAND, 2);
	char byte = 0;
	int ret, before, off, reset, after;
	ssize_t in, out;

	vfio_client_config_write(&gpu->client, PCI_COMMAND, command | PCI_COMMAND_MEMORY, 2);
	write_pattern(&gpu->client, usemem, 0, AREA, 54);
	before = touch_pattern(gpu->map, PIECE, 54, 0);
	vfio_client_config_write(&gpu->client, PCI_COMMAND, command & ~PCI_COMMAND_MEMORY, 2);
	off = touch_read(gpu->map);
	in = vfio_client_read(&gpu->client, usemem, 0, &byte, 1);
	out = vfio_client_write(&gpu->client, usemem, 0, &byte, 1);
	report_check("cxl-off", !before && off == SIGBUS && in == -EIO && out == -EIO,
		     "without Memory Space: signal %d, pread: %s, pwrite: %s", off,
		     error_text(in), error_text(out));
	vfio_client_config_write(&gpu->client, PCI_COMMAND, command | PCI_COMMAND_MEMORY, 2);
	after = touch_pattern(gpu->map, AREA, 54, 0);
	ret = reset_vfio(gpu);
	reset = touch_pattern(gpu->map, AREA, 54, 0);
	report_check("cxl-on", !after && !ret && !reset,
		     "with it again, and after a reset, the content is %s",
		     after || reset ? "not the same" : "the same");
}

/* ------------------------------------------------------------- slow, and never ready */

static int touch_map(void *opaque)
{
	return touch_read(opaque);
}

static void check_slow(const struct gpu *gpu)
{
	const struct vfio_client_region *usemem = &gpu->regions.usemem;
	gint64 start;
	guint ms;
	pid_t pid;
	int ret, after;

	write_pattern(&gpu->client, usemem, 0, AREA, 60);
	touch_read(gpu->map);
	start = g_get_monotonic_time();
	ret = reset_vfio(gpu);
	after = touch_pattern(gpu->map, AREA, 60, 0);
	ms = ms_since(start);
	report_check("slow-mmap", !ret && !after && ms >= SLOW_DELAY_MS,
		     "the content is %s, %u ms after the reset", after ? "not the same" : "the same",
		     ms);

	start = g_get_monotonic_time();
	ret = reset_vfio(gpu);
	after = !read_pattern(&gpu->client, usemem, 0, AREA, 60);
	ms = ms_since(start);
	report_check("slow-read", !ret && !after && ms >= SLOW_DELAY_MS,
		     "pread waits, too: %u ms", ms);

	/* Who waits in a page fault can be killed, and others can reset meanwhile. */
	ret = reset_vfio(gpu);
	start = g_get_monotonic_time();
	pid = child_start(touch_map, gpu->map);
	g_usleep(200000);
	ret = ret ?: reset_vfio(gpu);
	after = child_kill(pid, 20);
	ms = ms_since(start);
	report_check("slow-kill", !ret && after == SIGKILL && ms < SLOW_DELAY_MS,
		     "a waiting process is gone %u ms after its access began", ms);
}

/*
 * A futex faults without letting go of the lock on the address space, in which
 * nothing may wait for the GPU.  The key of a private one is no page.
 */
static void check_futex(const struct gpu *gpu)
{
	guint32 word = 0;
	int early, later = 0, ret = reset_vfio(gpu);

	early = syscall(SYS_futex, &word, FUTEX_WAKE_OP_PRIVATE, 1, 1, gpu->map,
			FUTEX_OP(FUTEX_OP_SET, 1, FUTEX_OP_CMP_EQ, 0)) < 0 ? errno : 0;
	if (!touch_read(gpu->map))
		later = syscall(SYS_futex, &word, FUTEX_WAKE_OP_PRIVATE, 1, 1, gpu->map,
				FUTEX_OP(FUTEX_OP_SET, 1, FUTEX_OP_CMP_EQ, 0)) < 0 ? errno : 0;
	report_check("slow-futex", !ret && early == EFAULT && !later,
		     "right after the reset: %s, when it is ready: %s", g_strerror(early),
		     g_strerror(later));
}

#define WAITERS 8

static gpointer wait_for_it(gpointer map)
{
	touch_read(map);
	return NULL;
}

/* Who waits together asks together: decoding that the user has off is not turned on by each. */
static void check_asked(const struct gpu *gpu)
{
	guint32 command = vfio_client_config_read(&gpu->client, PCI_COMMAND, 2);
	GThread *threads[WAITERS];
	struct vfio_client_region bar0;
	guint32 before = 0, after = 0;
	gint64 start;
	guint ms;
	int ret;

	ret = vfio_client_region(&gpu->client, VFIO_PCI_BAR0_REGION_INDEX, &bar0) ?:
	      reset_vfio(gpu);
	start = g_get_monotonic_time();
	vfio_client_config_write(&gpu->client, PCI_COMMAND, command | PCI_COMMAND_MEMORY, 2);
	vfio_client_read(&gpu->client, &bar0, NVGRACE_REG_DECODES, &before, sizeof(before));
	vfio_client_config_write(&gpu->client, PCI_COMMAND, command & ~PCI_COMMAND_MEMORY, 2);
	for (guint i = 0; i < WAITERS; i++)
		threads[i] = g_thread_new("waiter", wait_for_it, gpu->map);
	for (guint i = 0; i < WAITERS; i++)
		g_thread_join(threads[i]);
	ms = ms_since(start);
	vfio_client_config_write(&gpu->client, PCI_COMMAND, command | PCI_COMMAND_MEMORY, 2);
	vfio_client_read(&gpu->client, &bar0, NVGRACE_REG_DECODES, &after, sizeof(after));
	/* once for each of us here, and at most every 20 ms */
	report_check("slow-asked", !ret && before && after > before &&
		     after - before <= 2 + ms / 20 + 1,
		     "decoding was turned on %u times in %u ms with %d waiting", after - before,
		     ms, WAITERS);
	vfio_client_config_write(&gpu->client, PCI_COMMAND, command, 2);
}

static void check_never(const struct gpu *gpu)
{
	gint64 start;
	guint first, second;
	int ret, signal_number, again;
	char byte;
	ssize_t in;

	ret = reset_vfio(gpu);
	start = g_get_monotonic_time();
	signal_number = touch_read(gpu->map);
	first = ms_since(start);
	report_check("never-mmap", !ret && signal_number == SIGBUS && first >= CXL_MS - 500,
		     "signal %d after %u ms", signal_number, first);
	start = g_get_monotonic_time();
	in = vfio_client_read(&gpu->client, &gpu->regions.usemem, 0, &byte, 1);
	again = touch_read(gpu->map);
	second = ms_since(start);
	again = dmabuf_get_region(&gpu->client, &gpu->regions.usemem, 0, PAGE) == -ETIMEDOUT ?
		again : -1;
	report_check("never-again", in == -ETIMEDOUT && again == SIGBUS && second < CXL_MS / 2,
		     "pread: %s, signal %d, a dma-buf likewise, at once: %u ms", error_text(in),
		     again, second);
}

void scenario_reset(const char *bdf)
{
	g_auto(GStrv) all = gpu_list();
	struct gpu gpu;

	report_check("gpus", g_strv_length(all) == 4, "%u GPUs", g_strv_length(all));
	if (g_strv_length(all) != 4 || !gpu_open(&gpu, bdf))
		return;
	check_each_kind(&gpu);
	check_low_power(&gpu);
	check_d3hot(&gpu);
	check_d0(&gpu);
	check_decoding(&gpu);
	report_stage("resets");
	check_storm(&gpu, "storm", number_argument("nvgrace.seconds", 6), FALSE);
	check_storm(&gpu, "storm-d3hot", 4, TRUE);
	report_stage("storm");
	gpu_close(&gpu);

	if (!gpu_open(&gpu, all[1]))
		return;
	check_slow(&gpu);
	check_futex(&gpu);
	check_asked(&gpu);
	report_stage("slow");
	gpu_close(&gpu);

	if (!gpu_open(&gpu, all[2]))
		return;
	check_never(&gpu);
	report_stage("never");
	gpu_close(&gpu);

	if (!gpu_open(&gpu, all[3]))
		return;
	check_cxl_decoding(&gpu);
	report_stage("cxl");
	gpu_close(&gpu);
}
