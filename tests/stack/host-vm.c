/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE	/* unshare() */
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "host-vm.h"

#define QEMU "/bin/qemu-system-aarch64"
#define QEMU_MS (10 * 60 * 1000)

/* The guest's report port, and QMP, are these descriptors of QEMU's. */
#define REPORT_FD 3
#define QMP_FD 4

/* Other descriptors come after them. */
G_STATIC_ASSERT(HOST_VM_FD == QMP_FD + 1);
#define MAX_FDS 4

/* A boot that ends with these ends by our doing: by a reset, and by SIGKILL. */
#define ENDING_RESET "reset"
#define ENDING_KILL "kill"

struct run {
	struct host_vm *vm;
	GMainLoop *loop;
	GPid pid;
	int report;		/* to and from the guest */
	int qmp;
	gboolean exited;
	gboolean killed;
	guint open_streams;
};

/* Something of QEMU's that is read line by line until its end. */
struct stream {
	struct run *run;
	void (*line)(struct run *run, const char *line);
};

static void maybe_quit(struct run *run)
{
	if (run->exited && run->open_streams == 0)
		g_main_loop_quit(run->loop);
}

/* How this boot of the guest ends. */
static const char *ending(const struct host_vm *vm)
{
	guint i = 0;

	while (vm->endings && vm->endings[i] && i + 1 < vm->boots)
		i++;
	return vm->endings && vm->endings[i] ? vm->endings[i] : "poweroff";
}

static void say(int fd, const char *line)
{
	/* It may have died: no SIGPIPE */
	if (send(fd, line, strlen(line), MSG_NOSIGNAL) != (ssize_t)strlen(line))
		report_check("say", FALSE, "%s: %s", line, g_strerror(errno));
}

/* Of what is our doing, the guest has to know only that it must wait. */
static void answer(struct run *run)
{
	const char *how = ending(run->vm);
	g_autofree char *line = NULL;

	if (!strcmp(how, ENDING_RESET))
		how = "wait";
	else if (!strcmp(how, ENDING_KILL))
		how = "wait-busy";
	line = g_strconcat(how, "\n", NULL);
	say(run->report, line);
}

static void boot_ended(struct run *run, gboolean ok)
{
	struct host_vm *vm = run->vm;

	vm->ends++;
	vm->failed |= !ok;
	if (!strcmp(ending(vm), ENDING_RESET))
		say(run->qmp, "{\"execute\": \"system_reset\"}\n");
	else if (!strcmp(ending(vm), ENDING_KILL))
		kill(run->pid, SIGKILL);
}

static void take_fact(struct host_vm *vm, const char *name, const char *value)
{
	const char *before = g_hash_table_lookup(vm->facts, name);

	if (g_str_has_suffix(name, "coherent-base") && before && strcmp(before, value))
		vm->moved = TRUE;
	g_hash_table_replace(vm->facts, g_strdup(name), g_strdup(value));
}

/* "check NAME ..." of the guest becomes "check guest.NAME ..." of ours. */
static void report_of_guest(struct run *run, const char *line)
{
	struct host_vm *vm = run->vm;
	g_auto(GStrv) words = g_strsplit(line, " ", 3);
	g_autofree char *passed = NULL, *boot = NULL;

	if (g_strv_length(words) < 2)
		return;
	if (!strcmp(words[0], "ask")) {
		answer(run);
		return;
	}
	if (!strcmp(words[0], "end")) {
		boot_ended(run, !strcmp(words[1], "ok"));
		return;
	}
	if (!strcmp(words[0], "stage") && !strcmp(words[1], "boot"))
		vm->boots++;
	if (!strcmp(words[0], "fact"))
		take_fact(vm, words[1], words[2] ?: "");
	boot = vm->boots > 1 ? g_strdup_printf("-%u", vm->boots) : NULL;
	passed = g_strdup_printf("%s %s%s.%s %s", words[0], vm->name ?: "guest", boot ?: "",
				 words[1], words[2] ?: "");
	report_line(passed);
}

static void guest_console(struct run *run G_GNUC_UNUSED, const char *line)
{
	printf("guest| %s\n", line);
	fflush(stdout);
}

static void qemu_stderr(struct run *run, const char *line)
{
	printf("qemu| %s\n", line);
	fflush(stdout);
	g_string_append_printf(run->vm->stderr_text, "%s\n", line);
}

static void qmp_line(struct run *run, const char *line)
{
	if (strstr(line, "\"event\": \"RESET\""))
		run->vm->resets++;
	else if (strstr(line, "\"error\": "))
		report_check("qmp", FALSE, "%s", line);
}

