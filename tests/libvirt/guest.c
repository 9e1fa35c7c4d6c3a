/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report of a guest, from its virtio port, which libvirt has made a socket. */
#include <errno.h>
#include <glob.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent.h"
#include "operator.h"

/* libvirt's path has the domain's number and name */
#define SOCKETS "/run/libvirt/qemu/channel/*-%s/org.nvgrace.report"

struct guest_line {
	int fd;
	GString *rest;	/* what has come of the next line */
};

struct guest_line *guest_connect(const char *domain)
{
	g_autofree char *pattern = g_strdup_printf(SOCKETS, domain);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct guest_line *line;
	glob_t found = { 0 };
	int fd = -1;

	if (glob(pattern, 0, NULL, &found) == 0 && found.gl_pathc == 1) {
		g_strlcpy(address.sun_path, found.gl_pathv[0], sizeof(address.sun_path));
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	}
	globfree(&found);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		report_check("guest-port", FALSE, "%s: %s", pattern, g_strerror(errno));
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	line = g_new0(struct guest_line, 1);
	line->fd = fd;
	line->rest = g_string_new(NULL);
	return line;
}

void guest_hang_up(struct guest_line *line)
{
	if (!line)
		return;
	close(line->fd);
	g_string_free(line->rest, TRUE);
	g_free(line);
}

/* The next one, without its newline; NULL if none comes in time. */
static char *next(struct guest_line *line, gint64 deadline)
{
	char *newline;

	while (!(newline = strchr(line->rest->str, '\n'))) {
		gint64 left = (deadline - g_get_monotonic_time()) / 1000;
		struct pollfd pfd = { .fd = line->fd, .events = POLLIN };
		char piece[4096];
		ssize_t len;

		if (left <= 0 || poll(&pfd, 1, left) < 0)
			return NULL;
		len = pfd.revents ? read(line->fd, piece, sizeof(piece)) : 0;
		if (pfd.revents && len <= 0)
			return NULL;
		g_string_append_len(line->rest, piece, len);
	}
	*newline = '\0';
	newline = g_strdup(line->rest->str);
	g_string_erase(line->rest, 0, strlen(newline) + 1);
	return newline;
}

gboolean guest_listen(struct guest_line *line, const char *prefix, guint seconds)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)seconds * G_USEC_PER_SEC;
	g_autofree char *end = g_strdup_printf("%s.end", prefix);
	char *text;

	while (line && (text = next(line, deadline))) {
		g_autofree char *own = text;
		g_auto(GStrv) words = g_strsplit(text, " ", 3);
		g_autofree char *passed = NULL;

		if (g_strv_length(words) < 2)
			continue;
		if (!strcmp(words[0], "ask")) {
			/* what comes next, virsh does */
			if (send(line->fd, "wait\n", 5, MSG_NOSIGNAL) != 5)
				break;
			continue;
		}
		if (!strcmp(words[0], "end")) {
			report_check(end, !strcmp(words[1], "ok"), "%s", text);
			return !strcmp(words[1], "ok");
		}
		passed = g_strdup_printf("%s %s.%s %s", words[0], prefix, words[1], words[2] ?: "");
		report_line(passed);
	}
	report_check(end, FALSE, "the guest has not reported its end in %u s", seconds);
	return FALSE;
}
