/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest that the emulated host runs: QEMU with KVM and the GPU. */
#ifndef TESTS_STACK_HOST_VM_H
#define TESTS_STACK_HOST_VM_H

#include <glib.h>

/* The first of those that host_vm.fds become in QEMU. */
#define HOST_VM_FD 5

struct host_vm {
	/* in */
	const char *bdf;	/* the GPU on the host */
	const char *device;	/* further properties of vfio-pci-nvgrace, or NULL */
	const char *kernel;	/* of the guest; NULL: the one that is booted otherwise, too */
	const char *initrd;	/* of the guest; NULL: the one that onlines the memory */
	const char *machine;	/* as for -M; NULL: as documents have it */
	const char *append;	/* further arguments for its kernel, or NULL */
	const char *const *more;	/* further arguments of QEMU's, before the GPU;
				 * NULL-terminated, or NULL */
	const int *fds;		/* descriptors that QEMU gets, as HOST_VM_FD, and the next
				 * numbers; -1-terminated, or NULL */
	gboolean no_sysfs;	/* QEMU finds nothing in /sys */
	guint64 memlock;	/* its RLIMIT_MEMLOCK, which it cannot exceed; 0: no limit */
	gboolean no_guest;	/* start QEMU stopped, without guest: for errors */
	const char *name;	/* what the guest's reports begin with; NULL: "guest" */
	const char *const *args;	/* of QEMU, with GPUs, instead of the one GPU behind
				 * pcie.0; NULL-terminated, or NULL */
	const char *const *endings;	/* how its boots end, but for the last, which powers
				 * off: "reboot", "kexec", "crash", "reset" by QMP, and
				 * as the last "kill" of QEMU; NULL-terminated, or NULL */
	const char *warning;	/* what is in the one line that QEMU is to say on its
				 * stderr; NULL: it is to say nothing */
	const char *const *infos;	/* what is in its further lines "info:", in their order;
				 * NULL-terminated, or NULL */
	/* out */
	int status;		/* exit status of QEMU, -1 when it was killed */
	gboolean guest_ok;	/* each boot's report ended with ok, there were as many boots
				 * and resets as the endings make, and nothing moved */
	GString *stderr_text;	/* what QEMU said */
	GHashTable *facts;	/* of the guest's report, the last of each name */
	guint boots;
	guint ends;		/* of reports */
	guint resets;		/* as QMP tells them */
	gboolean failed;	/* an end was not ok */
	gboolean moved;		/* a GPU's memory was not where the first boot had it */
};

/*
 * Run QEMU to its end, passing on the guest's report with the prefix "NAME.", of
 * its second boot "NAME-2." and so on.
 * FALSE if QEMU could not be started or had to be killed after its time (10
 * minutes).
 */
gboolean host_vm_run(struct host_vm *vm);
void host_vm_clear(struct host_vm *vm);

#endif
