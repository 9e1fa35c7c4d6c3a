/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Process 1 of the emulated Grace host: gives the GPU to the exporter and starts
 * a guest with it, as an operator of a real machine would.
 *
 * What to do comes from the kernel command line:
 *
 *	nvgrace.scenario=NAMES	which of the scenarios at the end of this file, in
 *				that order: names with + in between
 *	nvgrace.device=PROPS	properties added to -device vfio-pci-nvgrace
 *	nvgrace.guest_ram=SIZE	the guest's RAM, as for -m
 *	nvgrace.memory=SIZE	the GPU's coherent memory, and its model: what the
 *	nvgrace.model=MODEL	... exporter must find out for itself
 *	nvgrace.open=cdev	our VFIO client opens devices by their own files, with
 *				iommufd, not by group
 *	nvgrace.endings=LIST	of the boots of scenario "lives", instead of all
 *	nvgrace.* anything else	passed on to the guest's command line
 *
 * What came of it goes out as a report (tests/agent/agent.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "agent.h"
#include "gpu-sysfs.h"
#include "host-agent.h"
#include "host-vm.h"
#include "vfio-client.h"

/* Linux on the emulated Grace host, as far as the tests depend on it. */
static void describe_host(void)
{
	struct utsname uts;
	g_autofree char *memory = NULL;

	uname(&uts);
	report_fact("kernel", "%s", uts.release);
	if (g_file_get_contents("/proc/meminfo", &memory, NULL, NULL)) {
		g_auto(GStrv) lines = g_strsplit(memory, "\n", 2);

		report_fact("memory", "%s", lines[0]);
	}
	report_check("kvm", access("/dev/kvm", R_OK | W_OK) == 0,
		     "/dev/kvm is there: the host kernel runs at EL2");
}

static const char *const vfio_modules[] = {
	"vfio", "vfio_iommu_type1", "vfio-pci", EXPORTER_MODULE, NULL
};

static gboolean load_vfio(void)
{
	gboolean ok = agent_load_modules(vfio_modules) &&
		      agent_wait_path("/dev/vfio/vfio", 5000);

	report_check("modules", ok, "VFIO and the exporter are loaded");
	report_stage("modules");
	return ok;
}

/* The GPU's ACPI companion, and its IOMMU group: what passthrough stands on. */
static gboolean describe_gpu(const char *bdf)
{
	g_autofree char *path = gpu_attribute(bdf, "firmware_node/path");
	g_autofree char *group = gpu_link(bdf, "iommu_group");
	g_autofree char *node = gpu_attribute(bdf, "numa_node");

	/* 6.12 has no group for what no driver has been bound to */
	if (bdf && !group && gpu_bind(bdf, "vfio-pci"))
		group = gpu_link(bdf, "iommu_group");

	report_check("gpu", bdf != NULL, "%s", bdf ?: "no NVIDIA 3D controller");
	report_check("gpu-acpi", path != NULL, "companion %s", path ?: "missing");
	report_check("gpu-iommu", group != NULL, "IOMMU group %s", group ?: "missing");
	report_fact("gpu-node", "%s", node ?: "?");
	return bdf && path && group;
}

gboolean bind_gpu(const char *bdf, const char *driver)
{
	gboolean ok = gpu_bind(bdf, driver);
	g_autofree char *now = gpu_link(bdf, "driver");

	report_check("bind", ok, "%s is bound to %s", bdf, now ?: "no driver");
	report_stage("bind");
	return ok;
}

/* The kernel's own verdict: anything that it would print with a back trace. */
static void check_kernel_log(void)
{
	static const char *const bad[] = {
		"WARNING:", "BUG:", "Oops", "Unable to handle", "Internal error",
		"blocked for more than", "self-detected stall", "detected stalls on",
	};
	char line[8192];
	ssize_t len;
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	guint found = 0, lost = 0;

	if (fd < 0) {
		report_check("host-kernel-log", FALSE, "/dev/kmsg: %s", g_strerror(errno));
		return;
	}
	while ((len = read(fd, line, sizeof(line) - 1)) > 0 || (len < 0 && errno == EPIPE)) {
		if (len < 0) {
			lost++;
			continue;
		}
		line[len] = '\0';
		for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
			if (strstr(line, bad[i])) {
				found++;
				report_text("kernel-log", line);
				break;
			}
		}
	}
	close(fd);
	report_check("host-kernel-log", found == 0 && lost == 0,
		     "%u warnings or worse, lines were lost %u times", found, lost);
}

/*
 * A QEMU that must refuse to start: it ends by itself, orderly, with an error
 * that has all of the words, and leaves the device free for the next one.
 */
static void expect_refusal(const char *check, const char *bdf, const char *props,
			   const char *const *words)
{
	struct host_vm vm = { .bdf = bdf, .device = props, .no_guest = TRUE };
	gboolean ok = host_vm_run(&vm) && vm.status == 1;

	for (guint i = 0; ok && words[i]; i++)
		ok = strstr(vm.stderr_text->str, words[i]) != NULL;
	g_strchomp(vm.stderr_text->str);
	g_strdelimit(vm.stderr_text->str, "\n", ' ');
	report_check(check, ok, "%s", vm.stderr_text->str);
	host_vm_clear(&vm);
}