static gboolean on_input(GIOChannel *channel, GIOCondition condition G_GNUC_UNUSED,
			 gpointer opaque)
{
	struct stream *stream = opaque;
	g_autofree char *line = NULL;

	switch (g_io_channel_read_line(channel, &line, NULL, NULL, NULL)) {
	case G_IO_STATUS_NORMAL:
		stream->line(stream->run, g_strchomp(line));
		return G_SOURCE_CONTINUE;
	case G_IO_STATUS_AGAIN:
		return G_SOURCE_CONTINUE;
	default:
		stream->run->open_streams--;
		maybe_quit(stream->run);
		return G_SOURCE_REMOVE;
	}
}

static void watch(struct run *run, int fd, void (*line)(struct run *run, const char *line))
{
	GIOChannel *channel = g_io_channel_unix_new(fd);
	struct stream *stream = g_new(struct stream, 1);

	*stream = (struct stream){ .run = run, .line = line };
	g_io_channel_set_encoding(channel, NULL, NULL);
	g_io_channel_set_flags(channel, G_IO_FLAG_NONBLOCK, NULL);
	g_io_channel_set_close_on_unref(channel, TRUE);
	g_io_add_watch_full(channel, G_PRIORITY_DEFAULT, G_IO_IN | G_IO_HUP | G_IO_ERR,
			    on_input, stream, g_free);
	g_io_channel_unref(channel);
	run->open_streams++;
}

static void on_child_exit(GPid pid, int status, gpointer opaque)
{
	struct run *run = opaque;

	run->vm->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	run->exited = TRUE;
	g_spawn_close_pid(pid);
	maybe_quit(run);
}

static gboolean on_timeout(gpointer opaque)
{
	struct run *run = opaque;

	run->killed = TRUE;
	kill(run->pid, SIGKILL);
	return G_SOURCE_REMOVE;
}

/* The guest's kernel gets what ours got for it. */
static char *guest_cmdline(const struct host_vm *vm)
{
	static const char *const ours[] = { "nvgrace.scenario=", "nvgrace.device=",
					    "nvgrace.guest_ram=" };
	/* How long it stands still is the machine's doing that emulates all this */
	GString *append = g_string_new("console=ttyAMA0 loglevel=4 panic=-1 nowatchdog "
				       "rcupdate.rcu_cpu_stall_suppress=1");
	g_autofree char *text = NULL;
	g_auto(GStrv) words = NULL;

	/* The first of a name is the one that holds */
	if (vm->append)
		g_string_append_printf(append, " %s", vm->append);
	if (!g_file_get_contents("/proc/cmdline", &text, NULL, NULL))
		return g_string_free(append, FALSE);
	words = g_strsplit(g_strchomp(text), " ", -1);
	for (guint i = 0; words[i]; i++) {
		gboolean pass = g_str_has_prefix(words[i], "nvgrace.");

		for (guint j = 0; j < G_N_ELEMENTS(ours); j++)
			pass = pass && !g_str_has_prefix(words[i], ours[j]);
		if (pass)
			g_string_append_printf(append, " %s", words[i]);
	}
	return g_string_free(append, FALSE);
}

/* QEMU's command line.  Of a GPU it needs one argument. */
static GStrv arguments(const struct host_vm *vm)
{
	g_autoptr(GStrvBuilder) args = g_strv_builder_new();
	g_autofree char *ram = agent_cmdline("nvgrace.guest_ram");
	g_autofree char *device = g_strdup_printf("vfio-pci-nvgrace,host=%s,bus=rp%s%s", vm->bdf,
						  vm->device ? "," : "", vm->device ?: "");
	g_autofree char *append = guest_cmdline(vm);

	g_strv_builder_add_many(args, QEMU, "-M",
				vm->machine ?: "virt,gic-version=3,ras=on", "-accel", "kvm",
				"-cpu", "host", "-m", ram ?: "2G", "-nodefaults",
				"-display", "none", "-bios", "/share/QEMU_EFI.fd", NULL);
	if (vm->more)
		g_strv_builder_addv(args, (const char **)vm->more);
	if (vm->args)
		g_strv_builder_addv(args, (const char **)vm->args);
	else
		g_strv_builder_add_many(args, "-device", "pcie-root-port,id=rp,chassis=1",
					"-device", device, NULL);
	if (vm->no_guest)
		g_strv_builder_add_many(args, "-S", NULL);
	else
		g_strv_builder_add_many(args, "-serial", "stdio", "-kernel",
					vm->kernel ?: "/share/Image", "-initrd",
					vm->initrd ?: "/share/guest.cpio", "-append", append,
					"-device", "virtio-serial-pci,bus=pcie.0",
					"-chardev",
					"socket,id=report,fd=" G_STRINGIFY(REPORT_FD), "-device",
					"virtserialport,chardev=report,name=org.nvgrace.report",
					"-chardev", "socket,id=qmp,fd=" G_STRINGIFY(QMP_FD),
					"-qmp", "chardev:qmp", NULL);
	/* A guest that is to end at once does so when it panics, too. */
	if (!vm->endings)
		g_strv_builder_add_many(args, "-no-reboot", NULL);
	return g_strv_builder_end(args);
}

