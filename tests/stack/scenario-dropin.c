/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GPUs on command lines that others write, for a GPU whose memory is in BARs of
 * the host's making: vfio-pci and vfio-pci-nohotplug, NUMA nodes without memory,
 * initiators and distances, a large window.  All of it holds for ours.
 *
 * What the emulated host cannot have is left out: arm-smmuv3 with accel=on, ats=on
 * and oas=48, for want of an SMMU that has them.  nvgrace-dropin-test has more of
 * these lines, without a kernel.
 */
#include <fcntl.h>
#include <unistd.h>

#include "gpu-sysfs.h"
#include "host-agent.h"
#include "agent.h"
#include "scenario-guests.h"
#include "vfio-client.h"

#define NODE(n) "-numa", "node,nodeid=" #n
#define DISTANCE(a, b, value) "-numa", "dist,src=" #a ",dst=" #b ",val=" #value

/* libvirt's, in JSON */
#define JSON_INITIATOR(n) \
	"-object", "{\"qom-type\":\"acpi-generic-initiator\",\"id\":\"gi" #n "\"," \
		   "\"pci-dev\":\"hostdev0\",\"node\":" #n "}"
#define JSON_CELLS \
	"-object", "{\"qom-type\":\"memory-backend-ram\",\"id\":\"ram-node0\",\"size\":2147483648}", \
	"-numa", "node,nodeid=0,cpus=0-1,memdev=ram-node0", \
	NODE(1), NODE(2), NODE(3), NODE(4), NODE(5), NODE(6), NODE(7), NODE(8), \
	JSON_INITIATOR(1), JSON_INITIATOR(2), JSON_INITIATOR(3), JSON_INITIATOR(4), \
	JSON_INITIATOR(5), JSON_INITIATOR(6), JSON_INITIATOR(7), JSON_INITIATOR(8)
#define JSON_PORT \
	"-device", "{\"driver\":\"pxb-pcie\",\"bus_nr\":64,\"id\":\"pci.1\",\"numa_node\":0," \
		   "\"bus\":\"pcie.0\",\"addr\":\"0x4\"}", \
	"-device", "{\"driver\":\"pcie-root-port\",\"port\":0,\"chassis\":2,\"id\":\"pci.2\"," \
		   "\"bus\":\"pci.1\",\"addr\":\"0x0\"}"

/* @1 is the host's gb200; distances that nobody types are bare metal's. */
static const char *const libvirt_args[] = {
	"-machine", "ras=on,highmem-mmio-size=549755813888", "-smp", "2,sockets=1,cores=2,threads=1",
	JSON_CELLS, JSON_PORT,
	"-device", "{\"driver\":\"vfio-pci\",\"host\":\"@1\",\"id\":\"hostdev0\",\"bus\":\"pci.2\","
		   "\"addr\":\"0x0\"}",
	NULL
};

/* In options; @0 is a gh200.  A guest with 16 nodes has four for each GPU at most. */
#define INITIATOR(n, device) \
	"-object", "acpi-generic-initiator,id=gi" #n ",pci-dev=" device ",node=" #n
#define FAR(n) \
	DISTANCE(0, n, 254), DISTANCE(n, 0, 254)
#define FAR_FROM(n, a, b, c, d, e, f, g) \
	DISTANCE(n, a, 254), DISTANCE(n, b, 254), DISTANCE(n, c, 254), DISTANCE(n, d, 254), \
	DISTANCE(n, e, 254), DISTANCE(n, f, 254), DISTANCE(n, g, 254)

