/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "agent.h"
#include "confinement.h"
#include "operator.h"

void check_confinement(const char *domain)
{
	static const char *const words[] = { "Operation not permitted", NULL };
	g_autofree char *pid = answer("cat /run/libvirt/qemu/%s.pid", domain);
	g_autofree char *user = answer("ps -o user= -p %s", pid);
	g_autofree char *label = answer("cat /proc/%s/attr/current", pid);
	g_autofree char *memlock = answer("awk '/Max locked memory/ { print $4 }' /proc/%s/limits", pid);
	g_autofree char *caps = answer("awk '/CapEff/ { print $2 }' /proc/%s/status", pid);
	g_autofree char *cgroup = answer("cut -d: -f3 /proc/%s/cgroup | sed 's,/emulator$,,'", pid);

	report_check("user", g_str_has_prefix(user, "libvirt"), "QEMU runs as %s", user);
	report_check("label", g_str_has_prefix(label, "libvirt-") && strstr(label, "(enforce)") != NULL,
		     "%s", label);
	report_check("memlock", g_ascii_strtoull(memlock, NULL, 10) > 0 &&
		     strtoull(caps, NULL, 16) == 0,
		     "QEMU may lock %s bytes; its capabilities are %s", memlock, caps);
	/* A process in QEMU's place may not even read what root can */
	must_fail("device-cgroup", words, "sh -c 'echo $$ >\"/sys/fs/cgroup%s/cgroup.procs\" && "
		  "head -c 1 /dev/vda | wc -c'; head -c 1 /dev/vda >/dev/null || exit 125; exit 1",
		  cgroup);
}
