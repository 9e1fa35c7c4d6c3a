/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What may end badly, and must not take process 1 with it: work in a child
 * process, and accesses that may raise SIGBUS or SIGSEGV.
 */
#ifndef TESTS_STACK_CHILD_H
#define TESTS_STACK_CHILD_H

#include <glib.h>
#include <sys/types.h>

/*
 * Run @work in a child process.  Its result (0..255) is the exit status.  After
 * @seconds the child is killed.
 *
 * Returns what waitpid() says of it; -1 if it had to be killed, and -2 if it
 * did not even end then.
 */
int child_run(int (*work)(void *data), void *data, guint seconds);

/* The same in two steps.  child_kill() is SIGKILL and then child_wait(). */
pid_t child_start(int (*work)(void *data), void *data);
int child_wait(pid_t pid, guint seconds);
int child_kill(pid_t pid, guint seconds);

/* A text for such a result: "status 0", "signal 7"...; caller frees. */
char *child_text(int result);

/*
 * Copy, where one side may be a mapping that cannot be accessed.  Returns 0 or
 * the signal that it raised.  Thread-safe.
 */
int touch_copy(void *to, const void *from, gsize length);

/* One byte of a mapping. */
int touch_read(const void *from);
int touch_write(void *to, guint8 value);

#endif
