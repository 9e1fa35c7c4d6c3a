/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an operator gets wrong: each time an error says which argument it is, and the
 * host is as it was.
 */
#include <string.h>

#include "agent.h"
#include "confinement.h"
#include "operator.h"

#define SOURCE "<address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>"
#define SHARED_SOURCE "<address domain='0x0000' bus='0x02' slot='0x00' function='0x0'/>"
#define NO_GPU_SOURCE "<address domain='0x0000' bus='0x02' slot='0x00' function='0x1'/>"
#define MODEL(model) "<driver name='vfio' model='" model "'/>"
/* As the page has them; what is not there is a failed check. */
#define HOSTDEV "managed='yes'>\n      <source>\n        "
#define WITH_MODEL(model) "managed='yes'>" MODEL(model) "<source>"
#define NODES "<acpi nodeset='1-8'/>"
#define CELL "<cell id='%u' memory='0' unit='KiB'/>"
#define LAST_CELL_ID 8
#define LAST_CELL "<cell id='8' memory='0' unit='KiB'/>"
#define MANAGED "managed='yes'"

/* Everything that a start of a domain could leave behind. */
static char *host_state(void)
{
	int status;

	return shell(&status, "for d in " GPU " " SHARED_GPU " " NO_GPU "; do "
		     "readlink /sys/bus/pci/devices/$d/driver; "
		     "cat /sys/bus/pci/devices/$d/driver_override; done; virsh list --all --name; "
		     "ls /run/libvirt/qemu /etc/apparmor.d/libvirt | grep -v '^libvirt-.*files'; "
		     "pgrep -a qemu-system");
}

/* Define the domain of that file: its start must fail. */
static void refuse(const char *check, const char *name, const char *xml, const char *const *words)
{
	g_autofree char *before = host_state(), *after = NULL, *unchanged = NULL;
	int status;

	g_free(shell(&status, "virsh define %s", xml));
	if (must_fail(check, words, "virsh start %s", name) == FALSE)
		g_free(shell(&status, "tail -n 30 /var/log/libvirt/qemu/%s.log; dmesg | tail -n 20", name));
	g_free(shell(&status, "virsh destroy %s; virsh undefine --nvram %s", name, name));
	after = host_state();
	unchanged = g_strconcat(check, "-unchanged", NULL);
	report_check(unchanged, !strcmp(before, after), "before: %s; after: %s", before, after);
}

/* The page's domain, with one piece of it replaced. */
static void refuse_start(const char *check, const char *name, const char *piece, const char *by,
			 const char *const *words)
{
	g_autofree char *xml = page_domain_file(name, "", piece, by);

	refuse(check, name, xml, words);
}

/* QEMU has 128 nodes.  With all of these, seven are left, and no initiator names any. */
static void refuse_cells(void)
{
	static const char *const words[] = {
		"needs as many consecutive NUMA nodes", "of the 128 that QEMU can have",
		"Declare fewer NUMA nodes", NULL
	};
	g_autoptr(GString) cells = g_string_new(LAST_CELL);
	g_autofree char *xml = NULL;

	for (guint i = LAST_CELL_ID + 1; i < 121; i++)
		g_string_append_printf(cells, CELL, i);
	xml = page_domain_file("gpu-nodes", "", LAST_CELL, cells->str);
	must("many-cells-file", "sed -i '/<acpi nodeset=/d' %s", xml);
	refuse("many-cells", "gpu-nodes", xml, words);
}

static void refuse_definitions(void)
{
	static const char *const half[] = { "error: (domain_definition)", NULL };
	static const char *const no_address[] = { "address", NULL };
	static const char *const no_set[] = { "nodeset", NULL };
	g_autofree char *xml = page_domain_file("gpu", "", NULL, NULL), *other = NULL;

	must_fail("half-written", half, "head -c 600 %s >/tmp/half.xml; virsh define /tmp/half.xml", xml);
	g_free(xml);
	xml = page_domain_file("gpu", "", SOURCE, "");
	must_fail("no-address", no_address, "virsh define %s", xml);
	other = page_domain_file("gpu-nodes", "", "nodeset='1-8'", "nodeset='eight'");
	must_fail("no-nodeset", no_set, "virsh define %s", other);
	must("nothing-defined", "test -z \"$(virsh list --all --name)\"");
}

/* vfio-pci keeps the GPU's memory to itself: the domain starts, and its log says so. */
static void warn_of_vfio_pci(void)
{
	g_autofree char *xml = page_domain_file("gpu", "", HOSTDEV, WITH_MODEL("vfio-pci"));
	g_autofree char *warning = NULL;

	must("vfio-pci-start", "virsh define %s && virsh start gpu", xml);
	warning = answer("grep 'warning:.*this Grace GPU is bound to' /var/log/libvirt/qemu/gpu.log");
	report_check("vfio-pci-warning", strstr(warning, "model='" EXPORTER "'") != NULL, "%s",
		     warning);
	must("vfio-pci-end", "virsh destroy gpu && virsh undefine --nvram gpu");
}

/* Somebody else has the GPU open. */
static void refuse_busy(void)
{
	static const char *const words[] = { "/dev/vfio/", "Device or resource busy", NULL };

	must("busy-detach", "virsh nodedev-detach " NODE_GPU " --driver " EXPORTER);
	must("busy-hold", "group=$(basename $(readlink /sys/bus/pci/devices/" GPU "/iommu_group)); "
	     "systemd-run -q --unit=holder sh -c \"exec 3<>/dev/vfio/$group; exec sleep 1000\"; "
	     "until ls -l /proc/$(systemctl show -P MainPID holder)/fd | grep -q /dev/vfio/; "
	     "do sleep 0.2; done");
	refuse_start("busy", "gpu", MANAGED, "managed='no'", words);
	must("busy-let-go", "systemctl stop holder");
	must("busy-reattach", "virsh nodedev-reattach " NODE_GPU);
}

void operate_bad_input(void)
{
	static const char *const group[] = { "not viable", "Please ensure all devices", NULL };
	static const char *const no_grace[] = { NO_GPU, EXPORTER, NULL };
	static const char *const no_driver[] = { "nvgrace_region", NULL };
	static const char *const cpus[] = {
		"names NUMA node 0 for this GPU", "leave them out", NULL
	};

	must("bad-input-ready", "modprobe nvgrace-region-vfio-pci");
	refuse_definitions();
	refuse_start("shared-group", "gpu", SOURCE, SHARED_SOURCE, group);
	refuse_start("not-grace", "gpu", HOSTDEV SOURCE, WITH_MODEL(EXPORTER) NO_GPU_SOURCE, no_grace);
	refuse_start("no-such-driver", "gpu", HOSTDEV, WITH_MODEL("nvgrace_region"), no_driver);
	refuse_start("cpu-node", "gpu-nodes", NODES, "<acpi nodeset='0'/>", cpus);
	refuse_cells();
	warn_of_vfio_pci();
	refuse_busy();
}
