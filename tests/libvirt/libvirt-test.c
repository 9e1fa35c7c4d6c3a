/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libvirt-test SCENARIO: an operator's host, emulated, with libvirt; one of the
 * scenarios below.  What the operator there must report is here.
 */
#include <stdio.h>
#include <string.h>

#include "verdict.h"

/* The host's own driver puts the GPUs' memory online when udev loads it: as memory that can
 * be taken away again, as NVIDIA asks for on such hosts, too. */
#define APPEND \
	"systemd.wants=nvgrace-operator.service systemd.firstboot=off systemd.show_status=off " \
	"memhp_default_state=online_movable"

/* 0000:02:00.0 and 0000:02:00.1 are in one IOMMU group */
static const char *const second_gpu[] = { "model=gh200,multifunction=on", NULL };
static const char *const second_function[] = {
	"-device", "virtio-rng-pci,bus=gpu-port2,addr=0.1", NULL
};

static const char *const host_checks[] = {
	"libvirt", "apparmor", "cgroup2", "scenario", "host-kernel-log", NULL
};

static const char *const domain_checks[] = {
	"page", "host-driver", "before", "define", "start", "managed", "user", "label", "memlock",
	"device-cgroup", "second-define", "second-refused", "second-undefine", "first-runs",
	"dump", "dump-size", "dump-remove", "reboot", "reset", "log-info", "log-untainted",
	"log-quiet", "destroy", "given-back", "undefine", "host-driver-leaves",
	NULL
};

static const char *const nodes_checks[] = {
	"page", "detach", "nodes-define", "nodes-start", "nodes-destroy", "unmanaged",
	"nodes-undefine", "reattach", NULL
};

static const char *const bad_input_checks[] = {
	"half-written", "no-address", "no-nodeset", "nothing-defined",
	"shared-group", "shared-group-unchanged", "not-grace", "not-grace-unchanged",
	"no-such-driver", "no-such-driver-unchanged", "cpu-node", "cpu-node-unchanged",
	"many-cells-file", "many-cells", "many-cells-unchanged",
	"vfio-pci-start", "vfio-pci-warning", "vfio-pci-end",
	"busy-detach", "busy-hold", "busy", "busy-unchanged", "busy-let-go", "busy-reattach",
	NULL
};

/* Of these, the guest of the stack's tests has more. */
static const char *const guest_checks[] = {
	"gpu", "initiator-nodes", "gpu-acpi-path", "driver", "usemem-size", "online-size",
	"place", "gpu-nodes", "gpu-nodes-online", "gpu-nodes-memory", "distance", "fill-verify",
	"pages-node", "engine-to-cpu", "cpu-to-engine", "dma-memory", "interrupts",
	"kernel-log", "end",
	NULL
};

static const struct scenario scenarios[] = {
	{
		.options = { .name = "domain", .scenario = "domain", .model = "gb200",
			     .memory = "2G", .more_gpus = second_gpu, .more = second_function,
			     .host_ram = "6G", .system = TRUE, .append = APPEND, .seconds = 2400 },
		.expected = { host_checks, domain_checks },
		.guests = {
			{ "first.", guest_checks }, { "reboot.", guest_checks },
			{ "reset.", guest_checks },
		},
	}, {
		.options = { .name = "nodes", .scenario = "nodes+bad-input", .model = "gb200",
			     .memory = "2G", .more_gpus = second_gpu, .more = second_function,
			     .host_ram = "6G", .system = TRUE, .append = APPEND, .seconds = 2400 },
		.expected = { host_checks, nodes_checks, bad_input_checks },
		.guests = { { "nodes.", guest_checks } },
	},
};

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (gsize i = 0; argc == 2 && i < G_N_ELEMENTS(scenarios); i++) {
		struct scenario scenario = scenarios[i];
		g_autofree char *name = g_strconcat("libvirt-", scenario.options.name, NULL);

		if (strcmp(argv[1], scenario.options.name))
			continue;
		scenario.options.name = name;
		return verdict(&scenario, FALSE);
	}
	fprintf(stderr, "Usage: libvirt-test SCENARIO\nScenarios:");
	for (gsize i = 0; i < G_N_ELEMENTS(scenarios); i++)
		fprintf(stderr, " %s", scenarios[i].options.name);
	fprintf(stderr, "\n");
	return 2;
}
