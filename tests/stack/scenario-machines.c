/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machines that people have, on KVM: QEMU asks for enough address bits, with
 * no flag.  The GPUs are emulated ones, in this host's QEMU: those have sizes that
 * no machine that runs tests has, and KVM maps them all the same.
 */
#include <glib.h>

#include "agent.h"
#include "host-agent.h"

static const struct machine {
	const char *type;
	guint gpus;
	guint gpu_gib;
	guint ram_gib;
} machines[] = {
	{ "virt", 1, 279, 4 },
	{ "virt", 2, 186, 900 },
	{ "virt", 4, 186, 400 },
	{ "virt", 8, 279, 900 },
	{ "virt-9.2", 4, 279, 400 },
};

static void add(GPtrArray *args, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void add(GPtrArray *args, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	g_ptr_array_add(args, g_strdup_vprintf(format, values));
	va_end(values);
}

/* QEMU ends when all devices exist and its device tree is written. */
static GPtrArray *arguments(const struct machine *m)
{
	GPtrArray *args = g_ptr_array_new_with_free_func(g_free);

	add(args, "/bin/qemu-system-aarch64");
	add(args, "-nodefaults");
	add(args, "-display");
	add(args, "none");
	add(args, "-accel");
	add(args, "kvm");
	add(args, "-cpu");
	add(args, "host");
	add(args, "-machine");
	add(args, "%s,gic-version=3,memory-backend=ram,dumpdtb=/tmp/machine.dtb", m->type);
	add(args, "-m");
	add(args, "%uG", m->ram_gib);
	add(args, "-object");
	add(args, "memory-backend-ram,id=ram,size=%uG,reserve=off", m->ram_gib);
	for (guint i = 0; i < m->gpus; i++) {
		add(args, "-device");
		add(args, "pcie-root-port,id=rp%u,chassis=%u", i, i);
		add(args, "-object");
		add(args, "memory-backend-ram,id=hbm%u,size=%uG,reserve=off", i, m->gpu_gib);
		add(args, "-device");
		add(args, "nvgrace-gpu,model=gb200,bus=rp%u,memdev=hbm%u,pxm-count=1", i, i);
	}
	g_ptr_array_add(args, NULL);
	return args;
}

static void run_machine(const struct machine *m)
{
	g_autoptr(GPtrArray) args = arguments(m);
	g_autofree char *said = NULL, *name = NULL;
	g_autoptr(GError) error = NULL;
	int status = -1;
	gboolean ran = g_spawn_sync(NULL, (char **)args->pdata, NULL, G_SPAWN_DEFAULT, NULL,
				    NULL, NULL, &said, &status, &error) &&
		       g_spawn_check_wait_status(status, &error);

	if (said)
		g_strdelimit(said, "\n", ' ');
	name = g_strdup_printf("machine-%s-%ux%u-%u", m->type, m->gpus, m->gpu_gib, m->ram_gib);
	report_check(name, ran, "%s %s", error ? error->message : "starts", said ?: "");
}

void scenario_machines(const char *bdf G_GNUC_UNUSED)
{
	for (gsize i = 0; i < G_N_ELEMENTS(machines); i++)
		run_machine(&machines[i]);
	report_stage("machines");
}
