/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest whose console is read with a clock in hand. */
#ifndef BENCH_VM_H
#define BENCH_VM_H

#include <glib.h>

struct bench_vm;

/* Execute; NULL if it cannot be started.  @args is what follows the program. */
struct bench_vm *bench_vm_start(const char *const *args);

/*
 * Read the console up to a line that has @text in it.  Seconds since the start,
 * to the moment in which that line was read; negative if the guest ended before, or
 * @seconds are over.  @line: the line, if not NULL; caller frees.
 */
gdouble bench_vm_wait(struct bench_vm *vm, const char *text, guint seconds, char **line);

/* KiB that /proc/PID/status gives for the process under that key; 0 if none. */
guint64 bench_vm_status_kib(const struct bench_vm *vm, const char *key);

/* End it with SIGKILL, wait until it has gone, and free.  Seconds that took. */
gdouble bench_vm_stop(struct bench_vm *vm);

#endif
