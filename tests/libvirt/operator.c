/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The operator of the emulated host: types what docs/libvirt.md says, and sees
 * whether it comes out as the page says.  A service of systemd starts it.
 *
 * nvgrace.scenario=NAMES on the kernel command line: which of the scenarios below, in
 * that order, with + in between.  The report is that of tests/agent/agent.h.
 */
#include <string.h>
#include <sys/utsname.h>

#include "agent.h"
#include "operator.h"

static const struct {
	const char *name;
	void (*run)(void);
} scenarios[] = {
	{ "domain", operate_domain },
	{ "nodes", operate_nodes },
	{ "bad-input", operate_bad_input },
};

/* What a QEMU of libvirt's is confined by is there. */
static gboolean describe(void)
{
	g_autofree char *version = answer("virsh version --daemon | grep 'against daemon'");
	g_autofree char *profile = answer("grep '^libvirtd ' /sys/kernel/security/apparmor/profiles");
	g_autofree char *cgroup = answer("stat -f -c %%T /sys/fs/cgroup");
	struct utsname uts;

	uname(&uts);
	report_fact("kernel", "%s", uts.release);
	report_fact("libvirt", "%s", version);
	report_check("libvirt", *version != '\0', "%s", version);
	report_check("apparmor", strstr(profile, "(enforce)") != NULL, "%s", profile);
	report_check("cgroup2", !strcmp(cgroup, "cgroup2fs"), "%s", cgroup);
	report_stage("libvirt");
	return *version;
}

static void check_kernel_log(void)
{
	int status;
	g_autofree char *bad = shell(&status, "dmesg | grep -E 'WARNING:|BUG:|Oops|Unable to handle|"
				     "Internal error|blocked for more than'");

	report_check("host-kernel-log", status == 1, "%s", bad);
	if (status == 0)
		report_text("kernel-log", bad);
}

int main(void)
{
	g_autofree char *text = agent_cmdline("nvgrace.scenario");
	g_auto(GStrv) wanted = g_strsplit(text ?: "", "+", -1);
	gboolean ready;

	report_open("org.nvgrace.report");
	report_stage("boot");
	ready = describe();
	for (guint i = 0; ready && wanted[i]; i++) {
		gsize s = 0;

		while (s < G_N_ELEMENTS(scenarios) && strcmp(wanted[i], scenarios[s].name))
			s++;
		report_check("scenario", s < G_N_ELEMENTS(scenarios), "%s", wanted[i]);
		if (s < G_N_ELEMENTS(scenarios))
			scenarios[s].run();
		report_stage(wanted[i]);
	}
	check_kernel_log();
	agent_finish();
}
