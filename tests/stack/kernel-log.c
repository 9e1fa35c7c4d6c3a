/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "kernel-log.h"

static int fd = -1;

static void open_log(int whence)
{
	if (fd >= 0)
		close(fd);
	fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	lseek(fd, 0, whence);
}

void kernel_log_mark(void)
{
	open_log(SEEK_END);
}

void kernel_log_rewind(void)
{
	open_log(SEEK_SET);
}

char *kernel_log_find(const char *const *words)
{
	char record[8192];
	ssize_t length;

	/* a record for each read; EPIPE: some have been overwritten */
	while ((length = read(fd, record, sizeof(record) - 1)) > 0 ||
	       (length < 0 && errno == EPIPE)) {
		const char *text;
		guint found = 0;

		if (length < 0)
			continue;
		record[length] = '\0';
		text = strchr(record, ';');
		if (!text)
			continue;
		while (words[found] && strstr(text, words[found]))
			found++;
		if (found && !words[found])
			return g_strndup(text + 1, strcspn(text + 1, "\n"));
	}
	return NULL;
}
