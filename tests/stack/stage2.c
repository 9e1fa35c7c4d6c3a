/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stage2.h"

#define TRACING "/sys/kernel/tracing"
#define TRACEPOINT TRACING "/events/kvm/kvm_guest_fault/id"

struct stage2_counter {
	GArray *fds;	/* of int, one for each CPU */
};

static gboolean tracepoint(guint64 *id)
{
	g_autofree char *text = NULL;

	if (!g_file_test(TRACEPOINT, G_FILE_TEST_EXISTS) &&
	    mount("tracefs", TRACING, "tracefs", 0, NULL))
		return FALSE;
	if (!g_file_get_contents(TRACEPOINT, &text, NULL, NULL)) {
		errno = ENOENT;
		return FALSE;
	}
	*id = g_ascii_strtoull(text, NULL, 10);
	return TRUE;
}

static void drop(struct stage2_counter *counter)
{
	for (guint i = 0; i < counter->fds->len; i++)
		close(g_array_index(counter->fds, int, i));
	g_array_unref(counter->fds);
	g_free(counter);
}

struct stage2_counter *stage2_count(guint64 from, guint64 to)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr) };
	g_autofree char *filter = g_strdup_printf("ipa >= 0x%" G_GINT64_MODIFIER "x && ipa < 0x%"
						  G_GINT64_MODIFIER "x", from, to);
	struct stage2_counter *counter;
	guint64 id;

	if (!tracepoint(&id))
		return NULL;
	attr.config = id;
	counter = g_new0(struct stage2_counter, 1);
	counter->fds = g_array_new(FALSE, FALSE, sizeof(int));
	for (long cpu = 0; cpu < sysconf(_SC_NPROCESSORS_ONLN); cpu++) {
		int fd = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

		if (fd >= 0)
			g_array_append_val(counter->fds, fd);
		if (fd < 0 || ioctl(fd, PERF_EVENT_IOC_SET_FILTER, filter)) {
			int error = errno;

			drop(counter);
			errno = error;
			return NULL;
		}
	}
	return counter;
}

gint64 stage2_end(struct stage2_counter *counter)
{
	gint64 sum = 0;

	for (guint i = 0; i < counter->fds->len; i++) {
		guint64 value;

		if (read(g_array_index(counter->fds, int, i), &value, sizeof(value)) ==
		    sizeof(value) && sum >= 0)
			sum += value;
		else
			sum = -1;
	}
	drop(counter);
	return sum;
}
