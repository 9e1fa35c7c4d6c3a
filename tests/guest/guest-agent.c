/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Process 1 of the guest.  Command line:
 *
 *	nvgrace.limit_mib=N	online only N MiB of each GPU's memory (0: all of it)
 *	nvgrace.touch_mib=N	fill and verify N MiB of it (0: 256)
 *	nvgrace.page_kib=N	how large the kernel's pages must be (0: 4)
 *	nvgrace.gpus=N		how many GPUs there must be (0: 1)
 *	nvgrace.offline=1	unload the driver at the end: takes the memory away
 *	nvgrace.flr=1		reset each GPU while its memory is in use
 *	nvgrace.disk=1		virtio-blk I/O with buffers in the memory
 *	nvgrace.button=1	the machine has a power button: see ending.c
 *	nvgrace.poison=N	read the page at that offset, which has failed
 *	nvgrace.disks=SERIALS	the same, and more, with each of these disks
 *	nvgrace.virtio_blk=1	let the kernel look at virtio-blk disks, and no more
 *
 * and of each GPU, separated by commas, in the order of their addresses:
 *
 *	nvgrace.nodes=N		nodes it must have (8, as on bare metal)
 *	nvgrace.socket=N	the node it must be at (any that has CPUs)
 *	nvgrace.path=PATH	what its path in ACPI must end with (anything)
 *	nvgrace.distance=NUMBER	of each node of a GPU to all others, in place of bare metal's
 *	nvgrace.view=VIEW	"bar": its memory is in BARs; "acpi", the default: in none
 *
 * How it ends, the machine outside is asked: ending.c.
 */
#include "agent.h"
#include "guest.h"

static const struct {
	const char *name;
	gboolean (*run)(struct guest *guest);
	gboolean (*run_each)(struct gpu *gpu, const struct guest *guest);
	unsigned int seconds;
} steps[] = {
	{ "system", step_system, NULL, 60 },
	{ "gpus", step_gpus, NULL, 30 },
	{ "firmware", NULL, step_firmware, 30 },
	{ "driver", step_driver, NULL, 300 },
	{ "online", NULL, step_online, 30 },
	{ "nodes", step_nodes, NULL, 30 },
	{ "topology", NULL, step_topology, 30 },
	{ "poison", NULL, step_poison, 120 },
	{ "memory", NULL, step_memory, 300 },
	{ "resmem", NULL, step_resmem, 60 },
	{ "copy", NULL, step_copy, 120 },
	{ "flr", NULL, step_flr, 120 },
	{ "disk", NULL, step_disk, 120 },
	{ "offline", step_offline, NULL, 300 },
};

static guint number(const char *name, guint fallback)
{
	g_autofree char *text = agent_cmdline(name);
	guint64 value = 0;

	gboolean hex = text && g_str_has_prefix(text, "0x");

	if (text && !g_ascii_string_to_unsigned(text + 2 * hex, hex ? 16 : 10, 0, G_MAXUINT, &value,
						NULL))
		report_check("command-line", FALSE, "%s=%s: give a number", name, text);
	return value ?: fallback;
}

/* What NAME= says of the GPU of that number, or NULL; caller frees. */
static char *of_gpu(const char *name, guint gpu)
{
	g_autofree char *text = agent_cmdline(name);
	g_auto(GStrv) words = g_strsplit(text ?: "", ",", -1);

	return gpu < g_strv_length(words) && *words[gpu] ? g_strdup(words[gpu]) : NULL;
}

static void read_command_line(struct guest *guest)
{
	guint count = number("nvgrace.gpus", 1);

	guest->limit_mib = number("nvgrace.limit_mib", 0);
	guest->touch_mib = number("nvgrace.touch_mib", 256);
	guest->page_kib = number("nvgrace.page_kib", 4);
	guest->offline = number("nvgrace.offline", 0);
	guest->flr = number("nvgrace.flr", 0);
	guest->disk = number("nvgrace.disk", 0);
	guest->button = number("nvgrace.button", 0);
	guest->poison = number("nvgrace.poison", 0);
	guest->gpus = g_array_new(FALSE, TRUE, sizeof(struct gpu));
	for (guint i = 0; i < count; i++) {
		g_autofree char *nodes = of_gpu("nvgrace.nodes", i);
		g_autofree char *socket = of_gpu("nvgrace.socket", i);
		g_autofree char *view = of_gpu("nvgrace.view", i);
		struct gpu gpu = {
			.node_count = nodes ? g_ascii_strtoull(nodes, NULL, 10) :
				      NVGRACE_GUEST_MAX_NODES,
			.socket = socket ? g_ascii_strtoll(socket, NULL, 10) : -1,
			.path = of_gpu("nvgrace.path", i),
			.in_bars = g_strcmp0(view, "bar") == 0,
			.fd = -1,
		};

		g_array_append_val(guest->gpus, gpu);
	}
}

static gboolean run_each(gsize step, struct guest *guest)
{
	gboolean go_on = TRUE;
	guint i = 0;

	FOR_EACH_GPU(guest, gpu) {
		g_autofree char *scope = i ? g_strdup_printf("gpu%u.", i) : NULL;

		report_scope(scope);
		go_on = steps[step].run_each(gpu, guest) && go_on;
		report_scope(NULL);
		i++;
	}
	return go_on;
}

int main(void)
{
	struct guest guest = { 0 };
	gsize i;

	agent_boot();
	report_open("org.nvgrace.report");
	report_stage("boot");
	read_command_line(&guest);

	for (i = 0; i < G_N_ELEMENTS(steps); i++) {
		gboolean go_on;

		agent_watchdog(steps[i].name, steps[i].seconds);
		go_on = steps[i].run ? steps[i].run(&guest) : run_each(i, &guest);
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
	agent_watchdog("ending", 120);
	guest_end(&guest);
}
