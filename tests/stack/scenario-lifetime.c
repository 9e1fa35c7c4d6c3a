/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who has the GPU, and what becomes of it when he goes: by closing, by being
 * killed at any moment, because the driver is taken away under him.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent.h"
#include "child.h"
#include "gpu-sysfs.h"
#include "host-agent.h"
#include "pages.h"
#include "pattern.h"
#include "scenario.h"

#define AREA PIECE		/* what is mapped */
#define PART (64ul << 10)	/* what is looked at of it */

/* After each of these the GPU is opened and used: 50 times in all. */
#define KILLS 20
#define BINDS 10
#define OPENS 20

/* Open, look whether the memory works, close. 0 or a negative errno. */
static int use_once(const char *bdf, guint64 seed)
{
	struct vfio_client client;
	struct gpu_regions regions;
	int ret = open_gpu_quietly(bdf, &client, &regions);
	char *map;

	if (ret)
		return ret;
	map = vfio_client_map(&client, &regions.usemem, 0, AREA, PROT_READ | PROT_WRITE, TRUE);
	if (!map || !write_pattern(&client, &regions.usemem, 0, PART, seed) ||
	    touch_pattern(map, PART, seed, 0))
		ret = -EIO;
	if (map)
		vfio_client_unmap(map, AREA);
	vfio_client_close(&client);
	return ret;
}

static void check_two_openers(const char *bdf)
{
	struct vfio_client first, second;
	struct gpu_regions regions;
	int ret, after;

	if (!open_gpu(bdf, &first, &regions))
		return;
	ret = vfio_client_open(&second, bdf);
	vfio_client_close(&first);
	after = use_once(bdf, 1);
	report_check("two-openers", ret == vfio_client_busy() && !after, "the second: %s, after the first: %s",
		     error_text(ret), error_text(after));
}

/* Who has it in one of the ways keeps others out of the other one, where there are two. */
static void check_two_ways(const char *bdf)
{
	int (*const ways[])(struct vfio_client *client, const char *bdf) = {
		vfio_client_open_group, vfio_client_open_cdev,
	};
	g_autofree char *path = vfio_client_cdev_path(bdf);
	struct vfio_client first, second;
	int opened[2], refused[2], after;

	/* sysfs has the name without the file, too */
	if (!path || access(path, F_OK))
		return;
	for (guint i = 0; i < G_N_ELEMENTS(ways); i++) {
		opened[i] = ways[i](&first, bdf);
		refused[i] = ways[!i](&second, bdf);
		vfio_client_close(&second);
		vfio_client_close(&first);
	}
	after = use_once(bdf, 2);
	report_check("two-ways", !opened[0] && refused[0] == -EBUSY && !opened[1] &&
		     refused[1] == -EBUSY && !after,
		     "%s, while open by group: %s; by group, while that is open: %s; after it: %s",
		     path, error_text(opened[0] ?: refused[0]),
		     error_text(opened[1] ?: refused[1]), error_text(after));
}

static void check_opens(const char *bdf)
{
	int ret = 0;
	guint i;

	for (i = 0; i < OPENS && !ret; i++)
		ret = use_once(bdf, i);
	report_check("open-close", !ret, "%u times: %s", i, error_text(ret));
}

static void check_binds(const char *bdf)
{
	int ret = 0;
	guint i;

	for (i = 0; i < BINDS && !ret; i++) {
		if (!gpu_unbind(bdf) || !gpu_bind(bdf, EXPORTER))
			ret = -ENXIO;
		else
			ret = use_once(bdf, i);
	}
	report_check("bind-unbind", !ret, "%u times: %s", i, error_text(ret));
}

/* --------------------------------------------------------------------- being killed */

/*
 * A user who never stops: tells that he has begun, and then opens, maps, reads,
 * writes, resets and closes until he is killed.
 */
struct user {
	const char *bdf;
	gint *begun;		/* shared with the parent */
};

static int restless_user(void *opaque)
{
	const struct user *user = opaque;
	g_autofree char *buf = g_malloc(2 * PART);

	for (guint round = 0;; round++) {
		struct vfio_client client;
		struct gpu_regions regions;
		char *map;

		if (open_gpu_quietly(user->bdf, &client, &regions))
			return 1;
		map = vfio_client_map(&client, &regions.usemem, 0, AREA, PROT_READ | PROT_WRITE,
				      TRUE);
		if (!map)
			return 2;
		g_atomic_int_set(user->begun, 1);
		for (guint i = 0; i < 8; i++) {
			touch_write(map + (i * 12345 & (AREA - 1)), i);
			vfio_client_read(&client, &regions.usemem, i * PAGE, buf, 2 * PART);
			vfio_client_write(&client, &regions.usemem, i * PAGE, buf, 2 * PART);
			if (i % 4 == 3)
				vfio_client_reset(&client);
		}
		vfio_client_unmap(map, AREA);
		vfio_client_close(&client);
	}
}