/* With memory locked, QEMU says how much it may lock, and how much it must. */
#define LIMIT_KIB (8ull << 20)
#define MEMLOCK "RLIMIT_MEMLOCK is 8388608 KiB, and "

static void check_memlock(const char *bdf)
{
	static const char *const lock[] = { "-overcommit", "mem-lock=on-fault", NULL };
	struct host_vm vm = { .bdf = bdf, .no_guest = TRUE, .more = lock,
			      .machine = "virt,gic-version=3,ras=on,dumpdtb=/tmp/dtb",
			      .memlock = LIMIT_KIB * 1024 };
	gboolean refused = host_vm_run(&vm) && vm.status == 1;
	const char *said = strstr(vm.stderr_text->str, MEMLOCK);
	guint64 needed = said ? g_ascii_strtoull(said + strlen(MEMLOCK), NULL, 10) : 0;
	gboolean remedy = strstr(vm.stderr_text->str, "raise it by ulimit -l, or leave -overcommit") != NULL;

	report_check("refuse-memlock", refused && needed > LIMIT_KIB && remedy, "%s",
		     g_strdelimit(vm.stderr_text->str, "\n", ' '));
	host_vm_clear(&vm);

	vm.memlock = needed * 1024;
	report_check("memlock-as-told", needed && host_vm_run(&vm) && vm.status == 0,
		     "with %" G_GUINT64_FORMAT " KiB QEMU ended with status %d", needed, vm.status);
	if (needed)
		host_vm_clear(&vm);
}

static void scenario_errors(const char *bdf)
{
	static const char *const wrong_driver[] = {
		"it is bound to 'vfio-pci', not to '" EXPORTER "'",
		"modprobe " EXPORTER_MODULE, "driver_override", NULL
	};
	static const char *const no_mmap[] = {
		"x-no-mmap=on leaves no way", "Leave x-no-mmap= out", NULL
	};

	if (!bind_gpu(bdf, "vfio-pci"))
		return;
	expect_refusal("refuse-wrong-driver", bdf, NULL, wrong_driver);
	if (!bind_gpu(bdf, EXPORTER))
		return;
	expect_refusal("refuse-no-mmap", bdf, "x-no-mmap=on", no_mmap);
	check_memlock(bdf);
	report_stage("errors");
}

static const struct {
	const char *name;
	void (*run)(const char *bdf);
} scenarios[] = {
	{ "guest", scenario_guest },
	{ "guests", scenario_guests },
	{ "guest-poison", scenario_guest_poison },
	{ "guest-poison-ends", scenario_guest_poison_ends },
	{ "lives", scenario_lives },
	{ "guest-iommufd", scenario_guest_iommufd },
	{ "guests-iommufd", scenario_guests_iommufd },
	{ "dropin", scenario_dropin },
	{ "dropin-fd", scenario_dropin_fd },
	{ "mixture", scenario_mixture },
	{ "disks", scenario_disks },
	{ "disks-iommufd", scenario_disks_iommufd },
	{ "errors", scenario_errors },
	{ "regions", scenario_regions },
	{ "parallel", scenario_parallel },
	{ "reset", scenario_reset },
	{ "d3cold", scenario_d3cold },
	{ "sleep", scenario_sleep },
	{ "scrub", scenario_scrub },
	{ "capability", scenario_capability },
	{ "lifetime", scenario_lifetime },
	{ "leaves", scenario_leaves },
	{ "random", scenario_random },
	{ "firmware", scenario_firmware },
	{ "poison", scenario_poison },
	{ "recovery", scenario_recovery },
	{ "dmabuf", scenario_dmabuf },
	{ "iommufd", scenario_iommufd },
	{ "selftests", scenario_selftests },
	{ "old-kvm", scenario_old_kvm },
	{ "machines", scenario_machines },
	{ "small-pages", scenario_small_pages },
	{ "nested", scenario_nested },
};

/* Their names; of none, the list is empty. */
static GStrv wanted_scenarios(void)
{
	g_autofree char *text = agent_cmdline("nvgrace.scenario");

	return g_strsplit(text ?: "", "+", -1);
}

static void run_scenario(const char *name, const char *bdf)
{
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(scenarios); i++)
		if (strcmp(name, scenarios[i].name) == 0)
			break;
	report_check("scenario", i < G_N_ELEMENTS(scenarios), "%s", name);
	if (i < G_N_ELEMENTS(scenarios))
		scenarios[i].run(bdf);
}

int main(void)
{
	g_autofree char *open = NULL;
	g_auto(GStrv) wanted = NULL;
	g_autofree char *bdf = NULL;

	agent_boot();
	report_open("org.nvgrace.report");
	report_stage("boot");

	describe_host();
	bdf = gpu_find();
	wanted = wanted_scenarios();
	open = agent_cmdline("nvgrace.open");
	if (open && strcmp(open, "cdev") == 0)
		vfio_client_set_opener(vfio_client_open_cdev);
	if (load_vfio() && describe_gpu(bdf)) {
		for (guint i = 0; wanted[i]; i++)
			run_scenario(wanted[i], bdf);
	}
	check_kernel_log();
	agent_finish();
}
