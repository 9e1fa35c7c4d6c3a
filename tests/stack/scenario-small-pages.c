/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Huge pages that are off by prctl(): the kernel then maps usemem by small pages,
 * and QEMU says so, and how to have it otherwise.  What sysfs says matters to none
 * of the kernels here, and QEMU must have nothing to say of it.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "agent.h"
#include "host-agent.h"
#include "host-vm.h"

#define ENABLED "/sys/kernel/mm/transparent_hugepage/enabled"
#define SAID "maps coherent GPU memory by pages of 4 KiB, not of 2048 KiB"

static gboolean enable(const char *value)
{
	int fd = open(ENABLED, O_WRONLY | O_CLOEXEC);
	gboolean ok = fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* QEMU ends by itself when it has set up the machine.  @remedy: NULL: no word of it. */
static void check(const char *name, const char *bdf, const char *enabled, gboolean disable,
		  const char *remedy)
{
	struct host_vm vm = { .bdf = bdf, .no_guest = TRUE,
			      .machine = "virt,gic-version=3,ras=on,dumpdtb=/tmp/dtb" };
	g_autofree char *test = g_strdup_printf("small-pages-%s", name);
	gboolean set = enable(enabled) && !prctl(PR_SET_THP_DISABLE, disable, 0, 0, 0);
	gboolean ended, ok;

	/* it goes on to those that this process starts */
	ended = host_vm_run(&vm) && vm.status == 0;
	prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
	ok = remedy ? strstr(vm.stderr_text->str, SAID) && strstr(vm.stderr_text->str, remedy) :
	     !strstr(vm.stderr_text->str, "transparent huge pages");
	g_strdelimit(vm.stderr_text->str, "\n", ' ');
	report_check(test, set && ended && ok, "%s%s: QEMU ended with status %d: %s",
		     set ? "" : "cannot be set, ", enabled, vm.status, vm.stderr_text->str);
	host_vm_clear(&vm);
}

void scenario_small_pages(const char *bdf)
{
	if (!bind_gpu(bdf, EXPORTER))
		return;
	check("madvise", bdf, "madvise", FALSE, NULL);
	check("never", bdf, "never", FALSE, NULL);
	check("prctl", bdf, "always", TRUE, "prctl(PR_SET_THP_DISABLE)");
	check("always", bdf, "always", FALSE, NULL);
	report_stage("small-pages");
}
