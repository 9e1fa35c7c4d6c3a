/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A domain with a GPU as an ordinary <hostdev managed='yes'>, from its definition
 * to its end.  The host's own driver has the GPU before and after.
 */
#include <string.h>

#include "agent.h"
#include "operator.h"
#include "confinement.h"

#define NAME "gpu"
#define BOOT_S 900

/* Which driver the GPU has, "none" without one. */
static gboolean driver_is(const char *check, const char *driver)
{
	g_autofree char *now = answer("basename $(readlink /sys/bus/pci/devices/" GPU "/driver || echo none)");

	report_check(check, !strcmp(now, driver), GPU " is bound to %s", now);
	return !strcmp(now, driver);
}

/* The log of the domain, which libvirt keeps for QEMU. */
static void check_log(const char *name)
{
	g_autofree char *info = answer("grep 'coherent memory of a Grace GPU' /var/log/libvirt/qemu/%s.log | "
				       "tail -n 1", name);
	g_autofree char *taint = answer("grep -h tainted /var/log/libvirt/qemu/%s.log", name);
	g_autofree char *warning = answer("grep -h 'qemu.*: warning:' /var/log/libvirt/qemu/%s.log", name);

	report_check("log-info", *info != '\0', "%s", info);
	report_check("log-untainted", !*taint, "%s", taint);
	report_check("log-quiet", !*warning, "%s", warning);
}

/* A dump is as large as the guest's RAM: the GPU's memory is not in it. */
static void check_dump(void)
{
	g_autofree char *size = NULL;
	guint64 mib;

	must("dump", "virsh dump --memory-only " NAME " /var/lib/libvirt/qemu/dump/" NAME);
	size = answer("stat -c %%s /var/lib/libvirt/qemu/dump/" NAME);
	mib = g_ascii_strtoull(size, NULL, 10) >> 20;
	report_check("dump-size", mib >= GUEST_RAM_MIB && mib < GUEST_RAM_MIB + 256,
		     "%" G_GUINT64_FORMAT " MiB, of a guest with %u MiB of RAM", mib, GUEST_RAM_MIB);
	must("dump-remove", "rm /var/lib/libvirt/qemu/dump/" NAME);
}

static void check_second_domain(void)
{
	static const char *const words[] = { GPU, "in use by", "domain " NAME, NULL };
	g_autofree char *second = page_domain_file(NAME, "", "<name>" NAME "</name>",
						   "<name>second</name>");

	must("second-define", "virsh define %s", second);
	must_fail("second-refused", words, "virsh start second");
	must("second-undefine", "virsh undefine --nvram second");
	must("first-runs", "virsh domstate " NAME " | grep -x running");
}

void operate_domain(void)
{
	g_autofree char *xml = page_domain_file(NAME, GUEST_OPTIONS, NULL, NULL);
	struct guest_line *line;

	/* Drivers take what there is for them when they are loaded: the host's own is first,
	 * and memory of the GPU is memory of the host. */
	must("host-driver", "modprobe nvgrace-guest && modprobe nvgrace-region-vfio-pci");
	driver_is("before", HOST_DRIVER);
	if (!must("define", "virsh define %s", xml) || !must("start", "virsh start " NAME)) {
		shell(&(int){ 0 }, "tail -n 40 /var/log/libvirt/qemu/" NAME ".log; dmesg | tail -n 30");
		return;
	}
	driver_is("managed", EXPORTER);
	line = guest_connect(NAME);
	check_confinement(NAME);
	guest_listen(line, "first", BOOT_S);
	report_stage("first");

	check_second_domain();
	check_dump();
	report_stage("dump");

	/* the guest's button, then libvirt starts it again */
	must("reboot", "virsh reboot " NAME);
	guest_listen(line, "reboot", BOOT_S);
	report_stage("reboot");
	must("reset", "virsh reset " NAME);
	guest_listen(line, "reset", BOOT_S);
	report_stage("reset");
	guest_hang_up(line);

	check_log(NAME);
	must("destroy", "virsh destroy " NAME);
	driver_is("given-back", HOST_DRIVER);
	must("undefine", "virsh undefine --nvram " NAME " && test -z \"$(virsh list --all --name)\"");
	must("host-driver-leaves", "rmmod nvgrace-guest");
}
