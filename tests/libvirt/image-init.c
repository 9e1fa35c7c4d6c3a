/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Process 1 of the initial RAM file system of an operator's host: mounts the
 * image that scripts/libvirt-image has made, puts what this project has built into
 * it, which lies in /target as it is to lie there, and lets systemd go on.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"

#define DISK "/dev/vda"
#define SYSTEM "/system"

static const char *const modules[] = { "virtio_blk", "ext4", NULL };
static const char *const kept[] = { "/dev", "/proc", "/sys", NULL };

/* The host ends, and its console says why. */
static void G_GNUC_NORETURN give_up(const char *what)
{
	int error = errno;

	report_open("org.nvgrace.report");
	report_check("image-init", FALSE, "%s: %s", what, g_strerror(error));
	agent_finish();
}

static void into_system(const char *path)
{
	if (chroot(path) || chdir("/"))
		give_up(path);
}

/* The image has a cp. */
static void copy(const char *from, const char *to)
{
	g_autofree char *source = g_strconcat("/mnt", from, "/.", NULL);
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		into_system(SYSTEM);
		execl("/usr/bin/cp", "cp", "-a", source, to, NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		give_up(from);
}

int main(void)
{
	agent_boot();
	if (!agent_load_modules(modules) || !agent_wait_path(DISK, 20000))
		give_up(DISK);
	mkdir(SYSTEM, 0755);
	if (mount(DISK, SYSTEM, "ext4", 0, NULL))
		give_up(SYSTEM);

	/* Of the initial RAM file system, only what is in it itself */
	if (mount("/", SYSTEM "/mnt", NULL, MS_BIND, NULL))
		give_up(SYSTEM "/mnt");
	mkdir(SYSTEM "/usr/lib/modules", 0755);
	copy("/lib/modules", "/usr/lib/modules");
	copy("/target", "/");
	umount(SYSTEM "/mnt");

	umount("/run");
	umount("/tmp");
	for (gsize i = 0; kept[i]; i++) {
		g_autofree char *to = g_strconcat(SYSTEM, kept[i], NULL);

		if (mount(kept[i], to, NULL, MS_MOVE, NULL))
			give_up(to);
	}
	if (chdir(SYSTEM) || mount(".", "/", NULL, MS_MOVE, NULL))
		give_up(SYSTEM);
	into_system(".");
	execl("/usr/sbin/init", "init", NULL);
	give_up("/usr/sbin/init");
}
