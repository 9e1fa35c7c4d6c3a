/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Process 1 of a machine that has nothing but our files: no shell, no udev.
 */
#include <errno.h>
#include <fcntl.h>
#include <libkmod.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"

/* syslog(2): only what is less than this level, a warning, goes to the console */
#define SYSLOG_ACTION_CONSOLE_LEVEL 8
#define CONSOLE_LEVEL 4

static const struct {
	const char *type;
	const char *path;
} file_systems[] = {
	{ "proc", "/proc" },
	{ "sysfs", "/sys" },
	{ "devtmpfs", "/dev" },
	{ "tmpfs", "/run" },
	{ "tmpfs", "/tmp" },
};

/* The watchdog: thread waits for @changed until @deadline (0: none) */
static struct {
	GMutex lock;
	GCond changed;
	GThread *thread;
	char *what;
	unsigned int seconds;
	gint64 deadline;
} watchdog;

static void console_to_standard_streams(void)
{
	int fd = open("/dev/console", O_RDWR);
	int i;

	if (fd < 0)
		return;
	for (i = 0; i <= 2; i++) {
		if (fd != i)
			dup2(fd, i);
	}
	if (fd > 2)
		close(fd);
}

void agent_boot(void)
{
	gsize i;
	int error[G_N_ELEMENTS(file_systems)] = { 0 };

	for (i = 0; i < G_N_ELEMENTS(file_systems); i++) {
		const char *path = file_systems[i].path;

		mkdir(path, 0755);
		/* The kernel may have mounted /dev itself */
		if (mount(file_systems[i].type, path, file_systems[i].type, 0, NULL) &&
		    errno != EBUSY)
			error[i] = errno;
	}

	console_to_standard_streams();
	klogctl(SYSLOG_ACTION_CONSOLE_LEVEL, NULL, CONSOLE_LEVEL);

	/* Now there is somewhere to say so */
	for (i = 0; i < G_N_ELEMENTS(file_systems); i++) {
		if (error[i])
			report_check("mount", FALSE, "%s on %s: %s",
				     file_systems[i].type, file_systems[i].path,
				     g_strerror(error[i]));
	}
}

static int load_module(struct kmod_ctx *ctx, const char *module)
{
	g_auto(GStrv) words = g_strsplit(module, " ", 2);
	struct kmod_list *list = NULL, *item;
	int ret;

	ret = kmod_module_new_from_lookup(ctx, words[0], &list);
	if (ret < 0)
		return ret;
	if (!list)
		return -ENOENT;

	kmod_list_foreach(item, list) {
		struct kmod_module *mod = kmod_module_get_module(item);

		ret = kmod_module_probe_insert_module(mod, 0, words[1], NULL,
						      NULL, NULL);
		kmod_module_unref(mod);
		if (ret < 0)
			break;
	}
	kmod_module_unref_list(list);
	return ret;
}

gboolean agent_load_modules(const char *const *modules)
{
	struct kmod_ctx *ctx = kmod_new(NULL, NULL);
	gboolean ok = TRUE;

	if (!ctx) {
		report_check("module", FALSE, "libkmod does not start: %s",
			     g_strerror(errno));
		return FALSE;
	}

	for (; *modules; modules++) {
		int ret = load_module(ctx, *modules);

		if (ret < 0) {
			report_check("module", FALSE, "%s cannot be loaded: %s",
				     *modules, g_strerror(-ret));
			ok = FALSE;
		}
	}
	kmod_unref(ctx);
	return ok;
}

gboolean agent_wait_path(const char *path, unsigned int ms)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)ms * 1000;

	while (access(path, F_OK)) {
		if (g_get_monotonic_time() >= deadline)
			return FALSE;
		g_usleep(10000);
	}
	return TRUE;
}

char *agent_cmdline(const char *name)
{
	g_autofree char *cmdline = NULL;
	g_auto(GStrv) words = NULL;
	gsize len = strlen(name);
	char **word;

	if (!g_file_get_contents("/proc/cmdline", &cmdline, NULL, NULL))
		return NULL;

	words = g_strsplit(g_strchomp(cmdline), " ", -1);
	for (word = words; *word; word++) {
		if (g_str_has_prefix(*word, name) && (*word)[len] == '=')
			return g_strdup(*word + len + 1);
	}
	return NULL;
}

guint64 agent_kib(const char *path, const char *name)
{
	g_autofree char *prefix = g_strdup_printf("\n%s:", name);
	g_autofree char *text = NULL;
	const char *at;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return 0;
	at = strstr(text, prefix);
	return at ? g_ascii_strtoull(at + strlen(prefix), NULL, 10) : 0;
}

static gpointer watch(gpointer unused G_GNUC_UNUSED)
{
	g_mutex_lock(&watchdog.lock);
	for (;;) {
		if (!watchdog.deadline) {
			g_cond_wait(&watchdog.changed, &watchdog.lock);
		} else if (!g_cond_wait_until(&watchdog.changed, &watchdog.lock,
					      watchdog.deadline) &&
			   g_get_monotonic_time() >= watchdog.deadline) {
			break;
		}
	}
	report_check("time", FALSE, "%s took more than %u s", watchdog.what,
		     watchdog.seconds);
	agent_finish();
}

void agent_watchdog(const char *what, unsigned int seconds)
{
	g_mutex_lock(&watchdog.lock);
	g_free(watchdog.what);
	watchdog.what = g_strdup(what);
	watchdog.seconds = seconds;
	watchdog.deadline = seconds ?
		g_get_monotonic_time() + (gint64)seconds * G_USEC_PER_SEC : 0;
	if (!watchdog.thread)
		watchdog.thread = g_thread_new("watchdog", watch, NULL);
	g_cond_signal(&watchdog.changed);
	g_mutex_unlock(&watchdog.lock);
}

void agent_end(void)
{
	report_line(report_ok() ? "end ok" : "end FAIL");

	/* The port takes buffers before the other side has read them, and there
	 * is no way to wait for that: give it a moment. */
	g_usleep(200000);
	sync();
}

void agent_finish(void)
{
	agent_end();
	reboot(RB_POWER_OFF);

	/* Only if the kernel refuses: process 1 must not end */
	g_printerr("cannot power off: %s\n", g_strerror(errno));
	for (;;)
		pause();
}
