/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest's process reads a page of GPU memory that has failed.  The emulated
 * GPU's firmware puts the error on record, as that of a real machine does, KVM
 * takes the abort, the host's kernel tells QEMU by SIGBUS, and QEMU tells the
 * guest, if that has ras=on.  If not, QEMU ends, and says what has failed.
 */
#include <string.h>

#include "agent.h"
#include "host-agent.h"
#include "host-vm.h"
#include "kernel-log.h"
#include "scenario.h"

/* As in x-poison=, a page of usemem */
#define BAD 0x8001000

#define APPEND "nvgrace.touch_mib=64 nvgrace.poison=" G_STRINGIFY(BAD)

/* The host's kernel has the error on record. */
static void check_host(void)
{
	static const char *const words[] = { "Memory failure: 0x", NULL };
	g_autofree char *line = kernel_log_find(words);

	report_check("poison-host", line != NULL, "%s", line ?: "nothing in the host's log");
}

void scenario_guest_poison(const char *bdf)
{
	struct host_vm vm = { .bdf = bdf, .append = APPEND };

	if (!bind_gpu(bdf, EXPORTER))
		return;
	kernel_log_mark();
	run_guest(&vm);
	host_vm_clear(&vm);
	check_host();
}

void scenario_guest_poison_ends(const char *bdf)
{
	struct host_vm vm = { .bdf = bdf, .append = APPEND, .device = "id=gpu7",
			      .machine = "virt,gic-version=3" };
	const char *said, *base;
	guint64 address;

	if (!bind_gpu(bdf, EXPORTER))
		return;
	kernel_log_mark();
	host_vm_run(&vm);
	said = vm.stderr_text->str;
	base = g_hash_table_lookup(vm.facts, "coherent-base");
	address = (base ? g_ascii_strtoull(base, NULL, 16) : 0) + BAD;
	{
		g_autofree char *words = g_strdup_printf(
			"Hardware memory error at guest physical address 0x%" G_GINT64_MODIFIER
			"x: offset 0x%x of 'usemem' of /machine/peripheral/gpu7/memory", address, BAD);

		report_check("poison-warns", strstr(said, "will end QEMU") &&
			     strstr(said, "with -machine virt,ras=on the guest is told"),
			     "wanted: a warning that names ras=on");
		report_check("poison-last-words", base && strstr(said, words) &&
			     g_str_has_suffix(said, "with -machine virt,ras=on.\n"),
			     "wanted: %s", words);
	}
	report_check("poison-ends", vm.status == 1, "QEMU ended with status %d", vm.status);
	report_text("qemu-said", said);
	host_vm_clear(&vm);
	check_host();
}