/* As many boots, and of them resets, as the endings make? */
static gboolean as_planned(const struct host_vm *vm)
{
	guint boots = 1, resets = 0;

	for (guint i = 0; vm->endings && vm->endings[i]; i++) {
		gboolean last = !strcmp(vm->endings[i], ENDING_KILL);

		boots += !last;
		resets += !last && strcmp(vm->endings[i], "kexec");
	}
	return !vm->failed && !vm->moved && vm->boots == boots && vm->ends == boots && vm->resets == resets;
}

static void hide_sysfs(void)
{
	/* What is not hidden must not pass for it */
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    umount2("/sys", MNT_DETACH) || access("/sys/bus", F_OK) == 0)
		_exit(126);
}

/* Who has CAP_IPC_LOCK may lock all there is. */
static void limit_memlock(guint64 bytes)
{
	const struct rlimit limit = { .rlim_cur = bytes, .rlim_max = bytes };

	if (setrlimit(RLIMIT_MEMLOCK, &limit) || prctl(PR_CAPBSET_DROP, CAP_IPC_LOCK, 0, 0, 0))
		_exit(126);
}

/* Runs in the child, before QEMU does. */
static void set_up_child(gpointer opaque)
{
	const struct host_vm *vm = opaque;

	if (vm->no_sysfs)
		hide_sysfs();
	if (vm->memlock)
		limit_memlock(vm->memlock);
}

gboolean host_vm_run(struct host_vm *vm)
{
	struct run run = { .vm = vm };
	g_auto(GStrv) args = arguments(vm);
	g_autoptr(GError) error = NULL;
	int report[2], qmp[2], in, out, err;
	int sources[2 + MAX_FDS], targets[2 + MAX_FDS];
	guint timeout, count = 2;

	vm->status = -1;
	vm->guest_ok = vm->failed = vm->moved = FALSE;
	vm->boots = vm->ends = vm->resets = 0;
	vm->stderr_text = g_string_new(NULL);
	vm->facts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, report) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, qmp) < 0)
		g_error("socketpair: %s", g_strerror(errno));
	sources[0] = report[1];
	targets[0] = REPORT_FD;
	sources[1] = qmp[1];
	targets[1] = QMP_FD;
	for (guint i = 0; vm->fds && vm->fds[i] >= 0; i++, count++) {
		g_assert(i < MAX_FDS);
		sources[count] = vm->fds[i];
		targets[count] = HOST_VM_FD + i;
	}
	if (!g_spawn_async_with_pipes_and_fds(NULL, (const char *const *)args, NULL,
					      G_SPAWN_DO_NOT_REAP_CHILD,
					      set_up_child, vm, -1, -1, -1,
					      sources, targets, count, &run.pid, &in, &out, &err,
					      &error)) {
		report_check("qemu-start", FALSE, "%s", error->message);
		for (guint i = 0; i < 2; i++) {
			close(report[i]);
			close(qmp[i]);
		}
		return FALSE;
	}
	close(report[1]);
	close(qmp[1]);

	run.report = report[0];
	run.qmp = qmp[0];
	run.loop = g_main_loop_new(NULL, FALSE);
	watch(&run, report[0], report_of_guest);
	watch(&run, qmp[0], qmp_line);
	watch(&run, out, guest_console);
	watch(&run, err, qemu_stderr);
	if (!vm->no_guest)
		say(qmp[0], "{\"execute\": \"qmp_capabilities\"}\n");
	g_child_watch_add(run.pid, on_child_exit, &run);
	timeout = g_timeout_add(QEMU_MS, on_timeout, &run);
	g_main_loop_run(run.loop);
	if (!run.killed)
		g_source_remove(timeout);
	g_main_loop_unref(run.loop);
	close(in);
	vm->guest_ok = as_planned(vm);
	return !run.killed;
}

void host_vm_clear(struct host_vm *vm)
{
	g_string_free(vm->stderr_text, TRUE);
	vm->stderr_text = NULL;
	g_hash_table_unref(vm->facts);
	vm->facts = NULL;
}
