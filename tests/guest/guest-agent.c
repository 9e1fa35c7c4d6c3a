/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Process 1 of the guest.  Command line:
 *
 *	nvgrace.limit_mib=N	online only N MiB of coherent memory (0: all of it)
 *	nvgrace.touch_mib=N	fill and verify N MiB of it (0: 256)
 *	nvgrace.nodes=N		nodes the GPU must have (0: 8, as on bare metal)
 *	nvgrace.offline=1	unload the driver at the end: takes the memory away
 */
#include "agent.h"
#include "guest.h"

static const struct {
	const char *name;
	gboolean (*run)(struct guest *guest);
	unsigned int seconds;
} steps[] = {
	{ "system", step_system, 60 },
	{ "firmware", step_firmware, 30 },
	{ "online", step_online, 300 },
	{ "topology", step_topology, 30 },
	{ "memory", step_memory, 300 },
	{ "resmem", step_resmem, 60 },
	{ "copy", step_copy, 120 },
	{ "offline", step_offline, 300 },
};

static guint number(const char *name, guint fallback)
{
	g_autofree char *text = agent_cmdline(name);
	guint64 value = 0;

	if (text && !g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT, &value, NULL))
		report_check("command-line", FALSE, "%s=%s: give a number", name, text);
	return value ?: fallback;
}

int main(void)
{
	struct guest guest = { .fd = -1 };
	gsize i;

	agent_boot();
	report_open("org.nvgrace.report");
	report_stage("boot");

	guest.limit_mib = number("nvgrace.limit_mib", 0);
	guest.touch_mib = number("nvgrace.touch_mib", 256);
	guest.node_count = number("nvgrace.nodes", NVGRACE_GUEST_MAX_NODES);

	guest.offline = number("nvgrace.offline", 0);

	for (i = 0; i < G_N_ELEMENTS(steps); i++) {
		gboolean go_on;

		agent_watchdog(steps[i].name, steps[i].seconds);
		go_on = steps[i].run(&guest);
		report_stage(steps[i].name);
		if (!go_on) {
			report_check("steps", FALSE, "%s failed: nothing after it was run",
				     steps[i].name);
			break;
		}
	}

	/* Last in any case: it says why something failed */
	agent_watchdog("kernel log", 30);
	step_kernel_log(&guest);
	agent_finish();
}
