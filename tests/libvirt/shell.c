/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "agent.h"
#include "operator.h"

/* No command takes as long, as slow as the emulated host may be. */
#define LIMIT_S "600"

static char *run(int *status, const char *line)
{
	g_autofree char *merged = g_strdup_printf("exec 2>&1; %s", line);
	const char *args[] = { "timeout", "-k", "5", LIMIT_S, "/bin/sh", "-c", merged, NULL };
	g_autoptr(GError) error = NULL;
	gint64 start = g_get_monotonic_time();
	char *text = NULL;
	int wait_status;

	printf("$ %s\n", line);
	fflush(stdout);
	if (!g_spawn_sync(NULL, (char **)args, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &text, NULL,
			  &wait_status, &error)) {
		*status = 127;
		return g_strdup(error->message);
	}
	*status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128;
	g_strchomp(text);
	printf("%s%s[%d, %.1f s]\n", text, *text ? "\n" : "", *status,
	       (g_get_monotonic_time() - start) / (double)G_USEC_PER_SEC);
	fflush(stdout);
	return text;
}

char *shell(int *status, const char *format, ...)
{
	g_autofree char *line = NULL;
	va_list args;

	va_start(args, format);
	line = g_strdup_vprintf(format, args);
	va_end(args);
	return run(status, line);
}

gboolean must(const char *check, const char *format, ...)
{
	g_autofree char *line = NULL, *text = NULL;
	va_list args;
	int status;

	va_start(args, format);
	line = g_strdup_vprintf(format, args);
	va_end(args);
	text = run(&status, line);
	report_check(check, status == 0, "%s: %s", line, text);
	return status == 0;
}

gboolean must_fail(const char *check, const char *const *words, const char *format, ...)
{
	g_autofree char *line = NULL, *text = NULL, *flat = NULL;
	g_auto(GStrv) parts = NULL;
	gboolean ok;
	va_list args;
	int status;

	va_start(args, format);
	line = g_strdup_vprintf(format, args);
	va_end(args);
	text = run(&status, line);
	parts = g_strsplit(text, "\n", -1);
	flat = g_strjoinv(" ", parts);
	/* a shell that cannot run it, or a signal, is no refusal */
	ok = status > 0 && status < 124;
	for (guint i = 0; words[i]; i++)
		ok = ok && strstr(flat, words[i]);
	report_check(check, ok, "%s: %s", line, flat);
	return ok;
}

char *answer(const char *format, ...)
{
	g_autofree char *line = NULL;
	char *text;
	va_list args;
	int status;

	va_start(args, format);
	line = g_strdup_vprintf(format, args);
	va_end(args);
	text = run(&status, line);
	if (status)
		*text = '\0';
	text[strcspn(text, "\n")] = '\0';
	return text;
}
