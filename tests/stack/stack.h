/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs the emulated Grace host once and holds what it reported. */
#ifndef TESTS_STACK_STACK_H
#define TESTS_STACK_STACK_H

#include <glib.h>

struct stack_options {
	const char *name;	/* of the run: names its log files */
	const char *scenario;	/* what the host does, see host-agent.c */
	const char *model;	/* of the emulated GPU */
	const char *memory;	/* its coherent memory, as for size= ("96G") */
	const char *device;	/* further properties of vfio-pci-nvgrace, or NULL */
	const char *machine;	/* further properties of the host's machine, or NULL */
	const char *gpu;	/* further properties of the emulated GPU, or NULL */
	const char *const *more_gpus;	/* properties of each of some more;
				 * NULL-terminated, or NULL */
	const char *more_memory;	/* of each of those, as for size=; NULL: 2G */
	const char *append;	/* further arguments for the host's agent, or NULL */
	const char *host_ram;	/* as for -m; NULL: 4G */
	const char *guest_ram;	/* as for -m; NULL: 2G */
	guint limit_mib;	/* how much of usemem the guest onlines; 0: all */
	guint touch_mib;	/* how much a process in the guest fills; 0: 256 */
	guint seconds;		/* after which the machine is killed; 0: 1200 */
	gboolean disks;		/* the host has three: /dev/vda and so on */
	gboolean system;	/* /dev/vda is its system: a file that NVGRACE_SYSTEM_DISK names,
				 * which stays as it is */
	const char *const *more;	/* further arguments of QEMU; NULL-terminated, or NULL */
	gboolean counted;	/* its clock goes by the instructions that its CPUs execute, 1 ns
				 * each, and does not wait when none does */
};

struct stack_check {
	char *name;
	gboolean ok;
	char *detail;
};

struct stack_stage {
	char *name;
	guint ms;		/* since the host's kernel started */
};

struct stack_run {
	GPtrArray *checks;	/* of struct stack_check, in order */
	GPtrArray *stages;	/* of struct stack_stage, in order */
	GHashTable *facts;	/* KEY -> VALUE */
	GHashTable *texts;	/* NAME -> GString */
	GHashTable *blobs;	/* NAME -> GByteArray */
	gboolean ended;		/* the report has its last line */
	gboolean ok;		/* ... and that is "end ok" */
	gdouble seconds;	/* from exec of QEMU to its exit */
	glong peak_kib;		/* QEMU's largest resident size */
	char *log;		/* the console's file, as seen from the checkout */
};

/* Called for every line of the report as it comes, for progress; may be NULL. */
typedef void (*stack_progress)(const char *line, gpointer opaque);

/*
 * Boot the host, run the scenario, wait for power-off.  Never NULL; whether it
 * worked is in @ended and @ok.  The files it needs are named by the environment
 * variables that tests/stack/meson.build sets.
 */
struct stack_run *stack_run(const struct stack_options *options, stack_progress progress,
			    gpointer opaque);
void stack_run_free(struct stack_run *run);

/* The check of that name, or NULL when the run did not get there. */
const struct stack_check *stack_find(const struct stack_run *run, const char *name);

#endif
