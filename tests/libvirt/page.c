/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The domains of docs/libvirt.md, as somebody would copy them from there.
 *
 * Those of the page boot a disk.  What the tests add is a kernel with an initial RAM
 * file system in its place, the report's port, and a console that ends in a file.
 */
#include <string.h>

#include "agent.h"
#include "operator.h"

#define PAGE "/usr/share/nvgrace/libvirt.md"
#define OPENING "```xml\n"
#define CLOSING "```\n"

#define BOOT \
	"<kernel>/var/lib/libvirt/boot/Image</kernel>" \
	"<initrd>/var/lib/libvirt/boot/guest.cpio</initrd>" \
	"<cmdline>console=ttyAMA0 loglevel=4 panic=-1 nowatchdog " \
	"rcupdate.rcu_cpu_stall_suppress=1 %s</cmdline></os>"
#define PORT \
	"<channel type='unix'><source mode='bind'/>" \
	"<target type='virtio' name='org.nvgrace.report'/></channel></devices>"
#define CONSOLE "<console type='pty'/>"
#define CONSOLE_FILE \
	"<console type='file'><source path='/var/log/libvirt/qemu/%s.console'/></console>"

static char *replace(const char *text, const char *piece, const char *by)
{
	g_auto(GStrv) parts = g_strsplit(text, piece, 2);

	/* a test must not go on with a page that has changed under it */
	report_check("page", g_strv_length(parts) == 2, "%s is on the page", piece);
	return g_strjoinv(by, parts);
}

/* As it is on the page; NULL if it is not there. */
static char *find(const char *name)
{
	g_autofree char *wanted = g_strdup_printf("<name>%s</name>", name);
	g_autofree char *page = NULL;
	const char *at;

	if (!g_file_get_contents(PAGE, &page, NULL, NULL))
		return NULL;
	for (at = strstr(page, OPENING); at; at = strstr(at, OPENING)) {
		const char *begin = at + strlen(OPENING);
		const char *end = strstr(begin, CLOSING);
		g_autofree char *block = end ? g_strndup(begin, end - begin) : NULL;

		if (block && strstr(block, wanted))
			return g_steal_pointer(&block);
		at = begin;
	}
	return NULL;
}

char *page_domain(const char *name, const char *append)
{
	g_autofree char *boot = g_strdup_printf(BOOT, append);
	g_autofree char *console = g_strdup_printf(CONSOLE_FILE, name);
	g_autofree char *plain = find(name), *bootable = NULL, *reporting = NULL;

	report_check("page", plain != NULL, "domain %s is on the page", name);
	if (!plain)
		return NULL;
	bootable = replace(plain, "</os>", boot);
	reporting = replace(bootable, "</devices>", PORT);
	return replace(reporting, CONSOLE, console);
}

char *page_domain_file(const char *name, const char *append, const char *piece, const char *by)
{
	g_autofree char *text = page_domain(name, append);
	char *path = g_strdup_printf("/tmp/%s.xml", name);

	if (text && piece) {
		char *changed = replace(text, piece, by);

		g_free(text);
		text = changed;
	}
	if (!g_file_set_contents(path, text ?: "", -1, NULL))
		report_check("page", FALSE, "cannot write %s", path);
	return path;
}
