/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the programs have in common that run as process 1 of the emulated host
 * and of its guest: set up a system, load modules, and report to the machine
 * outside.
 *
 * A report is text, one line a fact, over a virtio-serial port, so that it never
 * mixes with kernel messages on the console:
 *
 *	stage NAME MS		a step is done; milliseconds since boot
 *	check NAME ok DETAIL	something that was checked, and held
 *	check NAME FAIL DETAIL	... and did not hold
 *	fact KEY VALUE		something to know
 *	text NAME LINE		one line of a text
 *	blob NAME BASE64	a piece of a binary; pieces in order
 *	ask WHAT		a question, answered by one line to the port
 *	end ok|FAIL		the last line
 *
 * NAME and KEY have no blanks; the rest of the line is free.
 */
#ifndef TESTS_AGENT_AGENT_H
#define TESTS_AGENT_AGENT_H

#include <glib.h>

/* Mount /proc, /sys, /dev, /run, /tmp; standard streams to the console; console
 * to kernel log level 4. For process 1. */
void agent_boot(void);

/*
 * Load modules with all they depend on, through libkmod, from
 * /lib/modules/$(uname -r).  Each entry is a module's name, optionally followed
 * by a blank and its parameters.  NULL-terminated list.  A module that cannot be
 * loaded is a failed check.
 */
gboolean agent_load_modules(const char *const *modules);

/* Wait up to @ms milliseconds for a path to appear; FALSE if it does not. */
gboolean agent_wait_path(const char *path, unsigned int ms);

/* Value of NAME= in the kernel command line, or NULL; caller frees. */
char *agent_cmdline(const char *name);

/* The KiB that a file of /proc has behind "\nNAME:", 0 if it has none. */
guint64 agent_kib(const char *path, const char *name);

/*
 * Give what comes next, called @what, @seconds: when they are over without
 * another call, that is a failed check and the machine powers off.  0 seconds:
 * no limit any more.
 */
void agent_watchdog(const char *what, unsigned int seconds);

/*
 * Open the report port of that name ("org.nvgrace.report"); waits for udev-less
 * devtmpfs; falls back to the console with prefix "REPORT ", also later when
 * nobody reads the port for 10 s.  Reporting is thread-safe.
 */
void report_open(const char *port);

/*
 * Give the port's device back, and take it again: while the machine sleeps it must not
 * be in use.  Nothing is reported in between.
 */
void report_pause(void);
void report_resume(void);
/* What the names of all that follows begin with ("gpu1."); NULL: nothing. */
void report_scope(const char *prefix);
/* The answer to a question, NULL if none comes within @ms; caller frees. */
char *report_ask(const char *what, unsigned int ms);
void report_stage(const char *name);
void report_check(const char *name, gboolean ok, const char *fmt, ...) G_GNUC_PRINTF(3, 4);
void report_fact(const char *key, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/* A whole text or file, split into lines. */
void report_text(const char *name, const char *text);
void report_blob(const char *name, const void *data, gsize len);
/* A line that somebody else's report already holds, unchanged (host passes the
 * guest's on, with a prefix of its own: "guest check ..."). */
void report_line(const char *line);
/* TRUE while no check has failed. */
gboolean report_ok(void);
/* Say end, flush and sync: nothing is reported after that. */
void agent_end(void);
/* The same, then power off.  Does not return.  For process 1. */
void agent_finish(void) G_GNUC_NORETURN;

#endif /* TESTS_AGENT_AGENT_H */
