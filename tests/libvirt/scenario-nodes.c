/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The domain that KubeVirt and OpenNebula write: cells without memory, initiators,
 * distances, the GPU behind an expander bridge.  The operator gives it the GPU by hand.
 */
#include <string.h>

#include "agent.h"
#include "confinement.h"
#include "operator.h"

#define NAME "gpu-nodes"

void operate_nodes(void)
{
	g_autofree char *xml = page_domain_file(NAME, GUEST_OPTIONS " nvgrace.distance=254", NULL, NULL);
	g_autofree char *driver = NULL;
	struct guest_line *line;

	must("detach", "modprobe nvgrace-region-vfio-pci && "
	     "virsh nodedev-detach " NODE_GPU " --driver " EXPORTER);
	if (!must("nodes-define", "virsh define %s", xml) || !must("nodes-start", "virsh start " NAME)) {
		shell(&(int){ 0 }, "tail -n 40 /var/log/libvirt/qemu/" NAME ".log; dmesg | tail -n 30");
		return;
	}
	line = guest_connect(NAME);
	guest_listen(line, "nodes", 900);
	guest_hang_up(line);
	must("nodes-destroy", "virsh destroy " NAME);
	driver = answer("basename $(readlink /sys/bus/pci/devices/" GPU "/driver || echo none)");
	report_check("unmanaged", !strcmp(driver, EXPORTER), GPU " is bound to %s", driver);
	must("nodes-undefine", "virsh undefine --nvram " NAME);
	must("reattach", "virsh nodedev-reattach " NODE_GPU);
}
