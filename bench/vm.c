/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE	/* pipe2 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "vm.h"

#define QEMU "/bin/qemu-system-aarch64"

struct bench_vm {
	pid_t pid;
	int console;		/* -1 after its end */
	gint64 start;
	GString *read;		/* what is not a whole line yet */
};

static gdouble now(const struct bench_vm *vm)
{
	return (g_get_monotonic_time() - vm->start) / (gdouble)G_USEC_PER_SEC;
}

struct bench_vm *bench_vm_start(const char *const *args)
{
	g_autoptr(GPtrArray) argv = g_ptr_array_new();
	struct bench_vm *vm;
	int out[2];

	if (pipe2(out, O_CLOEXEC))
		return NULL;
	g_ptr_array_add(argv, QEMU);
	for (; *args; args++)
		g_ptr_array_add(argv, (char *)*args);
	g_ptr_array_add(argv, NULL);

	vm = g_new0(struct bench_vm, 1);
	vm->console = out[0];
	vm->read = g_string_new(NULL);
	vm->start = g_get_monotonic_time();
	vm->pid = fork();
	if (!vm->pid) {
		int nothing = open("/dev/null", O_RDONLY);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(nothing, STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		dup2(out[1], STDERR_FILENO);
		execv(QEMU, (char **)argv->pdata);
		_exit(127);
	}
	close(out[1]);
	if (vm->pid > 0)
		return vm;
	close(vm->console);
	g_string_free(vm->read, TRUE);
	g_free(vm);
	return NULL;
}

/* The next whole line, or NULL when more has to be read; caller frees. */
static char *take_line(struct bench_vm *vm)
{
	const char *end = strchr(vm->read->str, '\n');
	char *line;

	if (!end)
		return NULL;
	line = g_strndup(vm->read->str, end - vm->read->str);
	g_string_erase(vm->read, 0, end - vm->read->str + 1);
	return line;
}

/* FALSE at the end of the console, or of the time. */
static gboolean read_more(struct bench_vm *vm, gdouble deadline)
{
	struct pollfd poll_fd = { .fd = vm->console, .events = POLLIN };
	gdouble left = deadline - now(vm);
	char buf[4096];
	ssize_t length;

	if (vm->console < 0 || left <= 0 || poll(&poll_fd, 1, left * 1000) <= 0)
		return FALSE;
	length = read(vm->console, buf, sizeof(buf));
	if (length <= 0) {
		close(vm->console);
		vm->console = -1;
		return FALSE;
	}
	for (ssize_t i = 0; i < length; i++)
		/* firmware clears the screen, and worse */
		if (buf[i] && buf[i] != '\r')
			g_string_append_c(vm->read, buf[i]);
	return TRUE;
}

gdouble bench_vm_wait(struct bench_vm *vm, const char *text, guint seconds, char **line)
{
	gdouble deadline = now(vm) + seconds;

	do {
		char *next;

		while ((next = take_line(vm))) {
			gboolean found = strstr(next, text) != NULL;

			printf("guest| %s\n", next);
			if (found) {
				gdouble at = now(vm);

				if (line)
					*line = next;
				else
					g_free(next);
				return at;
			}
			g_free(next);
		}
	} while (read_more(vm, deadline));
	return -1;
}

guint64 bench_vm_status_kib(const struct bench_vm *vm, const char *key)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/status", vm->pid);

	return agent_kib(path, key);
}

gdouble bench_vm_stop(struct bench_vm *vm)
{
	gdouble start = now(vm), seconds;

	kill(vm->pid, SIGKILL);
	waitpid(vm->pid, NULL, 0);
	seconds = now(vm) - start;
	if (vm->console >= 0)
		close(vm->console);
	g_string_free(vm->read, TRUE);
	g_free(vm);
	return seconds;
}
