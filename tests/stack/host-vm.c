/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "host-vm.h"

#define QEMU "/bin/qemu-system-aarch64"
#define GUEST_MS (10 * 60 * 1000)
#define REFUSAL_MS (20 * 1000)

/* The guest's report port is this descriptor of QEMU's. */
#define REPORT_FD 3

struct run {
	struct host_vm *vm;
	GMainLoop *loop;
	GPid pid;
	gboolean exited;
	gboolean killed;
	guint open_streams;
};

/* Something of QEMU's that is read line by line until its end. */
struct stream {
	struct run *run;
	void (*line)(struct host_vm *vm, const char *line);
};

static void maybe_quit(struct run *run)
{
	if (run->exited && run->open_streams == 0)
		g_main_loop_quit(run->loop);
}

/* "check NAME ..." of the guest becomes "check guest.NAME ..." of ours. */
static void report_of_guest(struct host_vm *vm, const char *line)
{
	g_auto(GStrv) words = g_strsplit(line, " ", 3);
	g_autofree char *passed = NULL;

	if (g_strv_length(words) < 2)
		return;
	if (strcmp(words[0], "end") == 0) {
		vm->guest_ok = strcmp(words[1], "ok") == 0;
		return;
	}
	passed = g_strdup_printf("%s guest.%s %s", words[0], words[1], words[2] ?: "");
	report_line(passed);
}

static void guest_console(struct host_vm *vm G_GNUC_UNUSED, const char *line)
{
	printf("guest| %s\n", line);
	fflush(stdout);
}

static void qemu_stderr(struct host_vm *vm, const char *line)
{
	printf("qemu| %s\n", line);
	fflush(stdout);
	g_string_append_printf(vm->stderr_text, "%s\n", line);
}

static gboolean on_input(GIOChannel *channel, GIOCondition condition G_GNUC_UNUSED,
			 gpointer opaque)
{
	struct stream *stream = opaque;
	g_autofree char *line = NULL;

	switch (g_io_channel_read_line(channel, &line, NULL, NULL, NULL)) {
	case G_IO_STATUS_NORMAL:
		stream->line(stream->run->vm, g_strchomp(line));
		return G_SOURCE_CONTINUE;
	case G_IO_STATUS_AGAIN:
		return G_SOURCE_CONTINUE;
	default:
		stream->run->open_streams--;
		maybe_quit(stream->run);
		return G_SOURCE_REMOVE;
	}
}

static void watch(struct run *run, int fd, void (*line)(struct host_vm *vm, const char *line))
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
	GString *append = g_string_new("console=ttyAMA0 loglevel=4");
	g_autofree char *text = NULL;
	g_auto(GStrv) words = NULL;

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

/* QEMU's command line.  Of the GPU it needs one argument. */
static GStrv arguments(const struct host_vm *vm)
{
	g_autoptr(GStrvBuilder) args = g_strv_builder_new();
	g_autofree char *ram = agent_cmdline("nvgrace.guest_ram");
	g_autofree char *device = g_strdup_printf("vfio-pci-nvgrace,host=%s,bus=rp%s%s", vm->bdf,
						  vm->device ? "," : "", vm->device ?: "");
	g_autofree char *append = guest_cmdline(vm);

	g_strv_builder_add_many(args, QEMU, "-M", "virt,gic-version=3", "-accel", "kvm",
				"-cpu", "host", "-m", ram ?: "2G", "-nodefaults", "-display",
				"none", "-bios", "/share/QEMU_EFI.fd", NULL);
	if (vm->more)
		g_strv_builder_addv(args, (const char **)vm->more);
	g_strv_builder_add_many(args, "-device", "pcie-root-port,id=rp,chassis=1", "-device",
				device, NULL);
	if (vm->no_guest)
		g_strv_builder_add_many(args, "-S", NULL);
	else
		g_strv_builder_add_many(args, "-serial", "stdio", "-kernel", "/share/Image",
					"-initrd", vm->initrd ?: "/share/guest.cpio", "-append",
					append,
					"-device", "virtio-serial-pci", "-chardev",
					"socket,id=report,fd=" G_STRINGIFY(REPORT_FD),
					"-device",
					"virtserialport,chardev=report,name=org.nvgrace.report",
					"-no-reboot", NULL);
	return g_strv_builder_end(args);
}

gboolean host_vm_run(struct host_vm *vm)
{
	struct run run = { .vm = vm };
	g_auto(GStrv) args = arguments(vm);
	g_autoptr(GError) error = NULL;
	int report[2], in, out, err, target = REPORT_FD;
	guint timeout;

	vm->status = -1;
	vm->guest_ok = FALSE;
	vm->stderr_text = g_string_new(NULL);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, report) < 0)
		return FALSE;
	if (!g_spawn_async_with_pipes_and_fds(NULL, (const char *const *)args, NULL,
					      G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, -1, -1, -1,
					      &report[1], &target, 1, &run.pid, &in, &out, &err,
					      &error)) {
		report_check("qemu-start", FALSE, "%s", error->message);
		close(report[0]);
		close(report[1]);
		return FALSE;
	}
	close(report[1]);

	run.loop = g_main_loop_new(NULL, FALSE);
	watch(&run, report[0], report_of_guest);
	watch(&run, out, guest_console);
	watch(&run, err, qemu_stderr);
	g_child_watch_add(run.pid, on_child_exit, &run);
	timeout = g_timeout_add(vm->no_guest ? REFUSAL_MS : GUEST_MS, on_timeout, &run);
	g_main_loop_run(run.loop);
	if (!run.killed)
		g_source_remove(timeout);
	g_main_loop_unref(run.loop);
	close(in);
	return !run.killed;
}

void host_vm_clear(struct host_vm *vm)
{
	g_string_free(vm->stderr_text, TRUE);
	vm->stderr_text = NULL;
}
