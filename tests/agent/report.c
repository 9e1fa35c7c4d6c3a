/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The report: lines over a virtio-serial port.  The protocol is in agent.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"

#define PORTS_DIR "/sys/class/virtio-ports"
/* How long the port may take to appear */
#define PORT_TIMEOUT_MS 5000
/* How long nobody may read it */
#define WRITE_TIMEOUT_MS 10000
/* Bytes of a blob in a line, before base64: a multiple of 3 */
#define BLOB_LINE 570

/* Protects what is below, and keeps lines whole */
static GMutex lock;
static int port = -1;
static gboolean failed;
static gboolean ended;
/* The port's name, a constant */
static const char *port_name;
/* What all names begin with, or NULL */
static char *scope;

static gint64 now_ms(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (gint64)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* FALSE when the port takes nothing for too long. */
static gboolean port_write(const char *data, gsize len)
{
	gint64 deadline = now_ms(CLOCK_MONOTONIC) + WRITE_TIMEOUT_MS;

	while (len) {
		struct pollfd pfd = { .fd = port, .events = POLLOUT };
		ssize_t ret = write(port, data, len);

		if (ret > 0) {
			data += ret;
			len -= ret;
			continue;
		}
		if (ret < 0 && errno != EAGAIN && errno != EINTR)
			return FALSE;
		if (now_ms(CLOCK_MONOTONIC) > deadline)
			return FALSE;
		/* A port nobody has opened outside polls as hung up: no hurry */
		poll(&pfd, 1, 100);
		if (pfd.revents & POLLHUP)
			g_usleep(10000);
	}
	return TRUE;
}

void report_line(const char *line)
{
	g_autofree char *one = g_strconcat(line, "\n", NULL);
	char *c;

	/* A line is a line, whatever is in it */
	for (c = one; c[1]; c++) {
		if (g_ascii_iscntrl(*c))
			*c = ' ';
	}

	g_mutex_lock(&lock);
	if (ended) {
		/* The watchdog was faster than this thread */
		g_mutex_unlock(&lock);
		return;
	}
	ended = g_str_has_prefix(line, "end ");
	if (port >= 0 && !port_write(one, strlen(one))) {
		close(port);
		port = -1;
	}
	if (port < 0)
		g_printerr("REPORT %s", one);
	g_mutex_unlock(&lock);
}

static void report(const char *format, ...) G_GNUC_PRINTF(1, 2);
static void report(const char *format, ...)
{
	g_autofree char *line = NULL;
	va_list args;

	va_start(args, format);
	line = g_strdup_vprintf(format, args);
	va_end(args);
	report_line(line);
}

/* Path of the port's device node, or NULL if there is none yet. */
static char *find_port(const char *wanted)
{
	g_autoptr(GDir) dir = g_dir_open(PORTS_DIR, 0, NULL);
	const char *entry;

	while (dir && (entry = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(PORTS_DIR, entry, "name", NULL);
		g_autofree char *name = NULL;

		if (g_file_get_contents(path, &name, NULL, NULL) &&
		    !strcmp(g_strchomp(name), wanted))
			return g_build_filename("/dev", entry, NULL);
	}
	return NULL;
}

void report_open(const char *name)
{
	gint64 deadline = now_ms(CLOCK_MONOTONIC) + PORT_TIMEOUT_MS;

	port_name = name;
	for (;;) {
		g_autofree char *path = find_port(name);

		if (path)
			port = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (port >= 0)
			return;
		if (now_ms(CLOCK_MONOTONIC) > deadline)
			break;
		g_usleep(20000);
	}
	report_fact("report-port", "no virtio-serial port named %s after %d ms: this is the console",
		    name, PORT_TIMEOUT_MS);
}

/* The port's virtio device, or NULL: caller frees. */
static char *port_device(void)
{
	g_autofree char *node = port_name ? find_port(port_name) : NULL;
	g_autofree char *entry = node ? g_path_get_basename(node) : NULL;
	g_autofree char *link = g_build_filename(PORTS_DIR, entry ?: "", "device", NULL);
	g_autofree char *target = entry ? g_file_read_link(link, NULL) : NULL;

	return target ? g_path_get_basename(target) : NULL;
}

static void tell_driver(const char *file, const char *device)
{
	g_autofree char *path = g_build_filename("/sys/bus/virtio/drivers/virtio_console", file,
						 NULL);
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, device, strlen(device)) < 0)
		g_printerr("%s: %s\n", path, g_strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* Protected by the caller's being the only one who reports meanwhile */
static char *paused;

void report_pause(void)
{
	g_mutex_lock(&lock);
	paused = port_device();
	if (port >= 0)
		close(port);
	port = -1;
	g_mutex_unlock(&lock);
	if (paused)
		tell_driver("unbind", paused);
}

void report_resume(void)
{
	if (!paused)
		return;
	tell_driver("bind", paused);
	g_clear_pointer(&paused, g_free);
	report_open(port_name);
}

void report_scope(const char *prefix)
{
	g_mutex_lock(&lock);
	g_free(scope);
	scope = g_strdup(prefix);
	g_mutex_unlock(&lock);
}

static char *scoped(const char *name)
{
	char *full;

	g_mutex_lock(&lock);
	full = g_strconcat(scope ?: "", name, NULL);
	g_mutex_unlock(&lock);
	return full;
}

char *report_ask(const char *what, unsigned int ms)
{
	gint64 deadline = now_ms(CLOCK_MONOTONIC) + ms;
	g_autoptr(GString) answer = g_string_new(NULL);
	g_autofree char *line = g_strdup_printf("ask %s", what);
	char c;

	report_line(line);
	while (port >= 0 && now_ms(CLOCK_MONOTONIC) < deadline) {
		struct pollfd pfd = { .fd = port, .events = POLLIN };

		if (read(port, &c, 1) != 1)
			poll(&pfd, 1, 100);
		else if (c == '\n')
			return g_strdup(answer->str);
		else
			g_string_append_c(answer, c);
	}
	return NULL;
}

void report_stage(const char *name)
{
	g_autofree char *full = scoped(name);

	report("stage %s %" G_GINT64_FORMAT, full, now_ms(CLOCK_BOOTTIME));
}

void report_check(const char *name, gboolean ok, const char *format, ...)
{
	g_autofree char *full = scoped(name);
	g_autofree char *detail = NULL;
	va_list args;

	va_start(args, format);
	detail = g_strdup_vprintf(format, args);
	va_end(args);

	if (!ok) {
		g_mutex_lock(&lock);
		failed = TRUE;
		g_mutex_unlock(&lock);
	}
	report("check %s %s %s", full, ok ? "ok" : "FAIL", detail);
}

void report_fact(const char *key, const char *format, ...)
{
	g_autofree char *full = scoped(key);
	g_autofree char *value = NULL;
	va_list args;

	va_start(args, format);
	value = g_strdup_vprintf(format, args);
	va_end(args);
	report("fact %s %s", full, value);
}

void report_text(const char *name, const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	g_autofree char *full = scoped(name);
	unsigned int count = g_strv_length(lines);
	unsigned int i;

	/* What follows the last newline is a line only if there is something */
	if (count && !*lines[count - 1])
		count--;
	for (i = 0; i < count; i++)
		report("text %s %s", full, lines[i]);
}

void report_blob(const char *name, const void *data, gsize len)
{
	g_autofree char *full = scoped(name);
	gsize done, piece;

	for (done = 0; done < len; done += piece) {
		g_autofree char *text = NULL;

		piece = MIN(len - done, BLOB_LINE);
		text = g_base64_encode((const guchar *)data + done, piece);
		report("blob %s %s", full, text);
	}
}

gboolean report_ok(void)
{
	gboolean ok;

	g_mutex_lock(&lock);
	ok = !failed;
	g_mutex_unlock(&lock);
	return ok;
}