static void check_kills(const char *bdf)
{
	struct user user = {
		.bdf = bdf,
		.begun = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			      -1, 0),
	};
	g_autoptr(GRand) random = g_rand_new_with_seed(1);
	int result = SIGKILL, ret = 0;
	guint i, longest = 0;

	for (i = 0; i < KILLS && result == SIGKILL && !ret; i++) {
		pid_t pid;
		gint64 start;

		g_atomic_int_set(user.begun, 0);
		pid = child_start(restless_user, &user);
		for (guint ms = 0; ms < 5000 && !g_atomic_int_get(user.begun); ms++)
			g_usleep(1000);
		g_usleep(g_rand_int_range(random, 0, 250000));
		start = g_get_monotonic_time();
		result = child_kill(pid, 20);
		longest = MAX(longest, (g_get_monotonic_time() - start) / 1000);
		ret = use_once(bdf, 100 + i);
	}
	report_check("kill", result == SIGKILL && !ret,
		     "%u times, at most %u ms to die; the next user: %s", i, longest,
		     error_text(ret));
	munmap(user.begun, PAGE);
}

/* -------------------------------------------------------------- taking the driver away */

struct leaving {
	const char *bdf;
	struct vfio_client *client;
	char *map;
};

/* A child has what its parent has open and mapped, and must not be the one that keeps it. */
static int unbind(void *opaque)
{
	struct leaving *leaving = opaque;

	vfio_client_close(leaving->client);
	vfio_client_unmap(leaving->map, AREA);
	return !gpu_unbind(leaving->bdf);
}

static long delete_module(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

static int request_irq(const struct vfio_client *client, guint32 index, int fd)
{
	g_autofree struct vfio_irq_set *set = g_malloc0(sizeof(*set) + sizeof(fd));

	set->argsz = sizeof(*set) + sizeof(fd);
	set->flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
	set->index = index;
	set->count = 1;
	memcpy(set->data, &fd, sizeof(fd));
	return vfio_client_ioctl(client, VFIO_DEVICE_SET_IRQS, set);
}

/* The driver is asked for, says so, and goes when the user has gone. */
static void check_unbind(const char *bdf)
{
	struct vfio_client client;
	struct gpu_regions regions;
	g_autofree char *driver = NULL, *text = NULL;
	struct leaving leaving;
	guint64 asked = 0;
	int event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	gboolean works, gone;
	long removed;
	char *map;
	pid_t pid;
	int ret;

	if (!open_gpu(bdf, &client, &regions))
		return;
	map = vfio_client_map(&client, &regions.usemem, 0, AREA, PROT_READ | PROT_WRITE, TRUE);
	write_pattern(&client, &regions.usemem, 0, PART, 70);
	removed = delete_module(EXPORTER);
	report_check("rmmod-in-use", removed == -EAGAIN || removed == -EBUSY, "%s",
		     error_text(removed));

	ret = request_irq(&client, VFIO_PCI_REQ_IRQ_INDEX, event);
	leaving = (struct leaving){ bdf, &client, map };
	pid = child_start(unbind, &leaving);
	for (guint ms = 0; ms < 5000 && read(event, &asked, sizeof(asked)) != sizeof(asked); ms += 10)
		g_usleep(10000);
	report_check("unbind-asks", !ret && asked, "the user is told through his eventfd");
	works = touch_pattern(map, PART, 70, 0) == 0 &&
		read_pattern(&client, &regions.usemem, 0, PART, 70);
	report_check("unbind-waits", kill(pid, 0) == 0 && works, "it waits, and the memory %s",
		     works ? "works" : "does not work");

	/* The mapping alone keeps it, too. */
	vfio_client_close(&client);
	works = touch_pattern(map, PART, 70, 0) == 0 && kill(pid, 0) == 0;
	vfio_client_unmap(map, AREA);
	ret = child_wait(pid, 20);
	text = child_text(ret);
	driver = gpu_link(bdf, "driver");
	gone = !driver;
	report_check("unbind-ends", works && ret == 0 && gone, "unbind: %s, driver: %s", text,
		     driver ?: "none");
	close(event);
}

static void check_rmmod(const char *bdf)
{
	static const char *const exporter[] = { EXPORTER_MODULE, NULL };
	long removed;
	int ret;

	gpu_unbind(bdf);
	removed = delete_module(EXPORTER);
	report_check("rmmod", removed == 0, "%s", error_text(removed));
	ret = agent_load_modules(exporter) && gpu_bind(bdf, EXPORTER) ? use_once(bdf, 80) : -ENXIO;
	report_check("rmmod-insmod", ret == 0, "loaded again: %s", error_text(ret));
}

void scenario_lifetime(const char *bdf)
{
	if (!bind_gpu(bdf, EXPORTER))
		return;
	check_two_openers(bdf);
	check_two_ways(bdf);
	check_opens(bdf);
	report_stage("opens");
	check_kills(bdf);
	report_stage("kills");
	check_unbind(bdf);
	check_rmmod(bdf);
	report_stage("unbind");
	check_binds(bdf);
	report_stage("binds");
}
