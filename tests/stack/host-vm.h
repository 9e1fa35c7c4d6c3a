/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest that the emulated host runs: QEMU with KVM and the GPU. */
#ifndef TESTS_STACK_HOST_VM_H
#define TESTS_STACK_HOST_VM_H

#include <glib.h>

struct host_vm {
	/* in */
	const char *bdf;	/* the GPU on the host */
	const char *device;	/* further properties of vfio-pci-nvgrace, or NULL */
	const char *initrd;	/* of the guest; NULL: the one that onlines the memory */
	const char *append;	/* further arguments for its kernel, or NULL */
	const char *const *more;	/* further arguments of QEMU's, before the GPU;
				 * NULL-terminated, or NULL */
	gboolean no_guest;	/* start QEMU stopped, without guest: for errors */
	/* out */
	int status;		/* exit status of QEMU, -1 when it was killed */
	gboolean guest_ok;	/* the guest's report ended with ok */
	GString *stderr_text;	/* what QEMU said */
};

/*
 * Run QEMU to its end, passing on the guest's report with the prefix "guest.".
 * FALSE if QEMU could not be started or had to be killed after its time (10
 * minutes; 20 s for one that is to refuse).
 */
gboolean host_vm_run(struct host_vm *vm);
void host_vm_clear(struct host_vm *vm);

#endif
