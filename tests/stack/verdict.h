/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Turns one run of the emulated host into tests. */
#ifndef TESTS_STACK_VERDICT_H
#define TESTS_STACK_VERDICT_H

#include "stack.h"

struct scenario {
	struct stack_options options;
	const char *const *expected[6];	/* lists of checks, NULL-terminated */
	const char *const *by_group;	/* a further one, by how devices are opened; NULL: none */
	const char *const *by_cdev;
	const char *cdev_append;	/* as options.append, but comes first; or NULL */
	const char *fails;	/* a check that must not hold, or NULL */
	const char *fails_with;	/* what it must say then */
	struct {
		const char *prefix;	/* of all names of the list */
		const char *const *checks;
	} guests[28];			/* the same of guests */
	guint peak_mib;		/* more than this must not become resident; 0: no limit */
};

/*
 * Run it, and have every check that it must report be a test of its own, so that
 * one that is missing fails like one that did not hold, and so does one that
 * failed without being expected.  @by_cdev: our VFIO client opens devices by their
 * own files, and the names of log files and tests say so.  Returns what
 * g_test_run() does.
 */
int verdict(const struct scenario *scenario, gboolean by_cdev);

#endif
