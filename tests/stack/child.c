/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"

pid_t child_start(int (*work)(void *data), void *data)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(work(data));
	}
	if (pid < 0)
		g_error("fork fails");
	return pid;
}

/* TRUE if it has ended. */
static gboolean wait_until(pid_t pid, guint seconds, int *status)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)seconds * G_USEC_PER_SEC;

	for (;;) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return TRUE;
		if (g_get_monotonic_time() >= deadline)
			return FALSE;
		g_usleep(2000);
	}
}

int child_kill(pid_t pid, guint seconds)
{
	int status;

	kill(pid, SIGKILL);
	return wait_until(pid, seconds, &status) ? status : -2;
}

int child_wait(pid_t pid, guint seconds)
{
	int status;

	if (wait_until(pid, seconds, &status))
		return status;
	return child_kill(pid, 10) == -2 ? -2 : -1;
}

int child_run(int (*work)(void *data), void *data, guint seconds)
{
	return child_wait(child_start(work, data), seconds);
}

char *child_text(int result)
{
	if (result == -1)
		return g_strdup("killed after its time");
	if (result == -2)
		return g_strdup("cannot be killed");
	if (WIFSIGNALED(result))
		return g_strdup_printf("signal %d", WTERMSIG(result));
	return g_strdup_printf("status %d", WEXITSTATUS(result));
}

static __thread sigjmp_buf escape;
static __thread volatile sig_atomic_t touching;

static void on_fault(int signal_number)
{
	if (!touching) {
		/* not one of ours: let it happen again, with its usual end */
		signal(signal_number, SIG_DFL);
		return;
	}
	siglongjmp(escape, signal_number);
}

static void catch_faults(void)
{
	struct sigaction action = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };
	static gsize done;

	if (g_once_init_enter(&done)) {
		sigaction(SIGBUS, &action, NULL);
		sigaction(SIGSEGV, &action, NULL);
		g_once_init_leave(&done, 1);
	}
}

int touch_copy(void *to, const void *from, gsize length)
{
	int signal_number;

	catch_faults();
	signal_number = sigsetjmp(escape, 0);
	if (!signal_number) {
		touching = 1;
		/* no access may move out from between these */
		__asm__ volatile("" : : : "memory");
		memcpy(to, from, length);
		__asm__ volatile("" : : : "memory");
	}
	touching = 0;
	return signal_number;
}

int touch_read(const void *from)
{
	guint8 value;

	return touch_copy(&value, from, 1);
}

int touch_write(void *to, guint8 value)
{
	return touch_copy(to, &value, 1);
}