static const char *const kata_args[] = {
	"-machine", "ras=on,highmem-mmio-size=4T", "-smp", "2,cores=2,threads=1,sockets=1,maxcpus=2",
	"-object", "memory-backend-ram,id=dimm1,size=2G",
	"-numa", "node,nodeid=0,cpus=0-1,memdev=dimm1",
	NODE(1), NODE(2), NODE(3), NODE(4), NODE(5), NODE(6), NODE(7), NODE(8),
	FAR(1), FAR(2), FAR(3), FAR(4), FAR(5), FAR(6), FAR(7), FAR(8),
	FAR_FROM(1, 2, 3, 4, 5, 6, 7, 8), FAR_FROM(2, 1, 3, 4, 5, 6, 7, 8),
	FAR_FROM(3, 1, 2, 4, 5, 6, 7, 8), FAR_FROM(4, 1, 2, 3, 5, 6, 7, 8),
	FAR_FROM(5, 1, 2, 3, 4, 6, 7, 8), FAR_FROM(6, 1, 2, 3, 4, 5, 7, 8),
	FAR_FROM(7, 1, 2, 3, 4, 5, 6, 8), FAR_FROM(8, 1, 2, 3, 4, 5, 6, 7),
	"-device", "pxb-pcie,id=pxb0,bus=pcie.0,bus_nr=32,numa_node=0",
	"-device", "pcie-root-port,id=rp0,bus=pxb0,chassis=1,slot=0",
	"-device", "vfio-pci-nohotplug,host=@0,id=vfio0,bus=rp0,rombar=0",
	"-device", "pxb-pcie,id=pxb1,bus=pcie.0,bus_nr=64,numa_node=0",
	"-device", "pcie-root-port,id=rp1,bus=pxb1,chassis=2,slot=1",
	"-device", "vfio-pci-nohotplug,host=@1,id=vfio1,bus=rp1,rombar=0",
	INITIATOR(1, "vfio0"), INITIATOR(2, "vfio0"), INITIATOR(3, "vfio0"), INITIATOR(4, "vfio0"),
	INITIATOR(5, "vfio1"), INITIATOR(6, "vfio1"), INITIATOR(7, "vfio1"), INITIATOR(8, "vfio1"),
	NULL
};

static const char *const libvirt_infos[] = { "described by ACPI, NUMA nodes 1 to 8", NULL };
static const char *const kata_infos[] = {
	"in BAR 4 and 2, NUMA nodes 1 to 4", "described by ACPI, NUMA nodes 5 to 8", NULL
};

static const struct host_vm lines[] = {
	{
		.name = "libvirt", .args = libvirt_args, .infos = libvirt_infos,
		.append = "nvgrace.path=PC40.RP00.GPU0 nvgrace.touch_mib=64",
	}, {
		.name = "kata", .args = kata_args, .infos = kata_infos,
		.append = "nvgrace.gpus=2 nvgrace.nodes=4,4 nvgrace.view=bar,acpi "
			  "nvgrace.path=PC20.RP00.GPU0,PC40.RP00.GPU0 nvgrace.distance=254 "
			  "nvgrace.touch_mib=64",
	},
};

/* The host has a gh200 and a gb200. */
void scenario_dropin(const char *bdf G_GNUC_UNUSED)
{
	g_auto(GStrv) gpus = gpu_list();
	gboolean ok = g_strv_length(gpus) == 2;

	report_check("gpus", ok, "%u GPUs, wanted 2", g_strv_length(gpus));
	if (!ok || !bind_gpu(gpus[0], EXPORTER) || !bind_gpu(gpus[1], EXPORTER))
		return;
	for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
		g_auto(GStrv) args = with_addresses(lines[i].args, (const char *const *)gpus);
		struct host_vm vm = lines[i];

		vm.args = (const char *const *)args;
		run_guest(&vm);
		host_vm_clear(&vm);
	}
}

/* libvirt 12 opens /dev/iommu and the device's file: there is no host=.  A gh200. */
void scenario_dropin_fd(const char *bdf)
{
	static const char *const infos[] = { "in BAR 4 and 2, NUMA nodes 1 to 8", NULL };
	g_autofree char *path = NULL;
	g_autofree char *iommufd = g_strdup_printf(
		"{\"qom-type\":\"iommufd\",\"id\":\"iommufd0\",\"fd\":\"%d\"}", HOST_VM_FD);
	g_autofree char *device = g_strdup_printf(
		"{\"driver\":\"vfio-pci\",\"iommufd\":\"iommufd0\",\"fd\":\"%d\",\"id\":\"hostdev0\","
		"\"bus\":\"pci.2\",\"addr\":\"0x0\"}", HOST_VM_FD + 1);
	const char *const args[] = {
		"-machine", "ras=on,highmem-mmio-size=549755813888", "-smp", "2",
		JSON_CELLS, JSON_PORT, "-object", iommufd, "-device", device, NULL
	};
	int fds[] = { -1, -1, -1 };
	struct host_vm vm = { .bdf = bdf, .name = "libvirt", .args = args, .fds = fds,
			      .infos = infos,
			      .append = "nvgrace.path=PC40.RP00.GPU0 nvgrace.view=bar "
					"nvgrace.touch_mib=64" };

	if (!bind_gpu(bdf, EXPORTER))
		return;
	path = vfio_client_cdev_path(bdf);
	fds[0] = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	fds[1] = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	report_check("libvirt-fds", fds[0] >= 0 && fds[1] >= 0, "/dev/iommu and %s",
		     path ?: "no file of the device");
	run_guest(&vm);
	host_vm_clear(&vm);
	for (guint i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}
