/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an operator has: a shell, the project's page on libvirt, a guest that talks. */
#ifndef TESTS_LIBVIRT_OPERATOR_H
#define TESTS_LIBVIRT_OPERATOR_H

#include <glib.h>

/* shell.c */

/* Run a line of shell; what it prints on either stream, without the last newline, and
 * its status.  It is killed, which is a status, too, when it takes minutes. */
char *shell(int *status, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* A line that must succeed: a check. */
gboolean must(const char *check, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* A line that must fail and print each of the words: a check. */
gboolean must_fail(const char *check, const char *const *words, const char *format, ...)
	G_GNUC_PRINTF(3, 4);
/* The first line of what a line of shell prints: empty if it fails. */
char *answer(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* page.c */

/*
 * The domain of that name on the page, with what the tests' guest needs to boot and to
 * report, which a disk and its operating system have otherwise.  @append: for its
 * kernel's command line.
 */
char *page_domain(const char *name, const char *append);
/* ... in a file, with one piece of its text replaced (NULL: none): path of the file. */
char *page_domain_file(const char *name, const char *append, const char *piece,
		       const char *by);

/* guest.c */

struct guest_line;
/* Connect to the running domain's report port, NULL if it has none. */
struct guest_line *guest_connect(const char *domain);
/* Pass on what the guest reports, names begin with @prefix, until it has ended. */
gboolean guest_listen(struct guest_line *line, const char *prefix, guint seconds);
void guest_hang_up(struct guest_line *line);

/* the scenarios */

void operate_domain(void);
void operate_nodes(void);
void operate_bad_input(void);

#endif
