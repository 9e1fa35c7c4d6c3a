/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "verdict.h"

static const struct stack_run *run;
static const char *directory;	/* of all tests' names */

/* What the host reports whenever our client has opened a device by its own file. */
static const char *const cdev_checks[] = { "open-cdev", NULL };

static void test_ended(gconstpointer unused G_GNUC_UNUSED)
{
	g_assert_true(run->ended);
}

static void test_check(gconstpointer name)
{
	const struct stack_check *check = stack_find(run, name);

	if (!check) {
		g_test_message("the host did not report it; its console is %s", run->log);
		g_test_fail();
		return;
	}
	g_test_message("%s", check->detail);
	if (!check->ok)
		g_test_fail();
}

/* Known not to work: if it did, documents and warnings would be wrong. */
static void test_fails(gconstpointer opaque)
{
	const struct scenario *scenario = opaque;
	const struct stack_check *check = stack_find(run, scenario->fails);

	g_assert_nonnull(check);
	g_test_message("%s", check->detail);
	g_assert_false(check->ok);
	g_assert_nonnull(strstr(check->detail, scenario->fails_with));
}

static void test_nothing_else_failed(gconstpointer opaque)
{
	const struct scenario *scenario = opaque;

	for (guint i = 0; i < run->checks->len; i++) {
		const struct stack_check *check = run->checks->pdata[i];

		if (!check->ok && g_strcmp0(check->name, scenario->fails) != 0) {
			g_test_message("%s: %s", check->name, check->detail);
			g_test_fail();
		}
	}
	for (guint i = 0; i < run->stages->len; i++) {
		const struct stack_stage *stage = run->stages->pdata[i];

		g_test_message("%7u ms: %s", stage->ms, stage->name);
	}
	g_test_message("console of %s: %s", scenario->options.name, run->log);
}

static void test_peak(gconstpointer opaque)
{
	const struct scenario *scenario = opaque;

	g_test_message("%ld MiB resident, at most %u MiB are right", run->peak_kib / 1024,
		       scenario->peak_mib);
	g_assert_cmpint(run->peak_kib / 1024, <=, scenario->peak_mib);
}

static void add_test(const char *name, gconstpointer data, GTestDataFunc function)
{
	g_autofree char *path = g_strconcat(directory, name, NULL);

	g_test_add_data_func(path, data, function);
}

/* One for each check of the list, which lives as long as the program. */
static void add_tests(const char *prefix, const char *const *checks)
{
	for (; checks && *checks; checks++) {
		const char *name = g_strconcat(prefix, *checks, NULL);

		add_test(name, name, test_check);
	}
}

/* For the figures at the end of make check. */
static void save_figures(const char *name)
{
	g_autofree char *path = g_strdup_printf("%s/%s-test.figures", g_getenv("NVGRACE_LOGS"),
						name);
	g_autofree char *text = g_strdup_printf("%s %.0f %.1f\n", name, run->seconds,
						run->peak_kib / 1024.0 / 1024.0);

	g_file_set_contents(path, text, -1, NULL);
}

int verdict(const struct scenario *scenario, gboolean by_cdev)
{
	struct stack_options options = scenario->options;
	g_autofree char *name = NULL, *append = NULL;
	int status;

	if (by_cdev) {
		name = g_strconcat("cdev-", options.name, NULL);
		append = g_strjoin(" ", "nvgrace.open=cdev", scenario->cdev_append ?: "",
				   options.append ?: "", NULL);
		options.name = name;
		options.append = append;
	}
	directory = by_cdev ? "/stack/cdev/" : "/stack/";
	run = stack_run(&options, NULL, NULL);
	save_figures(options.name);

	add_test("report-ended", NULL, test_ended);
	for (gsize l = 0; scenario->expected[l]; l++)
		add_tests("", scenario->expected[l]);
	add_tests("", by_cdev ? scenario->by_cdev : scenario->by_group);
	add_tests("", by_cdev ? cdev_checks : NULL);
	for (gsize l = 0; scenario->guests[l].prefix; l++)
		add_tests(scenario->guests[l].prefix, scenario->guests[l].checks);
	if (scenario->fails) {
		g_autofree char *fails = g_strconcat(scenario->fails, "-fails", NULL);

		add_test(fails, scenario, test_fails);
	}
	add_test("nothing-else-failed", scenario, test_nothing_else_failed);
	if (scenario->peak_mib)
		add_test("peak", scenario, test_peak);
	status = g_test_run();
	stack_run_free((struct stack_run *)run);
	return status;
}
