/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest on a host whose KVM does not know cacheable memory that is not RAM
 * (before 6.17): it maps usemem as Device memory.  QEMU must say so.  The guest
 * onlines the memory all the same, but unaligned accesses and atomics fault.
 */
#include <string.h>

#include "agent.h"
#include "host-agent.h"
#include "host-vm.h"
#include "kernel-log.h"
#include "scenario.h"

void scenario_old_kvm(const char *bdf)
{
	const char *const untold[] = { EXPORTER, "cannot tell of coherent memory that has failed", NULL };
	struct host_vm vm = { .bdf = bdf };
	g_autofree char *line = NULL;

	if (!bind_gpu(bdf, EXPORTER))
		return;
	/* once, at the first open */
	kernel_log_rewind();
	line = kernel_log_find(untold);
	report_check("poison-untold", line != NULL, "%s", line ?: "the log does not say so");
	host_vm_run(&vm);
	g_strdelimit(vm.stderr_text->str, "\n", ' ');
	report_check("old-kvm-warns",
		     strstr(vm.stderr_text->str, "as Device memory") &&
		     strstr(vm.stderr_text->str, "before Linux 6.17"),
		     "%s", vm.stderr_text->str);
	report_check("old-kvm-ends", vm.status == 0, "QEMU ended with status %d", vm.status);
	report_stage("old-kvm");
	host_vm_clear(&vm);
}
